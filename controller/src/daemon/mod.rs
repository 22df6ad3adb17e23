//! The daemon: the life of a sensor, from its configuration to its last record.
//!
//! | file | job |
//! |---|---|
//! | [`config`], [`prepare`] | what to do, checked before anything is attached |
//! | [`route`] | whether `tap` would cut the machine off |
//! | [`term`] | the life of orders: pure, time passed in (L-TERM) |
//! | [`sensor`] | one loaded program per interface, steered together |
//! | [`keeper`] | one tick: the kernel brought to where `term` wants it |
//! | [`names`] | what the rule numbers of recent generations stand for |
//! | [`drain`], [`output`] | records out of the rings, into one file |
//! | [`health`] | whether records are kept; without that the lease is not renewed |
//! | [`monitor`] | what status and metrics are read from |
//! | [`metrics`], [`http`], [`control`] | for those who ask |
//! | [`service`] | for the service manager that started it |
//! | [`privilege`] | what it may do to the machine |
//! | [`run`] | start, tick, stop |

pub mod config;
pub mod control;
pub mod drain;
pub mod health;
pub mod http;
pub mod keeper;
pub mod metrics;
pub mod monitor;
pub mod names;
pub mod output;
pub mod prepare;
pub mod privilege;
pub mod route;
pub mod run;
pub mod sensor;
pub mod service;
pub mod term;
