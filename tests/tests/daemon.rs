//! `sekisho run` from its start to its end, over real traffic: what it records and what it does with
//! frames, what is left when it stops or is killed, and that it does not start on bad input. Terms
//! and the lease are in `terms`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::ops::Range;
use std::time::{Duration, Instant};

use controller::order::DocumentKind;
use jiff::Timestamp;
use rustix::process::Signal;
use sekisho_tests::authority::{Signed, sealed, signed};
use sekisho_tests::daemon::{Daemon, Folder, Line, order};
use sekisho_tests::network::{FAR, RECEIVER, SENDER, Wire};
use sekisho_tests::stream::{FIRST_PORT, Stream};
use sekisho_tests::wait::{LIMIT, after, until};
use sensor_common::outcome::Outcome::{self, OverCapacity, Recorded, Unmatched};
use serde_json::{Value, json};

/// To each of two ports. So few that all fit into a socket's buffer.
const PACKETS: u16 = 32;

/// A port that no rule selects.
const OTHER_PORT: u16 = 80;

/// A frame of a conversation: Ethernet, IPv4 and UDP headers and a word, in bytes.
const FRAME: u64 = 14 + 20 + 8 + 5;

/// Where a daemon's metrics are, in the receiver's namespace.
const HTTP: &str = "127.0.0.1:9184";

/// For how long nothing must come.
const SILENCE: Duration = Duration::from_millis(200);

/// An order that is in force throughout the test.
fn in_force() -> Value {
    let now = Timestamp::now();
    order("one", after(now, -3_600_000), after(now, 3_600_000))
}

/// The sockets of a question and answer at the receiver's port `port`.
struct Conversation {
    sender: UdpSocket,
    receiver: UdpSocket,
}

impl Conversation {
    fn new(wire: &Wire, port: u16) -> Self {
        let sender = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).unwrap());
        let receiver = wire.receiver.inside(|| UdpSocket::bind((RECEIVER, port)).unwrap());
        sender.connect((RECEIVER, port)).unwrap();
        Self { sender, receiver }
    }

    fn ask(&self) {
        self.sender.send(b"hello").unwrap();
    }

    /// Answers one packet, and waits for the answer.
    fn answer(&self, patience: Duration) -> Result<usize, ErrorKind> {
        for socket in [&self.receiver, &self.sender] {
            socket.set_read_timeout(Some(patience)).unwrap();
        }
        let mut buffer = [0; 16];
        let (length, from) = uninterrupted(|| self.receiver.recv_from(&mut buffer))?;
        self.receiver.send_to(&buffer[..length], from).unwrap();
        uninterrupted(|| self.sender.recv(&mut buffer))
    }
}

/// A read with a timeout is not taken up again after a signal, one that stops and continues the
/// test included.
fn uninterrupted<T>(mut read: impl FnMut() -> io::Result<T>) -> Result<T, ErrorKind> {
    loop {
        match read().map_err(|error| error.kind()) {
            Err(ErrorKind::Interrupted) => {}
            result => return result,
        }
    }
}

fn traffic(mode: &str) {
    let wire = Wire::new();
    let before = wire.packets();
    let mut daemon = Folder::with_order(&in_force()).set("mode", json!(mode)).start(&wire, &[]);
    assert!(wire.has_program());
    let conversations = [FIRST_PORT, OTHER_PORT].map(|port| Conversation::new(&wire, port));
    for conversation in &conversations {
        (0..PACKETS).for_each(|_| conversation.ask());
    }
    let each = u64::from(PACKETS);
    let books = until("all packets to be judged", || {
        Some(daemon.status()).filter(|books| books.packets() >= 2 * each)
    });
    assert_eq!((books.count(Recorded), books.count(Unmatched)), (each, each));
    assert_eq!((books.records(), books.packets()), ((each, 0), 2 * each));
    assert_eq!(wire.packets() - before, books.packets(), "as many as the interface has seen");
    until("the records", || (daemon.records().len() == usize::from(PACKETS)).then_some(()));

    for conversation in &conversations {
        if mode == "tap" {
            assert_eq!(conversation.answer(SILENCE), Err(ErrorKind::WouldBlock));
            continue;
        }
        for _ in 0..PACKETS {
            assert_eq!(conversation.answer(LIMIT), Ok(5));
        }
    }
    let records = daemon.finish();
    assert_eq!(records.len(), usize::from(PACKETS));
    assert!(records.iter().all(|record| record.packet == 0), "of the selected port only");
}

