//! The commands of `sekisho`: arguments, and what each prints.
pub mod classify;
pub mod direction;
