//! The comparison: the ordinary design with the kernel's own maps.

use anyhow::{Context as _, Result, ensure};
use aya::maps::lpm_trie::Key;
use aya::maps::{HashMap, LpmTrie, PerCpuArray};
use ipnetwork::IpNetwork;

use crate::internet::{Internet, Kind};
use crate::progress;
use crate::rig::{Rig, Sizes, Subject};
use crate::trace::Trace;

/// Position of the unmatched packets in the program's counters.
const UNMATCHED: u32 = 1;

/// Nanoseconds per unmatched packet with `count` selectors: in a trie, as orders may name prefixes
/// of any length, or, if all are single addresses, in a hash table.
pub(crate) fn cost(
    internet: &Internet,
    trace: &Trace,
    packets: u32,
    count: usize,
    single: bool,
) -> Result<Vec<f64>> {
    let [below, above] = internet.layers();
    let direction: Vec<_> = below
        .iter()
        .chain(above)
        .filter_map(|(network, class)| match network {
            IpNetwork::V4(network) => Some((*network, *class as u32)),
            IpNetwork::V6(_) => None,
        })
        .collect();
    let selectors = u32::try_from(count)?;
    let sizes = Sizes {
        direction: u32::try_from(direction.len())?,
        prefixes: if single { 1 } else { selectors },
        addresses: if single { selectors } else { 1 },
        ..Sizes::NONE
    };
    let mut rig = Rig::new(trace, packets, sizes, 0)?;
    {
        let map = rig.ebpf.map_mut("DIRECTION").context("no map DIRECTION")?;
        let mut map: LpmTrie<_, [u8; 4], u32> = map.try_into()?;
        for (network, class) in direction {
            let key = Key::new(u32::from(network.prefix()), network.network().octets());
            map.insert(&key, class, 0)?;
        }
    }
    let addresses = internet.v4(Kind::Selector).take(count).map(u32::to_be_bytes);
    if single {
        let map = rig.ebpf.map_mut("ADDRESSES").context("no map ADDRESSES")?;
        let mut map: HashMap<_, [u8; 4], u32> = map.try_into()?;
        for address in addresses {
            map.insert(address, 1, 0)?;
        }
    } else {
        let map = rig.ebpf.map_mut("PREFIXES").context("no map PREFIXES")?;
        let mut map: LpmTrie<_, [u8; 4], u32> = map.try_into()?;
        for address in addresses {
            map.insert(&Key::new(32, address), 1, 0)?;
        }
    }
    progress("the comparison's maps are filled");
    let runs = rig.measure(&Subject::Own("lpm_hash"), packets, || Ok(()))?;
    let outcomes = rig.ebpf.map("OUTCOMES").context("no map OUTCOMES")?;
    let outcomes: PerCpuArray<_, u64> = outcomes.try_into()?;
    let sum = |outcome| Ok::<u64, anyhow::Error>(outcomes.get(&outcome, 0)?.iter().sum());
    let (unmatched, others) = (sum(UNMATCHED)?, sum(0)? + sum(2)? + sum(3)?);
    ensure!(unmatched > 999 * others, "{unmatched} packets unmatched, {others} not");
    Ok(runs)
}
