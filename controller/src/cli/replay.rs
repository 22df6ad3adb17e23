//! `sekisho replay`: pushes captures through the kernel program, or through the same code in user space.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use sensor_common::parse::tunnel::{Entered, Tunnel};
use sensor_common::tables::Line;

use super::CliError;
use super::direction::{self, DirectionArgs};
use crate::capture::{Capture, CaptureError};
use crate::classes::ClassRanges;
use crate::compile::{Generation, Slotted, compile};
use crate::direction::DirectionTable;
use crate::engine::{HostEngine, KernelEngine};
use crate::kernel::KernelError;
use crate::order::together::{Together, judge};
use crate::order::{Mandate, load, time};
use crate::preview::check_party;
use crate::registry::inputs::{FileRead, files as files_of};
use crate::registry::named::NamedOrder;
use crate::registry::runs::ReplayRun;
use crate::registry::wording;
use crate::replay::{Judge, Replay, ReplayError, Report, Summary};
use crate::shown::shown;
use crate::tunnels;

mod entry;
mod output;
mod telling;

use entry::{Digesting, EntryArgs, digest_of};
use output::{Output, is_standard, write_whole};
use telling::Telling;

const EXAMPLES: &str = "\
Examples:
  What would this order have selected from this capture, had it been in force?
    sekisho replay --trust trust.json --order approval.dsse order.dsse --domestic jp.txt \\
        --foreign abroad.txt --pcap gateway.pcap --at 2027-11-02T12:00:00+09:00

  Only the counts, without privilege, of several captures with any link types:
    sekisho replay --engine host --trust trust.json --order approval.dsse order.dsse \\
        --domestic delegated-apnic-extended-latest --country JP \\
        --pcap monday.pcapng.zst tuesday.pcap.xz --output /dev/null --summary summary.json

  From another program:
    tcpdump -r gateway.pcap -w - net 198.51.100.0/24 | sekisho replay ... --pcap -

Records are NDJSON in the Elastic Common Schema. event.sequence is the frame's number in its capture, and \
@timestamp is the time at which it was captured, if the capture says so. A frame or capture that cannot be \
read is reported on standard error, and all others are still judged. No rule matches on a part of a frame \
that was not captured. docs/captures.md says which formats are read.

Exit status: 0 done, 1 not everything could be judged (the outputs hold the rest) or the kernel failed, \
2 usage, 3 an order, trust or direction file was refused.";

/// Push the frames of captures through the sensor's program
///
/// Each frame goes through the XDP program that carriers load, with `BPF_PROG_TEST_RUN`; nothing is attached
/// to any interface. `--engine host` runs the same code in user space and needs no privilege. The host engine
/// also judges frames that no interface could deliver: those that were not captured whole, are longer than
/// the kernel takes for a test, or have IPv4 total length 0. The capacity share is never used up here: this
/// shows what an order selects, not what the share leaves of it.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, group = direction::files())]
pub struct ReplayArgs {
    /// The trust file: whose signatures count
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,

    /// Signed orders, and the approvals and agreements that they rest on, in any order
    #[arg(long = "order", value_name = "FILE", required = true, num_args = 1..)]
    orders: Vec<PathBuf>,

    #[command(flatten)]
    direction: DirectionArgs,

    /// Captures: pcap or pcapng, also compressed with gzip, zstd or xz; `-` is standard input
    #[arg(long = "pcap", value_name = "FILE", required = true, num_args = 1..)]
    captures: Vec<PathBuf>,

    /// The moment that decides which orders are in force (RFC 3339) [default: now]
    ///
    /// It holds for the whole replay, whatever the times in the captures. An order that is not in force at
    /// that moment selects nothing.
    #[arg(long, value_name = "TIME", value_parser = time::parse_timestamp)]
    at: Option<Timestamp>,

    /// The encapsulations to enter, separated by commas; without a value, none [default: all]
    ///
    /// As `decapsulate` in the sensor's configuration; docs/packets.md says what each name stands for.
    #[arg(long, value_name = "NAMES", num_args = 0.., value_delimiter = ',', value_parser = tunnels::named)]
    decapsulate: Option<Vec<Tunnel>>,

