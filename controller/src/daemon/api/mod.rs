//! Answers to requests from outside, over HTTP and over the control socket.
//!
//! | file | job |
//! |---|---|
//! | [`servers`] | all of it, started and ended together |
//! | [`control`] | the control socket |
//! | [`http`] | metrics and health |
//! | [`connection_limit`] | how many connections there may be at once |
//! | [`monitor`] | what status and metrics are read from |
//! | [`metrics`] | as OpenMetrics |

pub mod connection_limit;
pub mod control;
pub mod http;
pub mod metrics;
pub mod monitor;
pub mod servers;
