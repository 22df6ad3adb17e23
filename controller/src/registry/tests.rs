//! The registry by itself, without a disk: what it accepts, and how orders end. The store is tested in
//! `tests/model`.

use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use serde_json::{Value, json};

use super::act::{Act, Caller, Said};
use super::event::{Reason, What};
use super::install::Installed;
use super::state::{Fate, OrderState};
use super::{Change, Reading, Registry};
use crate::order::samples::{self, key, signed, signed_as, trust_file, with};
use crate::order::trust::KeyEntry;
use crate::order::{Kind, Trust};

/// A moment, in seconds from the beginning of the tests.
pub(crate) fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(1_830_000_000 + second).unwrap()
}

pub(crate) fn at(second: i64) -> Reading {
    let boot = u64::try_from(10_000 + second).unwrap() * 1_000_000_000;
    Reading { boot: BootTime::from_nanos(boot), wall: wall(second) }
}

pub(crate) fn begun() -> Change {
    Registry::begin("tyo-gw-1", "trust.json", trust_file().as_bytes(), wall(0)).unwrap()
}

/// The payload of an order with a term in seconds.
pub(crate) fn payload(id: &str, serial: u64, from: i64, until: i64) -> Value {
    with(&[
        ("/order_id", json!(id)),
        ("/serial", json!(serial)),
        ("/approved_at", json!("2027-01-01T00:00:00Z")),
        ("/not_before", json!(wall(from).to_string())),
        ("/not_after", json!(wall(until).to_string())),
    ])
}

pub(crate) fn extending(payload: &Value, id: &str, serial: u64) -> Value {
    let mut payload = payload.clone();
    payload["extends"] = json!({"order_id": id, "serial": serial});
    payload
}

pub(crate) fn revocation(id: &str, serial: u64, effective: i64) -> String {
    let mut revocation = samples::revocation();
    revocation["order_id"] = json!(id);
    revocation["serial"] = json!(serial);
    revocation["effective_at"] = json!(wall(effective).to_string());
    signed_as(Kind::Revocation, &revocation.to_string(), &[1, 2, 3])
}

/// The next version of the trust file, in which these keys are revoked.
pub(crate) fn rotation(version: u64, revoked: &[u8], signers: &[u8]) -> String {
    let entry = |n: u8| {
        let mut entry = KeyEntry::new(&key(n).verifying_key(), format!("holder {n}"));
        entry.revoked = revoked.contains(&n);
        entry
    };
    let file = Trust::draft(version, 3, (1..=7).map(entry).collect()).unwrap();
    signed_as(Kind::Trust, &file, signers)
}

/// Installs, if it fits.
pub(crate) fn install(registry: &Registry, envelope: &str, now: Reading) -> Result<Change, String> {
    let words = |rejection: crate::rejection::Rejection| rejection.to_string();
    match registry.install("o", envelope.as_bytes().to_vec(), now).map_err(words)? {
        Installed::Known(_) => Err("known".to_owned()),
        Installed::New(change, position) => {
            change.registry.fits("o", Some(position), &[]).map_err(words)?;
            Ok(*change)
        }
    }
}

/// A registry for a test: changes are taken over as if they were on a disk.
struct Desk(Registry);

impl Desk {
    fn new() -> Self {
        Self(begun().registry)
    }

    fn install(&mut self, payload: &Value, now: i64) {
        let change = install(&self.0, &signed(payload, &[1, 2, 3]), at(now)).unwrap();
        self.0 = change.registry;
        self.settle(now);
    }

    fn refusal(&self, payload: &Value, now: i64) -> String {
        install(&self.0, &signed(payload, &[1, 2, 3]), at(now)).unwrap_err()
    }

    fn settle(&mut self, now: i64) -> Vec<What> {
        self.0.observe(at(now));
        let Some(change) = self.0.settle(at(now)) else { return Vec::new() };
        self.0 = change.registry;
        change.events.into_iter().map(|event| event.what).collect()
    }

    fn revoke(&mut self, id: &str, serial: u64, effective: i64, now: i64) {
        let revocation = revocation(id, serial, effective);
        let change = self.0.revoke("r", revocation.into_bytes(), at(now)).unwrap();
        self.0 = change.expect("a new one").registry;
    }

