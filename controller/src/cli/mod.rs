//! The commands of `sekisho`, one file each: arguments in, library calls, text out.

pub mod classify;
pub mod direction;
pub mod order;
