//! Those who may reach the daemon's port or socket, and mean no good: they take nothing from records, lease,
//! halt, or others who ask.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sekisho_tests::daemon::{Daemon, Folder, order};
use sekisho_tests::network::Wire;
use sekisho_tests::selecting::selects;
use sekisho_tests::stream::Stream;
use sekisho_tests::wait::until;
use serde_json::json;

const HTTP: &str = "127.0.0.1:9471";
/// Connections that one test holds.
const HOSTILE: usize = 10_000;

/// The limit of descriptors is the whole process's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A daemon that selects, with the usual limit of descriptors: it has to raise it by itself.
fn started(wire: &Wire) -> Daemon {
    let now = Timestamp::now();
    let hour = SignedDuration::from_hours(1);
    let order = order("o", now - hour, now + hour);
    limit_files(1_024);
    let daemon = Folder::with_order(&order).set("http", json!(HTTP)).start(wire, &[]);
    limit_files(HOSTILE as u64 + 1_000);
    daemon
}

fn limit_files(wanted: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = Some(maximum.map_or(wanted, |most| most.min(wanted)));
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).unwrap();
}

/// What an honest client gets.
fn scraped() -> String {
    let mut stream = TcpStream::connect(HTTP).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {HTTP}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn ten_thousand_half_requests_take_nothing_from_anybody() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let wire = Wire::new();
    wire.receiver.ip("link set lo up");
    let mut daemon = started(&wire);
    let stream = Stream::start(&wire);
    selects(&daemon);
    let held = wire.receiver.inside(|| {
        let mut held = Vec::new();
        for number in 0..HOSTILE {
            let mut hostile = TcpStream::connect(HTTP).unwrap();
            // Half a request, a whole one whose answer is not read, or nothing.
            let said = ["GET /metrics HT", "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", ""];
            // It may have been sent away already.
            let _ = hostile.write_all(said[number % 3].as_bytes());
            held.push(hostile);
            if number % 1_000 == 0 {
                assert!(scraped().contains("\nsekisho_packets"), "after {number}");
            }
        }
        assert!(scraped().ends_with("# EOF\n"));
        held
    });
    // The flood may have taken longer than a stream lasts.
    drop(stream);
    let stream = Stream::start(&wire);
    selects(&daemon);
    let asked = Instant::now();
    daemon.ask(&["halt", "--reason", "a test"]).good();
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    daemon.ask(&["resume", "--operator", "op", "--reason", "over"]).good();
    selects(&daemon);
    let (_, lost) = daemon.status().records();
    assert_eq!(lost, 0);
    drop(held);
    drop(stream.stop());
    daemon.finish();
}

#[test]
fn those_who_idle_or_ask_for_much_do_not_delay_a_halt() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let wire = Wire::new();
    wire.receiver.ip("link set lo up");
    let mut daemon = started(&wire);
    let stream = Stream::start(&wire);
    selects(&daemon);
    let list = "{\"command\":\"list\"}\n".repeat(200);
    let upload = "{\"command\":\"rotate\",\"name\":\"a\",\"length\":1000000}\n";
    let reload = "{\"command\":\"reload\"}\n";
    let said = ["", "{\"comma", &list, upload, reload];
    let mut held = Vec::new();
    for round in 0..10 {
        for said in said.iter().cycle().take(200) {
            let mut hostile = UnixStream::connect(daemon.socket()).unwrap();
            hostile.set_nonblocking(true).unwrap();
            // It may have been sent away already, or not be read from.
            let _ = hostile.write(said.as_bytes());
            held.push(hostile);
        }
        let asked = Instant::now();
        daemon.ask(&["halt", "--reason", "a test"]).good();
        assert!(asked.elapsed() < Duration::from_secs(1), "{round}: {:?}", asked.elapsed());
        daemon.ask(&["resume", "--operator", "op", "--reason", "over"]).good();
    }
    drop(held);
    until("the daemon to select again", || {
        (!daemon.status().states().contains(&"halted")).then_some(())
    });
    selects(&daemon);
    drop(stream.stop());
    daemon.finish();
}
