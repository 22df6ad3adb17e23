//! L-TERM over real traffic: `sekisho run` selects from the first moment of an order's term to the
//! last and not beyond, also while the daemon stands still. Times are those at which the test sent a
//! packet, so that a daemon that dates its records wrongly cannot hide behind them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sekisho_tests::daemon::{Books, Daemon, Folder, Line, order};
use sekisho_tests::network::Wire;
use sekisho_tests::stream::{Sent, Stream};
use sekisho_tests::wait::{after, until, until_time};
use sensor_common::outcome::Outcome::{Lapsed, Recorded, Unmatched};
use serde_json::json;

/// From now to the moment that a test is about, in milliseconds: enough for the daemon to start
/// and to show what it does before that moment. A machine that is too slow for it is given more.
const AHEAD: [i64; 3] = [2_500, 5_000, 10_000];

/// What must be left of that when the daemon is ready.
const LEFT: i64 = 1_500;

/// How exact the end is, in milliseconds, on a machine that has other things to do: a packet sent
/// this long before the end is judged before it.
const NEAR: i64 = 100;

/// Some packets of a stream.
const SOME: u64 = 200;

/// In milliseconds.
const HOUR: i64 = 3_600_000;

/// Starts a daemon some time before a moment with which its folder is made.
fn start_before(wire: &Wire, folder: impl Fn(Timestamp) -> Folder) -> (Timestamp, Daemon) {
    for ahead in AHEAD {
        let moment = after(Timestamp::now(), ahead);
        let daemon = folder(moment).start(wire, &[]);
        if Timestamp::now() < after(moment, -LEFT) {
            return (moment, daemon);
        }
    }
    panic!("the daemon takes too long to start");
}

/// Starts a daemon under an order that ends soon: its end.
fn start_before_end(wire: &Wire, lease_seconds: u32) -> (Timestamp, Daemon) {
    start_before(wire, |end| {
        let order = order("one", after(end, -HOUR), end);
        Folder::with_order(&order).set("lease_seconds", json!(lease_seconds))
    })
}

/// Waits until the status is as it should be.
fn status(daemon: &Daemon, what: &str, is: impl Fn(&Books) -> bool) -> Books {
    until(what, || Some(daemon.status()).filter(&is))
}

/// Ends a stream and waits until the program has judged each of its packets, once.
fn all_judged(stream: Stream, daemon: &Daemon) -> (Vec<Sent>, Books) {
    let sent = stream.stop();
    let all = sent.len() as u64;
    let books = status(daemon, "all packets to be judged", |books| books.packets() >= all);
    let outcomes = [Recorded, Lapsed, Unmatched].map(|outcome| books.count(outcome));
    assert_eq!((books.packets(), outcomes.iter().sum()), (all, all), "{outcomes:?}");
    (sent, books)
}

/// Ends the daemon. The packets that it recorded: as many as it counted, and none twice.
fn recorded(daemon: &mut Daemon, books: &Books) -> (Vec<Line>, BTreeSet<usize>) {
    let records = daemon.finish();
    assert_eq!(books.records(), (records.len() as u64, 0));
    assert_eq!(books.count(Recorded), records.len() as u64);
    let packets: BTreeSet<usize> = records.iter().map(|record| record.packet).collect();
    assert_eq!(packets.len(), records.len(), "a packet has two records");
    (records, packets)
}

/// The packets that were sent between two moments, by number.
fn between(sent: &[Sent], from: Timestamp, until: Timestamp) -> BTreeSet<usize> {
    let numbered = sent.iter().enumerate();
    let chosen = numbered.filter(|(_, sent)| sent.from >= from && sent.until < until);
    chosen.map(|(number, _)| number).collect()
}

fn assert_all(recorded: &BTreeSet<usize>, packets: &BTreeSet<usize>, when: &str) {
    assert!(!packets.is_empty(), "no packet was sent {when}");
    let mut missing = packets.difference(recorded);
    let first = missing.next();
    assert_eq!(first, None, "sent {when}, but without a record, and {} more", missing.count());
}

fn assert_none(recorded: &BTreeSet<usize>, packets: &BTreeSet<usize>, when: &str) {
    assert!(!packets.is_empty(), "no packet was sent {when}");
    let mut wrong = packets.intersection(recorded);
    let first = wrong.next();
    assert_eq!(first, None, "sent {when}, but recorded, and {} more", wrong.count());
}

fn assert_none_dated(records: &[Line], from: Timestamp, until: Timestamp) {
    let mut wrong = records.iter().filter(|record| record.time >= from && record.time < until);
    let first = wrong.next();
    assert!(first.is_none(), "{from} to {until}: {first:?} and {} more", wrong.count());
}

/// How near to the end of a term the kernel goes on, in milliseconds; unless nothing came: on a
/// machine with other things to do a stream has pauses.
const EXACT: i64 = 10;

/// Records go on to the end, and not beyond, by the time at which the kernel judged their packets.
fn assert_dated_to(records: &[Line], end: Timestamp) {
    assert_none_dated(records, end, Timestamp::MAX);
    let times: Vec<Timestamp> = records.iter().map(|record| record.time).collect();
    let pauses = times.windows(2).map(|pair| pair[0].duration_until(pair[1]).as_millis());
    let pause = pauses.max().and_then(|pause| i64::try_from(pause).ok()).unwrap_or(0);
    let last = *times.last().expect("records before the end");
    assert!(last >= after(end, -EXACT.max(pause + 1)), "the last before {end} is of {last}");
}

