//! The store over a disk that forgets: whenever the power goes, what loads is the state before a
//! change or the state after it, and an old copy is never taken for the present one.

use std::path::Path;

use super::act::{Act, Caller, Said};
use super::disk::Disk as _;
use super::loading::{Contents, look};
use super::names;
use super::simulated::SimulatedDisk;
use super::state::OrderState;
use super::tests::{at, begun, install, payload, revocation, rotation, wall};
use super::{Change, Place, Registry, Store, StoreError};
use crate::order::samples::signed;

fn place() -> Place {
    Place::new(Path::new("/state"), None)
}

fn disk() -> SimulatedDisk {
    let mut disk = SimulatedDisk::default();
    disk.create_directory(Path::new("/")).unwrap();
    disk
}

type Opened = (Store<SimulatedDisk>, Registry);

fn open(disk: SimulatedDisk) -> Result<Option<Opened>, StoreError> {
    Store::open(disk, place(), Contents::Read)
}

fn refusal(disk: SimulatedDisk) -> String {
    match open(disk) {
        Err(StoreError::Rejected(rejection)) => rejection.to_string(),
        other => panic!("{other:?}"),
    }
}

/// Everything that counts of a registry, as text.
fn fingerprint(registry: &Registry) -> String {
    let entries = registry.entries().iter().map(|entry| {
        let body = entry.body().map(|body| body.rules.len());
        (entry.named(), entry.ended(), entry.begun, entry.records(), body)
    });
    format!(
        "{:?} {:?} {:?} {} {}",
        entries.collect::<Vec<_>>(),
        registry.halted(),
        registry.clock().highest(),
        registry.trust().version(),
        registry.revocations.len(),
    )
}

/// The life of a sensor, one change after the other.
fn changes() -> Vec<fn(&Registry) -> Change> {
    vec![
        |registry| install(registry, &signed(&payload("a", 1, 10, 50), &[1, 2, 3]), at(0)).unwrap(),
        |registry| install(registry, &signed(&payload("b", 1, 10, 90), &[1, 2, 4]), at(5)).unwrap(),
        |registry| {
            let mut registry = registry.clone();
            registry.observe(at(10));
            registry.count("a", 1, 7);
            registry.settle(at(10)).unwrap()
        },
        |registry| {
            registry.revoke("r", revocation("a", 1, 0).into_bytes(), at(20)).unwrap().unwrap()
        },
        |registry| {
            registry
                .halt(Act::new(Said::default(), Caller::default(), at(25).wall), at(25))
                .unwrap()
        },
        |registry| {
            registry.rotate("t", rotation(2, &[3], &[1, 2, 4]).into_bytes(), at(26)).unwrap()
        },
        |registry| {
            registry
                .resume(Act::new(Said::default(), Caller::default(), at(30).wall), at(30))
                .unwrap()
        },
        |registry| {
            install(registry, &signed(&payload("c", 1, 10, 90), &[1, 2, 6]), at(31)).unwrap()
        },
    ]
}

/// What the audit file holds.
fn events(disk: &mut SimulatedDisk) -> Vec<u64> {
    let text = disk.read(&place().directory.join(names::EVENTS)).unwrap().unwrap_or_default();
    let text = String::from_utf8(text).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|event| event["sequence"].as_u64().unwrap())
        .collect()
}

fn assert_whole(disk: &mut SimulatedDisk, registry: &Registry) {
    let expected: Vec<u64> = (1..=registry.last_event).collect();
    assert_eq!(events(disk), expected, "every event once, and none of what did not happen");
}

#[test]
fn a_registry_reads_back() {
    let (mut store, mut registry) = Store::create(disk(), place(), begun()).unwrap();
    for change in changes() {
        registry = store.commit(change(&registry)).unwrap();
        let (reopened, loaded) = open(store.into_disk()).unwrap().unwrap();
        assert_eq!(fingerprint(&loaded), fingerprint(&registry));
        store = reopened;
    }
    let mut disk = store.into_disk();
    assert_whole(&mut disk, &registry);
    let seen = look(&mut disk, &place()).unwrap().unwrap();
    assert_eq!(seen.shown(&seen.entries()[1], wall(30)), OrderState::InForce);
    assert!(seen.entries()[1].body().is_none(), "a look reads no orders");
}

#[test]
fn a_power_cut_at_any_step_leaves_the_old_or_the_new_state() {
    let (mut store, mut registry) = Store::create(disk(), place(), begun()).unwrap();
    let mut cuts = 0;
    for change in changes() {
        let before = store.into_disk();
        let after = change(&registry);
        let (old, new) = (fingerprint(&registry), fingerprint(&after.registry));
        assert_ne!(old, new);
        for steps in 0.. {
            let mut failing = before.clone();
            failing.fail_after(steps);
            let Some((mut store, registry)) = open(failing).unwrap() else {
                panic!("it was there")
            };
            let done = store.commit(change(&registry));
            let failed = done.is_err() || store.lacks().is_some();
            assert!(!failed || store.touch(&registry).is_err(), "the power is gone");
            let disk = store.into_disk();
            for luck in 0..12 {
                let (store, loaded) = open(disk.after_power_cut(luck)).unwrap().unwrap();
                let found = fingerprint(&loaded);
                assert!(found == new || failed && found == old, "{steps}, {luck}: {found}");
                let mut disk = store.into_disk();
                assert_whole(&mut disk, &loaded);
                // A second cut, right after: nothing that opening wrote can be lost again.
                let (_, again) = open(disk.after_power_cut(luck + 1)).unwrap().unwrap();
                assert_eq!(fingerprint(&again), found);
                cuts += 1;
            }
            if !failed {
                break;
            }
        }
        let opened = open(before).unwrap().unwrap();
        store = opened.0;
        registry = store.commit(after).unwrap();
    }
    assert!(cuts > 1_000, "{cuts}");
}