#[test]
fn a_tap_records_and_drops() {
    traffic("tap");
}

#[test]
fn inline_records_and_lets_pass() {
    traffic("inline");
}

/// What the daemon's metrics say.
struct Metrics(String);

impl Metrics {
    /// Asks where the daemon is, in the receiver's namespace.
    fn of(wire: &Wire) -> Self {
        let mut answer = String::new();
        wire.receiver.inside(|| {
            let mut stream = TcpStream::connect(HTTP).unwrap();
            let request =
                format!("GET /metrics HTTP/1.1\r\nHost: {HTTP}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
        });
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        Self(answer)
    }

    /// The sum over all rows of a metric with this label, if there is any.
    fn sum(&self, name: &str, label: &str) -> Option<u64> {
        let rows = self.0.lines().filter_map(|line| {
            let (row, value) = line.rsplit_once(' ')?;
            let is = row.split('{').next() == Some(name) && row.contains(label);
            is.then(|| value.parse::<u64>().unwrap())
        });
        rows.reduce(|sum, value| sum + value)
    }
}

#[test]
fn the_documentation_names_every_metric_and_every_outcome() {
    let wire = Wire::new();
    wire.receiver.ip("link set lo up");
    let folder = Folder::with_order(&in_force()).set("http", json!(HTTP));
    let _daemon = folder.start(&wire, &[]);
    let metrics = Metrics::of(&wire);
    let types = metrics.0.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let served: BTreeSet<String> = types
        .map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            // As OpenMetrics has it.
            match kind {
                "counter" => format!("{name}_total"),
                "info" => format!("{name}_info"),
                _ => name.to_owned(),
            }
        })
        .collect();
    let table = include_str!("../../docs/metrics.md");
    // There is no order under Art. 17 here; whether the kernel counts instructions is its own affair.
    let may_be_absent = ["sekisho_share_bytes_per_second", "sekisho_verified_instructions"];
    let unless_absent = |name: &String| !may_be_absent.contains(&name.as_str());
    let documented: BTreeSet<String> =
        first_cells(table, "`sekisho_").filter(unless_absent).collect();
    assert_eq!(documented, served.into_iter().filter(unless_absent).collect());

    let outcomes: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.name()).collect();
    for text in [table, include_str!("../../docs/operating.md")] {
        let section = text.split("| outcome | meaning |").nth(1).unwrap();
        let section = section.trim_start().split("\n\n").next().unwrap();
        assert_eq!(first_cells(section, "`").collect::<Vec<_>>(), outcomes);
    }
}

/// What stands in backticks in the first cells of a table's rows, where it begins with `start`.
fn first_cells<'a>(table: &'a str, start: &'a str) -> impl Iterator<Item = String> + 'a {
    table.lines().filter_map(move |line| {
        let cell = line.strip_prefix("| ")?.split(" |").next()?;
        cell.starts_with(start).then(|| cell.trim_matches('`').to_owned())
    })
}

#[test]
fn status_and_metrics_say_what_the_capacity_share_took() {
    let wire = Wire::new();
    wire.receiver.ip("link set lo up");
    let mut order = in_force();
    order["facility"]["capacity_bps"] = json!(400_000);
    // 30 % of it, in bytes per second (L-CAP).
    let share = 15_000;
    let mut daemon = Folder::with_order(&order).set("http", json!(HTTP)).start(&wire, &[]);
    let conversation = Conversation::new(&wire, FIRST_PORT);
    let start = Instant::now();
    let sent = 500;
    (0..sent).for_each(|_| conversation.ask());
    let books = until("all packets to be judged", || {
        Some(daemon.status()).filter(|books| books.packets() >= sent)
    });
    let passed = start.elapsed() + Duration::from_millis(10);
    let (taken, over) = (books.count(Recorded), books.count(OverCapacity));
    assert_eq!((taken + over, books.packets()), (sent, sent));
    assert!(taken > 0 && over > 0, "{books:?}");
    // What may have been saved up, and the packet that goes beyond it.
    let most = u128::from(share) * passed.as_micros() / 1_000_000 + u128::from(FRAME);
    assert!(u128::from(taken * FRAME) <= most, "{taken} packets in {passed:?}");

    assert_eq!(books.share(), Some(share));
    let shown = daemon.ask(&["status"]).good();
    assert!(
        shown.contains(&format!("share: up to {share} bytes/s of foreign-to-foreign")),
        "{shown}"
    );
    let row = shown.lines().find(|line| line.trim_start().starts_with("over-capacity "));
    let row = row.expect("a row for it").split_whitespace().collect::<Vec<_>>();
    assert!(row.contains(&over.to_string().as_str()), "{shown}");
    let metrics = Metrics::of(&wire);
    assert_eq!(metrics.sum("sekisho_share_bytes_per_second", ""), Some(share));
    for (outcome, packets) in [("recorded", taken), ("over-capacity", over), ("unmatched", 0)] {
        let label = format!("direction=\"foreign-to-foreign\",outcome=\"{outcome}\"");
        assert_eq!(metrics.sum("sekisho_packets_total", &label), Some(packets), "{outcome}");
        assert_eq!(metrics.sum("sekisho_bytes_total", &label), Some(packets * FRAME), "{outcome}");
    }
    assert_eq!(metrics.sum("sekisho_records_total", ""), Some(taken));
    assert_eq!(daemon.finish().len() as u64, taken);
}

