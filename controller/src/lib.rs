//! The controller of Sekisho.
pub mod capture;
pub mod cli;
pub mod compile;
pub mod direction;
pub mod engine;
pub mod kernel;
pub mod order;
pub mod rejection;
