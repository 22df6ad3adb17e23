//! One loaded program with its maps: a sensor on one interface, or in the hands of
//! `BPF_PROG_TEST_RUN`.

use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::PathBuf;

use aya::maps::{Array, ArrayOfMaps, Map, MapData, MapError, PerCpuArray};
use aya::programs::links::FdLink;
use aya::programs::{ProgramError, ProgramFd, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfError, EbpfLoader};
use sensor_common::counters::{self, Counters};
use sensor_common::tables::{Line, MOST_SEGMENTS, TERM_WORDS, Term, lease};
use serde::{Deserialize, Serialize};

use super::keep::Keep;
use super::life::{LifeLog, LifeLogger};
use super::pins::{self, Pins};
use super::records::{self, Records};
use super::share::{ShareStore, StoreMap};
use super::{link, object, ring, segments};

/// Names in the kernel object. They are the names of statics and functions in `sensor-ebpf`, which
/// a test loads, so that a mismatch cannot go unnoticed.
pub(super) mod name {
    pub(super) const PROGRAM: &str = "sekisho";
    pub(super) const SEGMENTS: &str = "SEGMENTS";
    pub(super) const ACTIVE: &str = "ACTIVE";
    pub(super) const TERMS: &str = "TERMS";
    pub(in crate::kernel) const LEASE: &str = "LEASE";
    pub(super) const STORE: &str = "STORE";
    pub(super) const RECORDS: &str = "RECORDS";
    pub(super) const COUNTERS: &str = "COUNTERS";
    pub(super) const INLINE: &str = "INLINE";
    pub(super) const WAKE_EVERY: &str = "WAKE_EVERY";
    pub(super) const LOG_LEVEL: &str = aya_log::LEVEL;
}

/// Records that fill one part in this many of a ring wake whoever waits for them.
const WAKE_SHARE: u32 = 4;

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

/// Why the kernel side failed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// This binary was built without the kernel program.
    #[error("this sekisho was built without its kernel program; build it with `cargo xtask build`")]
    NoObject,
    /// The tables have more segments than the kernel's map of them; the compiler refuses them first.
    #[error("the tables are larger than 1 GiB")]
    TooLarge,
    /// The object and this binary do not belong together.
    #[error("the kernel object has no {0}")]
    Missing(&'static str),
    /// Loading failed. With the verifier's log, if it was the verifier.
    #[error("loading the kernel program: {}", with_sources(.0))]
    Load(#[from] Box<EbpfError>),
    /// The verifier, an attachment or a test run failed.
    #[error("{}", with_sources(.0))]
    Program(#[from] Box<ProgramError>),
    /// A map operation failed.
    #[error("{}", with_sources(.0))]
    Map(#[from] MapError),
    /// Something about the pins of a sensor.
    #[error("{path}: {reason}")]
    Pin {
        /// Which.
        path: String,
        /// What.
        reason: String,
    },
    /// The kernel attaches over netlink only, which outlives a controller that is killed.
    #[error(
        "the kernel gives no link for the attachment; that takes Linux 5.9 and a driver with it"
    )]
    NoLink,
    /// Nobody knows how many CPUs may run the program.
    #[error("the number of CPUs: {0}")]
    Cpus(#[source] std::io::Error),
    /// A frame that the kernel cannot take for a test run.
    #[error("a frame of {0} bytes is longer than BPF_PROG_TEST_RUN takes")]
    FrameTooLong(usize),
}

/// An error with all its sources in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// A generation of tables in kernel memory, not yet published.
pub struct KernelTables {
    /// At least one.
    segments: Vec<MapData>,
}

impl KernelTables {
    /// Copies compiled tables into kernel memory.
    ///
    /// # Errors
    /// [`KernelError`] where the kernel refuses the memory.
    pub fn create(lines: &[Line]) -> Result<Self, KernelError> {
        segments::create(lines).map(|segments| Self { segments })
    }

    /// The maps that hold the tables: what the kernel says of them, their size for example, is to
    /// be asked for through their descriptors.
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.segments.iter().map(|segment| segment.fd().as_fd())
    }
}

/// What a program is loaded with.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// What the host does with frames.
    pub mode: Mode,
    /// The size of each CPU's ring buffer, a power of two and at least a page. Rings that are pinned
    /// keep theirs.
    pub ring_bytes: u32,
    /// Whether the program logs its own life.
    pub life_log: LifeLog,
    /// Where maps, rings and attachment outlive this process, if they do. What is there is taken
    /// over.
    pub pins: Option<Pins>,
    /// Pins of other versions from which the attachment is taken over.
    pub before: Vec<Pins>,
}