    /// The engine that judges the frames
    #[arg(long, value_enum, default_value_t = EngineName::Kernel)]
    engine: EngineName,

    /// Where the records go; `-` is standard output
    ///
    /// A file gets its name only once it is complete.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// Write the counts (JSON) to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,

    #[command(flatten)]
    entry: EntryArgs,

    /// Judge as this sensor, and write its name in the records [default name: replay]
    ///
    /// An order whose approval or agreement does not name the sensor selects nothing. Without this option,
    /// the sensor has the whole approved share of every order.
    #[arg(long, value_name = "NAME")]
    sensor: Option<String>,
}

/// The two engines.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
enum EngineName {
    /// The XDP program in the kernel (needs root)
    Kernel,
    /// The same code in user space
    Host,
}

impl EngineName {
    const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Host => "host",
        }
    }
}

impl ReplayArgs {
    /// The encapsulations that are entered.
    fn tunnels(&self) -> Entered {
        let chosen = self.decapsulate.as_ref();
        chosen.map_or(Entered::ALL, |tunnels| tunnels.iter().copied().collect())
    }

    /// Runs the replay.
    ///
    /// # Errors
    /// [`CliError`]. If a capture is the cause, the outputs are still in place.
    pub fn run(&self, stdout: &mut dyn Write) -> Result<(), CliError> {
        self.check()?;
        let (inputs, generation) = self.inputs()?;
        let judge = self.judge(generation.lines)?;
        let entry = self.entry.open()?;
        let is_entered = entry.is_some();
        let mut replay =
            Replay::new(judge, &generation.names, self.sensor.as_deref().unwrap_or("replay"));
        let mut output = Output::open(&self.output, stdout)?;
        let mut digesting = Digesting::new(output.writer());
        let mut read = Vec::new();
        let ran = self.captures.iter().try_for_each(|path| {
            let capture = open(path, is_entered.then_some(&mut read));
            let mut telling = Telling::new(path);
            replay.run(path, capture, &mut digesting, &mut |news| telling.tell(news))?;
            telling.end(&replay.report()?, replay.has_kernel());
            Ok::<(), ReplayError>(())
        });
        let sha256 = digesting.digest();
        // The entry comes before the records are in place, and also after a failure, because packets were
        // used either way.
        if let Some(entry) = entry {
            let complete = ran.is_ok() && replay.is_complete();
            entry.write(self.entered(inputs, read, sha256, &replay.report()?.sum, complete))?;
        }
        if let Err(error) = ran {
            // What came before the error is right, and standard output shows it.
            let _ = output.writer().flush();
            return Err(error.into());
        }
        output.finish().map_err(|error| CliError::output(&self.output, &error))?;
        let report = replay.report()?;
        self.write_summary(&report, stdout)?;
        if !is_entered {
            eprintln!("sekisho: this replay was entered in no audit file; --state names one");
        }
        telling::end(&report)
    }

    /// Refuses to read standard input twice.
    fn check(&self) -> Result<(), CliError> {
        let standard = self.captures.iter().filter(|path| is_standard(path)).count();
        if standard > 1 {
            return Err(CliError::Usage(
                "--pcap: standard input (-) can be read only once".to_owned(),
            ));
        }
        if standard > 0 && self.entry.is_asked() {
            let reason =
                "--pcap: with --state captures are read twice, and standard input cannot be";
            return Err(CliError::Usage(reason.to_owned()));
        }
        Ok(())
    }

    /// Reads and verifies the files that say what is selected.
    fn inputs(&self) -> Result<(Inputs, Generation), CliError> {
        let trust = load::trust(&self.trust)?;
        let given = load::given(self.orders.iter().map(PathBuf::as_path))?;
        let together = judge(&given, &trust, &[])?;
        let table = DirectionTable::load(&self.direction.inputs())?;
        let classes = ClassRanges::of(&table);
        for (index, basis) in &together.bases {
            let file = given.get(*index).map_or("", |given| given.file.as_str());
            check_party(file, basis, &classes)?;
        }
        let at = self.at.unwrap_or_else(Timestamp::now);
        let sensor = self.sensor.as_deref();
        let slotted = Slotted::in_turn(in_force(&together, at, sensor));
        let [below, above] = table.layers();
        let generation = compile(1, &[&below, &above], &slotted, sensor)?;
        let trust =
            FileRead { file: shown(&self.trust), sha256: crate::digest::sha256(trust.bytes()) };
        let orders = together.orders.iter().map(|(_, order)| named(order)).collect();
        Ok((Inputs { trust, orders, direction: files_of(&table), at }, generation))
    }

