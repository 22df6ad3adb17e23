//! The daemon: the life of a sensor, from its configuration to its last record.
//!
//! | room | job |
//! |---|---|
//! | [`orders`] | writes down requests, and brings them into the kernel |
//! | [`records`] | takes records out of the rings and into one file |
//! | [`takeover`] | what the previous daemon left |
//! | [`interfaces`] | whether interfaces are there and watched |
//! | [`api`] | HTTP and the control socket |
//!
//! | file | job |
//! |---|---|
//! | [`launch`] | the entry for commands |
//! | [`config`], [`prepare`] | the configuration and its files, checked before anything is attached |
//! | [`control_group`] | who may ask over the control socket |
//! | [`reload`] | reads them again while the sensor runs |
//! | [`run`] | start, tick, stop |
//! | [`sensor`] | one loaded program per interface, steered together |
//! | [`vouched`] | what the daemon has let the kernel select, and when |
//! | [`news`] | lines for the operator from tasks beside the loop |
//! | `lock` | locking what several tasks share |
//! | [`descriptors`] | whether there are enough file descriptors |
//! | [`service_manager`] | messages to the service manager |
//! | [`privilege`] | what it may do to the machine |

pub mod api;
pub mod config;
pub mod control_group;
pub mod descriptors;
pub mod interfaces;
pub mod launch;
mod lock;
pub mod news;
pub mod orders;
pub mod prepare;
pub mod privilege;
pub mod records;
pub mod reload;
pub mod run;
pub mod sensor;
pub mod service_manager;
pub mod takeover;
pub mod vouched;
