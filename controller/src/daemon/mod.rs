//! The daemon: the life of a sensor, from its configuration to its last record.
//!
//! | room | job |
//! |---|---|
//! | [`orders`] | what is asked, written down, and brought into the kernel |
//! | [`records`] | out of the rings, into one file, each accounted for |
//! | [`takeover`] | what the daemon before left |
//! | [`interfaces`] | whether they are there and watched |
//! | [`api`] | for those who ask |
//!
//! | file | job |
//! |---|---|
//! | [`launch`] | the door for the commands |
//! | [`config`], [`prepare`] | what to do, checked before anything is attached |
//! | [`reload`] | the same once more while the sensor runs |
//! | [`run`] | start, tick, stop |
//! | [`sensor`] | one loaded program per interface, steered together |
//! | [`vouched`] | what the kernel was let select, and when |
//! | [`news`] | what tasks beside the loop have to say |
//! | `lock` | locking what several tasks share |
//! | [`descriptors`] | that there are enough for all of this |
//! | [`service_manager`] | for the service manager that started it |
//! | [`privilege`] | what it may do to the machine |

pub mod api;
pub mod config;
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
