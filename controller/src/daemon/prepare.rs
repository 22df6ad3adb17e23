//! From a configuration file to everything a daemon needs, checked before anything is attached: one
//! wrong order and the daemon does not start (L-APPROVE).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use ipnetwork::IpNetwork;
use jiff::Timestamp;
use sensor_common::direction::AddressClass;

use super::config::Config;
use super::control;
use crate::compile::{self, Slotted};
use crate::direction::{DirectionError, DirectionTable};
use crate::order::{Order, Verified, files, load};
use crate::preview::{ClassRanges, check_party};
use crate::rejection::{Rejection, Requirement};
use crate::shown::shown;

/// Painting layers of direction, from the bottom up.
pub type Layers = Vec<Vec<(IpNetwork, AddressClass)>>;

/// A configuration with all that it refers to.
#[derive(Debug)]
pub struct Prepared {
    /// The configuration.
    pub config: Config,
    /// The orders, in the configuration's order.
    pub orders: Vec<Verified<Order>>,
    /// What is domestic and what is foreign.
    pub layers: Layers,
}

/// Reads and checks the configuration and all files that it names.
///
/// # Errors
/// What is wrong: the first thing, but every order that is refused.
pub fn prepare(path: &Path) -> Result<Prepared, Vec<Rejection>> {
    let unreadable = |file: String, error: &io::Error| {
        vec![Rejection::new(file, format!("cannot be read: {error}"))]
    };
    let bytes = files::read(path).map_err(|error| unreadable(shown(path), &error))?;
    let config = Config::parse(path, &bytes).map_err(single)?;
    if let Some(group) = &config.control_group {
        control::group_number(group)
            .map_err(|reason| single(Rejection::new(shown(path), reason).at("control_group")))?;
    }
    let trust = load::trust(&config.trust).map_err(single)?;
    let orders = load::orders(config.orders.iter().map(PathBuf::as_path), &trust)?;
    for (path, order) in config.orders.iter().zip(&orders) {
        check(&config, path, order).map_err(single)?;
    }
    fit_together(&shown(path), &orders).map_err(single)?;
    let table = DirectionTable::load(&config.direction).map_err(|error| match error {
        DirectionError::Rejected(rejection) => single(rejection),
        DirectionError::Unreadable { file, source } => unreadable(file, &source),
    })?;
    let classes = ClassRanges::of(&table);
    for (path, order) in config.orders.iter().zip(&orders) {
        check_party(&shown(path), order, &classes).map_err(single)?;
    }
    Ok(Prepared { layers: table.layers().into(), config, orders })
}

fn single(rejection: Rejection) -> Vec<Rejection> {
    vec![rejection]
}

/// An approval is for one facility (L-APPROVE).
fn check(config: &Config, path: &Path, order: &Order) -> Result<(), Rejection> {
    if order.facility.id == config.facility {
        return Ok(());
    }
    let reason = format!(
        "the order is for facility {}, but this sensor stands in {}",
        order.facility.id, config.facility
    );
    Err(Rejection::new(shown(path), reason).at("facility.id").under(Requirement::Approve))
}

