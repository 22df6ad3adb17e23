//! The sensor itself, as the controller loads it, under orders that came the whole way.

use anyhow::{Result, ensure};
use controller::compile::{Generation, Slotted, compile};
use controller::kernel::{KernelTables, Mode, Program, Records, Setup};
use controller::order::Mandate;
use sekisho_tests::authority::{Signed, mandates};
use sensor_common::boot_time::BootTime;
use sensor_common::counters::{Counters, columns};
use sensor_common::layout::addresses::KeyHash;
use sensor_common::layout::{header, high, low};
use sensor_common::outcome::Outcome;
use sensor_common::tables::{Line, Slot, Term};

use crate::floor::Touched;
use crate::internet::Internet;

/// A loaded program with tables in force.
pub(crate) struct Sensor {
    pub(crate) program: Program,
    pub(crate) records: Records,
    filter: Vec<u64>,
    /// What IPv4 and IPv6 addresses touch of the tables.
    pub(crate) touched: [Touched; 2],
}

/// From envelopes to orders.
pub(crate) fn verify(envelopes: &[Signed]) -> Vec<Mandate> {
    mandates(envelopes)
}

/// From orders to tables.
pub(crate) fn tables(internet: &Internet, orders: &[Mandate]) -> Result<Generation> {
    let [below, above] = internet.layers();
    Ok(compile(1, &[below, above], &Slotted::in_turn(orders), None)?)
}

impl Sensor {
    /// Loads the program and publishes the tables, with all terms and the lease open.
    pub(crate) fn load(lines: &[Line], mode: Mode, ring_bytes: u32) -> Result<Self> {
        let setup = Setup { mode, ring_bytes, ..Setup::default() };
        let sensor = Self::set_up(setup, Some(&KernelTables::create(lines)?))?;
        let touched = [Touched::v4(lines), Touched::v6(lines)];
        Ok(Self { filter: v4_filter(lines), touched, ..sensor })
    }

    /// The same with all options, for those who do not ask what the tables are like. Without tables all that can
    /// be parsed ends as [`Outcome::Unclassified`].
    pub(crate) fn set_up(setup: Setup, tables: Option<&KernelTables>) -> Result<Self> {
        let (mut program, records) = Program::set_up(setup)?;
        if let Some(tables) = tables {
            program.publish(tables)?;
        }
        for slot in Slot::all() {
            program.set_term(slot, Term::ALWAYS)?;
        }
        program.set_lease(BootTime::MAX)?;
        Ok(Self { program, records, filter: Vec::new(), touched: Default::default() })
    }

    /// Whether an IPv4 address passes the filter of the tables.
    pub(crate) fn passes(&self, address: u32) -> bool {
        let hash = KeyHash::of(u64::from(address));
        let length = u32::try_from(self.filter.len()).unwrap_or(u32::MAX);
        let word = self.filter.get(hash.word(length) as usize).copied().unwrap_or(0);
        word & hash.mask() == hash.mask()
    }

    /// The counters over all CPUs.
    pub(crate) fn counters(&self) -> Result<Counters> {
        let mut sum = Counters::default();
        for cpu in self.program.counters()? {
            sum.merge(&cpu);
        }
        Ok(sum)
    }

    /// Takes all records out of the ring.
    pub(crate) fn drain(&mut self) -> u64 {
        let mut count = 0;
        while self.records.next_record().is_some() {
            count += 1;
        }
        count
    }

    /// Packets of all outcomes so far, and those of one.
    pub(crate) fn seen(&self, outcome: Outcome) -> Result<(u64, u64)> {
        let counters = self.counters()?;
        let with = |outcome| columns().map(|column| counters.packets(outcome, column)).sum::<u64>();
        Ok((Outcome::ALL.iter().map(|outcome| with(*outcome)).sum(), with(outcome)))
    }

    /// Fails unless nearly all packets had this outcome since `before` ([`Self::seen`]): a figure
    /// about the wrong path is worse than none.
    pub(crate) fn expect(&self, outcome: Outcome, before: (u64, u64)) -> Result<()> {
        let now = self.seen(outcome)?;
        let (all, with) = (now.0 - before.0, now.1 - before.1);
        ensure!(
            all > 0 && with * 1_000 >= all * 999,
            "{with} of {all} packets were {}: not what was to be measured",
            outcome.name()
        );
        Ok(())
    }
}

/// The words of the IPv4 filter.
fn v4_filter(lines: &[Line]) -> Vec<u64> {
    let at = lines.first().map_or(0, |head| head[header::V4_FILTER as usize]);
    lines.as_flattened()[low(at) as usize..][..high(at) as usize].to_vec()
}
