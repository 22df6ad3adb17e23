//! The rig: the wrapper around what is measured, and the measuring.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use rustix::time::{ClockId, clock_gettime};

use crate::floor::Touched;
use crate::trace::{Pairs, Trace};

/// Names the object with the kernel side; `cargo xtask bench` builds it.
const OBJECT_VARIABLE: &str = "SEKISHO_BENCH_OBJECT";

/// How often a figure is measured.
pub(crate) const RUNS: usize = 7;

const XDP_DROP: u32 = 1;

/// Sizes of the maps of what is measured, of which a case sets its own.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    /// The comparison's maps.
    pub(crate) direction: u32,
    pub(crate) prefixes: u32,
    pub(crate) addresses: u32,
    /// The floor's memory.
    pub(crate) touched: Touched,
}

impl Sizes {
    pub(crate) const NONE: Self = Self {
        direction: 1,
        prefixes: 1,
        addresses: 1,
        touched: Touched { filter: 0, codes: 0, leaves: 0 },
    };
}

/// The wrapper with a trace, and the programs beside it.
pub(crate) struct Rig {
    pub(crate) ebpf: Ebpf,
    measured: ProgramArray<aya::maps::MapData>,
    frame: Vec<u8>,
    /// Packets of one run.
    packets: u32,
}

