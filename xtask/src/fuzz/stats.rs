//! Reads the output of libFuzzer.

use std::fmt;

/// A fuzzer's own statistics.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Stats {
    /// Inputs that were run.
    pub(super) executions: u64,
    /// Edges of the program that were reached.
    pub(super) edges: u64,
    /// Inputs that reached something new, including the initial ones.
    pub(super) inputs: u64,
}

impl Stats {
    /// Takes in a line such as `#4096 NEW cov: 812 ft: 2025 corp: 97/1305b …` or
    /// `stat::number_of_executed_units: 4096`.
    pub(super) fn read(&mut self, line: &str) {
        let line = line.trim();
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            self.executions = count.trim().parse().unwrap_or(self.executions);
        }
        let Some(rest) = line.strip_prefix('#') else { return };
        let mut words = rest.split_whitespace();
        let Some(executions) = words.next().and_then(|word| word.parse().ok()) else { return };
        self.executions = executions;
        while let Some(word) = words.next() {
            let value = match word {
                "cov:" => &mut self.edges,
                "corp:" => &mut self.inputs,
                _ => continue,
            };
            let number = words.next().and_then(|word| word.split('/').next()?.parse().ok());
            *value = number.unwrap_or(*value);
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { executions, edges, inputs } = self;
        write!(f, "{executions} executions, {edges} edges, {inputs} inputs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut stats = Stats::default();
        for line in [
            "INFO: Seed: 4153229478",
            "#2\tINITED cov: 3 ft: 4 corp: 1/1b exec/s: 0 rss: 30Mb",
            "#4096\tpulse  cov: 812 ft: 2025 corp: 97/1305b lim: 43 exec/s: 2048 rss: 60Mb",
            "#x cov: 1",
            "thread panicked at cov: 9",
        ] {
            stats.read(line);
        }
        assert_eq!(stats, Stats { executions: 4_096, edges: 812, inputs: 97 });
        stats.read("stat::number_of_executed_units: 5000\n");
        assert_eq!(stats.to_string(), "5000 executions, 812 edges, 97 inputs");
    }
}
