//! Records out of the rings, into one file, each accounted for.
//!
//! | file | job |
//! |---|---|
//! | [`keeping`] | all of it, started and ended together |
//! | [`drain`] | out of the rings |
//! | [`writer`] | into the output, whatever becomes of it |
//! | [`output`] | the output: a file, a pipe |
//! | [`progress`] | how far records were written, for the daemon after |
//! | [`aside`] | records that it cannot have selected by that |
//! | [`books`] | what became of every record |
//! | [`health`] | whether records are kept; without that the lease is not renewed |

pub mod aside;
pub mod books;
pub mod drain;
pub mod health;
pub mod keeping;
pub mod output;
pub mod progress;
pub mod writer;
