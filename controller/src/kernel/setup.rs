//! What a program is loaded with, and how it is attached.

use sensor_common::parse::tunnel::Entered;
use serde::{Deserialize, Serialize};

use super::life::LifeLog;
use super::object::Object;
use super::pins::Pins;

/// What the host does with frames after inspection.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The NIC receives a copy: every frame is dropped after inspection.
    #[default]
    Tap,
    /// The host forwards: every frame passes unchanged, whatever the sensor decides.
    Inline,
}

impl Mode {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::Inline => "inline",
        }
    }
}

/// How the program is attached. There is no fall-back from one to the other.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum XdpAttach {
    /// In the driver, before the kernel allocates anything for the frame.
    #[default]
    Native,
    /// In the kernel's generic path: slower, for drivers without XDP.
    Generic,
}

impl XdpAttach {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Generic => "generic",
        }
    }
}

/// What a program is loaded with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The kernel program.
    pub object: Object,
    /// What the host does with frames.
    pub mode: Mode,
    /// The encapsulations that are entered; by default all of them.
    pub entered: Entered,
    /// The size of each CPU's ring buffer, a power of two and at least a page. Rings that are pinned
    /// keep theirs.
    pub ring_bytes: u32,
    /// Whether the program logs its own life.
    pub life_log: LifeLog,
    /// Where maps, rings and attachment are pinned so that they outlive this process, if they are. Existing pins
    /// are taken over.
    pub pins: Option<Pins>,
    /// Pins of other versions from which the attachment is taken over.
    pub before: Vec<Pins>,
}