    fn shown(&self, now: i64) -> Vec<OrderState> {
        self.0.entries().iter().map(|entry| self.0.shown(entry, wall(now))).collect()
    }

    fn fates(&self, now: i64) -> Vec<Fate> {
        self.0.standings(at(now)).iter().map(|standing| standing.fate).collect()
    }
}

#[test]
fn an_order_waits_is_in_force_and_ends() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 20), 0);
    assert_eq!(desk.shown(5), [OrderState::Waiting]);
    assert!(matches!(desk.settle(10).as_slice(), [What::InForce(_)]));
    assert_eq!((desk.settle(15).len(), desk.shown(15)), (0, vec![OrderState::InForce]));
    let [What::Ended { reason: Reason::Expired, .. }] = desk.settle(20)[..] else { panic!() };
    assert_eq!(desk.shown(20), [OrderState::Ended(Reason::Expired)]);
    desk.settle(5);
    assert_eq!(desk.shown(5), [OrderState::Ended(Reason::Expired)], "for good");
    assert!(desk.0.entries()[0].body().is_none());
}

#[test]
fn a_serial_is_seen_once_and_never_again() {
    let mut desk = Desk::new();
    let second = payload("a", 2, 10, 20);
    desk.install(&second, 0);
    for (serial, until) in [(1, 20), (2, 19)] {
        let refusal = desk.refusal(&payload("a", serial, 10, until), 0);
        let words =
            format!("o: serial: is {serial}, but serial 2 of order a has been seen [L-EXTEND]");
        assert_eq!(refusal, words);
    }
    // The very same is no news, whoever else has signed it.
    assert_eq!(install(&desk.0, &signed(&second, &[3, 4, 5]), at(0)).unwrap_err(), "known");
    desk.settle(30);
    assert_eq!(install(&desk.0, &signed(&second, &[1, 2, 3]), at(30)).unwrap_err(), "known");
    assert!(desk.refusal(&payload("a", 1, 10, 20), 30).ends_with("has been seen [L-EXTEND]"));
}

#[test]
fn a_later_version_may_narrow_and_not_prolong() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    assert!(desk.refusal(&payload("a", 2, 10, 51), 0).ends_with("[L-EXTEND]"));
    desk.install(&payload("a", 2, 20, 30), 0);
    assert_eq!(desk.0.standings(at(0))[0].end, wall(20), "the kernel must know in time");
    desk.settle(10);
    assert_eq!(desk.shown(10), [OrderState::InForce, OrderState::Waiting]);
    desk.settle(20);
    assert_eq!(desk.shown(20), [OrderState::Ended(Reason::Superseded), OrderState::InForce]);
    assert_eq!(desk.fates(20), [Fate::Over, Fate::Going]);
    desk.settle(30);
    assert_eq!(
        desk.shown(30)[1],
        OrderState::Ended(Reason::Expired),
        "and the first does not come back"
    );
}

#[test]
fn what_yields_to_its_extension_ends_at_once_when_it_is_narrowed() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    desk.install(&extending(&payload("b", 1, 40, 90), "a", 1), 0);
    desk.settle(40);
    assert_eq!(desk.fates(41), [Fate::Yielding, Fate::Going]);
    desk.install(&payload("a", 2, 38, 39), 41);
    assert_eq!(desk.fates(41)[0], Fate::Over);
}

#[test]
fn an_extension_takes_over_when_it_is_in_force() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    let longer = extending(&payload("b", 1, 40, 90), "a", 1);
    desk.install(&longer, 0);
    assert_eq!(desk.0.standings(at(0))[0].end, wall(50), "until then it selects");
    assert_eq!(desk.0.standings(at(0))[1].succeeds, [0]);
    desk.settle(39);
    assert_eq!(desk.shown(39), [OrderState::InForce, OrderState::Waiting]);
    let events = desk.settle(40);
    assert!(matches!(
        events.as_slice(),
        [What::Ended { reason: Reason::Superseded, .. }, What::InForce(_)]
    ));
    assert_eq!(desk.fates(49), [Fate::Yielding, Fate::Going]);
    assert_eq!(desk.fates(50), [Fate::Over, Fate::Going], "its own term is its own");
    // One that yields is closed at once by a revocation.
    desk.revoke("a", 1, 0, 45);
    assert_eq!(desk.fates(45), [Fate::Over, Fate::Going]);
}

