//! What a test takes from its environment: for how long, and the seed of its random choices, which can be made again.

use std::time::Duration;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// Names the seed of a test that takes one.
const SEED: &str = "SEKISHO_SEED";

/// Names the time of a test that goes on for as long as it is told to, in seconds.
const SECONDS: &str = "SEKISHO_SECONDS";

/// For how long, or the usual number of seconds.
///
/// # Panics
/// Where the environment gives something else than a number.
pub fn seconds(usual: u64) -> Duration {
    Duration::from_secs(number(SECONDS, usual))
}

/// The seed that the environment gives, or 1.
///
/// # Panics
/// Where it gives something else than a number.
pub fn seed() -> u64 {
    number(SEED, 1)
}

/// The number in an environment variable, or the usual one where there is none.
fn number(name: &str, usual: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{name}: {text}: no number")))
}

/// A generator from a seed.
pub fn random(seed: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// A number below `limit`, which is at most 2³².
///
/// # Panics
/// Where `limit` is 0.
pub fn below(random: &mut TestRng, limit: usize) -> usize {
    random.next_u32() as usize % limit
}