    fn judge(&self, lines: Vec<Line>) -> Result<Judge, CliError> {
        Ok(match self.engine {
            EngineName::Host => Judge::host(self.host(lines)),
            EngineName::Kernel => {
                let kernel = KernelEngine::entering(&lines, self.tunnels()).map_err(unloaded)?;
                Judge::kernel(kernel, self.host(lines))
            }
        })
    }

    fn host(&self, lines: Vec<Line>) -> HostEngine {
        let mut host = HostEngine::new(lines);
        *host.entered() = self.tunnels();
        host
    }

    /// The entry for the audit file.
    fn entered(
        &self,
        inputs: Inputs,
        captures: Vec<FileRead>,
        sha256: String,
        sum: &Summary,
        complete: bool,
    ) -> ReplayRun {
        ReplayRun {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uid: rustix::process::getuid().as_raw(),
            engine: self.engine.name().to_owned(),
            decapsulate: tunnels::names(self.tunnels()).into_iter().map(str::to_owned).collect(),
            moment: inputs.at,
            trust: inputs.trust,
            orders: inputs.orders,
            direction: inputs.direction,
            default: self.direction.default.class().name().to_owned(),
            captures,
            output: FileRead { file: shown(&self.output), sha256 },
            packets: sum.packets(),
            records: sum.records(),
            complete,
        }
    }

    fn write_summary(&self, report: &Report<'_>, stdout: &mut dyn Write) -> Result<(), CliError> {
        let Some(path) = &self.summary else { return Ok(()) };
        let json =
            serde_json::to_string(report).map_err(|error| CliError::Failed(error.to_string()))?;
        let text = format!("{json}\n");
        let written = if is_standard(path) {
            stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
        } else {
            write_whole(path, text.as_bytes())
        };
        written.map_err(|error| CliError::output(path, &error))
    }
}

/// The files that say what is selected, for the audit file.
struct Inputs {
    trust: FileRead,
    orders: Vec<NamedOrder>,
    direction: Vec<FileRead>,
    at: Timestamp,
}

/// Opens a capture, and notes its digest first if there is to be an entry.
fn open(path: &Path, read: Option<&mut Vec<FileRead>>) -> Result<Capture, CaptureError> {
    if is_standard(path) {
        return Capture::standard_input();
    }
    if let Some(read) = read {
        let unreadable = |source| CaptureError::Unreadable { file: shown(path), source };
        read.push(digest_of(path).map_err(unreadable)?);
    }
    Capture::open(path)
}

fn named(order: &Mandate) -> NamedOrder {
    NamedOrder { key: order.key(), digest: order.digest().to_owned() }
}

/// Why the program could not be loaded, and what can be done instead.
fn unloaded(error: KernelError) -> CliError {
    if !error.is_denied() {
        return error.into();
    }
    let hint = "`--engine host` runs the same code without privilege";
    CliError::Failed(format!("{}; {hint}", error.explain()))
}

/// The orders in force at a moment. Standard error names the others, and those that select nothing at this
/// sensor.
fn in_force<'a>(together: &'a Together, at: Timestamp, sensor: Option<&str>) -> Vec<&'a Mandate> {
    let in_force = together.in_force(at);
    for (_, order) in &together.orders {
        if !in_force.iter().any(|other| other.key() == order.key()) {
            eprintln!(
                "sekisho: warning: {} is not in force at {} and selects nothing: its term is from {} \
                 until {}",
                order.key(),
                time::tokyo(at),
                time::tokyo(order.not_before),
                time::tokyo(order.not_after)
            );
        } else if order.facility().share(sensor).is_none() {
            let (key, sensor) = (order.key(), sensor.unwrap_or_default());
            eprintln!("sekisho: {}", wording::selects_nothing_at(&key, sensor, &order.basis().key));
        }
    }
    in_force
}