/// The registry on a copy of the disk, with every event once.
fn found_on(disk: &SimulatedDisk) -> String {
    let mut disk = disk.clone();
    disk.recover();
    let (store, registry) = open(disk).unwrap().unwrap();
    assert_whole(&mut store.into_disk(), &registry);
    fingerprint(&registry)
}

#[test]
fn a_change_without_room_changes_nothing_or_is_finished_later() {
    let (mut store, mut registry) = Store::create(disk(), place(), begun()).unwrap();
    let (mut refused, mut late) = (0, 0);
    for change in changes() {
        let before = store.into_disk();
        let (old, new) = (fingerprint(&registry), fingerprint(&change(&registry).registry));
        for room in 0.. {
            let (mut store, registry) = open(before.clone()).unwrap().unwrap();
            store.disk.fill_after(room);
            match store.commit(change(&registry)) {
                Err(error) => {
                    assert!(matches!(error, StoreError::Io { .. }), "{error}");
                    assert_eq!(store.lacks(), None);
                    assert_eq!(found_on(&store.disk), old, "{room}");
                    assert!(store.touch(&registry).is_err(), "it is still full");
                    store.disk.recover();
                    store.commit(change(&registry)).unwrap();
                    refused += 1;
                }
                Ok(registry) => {
                    assert_eq!(found_on(&store.disk), new, "{room}");
                    if store.lacks().is_none() {
                        break;
                    }
                    assert!(store.touch(&registry).is_err(), "the one before comes first");
                    assert!(store.lacks().is_some());
                    store.disk.recover();
                    store.touch(&registry).unwrap();
                    late += 1;
                }
            }
            assert_eq!(store.lacks(), None);
            assert_eq!(found_on(&store.disk), new, "{room}");
        }
        (store, _) = open(before).unwrap().unwrap();
        registry = store.commit(change(&registry)).unwrap();
    }
    assert!(refused > 30 && late > 30, "{refused}, {late}");
}

#[test]
fn a_power_cut_while_the_directory_is_made() {
    for steps in 0.. {
        let mut failing = disk();
        failing.fail_after(steps);
        let mut store = Store::empty(failing, place());
        let done = store.make(begun());
        for luck in 0..24 {
            match open(store.disk.after_power_cut(luck)).unwrap() {
                None => assert!(done.is_err()),
                Some((_, registry)) => assert_eq!(registry.facility(), "tyo-gw-1"),
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
    let (mut store, registry) = Store::create(disk(), place(), begun()).unwrap();
    let registry = store.commit(changes()[0](&registry)).unwrap();
    let old = store.disk.clone();
    let registry = store.commit(changes()[1](&registry)).unwrap();
    store.touch(&registry).unwrap();
    (old, store.into_disk())
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
    let mut back = new.clone();
    transplant(&mut back, &mut old, &state);
    assert_eq!(
        refusal(back),
        "/state/state.json: counter: is at state 2, but its anchor /state.anchor at 4: an older \
         copy was put in its place [L-EXTEND]"
    );
    let mut ahead = old.clone();
    transplant(&mut ahead, &mut new, &state);
    assert!(refusal(ahead).contains("is at state 4, but its anchor /state.anchor at 2: "));
    let mut gone = new.clone();
    gone.rename(&anchor, Path::new("/elsewhere")).unwrap();
    assert!(refusal(gone).contains("is at state 4, but its anchor /state.anchor is missing"));
    let mut empty = new.clone();
    empty.rename(&state, Path::new("/elsewhere")).unwrap();
    assert!(refusal(empty).contains("is missing, but the anchor /state.anchor is at state 4"));
    assert!(open(new).unwrap().is_some());
}

#[test]
fn what_was_tampered_with_is_refused() {
    let (_, disk) = old_and_new();
    let (_, registry) = open(disk.clone()).unwrap().unwrap();
    let order = place().directory.join(names::order(&registry.entries()[0].file));
    let trust = place().directory.join("trust/1.json");
    for path in [&order, &trust] {
        let mut tampered = disk.clone();
        let mut bytes = tampered.read(path).unwrap().unwrap();
        bytes[20] ^= 1;
        tampered.write(path, &bytes).unwrap();
        assert!(refusal(tampered).ends_with("is not what it was when it was accepted"));
        let mut gone = disk.clone();
        gone.rename(path, Path::new("/elsewhere")).unwrap();
        assert!(refusal(gone).ends_with("is missing, but the state names it"));
    }
    let state = place().directory.join(names::STATE);
    let mut tampered = disk.clone();
    let text = String::from_utf8(tampered.read(&state).unwrap().unwrap()).unwrap();
    tampered.write(&state, text.replace("2027", "2028").as_bytes()).unwrap();
    assert!(refusal(tampered).contains("is another state 4 than the one that its anchor"));
    let events = place().directory.join(names::EVENTS);
    let mut cut = disk.clone();
    cut.write(&events, b"").unwrap();
    assert!(
        refusal(cut).ends_with(
            "ends with event 0, but the state is that after event 3: lines were cut off"
        )
    );
    let mut edited = disk.clone();
    let text = String::from_utf8(edited.read(&events).unwrap().unwrap()).unwrap();
    edited.write(&events, text.replacen("\"a\"", "\"b\"", 1).as_bytes()).unwrap();
    assert_eq!(
        refusal(edited),
        "/state/events.ndjson: line 3: names another line before it than line 2: one was changed"
    );
}
