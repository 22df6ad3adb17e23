//! Ticks against a kernel that only takes notes, and one that refuses.

use sensor_common::tables::Line;

use super::super::sensor::SensorError;
use super::*;
use crate::kernel::KernelError;
use crate::order::samples::signed;
use crate::registry::tests::{at, begun, install, payload, wall};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Note {
    Publish,
    Deadline(u32, u64),
    Lease(u64),
}

#[derive(Default)]
struct Notes {
    notes: Vec<Note>,
    refuse: bool,
}

impl Notes {
    fn take(&mut self, note: Note) -> Result<(), SensorError> {
        self.notes.push(note);
        if self.refuse {
            return Err(SensorError { interface: "e".into(), error: KernelError::TooLarge });
        }
        Ok(())
    }
}

impl Enforce for Notes {
    type Tables = ();

    fn tables(_: &[Line]) -> Result<(), SensorError> {
        Ok(())
    }

    fn publish(&mut self, (): ()) -> Result<(), SensorError> {
        self.take(Note::Publish)
    }

    fn set_deadline(&mut self, slot: u32, deadline: u64) -> Result<(), SensorError> {
        self.take(Note::Deadline(slot, deadline))
    }

    fn set_lease(&mut self, until: u64) -> Result<(), SensorError> {
        self.take(Note::Lease(until))
    }
}

/// Two orders, one after the other: seconds 10 to 20 and 20 to 30.
fn registry() -> Registry {
    let mut registry = begun().registry;
    for (id, from, until) in [("a", 10, 20), ("b", 20, 30)] {
        let envelope = signed(&payload(id, 1, from, until), &[1, 2, 3]);
        registry = install(&registry, &envelope, at(0)).unwrap().registry;
    }
    registry
}

fn keeper() -> Keeper {
    Keeper::new(Arc::default(), Duration::from_secs(10), Arc::default())
}

/// Ticks as the registrar does: a generation is compiled, published and opened.
fn tick(
    keeper: &mut Keeper,
    kernel: &mut Notes,
    registry: &mut Registry,
    now: Reading,
) -> Result<(Option<u64>, Option<u32>), KeeperError> {
    registry.observe(now);
    if let Some(change) = registry.settle(now) {
        *registry = change.registry;
    }
    let mut published = None;
    loop {
        let Ticked { next, job } = keeper.tick(kernel, registry, now)?;
        let Some(job) = job else { return Ok((next, published)) };
        published = Some(keeper.publish(kernel, &job.run()?, ())?);
    }
}

#[test]
fn what_closes_comes_first_and_what_opens_last() {
    let (mut keeper, mut kernel, mut registry) = (keeper(), Notes::default(), registry());
    let mut pass = |second| tick(&mut keeper, &mut kernel, &mut registry, at(second)).unwrap();
    assert_eq!(pass(0), (Some(at(10).boot), Some(1)));
    assert_eq!(pass(10), (Some(at(20).boot), Some(2)));
    assert_eq!(pass(11), (Some(at(20).boot), None));
    assert_eq!(pass(20), (Some(at(30).boot), Some(3)));
    assert_eq!(pass(30), (None, Some(4)));
    let expected = [
        Note::Publish,
        Note::Publish,
        Note::Deadline(0, at(20).boot),
        Note::Deadline(0, at(20).boot),
        Note::Deadline(0, 0),
        Note::Publish,
        Note::Deadline(1, at(30).boot),
        Note::Deadline(1, 0),
        Note::Publish,
    ];
    assert_eq!(kernel.notes, expected);
}

#[test]
fn names_are_known_before_a_record_can_need_them() {
    let (mut keeper, mut registry) = (keeper(), registry());
    let mut kernel = Notes { refuse: true, ..Notes::default() };
    assert!(tick(&mut keeper, &mut kernel, &mut registry, at(10)).is_err());
    assert!(keeper.names.get(1).is_some());
    assert_eq!(kernel.notes, [Note::Publish], "no deadline without the generation");
}

#[test]
fn one_generation_is_under_way_at_a_time() {
    let (mut keeper, mut kernel, mut registry) = (keeper(), Notes::default(), registry());
    let first = keeper.tick(&mut kernel, &registry, at(0)).unwrap().job.unwrap();
    registry.observe(at(10));
    registry = registry.settle(at(10)).unwrap().registry;
    assert!(keeper.tick(&mut kernel, &registry, at(10)).unwrap().job.is_none());
    keeper.publish(&mut kernel, &first.run().unwrap(), ()).unwrap();
    let second = keeper.tick(&mut kernel, &registry, at(11)).unwrap().job.unwrap();
    keeper.publish(&mut kernel, &second.run().unwrap(), ()).unwrap();
    assert!(!keeper.is_live(1) && keeper.is_live(0));
    keeper.tick(&mut kernel, &registry, at(12)).unwrap();
    assert_eq!(
        kernel.notes,
        [Note::Publish, Note::Publish, Note::Deadline(0, at(20).boot)],
        "{:?}",
        wall(20)
    );
}

#[test]
fn other_direction_tables_make_another_generation() {
    let (mut keeper, mut kernel, mut registry) = (keeper(), Notes::default(), registry());
    tick(&mut keeper, &mut kernel, &mut registry, at(0)).unwrap();
    keeper.reconfigure(Arc::default(), Duration::from_secs(5));
    let (_, published) = tick(&mut keeper, &mut kernel, &mut registry, at(1)).unwrap();
    assert_eq!((published, keeper.lease(at(1))), (Some(2), at(6).boot));
}

#[test]
fn generations_and_slots_go_on_where_another_daemon_left_them() {
    let (mut keeper, mut kernel, mut registry) = (keeper(), Notes::default(), registry());
    let order = registry.standings(at(0))[0].order.clone().unwrap();
    let named = |serial| Some((order.order_id.clone(), serial));
    // Slot 1 is of another serial of the order.
    let slots = [(1, named(order.serial + 1)), (2, named(order.serial)), (4, None)];
    let inherited = Inherited { generation: 41, slots: slots.into() };
    keeper.inherit(&inherited, &registry, at(10));
    let (_, published) = tick(&mut keeper, &mut kernel, &mut registry, at(10)).unwrap();
    assert_eq!(published, Some(42));
    let end = Note::Deadline(2, at(20).boot);
    let expected = [Note::Deadline(1, 0), Note::Deadline(4, 0), end, Note::Publish, end];
    assert_eq!(kernel.notes, expected, "the order selects meanwhile, but no longer than it may");
}