/// What the rig can put into the wrapper.
pub(crate) enum Subject<'a> {
    /// One of the programs of `tests/bench-ebpf`.
    Own(&'static str),
    /// Any other.
    Other(&'a ProgramFd),
}

impl Rig {
    pub(crate) fn new(trace: &Trace, packets: u32, sizes: Sizes, interface: u32) -> Result<Self> {
        let object = std::env::var_os(OBJECT_VARIABLE).context(
            "the benchmarks are run by `cargo xtask bench`, which builds their programs",
        )?;
        let object = std::fs::read(&object).context("reading the benchmarks' programs")?;
        let pairs = u32::try_from(trace.len())?;
        ensure!(pairs.is_power_of_two(), "a trace of {pairs} pairs: not a power of two");
        let (mask, v6) = (pairs - 1, u8::from(matches!(trace.pairs, Pairs::V6(_))));
        let offset = u32::try_from(trace.addresses_at())?;
        let single = u8::from(sizes.addresses > 1);
        let mut ebpf = EbpfLoader::new()
            .override_global("TRACE_MASK", &mask, true)
            .override_global("TRACE_IS_V6", &v6, true)
            .override_global("TRACE_OFFSET", &offset, true)
            .override_global("TRACE_PAYLOAD", &u8::from(trace.has_payload()), true)
            .override_global("INTERFACE", &interface, true)
            .override_global("SINGLE_ADDRESSES", &single, true)
            .map_max_entries("TRACE_V4", if v6 == 0 { pairs } else { 1 })
            .map_max_entries("TRACE_V6", if v6 == 1 { pairs } else { 1 })
            .map_max_entries("DIRECTION", sizes.direction)
            .map_max_entries("PREFIXES", sizes.prefixes)
            .map_max_entries("ADDRESSES", sizes.addresses)
            .override_global("FILTER_LINES", &sizes.touched.filter, true)
            .override_global("CODES_LINES", &sizes.touched.codes, true)
            .override_global("LEAVES_LINES", &sizes.touched.leaves, true)
            .map_max_entries("MEMORY", sizes.touched.lines())
            .load(&object)?;
        for (_, program) in ebpf.programs_mut() {
            <&mut Xdp>::try_from(program)?.load()?;
        }
        match &trace.pairs {
            Pairs::V4(pairs) => fill(&mut ebpf, "TRACE_V4", pairs)?,
            Pairs::V6(pairs) => fill(&mut ebpf, "TRACE_V6", pairs)?,
        }
        let measured = ebpf.take_map("MEASURED").context("no map MEASURED")?;
        let measured = ProgramArray::try_from(measured)?;
        Ok(Self { ebpf, measured, frame: trace.frame().to_vec(), packets })
    }

    /// Puts a program into the wrapper.
    pub(crate) fn put(&mut self, subject: &Subject<'_>) -> Result<()> {
        match subject {
            Subject::Own(name) => {
                let program = self.ebpf.program(name).context("no such program")?;
                let program: &Xdp = program.try_into()?;
                self.measured.set(0, program.fd()?, 0)?;
            }
            Subject::Other(program) => self.measured.set(0, program, 0)?,
        }
        Ok(())
    }

    /// Runs the wrapper over `packets` frames: the time that this thread spent on them. Time in
    /// which the kernel let others run is not in it.
    pub(crate) fn run(&mut self, packets: u32) -> Result<Duration> {
        let Self { ebpf, frame, .. } = self;
        let program: &mut Xdp =
            ebpf.program_mut("rewrite").context("no program rewrite")?.try_into()?;
        let before = thread_time();
        let options =
            TestRunOptions { data_in: Some(frame), repeat: packets, ..TestRunOptions::default() };
        let result = program.test_run(options)?;
        let time = thread_time().saturating_sub(before);
        ensure!(result.return_value == XDP_DROP, "a frame was not dropped: nothing was measured");
        Ok(time)
    }

    /// Sends `packets` frames out of the interface.
    pub(crate) fn send(&mut self, packets: u32) -> Result<()> {
        let Self { ebpf, frame, .. } = self;
        let program: &mut Xdp =
            ebpf.program_mut("generate").context("no program generate")?.try_into()?;
        program.test_run(TestRunOptions {
            data_in: Some(frame),
            repeat: packets,
            attrs: TestRunAttrs::new().xdp_live_frames(64),
            ..TestRunOptions::default()
        })?;
        Ok(())
    }

    /// Nanoseconds per packet, run by run: the wrapper around the subject, less the wrapper around
    /// the empty program a moment before.
    ///
    /// A run is cut into batches of `batch` packets; `between` is called after each, off the clock.
    pub(crate) fn measure(
        &mut self,
        subject: &Subject<'_>,
        batch: u32,
        mut between: impl FnMut() -> Result<()>,
    ) -> Result<Vec<f64>> {
        rounds(RUNS, |_| {
            let empty = self.time(&Subject::Own("empty"), batch, &mut between)?;
            Ok(self.time(subject, batch, &mut between)? - empty)
        })
    }

    /// Nanoseconds per packet of one run of the wrapper around a subject; as in [`Self::measure`].
    pub(crate) fn time(
        &mut self,
        subject: &Subject<'_>,
        batch: u32,
        mut between: impl FnMut() -> Result<()>,
    ) -> Result<f64> {
        let batches = self.packets.div_ceil(batch);
        self.put(subject)?;
        let mut sum = Duration::ZERO;
        for _ in 0..batches {
            sum += self.run(batch)?;
            between()?;
        }
        Ok(sum.as_secs_f64() * 1e9 / (f64::from(batch) * f64::from(batches)))
    }

    /// Nanoseconds per packet of one run around a subject, less one around the empty program before.
    pub(crate) fn above_empty(&mut self, subject: &Subject<'_>) -> Result<f64> {
        let packets = self.packets;
        let empty = self.time(&Subject::Own("empty"), packets, || Ok(()))?;
        Ok(self.time(subject, packets, || Ok(()))? - empty)
    }

    /// Nanoseconds per packet of the wrapper around the empty program.
    pub(crate) fn measure_empty(&mut self) -> Result<Vec<f64>> {
        self.put(&Subject::Own("empty"))?;
        let packets = self.packets;
        self.run(packets)?;
        (0..RUNS).map(|_| Ok(self.run(packets)?.as_secs_f64() * 1e9 / f64::from(packets))).collect()
    }

    /// Packets of one run.
    pub(crate) const fn packets(&self) -> u32 {
        self.packets
    }
}

/// What `round` gives in so many rounds. A first one fills caches and page tables, and is thrown away.
pub(crate) fn rounds<T>(count: usize, mut round: impl FnMut(usize) -> Result<T>) -> Result<Vec<T>> {
    round(0)?;
    (1..=count).map(round).collect()
}

fn fill<T: aya::Pod>(ebpf: &mut Ebpf, name: &str, pairs: &[T]) -> Result<()> {
    let mut map: Array<_, T> = ebpf.map_mut(name).context("no trace map")?.try_into()?;
    for (index, pair) in (0..).zip(pairs) {
        map.set(index, pair, 0)?;
    }
    Ok(())
}

/// The processor time of this thread.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(nanoseconds)
}
