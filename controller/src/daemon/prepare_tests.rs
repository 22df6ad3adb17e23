//! Configurations with the files that they name, good and bad.

use std::fs;

use jiff::Timestamp;
use sensor_common::boot_time::BootTime;
use serde_json::{Value, json};

use super::*;
use crate::order::samples::{Signed, plan, signed, trust_file, with};
use crate::registry::runs::DaemonStart;

/// A folder with a configuration over the documents of these plans: `0.json` rests on `0-basis.json`.
fn folder(plans: &[Value]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let Signed { basis, order } = signed(plan);
        for (name, text) in
            [(format!("{number}.json"), order), (format!("{number}-basis.json"), basis)]
        {
            fs::write(folder.path().join(&name), text).unwrap();
            names.push(name);
        }
    }
    let config = format!(
        "sensor = \"s\"\nfacility = \"tyo-gw-1\"\nmode = \"tap\"\ninterfaces = [\"eth1\"]\n\
         trust = \"trust.json\"\nstate = \"state\"\noutput = \"-\"\norders = {names:?}\n\
         [direction]\ndomestic = [\"jp.txt\"]\n\
         without_domestic = [\"ipv6\"]\n"
    );
    fs::write(folder.path().join("sekisho.toml"), config).unwrap();
    fs::write(folder.path().join("trust.json"), trust_file()).unwrap();
    fs::write(folder.path().join("jp.txt"), "192.0.2.0/24\n").unwrap();
    folder
}

fn reading() -> Reading {
    Reading {
        boot: BootTime::from_nanos(1),
        wall: "2027-10-21T00:00:00Z".parse::<Timestamp>().unwrap(),
    }
}

fn ready(folder: &tempfile::TempDir) -> Result<Prepared, Failure> {
    prepare(&folder.path().join("sekisho.toml"), false, reading())
}

fn refusal(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("sekisho.toml");
    let words = |error: Failure| match error {
        Failure::Rejected(rejections) => {
            let [rejection] = rejections.as_slice() else { panic!("{rejections:?}") };
            rejection.to_string().replace(&format!("{}/", folder.path().display()), "")
        }
        Failure::Failed(reason) => panic!("{reason}"),
    };
    let checked = words(check(&path, false, reading()).unwrap_err());
    let refused = words(ready(folder).unwrap_err());
    assert_eq!(checked, refused, "a check says what a start would");
    assert!(!folder.path().join("state/state.json").exists(), "and nothing is written");
    refused
}

fn ids(registry: &Registry) -> Vec<String> {
    let named = registry.entries().iter().map(crate::registry::entry::OrderEntry::named);
    named.map(|named| format!("{} {}", named.key.order_id, named.key.serial)).collect()
}

#[test]
fn all_that_a_configuration_names() {
    let folder = folder(&[plan(), with(&[("/order_id", json!("b"))])]);
    let (_, checked) = check(&folder.path().join("sekisho.toml"), false, reading()).unwrap();
    let prepared = ready(&folder).unwrap();
    for registry in [&checked, &prepared.registry] {
        assert_eq!(ids(registry), ["2027-17-0003 1", "b 1"]);
    }
    let [_, named] = prepared.layers.as_slice() else { panic!("two layers") };
    assert_eq!(named, &[("192.0.2.0/24".parse().unwrap(), AddressClass::Domestic)]);
    let held = ready(&folder).unwrap_err().to_string();
    assert!(held.contains("a running sekisho has this state"), "{held}");
}

#[test]
fn orders_stay_when_their_files_are_gone() {
    let folder = folder(&[plan()]);
    drop(ready(&folder).unwrap());
    // The very same again is no news; one that is not named any more stays.
    drop(ready(&folder).unwrap());
    let config = folder.path().join("sekisho.toml");
    let text = fs::read_to_string(&config).unwrap().replace("[\"0.json\", \"0-basis.json\"]", "[]");
    fs::write(&config, text).unwrap();
    fs::remove_file(folder.path().join("0.json")).unwrap();
    assert_eq!(ids(&ready(&folder).unwrap().registry), ["2027-17-0003 1"]);
}

