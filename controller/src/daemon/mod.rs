//! The daemon: the life of a sensor, from its configuration to its last record.
//!
//! | file | job |
//! |---|---|
//! | [`config`], [`prepare`] | what to do, checked before anything is attached |
//! | [`term`] | the life of orders: pure, time passed in (L-TERM) |

pub mod config;
pub mod prepare;
pub mod term;
