//! The floor: what the loads alone cost that a look-up takes, in memory as large as the tables'.

use anyhow::Result;
use sensor_common::layout::{header, high, low};
use sensor_common::tables::{LINE_WORDS, Line, word_of};

use crate::report::Figure;
use crate::rig::{Rig, Sizes, Subject};
use crate::trace::Trace;

/// Lines of each part of the tables that random addresses touch at random places.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Touched {
    pub(crate) filter: u32,
    pub(crate) codes: u32,
    pub(crate) leaves: u32,
}

impl Touched {
    /// For IPv4 the filter alone: the codes of a /16 lie in one line and are touched only where it is
    /// mixed.
    pub(crate) fn v4(lines: &[Line]) -> Self {
        Self { filter: in_lines(high(head(lines, header::V4_FILTER))), ..Self::default() }
    }

    /// For IPv6 filter, nodes and leaves, which follow each other: nodes, leaves, filter.
    pub(crate) fn v6(lines: &[Line]) -> Self {
        let nodes = in_lines(low(head(lines, header::V6_NODES)));
        let leaves = low(head(lines, header::V6_LEAVES));
        let filter = head(lines, header::V6_FILTER);
        Self {
            filter: in_lines(high(filter)),
            codes: leaves.saturating_sub(nodes),
            leaves: in_lines(low(filter)).saturating_sub(leaves),
        }
    }

    /// Lines in all.
    pub(crate) const fn lines(self) -> u32 {
        let lines = self.filter + self.codes + self.leaves;
        if lines == 0 { 1 } else { lines }
    }
}

/// Nanoseconds per packet of parsing it, touching that much, and dropping it.
pub(crate) fn cost(
    case: &'static str,
    trace: &Trace,
    packets: u32,
    touched: Touched,
) -> Result<Figure> {
    let sizes = Sizes { touched, ..Sizes::NONE };
    let mut rig = Rig::new(trace, packets, sizes, 0)?;
    let runs = rig.measure(&Subject::Own("touch"), packets, || Ok(()))?;
    let mib = |lines: u32| f64::from(lines) / 16_384.0;
    let note = format!(
        "parser and bare loads: filter {:.1} MiB, codes {:.1} MiB, leaves {:.1} MiB",
        mib(touched.filter),
        mib(touched.codes),
        mib(touched.leaves)
    );
    Ok(Figure::new(case, "ns", runs).note(note))
}

/// A word of the header.
fn head(lines: &[Line], at: u32) -> u64 {
    lines.get(at as usize / LINE_WORDS).map_or(0, |line| word_of(line, at))
}

const fn in_lines(words: u32) -> u32 {
    words / 8
}
