//! The model with a kernel in memory, and a disk whose power is cut in the middle of
//! what is written. Over the real program: `tests/tests/model.rs`.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sekisho_kit::kernel::MemoryKernel;
use sekisho_model::disk::SimulatedDisk;
use sekisho_model::law::step;
use sekisho_model::stories::{a_long_life, handed_over, revoked};
use sekisho_model::world::World;

fn world() -> World<MemoryKernel, SimulatedDisk> {
    World::new(MemoryKernel::default(), SimulatedDisk::default(), Arc::default())
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
