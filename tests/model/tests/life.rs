//! The model with a stand-in for the kernel, and a disk whose power is cut in the middle of
//! what is written. Over the real program: `tests/tests/model.rs`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use controller::compile::Names;
use controller::daemon::sensor::{Enforce, SensorError};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sekisho_model::disk::SimulatedDisk;
use sekisho_model::law::{IDS, step};
use sekisho_model::ports::Port;
use sekisho_model::stories::{a_long_life, handed_over, revoked};
use sekisho_model::world::World;
use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Line, Slot, Term};

/// What the kernel enforces.
#[derive(Debug)]
struct Kernel {
    now: BootTime,
    names: Option<Arc<Names>>,
    terms: [Term; 64],
    lease: BootTime,
    halted: bool,
}

impl Default for Kernel {
    fn default() -> Self {
        Self {
            now: BootTime::ZERO,
            names: None,
            terms: [Term::NEVER; 64],
            lease: BootTime::ZERO,
            halted: false,
        }
    }
}

impl Enforce for Kernel {
    type Tables = ();

    fn tables(_: &[Line]) -> Result<(), SensorError> {
        Ok(())
    }

    fn publish(&mut self, (): ()) -> Result<(), SensorError> {
        Ok(())
    }

    fn set_term(&mut self, slot: Slot, term: Term) -> Result<(), SensorError> {
        self.terms[slot.number() as usize] = term;
        Ok(())
    }

    fn narrow_term(&mut self, slot: Slot, limit: Term) -> Result<(), SensorError> {
        let term = &mut self.terms[slot.number() as usize];
        *term = term.and(limit);
        Ok(())
    }

    fn set_lease(&mut self, until: BootTime) -> Result<(), SensorError> {
        self.lease = until;
        Ok(())
    }

    fn set_halted(&mut self, halted: bool) -> Result<(), SensorError> {
        self.halted = halted;
        Ok(())
    }

    fn is_halted(&self) -> Result<bool, SensorError> {
        Ok(self.halted)
    }
}

impl Port for Kernel {
    fn set_now(&mut self, boot: BootTime) {
        self.now = boot;
    }

    fn judges_by(&mut self, names: Arc<Names>) {
        self.names = Some(names);
    }

    fn live(&mut self) -> Vec<(usize, u64)> {
        if self.halted || self.lease <= self.now {
            return Vec::new();
        }
        let orders = self.names.iter().flat_map(|names| names.rules()).map(|rule| &rule.order);
        let live = orders.filter(|order| self.terms[order.slot.number() as usize].holds(self.now));
        live.map(|order| {
            let id = IDS.iter().position(|id| *id == order.order_id).unwrap();
            (id, order.serial)
        })
        .collect()
    }

    fn forget(&mut self) {
        *self = Self { now: self.now, ..Self::default() };
    }
}

fn world() -> World<Kernel, SimulatedDisk> {
    World::new(Kernel::default(), SimulatedDisk::default(), Arc::default())
}

proptest! {
    // The same sequences every time: what a change breaks is what it is tested for. Many others are run
    // by hand, with another seed and more cases.
    #![proptest_config(ProptestConfig {
        cases: 64,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]
    #[test]
    fn the_kernel_holds_nothing_that_is_not_in_force(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = world();
        for step in steps {
            world.carry_out(step);
            world.check(&step);
        }
    }
}

#[test]
fn orders_in_force_select_and_no_others() {
    for story in [a_long_life(), handed_over(), revoked()] {
        world().tell(story);
    }
}
