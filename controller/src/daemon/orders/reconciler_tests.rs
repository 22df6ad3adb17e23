//! Ticks against a kernel in memory that notes each operation, and one that refuses all.

use super::*;
use crate::order::OrderKey;
use crate::order::samples::kit::kernel::{MemoryKernel, Operation};
use crate::order::samples::signed;
use crate::registry::tests::{at, begun, install, payload, wall};

/// Two orders, one after the other: seconds 10 to 20 and 20 to 30.
fn registry() -> Registry {
    let mut registry = begun().registry;
    for (id, from, until) in [("a", 10, 20), ("b", 20, 30)] {
        let signed = signed(&payload(id, 1, from, until));
        registry = install(&registry, &signed, at(0)).unwrap().registry;
    }
    registry
}

fn reconciler() -> Reconciler {
    Reconciler::new(Arc::default(), Duration::from_secs(10), Arc::default(), "tyo-gw-1-a")
}

/// Ticks as the order service does: a generation is compiled, published and opened.
fn tick(
    reconciler: &mut Reconciler,
    kernel: &mut MemoryKernel,
    registry: &mut Registry,
    now: Reading,
) -> Result<(Option<BootTime>, Option<u32>), ReconcilerError> {
    registry.observe(now);
    if let Some(change) = registry.settle(now) {
        *registry = change.registry;
    }
    let mut published = None;
    loop {
        let Ticked { next, job } = reconciler.tick(kernel, registry, now)?;
        let Some(job) = job else { return Ok((next, published)) };
        published = Some(reconciler.publish(kernel, &job.run()?, ())?);
    }
}

/// What a tick tells the kernel of orders that go on: slot, first and last second of the term.
fn told(terms: &[(u32, i64, i64)]) -> Vec<Operation> {
    let term = |begin, end| Term { begin: at(begin).boot, end: at(end).boot };
    let narrow =
        |(slot, begin, end): &_| Operation::NarrowTerm(Slot::new(*slot), term(*begin, *end));
    let set = |(slot, begin, end): &_| Operation::SetTerm(Slot::new(*slot), term(*begin, *end));
    terms.iter().map(narrow).chain(terms.iter().map(set)).collect()
}

#[test]
fn what_closes_comes_first_and_what_opens_last() {
    let (mut reconciler, mut kernel, mut registry) =
        (reconciler(), MemoryKernel::default(), registry());
    let (first, second) = ((0, 10, 20), (1, 20, 30));
    let (publish, close) =
        (vec![Operation::Publish], |slot| vec![Operation::SetTerm(Slot::new(slot), Term::NEVER)]);
    let both = told(&[first, second]);
    for (second, next, generation, expected) in [
        (0, Some(10), Some(1), [told(&[first]), publish.clone(), told(&[first])].concat()),
        // One lease ahead of its term.
        (10, Some(20), Some(2), [both.clone(), publish.clone(), both.clone()].concat()),
        (11, Some(20), None, both),
        (
            20,
            Some(30),
            Some(3),
            [close(0), told(&[second]), publish.clone(), told(&[second])].concat(),
        ),
        (30, None, Some(4), [close(1), publish].concat()),
    ] {
        let came = tick(&mut reconciler, &mut kernel, &mut registry, at(second)).unwrap();
        assert_eq!(came, (next.map(|next| at(next).boot), generation), "{second}");
        assert_eq!(std::mem::take(&mut kernel.operations), expected, "{second}");
    }
}

#[test]
fn what_has_not_begun_is_left_out_where_it_does_not_fit() {
    let mut registry = begun().registry;
    let mut many = payload("a", 1, 0, 30);
    let rule = many["rules"][0].clone();
    let rules = (0..600).map(|number| {
        let mut rule = rule.clone();
        rule["id"] = format!("r{number}").into();
        rule
    });
    many["rules"] = rules.collect::<Vec<_>>().into();
    let mut more = many.clone();
    more["serial"] = 2.into();
    more["not_before"] = wall(20).to_string().into();
    more["not_after"] = wall(50).to_string().into();
    for order in [&many, &more] {
        registry = install(&registry, &signed(order), at(0)).unwrap().registry;
    }
    let (mut reconciler, mut kernel) = (reconciler(), MemoryKernel::default());
    let mut pass = |second| {
        let (next, published) =
            tick(&mut reconciler, &mut kernel, &mut registry, at(second)).unwrap();
        (next.unwrap(), published, [0, 1].map(|position| reconciler.is_live(position)))
    };
    assert_eq!(pass(0), (at(10).boot, Some(1), [true, false]));
    // Both together have more rules than there can be.
    assert_eq!(pass(10), (at(20).boot, Some(2), [true, false]));
    assert_eq!(pass(19), (at(20).boot, None, [true, false]));
    assert_eq!(pass(20), (at(50).boot, Some(3), [false, true]), "so it comes in at its beginning");
}

