//! The state of the sensor's interfaces: whether each is there, is up, and has the sensor's program attached.
//! A sensor that sees nothing reports it (L-INSPECT).
//!
//! Everything is read again at each tick, and at once when rtnetlink reports any change. So no message has
//! to be believed, and a lost message does no harm. [`LinkWatch::look`] acts on what it finds. Where traffic
//! goes is not looked at here.

use std::io;

use sensor_common::boot_time::BootTime;

use crate::daemon::interfaces::link::{self, Link};
use crate::daemon::interfaces::netlink::Listener;
use crate::daemon::sensor::Sensor;
use crate::kernel::KernelError;
use crate::registry::event::What;

/// linux/rtnetlink.h: interfaces come, go and change.
const RTNLGRP_LINK: u32 = 1;

/// The shortest time between two attempts to attach a program again, in nanoseconds.
const BACK_OFF: u64 = 1_000_000_000;

/// The state of an interface of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InterfaceState {
    /// Up, with the sensor's program attached.
    Seeing,
    /// The same, under another name. The program goes with the interface.
    Renamed(String),
    /// With the sensor's program attached, but not up.
    Down,
    /// Up, but its other end is not.
    NoCarrier,
    /// There, but without the sensor's program.
    Detached,
    /// Not there.
    Missing,
    /// The kernel does not tell.
    Unknown,
}

impl InterfaceState {
    /// The stable names, for metrics.
    pub const NAMES: [&str; 7] =
        ["seeing", "renamed", "down", "no-carrier", "detached", "missing", "unknown"];

    /// The stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Seeing => Self::NAMES[0],
            Self::Renamed(_) => Self::NAMES[1],
            Self::Down => Self::NAMES[2],
            Self::NoCarrier => Self::NAMES[3],
            Self::Detached => Self::NAMES[4],
            Self::Missing => Self::NAMES[5],
            Self::Unknown => Self::NAMES[6],
        }
    }

    /// Whether no packet reaches the sensor.
    pub const fn is_blind(&self) -> bool {
        !matches!(self, Self::Seeing | Self::Renamed(_))
    }

    /// In words, after the interface's name.
    pub fn words(&self) -> String {
        match self {
            Self::Seeing => "is up and watched".to_owned(),
            Self::Renamed(name) => format!("is now named {name}, and still watched"),
            Self::Down => "is down".to_owned(),
            Self::NoCarrier => "has no carrier".to_owned(),
            Self::Detached => "does not carry the sensor's program".to_owned(),
            Self::Missing => "is not there".to_owned(),
            Self::Unknown => "cannot be asked about".to_owned(),
        }
    }

    /// The state of the interface with this name in the configuration, whose program has this id.
    fn of(interface: &str, program: u32, links: &[Link]) -> Self {
        match (carrying(program, links), named(interface, links)) {
            (None, None) => Self::Missing,
            (None, Some(_)) => Self::Detached,
            (Some(carrying), Some(named)) if carrying != named => Self::Detached,
            (Some(link), _) if !link.up => Self::Down,
            (Some(link), _) if !link.carrier => Self::NoCarrier,
            (Some(_), Some(_)) => Self::Seeing,
            (Some(link), None) => Self::Renamed(link.name.clone()),
        }
    }
}

/// The interface that carries a program.
fn carrying(program: u32, links: &[Link]) -> Option<&Link> {
    links.iter().find(|link| link.programs.contains(&program))
}

/// The interface with this name. If another one carries the program, this is still the one that is meant.
fn named<'a>(interface: &str, links: &'a [Link]) -> Option<&'a Link> {
    links.iter().find(|link| link.name == interface)
}

/// The number of the interface that the configuration means, whose program has this id.
fn index(interface: &str, program: u32, links: &[Link]) -> Option<u32> {
    let link = named(interface, links).or_else(|| carrying(program, links));
    link.map(|link| link.index)
}

