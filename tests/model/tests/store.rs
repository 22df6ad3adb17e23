//! The store over a disk that forgets: whenever the power goes, what loads is the state before a
//! change or the state after it, and an old copy is never taken for the present one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use controller::durable::disk::{Disk as _, Steps as _};
use controller::order::OrderKey;
use controller::registry::act::{Act, Caller, Said};
use controller::registry::loading::{self, OrderBodies, look};
use controller::registry::{
    Change, OrderState, Reading, Registry, StatePaths, StateStore, StoreError, names,
};
use sekisho_model::disk::SimulatedDisk;
use sekisho_model::documents::{self, FACILITY, wall};
use sekisho_model::law::{Approval, Order, Revoked, SIGNERS};
use sekisho_model::ports::Medium as _;
use sensor_common::boot_time::BootTime;

fn place() -> StatePaths {
    SimulatedDisk::default().place()
}

fn at(second: i64) -> Reading {
    let boot = u64::try_from(10_000 + second).unwrap() * 1_000_000_000;
    Reading { boot: BootTime::from_nanos(boot), wall: wall(second) }
}

fn begun() -> Change {
    let trust = documents::trust_file();
    Registry::begin(FACILITY, "trust.json", trust.as_bytes(), wall(0)).unwrap()
}

/// Installs the first serial of an order with an approval of its own, whose terms begin at second 10.
fn install(registry: &Registry, id: usize, until: i64, signers: usize, now: Reading) -> Change {
    let (commission, cabinet) = SIGNERS[signers];
    let under = Approval {
        number: id,
        serial: 1,
        from: 10,
        until,
        extends: None,
        signers: commission,
        over: false,
    };
    let order = Order {
        id,
        serial: 1,
        from: 10,
        until,
        under: under.key(),
        signers: cabinet,
        over: false,
        followed: false,
        passed_over: false,
    };
    registry.accept(&documents::envelopes(&order, &under), None, now).unwrap().0
}

fn nobody(now: Reading) -> Act {
    Act::new(Said::default(), Caller::default(), now.wall)
}

fn create(disk: &SimulatedDisk) -> Opened {
    StateStore::create(disk.clone(), place(), begun()).unwrap()
}

type Opened = (StateStore<SimulatedDisk>, Registry);

fn open(disk: SimulatedDisk) -> Result<Option<Opened>, StoreError> {
    StateStore::open(disk, place(), OrderBodies::Read)
}

