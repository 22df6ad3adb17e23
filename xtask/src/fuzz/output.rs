//! Prints the summary of all runs.

use std::time::Duration;

use anyhow::Result;

use super::run::Run;
use super::stats::Stats;

/// Prints the results of all runs. Returns how many found something or failed.
pub(super) fn summary(runs: &[(&str, Result<Run>)]) -> usize {
    println!("fuzz: target    executions  edges  inputs  CPU time  findings");
    let (mut bad, mut cpu) = (0, Duration::ZERO);
    for (target, run) in runs {
        let run = match run {
            Ok(run) => run,
            Err(error) => {
                bad += 1;
                println!("fuzz: {target}: {error:#}");
                continue;
            }
        };
        let Stats { executions, edges, inputs } = run.stats;
        let (time, findings) = (hours(run.cpu), run.findings.len());
        println!("fuzz: {target:9} {executions:10}  {edges:5}  {inputs:6}  {time}  {findings:8}");
        for finding in &run.findings {
            println!("fuzz:   {}", finding.display());
        }
        if !run.is_whole {
            println!("fuzz:   did not run to its end; the log is in target/fuzz/logs/{target}");
        }
        bad += usize::from(!run.is_whole || findings > 0);
        cpu += run.cpu;
    }
    println!("fuzz: {} of CPU time altogether", hours(cpu));
    bad
}

/// `h:mm:ss`.
fn hours(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:2}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_like_a_clock() {
        assert_eq!(hours(Duration::from_secs(4 * 3_600 + 62)), " 4:01:02");
    }
}