/// Whether the orders fit into one generation at every moment at which one begins, so that no
/// limit is met for the first time while the sensor runs.
fn fit_together(file: &str, orders: &[Verified<Order>]) -> Result<(), Rejection> {
    let moments: BTreeSet<Timestamp> = orders.iter().map(|order| order.not_before).collect();
    for moment in moments {
        let in_force: Vec<Slotted<'_>> = (0..)
            .zip(orders.iter().filter(|o| o.not_before <= moment && moment < o.not_after))
            .map(|(slot, order)| Slotted { slot, order })
            .collect();
        compile::compile(0, &[], &in_force)
            .map_err(|error| Rejection::new(file, format!("at {moment}: {error}")).at("orders"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};

    use super::*;
    use crate::order::samples::{order, signed, trust_file, with};

    /// A folder with a configuration over these orders.
    fn folder(orders: &[Value]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = (0..orders.len()).map(|n| format!("{n}.json")).collect();
        for (name, order) in names.iter().zip(orders) {
            fs::write(folder.path().join(name), signed(order, &[1, 2, 3])).unwrap();
        }
        let config = format!(
            "sensor = \"s\"\nfacility = \"tyo-gw-1\"\nmode = \"tap\"\ninterfaces = [\"eth1\"]\n\
             trust = \"trust.json\"\noutput = \"-\"\norders = {names:?}\n\
             [direction]\ndomestic = [\"jp.txt\"]\n"
        );
        fs::write(folder.path().join("sekisho.toml"), config).unwrap();
        fs::write(folder.path().join("trust.json"), trust_file()).unwrap();
        fs::write(folder.path().join("jp.txt"), "192.0.2.0/24\n").unwrap();
        folder
    }

    fn refusal(folder: &tempfile::TempDir) -> String {
        let rejections = prepare(&folder.path().join("sekisho.toml")).unwrap_err();
        let [rejection] = rejections.as_slice() else { panic!("{rejections:?}") };
        rejection.to_string().replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn all_that_a_configuration_names() {
        let folder = folder(&[order(), with(&[("/order_id", json!("b"))])]);
        let prepared = prepare(&folder.path().join("sekisho.toml")).unwrap();
        let ids: Vec<&str> = prepared.orders.iter().map(|o| o.order_id.as_str()).collect();
        assert_eq!(ids, ["2027-17-0003", "b"]);
        let [_, named] = prepared.layers.as_slice() else { panic!("two layers") };
        assert_eq!(named, &[("192.0.2.0/24".parse().unwrap(), AddressClass::Domestic)]);
    }

    #[test]
    fn an_order_for_another_facility() {
        let folder = folder(&[with(&[("/facility/id", json!("osa-gw-1"))])]);
        assert_eq!(
            refusal(&folder),
            "0.json: facility.id: the order is for facility osa-gw-1, but this sensor stands in \
             tyo-gw-1 [L-APPROVE]"
        );
    }

    #[test]
    fn the_same_order_twice() {
        let folder = folder(&[order(), with(&[("/serial", json!(3))])]);
        assert_eq!(
            refusal(&folder),
            "1.json: order_id: another file names order 2027-17-0003 too [L-EXTEND]"
        );
    }

    #[test]
    fn an_agreement_whose_party_is_not_domestic() {
        let party = |prefix| {
            with(&[
                ("/measure", json!("agreement")),
                ("/party", json!({"name": "電力", "prefixes": [prefix]})),
            ])
        };
        prepare(&folder(&[party("192.0.2.0/25")]).path().join("sekisho.toml")).unwrap();
        assert_eq!(
            refusal(&folder(&[party("8.8.8.0/24")])),
            "0.json: party.prefixes[0]: 8.8.8.0/24 is not wholly domestic, but a party's own \
             addresses are: 8.8.8.0 is foreign [L-MEASURE]"
        );
    }

    #[test]
    fn one_signature_too_few() {
        let folder = folder(&[order()]);
        fs::write(folder.path().join("0.json"), signed(&order(), &[1, 2])).unwrap();
        assert_eq!(
            refusal(&folder),
            "0.json: signatures: 2 of the 3 signatures needed [L-APPROVE]"
        );
    }

    #[test]
    fn a_group_that_is_not_there() {
        let folder = folder(&[order()]);
        let path = folder.path().join("sekisho.toml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("control_group = \"root\"\n{config}")).unwrap();
        prepare(&path).unwrap();
        fs::write(&path, format!("control_group = \"no such group\"\n{config}")).unwrap();
        assert_eq!(
            refusal(&folder),
            "sekisho.toml: control_group: there is no group `no such group`"
        );
    }

    #[test]
    fn files_that_are_not_there() {
        for name in ["trust.json", "0.json", "jp.txt", "sekisho.toml"] {
            let folder = folder(&[order()]);
            fs::remove_file(folder.path().join(name)).unwrap();
            let error = refusal(&folder);
            assert!(error.starts_with(&format!("{name}: cannot be read: ")), "{error}");
        }
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
        let folder = folder(&[with_lengths("a", 1..6), with_lengths("b", 5..10)]);
        assert_eq!(
            refusal(&folder),
            "sekisho.toml: orders: at 2027-10-31T15:00:00Z: the rules of all orders compare payloads \
             by 9 different pairs of key and length; the limit is 8"
        );
    }

    #[test]
    fn more_orders_at_once_than_slots() {
        let orders: Vec<Value> =
            (0..65).map(|n| with(&[("/order_id", json!(format!("o{n}")))])).collect();
        assert_eq!(
            refusal(&folder(&orders)),
            "sekisho.toml: orders: at 2027-10-31T15:00:00Z: 65 orders are in force at once; the \
             limit is 64"
        );
    }
}
