//! `sekisho replay`: captures through the real program, or through the same code in user space.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::CliError;
use super::direction::{self, DirectionArgs};
use crate::capture::Capture;
use crate::classes::ClassRanges;
use crate::compile::{Slotted, compile};
use crate::direction::DirectionTable;
use crate::durable::output;
use crate::engine::{Engine, HostEngine, KernelEngine};
use crate::kernel::KernelError;
use crate::order::{Order, Verified, load, time};
use crate::preview::check_party;
use crate::registry::basis::{FileRead, files as files_of};
use crate::registry::event::Named;
use crate::registry::runs::Replayed;
use crate::replay::Replay;
use crate::shown::shown;

mod entry;

use entry::{Digesting, EntryArgs, digest_of};

const EXAMPLES: &str = "\
Examples:
  What would this order select out of that capture, had it been in force then?
    sekisho replay --trust trust.json --order order.json --domestic jp.txt \\
        --foreign abroad.txt --pcap gateway.pcap --at 2027-11-02T12:00:00+09:00

  Counts only, without privilege:
    sekisho replay --engine host --trust trust.json --order order.json \\
        --domestic delegated-apnic-extended-latest --country JP \\
        --pcap gateway.pcapng.gz --output /dev/null --summary summary.json

Records are NDJSON in the Elastic Common Schema: event.sequence is the frame's number in its capture
and @timestamp the time it was captured. Exit status: 0 done, 1 a capture or the kernel failed,
2 usage, 3 an order, trust or direction file was refused.";

/// Push the frames of captures through the sensor's program
///
/// Each frame goes through the XDP program that carriers load, with `BPF_PROG_TEST_RUN`; nothing is
/// attached to any interface. `--engine host` runs the same code in user space and needs no
/// privilege. Captures are judged as if the capacity share were never used up: this shows what an
/// order selects, not what the share leaves of it.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, group = direction::files())]
pub struct ReplayArgs {
    /// The trust file: whose signatures count
    #[arg(long, value_name = "FILE")]
    trust: PathBuf,

    /// Signed orders
    #[arg(long = "order", value_name = "FILE", required = true, num_args = 1..)]
    orders: Vec<PathBuf>,

    #[command(flatten)]
    direction: DirectionArgs,

    /// Captures (pcap or pcapng, also compressed with gzip) of link type Ethernet
    #[arg(long = "pcap", value_name = "FILE", required = true, num_args = 1..)]
    captures: Vec<PathBuf>,

    /// The moment that decides which orders are in force (RFC 3339) [default: now]
    ///
    /// It stands for the whole replay, whatever the times in the captures. An order that is not in
    /// force at that moment selects nothing.
    #[arg(long, value_name = "TIME", value_parser = time::parse_timestamp)]
    at: Option<Timestamp>,

    /// Where the frames are judged
    #[arg(long, value_enum, default_value_t = EngineName::Kernel)]
    engine: EngineName,

    /// Where the records go; `-` is standard output
    ///
    /// A file is in place only once it is complete.
    #[arg(long, value_name = "FILE", default_value = "-")]
    output: PathBuf,

    /// Write the counts (JSON) to this file; `-` is standard output
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,

    #[command(flatten)]
    entry: EntryArgs,

