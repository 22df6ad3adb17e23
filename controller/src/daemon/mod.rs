//! The daemon: the life of a sensor, from its configuration to its last record.
//!
//! | file | job |
//! |---|---|
//! | [`config`], [`prepare`] | what to do, checked before anything is attached |
//! | [`route`] | whether `tap` would cut the machine off |
//! | [`links`], [`link`], [`netlink`] | whether its interfaces are there and watched |
//! | [`reload`] | the same once more while the sensor runs |
//! | [`term`] | the life of orders in the kernel: pure, time passed in (L-TERM) |
//! | [`sensor`] | one loaded program per interface, steered together |
//! | [`keeper`] | one tick: the kernel brought to where `term` wants it |
//! | [`gate`] | the sensor, shared; a halt goes before everything |
//! | [`outside`] | how the kernel is reached when the daemon does not answer |
//! | [`registrar`] | the registry while a sensor runs: what is asked, written down and carried out |
//! | [`tally`] | records by order |
//! | [`names`], [`ledger`] | what the rule numbers of recent generations stand for, here and on disk |
//! | [`believed`] | whether verified orders stand behind those on disk |
//! | [`inherit`] | the slots in the tables that the daemon before left |
//! | [`kept`] | all of that together |
//! | [`progress`] | how far records were written, for the daemon after |
//! | [`drain`], [`writer`], [`output`] | records out of the rings, into one file |
//! | [`vouched`], [`aside`] | what the kernel was let select, and records that it cannot have selected by that |
//! | [`books`] | what became of every record |
//! | [`news`] | what tasks beside the loop have to say |
//! | [`health`] | whether records are kept; without that the lease is not renewed |
//! | [`monitor`] | what status and metrics are read from |
//! | [`metrics`], [`http`] | for those who ask |
//! | [`guests`] | how many of them there may be at once |
//! | [`descriptors`] | that there are enough for all of this |
//! | [`request`], [`control`], [`words`] | for those who ask something of it |
//! | [`service`] | for the service manager that started it |
//! | [`privilege`] | what it may do to the machine |
//! | [`run`] | start, tick, stop |

pub mod aside;
pub mod believed;
pub mod books;
pub mod config;
pub mod control;
pub mod descriptors;
pub mod drain;
pub mod gate;
pub mod guests;
pub mod health;
pub mod http;
pub mod inherit;
pub mod keeper;
pub mod kept;
pub mod ledger;
pub mod link;
pub mod links;
pub mod metrics;
#[cfg(test)]
pub(crate) mod model;
#[cfg(test)]
mod model_tests;
pub mod monitor;
pub mod names;
pub mod netlink;
pub mod news;
pub mod output;
pub mod outside;
pub mod prepare;
pub mod privilege;
pub mod progress;
pub mod registrar;
pub mod reload;
pub mod request;
pub mod route;
pub mod run;
pub mod sensor;
pub mod service;
pub mod tally;
pub mod term;
pub mod vouched;
pub mod words;
pub mod writer;
