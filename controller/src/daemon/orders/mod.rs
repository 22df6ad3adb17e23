//! Orders while a sensor runs: requests are written down, and the kernel is brought to where the registry
//! says it must be.
//!
//! | file | job |
//! |---|---|
//! | [`ask`] | what can be asked, and the answers |
//! | [`order_service`] | owns the registry: writes requests down and carries them out |
//! | [`reconciler`] | one tick: the kernel brought to where `term` wants it |
//! | [`term`] | the life of orders in the kernel (L-TERM): pure, with time passed in |
//! | [`shared_sensor`] | the sensor, shared; a halt comes before everything else |
//! | [`inherited`] | the slots in the tables that the previous daemon left |
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