#[test]
fn a_killed_daemon_leaves_no_program() {
    let wire = Wire::new();
    let mut daemon = Folder::with_order(&in_force()).start(&wire, &[]);
    let conversation = Conversation::new(&wire, FIRST_PORT);
    conversation.ask();
    until("the packet", || (daemon.status().count(Recorded) == 1).then_some(()));
    assert!(wire.has_program());
    assert_eq!(conversation.answer(SILENCE), Err(ErrorKind::WouldBlock), "a tap drops it");

    daemon.signal(Signal::KILL);
    daemon.wait();
    until("the program to be gone", || (!wire.has_program()).then_some(()));
    conversation.ask();
    assert_eq!(conversation.answer(LIMIT), Ok(5), "the interface delivers again");
}

#[test]
fn a_daemon_that_is_asked_to_end_leaves_nothing_but_whole_records() {
    let wire = Wire::new();
    let mut daemon = Folder::with_order(&in_force()).start(&wire, &[]);
    let stream = Stream::start(&wire);
    until("some records", || (daemon.status().count(Recorded) >= 200).then_some(()));
    assert!(daemon.socket().exists());
    let asked = Timestamp::now();
    let records = daemon.finish();
    let sent = stream.stop();

    assert!(!daemon.socket().exists() && !wire.has_program());
    let packets: Vec<usize> = records.iter().map(|record| record.packet).collect();
    let expected: Vec<usize> = (0..records.len()).collect();
    assert_eq!(packets, expected, "one record for every packet, in their order");
    // One sent right before may be judged after.
    let before = sent.iter().filter(|sent| sent.until < after(asked, -100)).count();
    assert!(packets.len() >= before, "{} of {before}", packets.len());
    assert!(sent.len() > packets.len(), "the stream went on");
    let words =
        format!(" {0} records, {0} written, 0 lost, 0 not written, 0 set aside\n", records.len());
    assert!(daemon.log().ends_with(&words), "{words}: {}", daemon.log());
}

/// Records of which each is waited for by itself. So many that a machine with other things to do
/// shows what it can in most of them.
const SINGLE: usize = 9;

/// From the packet to its line in the file, with nothing else to carry it along.
const LATE: Duration = Duration::from_millis(100);

#[test]
fn a_single_record_is_in_the_file_within_a_tenth_of_a_second() {
    let wire = Wire::new();
    let mut daemon = Folder::with_order(&in_force()).start(&wire, &[]);
    let conversation = Conversation::new(&wire, FIRST_PORT);
    let mut took: Vec<Duration> = (1..=SINGLE)
        .map(|number| {
            let sent = Instant::now();
            conversation.ask();
            until("the record", || (daemon.records().len() == number).then_some(()));
            sent.elapsed()
        })
        .collect();
    took.sort();
    assert!(took[SINGLE / 2] <= LATE, "{took:?}");
    daemon.finish();
}

/// Sends packets of a stream, from one number to another, and waits until they are judged; no more at a
/// time than the wire holds, which a slow machine would not empty soon enough.
fn send(daemon: &Daemon, sender: &UdpSocket, packets: Range<u16>) {
    for packet in packets.clone() {
        sender.send_to(b"hello", (RECEIVER, FIRST_PORT + packet)).unwrap();
        let sent = packet + 1;
        if sent % 100 == 0 || sent == packets.end {
            let judged = || (daemon.status().packets() == u64::from(sent)).then_some(());
            until("the packets to be judged", judged);
        }
    }
}

