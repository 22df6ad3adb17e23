//! What a daemon finds in the kernel if the previous one left its pins: generations that may be judging
//! packets at this moment, and the slots of their orders (L-TERM).
//!
//! A slot belongs to an order of such a generation until another generation is published. Before that, no
//! other order may have a term in it, and an order that must not continue must lose its term at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use sensor_common::tables::Slot;

use crate::compile::Names;
use crate::order::OrderKey;

/// The generations that the previous daemon left. Any of them may be in force.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inherited {
    /// The highest number among them; the next generation has a higher one.
    pub generation: u32,
    /// Every slot that one of them leads to, with its order; `None` if they do not agree.
    pub slots: BTreeMap<Slot, Option<OrderKey>>,
}

impl Inherited {
    /// The slots of these generations.
    pub fn new(generations: &[Arc<Names>]) -> Self {
        let mut inherited = Self::default();
        for names in generations {
            inherited.generation = inherited.generation.max(names.generation);
            for rule in names.rules() {
                let named = Some(rule.order.key());
                let slot = inherited.slots.entry(rule.order.slot).or_insert_with(|| named.clone());
                if *slot != named {
                    *slot = None;
                }
            }
        }
        inherited
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{OrderName, RuleName};
    use crate::order::Measure;

    fn generation(number: u32, slots: &[(u32, &str, u64)]) -> Arc<Names> {
        let rule = |(slot, id, serial): &(u32, &str, u64)| RuleName {
            order: Arc::new(OrderName {
                slot: Slot::new(*slot),
                order_id: (*id).to_owned(),
                serial: *serial,
                measure: Measure::Agreement,
                digest: String::new(),
            }),
            rule: "r".to_owned(),
        };
        Arc::new(Names::new(number, slots.iter().map(rule).collect()))
    }

    #[test]
    fn a_slot_is_an_orders_own_where_all_generations_say_so() {
        let inherited = Inherited::new(&[
            generation(7, &[(0, "a", 1), (1, "b", 1), (2, "c", 1)]),
            generation(8, &[(0, "a", 1), (2, "c", 2), (3, "d", 1)]),
        ]);
        assert_eq!(inherited.generation, 8);
        let own = |id| Some(OrderKey::new(id, 1));
        let slots = [own("a"), own("b"), None, own("d")];
        let slots: BTreeMap<_, _> = (0..).map(Slot::new).zip(slots).collect();
        assert_eq!(inherited.slots, slots);
        assert_eq!(Inherited::new(&[]), Inherited::default());
    }
}