#[test]
fn another_facility_and_another_trust_file() {
    let folder = folder(&[plan()]);
    drop(ready(&folder).unwrap());
    let config = folder.path().join("sekisho.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("tyo-gw-1", "osa-gw-1")).unwrap();
    let refused = ready(&folder).unwrap_err().to_string();
    assert!(refused.contains("facility: holds orders for facility tyo-gw-1, but "), "{refused}");
    fs::write(&config, text).unwrap();
    let newer = trust_file().replace("\"version\": 1", "\"version\": 2");
    fs::write(folder.path().join("trust.json"), newer).unwrap();
    let refused = ready(&folder).unwrap_err().to_string();
    assert!(refused.contains("version: is 2, but version 1 is in force"), "{refused}");
}

#[test]
fn an_order_for_another_facility() {
    let folder = folder(&[with(&[("/facility/id", json!("osa-gw-1"))])]);
    assert_eq!(
        refusal(&folder),
        "0-basis.json: facility.id: is for facility osa-gw-1, but this sensor stands in tyo-gw-1 \
         [L-APPROVE]"
    );
}

#[test]
fn an_older_version_of_an_order() {
    let folder = folder(&[with(&[("/serial", json!(2))])]);
    drop(ready(&folder).unwrap());
    fs::write(folder.path().join("0.json"), signed(&plan()).order).unwrap();
    let refused = ready(&folder).unwrap_err().to_string();
    let words = "0.json: serial: is 1, but serial 2 of order 2027-17-0003 has been seen [L-EXTEND]";
    assert!(refused.ends_with(words), "{refused}");
}

#[test]
fn an_agreement_whose_party_is_not_domestic() {
    let party = |prefix| {
        with(&[
            ("/measure", json!("agreement")),
            ("/party", json!({"name": "電力", "prefixes": [prefix]})),
        ])
    };
    let agreed = folder(&[party("192.0.2.0/25")]);
    drop(ready(&agreed).unwrap());
    assert_eq!(
        refusal(&folder(&[party("8.8.8.0/24")])),
        "0-basis.json: party.prefixes[0]: 8.8.8.0/24 is not wholly domestic, but a party's own \
         addresses are: 8.8.8.0 is unclassified [L-MEASURE]"
    );
    // An installed one over tables that have changed.
    fs::write(agreed.path().join("jp.txt"), "198.51.100.0/24\n").unwrap();
    let refused = ready(&agreed).unwrap_err().to_string();
    assert!(
        refused.starts_with("agreement 2027-17-0003, serial 1: party.prefixes[0]: "),
        "{refused}"
    );
}

#[test]
fn one_signature_too_few() {
    let folder = folder(&[plan()]);
    let papers = crate::order::samples::papers(&plan());
    let order = papers.order.to_string();
    let short =
        crate::order::samples::sealed(crate::order::DocumentKind::Order, order.as_bytes(), &[11]);
    fs::write(folder.path().join("0.json"), short).unwrap();
    assert_eq!(
        refusal(&folder),
        "0.json: signatures: 1 of the 2 signatures needed of cabinet-office [L-APPROVE]"
    );
}

#[test]
fn files_that_are_not_there() {
    for name in ["trust.json", "0.json", "jp.txt", "sekisho.toml"] {
        let folder = folder(&[plan()]);
        fs::remove_file(folder.path().join(name)).unwrap();
        let error = refusal(&folder);
        assert!(error.starts_with(&format!("{name}: cannot be read: ")), "{error}");
    }
}

#[test]
fn more_orders_at_once_than_slots() {
    let orders: Vec<Value> =
        (0..65).map(|n| with(&[("/order_id", json!(format!("o{n}")))])).collect();
    assert_eq!(
        refusal(&folder(&orders)),
        "sekisho.toml: at 2027-10-31T15:00:00Z: 65 orders are in force at once; the limit is 64"
    );
}

#[test]
fn more_payload_groups_at_once_than_there_can_be() {
    let with_lengths = |id: &str, lengths: std::ops::Range<usize>| {
        let list: Vec<String> = lengths.map(|length| "ab".repeat(length)).collect();
        with(&[
            ("/order_id", json!(id)),
            ("/payload_prefixes/hello", json!({"hex": list})),
            ("/rules/0", json!({"id": "r1", "either": "c2", "payload": "hello"})),
        ])
    };
    let folder = folder(&[with_lengths("a", 4..9), with_lengths("b", 8..13)]);
    assert_eq!(
        refusal(&folder),
        "sekisho.toml: at 2027-10-31T15:00:00Z: the rules of all orders compare payloads by 9 \
         different pairs of key and length; the limit is 8"
    );
}

/// A start whose daemon has said that it began.
fn begun(folder: &tempfile::TempDir, accept_change: bool) -> Result<ClassChange, String> {
    let path = folder.path().join("sekisho.toml");
    let checked = check(&path, accept_change, reading());
    let prepared = prepare(&path, accept_change, reading());
    let mut prepared = match (checked, prepared) {
        (Ok((inputs, _)), Ok(prepared)) => {
            assert_eq!(inputs.summary, prepared.basis.classes, "a check says what a start would");
            prepared
        }
        (Err(checked), Err(refused)) => {
            assert_eq!(checked.to_string(), refused.to_string());
            return Err(refused.to_string().replace(&format!("{}/", folder.path().display()), ""));
        }
        (checked, prepared) => panic!("{checked:?}, but {prepared:?}"),
    };
    let basis = prepared.basis.clone();
    let start = DaemonStart {
        version: String::new(),
        pid: 1,
        boot: String::new(),
        mode: String::new(),
        interfaces: Vec::new(),
        program: String::new(),
        taken_over: false,
        inputs: basis,
    };
    let change = prepared.registry.started(start, &prepared.classes, reading());
    prepared.held.store.commit(change).unwrap();
    Ok(prepared.basis.classes.change)
}

fn moved(change: &ClassChange) -> (String, bool) {
    let ClassChange::Compared { moved, accepted } = change else { panic!("{change:?}") };
    (moved.to_string(), *accepted)
}

#[test]
fn a_start_says_what_has_changed_since_the_last_one() {
    let folder = folder(&[]);
    let jp = folder.path().join("jp.txt");
    assert_eq!(begun(&folder, false), Ok(ClassChange::First));
    let nothing = ("no address".to_owned(), false);
    assert_eq!(moved(&begun(&folder, false).unwrap()), nothing);
    fs::write(&jp, "192.0.2.0/25\n").unwrap();
    let words = "128 IPv4 addresses from domestic to unclassified (0.0000 %)".to_owned();
    assert_eq!(moved(&begun(&folder, false).unwrap()), (words, false));
    // What was asked for and not needed was not accepted.
    assert_eq!(moved(&begun(&folder, true).unwrap()), nothing);
    let kept: Vec<_> = fs::read_dir(folder.path().join("state/direction")).unwrap().collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
}

#[test]
fn a_large_change_has_to_be_asked_for() {
    let folder = folder(&[]);
    let jp = folder.path().join("jp.txt");
    begun(&folder, false).unwrap();
    let state = fs::read(folder.path().join("state/state.json")).unwrap();
    fs::write(&jp, "20.0.0.0/8\n").unwrap();
    let words = "256 IPv4 addresses from domestic to unclassified (0.0000 %), 16777216 IPv4 \
                 addresses from unclassified to domestic (0.3906 %)";
    let line = format!(
        "sekisho.toml: direction: moves {words}, more than a thousandth of the address space; if \
         that is meant, say --accept-change [L-DIR]"
    );
    for _ in 0..2 {
        assert_eq!(begun(&folder, false), Err(line.clone()));
        assert_eq!(fs::read(folder.path().join("state/state.json")).unwrap(), state);
    }
    assert_eq!(moved(&begun(&folder, true).unwrap()), (words.to_owned(), true));
    assert_eq!(moved(&begun(&folder, false).unwrap()), ("no address".to_owned(), false));
}

type Spoil = fn(&Path);

#[test]
fn what_cannot_be_compared_counts_as_a_first_load_and_is_said() {
    let folder = folder(&[]);
    let jp = folder.path().join("jp.txt");
    begun(&folder, false).unwrap();
    let kept = || {
        let mut entries = fs::read_dir(folder.path().join("state/direction")).unwrap();
        entries.next().unwrap().unwrap().path()
    };
    let cases: [(Spoil, &str, &str); 4] = [
        (
            |path| fs::remove_dir_all(path.parent().unwrap()).unwrap(),
            "cannot be read: ",
            "22.0.0.0/8\n",
        ),
        (|path| fs::remove_file(path).unwrap(), "cannot be read: ", "20.0.0.0/8\n"),
        (|path| fs::write(path, "").unwrap(), "is not what was written there", "21.0.0.0/8\n"),
        (|path| fs::write(path, "x").unwrap(), "is not what was written there", "21.0.0.0/8\n"),
    ];
    for (spoil, why, list) in cases {
        spoil(&kept());
        fs::write(&jp, list).unwrap();
        let Ok(ClassChange::Lost(reason)) = begun(&folder, false) else { panic!("{why}") };
        assert!(reason.contains(&format!(".classes: {why}")), "{reason}");
        assert_eq!(moved(&begun(&folder, false).unwrap()).0, "no address");
    }
}
