//! The operations around runs: a daemon begins, reads its configuration again, and ends, even if it could not say so
//! itself (L-INSPECT). Replays are noted in the same way.

use super::clock::Reading;
use super::event::What;
use super::inputs::{ClassChange, Classes, DaemonInputs};
use super::names;
use super::runs::{DaemonStart, DaemonStop, ReplayRun, Running};
use super::state::{Change, Registry};
use crate::classes::ClassRanges;

/// The longest reason that is noted, in characters.
const LONGEST: usize = 300;
/// The most reasons that are noted of one refusal.
const MOST: usize = 8;

impl Registry {
    /// A daemon begins, with these classes. If the daemon before it never said that it ended, that is noted first:
    /// it was killed, or the machine went down, or its end could not be written.
    pub fn started(&self, start: DaemonStart, ranges: &ClassRanges, reading: Reading) -> Change {
        let mut change = Change::of(self.clone());
        if let Some(Running { event, boot }) = change.registry.running.take() {
            let rebooted = boot != start.boot;
            change.note(reading.wall, What::Crashed { started: event, rebooted });
        }
        change.keep_classes(&start.inputs.classes, ranges);
        let boot = start.boot.clone();
        change.note(reading.wall, What::Started(Box::new(start)));
        change.registry.running = Some(Running { event: change.registry.last_event, boot });
        change
    }

    /// Events of interfaces, which change nothing else.
    pub fn happened(&self, events: Vec<What>, reading: Reading) -> Change {
        let mut change = Change::of(self.clone());
        for what in events {
            change.note(reading.wall, what);
        }
        change
    }

    /// The daemon ends.
    pub fn stopped(&self, mut stop: DaemonStop, reading: Reading) -> Change {
        let mut change = Change::of(self.clone());
        stop.reason = stop.reason.as_deref().map(bounded);
        change.registry.running = None;
        change.note(reading.wall, What::Stopped(stop));
        change
    }

    /// Captures were replayed.
    pub fn replayed(&self, replayed: ReplayRun, reading: Reading) -> Change {
        let mut change = Change::of(self.clone());
        change.note(reading.wall, What::Replayed(Box::new(replayed)));
        change
    }

    /// The configuration was read again and is in force, with these classes.
    pub fn reloaded(&self, inputs: DaemonInputs, ranges: &ClassRanges, reading: Reading) -> Change {
        let mut change = Change::of(self.clone());
        change.keep_classes(&inputs.classes, ranges);
        change.note(reading.wall, What::Reloaded(Box::new(inputs)));
        change
    }

    /// The configuration was read again and refused: nothing changed.
    pub fn not_reloaded(&self, reasons: &[String], reading: Reading) -> Change {
        let mut change = Change::of(self.clone());
        let reasons = reasons.iter().take(MOST).map(|reason| bounded(reason)).collect();
        change.note(reading.wall, What::ReloadRefused { reasons });
        change
    }
}

impl Change {
    /// Keeps the classes that come into force, so that the next start can compare with them.
    fn keep_classes(&mut self, classes: &Classes, ranges: &ClassRanges) {
        let same = self.registry.classes.as_ref() == Some(&classes.sha256);
        let is_there = !matches!(classes.change, ClassChange::Lost(_));
        if !(same && is_there) {
            let text = ranges.written().into_bytes();
            self.files.push((names::classes(&classes.sha256), text.into()));
            self.registry.classes = Some(classes.sha256.clone());
        }
    }
}