fn refusal(disk: SimulatedDisk) -> String {
    match open(disk) {
        Err(StoreError::Rejected(rejection)) => rejection.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Everything that counts of a registry, as text; whether orders have begun shows in what comes next.
fn fingerprint(registry: &Registry) -> String {
    let entries = registry.entries().iter().map(|entry| {
        let body = entry.body().map(|body| body.rules.len());
        (entry.named(), entry.ended(), entry.records(), body)
    });
    let mut later = registry.clone();
    later.observe(at(40));
    let next = later.settle(at(40)).map(|change| change.events);
    format!(
        "{:?} {next:?} {:?} {:?} {} {}",
        entries.collect::<Vec<_>>(),
        registry.halted(),
        registry.clock().highest(),
        registry.trust().version(),
        registry.revocation_count(),
    )
}

/// The life of a sensor, one change after the other.
fn changes() -> Vec<fn(&Registry) -> Change> {
    vec![
        |registry| install(registry, 0, 50, 0, at(0)),
        |registry| install(registry, 1, 90, 1, at(5)),
        |registry| {
            let mut registry = registry.clone();
            registry.observe(at(10));
            registry.count(&OrderKey::new("a", 1), "r1", 7);
            registry.settle(at(10)).unwrap()
        },
        |registry| {
            registry
                .revoke("r", documents::revocation(Revoked::Approval(0, 1), 0), at(20))
                .unwrap()
                .unwrap()
        },
        |registry| registry.halt(nobody(at(25)), at(25)).unwrap(),
        |registry| registry.rotate("t", documents::rotation(), at(26)).unwrap(),
        |registry| registry.resume(nobody(at(30)), at(30)).unwrap(),
        |registry| install(registry, 2, 90, 1, at(31)),
    ]
}

/// What the audit file holds.
fn events(disk: &SimulatedDisk) -> Vec<u64> {
    let path = place().directory.join(names::EVENTS);
    let text = disk.clone().read(&path).unwrap().unwrap_or_default();
    let text = String::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect()
}

fn assert_whole(disk: &SimulatedDisk) {
    let chain = loading::verify(&mut disk.clone(), &place()).unwrap().unwrap();
    assert!(chain.is_complete());
    let expected: Vec<u64> = (1..=chain.events).collect();
    assert_eq!(events(disk), expected, "every event once, and none of what did not happen");
}

#[test]
fn a_registry_reads_back() {
    let disk = SimulatedDisk::default();
    let (mut store, mut registry) = create(&disk);
    for change in changes() {
        registry = store.commit(change(&registry)).unwrap();
        let (reopened, loaded) = open(disk.clone()).unwrap().unwrap();
        assert_eq!(fingerprint(&loaded), fingerprint(&registry));
        store = reopened;
    }
    assert_whole(&disk);
    let seen = look(&mut disk.clone(), &place()).unwrap().unwrap();
    assert_eq!(seen.shown(&seen.entries()[1], wall(30)), OrderState::InForce);
    assert!(seen.entries()[1].body().is_none(), "a look reads no orders");
}

#[test]
fn a_power_cut_at_any_step_leaves_the_old_or_the_new_state() {
    let before = SimulatedDisk::default();
    let (mut store, mut registry) = create(&before);
    let mut cuts = 0;
    for change in changes() {
        let after = change(&registry);
        let (old, new) = (fingerprint(&registry), fingerprint(&after.registry));
        assert_ne!(old, new);
        for steps in 0.. {
            let disk = before.copy();
            disk.fail_after(steps);
            let Some((mut store, registry)) = open(disk.clone()).unwrap() else {
                panic!("it was there")
            };
            let done = store.commit(change(&registry));
            let failed = done.is_err() || store.lacks().is_some();
            assert!(!failed || store.touch(&registry).is_err(), "the power is gone");
            for luck in 0..12 {
                let left = disk.after_power_cut(luck);
                let (_, loaded) = open(left.clone()).unwrap().unwrap();
                let found = fingerprint(&loaded);
                assert!(found == new || failed && found == old, "{steps}, {luck}: {found}");
                assert_whole(&left);
                // A second cut, right after: nothing that opening wrote can be lost again.
                let (_, again) = open(left.after_power_cut(luck + 1)).unwrap().unwrap();
                assert_eq!(fingerprint(&again), found);
                cuts += 1;
            }
            if !failed {
                break;
            }
        }
        registry = store.commit(after).unwrap();
    }
    assert!(cuts > 1_000, "{cuts}");
}

/// The registry on a copy of the disk, with every event once.
fn found_on(disk: &SimulatedDisk) -> String {
    let disk = disk.copy();
    disk.recover();
    let (_, registry) = open(disk.clone()).unwrap().unwrap();
    assert_whole(&disk);
    fingerprint(&registry)
}

#[test]
fn a_change_without_room_changes_nothing_or_is_finished_later() {
    let before = SimulatedDisk::default();
    let (mut store, mut registry) = create(&before);
    let (mut refused, mut late) = (0, 0);
    for change in changes() {
        let (old, new) = (fingerprint(&registry), fingerprint(&change(&registry).registry));
        for room in 0.. {
            let disk = before.copy();
            let (mut store, registry) = open(disk.clone()).unwrap().unwrap();
            disk.fill_after(room);
            match store.commit(change(&registry)) {
                Err(error) => {
                    assert!(matches!(error, StoreError::Io { .. }), "{error}");
                    assert_eq!(store.lacks(), None);
                    assert_eq!(found_on(&disk), old, "{room}");
                    assert!(store.touch(&registry).is_err(), "it is still full");
                    disk.recover();
                    store.commit(change(&registry)).unwrap();
                    refused += 1;
                }
                Ok(registry) => {
                    assert_eq!(found_on(&disk), new, "{room}");
                    if store.lacks().is_none() {
                        break;
                    }
                    assert!(store.touch(&registry).is_err(), "the one before comes first");
                    assert!(store.lacks().is_some());
                    disk.recover();
                    store.touch(&registry).unwrap();
                    late += 1;
                }
            }
            assert_eq!(store.lacks(), None);
            assert_eq!(found_on(&disk), new, "{room}");
        }
        registry = store.commit(change(&registry)).unwrap();
    }
    assert!(refused > 30 && late > 30, "{refused}, {late}");
}

#[test]
fn a_power_cut_while_the_directory_is_made() {
    for steps in 0.. {
        let disk = SimulatedDisk::default();
        disk.fail_after(steps);
        let done = StateStore::create(disk.clone(), place(), begun());
        for luck in 0..24 {
            match open(disk.after_power_cut(luck)).unwrap() {
                None => assert!(done.is_err()),
                Some((_, registry)) => assert_eq!(registry.facility(), FACILITY),
            }
        }
        if done.is_ok() {
            assert!(steps > 20, "{steps}");
            break;
        }
    }
}

/// A disk with two states behind it, and a copy of the first.
fn old_and_new() -> (SimulatedDisk, SimulatedDisk) {
    let disk = SimulatedDisk::default();
    let (mut store, registry) = create(&disk);
    let registry = store.commit(changes()[0](&registry)).unwrap();
    let old = disk.copy();
    let registry = store.commit(changes()[1](&registry)).unwrap();
    store.touch(&registry).unwrap();
    (old, disk)
}

/// Puts files of one disk into the place of another's.
fn transplant(to: &mut SimulatedDisk, from: &mut SimulatedDisk, path: &Path) {
    let bytes = from.read(path).unwrap().unwrap();
    to.write(path, &bytes).unwrap();
}

#[test]
fn an_older_copy_is_refused() {
    let (mut old, mut new) = old_and_new();
    let (state, anchor) = (place().directory.join(names::STATE), place().anchor);
    let mut back = new.copy();
    transplant(&mut back, &mut old, &state);
    assert_eq!(
        refusal(back),
        "/state/state.json: counter: is at state 2, but its anchor /state.anchor at 4: an older \
         copy was put in its place [L-EXTEND]"
    );
    let mut ahead = old.copy();
    transplant(&mut ahead, &mut new, &state);
    assert!(refusal(ahead).contains("is at state 4, but its anchor /state.anchor at 2: "));
    let mut gone = new.copy();
    gone.rename(&anchor, Path::new("/elsewhere")).unwrap();
    assert!(refusal(gone).contains("is at state 4, but its anchor /state.anchor is missing"));
    let mut empty = new.copy();
    empty.rename(&state, Path::new("/elsewhere")).unwrap();
    assert!(refusal(empty).contains("is missing, but the anchor /state.anchor is at state 4"));
    assert!(open(new).unwrap().is_some());
}

#[test]
fn what_was_tampered_with_is_refused() {
    let (_, mut disk) = old_and_new();
    let orders = place().directory.join("orders");
    let mut named: Vec<PathBuf> =
        disk.names(&orders).unwrap().into_iter().map(|name| orders.join(name)).collect();
    assert_eq!(named.len(), 2);
    named.push(place().directory.join("trust/1.json"));
    for path in &named {
        let mut tampered = disk.copy();
        let mut bytes = tampered.read(path).unwrap().unwrap();
        bytes[20] ^= 1;
        tampered.write(path, &bytes).unwrap();
        assert!(refusal(tampered).ends_with("is not what it was when it was accepted"));
        let mut gone = disk.copy();
        gone.rename(path, Path::new("/elsewhere")).unwrap();
        assert!(refusal(gone).ends_with("is missing, but the state names it"));
    }
    let state = place().directory.join(names::STATE);
    let mut tampered = disk.copy();
    let text = String::from_utf8(tampered.read(&state).unwrap().unwrap()).unwrap();
    tampered.write(&state, text.replace("2027", "2028").as_bytes()).unwrap();
    assert!(refusal(tampered).contains("is another state 4 than the one that its anchor"));
    let events = place().directory.join(names::EVENTS);
    let mut cut = disk.copy();
    cut.write(&events, b"").unwrap();
    assert!(
        refusal(cut).ends_with(
            "ends with event 0, but the state is that after event 5: lines were cut off"
        )
    );
    let mut edited = disk.copy();
    let text = String::from_utf8(edited.read(&events).unwrap().unwrap()).unwrap();
    edited.write(&events, text.replacen("\"a\"", "\"b\"", 1).as_bytes()).unwrap();
    assert_eq!(
        refusal(edited),
        "/state/events.ndjson: line 4: names another line before it than line 3: one was changed"
    );
}
