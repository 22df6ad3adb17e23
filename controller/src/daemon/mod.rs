//! The daemon: the life of a sensor, from its configuration to its last record.
//!
//! | file | job |
//! |---|---|
//! | [`term`] | the life of orders: pure, time passed in (L-TERM) |

pub mod term;