#[test]
fn what_can_be_extended() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    let extension = |id: &str, serial| extending(&payload("x", 1, 40, 90), id, serial);
    for (id, serial) in [("a", 2), ("b", 1)] {
        assert_eq!(
            desk.refusal(&extension(id, serial), 0),
            format!("o: extends: order {id}, serial {serial}, was never installed here [L-EXTEND]")
        );
    }
    let gap = extending(&payload("x", 1, 51, 90), "a", 1);
    assert!(desk.refusal(&gap, 0).starts_with("o: not_before: "));
    // Over, but without a gap: late, and lawful.
    desk.settle(60);
    desk.install(&extension("a", 1), 60);
    assert_eq!(desk.shown(60), [OrderState::Ended(Reason::Expired), OrderState::InForce]);
    assert_eq!(
        desk.refusal(&extending(&payload("y", 1, 40, 90), "a", 1), 60),
        "o: extends: order a, serial 1, is followed by order x, serial 1, already [L-EXTEND]"
    );
    desk.revoke("x", 1, 0, 61);
    assert_eq!(
        desk.refusal(&extending(&payload("z", 1, 80, 95), "x", 1), 61),
        "o: extends: order x, serial 1, is revoked [L-EXTEND]"
    );
    // The extension was never lawful; another one may take its place.
    desk.install(&extending(&payload("y", 1, 45, 90), "a", 1), 62);
}

#[test]
fn a_revocation_ends_and_forbids() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 3, 10, 50), 0);
    desk.settle(20);
    desk.revoke("a", 4, 30, 20);
    assert_eq!(
        (desk.shown(20), desk.0.standings(at(20))[0].end),
        (vec![OrderState::InForce], wall(30))
    );
    desk.settle(30);
    assert_eq!(desk.shown(30), [OrderState::Ended(Reason::Revoked)]);
    assert_eq!(
        desk.refusal(&payload("a", 4, 10, 50), 30),
        "o: serial: order a is revoked up to serial 4: the commission withdrew its approval \
         [L-APPROVE]"
    );
    // At once, where its moment has passed; and before the order is there.
    desk.revoke("b", 1, 0, 30);
    assert!(desk.refusal(&payload("b", 1, 10, 50), 30).ends_with("[L-APPROVE]"));
    desk.install(&payload("b", 2, 10, 50), 30);
    desk.revoke("b", 2, 0, 31);
    assert_eq!(desk.shown(31)[1], OrderState::Ended(Reason::Revoked));
    let again = desk.0.revoke("r", revocation("b", 2, 0).into_bytes(), at(31)).unwrap();
    assert!(again.is_none(), "the same revocation is no news");
}

#[test]
fn orders_fall_with_the_keys_that_carried_them() {
    let mut desk = Desk::new();
    for (id, signers) in [("three", &[1, 2, 3][..]), ("four", &[1, 2, 3, 4]), ("over", &[1, 2, 3])]
    {
        let until = if id == "over" { 11 } else { 50 };
        let envelope = signed(&payload(id, 1, 10, until), signers);
        desk.0 = install(&desk.0, &envelope, at(0)).unwrap().registry;
    }
    desk.settle(20);
    let downgrade = desk.0.rotate("t", rotation(1, &[], &[1, 2, 3]).into_bytes(), at(20));
    assert!(downgrade.unwrap_err().to_string().contains("version"));
    let change = desk.0.rotate("t", rotation(2, &[3], &[1, 2, 4]).into_bytes(), at(20)).unwrap();
    desk.0 = change.registry;
    let ended = |reason| OrderState::Ended(reason);
    assert_eq!(
        desk.shown(20),
        [ended(Reason::Revoked), OrderState::InForce, ended(Reason::Expired)]
    );
    assert_eq!(desk.0.trust().version(), 2);
    assert!(desk.refusal(&payload("new", 1, 10, 50), 20).contains("revoked"));
    // The key was revoked, not the order: its next version is an approval of its own.
    let next = signed(&payload("three", 2, 10, 50), &[1, 2, 6]);
    install(&desk.0, &next, at(20)).unwrap();
}

