//! Files on disk: formats told apart, errors told apart, and tables that would lose the country.

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use AddressClass::{Domestic, Foreign, Unclassified};
use tempfile::TempDir;

use super::special::SPECIAL;
use super::*;

const STATISTICS: &str = "2|apnic|20270101|3|19830613|20261231|+1000\n\
                          apnic|*|ipv4|*|2|summary\n\
                          apnic|*|ipv6|*|1|summary\n\
                          apnic|JP|ipv6|2001:200::|35|19990813|allocated\n\
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
        without_domestic: Vec::new(),
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
fn a_family_without_the_country_is_refused_unless_it_is_meant() {
    let directory = TempDir::new().unwrap();
    let statistics = write(&directory, "delegated", STATISTICS);
    let abroad = write(&directory, "abroad.txt", "198.18.0.0/24\n");
    let old = write(&directory, "jp-ipv4.txt", "1.0.16.0/20\n");
    let new = write(&directory, "jp-ipv6.txt", "2001:200::/35\n");
    let (v4, v6) = (Family::Ipv4, Family::Ipv6);
    let inputs = |domestic: &[&PathBuf], without: &[Family]| DirectionInputs {
        domestic: domestic.iter().copied().cloned().collect(),
        without_domestic: without.to_vec(),
        ..Default::default()
    };
    let elsewhere =
        DirectionInputs { country: Some("UK".parse().unwrap()), ..inputs(&[&statistics], &[]) };
    let only_abroad = DirectionInputs { foreign: vec![abroad.clone()], ..inputs(&[], &[]) };
    for (inputs, reason) in [
        (DirectionInputs::default(), "--domestic: no input names a domestic IPv4 prefix"),
        (only_abroad, "abroad.txt: no input names a domestic IPv4 prefix"),
        (elsewhere, "delegated: no input names a domestic IPv4 prefix"),
        (inputs(&[&old], &[]), "jp-ipv4.txt: no input names a domestic IPv6 prefix"),
        (inputs(&[&new], &[]), "jp-ipv6.txt: no input names a domestic IPv4 prefix"),
        (inputs(&[&old], &[v4, v6]), "jp-ipv4.txt: line 1: names a domestic IPv4 prefix, but"),
    ] {
        for default in [Unnamed::Foreign, Unnamed::Unclassified] {
            let inputs = DirectionInputs { default, ..inputs.clone() };
            let error = DirectionTable::load(&inputs).unwrap_err().to_string();
            assert!(error.contains(reason) && error.ends_with("[L-DIR]"), "{error}");
            assert!(error.contains("--without-domestic ipv"), "{error}");
        }
    }
    DirectionTable::load(&inputs(&[&old, &new], &[])).unwrap();
    let default = Unnamed::Foreign;
    let meant = DirectionInputs { default, ..inputs(&[&old], &[v6]) };
    let table = DirectionTable::load(&meant).unwrap();
    assert_eq!(class(&table, "8.8.8.8"), Foreign);
    // Where nothing of the country is known, that nothing names an address says nothing.
    assert_eq!(class(&table, "2a00::1"), Unclassified);
    let meant = DirectionInputs { foreign: vec![abroad], default, ..inputs(&[], &[v4, v6]) };
    let table = DirectionTable::load(&meant).unwrap();
    assert_eq!((class(&table, "198.18.0.1"), class(&table, "8.8.8.8")), (Foreign, Unclassified));
}

#[test]
fn what_nothing_names_is_unclassified() {
    let directory = TempDir::new().unwrap();
    let domestic = vec![write(&directory, "jp.txt", "1.0.16.0/20\n2001:200::/35\n")];
    let inputs = DirectionInputs { domestic, ..Default::default() };
    let table = DirectionTable::load(&inputs).unwrap();
    for address in ["8.8.8.8", "1.0.32.1", "2a00::1", "2001:220::1", "10.0.0.1", "fe80::1"] {
        assert_eq!(class(&table, address), Unclassified, "{address}");
    }
    let default = Unnamed::Foreign;
    let table = DirectionTable::load(&DirectionInputs { default, ..inputs }).unwrap();
    for address in ["8.8.8.8", "1.0.32.1", "2a00::1", "2001:220::1"] {
        assert_eq!(class(&table, address), Foreign, "{address}");
    }
    for special in SPECIAL {
        assert_eq!(table.class_of(special.prefix.ip()).0, Unclassified, "{special:?}");
    }
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
    text.push_str("2001:200::/35\n");
    let inputs =
        DirectionInputs { domestic: vec![write(&directory, "many", &text)], ..Default::default() };
    let start = Instant::now();
    let table = DirectionTable::load(&inputs).unwrap();
    let taken = start.elapsed();
    assert_eq!(table.named_prefixes(), 300_001);
    // Unoptimised, on a machine that is busy with other tests; optimised it takes a tenth.
    assert!(taken < Duration::from_secs(5), "{taken:?}");
}
