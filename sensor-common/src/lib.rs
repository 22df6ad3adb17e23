//! The part of Sekisho that kernel and host share.
#![no_std]
pub mod direction;
