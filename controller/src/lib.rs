//! The controller of Sekisho.
pub mod capture;
pub mod cli;
pub mod direction;
pub mod kernel;
pub mod order;
pub mod rejection;
