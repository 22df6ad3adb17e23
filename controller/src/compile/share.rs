//! The capacity share of a generation (L-CAP).

use sensor_common::capacity::{HIGHEST_RATE, UNMETERED};
use sensor_common::tables::Slot;

use crate::order::{Mandate, Measure};

/// Bits in a byte, times one hundred per cent.
const BITS_PERCENT: u128 = 8 * 100;

/// How much 外外 traffic a sensor may inspect under Art. 17, in bytes per second: the lowest share that any of
/// its orders gives it, rounded down. `None` if it has no such order.
///
/// It is the lowest because all orders look at the same packets: what is inspected for one is inspected for
/// each. Each sensor's share is its own part of the facility's, so that sensors together never inspect more
/// than was approved.
pub(super) fn of(orders: &[(Slot, &Mandate)], sensor: Option<&str>) -> Option<u64> {
    let art_17 = orders.iter().filter(|(_, order)| order.measure() == Measure::ForeignToForeign);
    let shares = art_17.filter_map(|(_, order)| {
        let percent = order.facility().share(sensor)?;
        Some(bytes(order.facility().capacity_bps, percent))
    });
    shares.min()
}

fn bytes(capacity_bps: u64, percent: u8) -> u64 {
    let bits = u128::from(capacity_bps) * u128::from(percent);
    u64::try_from(bits / BITS_PERCENT).map_or(HIGHEST_RATE, |bytes| bytes.min(HIGHEST_RATE))
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

    fn order(measure: &str, capacity: u64, percent: u8) -> Mandate {
        samples::assumed(&samples::with(&[
            ("/measure", json!(measure)),
            ("/not_after", json!("2027-12-01T00:00:00+09:00")),
            ("/facility/capacity_bps", json!(capacity)),
            ("/facility/max_share_percent", json!(percent)),
            ("/facility/sensors", json!({"a": percent})),
        ]))
    }

    #[test]
    fn the_lowest_share_of_the_art_17_orders_rounded_down() {
        let art_17 = |capacity, percent| order("foreign-to-foreign", capacity, percent);
        let other = order("foreign-to-domestic", 8, 1);
        let of = |orders: &[&Mandate]| {
            let orders: Vec<(Slot, &Mandate)> =
                (0..).map(Slot::new).zip(orders.iter().copied()).collect();
            of(&orders, Some("a"))
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[&other]), None);
        assert_eq!(of(&[&art_17(100_000_000_000, 30), &other]), Some(3_750_000_000));
        assert_eq!(of(&[&art_17(1_000_000_000, 30), &art_17(1_000_000_000, 7)]), Some(8_750_000));
        assert_eq!(of(&[&art_17(1_000_000_000, 7), &art_17(1_000, 30)]), Some(37));
        assert_eq!(of(&[&art_17(799, 1)]), Some(0));
        assert_eq!(of(&[&art_17(u64::MAX, 30)]), Some(HIGHEST_RATE));
    }

    #[test]
    fn no_order_and_a_share_of_nothing_are_not_the_same() {
        assert_eq!((word(None), word(Some(0))), (UNMETERED, 0));
    }
}
