//! One loaded program with its maps: a sensor on one interface, or a program for `BPF_PROG_TEST_RUN`.

use std::time::Duration;

use aya::maps::{Array, ArrayOfMaps, Map, MapData, MapError, PerCpuArray};
use aya::programs::links::FdLink;
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use sensor_common::counters::{self, Counters};
use sensor_common::tables::TERM_WORDS;

use super::keep::Keep;
use super::life::{LifeLog, LifeLogger};
use super::need::Need;
use super::pins::Pins;
use super::records::{self, Records};
use super::setup::{Mode, Setup};
use super::share::{ShareStore, StoreMap};
use super::{KernelError, name, ring};

mod attachment;
mod gate;
mod publication;

pub use publication::KernelTables;
use publication::filled;

/// A ring's reader is woken once records fill one part in this many of it.
const WAKE_SHARE: u32 = 4;

/// The maps that are pinned: a controller must find their contents as the previous one left them.
const PINNED: [&str; 6] =
    [name::SEGMENTS, name::ACTIVE, name::TERMS, name::LEASE, name::RECORDS, name::COUNTERS];

/// The loaded program and its maps. Dropping it detaches the program, so that selection ends at once, unless
/// the attachment is pinned.
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
    /// The kernel's id of `lease`.
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
    /// [`KernelError`]: what the kernel lacks, or the verifier's log if it refused the program for another reason.
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

    /// Like [`Self::load`], with all options. With pinned maps, the gate is as the previous controller left it,
    /// and so are generation, counters and rings.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn set_up(setup: Setup) -> Result<(Self, Records), KernelError> {
        Self::loaded(setup).map_err(|error| error.or_lacks(Need::met))
    }

    fn loaded(setup: Setup) -> Result<(Self, Records), KernelError> {
        let Setup { object, mode, entered, ring_bytes, life_log, pins, before } = setup;
        let entered = entered.bits();
        let inline = u8::from(mode == Mode::Inline);
        let level = life_log.level();
        let bytes = records::smallest(pins.as_ref(), ring_bytes)?;
        let wake_every = u64::from((bytes / WAKE_SHARE).div_ceil(ring::RECORD));
        let mut loader = EbpfLoader::new();
        loader
            .override_global(name::INLINE, &inline, true)
            .override_global(name::ENTERED, &entered, object.is_embedded())
            .override_global(name::WAKE_EVERY, &wake_every, true)
            .override_global(name::LOG_LEVEL, &level, true)
            .map_max_entries(name::RECORDS, records::possible()?);
        if let Some(pins) = &pins {
            pins.create()?;
            for map in PINNED {
                loader.map_pin_path(map, pins.map(map));
            }
        }
        let mut ebpf = loader.load(object.bytes()?).map_err(Box::new)?;
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
        // With pins this also waits for all running programs: if the previous controller was killed in the
        // middle of a publication, nothing is judged by the half that it left.
        let records = Records::open(&mut program.rings, ring_bytes, program.pins.as_ref())?;
        program.keep = program.pins.as_ref().map(|pins| Keep::maps(pins, &PINNED)).transpose()?;
        let xdp = program.xdp()?;
        xdp.load().map_err(Box::new)?;
        program.id = xdp.info().map_err(Box::new)?.id();
        Ok((program, records))
    }

    /// The program's id in the kernel.
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// Makes the program draw its capacity share from this store. All interfaces of a sensor share one store,
    /// because the capacity is the facility's (L-CAP).
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn share(&mut self, store: &ShareStore) -> Result<(), KernelError> {
        Ok(self.store.set(0, &store.map, 0)?)
    }

    /// The counters, one entry per possible CPU.
    ///
    /// # Errors
    /// [`KernelError::Map`].
    pub fn counters(&self) -> Result<Vec<Counters>, KernelError> {
        read_counters(&self.counters)
    }

    /// What the program has logged about itself since the last call; see [`LifeLog`].
    pub fn life(&mut self) -> Vec<String> {
        self.life.lines()
    }

    /// Runs the program over one frame with `BPF_PROG_TEST_RUN`, `repeat` times; returns the XDP
    /// action and the mean duration of one run.
    ///
    /// # Errors
    /// [`KernelError::Program`], for example for a frame shorter than an Ethernet header.
    pub fn test_run(&self, frame: &[u8], repeat: u32) -> Result<(u32, Duration), KernelError> {
        self.run(TestRunOptions { data_in: Some(frame), repeat, ..TestRunOptions::default() })
    }

    /// Runs the program over one frame whose first buffer has so many bytes at most, as drivers that split
    /// headers from what is behind them hand frames over. Returns the XDP action.
    ///
    /// # Errors
    /// [`KernelError::Program`], also on kernels before 6.18, which make buffers full.
    pub fn test_run_split(&self, frame: &[u8], first: u32) -> Result<u32, KernelError> {
        // `struct xdp_md`: no metadata, data up to the end of the first buffer, and no interface.
        let context = [0, first, 0, 0, 0, 0].map(u32::to_ne_bytes);
        let (action, _) = self.run(TestRunOptions {
            data_in: Some(frame),
            ctx_in: Some(context.as_flattened()),
            ..TestRunOptions::default()
        })?;
        Ok(action)
    }

    fn run(&self, options: TestRunOptions<'_>) -> Result<(u32, Duration), KernelError> {
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

    /// How many instructions the verifier walked through to accept the program.
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

/// The kernel's id of a map.
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
