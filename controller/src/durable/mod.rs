//! Files that survive a crash: afterwards there is all of the old file or all of the new one, never a part.
//!
//! | file | job |
//! |---|---|
//! | [`disk`] | the port to the disk, in small steps, and the disks of this machine |
//! | [`replace`] | their order: write, sync, rename, sync the folder |
//! | [`output`] | files that a command leaves for people, in the same order |
//! | `reserved` | a file whose space is reserved, rewritten in place |
//! | [`lock`] | one writer for a directory, and no access for other users |

pub mod disk;
pub mod lock;
pub mod output;
pub mod replace;

pub(crate) mod reserved;
