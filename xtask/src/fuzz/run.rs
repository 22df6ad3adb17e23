//! Starts one fuzzer, watches it, and collects its results.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::stats::Stats;
use super::{Places, corpus, dictionary};
use crate::process;

/// How often the statistics of a fuzzer are printed.
const NEWS: Duration = Duration::from_secs(60);
/// How long one input may take, in seconds.
const TIMEOUT: u32 = 20;
/// The longest input, in bytes.
const LONGEST: u32 = 8_192;

/// The results of a fuzzer.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) stats: Stats,
    /// CPU time, user and system.
    pub(super) cpu: Duration,
    /// Inputs with findings.
    pub(super) findings: Vec<PathBuf>,
    /// Whether it ran to its end.
    pub(super) is_whole: bool,
}

impl Run {
    /// Fuzzes a target for a time, or until something is found.
    pub(super) fn start(target: &str, places: &Places, time: Duration) -> Result<Self> {
        let folder = |name: &str| -> Result<PathBuf> {
            let folder = places.found.join(name).join(target);
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            Ok(folder)
        };
        let (inputs, artefacts, logs) = (folder("corpus")?, folder("artefacts")?, folder("logs")?);
        let before = files(&artefacts);
        let mut command = Command::new(places.binaries.join(target));
        command.arg(format!("-max_total_time={}", time.as_secs()));
        command.arg(format!("-artifact_prefix={}/", artefacts.display()));
        command.args([format!("-timeout={TIMEOUT}"), format!("-max_len={LONGEST}")]);
        command.args(["-print_final_stats=1", "-rss_limit_mb=3072"]);
        if let Some(dictionary) = dictionary(target) {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        // New inputs go into the first folder.
        command.arg(inputs).arg(corpus(target));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let shown = process::show(&command);
        let mut child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
        let (stats, cpu) = watch(target, &mut child, File::create(logs.join("log"))?)?;
        let ended = child.wait().with_context(|| format!("cannot wait for {shown}"))?;
        let findings =
            files(&artefacts).into_iter().filter(|file| !before.contains(file)).collect();
        Ok(Self { stats, cpu, findings, is_whole: ended.success() })
    }
}

fn files(folder: &PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Reads the output of a fuzzer until it ends.
fn watch(target: &str, child: &mut Child, mut log: File) -> Result<(Stats, Duration)> {
    let (mut stats, mut cpu) = (Stats::default(), Duration::ZERO);
    let process = child.id();
    let (start, mut told) = (Instant::now(), Instant::now());
    let Some(errors) = child.stderr.take() else { return Ok((stats, cpu)) };
    let mut reader = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok((stats, cpu));
        }
        log.write_all(&line)?;
        stats.read(&String::from_utf8_lossy(&line));
        cpu = cpu_time(process).unwrap_or(cpu);
        if told.elapsed() >= NEWS {
            told = Instant::now();
            let minutes = start.elapsed().as_secs() / 60;
            println!("fuzz: {target}: {minutes} min, {stats}");
        }
    }
}

/// The CPU time of a process. It is read after every line of its output, including the last ones.
fn cpu_time(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (ticks, second) = (ticks(&stat)?, rustix::param::clock_ticks_per_second());
    Some(Duration::from_millis((ticks * 1_000).checked_div(second)?))
}

/// User and system time in clock ticks: fields 14 and 15 (`proc_pid_stat(5)`). The second field may hold
/// anything in brackets.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_behind_any_name() {
        let stat = "7 (a) b) R 1 7 7 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a"), None);
        assert!(cpu_time(std::process::id()).is_some());
    }
}