/// An interface that is watched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// Its name in the configuration.
    pub interface: String,
    /// Its state when it was last looked at.
    pub state: InterfaceState,
    /// Its index then: that of the interface that carries the program, or is to carry it.
    pub index: Option<u32>,
    /// How often the program was attached again.
    pub reattached: u64,
    /// When it was last tried.
    tried: Option<BootTime>,
    /// Why that failed, if it did.
    refused: Option<String>,
}

/// What a look found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Looked {
    /// News for the operator.
    pub said: Vec<String>,
    /// Events for the audit file.
    pub events: Vec<What>,
}

impl View {
    /// An interface whose program was just attached.
    pub(in crate::daemon) const fn new(interface: String) -> Self {
        Self {
            interface,
            state: InterfaceState::Seeing,
            index: None,
            reattached: 0,
            tried: None,
            refused: None,
        }
    }

    /// Takes a new state, and reports what has changed.
    fn turn(&mut self, state: InterfaceState, looked: &mut Looked) {
        if self.state == state {
            return;
        }
        looked.said.push(format!("{}: {}", self.interface, state.words()));
        if self.state.is_blind() != state.is_blind() {
            let interface = self.interface.clone();
            looked.events.push(if state.is_blind() {
                What::Blind { interface, why: state.words() }
            } else {
                What::Sighted { interface }
            });
        }
        self.state = state;
    }

    /// Whether it is time to attach the program again.
    fn is_due(&self, now: BootTime) -> bool {
        let rested = |tried| now.since(tried) >= BACK_OFF;
        self.state == InterfaceState::Detached && self.tried.is_none_or(rested)
    }

    /// Notes how an attempt at `now` ended.
    fn attempted(&mut self, now: BootTime, done: Result<(), KernelError>, looked: &mut Looked) {
        self.tried = Some(now);
        match done {
            Ok(()) => {
                self.reattached += 1;
                self.refused = None;
                looked.said.push(format!("{}: the program is attached again", self.interface));
            }
            Err(error) => {
                let why = error.explain();
                if self.refused.as_ref() != Some(&why) {
                    looked.said.push(format!(
                        "{}: the program cannot be attached again: {why}",
                        self.interface
                    ));
                    self.refused = Some(why);
                }
            }
        }
    }
}

/// The watch over all interfaces.
#[derive(Debug)]
pub struct LinkWatch {
    news: Listener,
    views: Vec<View>,
}