/// The maps that pins keep. What they hold is what a controller must find as another left it.
const PINNED: [&str; 6] =
    [name::SEGMENTS, name::ACTIVE, name::TERMS, name::LEASE, name::RECORDS, name::COUNTERS];

/// The loaded program and its maps. Dropping it detaches the program, so that selection ends at once,
/// unless its attachment is pinned.
pub struct Program {
    ebpf: Ebpf,
    id: u32,
    link: Option<FdLink>,
    pins: Option<Pins>,
    keep: Option<Keep>,
    before: Vec<Pins>,
    segments: ArrayOfMaps<MapData>,
    active: Array<MapData, u64>,
    /// How many slots of each half of `segments` hold something.
    filled: [u32; 2],
    terms: Array<MapData, [u64; TERM_WORDS]>,
    lease: Array<MapData, u64>,
    /// The kernel's number of `lease`.
    lease_number: u32,
    store: ArrayOfMaps<MapData, StoreMap>,
    counters: PerCpuArray<MapData, [u64; counters::WORDS]>,
    rings: ArrayOfMaps<MapData>,
    life: LifeLogger,
}

impl Program {
    /// Loads the program. Its gate is closed: no order has a term and there is no lease. It has a
    /// capacity share of its own, until it is given one with [`Self::share`].
    ///
    /// `ring_bytes` is the size of each CPU's ring buffer, a power of two and at least a page.
    ///
    /// # Errors
    /// [`KernelError`], with the verifier's log where the verifier refused the program.
    pub fn load(mode: Mode, ring_bytes: u32) -> Result<(Self, Records), KernelError> {
        Self::load_with(mode, ring_bytes, LifeLog::Off)
    }

