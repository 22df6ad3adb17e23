//! For those who ask: over HTTP, and over the control socket.
//!
//! | file | job |
//! |---|---|
//! | [`servers`] | all of it, started and ended together |
//! | [`control`] | the control socket |
//! | [`http`] | metrics and health |
//! | [`guests`] | how many may ask at once |
//! | [`monitor`] | what status and metrics are read from |
//! | [`metrics`] | as OpenMetrics |

pub mod control;
pub mod guests;
pub mod http;
pub mod metrics;
pub mod monitor;
pub mod servers;