impl LinkWatch {
    /// Listens from now on. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(interfaces: &[String]) -> io::Result<Self> {
        let news = Listener::open(&[RTNLGRP_LINK])?;
        Ok(Self { news, views: interfaces.iter().cloned().map(View::new).collect() })
    }

    /// Waits until something about any interface has changed. Safe to cancel.
    ///
    /// # Errors
    /// The system's error.
    pub async fn changed(&mut self) -> io::Result<()> {
        self.news.changed().await
    }

    /// Looks at all interfaces at `now`, and attaches again the programs that were detached.
    pub fn look(&mut self, sensor: &mut Sensor, now: BootTime) -> Looked {
        let mut looked = Looked::default();
        self.read(sensor, &mut looked);
        let mut tried = false;
        for view in self.views.iter_mut().filter(|view| view.is_due(now)) {
            let done = sensor.reattach(&view.interface).map_err(|error| error.error);
            view.attempted(now, done, &mut looked);
            tried = true;
        }
        if tried {
            self.read(sensor, &mut looked);
        }
        looked
    }

    /// The interfaces as they were at the last look.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// Reads the state of all interfaces.
    fn read(&mut self, sensor: &Sensor, looked: &mut Looked) {
        let links = link::all();
        for view in &mut self.views {
            let program = sensor.program(&view.interface);
            let state = match (&links, program) {
                (Ok(links), Some(program)) => {
                    view.index = index(&view.interface, program, links);
                    InterfaceState::of(&view.interface, program, links)
                }
                _ => InterfaceState::Unknown,
            };
            view.turn(state, looked);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, programs: &[u32]) -> Link {
        let index = u32::from(name.as_bytes()[0]);
        let (name, programs) = (name.into(), programs.into());
        Link { index, name, up: true, carrier: true, programs, ..Link::default() }
    }

    #[test]
    fn an_interface_is_what_the_kernel_shows_of_it() {
        let down = Link { up: false, ..link("a", &[7]) };
        let unplugged = Link { carrier: false, ..link("a", &[7]) };
        for (links, state) in [
            (vec![link("b", &[8]), link("a", &[7])], InterfaceState::Seeing),
            (vec![link("a", &[9, 7])], InterfaceState::Seeing),
            (vec![link("c", &[7]), link("b", &[8])], InterfaceState::Renamed("c".into())),
            (vec![down.clone()], InterfaceState::Down),
            (vec![Link { name: "c".into(), ..down }], InterfaceState::Down),
            (vec![unplugged], InterfaceState::NoCarrier),
            (vec![link("a", &[])], InterfaceState::Detached),
            (vec![link("a", &[8])], InterfaceState::Detached),
            (vec![link("c", &[7]), link("a", &[])], InterfaceState::Detached),
            (vec![link("b", &[8])], InterfaceState::Missing),
            (vec![], InterfaceState::Missing),
        ] {
            assert_eq!(InterfaceState::of("a", 7, &links), state, "{links:?}");
        }
    }

    #[test]
    fn the_interface_that_is_meant_has_the_name_or_else_the_program() {
        for (links, name) in [
            (vec![link("b", &[8]), link("a", &[7])], Some("a")),
            (vec![link("c", &[7]), link("b", &[8])], Some("c")),
            (vec![link("c", &[7]), link("a", &[])], Some("a")),
            (vec![link("b", &[8])], None),
        ] {
            let expected = name.map(|name| u32::from(name.as_bytes()[0]));
            assert_eq!(index("a", 7, &links), expected, "{links:?}");
        }
    }

    #[test]
    fn a_change_is_said_once_and_noted_where_it_blinds() {
        let mut view = View::new("a".into());
        let mut looked = Looked::default();
        for state in [
            InterfaceState::Renamed("c".into()),
            InterfaceState::Down,
            InterfaceState::Down,
            InterfaceState::Missing,
            InterfaceState::Seeing,
        ] {
            view.turn(state, &mut looked);
        }
        assert_eq!(
            looked.said,
            [
                "a: is now named c, and still watched",
                "a: is down",
                "a: is not there",
                "a: is up and watched",
            ]
        );
        let events = [
            What::Blind { interface: "a".into(), why: "is down".into() },
            What::Sighted { interface: "a".into() },
        ];
        assert_eq!(looked.events, events);
    }

    #[test]
    fn a_program_is_attached_again_at_once_and_then_once_a_second() {
        let at = BootTime::from_nanos;
        let mut view = View::new("a".into());
        let mut looked = Looked::default();
        assert!(!view.is_due(at(5)), "it is attached");
        view.turn(InterfaceState::Detached, &mut looked);
        assert!(view.is_due(at(5)));
        view.attempted(at(5), Err(KernelError::NoLink), &mut looked);
        assert!(!view.is_due(at(4 + BACK_OFF)));
        assert!(view.is_due(at(5 + BACK_OFF)));
        view.attempted(at(5 + BACK_OFF), Err(KernelError::NoLink), &mut looked);
        view.attempted(at(5 + 2 * BACK_OFF), Ok(()), &mut looked);
        assert_eq!(view.reattached, 1);
        let refusals = looked.said.iter().filter(|line| line.contains("cannot")).count();
        assert_eq!(refusals, 1, "the same refusal is said once");
        view.turn(InterfaceState::Seeing, &mut looked);
        assert!(!view.is_due(at(9 + 9 * BACK_OFF)));
    }
}
