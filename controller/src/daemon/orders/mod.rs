//! Orders while a sensor runs: what is asked is written down, and the kernel brought to where the registry says it must be.
//!
//! | file | job |
//! |---|---|
//! | [`ask`] | what can be asked, and the answers |
//! | [`order_service`] | the registry: what is asked, written down and carried out |
//! | [`reconciler`] | one tick: the kernel brought to where `term` wants it |
//! | [`term`] | the life of orders in the kernel: pure, time passed in (L-TERM) |
//! | [`shared_sensor`] | the sensor, shared; a halt goes before everything |
//! | [`inherited`] | the slots in the tables that the daemon before left |
//! | [`name_book`] | what the rule numbers of recent generations stand for |
//! | [`generation_files`] | the same on disk |
//! | [`record_counts`] | records by order |

pub mod ask;
pub mod generation_files;
pub mod inherited;
pub mod name_book;
pub mod order_service;
pub mod reconciler;
pub mod record_counts;
pub mod shared_sensor;
pub mod term;
