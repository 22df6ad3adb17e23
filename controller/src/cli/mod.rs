//! The commands of `sekisho`, one file each: arguments in, library calls, text out.

pub mod order;