#[test]
fn halted_is_a_state_over_all() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    desk.settle(10);
    let said = Said { operator: None, why: "a storm".parse().ok() };
    desk.0 = desk
        .0
        .halt(Act::new(said.clone(), Caller::default(), at(10).wall), at(10))
        .unwrap()
        .registry;
    assert!(
        desk.0.halt(Act::new(Said::default(), Caller::default(), at(11).wall), at(11)).is_none()
    );
    assert_eq!(desk.0.halted().unwrap().why, said.why);
    assert_eq!(desk.shown(12), [OrderState::Halted]);
    desk.settle(50);
    assert_eq!(desk.shown(50), [OrderState::Ended(Reason::Expired)], "terms run on");
    desk.0 = desk
        .0
        .resume(Act::new(said.clone(), Caller::default(), at(51).wall), at(51))
        .unwrap()
        .registry;
    assert!(
        desk.0.resume(Act::new(said.clone(), Caller::default(), at(51).wall), at(51)).is_none()
    );
}

#[test]
fn a_clock_set_back_revives_nothing() {
    let mut desk = Desk::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    desk.install(&payload("b", 1, 10, 70), 0);
    desk.0.observe(at(60));
    // Nobody noted the end, and the wall clock was set back.
    let back = Reading { boot: at(61).boot, wall: wall(20) };
    desk.0.observe(back);
    desk.0 = desk.0.settle(back).unwrap().registry;
    assert_eq!(desk.shown(20), [OrderState::Ended(Reason::Expired), OrderState::InForce]);
    let later = Reading { boot: at(70).boot, wall: wall(29) };
    assert_eq!(desk.0.standings(later)[1].fate, Fate::Over);
}

#[test]
fn wrong_facility_and_too_many() {
    let mut desk = Desk::new();
    let mut elsewhere = payload("a", 1, 10, 50);
    elsewhere["facility"]["id"] = json!("osa-gw-1");
    assert_eq!(
        desk.refusal(&elsewhere, 0),
        "o: facility.id: the order is for facility osa-gw-1, but this sensor stands in tyo-gw-1 \
         [L-APPROVE]"
    );
    for n in 0..64 {
        desk.install(&payload(&format!("o{n}"), 1, 10, 50), 0);
    }
    let refusal = desk.refusal(&payload("one-more", 1, 49, 60), 0);
    assert!(refusal.ends_with("65 orders are in force at once; the limit is 64"), "{refusal}");
    desk.install(&payload("after", 1, 50, 60), 0);
    desk.install(&extending(&payload("o64", 1, 49, 60), "o3", 1), 0);
}

#[test]
fn a_change_that_has_been_overtaken_is_made_anew() {
    let mut desk = Desk::new();
    let change = |id: &str| {
        let envelope = signed(&payload(id, 1, 10, 50), &[1, 2, 3]);
        install(&desk.0, &envelope, at(0)).unwrap()
    };
    let (first, second) = (change("a"), change("b"));
    desk.0.observe(at(5));
    desk.0 = desk.0.take_up(Box::new(first)).unwrap().registry;
    assert_eq!(desk.0.clock().highest(), wall(5), "the clock has gone on");
    assert!(desk.0.take_up(Box::new(second)).is_err());
}

#[test]
fn the_configured_trust_file_must_not_contradict() {
    let desk = Desk::new();
    let trust = |text: &str| Trust::parse("t", text.as_bytes()).unwrap();
    desk.0.agrees_with("t", &trust(&trust_file())).unwrap();
    let newer = trust(&trust_file().replace("\"version\": 1", "\"version\": 2"));
    let refusal = desk.0.agrees_with("t", &newer).unwrap_err().to_string();
    assert!(refusal.starts_with("t: version: is 2, but version 1 is in force; "), "{refusal}");
    let other = trust(&trust_file().replace("\"threshold\": 3", "\"threshold\": 2"));
    let refusal = desk.0.agrees_with("t", &other).unwrap_err().to_string();
    assert!(refusal.contains("another file of that version"), "{refusal}");
    let rotated = desk.0.rotate("t", rotation(2, &[], &[1, 2, 3]).into_bytes(), at(0)).unwrap();
    rotated.registry.agrees_with("t", &trust(&trust_file())).unwrap();
}