#[test]
fn names_are_known_before_a_record_can_need_them() {
    let (mut reconciler, mut kernel, registry) =
        (reconciler(), MemoryKernel::default(), registry());
    let job = reconciler.tick(&mut kernel, &registry, at(0)).unwrap().job.unwrap();
    kernel = MemoryKernel::default();
    kernel.refuses = true;
    assert!(reconciler.publish(&mut kernel, &job.run().unwrap(), ()).is_err());
    assert!(reconciler.names.get(1).is_some());
    assert_eq!(kernel.operations, [Operation::Publish]);
}

#[test]
fn one_generation_is_under_way_at_a_time() {
    let (mut kernel, mut registry) = (MemoryKernel::default(), registry());
    let mut reconciler =
        Reconciler::new(Arc::default(), Duration::from_secs(9), Arc::default(), "tyo-gw-1-a");
    let first = reconciler.tick(&mut kernel, &registry, at(0)).unwrap().job.unwrap();
    registry.observe(at(11));
    registry = registry.settle(at(11)).unwrap().registry;
    assert!(reconciler.tick(&mut kernel, &registry, at(11)).unwrap().job.is_none());
    reconciler.publish(&mut kernel, &first.run().unwrap(), ()).unwrap();
    let second = reconciler.tick(&mut kernel, &registry, at(11)).unwrap().job.unwrap();
    assert!(!reconciler.is_live(0));
    reconciler.publish(&mut kernel, &second.run().unwrap(), ()).unwrap();
    assert!(!reconciler.is_live(1) && reconciler.is_live(0), "the other one has not begun");
    let both = told(&[(0, 10, 20), (1, 20, 30)]);
    let publish = vec![Operation::Publish];
    assert_eq!(kernel.operations, [both.clone(), publish.clone(), both, publish].concat());
}

#[test]
fn other_direction_tables_make_another_generation() {
    let (mut reconciler, mut kernel, mut registry) =
        (reconciler(), MemoryKernel::default(), registry());
    tick(&mut reconciler, &mut kernel, &mut registry, at(0)).unwrap();
    reconciler.reconfigure(Arc::default(), Duration::from_secs(5));
    let (_, published) = tick(&mut reconciler, &mut kernel, &mut registry, at(1)).unwrap();
    assert_eq!((published, reconciler.lease(at(1))), (Some(2), at(6).boot));
}

#[test]
fn generations_and_slots_go_on_where_another_daemon_left_them() {
    let (mut reconciler, mut kernel, mut registry) =
        (reconciler(), MemoryKernel::default(), registry());
    let order = registry.standings(at(0))[0].order.clone().unwrap();
    let named = |serial| Some(OrderKey::new(order.order_id.as_str(), serial));
    // Slot 1 is of another serial of the order.
    let slots = [(1, named(order.serial + 1)), (2, named(order.serial)), (4, None)];
    let slots = slots.map(|(slot, order)| (Slot::new(slot), order)).into();
    let inherited = Inherited { generation: 41, slots };
    reconciler.inherit(&inherited, &registry, at(10));
    let (_, published) = tick(&mut reconciler, &mut kernel, &mut registry, at(10)).unwrap();
    assert_eq!(published, Some(42));
    let close = [1, 4].map(|slot| Operation::SetTerm(Slot::new(slot), Term::NEVER)).to_vec();
    let ours = told(&[(2, 10, 20), (0, 20, 30)]);
    let expected = [close, ours.clone(), vec![Operation::Publish], ours].concat();
    assert_eq!(
        kernel.operations, expected,
        "the order selects meanwhile, but no longer than it may"
    );
}
