//! The kernel side as user space sees it: loading the program, publishing tables, opening and
//! closing the gate, reading counters and records.
//!
//! | file | job |
//! |---|---|
//! | `object` | the embedded kernel object |
//! | `name` | the names of its maps and of its program |
//! | `setup` | what a program is loaded with, and how it is attached |
//! | `program` | one loaded program with its maps; its attachment, its gate, the publication of a generation |
//! | `segments` | memory of a generation, shared with the kernel (`unsafe`) |
//! | `ring` | one ring buffer, shared with the kernel (`unsafe`, and nowhere else in the controller) |
//! | `ring_position` | how far a ring was read or written |
//! | `records` | the rings of all CPUs |
//! | `pins`, `link` | objects that outlive a controller, and the attachment |
//! | `keep` | putting back pins that were removed |
//! | `lease` | the halt of a sensor that another process controls |
//! | `share` | the memory of the capacity share |
//! | `life` | the program's own log |
//! | `need` | what the program needs of the kernel, and whether a kernel has it |
//! | `error`, `explain` | errors, and their wording for people |
//! | `clock` | the boot-time clock that kernel and controller share |
//! | `steps` | steps of the wall clock, noticed at once |

pub mod clock;
mod error;
mod explain;
mod keep;
mod lease;
mod life;
mod link;
mod name;
mod need;
mod object;
mod pins;
mod program;
mod records;
mod ring;
mod ring_position;
mod segments;
mod setup;
mod share;
pub mod steps;

pub use error::KernelError;
pub use lease::LeaseWord;
pub use life::LifeLog;
pub use need::Need;
pub use object::{Object, has_object, object_digest};
pub use pins::{PinRoot, Pins, StalePins};
pub use program::{KernelTables, Program};
pub use records::Records;
pub use ring::{Ring, Room};
pub use ring_position::RingPosition;
pub use setup::{Mode, Setup, XdpAttach};
pub use share::ShareStore;
