//! Port classes: ports that the same rules name share a class, and each class has a row.

use std::collections::HashMap;

use sensor_common::layout::NO_PORTS;

use super::CompileError;
use super::bits::Bits;
use crate::order::traffic::PortRange;

/// The classes of one side's ports.
pub(super) struct PortClasses {
    /// The row of each class; the first is that of packets without ports, [`NO_PORTS`].
    pub(super) rows: Vec<Bits>,
    /// The class of each of the 65,536 ports; empty if no rule names ports on this side.
    pub(super) classes: Vec<u16>,
}

/// Sorts ports into classes. `ranges` holds what each rule names; an empty list means any port or none.
pub(super) fn classify(ranges: &[&[PortRange]]) -> Result<PortClasses, CompileError> {
    let any = Bits::of(ranges.len(), |rule| ranges[rule].is_empty());
    if ranges.iter().all(|ranges| ranges.is_empty()) {
        return Ok(PortClasses { rows: vec![any], classes: Vec::new() });
    }
    // Between two neighbouring starts, all ports have the same rules.
    let ends = |range: &PortRange| [usize::from(range.low()), usize::from(range.high()) + 1];
    let mut starts: Vec<usize> = vec![0, 1 << 16];
    starts.extend(ranges.iter().copied().flatten().flat_map(ends));
    starts.sort_unstable();
    starts.dedup();

    let mut rows = vec![any.clone(); starts.len() - 1];
    for (rule, ranges) in ranges.iter().enumerate() {
        for [first, behind] in ranges.iter().map(ends) {
            let from = starts.partition_point(|start| *start < first);
            let to = starts.partition_point(|start| *start < behind);
            rows[from..to].iter_mut().for_each(|row| row.set(rule));
        }
    }

    let mut numbers = HashMap::from([(any.clone(), NO_PORTS)]);
    let mut distinct = vec![any];
    let mut classes = Vec::with_capacity(1 << 16);
    for (row, behind) in rows.into_iter().zip(&starts[1..]) {
        let next = u32::try_from(distinct.len()).unwrap_or(u32::MAX);
        let class = *numbers.entry(row.clone()).or_insert(next);
        if class == next {
            distinct.push(row);
        }
        let class = u16::try_from(class).map_err(|_| CompileError::PortClasses)?;
        classes.resize(*behind, class);
    }
    Ok(PortClasses { rows: distinct, classes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> PortRange {
        PortRange::parse(text).unwrap()
    }

    #[test]
    fn without_ports_there_is_one_class() {
        let classes = classify(&[&[], &[]]).unwrap();
        assert_eq!(classes.rows, [Bits(vec![0b11])]);
        assert!(classes.classes.is_empty());
    }

    #[test]
    fn each_port_has_the_rules_that_name_it() {
        let rules = [vec![range("80"), range("8000-8099")], vec![], vec![range("0-65535")]];
        let slices: Vec<&[PortRange]> = rules.iter().map(Vec::as_slice).collect();
        let classes = classify(&slices).unwrap();
        assert_eq!(classes.classes.len(), 65_536);
        for port in 0..=u16::MAX {
            let row = &classes.rows[usize::from(classes.classes[usize::from(port)])];
            let named = port == 80 || (8_000..8_100).contains(&port);
            assert_eq!(row.0, [0b110 | u64::from(named)], "port {port}");
        }
        // A packet without ports is not what a rule over all ports means.
        assert_eq!(classes.rows[NO_PORTS as usize].0, [0b010]);
        assert_eq!(classes.rows.len(), 3);
    }
}