    /// Like [`Self::load`], and says whether the program logs its own life.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_with(
        mode: Mode,
        ring_bytes: u32,
        life_log: LifeLog,
    ) -> Result<(Self, Records), KernelError> {
        Self::set_up(Setup { mode, ring_bytes, life_log, ..Setup::default() })
    }

    /// Like [`Self::load`], with all that can be said. Over pinned maps the gate is as the controller
    /// before left it, and so are generation, counters and rings.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn set_up(setup: Setup) -> Result<(Self, Records), KernelError> {
        let Setup { mode, ring_bytes, life_log, pins, before } = setup;
        let inline = u8::from(mode == Mode::Inline);
        let level = life_log.level();
        let bytes = records::smallest(pins.as_ref(), ring_bytes)?;
        let wake_every = u64::from((bytes / WAKE_SHARE).div_ceil(ring::RECORD));
        let mut loader = EbpfLoader::new();
        loader
            .override_global(name::INLINE, &inline, true)
            .override_global(name::WAKE_EVERY, &wake_every, true)
            .override_global(name::LOG_LEVEL, &level, true)
            .map_max_entries(name::RECORDS, records::possible()?);
        if let Some(pins) = &pins {
            pins.create()?;
            for map in PINNED {
                loader.map_pin_path(map, pins.map(map));
            }
        }
        let mut ebpf = loader.load(object::embedded()?).map_err(Box::new)?;
        let segments = take(&mut ebpf, name::SEGMENTS)?;
        let mut program = Self {
            filled: [0, 1].map(|half| filled(&segments, half)),
            segments,
            active: take(&mut ebpf, name::ACTIVE)?,
            terms: take(&mut ebpf, name::TERMS)?,
            lease_number: number(&ebpf, name::LEASE)?,
            lease: take(&mut ebpf, name::LEASE)?,
            store: take(&mut ebpf, name::STORE)?,
            counters: take(&mut ebpf, name::COUNTERS)?,
            life: LifeLogger::take(&mut ebpf)?,
            rings: take(&mut ebpf, name::RECORDS)?,
            ebpf,
            id: 0,
            link: None,
            pins,
            keep: None,
            before,
        };
        program.share(&ShareStore::create(1)?)?;
        // With pins this also waits for all running programs: should the controller before have been
        // killed in the middle of a publication, nothing is judged by the half that it left.
        let records = Records::open(&mut program.rings, ring_bytes, program.pins.as_ref())?;
        program.keep = program.pins.as_ref().map(|pins| Keep::maps(pins, &PINNED)).transpose()?;
        let xdp = program.xdp()?;
        xdp.load().map_err(Box::new)?;
        program.id = xdp.info().map_err(Box::new)?.id();
        Ok((program, records))
    }

    /// Attaches the program to an interface, in the place of the one that pins keep attached.
    ///
    /// # Errors
    /// [`KernelError::Program`]: no such interface, no native XDP in its driver, or another
    /// program is attached already.
    pub fn attach(&mut self, interface: &str, how: XdpAttach) -> Result<(), KernelError> {
        let before: Vec<Pins> = self.pins.iter().chain(&self.before).cloned().collect();
        let link = link::attach(self.xdp()?, interface, how, &before)?;
        let Some(pins) = &self.pins else {
            self.link = Some(link);
            return Ok(());
        };
        let path = pins.link(how);
        // Taken over from these very pins, it is there already.
        let link = if path.exists() {
            link
        } else {
            link.pin(&path).map_err(|error| pins::refusal(&path, &error))?.into()
        };
        self.link = Some(link);
        self.keep.as_mut().map_or(Ok(()), |keep| keep.link(&path))
    }

    /// Puts back the pins that somebody removed, or put something else in the place of, and returns
    /// their paths: without them the next controller would not find what this one leaves.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn put_back_pins(&mut self) -> Result<Vec<PathBuf>, KernelError> {
        self.keep.as_mut().map_or(Ok(Vec::new()), Keep::put_back)
    }

    /// Attaches the program once more, where its attachment was ended from outside. It takes `CAP_BPF`
    /// at most: the program is loaded already.
    ///
    /// # Errors
    /// As [`Self::attach`].
    pub fn reattach(&mut self, interface: &str, how: XdpAttach) -> Result<(), KernelError> {
        // What is left of the old one may be attached to an interface that is not meant any more.
        self.detach()?;
        self.attach(interface, how)
    }

    /// The program's id in the kernel.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Detaches the program; maps and rings stay where they are.
    ///
    /// # Errors
    /// [`KernelError::Pin`].
    pub fn detach(&mut self) -> Result<(), KernelError> {
        self.link = None;
        self.keep.iter_mut().for_each(Keep::release_link);
        self.pins.as_ref().map_or(Ok(()), Pins::remove_links)
    }

    /// Lets go of the program. Its pins stay.
    pub fn into_pins(self) -> Option<Pins> {
        self.pins
    }

    /// Ends a sensor whose pins nobody steers any more, and returns the rings with what is in them, and
    /// how many records its program has submitted: lease 0, detached, and no program runs that could
    /// make a record. The rings stay pinned.
    ///
    /// # Errors
    /// [`KernelError`].
    pub fn retire_pinned(pins: &Pins) -> Result<(Records, u64), KernelError> {
        let open = |name| MapData::from_pin(pins.map(name));
        let mut lease = Array::<_, u64>::try_from(Map::Array(open(name::LEASE)?))?;
        let closed = lease.set(lease::UNTIL, 0, 0);
        pins.remove_links()?;
        closed?;
        let mut rings = ArrayOfMaps::try_from(Map::ArrayOfMaps(open(name::RECORDS)?))?;
        let records = Records::adopt(&mut rings, pins)?;
        // Counters that somebody removed say nothing; that is no reason to leave the rings alone.
        let submitted = match open(name::COUNTERS) {
            Ok(counters) => {
                let counters = PerCpuArray::try_from(Map::PerCpuArray(counters))?;
                read_counters(&counters)?.iter().map(Counters::records).sum()
            }
            Err(_) => 0,
        };
        Ok((records, submitted))
    }

    /// Publishes a generation in one step: a packet that starts before it is judged to its end by
    /// the generation before, and one that starts after it by this one. Returns once no packet is
    /// judged by the generation before.
    ///
    /// # Errors
    /// [`KernelError::Map`]. One of the two generations is then in force, whole; which one is not
    /// known, so the caller closes the gate.
    pub fn publish(&mut self, tables: &KernelTables) -> Result<(), KernelError> {
        let KernelTables { segments } = tables;
        let before = u32::try_from(self.active.get(&0, 0)? & 1).unwrap_or(0);
        let after = 1 - before;
        // Nothing is judged by this half: the last publication waited for that.
        let mut filled = 0;
        for segment in segments {
            self.segments.set(after * MOST_SEGMENTS + filled, segment, 0)?;
            filled += 1;
        }
        self.retire(after, filled, &segments[0])?;
        self.filled[after as usize] = filled;
        self.active.set(0, u64::from(after), 0)?;
        // Replacing a map in a map makes the kernel wait for all running programs (commit
        // 1ae80cf31938), so once this is done no packet is judged by the half before. What is
        // replaced is replaced by itself.
        self.segments.set(after * MOST_SEGMENTS, &segments[0], 0)?;
        self.retire(before, 0, &segments[0])
    }

    /// Lets go of the segments of one half from slot `from` on: a slot of a map of maps can be given
    /// another map only, so it is given one that is in use anyway.
    fn retire(&mut self, half: u32, from: u32, by: &MapData) -> Result<(), KernelError> {
        for slot in from..self.filled[half as usize] {
            self.segments.set(half * MOST_SEGMENTS + slot, by, 0)?;
        }
        Ok(())
    }

    /// Draws the capacity share from this store from now on: the one that all interfaces of a sensor
    /// share, as the capacity is the facility's (L-CAP).
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn share(&mut self, store: &ShareStore) -> Result<(), KernelError> {
        Ok(self.store.set(0, &store.map, 0)?)
    }

    /// Sets when the order in `slot` may select; [`Term::NEVER`] ends it at once. At no moment in
    /// between may it select at a time that is neither in the term before nor in this one.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_term(&mut self, slot: u32, term: Term) -> Result<(), KernelError> {
        // The kernel copies a term word by word: a packet may see one of them old and one new.
        self.narrow_term(slot, term)?;
        // Also where nothing changes: a map that does not obey is to be noticed.
        Ok(self.terms.set(slot, term.words(), 0)?)
    }

    /// Leaves of the term of the order in `slot` what is in `limit` too.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn narrow_term(&mut self, slot: u32, limit: Term) -> Result<(), KernelError> {
        let before = self.term(slot)?;
        let both = before.and(limit);
        if both != before {
            self.terms.set(slot, both.words(), 0)?;
        }
        Ok(())
    }

    /// When the order in `slot` may select.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn term(&self, slot: u32) -> Result<Term, KernelError> {
        Ok(self.terms.get(&slot, 0)?.into())
    }

    /// Sets until when the controller vouches for the tables: boot-time nanoseconds, exclusive.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_lease(&mut self, until: u64) -> Result<(), KernelError> {
        Ok(self.lease.set(lease::UNTIL, until, 0)?)
    }

    /// Until when the controller vouches for the tables.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn lease(&self) -> Result<u64, KernelError> {
        Ok(self.lease.get(&lease::UNTIL, 0)?)
    }

    /// The kernel's number of the map that holds lease and halt: [`super::LeaseWord::find`].
    pub const fn lease_number(&self) -> u32 {
        self.lease_number
    }

    /// Halts all selection, whatever the lease says, or ends the halt.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn set_halted(&mut self, halted: bool) -> Result<(), KernelError> {
        Ok(self.lease.set(lease::HALTED, u64::from(halted), 0)?)
    }

    /// Whether selection is halted.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn is_halted(&self) -> Result<bool, KernelError> {
        Ok(self.lease.get(&lease::HALTED, 0)? != 0)
    }

    /// The counters, one entry per possible CPU.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn counters(&self) -> Result<Vec<Counters>, KernelError> {
        read_counters(&self.counters)
    }

    /// What the program has logged of its own life since the last call; see [`LifeLog`].
    pub fn life(&mut self) -> Vec<String> {
        self.life.lines()
    }

    /// Runs the program over one frame with `BPF_PROG_TEST_RUN`, `repeat` times; returns the XDP
    /// action and the mean duration of one run.
    ///
    /// # Errors
    /// [`KernelError::Program`], for example for a frame shorter than an Ethernet header.
    pub fn test_run(
        &self,
        frame: &[u8],
        repeat: u32,
    ) -> Result<(u32, std::time::Duration), KernelError> {
        let options = TestRunOptions { data_in: Some(frame), repeat, ..TestRunOptions::default() };
        let program =
            self.ebpf.program(name::PROGRAM).ok_or(KernelError::Missing(name::PROGRAM))?;
        let program: &Xdp = program.try_into().map_err(Box::new)?;
        let result = program.test_run(options).map_err(Box::new)?;
        Ok((result.return_value, result.duration))
    }

    /// The loaded program itself, for a program array: another program can then jump to this one.
    ///
    /// # Errors
    /// [`KernelError::Program`].
    pub fn descriptor(&mut self) -> Result<&ProgramFd, KernelError> {
        Ok(self.xdp()?.fd().map_err(Box::new)?)
    }

    /// Instructions that the verifier walked through to accept the program.
    ///
    /// # Errors
    /// [`KernelError::Program`].
    pub fn verified_instructions(&mut self) -> Result<Option<u32>, KernelError> {
        Ok(self.xdp()?.info().map_err(Box::new)?.verified_instruction_count())
    }

    fn xdp(&mut self) -> Result<&mut Xdp, KernelError> {
        let program =
            self.ebpf.program_mut(name::PROGRAM).ok_or(KernelError::Missing(name::PROGRAM))?;
        Ok(program.try_into().map_err(Box::new)?)
    }
}