#[test]
fn a_reader_that_stands_still_until_the_end_gets_every_record() {
    let wire = Wire::new();
    // A daemon whose output stands still does not renew its lease: enough for a slow machine.
    let folder = Folder::with_order(&in_force()).set("lease_seconds", json!(60));
    let (folder, mut reader) = folder.with_pipe();
    let mut daemon = folder.start(&wire, &[]);
    let sender = wire.sender.inside(|| UdpSocket::bind((SENDER, 0)).unwrap());
    // More than a pipe holds, so that the writer waits for the reader; then one by one more batches
    // than may be between drain and writer, so that the drain waits for the writer; and then those
    // that wait in the rings until the daemon ends.
    send(&daemon, &sender, 0..500);
    for packet in 500..540 {
        send(&daemon, &sender, packet..packet + 1);
        // A look of the drain apart: there is nothing else to be seen of it.
        std::thread::sleep(Duration::from_millis(25));
    }
    send(&daemon, &sender, 540..1_500);
    daemon.signal(Signal::TERM);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let status = daemon.wait();
    assert!(status.success(), "{status}: {}", daemon.log());

    let records = Line::read_all(&text);
    assert_eq!(records.len(), 1_500);
    let numbers = records.iter().map(|record| record.sequence);
    assert!(numbers.eq(1..=1_500), "numbered in the order of the lines");
    let packets: BTreeSet<usize> = records.iter().map(|record| record.packet).collect();
    assert_eq!(packets.len(), 1_500, "each packet once");
    let words = " 1500 records, 1500 written, 0 lost, 0 not written, 0 set aside\n";
    assert!(daemon.log().ends_with(words), "{}", daemon.log());
}

/// Asserts that a daemon does not start, with one line and this exit status, and that nothing is
/// attached.
fn assert_refused(wire: &Wire, folder: &Folder, status: i32, reason: &str) {
    let (code, words) = folder.refusal(wire);
    assert_eq!(code, Some(status), "{reason}: {words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.starts_with("sekisho: ") && words.contains(reason), "{reason}: {words}");
    assert!(!wire.has_program(), "{reason}");
}

#[test]
fn bad_input_is_refused_before_anything_is_attached() {
    let wire = Wire::new();
    let good = in_force();
    let mut elsewhere = good.clone();
    elsewhere["facility"]["id"] = json!("another-gw");
    let (mut twice, mut other) = (good.clone(), good.clone());
    twice["serial"] = json!(2);
    other["order_id"] = json!("another");
    let mut short = signed(&good);
    let order = sekisho_tests::authority::papers(&good).order.to_string();
    short.order = sealed(DocumentKind::Order, order.as_bytes(), &[11]);
    let strange = Signed { basis: signed(&twice).basis, ..short.clone() };
    let cases = [
        (Folder::with_order(&good).set("bananas", json!(3)), "unknown field `bananas`"),
        (Folder::with_order(&elsewhere), "0-basis.json: facility.id: "),
        (Folder::new(&[short]), "1 of the 2 signatures needed of cabinet-office [L-APPROVE]"),
        // Nothing of the good one either.
        (Folder::new(&[signed(&other), strange]), "1.json: signatures: "),
    ];
    for (folder, reason) in cases {
        assert_refused(&wire, &folder, 3, reason);
        assert!(folder.is_untouched(), "{reason}");
    }
}

#[test]
fn a_tap_on_a_default_route_must_be_meant() {
    let wire = Wire::new();
    wire.receiver.ip(&format!("route add default via {SENDER} dev {FAR}"));
    let folder = Folder::with_order(&in_force());
    assert_refused(&wire, &folder, 1, "--yes-drop-all");
    assert!(folder.is_untouched());
    let mut daemon = folder.start(&wire, &["--yes-drop-all"]);
    assert!(wire.has_program());
    daemon.finish();
    folder.set("mode", json!("inline")).start(&wire, &[]).finish();
}

#[test]
fn what_cannot_be_attached_leaves_nothing_attached() {
    let wire = Wire::new();
    let folder = Folder::with_order(&in_force());
    let folder = folder.set("interfaces", json!(["missing"]));
    assert_refused(&wire, &folder, 1, "missing: ");
    // The first one was attached by then.
    let folder = folder.set("interfaces", json!([FAR, "missing"]));
    assert_refused(&wire, &folder, 1, "missing: ");
}
