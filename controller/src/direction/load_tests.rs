//! Files on disk: formats told apart, errors told apart, and tables that would lose the country.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use AddressClass::{Domestic, Foreign};
use tempfile::TempDir;

use super::*;

const STATISTICS: &str = "2|apnic|20270101|2|19830613|20261231|+1000\n\
                          apnic|*|ipv4|*|2|summary\n\
                          apnic|JP|ipv4|1.0.16.0|4096|20110412|allocated\n\
                          apnic|AU|ipv4|1.0.0.0|256|20110811|assigned\n";

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn class(table: &DirectionTable, address: &str) -> AddressClass {
    table.class_of(address.parse().unwrap()).0
}

#[test]
fn a_statistics_file_means_the_same_under_either_option() {
    let directory = TempDir::new().unwrap();
    let file = write(&directory, "delegated", STATISTICS);
    let country = Some("JP".parse().unwrap());
    for inputs in [
        DirectionInputs { domestic: vec![file.clone()], country, ..Default::default() },
        DirectionInputs { foreign: vec![file], country, ..Default::default() },
    ] {
        let table = DirectionTable::load(&inputs).unwrap();
        assert_eq!(class(&table, "1.0.16.1"), Domestic);
        assert_eq!(class(&table, "1.0.0.1"), Foreign);
    }
}

#[test]
fn lists_and_statistics_go_together() {
    let directory = TempDir::new().unwrap();
    let inputs = DirectionInputs {
        domestic: vec![
            write(&directory, "delegated", STATISTICS),
            write(&directory, "jp.txt", "1.0.0.128/25\n"),
        ],
        foreign: vec![write(&directory, "abroad.txt", "1.0.16.0/24\n")],
        country: Some("JP".parse().unwrap()),
        default: Unnamed::Foreign,
    };
    let table = DirectionTable::load(&inputs).unwrap();
    assert_eq!(class(&table, "1.0.0.129"), Domestic);
    assert_eq!(class(&table, "1.0.0.1"), Foreign);
    assert_eq!(class(&table, "1.0.16.1"), Foreign);
    assert_eq!(class(&table, "1.0.17.1"), Domestic);
}

#[test]
fn a_file_that_cannot_be_read_is_not_a_refused_one() {
    let directory = TempDir::new().unwrap();
    for path in [directory.path().join("absent"), directory.path().to_owned()] {
        let inputs = DirectionInputs { domestic: vec![path.clone()], ..Default::default() };
        let error = DirectionTable::load(&inputs).unwrap_err();
        assert!(matches!(error, DirectionError::Unreadable { .. }), "{error}");
        assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_table_without_the_country_is_refused() {
    let directory = TempDir::new().unwrap();
    let statistics = write(&directory, "delegated", STATISTICS);
    let abroad = write(&directory, "abroad.txt", "198.18.0.0/24\n");
    let country = Some("UK".parse().unwrap());
    for (inputs, reason) in [
        (DirectionInputs::default(), "--domestic: no input names a domestic prefix"),
        (DirectionInputs { foreign: vec![abroad.clone()], ..Default::default() }, "abroad.txt: no"),
        (
            DirectionInputs {
                domestic: vec![statistics],
                country,
                default: Unnamed::Unclassified,
                ..Default::default()
            },
            "is --country right?",
        ),
    ] {
        let error = DirectionTable::load(&inputs).unwrap_err().to_string();
        assert!(error.contains(reason) && error.ends_with("[L-DIR]"), "{error}");
    }
    let nothing_by_default = DirectionInputs {
        foreign: vec![abroad],
        default: Unnamed::Unclassified,
        ..Default::default()
    };
    assert!(DirectionTable::load(&nothing_by_default).is_ok());
}

#[test]
fn countries_are_two_capital_letters() {
    assert_eq!("JP".parse::<Country>().unwrap().to_string(), "JP");
    for text in ["", "J", "jp", "JPN", "J1", "日"] {
        assert!(text.parse::<Country>().is_err(), "{text}");
    }
}

#[test]
fn three_hundred_thousand_prefixes_load_quickly() {
    let directory = TempDir::new().unwrap();
    let mut text = String::new();
    for number in 0..300_000_u32 {
        let address = IpAddr::from((0x1000_0000 + (number << 8)).to_be_bytes());
        writeln!(text, "{address}/24").unwrap();
    }
    let inputs =
        DirectionInputs { domestic: vec![write(&directory, "many", &text)], ..Default::default() };
    let start = Instant::now();
    let table = DirectionTable::load(&inputs).unwrap();
    let taken = start.elapsed();
    assert_eq!(table.named_prefixes(), 300_000);
    // Unoptimised, on a machine that is busy with other tests; optimised it takes a tenth.
    assert!(taken < Duration::from_secs(5), "{taken:?}");
}
