//! What Sekisho's integration tests share.
//!
//! | file | job |
//! |---|---|
//! | `authority` | the authorities of the kit, and orders in their names |
//! | `both` | the host's engine and the kernel's, side by side |
//! | `captures` | captures that somebody has |
//! | `daemon` | `sekisho run` with a configuration of its own, gone after the test |
//! | `frames` | named frames with the outcome each must have |
//! | `health` | what a daemon says of its own health |
//! | `host` | a host with systemd as its first process, in namespaces, with the sensor installed |
//! | `load` | a sensor under more traffic than it can keep up with, and its books |
//! | `machine` | what may be done only to a machine of the test's own: its clock, its power |
//! | `network` | network namespaces that are gone after the test |
//! | `pins` | a folder on the BPF file system that is gone after the test |
//! | `privilege` | the one clear line of a test that cannot run here |
//! | `seed` | random choices that can be made again |
//! | `selecting` | whether a daemon selects |
//! | `siege` | a sensor under attack, with the kernel's counters as the judge |
//! | `small_disk` | a file system that can be filled |
//! | `stream` | packets one after the other, each with a number and the time it was sent |
//! | `suited` | orders and directions made for given frames |
//! | `wait` | conditions with a deadline |

pub mod authority;
pub mod both;
pub mod captures;
pub mod daemon;
pub mod frames;
pub mod health;
pub mod host;
pub mod load;
pub mod machine;
pub mod network;
pub mod pins;
pub mod privilege;
pub mod seed;
pub mod selecting;
pub mod siege;
pub mod small_disk;
pub mod stream;
pub mod suited;
pub mod wait;
