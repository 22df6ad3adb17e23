//! Measures which lines of the shared code are run by the tests that need no root.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::tools::CARGO_LLVM_COV;
use crate::{process, workspace};

/// The packages whose tests count: the shared code's own, the controller's, which compile orders and
/// judge frames by them, and the fuzzers' inputs.
const PACKAGES: [&str; 3] = ["sensor-common", "controller", "sekisho-fuzz"];
/// The code that is measured.
const MEASURED: &str = "sensor-common/src/";
/// The lowest coverage of it, in percent.
const FEWEST: usize = 95;

/// `cargo xtask coverage`.
pub(crate) fn run() -> Result<()> {
    tools()?;
    let report = workspace::target_directory()?.join("coverage.lcov");
    println!("coverage: the tests of {}", PACKAGES.join(", "));
    let mut command = CARGO_LLVM_COV.command()?;
    command.args(["llvm-cov", "--quiet", "--lcov", "--output-path"]).arg(&report);
    for package in PACKAGES {
        command.args(["--package", package]);
    }
    process::run(&mut command)?;
    let text = std::fs::read_to_string(&report)
        .with_context(|| format!("cannot read {}", report.display()))?;
    let files = files(&text, workspace::root())?;
    let (mut all, mut run) = (0, 0);
    for (name, lines) in &files {
        let missed: Vec<String> = lines
            .iter()
            .filter(|(_, runs)| **runs == 0)
            .map(|(line, _)| line.to_string())
            .collect();
        let missed_lines = missed.join(" ");
        let count = lines.len() - missed.len();
        println!("coverage: {name:24} {count:5} of {:5} lines  {missed_lines}", lines.len());
        (all, run) = (all + lines.len(), run + count);
    }
    let per_mille = (run * 1_000).checked_div(all).context("no line was measured")?;
    println!("coverage: {MEASURED}: {run} of {all} lines, {}.{} %", per_mille / 10, per_mille % 10);
    if run * 100 < all * FEWEST {
        bail!("less than {FEWEST} % of the lines of {MEASURED} are run through by tests");
    }
    Ok(())
}

/// Installs the tools that measure coverage.
pub(crate) fn tools() -> Result<()> {
    CARGO_LLVM_COV.path()?;
    let component = "llvm-tools";
    let mut list = std::process::Command::new("rustup");
    list.args(["component", "list", "--installed"]);
    if process::answer(&mut list).is_some_and(|list| list.contains(component)) {
        return Ok(());
    }
    println!(
        "set-up: rustup component add {component}\n        because: it reads what was measured"
    );
    process::run(std::process::Command::new("rustup").args(["component", "add", component]))
}

/// How often each line was run through.
type Lines = BTreeMap<usize, u64>;

/// Files that are compiled for tests only.
const TESTS: [&str; 2] = ["tests.rs", "samples.rs"];

/// The lines of the measured files in an LCOV report. Those of tests are left out.
fn files(report: &str, root: &Path) -> Result<BTreeMap<String, Lines>> {
    let mut files: BTreeMap<String, Lines> = BTreeMap::new();
    let mut current = None;
    for line in report.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let name = Path::new(path).strip_prefix(root).ok().and_then(Path::to_str);
            let name = name.and_then(|name| name.strip_prefix(MEASURED));
            current = match name {
                Some(name) if !TESTS.iter().any(|tests| name.ends_with(tests)) => {
                    let source = std::fs::read_to_string(path)
                        .with_context(|| format!("cannot read {path}"))?;
                    Some((name.to_owned(), code(&source)))
                }
                _ => None,
            };
        } else if let Some(data) = line.strip_prefix("DA:")
            && let Some((name, code)) = &current
        {
            let (number, runs) = data.split_once(',').context("an LCOV report without counts")?;
            let (number, runs): (usize, u64) = (number.parse()?, runs.parse()?);
            if number <= *code {
                *files.entry(name.clone()).or_default().entry(number).or_default() += runs;
            }
        }
    }
    Ok(files)
}

/// The number of lines before the tests, which stand at the end of a file.
fn code(source: &str) -> usize {
    let mut lines = source.lines().zip(source.lines().skip(1));
    let tests =
        lines.position(|(one, next)| one == "#[cfg(test)]" && next.starts_with("mod tests"));
    tests.unwrap_or_else(|| source.lines().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_not_measured() {
        assert_eq!(code("fn a() {}\n#[cfg(test)]\nmod tests {\n}\n"), 1);
        assert_eq!(code("#[cfg(test)]\nextern crate std;\nfn a() {}\n"), 3);
    }

    #[test]
    fn lines_of_a_report_are_counted() {
        let root = workspace::root();
        let report = format!(
            "SF:{0}/sensor-common/src/packet.rs\nDA:1,4\nDA:2,0\nDA:2,3\nDA:100000,1\nend_of_record\n\
             SF:{0}/sensor-common/src/parse/tests.rs\nDA:1,1\nend_of_record\n\
             SF:{0}/xtask/src/main.rs\nDA:1,1\nend_of_record\n",
            root.display()
        );
        let files = files(&report, root).unwrap();
        assert_eq!(files.len(), 1);
        assert_eq!(files["packet.rs"], BTreeMap::from([(1, 4), (2, 3)]));
    }
}
