//! Events: what happened to orders, trust and the sensor, as lines of the audit file (L-INSPECT). `audit` chains
//! the lines.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::act::Act;
use super::inputs::DaemonInputs;
use super::named::{NamedBasis, NamedOrder};
use super::runs::{DaemonStart, DaemonStop, ReplayRun};
use crate::order::DocumentKey;

/// An event. Its line in the audit file also names the line before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Event {
    /// Counts the events of a state directory from 1, without gaps.
    pub sequence: u64,
    /// When it was noted, by the wall clock as it read then.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum What {
    /// The state directory was made.
    Created {
        /// The facility whose orders it holds.
        facility: String,
        /// The version of the first trust file.
        version: u64,
        /// The SHA-256 of that file.
        digest: String,
    },
    /// An approval or agreement was accepted.
    BasisInstalled(NamedBasis),
    /// An approval or agreement has ended, for good.
    BasisEnded {
        /// The approval or agreement.
        #[serde(flatten)]
        basis: NamedBasis,
        /// Why.
        reason: EndReason,
    },
    /// An order was accepted.
    Installed(NamedOrder),
    /// An order's term has begun.
    InForce(NamedOrder),
    /// An order has ended, for good.
    Ended {
        /// The order.
        #[serde(flatten)]
        order: NamedOrder,
        /// Why.
        reason: EndReason,
    },
    /// A revocation was accepted.
    Revoked {
        /// What it names: that serial and every lower one is revoked.
        #[serde(flatten)]
        ends: DocumentKey,
        /// When the revocation takes effect.
        effective_at: Timestamp,
        /// The reason that it gives.
        why: String,
        /// The SHA-256 of the revocation that was signed.
        digest: String,
    },
    /// A new trust file came into force.
    Rotated {
        /// Its version.
        version: u64,
        /// Its SHA-256.
        digest: String,
    },
    /// All selection was halted.
    Halted(Act),
    /// Selection was resumed.
    Resumed(Act),
    /// A daemon began its work.
    Started(Box<DaemonStart>),
    /// A daemon ended.
    Stopped(DaemonStop),
    /// A daemon had ended without saying so; the next one noticed it.
    Crashed {
        /// The sequence number of the event in which it began.
        started: u64,
        /// Whether the machine was restarted since then.
        rebooted: bool,
    },
    /// An interface no longer brings packets to the sensor.
    Blind {
        /// Its name in the configuration.
        interface: String,
        /// Why.
        why: String,
    },
    /// An interface brings packets again.
    Sighted {
        /// Its name in the configuration.
        interface: String,
    },
    /// In mode `tap`, an interface carries a default route: packets to the machine through it are dropped.
    DefaultRoute {
        /// Its name in the configuration.
        interface: String,
        /// The default routes.
        routes: String,
    },
    /// An interface no longer carries a default route.
    NoDefaultRoute {
        /// Its name in the configuration.
        interface: String,
    },
    /// The configuration was read again and is in force.
    Reloaded(Box<DaemonInputs>),
    /// The configuration was read again and refused: nothing changed.
    ReloadRefused {
        /// The first reasons, cut to a bounded length.
        reasons: Vec<String>,
    },
    /// Captures were replayed.
    Replayed(Box<ReplayRun>),
}

/// Why an order, or what it rests on, ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// Its term is over (L-TERM).
    Expired,
    /// It was revoked, or its basis was, or too few of its signatures are left after keys were revoked
    /// (L-APPROVE).
    Revoked,
    /// A higher serial of it came into force (L-EXTEND).
    Superseded,
}

impl EndReason {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Superseded => "superseded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::act::{Caller, Said};
    use super::*;
    use crate::order::OrderKey;

    #[test]
    fn a_line_reads_back() {
        let at: Timestamp = "2027-11-01T00:00:00Z".parse().unwrap();
        let order = NamedOrder { key: OrderKey::new("a", 2), digest: "00".into() };
        let said = Said { operator: "op".parse().ok(), why: "storm".parse().ok() };
        let act = Act::new(said, Caller { uid: Some(0), login_uid: None }, at);
        for (what, text) in [
            (
                What::Ended { order, reason: EndReason::Superseded },
                r#"{"sequence":7,"at":"2027-11-01T00:00:00Z","event":"ended","order_id":"a","serial":2,"digest":"00","reason":"superseded"}"#,
            ),
            (
                What::Halted(act),
                r#"{"sequence":7,"at":"2027-11-01T00:00:00Z","event":"halted","since":"2027-11-01T00:00:00Z","operator":"op","uid":0,"why":"storm"}"#,
            ),
        ] {
            let event = Event { sequence: 7, at, what };
            assert_eq!(serde_json::to_string(&event).unwrap(), text);
            assert_eq!(serde_json::from_str::<Event>(text).unwrap(), event);
        }
    }

    #[test]
    fn a_line_that_names_its_order_twice_is_refused() {
        let line = |more: &str| {
            format!(
                r#"{{"sequence":7,"at":"2027-11-01T00:00:00Z","event":"installed","order_id":"a","serial":2{more},"digest":"00"}}"#
            )
        };
        serde_json::from_str::<Event>(&line("")).unwrap();
        for more in [r#","order_id":"b""#, r#","serial":3"#] {
            assert!(serde_json::from_str::<Event>(&line(more)).is_err(), "{more}");
        }
    }
}
