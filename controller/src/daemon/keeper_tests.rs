//! Ticks against a kernel that only takes notes, and one that refuses.

use std::path::Path;

use jiff::Timestamp;
use sensor_common::tables::Line;
use serde_json::json;

use super::super::config::Config;
use super::*;
use crate::kernel::KernelError;
use crate::order::samples;

const CONFIG: &str = "sensor = \"s\"\nfacility = \"f\"\nmode = \"tap\"\ninterfaces = [\"e\"]\n\
                      trust = \"t\"\noutput = \"-\"\n[direction]\ndomestic = [\"d\"]\n";

#[derive(Debug, Eq, PartialEq)]
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
    fn publish(&mut self, _: &[Line]) -> Result<(), SensorError> {
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
fn keeper() -> Keeper {
    let order = |id: &str, from: i64, until: i64| {
        samples::verified(&samples::with(&[
            ("/order_id", json!(id)),
            ("/approved_at", json!("2027-01-01T00:00:00Z")),
            ("/not_before", json!(wall(from).to_string())),
            ("/not_after", json!(wall(until).to_string())),
        ]))
    };
    let config = Config::parse(Path::new("c.toml"), CONFIG.as_bytes()).unwrap();
    let orders = vec![order("a", 10, 20), order("b", 20, 30)];
    Keeper::new(Prepared { config, orders, layers: Vec::new() }, Arc::new(NameBook::default()))
}

fn wall(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_830_000_000 + seconds).unwrap()
}

fn at(seconds: i64) -> Reading {
    Reading { boot: boot(seconds), wall: wall(seconds) }
}

fn boot(seconds: i64) -> u64 {
    u64::try_from(1_000 + seconds).unwrap() * 1_000_000_000
}

#[test]
fn what_closes_comes_first_and_what_opens_last() {
    let (mut keeper, mut kernel) = (keeper(), Notes::default());
    let ticked = keeper.tick(&mut kernel, at(0)).unwrap();
    assert_eq!((ticked.next, ticked.published), (Some(boot(10)), Some(1)));
    keeper.tick(&mut kernel, at(10)).unwrap();
    keeper.tick(&mut kernel, at(11)).unwrap();
    let ticked = keeper.tick(&mut kernel, at(20)).unwrap();
    assert_eq!(ticked.changes, [(0, State::Ended), (1, State::InForce)]);
    assert_eq!((ticked.next, ticked.published), (Some(boot(30)), Some(3)));
    let expected = [
        Note::Publish,
        Note::Publish,
        Note::Deadline(0, boot(20)),
        Note::Deadline(0, boot(20)),
        Note::Deadline(0, 0),
        Note::Publish,
        Note::Deadline(1, boot(30)),
    ];
    assert_eq!(kernel.notes, expected);
    let ticked = keeper.tick(&mut kernel, at(30)).unwrap();
    assert_eq!((ticked.next, ticked.changes), (None, vec![(1, State::Ended)]));
}

#[test]
fn names_are_known_before_a_record_can_need_them() {
    let (mut keeper, mut kernel) = (keeper(), Notes { refuse: true, ..Notes::default() });
    assert!(keeper.tick(&mut kernel, at(10)).is_err());
    assert!(keeper.names.get(1).is_some());
    assert_eq!(kernel.notes, [Note::Publish], "no deadline without the generation");
}

#[test]
fn the_lease_counts_from_the_reading() {
    let (keeper, mut kernel) = (keeper(), Notes::default());
    assert_eq!(keeper.renew(&mut kernel, at(5)).unwrap(), boot(15));
    assert_eq!(kernel.notes, [Note::Lease(boot(15))]);
}

#[test]
fn generations_and_slots_go_on_where_another_daemon_left_them() {
    let (mut keeper, mut kernel) = (keeper(), Notes::default());
    let named = |id: &str, serial| Some((id.to_owned(), serial));
    let serial = keeper.orders[0].serial;
    // Slot 1 is of an older serial of the order.
    let slots = [(1, named("a", serial + 1)), (2, named("a", serial)), (4, None)];
    keeper.inherit(&Inherited { generation: 41, slots: slots.into() });
    let ticked = keeper.tick(&mut kernel, at(10)).unwrap();
    assert_eq!(ticked.published, Some(42));
    let expected =
        [Note::Deadline(1, 0), Note::Deadline(4, 0), Note::Publish, Note::Deadline(2, boot(20))];
    assert_eq!(kernel.notes, expected, "the order's own deadline stands meanwhile");
}
