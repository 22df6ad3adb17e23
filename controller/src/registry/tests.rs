//! The registry by itself, without a disk: what it accepts, and how documents end. The store is tested in
//! `tests/model`.

use jiff::SignedDuration;
use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use serde_json::{Value, json};

use super::act::{Act, Caller, Said};
use super::event::{EndReason, What};
use super::install::{Accepted, Position};
use super::standing::{Fate, OrderState};
use super::{Change, Reading, Registry};
use crate::order::samples::kit::{signers, trust_version};
use crate::order::samples::{self, Signed, sealed, signed, trust_file, with};
use crate::order::together::Given;
use crate::order::{DocumentKind, OrderKey, Trust};

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

/// The plan of an order with a term in seconds, under the approval of its id, which lasts from second 0 to
/// second 1000.
pub(crate) fn payload(id: &str, serial: u64, from: i64, until: i64) -> Value {
    with(&[
        ("/order_id", json!(id)),
        ("/serial", json!(serial)),
        ("/not_before", json!(wall(from).to_string())),
        ("/not_after", json!(wall(until).to_string())),
        ("/under", under(id, 0, 1_000)),
    ])
}

/// An approval with a term in seconds, in a plan.
pub(crate) fn under(id: &str, from: i64, until: i64) -> Value {
    json!({"id": id, "not_before": wall(from).to_string(), "not_after": wall(until).to_string()})
}

/// The plan under another approval, which extends an earlier one.
pub(crate) fn extending(plan: &Value, by: &Value, earlier: &str) -> Value {
    let mut plan = plan.clone();
    plan["under"] = by.clone();
    plan["under"]["extends"] = json!({"id": earlier, "serial": 1});
    plan
}

/// A revocation of an approval, an agreement or an order, signed by its role.
pub(crate) fn revocation(field: &str, id: &str, serial: u64, effective: i64) -> String {
    let ends = json!({field: id, "serial": serial});
    let mut revocation = samples::revocation();
    revocation["ends"] = ends;
    revocation["effective_at"] = json!(wall(effective).to_string());
    let signers: &[u8] = if field == "approval_id" { &[1, 2, 3] } else { &[11, 12] };
    sealed(DocumentKind::Revocation, revocation.to_string().as_bytes(), signers)
}

/// The next version of the trust file, in which these keys are revoked.
pub(crate) fn rotation(version: u64, revoked: &[u8], signers: &[u8]) -> String {
    sealed(DocumentKind::Trust, trust_version(version, revoked).as_bytes(), signers)
}

pub(crate) fn given(texts: &[&str]) -> Vec<Given> {
    let file = |text: &&str| Given { file: "o".to_owned(), bytes: (*text).to_owned().into() };
    texts.iter().map(file).collect()
}

/// Installs a plan's documents, if they fit.
pub(crate) fn install(
    registry: &Registry,
    signed: &Signed,
    now: Reading,
) -> Result<Change, String> {
    let files = given(&[&signed.basis, &signed.order]);
    let (change, accepted) =
        registry.accept(&files, None, now).map_err(|rejections| rejections.to_string())?;
    for Accepted { what, is_known } in accepted {
        match what {
            Position::Order(_) if is_known => return Err("known".to_owned()),
            Position::Order(position) => {
                let fits = change.registry.fits("o", Some(position), &[]);
                fits.map_err(|rejection| rejection.to_string())?;
            }
            Position::Basis(_) => {}
        }
    }
    Ok(change)
}

/// A registry for a test: changes are taken over as if they were on a disk.
struct TestRegistry(Registry);

impl TestRegistry {
    fn new() -> Self {
        Self(begun().registry)
    }

    fn install(&mut self, plan: &Value, now: i64) {
        let change = install(&self.0, &signed(plan), at(now));
        self.0 = change.unwrap_or_else(|refusal| panic!("{refusal}: {plan}")).registry;
        self.settle(now);
    }

    fn refusal(&self, plan: &Value, now: i64) -> String {
        install(&self.0, &signed(plan), at(now)).unwrap_err()
    }

    fn settle(&mut self, now: i64) -> Vec<What> {
        self.0.observe(at(now));
        let Some(change) = self.0.settle(at(now)) else { return Vec::new() };
        self.0 = change.registry;
        change.events.into_iter().map(|event| event.what).collect()
    }

