//! A sensor under more traffic than it can keep up with, all of it hostile, for as long as one likes; and its
//! books.
//!
//! | file | job |
//! |---|---|
//! | `pool` | the frames, and what must become of each: the host engine says |
//! | `script` | in which order they are sent, and so what must come of any number of them |
//! | `sender` | sends them as fast as the kernel takes them, from each processor |
//! | `reader` | reads the sensor's output, and its numbers |
//! | `books` | whether all books balance |
//! | `memory` | what the daemon takes |
//! | `kernel_log` | what the kernel complains of |
//! | `world` | the sensor and its wire, and one stretch of the load after the other |
//!
//! Every few seconds the senders pause until nothing is on its way. Then must hold, to the packet:
//!
//! - what was sent is what the interface received, and the sum of all outcomes; for each outcome and direction
//!   packets and bytes are those that the host engine foretold, where a `ring-full` packet counts as one that was to
//!   be recorded;
//! - records and lost records are those that it foretold, each record was written, and the output's lines are
//!   numbered from 1 to their number;
//! - the daemon says the same of itself as the kernel does, and has said nothing on standard error;
//! - the kernel has not warned of anything.
//!
//! At first nobody reads the output, until the daemon holds as much as it ever will and all rings are full.
//! And over the whole time: no memory grows after the first tenth, or the first minute if that is longer, by more
//! than [`GROWTH`], and never beyond [`CEILING`]; and no descriptor is kept, from one look to the next. It takes
//! about a minute until the heap of a daemon that makes lines as fast as it can has all the pieces that it uses over
//! and over.

mod books;
mod kernel_log;
mod memory;
mod pool;
mod reader;
mod script;
mod sender;
mod world;

use std::fmt;
use std::time::{Duration, Instant};

pub use self::memory::Memory;
use self::world::World;

/// Bytes of a frame after its Ethernet header.
const MTU: u16 = 9_000;

/// How long is sent before the books are looked at.
const STRETCH: Duration = Duration::from_secs(5);

/// Before that, memory is not compared: see above.
const WARM: Duration = Duration::from_secs(60);

/// By how many bytes the daemon's memory may grow once it is warm, and what the kernel charges for its maps.
pub const GROWTH: u64 = 8 << 20;

/// The most bytes of resident memory at any time: three times what the lines between drain and writer take.
pub const CEILING: u64 = 128 << 20;

/// The most bytes that a sensor under load may have on its disk, its output being a pipe.
const ON_DISK: u64 = 64 << 20;

/// What came of a load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// For how long frames were sent.
    pub time: Duration,
    /// Frames that were sent, received and judged.
    pub packets: u64,
    /// How often the wire was full, and a frame sent again.
    pub refused: u64,
    /// Frames that a driver dropped before the program, by its own count.
    pub dropped: u64,
    /// Records that came out of the sensor.
    pub records: u64,
    /// Records that were lost because a ring was full, by its own count.
    pub lost: u64,
    /// The most memory until it was warm.
    pub first: Memory,
    /// The most memory after it, if it was that long.
    pub rest: Option<Memory>,
    /// How often the books balanced: every time.
    pub balanced: u64,
}

impl Report {
    fn rate(count: u64, time: Duration) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "for people to read"
        )]
        let rate = (count as f64 / time.as_secs_f64()) as u64;
        rate
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { time, packets, refused, dropped, records, lost, first, rest, balanced } = self;
        let (rate, recorded) = (Self::rate(*packets, *time), Self::rate(*records, *time));
        writeln!(f, "sent     {packets} frames in {:.0} s, {rate} a second", time.as_secs_f64())?;
        writeln!(
            f,
            "         {refused} times the wire was full; {dropped} dropped before the program"
        )?;
        writeln!(
            f,
            "records  {records}, {recorded} a second; {lost} lost to full rings, all counted"
        )?;
        writeln!(f, "memory   at most {first} until it was warm")?;
        if let Some(rest) = rest {
            writeln!(f, "         at most {rest} after it")?;
        }
        write!(f, "books    balanced to the packet {balanced} of {balanced} times; no warning")
    }
}

/// Loads a sensor for some time. The same seed gives the same frames in the same order.
///
/// # Panics
/// Where something does not hold.
pub fn bear(time: Duration, seed: u64) -> Report {
    world::with(seed, |mut world: World<'_>| {
        let start = Instant::now();
        let mut report = Report::default();
        // Also a short load has a pause or two.
        let (stretch, warm) = (STRETCH.min(time / 4), WARM.max(time / 10));
        let mut before: Option<Memory> = None;
        while start.elapsed() < time {
            let is_warm = start.elapsed() >= warm;
            let look = world.stretch(stretch, &mut report);
            // At the first look nobody knows yet which descriptors are kept: none counts.
            let memory = look.kept_since(before.replace(look).unwrap_or_default());
            if is_warm {
                report.rest = Some(report.rest.unwrap_or_default().max(memory));
            } else {
                report.first = report.first.max(memory);
            }
        }
        world.end(&mut report);
        report
    })
}