    /// The sensor's name in the records
    #[arg(long, value_name = "NAME", default_value = "replay")]
    sensor: String,
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
    /// Runs the replay.
    ///
    /// # Errors
    /// [`CliError`], after which no output file has been put in place.
    pub fn run(&self, stdout: &mut dyn Write) -> Result<(), CliError> {
        let trust = load::trust(&self.trust)?;
        let orders = load::orders(self.orders.iter().map(PathBuf::as_path), &trust)?;
        let table = DirectionTable::load(&self.direction.inputs())?;
        let classes = ClassRanges::of(&table);
        for (path, order) in self.orders.iter().zip(&orders) {
            check_party(&shown(path), order, &classes)?;
        }
        let at = self.at.unwrap_or_else(Timestamp::now);
        let in_force = in_force(&orders, at);
        let slotted = Slotted::in_turn(in_force);
        let [below, above] = table.layers();
        let generation = compile(1, &[&below, &above], &slotted)?;
        // All captures are opened before the first is read: a wrong name ends the command before
        // it has done anything.
        let captures = self.captures.iter().map(|path| Ok((path, Capture::open(path)?)));
        let captures: Vec<(&PathBuf, Capture)> = captures.collect::<Result<_, CliError>>()?;
        let engine: Box<dyn Engine> = match self.engine {
            EngineName::Host => Box::new(HostEngine::new(generation.lines)),
            EngineName::Kernel => Box::new(KernelEngine::new(&generation.lines).map_err(unloaded)?),
        };

        let entry = self.entry.open()?;
        let is_entered = entry.is_some();
        let digests = match &entry {
            Some(_) => self.captures.iter().map(|path| digest_of(path)).collect(),
            None => Ok(Vec::new()),
        };
        let digests = digests?;
        let mut replay = Replay::new(engine, &generation.names, &self.sensor);
        let mut output = Output::open(&self.output, stdout)?;
        let mut digesting = Digesting::new(output.writer());
        let ran = captures.into_iter().try_for_each(|(path, capture)| {
            replay.run(path, capture, &mut digesting, &mut progress(path))
        });
        let sha256 = digesting.digest();
        // Before the records are in place, and also where the replay failed: what it used, it used.
        if let Some(entry) = entry {
            let summary = replay.summary()?;
            entry.write(Replayed {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                uid: rustix::process::getuid().as_raw(),
                engine: self.engine.name().to_owned(),
                moment: at,
                trust: FileRead {
                    file: shown(&self.trust),
                    sha256: crate::digest::sha256(trust.bytes()),
                },
                orders: orders.iter().map(named).collect(),
                direction: files_of(&table),
                default: self.direction.default.class().name().to_owned(),
                captures: digests,
                output: FileRead { file: shown(&self.output), sha256 },
                packets: summary.packets(),
                records: summary.records(),
                complete: ran.is_ok(),
            })?;
        }
        if let Err(error) = ran {
            // What came before the error is true; on standard output it is shown.
            let _ = output.writer().flush();
            return Err(error.into());
        }
        output.finish().map_err(|error| CliError::output(&self.output, &error))?;
        if replay.cut() > 0 {
            eprintln!(
                "sekisho: {} frames are cut short in the captures; their missing bytes were taken \
                 as zeros",
                replay.cut()
            );
        }
        if let Some(path) = &self.summary {
            let json = serde_json::to_string(&replay.summary()?)
                .map_err(|error| CliError::Failed(error.to_string()))?;
            let text = format!("{json}\n");
            let written = if is_standard(path) {
                stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
            } else {
                write_whole(path, text.as_bytes())
            };
            written.map_err(|error| CliError::output(path, &error))?;
        }
        if !is_entered {
            eprintln!("sekisho: this replay was entered in no audit file; --state names one");
        }
        Ok(())
    }
}

fn named(order: &Verified<Order>) -> Named {
    Named { key: order.key(), digest: order.digest().to_owned() }
}

/// Why the program could not be loaded, and what can be done without it.
fn unloaded(error: KernelError) -> CliError {
    if !error.is_denied() {
        return error.into();
    }
    let hint = "`--engine host` runs the same code without privilege";
    CliError::Failed(format!("{}; {hint}", error.explain()))
}

/// The orders in force at a moment; the others are named on standard error.
fn in_force(orders: &[Verified<Order>], at: Timestamp) -> Vec<&Verified<Order>> {
    let (in_force, others): (Vec<_>, Vec<_>) =
        orders.iter().partition(|order| order.not_before <= at && at < order.not_after);
    for order in others {
        eprintln!(
            "sekisho: warning: order {} is not in force at {} and selects nothing: its term is from \
             {} until {}",
            order.order_id,
            time::tokyo(at),
            time::tokyo(order.not_before),
            time::tokyo(order.not_after)
        );
    }
    in_force
}

/// Says on a terminal how far a long replay has come.
fn progress(path: &Path) -> impl FnMut(u64) {
    const EVERY: u64 = 1_000_000;
    let terminal = io::stderr().is_terminal();
    move |frames| {
        if terminal && frames % EVERY == 0 {
            eprintln!("sekisho: {}: {frames} frames", path.display());
        }
    }
}

fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Replaces a file in one step; what is not an ordinary file (a pipe, `/dev/null`) is written to.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_special(path) {
        File::create(path)?.write_all(bytes)
    } else {
        output::replace(path, bytes)
    }
}

fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file())
}

/// Where records go.
enum Output<'a> {
    Stream(BufWriter<Box<dyn Write + 'a>>),
    File { writer: BufWriter<File>, temporary: PathBuf, path: &'a Path },
}

impl<'a> Output<'a> {
    fn open(path: &'a Path, stdout: &'a mut dyn Write) -> Result<Self, CliError> {
        if is_standard(path) {
            return Ok(Self::Stream(BufWriter::new(Box::new(stdout))));
        }
        let failed = |error: io::Error| CliError::output(path, &error);
        if is_special(path) {
            return Ok(Self::Stream(BufWriter::new(Box::new(File::create(path).map_err(failed)?))));
        }
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".partial");
        let temporary = PathBuf::from(temporary);
        let writer = BufWriter::new(File::create(&temporary).map_err(failed)?);
        Ok(Self::File { writer, temporary, path })
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stream(writer) => writer,
            Self::File { writer, .. } => writer,
        }
    }

    fn finish(mut self) -> io::Result<()> {
        self.writer().flush()?;
        if let Self::File { temporary, path, .. } = &self {
            output::publish(temporary, path)?;
        }
        Ok(())
    }
}

impl Drop for Output<'_> {
    fn drop(&mut self) {
        if let Self::File { temporary, .. } = self {
            // Gone already, if the replay came to its end.
            let _ = std::fs::remove_file(temporary);
        }
    }
}
