//! Results: for people and as JSON Lines.

use std::fmt::Write as _;

use serde::Serialize;

/// The result of one case.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) case: &'static str,
    /// The median of the runs.
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) runs: Vec<f64>,
    /// What a plain packet takes, measured in turns with this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) plain: Option<f64>,
    /// Only where the case was measured smaller than its name says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reduced: Option<String>,
    /// What a reader should know of this figure.
    #[serde(skip)]
    pub(crate) note: String,
}

impl Figure {
    pub(crate) fn new(case: &'static str, unit: &'static str, runs: Vec<f64>) -> Self {
        let value = median(&runs);
        Self { case, value, unit, runs, plain: None, reduced: None, note: String::new() }
    }

    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }
}

/// The middle of the runs.
pub(crate) fn median(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// What a case is meant to reach.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    /// There to compare others with.
    None,
    AtMost(f64),
    AtLeast(f64),
    /// At most so many times the value of another case of the same run.
    Times(f64, &'static str),
    /// At most so many times [`Figure::plain`].
    TimesPlain(f64),
}

impl Goal {
    /// The goal in words, and whether the figures meet it, if they can tell.
    fn judge(self, figure: &Figure, figures: &[Figure]) -> (String, Option<bool>) {
        let Figure { value, unit, plain, .. } = *figure;
        match self {
            Self::None => (String::new(), None),
            Self::AtMost(most) => (format!("≤ {most} {unit}"), Some(value <= most)),
            Self::AtLeast(least) => (format!("≥ {least} {unit}"), Some(value >= least)),
            Self::Times(times, case) => {
                let other = find(figures, case);
                (format!("≤ {times} × {case}"), other.map(|other| value <= times * other))
            }
            Self::TimesPlain(times) => {
                (format!("≤ {times} × plain"), plain.map(|plain| value <= times * plain))
            }
        }
    }
}

fn find(figures: &[Figure], case: &str) -> Option<f64> {
    figures.iter().find(|figure| figure.case == case).map(|figure| figure.value)
}

/// The table for people.
pub(crate) fn table(figures: &[Figure], goal_of: impl Fn(&str) -> Goal) -> String {
    let mut rows =
        vec![["case", "value", "unit", "goal", "", "spread of the runs"].map(String::from)];
    let verdict = |met: Option<bool>| match met {
        Some(true) => "met",
        Some(false) => "MISSED",
        None => "",
    };
    for figure in figures {
        let (goal, met) = goal_of(figure.case).judge(figure, figures);
        let least = figure.runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = figure.runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        rows.push([
            figure.case.to_owned(),
            number(figure.value),
            figure.unit.to_owned(),
            goal,
            verdict(met).to_owned(),
            format!("{} to {}", number(least), number(most)),
        ]);
    }
    if let (Some(sensor), Some(ordinary)) =
        (find(figures, "v4-unmatched-1m"), find(figures, "lpm-hash-1m"))
    {
        let times = ordinary / sensor;
        rows.push([
            "lpm-hash-1m / v4-unmatched-1m".to_owned(),
            number(times),
            "times".to_owned(),
            "≥ 50 times".to_owned(),
            verdict(Some(times >= 50.0)).to_owned(),
            String::new(),
        ]);
    }
    let mut text = layout(&rows);
    for figure in figures {
        let reduced = figure.reduced.iter().map(String::as_str);
        let plain = figure
            .plain
            .map(|plain| format!("{} × plain ({})", number(figure.value / plain), number(plain)));
        let notes = reduced.chain(plain.as_deref()).chain([figure.note.as_str()]);
        for note in notes.filter(|note| !note.is_empty()) {
            let _ = write!(text, "\n{}: {note}", figure.case);
        }
    }
    text
}

/// Rows under each other, the second column to the right.
pub(crate) fn layout<const N: usize>(rows: &[[String; N]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Numbers to the right.
            if column == 1 {
                let _ = write!(line, "{cell:>width$}  ");
            } else {
                let _ = write!(line, "{cell:<width$}  ");
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Three digits that say something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
    }
}
