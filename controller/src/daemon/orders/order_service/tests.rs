//! What is asked of a daemon and what is asked without one: the same is done, and the same is said.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::daemon::orders::ask::Ask;
use crate::daemon::prepare::prepare;
use crate::offline::{self, OfflineError};
use crate::order::DocumentKind;
use crate::order::samples::kit::kernel::MemoryKernel;
use crate::order::samples::kit::signers;
use crate::order::samples::{self, Signed, sealed, signed, trust_file, with};
use crate::registry::StatePaths;
use crate::registry::act::{Act, Caller, Said};
use crate::registry::command::RawDocument;
use crate::registry::loading;
use crate::registry::tests::rotation;

/// A sensor that the approvals here name.
const SENSOR: &str = "tyo-gw-1-a";

/// What came of a command: whether it was refused, and the lines.
type Came = (bool, Vec<String>);

fn configured(sensor: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let config = "facility = \"tyo-gw-1\"\nmode = \"tap\"\ninterfaces = [\"eth1\"]\n\
                  trust = \"trust.json\"\nstate = \"state\"\noutput = \"-\"\n\
                  [direction]\ndomestic = [\"jp.txt\"]\n";
    for (name, text) in [
        ("sekisho.toml", format!("sensor = \"{sensor}\"\n{config}").as_str()),
        ("trust.json", &trust_file()),
        ("jp.txt", "192.0.2.0/24\n2001:db8:d::/48\n"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let file = folder.path().join("sekisho.toml");
    (folder, file)
}

fn service(file: &Path) -> OrderService<MemoryKernel> {
    let prepared = prepare(file, false, Reading::now()).unwrap();
    let gate = Arc::new(SharedSensor::new(Arc::new(Mutex::new(MemoryKernel::default())), false));
    let mut service = OrderService::new(prepared, gate, Arc::default(), Arc::default());
    service.begin(Reading::now()).unwrap();
    service
}

/// Asks a daemon.
fn ask(service: &mut OrderService<MemoryKernel>, command: Command) -> oneshot::Receiver<Reply> {
    let (reply, answer) = oneshot::channel();
    if let Command::Halt(_) = command {
        service.gate.halt().unwrap();
    }
    service.ask(Ask::Command { command, waits_until: None, reply }, Reading::now()).unwrap();
    answer
}

/// Ticks as the daemon does until it has answered.
async fn answered(
    service: &mut OrderService<MemoryKernel>,
    mut answer: oneshot::Receiver<Reply>,
) -> Came {
    loop {
        service.tick(Reading::now()).unwrap();
        match answer.try_recv() {
            Ok(Reply::Done(lines)) => return (false, lines),
            Ok(Reply::Refused(lines)) => return (true, lines),
            Ok(Reply::Error(reason)) => panic!("{reason}"),
            Err(_) => {
                let woken = service.wait().await;
                service.take_up(woken, Reading::now()).unwrap();
            }
        }
    }
}

fn without_a_daemon(place: &StatePaths, command: &Command) -> Came {
    match offline::carry_out(place, command) {
        Ok(lines) => (false, lines),
        Err(OfflineError::Failure(Failure::Rejected(rejections))) => {
            (true, rejections.iter().map(ToString::to_string).collect())
        }
        Err(other) => panic!("{other:?}"),
    }
}

fn document(name: &str, text: String) -> RawDocument {
    RawDocument { name: name.parse().unwrap(), bytes: text.into() }
}

/// An order that waits for a long time, and what it rests on.
fn order(id: &str, serial: u64) -> Vec<RawDocument> {
    let plan = with(&[
        ("/order_id", json!(id)),
        ("/serial", json!(serial)),
        ("/not_before", json!("2096-11-01T00:00:00Z")),
        ("/not_after", json!("2097-01-01T00:00:00Z")),
    ]);
    let Signed { basis, order } = signed(&plan);
    vec![document(&format!("{id}-basis"), basis), document(id, order)]
}

fn orders(all: &[Vec<RawDocument>]) -> Command {
    Command::Install(all.concat())
}

fn revocation(id: &str) -> RawDocument {
    let mut revocation = samples::revocation();
    revocation["ends"] = json!({"order_id": id, "serial": 2});
    document("r", sealed(DocumentKind::Revocation, revocation.to_string().as_bytes(), &[11, 12]))
}

fn act(why: &str) -> Act {
    let said = Said { operator: "op".parse().ok(), why: why.parse().ok() };
    Act::new(said, Caller::this_process(), Reading::now().wall)
}

/// What is asked, whether it is refused, and words that the answer holds.
fn table() -> Vec<(Command, bool, &'static str)> {
    let foreign = {
        let Signed { basis, order } = signed(&with(&[("/facility/id", json!("osa-gw-1"))]));
        vec![document("f", basis), document("g", order)]
    };
    let waits = "waits until 2096-11-01T09:00:00+09:00";
    vec![
        (orders(&[order("a", 2), order("b", 2)]), false, waits),
        (orders(&[order("a", 2)]), false, "installed before, and nothing has changed"),
        (orders(&[order("a", 1)]), true, "a: serial: is 1, but serial 2 of order a"),
        (orders(&[order("c", 2), foreign]), true, "f: facility.id: is for facility"),
        (orders(&[order("b", 2), order("d", 2)]), false, waits),
        (Command::Install(vec![document("x", "{".into())]), true, "x: "),
        (
            Command::Revoke(revocation("a")),
            false,
            "order a, serial 2, and every lower one, is revoked",
        ),
        (Command::Revoke(revocation("a")), false, wording::REVOKED_BEFORE),
        (Command::Revoke(document("r", "{}".into())), true, "r: "),
        (Command::Halt(act("storm")), false, "operator \"op\": \"storm\""),
        (Command::Halt(act("again")), false, "\"storm\"; it was halted before"),
        (orders(&[order("b", 2)]), false, waits),
        (Command::Resume(act("over")), false, "selection is resumed, by uid"),
        (Command::Resume(act("over")), false, wording::NOT_HALTED),
        (
            Command::Rotate(document("t", rotation(2, &[], signers(DocumentKind::Trust)))),
            false,
            "version 2 is in force",
        ),
        (
            Command::Rotate(document("t", rotation(2, &[], signers(DocumentKind::Trust)))),
            true,
            "t: version",
        ),
    ]
}

/// What a state directory holds: what happened, and every order.
fn held(place: &StatePaths) -> (Vec<Value>, Vec<String>) {
    let text = std::fs::read_to_string(place.directory.join("events.ndjson")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events = events.map(|event| event["event"].clone());
    let registry = loading::look(&mut crate::durable::disk::RealDisk, place).unwrap().unwrap();
    let orders = registry.entries().iter().map(|entry| entry.named().key.to_string());
    (events.collect(), orders.collect())
}

#[test]
fn a_daemon_and_a_command_without_one_do_and_say_the_same() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ((ours, file), (theirs, other)) = (configured(SENSOR), configured(SENSOR));
    // The same state to begin with, held by nobody.
    drop(prepare(&other, false, Reading::now()).unwrap());
    let [ours, theirs] =
        [&ours, &theirs].map(|folder| StatePaths::new(&folder.path().join("state"), None));
    runtime.block_on(async {
        let mut service = service(&file);
        for (command, is_refused, words) in table() {
            let offline = without_a_daemon(&theirs, &command);
            let answer = ask(&mut service, command);
            let by_daemon = answered(&mut service, answer).await;
            assert_eq!(by_daemon, offline);
            assert_eq!(by_daemon.0, is_refused, "{by_daemon:?}");
            assert!(by_daemon.1.join("\n").contains(words), "{words}: {by_daemon:?}");
        }
        assert!(!service.gate.is_halted().unwrap());
    });
    let (events, orders) = held(&ours);
    assert_eq!((&events, &orders), (&held(&theirs).0, &held(&theirs).1));
    let keys: Vec<&str> = orders.iter().map(|key| key.split(',').next().unwrap()).collect();
    assert_eq!(keys, ["order a", "order b", "order d"], "of several, all or none");
    assert_eq!(
        events,
        [
            "created",
            "basis-installed",
            "basis-installed",
            "installed",
            "installed",
            "basis-installed",
            "installed",
            "revoked",
            "halted",
            "resumed",
            "rotated"
        ]
    );
}

#[test]
fn an_order_that_selects_nothing_at_this_sensor_is_told_to_do_so() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_folder, file) = configured("elsewhere");
    runtime.block_on(async {
        let mut service = service(&file);
        let answer = ask(&mut service, orders(&[order("a", 2)]));
        let (is_refused, lines) = answered(&mut service, answer).await;
        assert!(!is_refused, "{lines:?}");
        let last = lines.last().unwrap();
        assert!(
            last.starts_with(
                "warning: order a, serial 2 selects nothing at sensor elsewhere: approval"
            ),
            "{lines:?}"
        );
    });
}

/// What is decided aside, on a registry that changed meanwhile, is decided once more.
#[test]
fn orders_are_decided_on_again_if_something_happened_meanwhile() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_folder, file) = configured(SENSOR);
    runtime.block_on(async {
        let mut service = service(&file);
        let first = ask(&mut service, orders(&[order("a", 2), order("b", 2)]));
        let between = ask(&mut service, Command::Revoke(revocation("b")));
        let (is_refused, lines) = answered(&mut service, between).await;
        assert!(!is_refused, "{lines:?}");
        let (is_refused, lines) = answered(&mut service, first).await;
        assert!(
            is_refused && lines.join("\n").contains("order b, serial 2 is revoked"),
            "{lines:?}"
        );
        assert!(service.registry.entries().is_empty(), "all or none");
    });
}