/// A reason on one line, cut to a bounded length.
fn bounded(reason: &str) -> String {
    crate::shown::shown(reason.as_ref()).chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::inputs::{FileRead, TrustRead};
    use super::super::runs::How;
    use super::super::tests::{at, begun};
    use super::*;
    use crate::classes::Moved;

    fn ranges(class: &str) -> ClassRanges {
        let text = format!("sekisho.classes/v1\nipv4 0.0.0.0 {class}\nipv6 :: unclassified\n");
        ClassRanges::read(text.as_bytes()).unwrap()
    }

    fn inputs(sha256: &str, change: ClassChange) -> DaemonInputs {
        let read = |file: &str| FileRead { file: file.into(), sha256: "00".into() };
        DaemonInputs {
            configuration: read("c"),
            trust: TrustRead { version: 1, sha256: "22".into() },
            direction: vec![read("d")],
            classes: Classes {
                default: "unclassified".into(),
                country: None,
                without_domestic: Vec::new(),
                prefixes: BTreeMap::new(),
                sha256: sha256.into(),
                change,
            },
        }
    }

    fn start(boot: &str) -> DaemonStart {
        DaemonStart {
            version: "0.1.0".into(),
            pid: 7,
            boot: boot.into(),
            mode: "tap".into(),
            interfaces: vec!["eth1".into()],
            program: "11".into(),
            taken_over: false,
            inputs: inputs("33", ClassChange::First),
        }
    }

    fn stop(how: How, reason: Option<&str>) -> DaemonStop {
        let reason = reason.map(ToOwned::to_owned);
        DaemonStop {
            how,
            reason,
            packets: 4,
            records: 3,
            written: 2,
            lost: 1,
            not_written: 0,
            set_aside: 0,
        }
    }

    fn what(change: &Change) -> Vec<String> {
        let json = |event: &super::super::event::Event| serde_json::to_string(&event.what).unwrap();
        change.events.iter().map(json).collect()
    }

    #[test]
    fn a_daemon_that_stopped_is_not_taken_for_one_that_crashed() {
        let registry = begun().registry;
        let started = registry.started(start("a"), &ranges("foreign"), at(1));
        assert_eq!(
            what(&started),
            [
                r#"{"event":"started","version":"0.1.0","pid":7,"boot":"a","mode":"tap","interfaces":["eth1"],"program":"11","taken_over":false,"configuration":{"file":"c","sha256":"00"},"trust":{"version":1,"sha256":"22"},"direction":[{"file":"d","sha256":"00"}],"classes":{"default":"unclassified","prefixes":{},"sha256":"33","change":"first"}}"#
            ]
        );
        let stopped = started.registry.stopped(stop(How::Signal, None), at(2));
        assert_eq!(
            what(&stopped),
            [
                r#"{"event":"stopped","how":"signal","packets":4,"records":3,"written":2,"lost":1,"not_written":0,"set_aside":0}"#
            ]
        );
        assert_eq!(what(&stopped.registry.started(start("a"), &ranges("foreign"), at(3))).len(), 1);
    }

    #[test]
    fn a_daemon_that_never_stopped_has_crashed_and_a_reboot_is_told_apart() {
        let started = begun().registry.started(start("a"), &ranges("foreign"), at(1));
        for (boot, rebooted) in [("a", false), ("b", true)] {
            let again = started.registry.started(start(boot), &ranges("foreign"), at(2));
            let crashed = format!(r#"{{"event":"crashed","started":2,"rebooted":{rebooted}}}"#);
            assert_eq!(what(&again)[0], crashed);
            assert_eq!(again.events.len(), 2);
            let running = again.registry.running.as_ref().unwrap();
            assert_eq!((running.event, running.boot.as_str()), (4, boot));
        }
    }

    #[test]
    fn classes_are_kept_when_they_change_or_were_lost() {
        let nothing = Moved::default();
        let same = ClassChange::Compared { moved: nothing, accepted: false };
        let names = |change: &Change| -> Vec<String> {
            change.files.iter().map(|(name, _)| name.clone()).collect()
        };
        let first = begun().registry.started(start("a"), &ranges("foreign"), at(1));
        assert_eq!(names(&first), ["direction/33.classes"]);
        assert_eq!(first.files[0].1, ranges("foreign").written().into_bytes());
        let registry = first.registry;
        assert_eq!(registry.classes(), Some("33"));
        let again = registry.reloaded(inputs("33", same.clone()), &ranges("foreign"), at(2));
        assert!(names(&again).is_empty());
        let lost = inputs("33", ClassChange::Lost("is missing".into()));
        let lost = registry.reloaded(lost, &ranges("foreign"), at(2));
        assert_eq!(names(&lost), ["direction/33.classes"]);
        let other = registry.reloaded(inputs("44", same), &ranges("domestic"), at(2));
        assert_eq!(names(&other), ["direction/44.classes"]);
        assert_eq!(other.registry.classes(), Some("44"));
    }

    #[test]
    fn no_reason_makes_an_event_long() {
        let registry = begun().registry;
        let long = "x\n".repeat(1 << 20);
        let stopped = registry.stopped(stop(How::Failure, Some(&long)), at(1));
        let refused = registry.not_reloaded(&vec![long; 100], at(1));
        for change in [stopped, refused] {
            let line = what(&change).remove(0);
            assert!(line.len() < 4_000 && !line.contains("x\\nx"), "{}", line.len());
        }
    }
}
