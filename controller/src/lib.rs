//! The controller of Sekisho.
pub mod capture;
pub mod cli;
pub mod direction;
pub mod order;
pub mod record;
pub mod rejection;
mod shown;
