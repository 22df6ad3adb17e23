//! Files that are there after a crash: all of the old one or all of the new one, and never a part.
//!
//! | file | job |
//! |---|---|
//! | [`disk`] | the port to the disk in its smallest steps, and the disks of this machine |
//! | [`replace`] | their order: write, sync, rename, sync the folder |
//! | [`output`] | files that a command leaves for people, by that order |
//! | `reserved` | a file that takes no space to write, rewritten in place |
//! | [`lock`] | that a directory has one writer, and nobody else can write there |

pub mod disk;
pub mod lock;
pub mod output;
pub mod replace;

pub(crate) mod reserved;