    fn revoke(&mut self, field: &str, id: &str, serial: u64, effective: i64, now: i64) {
        let revocation = revocation(field, id, serial, effective);
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
    let mut desk = TestRegistry::new();
    desk.install(&payload("a", 1, 10, 20), 0);
    assert_eq!(desk.shown(5), [OrderState::Waiting]);
    assert!(matches!(desk.settle(10).as_slice(), [What::InForce(_)]));
    assert_eq!((desk.settle(15).len(), desk.shown(15)), (0, vec![OrderState::InForce]));
    let [What::Ended { reason: EndReason::Expired, .. }] = desk.settle(20)[..] else { panic!() };
    assert_eq!(desk.shown(20), [OrderState::Ended(EndReason::Expired)]);
    desk.settle(5);
    assert_eq!(desk.shown(5), [OrderState::Ended(EndReason::Expired)], "for good");
    assert!(desk.0.entries()[0].body().is_none());
}

#[test]
fn a_serial_is_seen_once_and_never_again() {
    let mut desk = TestRegistry::new();
    let second = payload("a", 2, 10, 20);
    desk.install(&second, 0);
    for (serial, until) in [(1, 20), (2, 19)] {
        let refusal = desk.refusal(&payload("a", serial, 10, until), 0);
        let words =
            format!("o: serial: is {serial}, but serial 2 of order a has been seen [L-EXTEND]");
        assert_eq!(refusal, words);
    }
    // The very same is no news, whoever else has signed it.
    let papers = samples::papers(&second);
    let order = sealed(DocumentKind::Order, papers.order.to_string().as_bytes(), &[12, 13]);
    let again = Signed { order, ..signed(&second) };
    assert_eq!(install(&desk.0, &again, at(0)).unwrap_err(), "known");
    desk.settle(30);
    assert_eq!(install(&desk.0, &signed(&second), at(30)).unwrap_err(), "known");
    assert!(desk.refusal(&payload("a", 1, 10, 20), 30).ends_with("has been seen [L-EXTEND]"));
    // Of approvals, too: another one of that serial, or of a lower one.
    for serial in [1, 0] {
        let mut other = payload("b", 1, 10, 20);
        other["under"] = under("a", 1, 999);
        other["under"]["serial"] = json!(serial.max(1));
        assert_eq!(
            desk.refusal(&other, 30),
            "o: serial: is 1, but serial 1 of approval a has been seen [L-EXTEND]"
        );
    }
}

#[test]
fn a_higher_serial_takes_the_place_of_the_lower() {
    let mut desk = TestRegistry::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    desk.install(&payload("a", 2, 20, 60), 0);
    desk.install(&payload("b", 1, 10, 50), 0);
    assert_eq!(desk.0.standings(at(0))[0].end, wall(50), "until the other one is in the kernel");
    assert_eq!(desk.0.standings(at(0))[1].succeeds, [0]);
    desk.settle(10);
    assert_eq!(desk.shown(10), [OrderState::InForce, OrderState::Waiting, OrderState::InForce]);
    let events = desk.settle(20);
    assert!(matches!(
        events.as_slice(),
        [What::Ended { reason: EndReason::Superseded, .. }, What::InForce(_)]
    ));
    assert_eq!(desk.fates(49)[..2], [Fate::Yielding, Fate::Going]);
    assert_eq!(desk.fates(50)[..2], [Fate::Over, Fate::Going], "its own term is its own");
    desk.settle(60);
    assert_eq!(
        desk.shown(60)[..2],
        [OrderState::Ended(EndReason::Superseded), OrderState::Ended(EndReason::Expired)],
        "and the first does not come back"
    );
}

#[test]
fn orders_follow_also_across_an_extension() {
    let mut desk = TestRegistry::new();
    let mut first = payload("a", 1, 10, 50);
    first["under"] = under("p", 0, 50);
    desk.install(&first, 0);
    let longer = extending(&payload("a", 2, 40, 90), &under("q", 40, 100), "p");
    desk.install(&longer, 0);
    // And once more: the way goes over both.
    let longest = extending(&payload("a", 3, 80, 150), &under("r", 80, 200), "q");
    desk.install(&longest, 0);
    desk.settle(40);
    assert_eq!(desk.fates(40), [Fate::Yielding, Fate::Going, Fate::Going]);
    desk.settle(80);
    assert_eq!(desk.fates(81), [Fate::Over, Fate::Yielding, Fate::Going]);
    // A revocation closes what yields, at once.
    desk.revoke("order_id", "a", 2, 0, 82);
    assert_eq!(desk.fates(82), [Fate::Over, Fate::Over, Fate::Going]);
    // To an approval that has nothing to do with it no order goes over.
    let mut stranger = payload("a", 4, 90, 150);
    stranger["under"] = under("s", 0, 200);
    assert_eq!(
        desk.refusal(&stranger, 82),
        "o: basis: approval s, serial 1 does not extend approval r, serial 1, under which serial 3 of \
         this order stands [L-EXTEND]"
    );
}

#[test]
fn what_can_be_extended() {
    let mut desk = TestRegistry::new();
    let mut first = payload("a", 1, 10, 50);
    first["under"] = under("p", 0, 50);
    desk.install(&first, 0);
    let extension =
        |by: &str, earlier: &str| extending(&payload("x", 1, 45, 90), &under(by, 40, 100), earlier);
    assert_eq!(
        desk.refusal(&extension("q", "none"), 0),
        "o: extends: approval none, serial 1 was never installed here [L-EXTEND]"
    );
    let gap = extending(&payload("x", 1, 51, 90), &under("q", 51, 100), "p");
    assert!(desk.refusal(&gap, 0).starts_with("o: not_before: the term starts at "));
    // Over, but without a gap: late, and lawful.
    desk.settle(60);
    desk.install(&extension("q", "p"), 60);
    assert_eq!(desk.shown(60), [OrderState::Ended(EndReason::Expired), OrderState::InForce]);
    assert_eq!(
        desk.refusal(&extension("other", "p"), 60).lines().next().unwrap(),
        "o: extends: approval p, serial 1 is extended by approval q, serial 1 already [L-EXTEND]"
    );
    desk.revoke("approval_id", "q", 1, 0, 61);
    assert_eq!(
        desk.refusal(&extending(&payload("z", 1, 80, 95), &under("s", 80, 100), "q"), 61),
        "o: extends: approval q, serial 1 is revoked [L-APPROVE]"
    );
    // The extension was never lawful; another one may take its place.
    desk.install(&extending(&payload("y", 1, 45, 90), &under("other", 40, 100), "p"), 62);
}

#[test]
fn a_narrower_approval_ends_the_one_before_and_its_orders() {
    let mut desk = TestRegistry::new();
    let mut first = payload("a", 1, 10, 90);
    first["under"] = under("p", 0, 100);
    desk.install(&first, 0);
    let mut narrower = payload("a", 2, 40, 80);
    narrower["under"] = under("p", 40, 80);
    narrower["under"]["serial"] = json!(2);
    desk.install(&narrower, 0);
    assert_eq!(desk.0.standings(at(0))[0].end, wall(40), "the kernel must know in time");
    desk.settle(40);
    assert_eq!(desk.fates(40), [Fate::Over, Fate::Going]);
    let ended: Vec<Option<EndReason>> =
        desk.0.bases().iter().map(|entry| entry.ended().map(|ended| ended.reason)).collect();
    assert_eq!(ended, [Some(EndReason::Superseded), None]);
    // Under one that has ended nothing begins.
    let mut late = payload("late", 1, 50, 60);
    late["under"] = under("p", 0, 100);
    assert_eq!(
        desk.refusal(&late, 45),
        "o: basis: approval p, serial 1 has ended (superseded) [L-EXTEND]"
    );
    let mut longer = payload("a", 3, 50, 60);
    longer["under"] = under("p", 50, 81);
    longer["under"]["serial"] = json!(3);
    assert!(desk.refusal(&longer, 45).contains("only what extends it may prolong it"));
}

#[test]
fn a_revocation_ends_and_forbids() {
    let mut desk = TestRegistry::new();
    desk.install(&payload("a", 3, 10, 50), 0);
    desk.settle(20);
    desk.revoke("order_id", "a", 4, 30, 20);
    assert_eq!(
        (desk.shown(20), desk.0.standings(at(20))[0].end),
        (vec![OrderState::InForce], wall(30))
    );
    desk.settle(30);
    assert_eq!(desk.shown(30), [OrderState::Ended(EndReason::Revoked)]);
    assert_eq!(
        desk.refusal(&payload("a", 4, 10, 50), 30),
        "o: serial: order a, serial 4 is revoked up to serial 4: the commission withdrew its approval \
         [L-APPROVE]"
    );
    // At once, where its moment has passed; and before the order is there.
    desk.revoke("order_id", "b", 1, 0, 30);
    assert!(desk.refusal(&payload("b", 1, 10, 50), 30).ends_with("[L-APPROVE]"));
    desk.install(&payload("b", 2, 10, 50), 30);
    desk.revoke("order_id", "b", 2, 0, 31);
    assert_eq!(desk.shown(31)[1], OrderState::Ended(EndReason::Revoked));
    let again = desk.0.revoke("r", revocation("order_id", "b", 2, 0).into_bytes(), at(31)).unwrap();
    assert!(again.is_none(), "the same revocation is no news");
}

#[test]
fn a_revoked_approval_takes_its_orders_along() {
    let mut desk = TestRegistry::new();
    for id in ["a", "b"] {
        let mut plan = payload(id, 1, 10, 50);
        plan["under"] = under("p", 0, 100);
        desk.install(&plan, 0);
    }
    desk.install(&payload("other", 1, 10, 50), 0);
    desk.settle(20);
    desk.revoke("approval_id", "p", 1, 0, 20);
    let revoked = OrderState::Ended(EndReason::Revoked);
    assert_eq!(desk.shown(20), [revoked, revoked, OrderState::InForce]);
    assert_eq!(desk.fates(20), [Fate::Over, Fate::Over, Fate::Going]);
    let mut late = payload("late", 1, 30, 40);
    late["under"] = under("p", 0, 100);
    assert_eq!(
        desk.refusal(&late, 21),
        "o: basis: approval p, serial 1 has ended (revoked) [L-EXTEND]"
    );
    // Before it is there, it is forbidden; and its own role alone forbids it.
    desk.revoke("approval_id", "q", 1, 0, 22);
    let mut never = payload("never", 1, 30, 40);
    never["under"] = under("q", 0, 100);
    assert!(
        desk.refusal(&never, 22).starts_with("o: serial: approval q, serial 1 is revoked up to")
    );
}

#[test]
fn an_agreement_is_revoked_by_any_of_the_three_and_nobody_else() {
    let agreed = |id: &str| {
        let mut plan = payload(id, 1, 10, 50);
        plan["measure"] = json!("agreement");
        plan["party"] = json!({"name": "p", "prefixes": ["203.0.113.0/24"]});
        plan
    };
    let revoked = |signers: &[u8]| {
        let mut desk = TestRegistry::new();
        desk.install(&agreed("a"), 0);
        desk.settle(20);
        let mut revocation = samples::revocation();
        revocation["ends"] = json!({"agreement_id": "a", "serial": 1});
        revocation["effective_at"] = json!(wall(0).to_string());
        let envelope = sealed(DocumentKind::Revocation, revocation.to_string().as_bytes(), signers);
        let outcome = desk.0.revoke("r", envelope.into_bytes(), at(20));
        outcome.map(|change| {
            desk.0 = change.unwrap().registry;
            desk.shown(20)[0] == OrderState::Ended(EndReason::Revoked)
        })
    };
    for signers in [&[11, 12][..], &[21], &[31]] {
        assert!(revoked(signers).unwrap(), "{signers:?}");
    }
    assert!(revoked(&[1, 2, 3]).is_err());
}

#[test]
fn documents_fall_with_the_keys_that_carried_them() {
    let mut desk = TestRegistry::new();
    let sign = |id: &str, until: i64, commission: &[u8], cabinet: &[u8]| {
        let papers = samples::papers(&payload(id, 1, 10, until));
        Signed {
            basis: sealed(DocumentKind::Approval, papers.basis.to_string().as_bytes(), commission),
            order: sealed(DocumentKind::Order, papers.order.to_string().as_bytes(), cabinet),
        }
    };
    for (id, until, commission, cabinet) in [
        ("three", 50, &[1, 2, 3][..], &[11, 12][..]),
        ("four", 50, &[1, 2, 3, 4], &[11, 12]),
        ("over", 11, &[1, 2, 3], &[11, 12]),
    ] {
        let signed = sign(id, until, commission, cabinet);
        desk.0 = install(&desk.0, &signed, at(0)).unwrap().registry;
    }
    desk.settle(20);
    let all: &[u8] = signers(DocumentKind::Trust);
    let downgrade = desk.0.rotate("t", rotation(1, &[], all).into_bytes(), at(20));
    assert!(downgrade.unwrap_err().to_string().contains("version"));
    let change = desk.0.rotate("t", rotation(2, &[3], &[1, 2, 4, 11, 12]).into_bytes(), at(20));
    desk.0 = change.unwrap().registry;
    let ended = |reason| OrderState::Ended(reason);
    assert_eq!(
        desk.shown(20),
        [ended(EndReason::Revoked), OrderState::InForce, ended(EndReason::Expired)],
        "an order falls with its approval"
    );
    assert_eq!(desk.0.trust().version(), 2);
    assert!(desk.refusal(&payload("new", 1, 10, 50), 20).contains("revoked"));
    // An order falls with the keys of its own role, too.
    let change = desk.0.rotate("t", rotation(3, &[3, 12], &[1, 2, 4, 11, 13]).into_bytes(), at(21));
    desk.0 = change.unwrap().registry;
    assert_eq!(desk.shown(21)[1], ended(EndReason::Revoked));
    assert_eq!(desk.0.bases()[1].ended(), None, "and not its approval");
    // The key was revoked, not the order: its next version is one of its own.
    let next = samples::papers(&payload("four", 2, 10, 50));
    let order = sealed(DocumentKind::Order, next.order.to_string().as_bytes(), &[11, 13]);
    desk.0.accept(&given(&[&order]), None, at(22)).unwrap();
}

#[test]
fn of_several_all_are_installed_or_none() {
    let desk = TestRegistry::new();
    let (one, two) = (signed(&payload("a", 1, 10, 20)), signed(&payload("b", 1, 10, 20)));
    let accept = |texts: &[&str]| {
        let accepted = desk.0.accept(&given(texts), None, at(0));
        accepted.map(|(change, _)| change.registry).map_err(|rejections| rejections.to_string())
    };
    // In any order.
    let all = accept(&[&two.order, &one.order, &one.basis, &two.basis]).unwrap();
    assert_eq!((all.bases().len(), all.entries().len()), (2, 2));
    accept(&[&one.basis, &one.order, &two.order]).unwrap_err();
    accept(&[&one.basis, &one.order, &two.basis, "{}"]).unwrap_err();
    assert!(desk.0.bases().is_empty() && desk.0.entries().is_empty());
    let revocation = revocation("order_id", "a", 1, 0);
    assert_eq!(
        accept(&[&one.basis, &revocation]).unwrap_err(),
        "o: payloadType: is that of a revocation, but an approval, an agreement or an order is \
         expected [L-APPROVE]"
    );
    // Whoever gives something twice, or two of a name, meant something else.
    assert_eq!(
        accept(&[&one.basis, &one.basis]).unwrap_err(),
        "o: serial: another file is approval a, serial 1 too [L-EXTEND]"
    );
}

#[test]
fn halted_is_a_state_over_all() {
    let mut desk = TestRegistry::new();
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
    assert_eq!(desk.shown(50), [OrderState::Ended(EndReason::Expired)], "terms run on");
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
    let mut desk = TestRegistry::new();
    desk.install(&payload("a", 1, 10, 50), 0);
    desk.install(&payload("b", 1, 10, 70), 0);
    desk.0.observe(at(60));
    // Nobody noted the end, and the wall clock was set back.
    let back = Reading { boot: at(61).boot, wall: wall(20) };
    desk.0.observe(back);
    desk.0 = desk.0.settle(back).unwrap().registry;
    assert_eq!(desk.shown(20), [OrderState::Ended(EndReason::Expired), OrderState::InForce]);
    let later = Reading { boot: at(70).boot, wall: wall(29) };
    assert_eq!(desk.0.standings(later)[1].fate, Fate::Over);
}

#[test]
fn wrong_facility_and_too_many() {
    let mut desk = TestRegistry::new();
    let mut elsewhere = payload("a", 1, 10, 50);
    elsewhere["facility"]["id"] = json!("osa-gw-1");
    assert_eq!(
        desk.refusal(&elsewhere, 0),
        "o: facility.id: is for facility osa-gw-1, but this sensor stands in tyo-gw-1 [L-APPROVE]"
    );
    for n in 0..64 {
        desk.install(&payload(&format!("o{n}"), 1, 10, 50), 0);
    }
    let refusal = desk.refusal(&payload("one-more", 1, 49, 60), 0);
    assert!(refusal.ends_with("65 orders are in force at once; the limit is 64"), "{refusal}");
    desk.install(&payload("after", 1, 50, 60), 0);
    desk.install(&payload("o3", 2, 49, 60), 0);
}

#[test]
fn a_change_that_has_been_overtaken_is_made_anew() {
    let mut desk = TestRegistry::new();
    let change = |id: &str| install(&desk.0, &signed(&payload(id, 1, 10, 50)), at(0)).unwrap();
    let (first, second) = (change("a"), change("b"));
    desk.0.observe(at(5));
    desk.0 = desk.0.take_up(Box::new(first)).unwrap().registry;
    assert_eq!(desk.0.clock().highest(), wall(5), "the clock has gone on");
    assert!(desk.0.take_up(Box::new(second)).is_err());
}

#[test]
fn the_configured_trust_file_must_not_contradict() {
    let desk = TestRegistry::new();
    let trust = |text: &str| Trust::parse("t", text.as_bytes()).unwrap();
    desk.0.agrees_with("t", &trust(&trust_file())).unwrap();
    let newer = trust(&trust_file().replace("\"version\": 1", "\"version\": 2"));
    let refusal = desk.0.agrees_with("t", &newer).unwrap_err().to_string();
    assert!(refusal.starts_with("t: version: is 2, but version 1 is in force; "), "{refusal}");
    let other = trust(&trust_file().replace("\"threshold\": 3", "\"threshold\": 2"));
    let refusal = desk.0.agrees_with("t", &other).unwrap_err().to_string();
    assert!(refusal.contains("another file of that version"), "{refusal}");
    let rotated = rotation(2, &[], signers(DocumentKind::Trust));
    let rotated = desk.0.rotate("t", rotated.into_bytes(), at(0)).unwrap();
    rotated.registry.agrees_with("t", &trust(&trust_file())).unwrap();
}

#[test]
fn a_rule_that_selects_nothing_for_long_is_idle() {
    let mut registry = begun().registry;
    let mut plan = payload("a", 1, 10, 500);
    let mut second = plan["rules"][0].clone();
    second["id"] = "second".into();
    plan["rules"] = json!([plan["rules"][0], second]);
    let first = plan["rules"][0]["id"].as_str().unwrap().to_owned();
    registry = install(&registry, &signed(&plan), at(0)).unwrap().registry;
    let idle = |registry: &Registry, now| {
        let list = registry.register(wall(now), SignedDuration::from_secs(100), |_| true);
        list.orders[0].idle_rules.clone()
    };
    registry.observe(at(50));
    registry.count(&OrderKey::new("a", 1), &first, 3);
    registry.count(&OrderKey::new("a", 1), "of another order", 3);
    assert!(idle(&registry, 5).is_empty(), "it has not begun");
    assert!(idle(&registry, 109).is_empty(), "counted from its beginning");
    assert_eq!(idle(&registry, 110), ["second"]);
    assert_eq!(idle(&registry, 149), ["second"]);
    assert_eq!(idle(&registry, 150), [first.as_str(), "second"]);
    registry.observe(at(160));
    registry.count(&OrderKey::new("a", 1), "second", 1);
    assert_eq!(idle(&registry, 170), [first.as_str()]);
    registry.observe(at(500));
    registry = registry.settle(at(500)).unwrap().registry;
    assert!(idle(&registry, 900).is_empty(), "what is over need not be revoked");
}

#[test]
fn what_a_change_ends_remembers_no_rules() {
    let mut registry = begun().registry;
    registry = install(&registry, &signed(&payload("a", 1, 10, 50)), at(0)).unwrap().registry;
    let mut later = registry.clone();
    later.observe(at(60));
    let ended = later.settle(at(60)).unwrap();
    registry.observe(at(61));
    let taken = registry.take_up(Box::new(ended)).unwrap().registry;
    assert!(taken.entries()[0].ended().is_some());
    assert!(taken.entries()[0].matched.is_empty());
    assert!(!registry.entries()[0].matched.is_empty(), "before, it had some");
}
