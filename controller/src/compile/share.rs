//! The capacity share of a generation (L-CAP).

use sensor_common::capacity::{HIGHEST_RATE, UNMETERED};

use crate::order::{Measure, Order};

/// Bits in a byte, times one hundred per cent.
const BITS_PERCENT: u128 = 8 * 100;

/// How much 外外 traffic may be inspected under Art. 17, in bytes per second: the lowest share of
/// all its orders, rounded down. `None` where there is none of them.
///
/// The lowest, because all of them look at the same packets: what is inspected for one is inspected
/// for each.
pub(super) fn of<'a>(orders: impl IntoIterator<Item = &'a Order>) -> Option<u64> {
    let bytes = |order: &Order| {
        let facility = &order.facility;
        let bits = u128::from(facility.capacity_bps) * u128::from(facility.max_share_percent);
        u64::try_from(bits / BITS_PERCENT).map_or(HIGHEST_RATE, |bytes| bytes.min(HIGHEST_RATE))
    };
    let art_17 = |order: &&Order| order.measure == Measure::ForeignToForeign;
    orders.into_iter().filter(art_17).map(bytes).min()
}

/// The share as the tables have it.
pub(super) fn word(share: Option<u64>) -> u64 {
    share.unwrap_or(UNMETERED)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::order::samples;

    fn order(measure: &str, capacity: u64, percent: u8) -> Order {
        let mut order = samples::verified(&samples::order()).get().clone();
        order.measure = serde_json::from_value(json!(measure)).unwrap();
        order.facility.capacity_bps = capacity;
        order.facility.max_share_percent = percent;
        order
    }

    #[test]
    fn the_lowest_share_of_the_art_17_orders_rounded_down() {
        let art_17 = |capacity, percent| order("foreign-to-foreign", capacity, percent);
        let other = order("foreign-to-domestic", 8, 1);
        assert_eq!(of([]), None);
        assert_eq!(of([&other]), None);
        assert_eq!(of([&art_17(100_000_000_000, 30), &other]), Some(3_750_000_000));
        assert_eq!(of([&art_17(1_000_000_000, 30), &art_17(1_000_000_000, 7)]), Some(8_750_000));
        assert_eq!(of([&art_17(1_000_000_000, 7), &art_17(1_000, 30)]), Some(37));
        assert_eq!(of([&art_17(799, 1)]), Some(0));
        assert_eq!(of([&art_17(u64::MAX, 30)]), Some(HIGHEST_RATE));
    }

    #[test]
    fn no_order_and_a_share_of_nothing_are_not_the_same() {
        assert_eq!((word(None), word(Some(0))), (UNMETERED, 0));
    }
}
