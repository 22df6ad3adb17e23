//! Where the orders and directions of an input come from, and the tables that are made of them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use arbitrary::Unstructured;
use controller::compile::{CompileError, Generation, Layer, Names, Slotted, compile};
use controller::engine::HostEngine;
use controller::order::Mandate;
use sensor_common::payload::MOST_GROUPS;
use sensor_common::tables::{MOST_ORDERS, Slot};

use super::frames::Pool;
use super::spec::{Prefixes, Spec};
use crate::authority::approved;

/// The number of every generation.
pub(super) const GENERATION: u32 = 7;
/// So many scenarios are the same in every run.
const FIXED: u8 = 32;
/// So many are kept, of 5 MB each.
const KEPT: usize = FIXED as usize;

/// Orders, directions, and an engine over their tables.
pub(super) struct Scenario {
    pub(super) spec: Spec,
    pub(super) names: Arc<Names>,
    pub(super) pool: Pool,
    pub(super) engine: RefCell<HostEngine>,
}

impl Scenario {
    /// The slot of the order at a position.
    pub(super) fn slot(&self, position: usize) -> Slot {
        slot(&self.spec, position)
    }
}

fn slot(spec: &Spec, position: usize) -> Slot {
    let position = u32::try_from(position).expect("few orders");
    Slot::new((spec.first_slot + position) % MOST_ORDERS)
}

/// One of the scenarios that are the same in every run.
pub(super) fn fixed(number: u8) -> Rc<Scenario> {
    kept(&noise(number % FIXED))
}

/// Bytes that spell a fixed scenario (xorshift64*).
fn noise(number: u8) -> Vec<u8> {
    let mut state = 0x5e15_5e15_5e15_5e15 ^ (u64::from(number) << 40);
    let mut next = || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()
    };
    (0..256).flat_map(|_| next()).collect()
}

/// The scenario that these bytes spell; made only where it is not among the latest.
pub(super) fn kept(spelled: &[u8]) -> Rc<Scenario> {
    thread_local! {
        static KEPT_ONES: RefCell<VecDeque<(Vec<u8>, Rc<Scenario>)>> = const { RefCell::new(VecDeque::new()) };
    }
    KEPT_ONES.with_borrow_mut(|list| {
        if let Some(at) = list.iter().position(|(bytes, _)| bytes == spelled)
            && let Some(found) = list.remove(at)
        {
            list.push_front(found);
        } else {
            list.truncate(KEPT - 1);
            list.push_front((spelled.to_vec(), Rc::new(made(spelled))));
        }
        Rc::clone(&list.front().expect("one was put there").1)
    })
}

fn made(spelled: &[u8]) -> Scenario {
    // Where the bytes end, so does the scenario: `Unstructured` goes on with zeros.
    let mut spec = Spec::read(&mut Unstructured::new(spelled)).unwrap_or_else(|_| Spec::empty());
    loop {
        let orders: Vec<Mandate> = spec
            .orders
            .iter()
            .enumerate()
            .map(|(number, order)| {
                let plan = order.plan(number);
                approved(&plan).unwrap_or_else(|error| panic!("{error}\n{plan}"))
            })
            .collect();
        let slotted: Vec<Slotted<'_>> = orders
            .iter()
            .enumerate()
            .map(|(position, order)| Slotted { slot: slot(&spec, position), order })
            .collect();
        let layers = spec.layers.each_ref().map(|layer| -> Layer<'_> { layer });
        match compile(GENERATION, &layers, &slotted, None) {
            Ok(Generation { lines, names, .. }) => {
                let pool = Pool::of(&spec);
                return Scenario {
                    spec,
                    names,
                    pool,
                    engine: RefCell::new(HostEngine::new(lines)),
                };
            }
            Err(CompileError::PayloadGroups(count)) => {
                assert_eq!(count, groups(&spec));
                assert!(count > MOST_GROUPS as usize);
                spec.orders.pop();
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// How many pairs of key and length the rules compare payloads by.
fn groups(spec: &Spec) -> usize {
    let mut groups = std::collections::BTreeSet::new();
    for order in &spec.orders {
        for set in order.rules.iter().filter_map(|rule| rule.payload) {
            match &order.prefixes[set] {
                Prefixes::Raw(list) => {
                    groups.extend(list.iter().map(|prefix| (None, prefix.len())));
                }
                Prefixes::Hashed { key, length, .. } => {
                    groups.insert((Some(*key), *length));
                }
            }
        }
    }
    groups.len()
}