#[test]
fn selection_ends_with_the_term_while_traffic_goes_on() {
    let wire = Wire::new();
    let (end, mut daemon) = start_before_end(&wire, 10);
    let start = Timestamp::now();
    let stream = Stream::start(&wire);

    status(&daemon, "the first packets", |books| books.count(Recorded) > 0);
    until_time(end);
    let ended = status(&daemon, "the order to end", |books| books.state() == "ended");
    let others = |books: &Books| books.count(Lapsed) + books.count(Unmatched);
    let goal = others(&ended) + SOME;
    status(&daemon, "packets after the end", |books| others(books) >= goal);

    let (sent, books) = all_judged(stream, &daemon);
    assert_eq!(books.count(Recorded), ended.count(Recorded), "it goes on after the end");
    let (records, recorded) = recorded(&mut daemon, &books);
    assert_dated_to(&records, end);
    assert_all(&recorded, &between(&sent, start, after(end, -NEAR)), "before the end");
    assert_none(&recorded, &between(&sent, end, Timestamp::MAX), "after the end");
}

#[test]
fn nothing_is_selected_before_the_term() {
    let wire = Wire::new();
    let (begin, mut daemon) =
        start_before(&wire, |begin| Folder::with_order(&order("one", begin, after(begin, HOUR))));
    let start = Timestamp::now();
    let stream = Stream::start(&wire);

    let before = status(&daemon, "the first packets", |books| books.packets() > 0);
    assert_eq!((before.state(), before.count(Recorded)), ("waiting", 0));
    until_time(begin);
    status(&daemon, "the first record", |books| books.count(Recorded) > 0);
    let running = Timestamp::now();
    let books = status(&daemon, "more records", |books| books.count(Recorded) > SOME);
    assert_eq!(books.state(), "in force");

    let (sent, books) = all_judged(stream, &daemon);
    let (records, recorded) = recorded(&mut daemon, &books);
    assert_none_dated(&records, Timestamp::MIN, begin);
    assert_none(&recorded, &between(&sent, start, after(begin, -NEAR)), "before the term");
    assert_all(&recorded, &between(&sent, running, Timestamp::MAX), "in the term");
}

#[test]
fn a_daemon_that_stands_still_loses_its_lease() {
    let lease = 2_000;
    let wire = Wire::new();
    let now = Timestamp::now();
    let order = order("one", after(now, -HOUR), after(now, HOUR));
    let folder = Folder::with_order(&order).set("lease_seconds", json!(2));
    let mut daemon = folder.start(&wire, &[]);
    let stream = Stream::start(&wire);

    status(&daemon, "the first packets", |books| books.count(Recorded) > 0);
    daemon.freeze();
    let frozen = Timestamp::now();
    let lapsed = after(frozen, lease);
    until_time(after(lapsed, 1_000));
    let thawed = Timestamp::now();
    daemon.thaw();
    // The lease may not be renewed at once: a write that was frozen looks like one that hangs.
    let count = daemon.status().count(Recorded);
    status(&daemon, "a new lease", |books| books.count(Recorded) > count);
    let renewed = Timestamp::now();
    let goal = daemon.status().count(Recorded) + SOME;
    let after_renewal = status(&daemon, "records", |books| books.count(Recorded) >= goal);

    let (sent, books) = all_judged(stream, &daemon);
    assert_eq!(after_renewal.count(Lapsed), books.count(Lapsed), "the lease is not renewed");
    let (records, recorded) = recorded(&mut daemon, &books);
    assert_none_dated(&records, lapsed, thawed);
    // One sent right before the thaw may be judged after it.
    let left_out = between(&sent, lapsed, after(thawed, -NEAR));
    assert_none(&recorded, &left_out, "without a lease");
    assert!(books.count(Lapsed) >= left_out.len() as u64, "{books:?}");
    let outlasted = between(&sent, frozen, lapsed);
    assert!(outlasted.intersection(&recorded).next().is_some(), "the lease ended with the freeze");
    assert_all(&recorded, &between(&sent, renewed, Timestamp::MAX), "under a new lease");
}

#[test]
fn a_daemon_that_stands_still_prolongs_no_term() {
    let wire = Wire::new();
    let (end, mut daemon) = start_before_end(&wire, 60);
    let start = Timestamp::now();
    let stream = Stream::start(&wire);

    status(&daemon, "the first packets", |books| books.count(Recorded) > 0);
    daemon.freeze();
    assert!(Timestamp::now() < end, "it was to be frozen before the end");
    until_time(after(end, 1_000));
    let thawed = Timestamp::now();
    daemon.thaw();
    status(&daemon, "the order to end", |books| books.state() == "ended");

    let (sent, books) = all_judged(stream, &daemon);
    let (records, recorded) = recorded(&mut daemon, &books);
    assert_dated_to(&records, end);
    assert_all(&recorded, &between(&sent, start, after(end, -NEAR)), "before the end");
    assert_none(&recorded, &between(&sent, end, Timestamp::MAX), "after the end");
    // The deadline in the kernel ended it, and no one else: the tables still had the order.
    let left_out = between(&sent, end, after(thawed, -NEAR));
    assert!(
        books.count(Lapsed) >= left_out.len() as u64,
        "{} of {left_out:?}",
        books.count(Lapsed)
    );
}
