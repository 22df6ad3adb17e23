//! Takes records out of the rings and into one file, and accounts for each.
//!
//! | file | job |
//! |---|---|
//! | [`keeping`] | all of it, started and ended together |
//! | [`drain`] | out of the rings |
//! | [`buffers`] | the memory of lines on their way |
//! | [`writer`] | into the output, also when that has trouble |
//! | [`output`] | the output: a file, a pipe |
//! | [`progress`] | how far records were written, for the next daemon |
//! | [`aside`] | records that belong to no verified order |
//! | [`set_aside_reason`] | why they do not |
//! | [`books`] | what became of every record |
//! | [`health`] | whether records are kept; if not, the lease is not renewed |

pub mod aside;
pub mod books;
pub mod buffers;
pub mod drain;
pub mod health;
pub mod keeping;
pub mod output;
pub mod progress;
pub mod set_aside_reason;
pub mod writer;