fn read_counters(
    counters: &PerCpuArray<MapData, [u64; counters::WORDS]>,
) -> Result<Vec<Counters>, KernelError> {
    Ok(counters.get(&0, 0)?.iter().map(|words| Counters::new(*words)).collect())
}

/// How many slots of a half hold something, from its first on.
fn filled(segments: &ArrayOfMaps<MapData>, half: u32) -> u32 {
    let first = half * MOST_SEGMENTS;
    // A slot that is not empty may be closed to us; then too it holds something.
    let empty = |slot: &u32| matches!(segments.get(slot, 0), Err(MapError::KeyNotFound));
    (first..first + MOST_SEGMENTS).find(empty).map_or(MOST_SEGMENTS, |slot| slot - first)
}

/// The kernel's number of a map.
fn number(ebpf: &Ebpf, name: &'static str) -> Result<u32, KernelError> {
    match ebpf.map(name) {
        Some(Map::Array(map)) => Ok(map.info()?.id()),
        _ => Err(KernelError::Missing(name)),
    }
}

fn take<T>(ebpf: &mut Ebpf, name: &'static str) -> Result<T, KernelError>
where
    T: TryFrom<Map, Error = MapError>,
{
    Ok(T::try_from(ebpf.take_map(name).ok_or(KernelError::Missing(name))?)?)
}
