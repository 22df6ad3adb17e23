//! The controller of Sekisho verifies orders, compiles them to kernel tables, makes sure that every measure
//! ends when it must, and keeps the records.
//!
//! Data flows one way: order → tables → kernel → record → output.
//!
//! | module | job |
//! |---|---|
//! | [`rejection`] | why an input file was refused |
//! | [`order`] | signed orders, trust files, and the law they are checked against |
//! | [`registry`] | the life of orders, and what must survive a restart |
//! | [`files`] | reading files within bounds |
//! | [`durable`] | files that are there after a crash |
//! | [`direction`] | what is domestic and what is foreign |
//! | [`classes`] | the result of direction: the class of every address, and what changed |
//! | [`preview`] | what an order would do with these direction tables, before it is in force |
//! | [`compile`] | compiles orders and direction to one generation of tables |
//! | [`kernel`] | the loaded program and its maps |
//! | [`gates`] | how the kernel is reached without the daemon |
//! | [`engine`] | frames through the program without an interface, in the kernel or on the host |
//! | [`capture`] | frames out of capture files |
//! | [`replay`] | captures through an engine: records and a summary |
//! | [`record`] | records as NDJSON |
//! | [`control`] | what is said over the control socket |
//! | [`daemon`] | the life of a sensor: terms, lease, draining, metrics, control |
//! | [`offline`] | the same commands over a state directory without a daemon |
//! | [`text`], `shown` | text that people write and the program repeats |
//! | [`tunnels`] | the names of encapsulations |
//! | [`cli`] | the commands |

// The tests' kit is compiled in, and names this crate as others do.
#[cfg(test)]
extern crate self as controller;

pub mod capture;
pub mod classes;
pub mod cli;
pub mod compile;
pub mod control;
pub mod daemon;
mod digest;
pub mod direction;
pub mod durable;
pub mod engine;
pub mod files;
pub mod gates;
pub mod kernel;
pub mod offline;
pub mod order;
pub mod preview;
pub mod record;
pub mod registry;
pub mod rejection;
pub mod replay;
mod shown;
pub mod text;
pub mod tunnels;
