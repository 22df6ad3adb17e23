//! What the sensor's interfaces are: whether each is there and up, and carries the sensor's program.
//! A sensor that sees nothing says so (L-INSPECT).
//!
//! Everything is read anew at each tick, and at once when rtnetlink says that anything changed. So no
//! message has to be believed, and none that is lost is missed. What is done about it is in
//! [`Watch::look`]; where traffic goes is not looked at here.

use std::io;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage, LinkXdp};
use netlink_sys::Socket;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::netlink;
use super::sensor::Sensor;

/// linux/rtnetlink.h: interfaces come, go and change.
const RTNLGRP_LINK: u32 = 1;

/// A program is attached again at most this often: nanoseconds.
const BACK_OFF: u64 = 1_000_000_000;

/// An interface as the kernel shows it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Link {
    name: String,
    up: bool,
    carrier: bool,
    /// The ids of the XDP programs that it carries.
    programs: Vec<u32>,
}

/// What there is to know about an interface of the configuration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum State {
    /// Up, with the sensor's program.
    Seeing,
    /// The same, under another name. The program goes with the interface.
    Renamed(String),
    /// With the sensor's program, but not up.
    Down,
    /// Up, but its other end is not.
    NoCarrier,
    /// There, but without the sensor's program.
    Detached,
    /// Not there.
    Missing,
    /// The kernel does not say.
    Unknown,
}

impl State {
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

    /// The state of the interface that the configuration names so, whose program has this id.
    fn of(interface: &str, program: u32, links: &[Link]) -> Self {
        let carrying = links.iter().find(|link| link.programs.contains(&program));
        // A new interface with the name of the configuration is the one that is meant.
        let named = links.iter().find(|link| link.name == interface);
        match (carrying, named) {
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

impl From<&LinkMessage> for Link {
    fn from(message: &LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::Running),
            ..Self::default()
        };
        for attribute in &message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name.clone_from(name),
                LinkAttribute::Xdp(xdp) => link.programs.extend(xdp.iter().filter_map(program)),
                _ => {}
            }
        }
        link
    }
}

/// With more than one program at a time, each is shown by where it runs.
const fn program(xdp: &LinkXdp) -> Option<u32> {
    match xdp {
        LinkXdp::ProgId(id)
        | LinkXdp::DrvProgId(id)
        | LinkXdp::SkbProgId(id)
        | LinkXdp::HwProgId(id) => Some(*id),
        _ => None,
    }
}

/// An interface that is watched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct View {
    /// Its name in the configuration.
    pub interface: String,
    /// Its state when it was last looked at.
    pub state: State,
    /// How often the program was attached again.
    pub reattached: u64,
    /// When that was last tried, boot-clock nanoseconds.
    tried: Option<u64>,
    /// What came of it, if it failed.
    refused: Option<String>,
}

/// What a look came to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Looked {
    /// What is new, in words.
    pub said: Vec<String>,
    /// Interfaces that see nothing since this look, with why, or see again (`None`).
    pub turned: Vec<(String, Option<String>)>,
}

impl View {
    /// An interface to which its program was just attached.
    const fn new(interface: String) -> Self {
        Self { interface, state: State::Seeing, reattached: 0, tried: None, refused: None }
    }

    /// Takes up a new state, and tells what has changed.
    fn turn(&mut self, state: State, looked: &mut Looked) {
        if self.state == state {
            return;
        }
        looked.said.push(format!("{}: {}", self.interface, state.words()));
        if self.state.is_blind() != state.is_blind() {
            let why = state.is_blind().then(|| state.words());
            looked.turned.push((self.interface.clone(), why));
        }
        self.state = state;
    }

    /// Whether it is time to attach the program again.
    fn is_due(&self, now: u64) -> bool {
        let rested = |tried| now.saturating_sub(tried) >= BACK_OFF;
        self.state == State::Detached && self.tried.is_none_or(rested)
    }

    /// Notes what came of an attempt at `now`.
    fn attempted(&mut self, now: u64, done: Result<(), String>, looked: &mut Looked) {
        self.tried = Some(now);
        match done {
            Ok(()) => {
                self.reattached += 1;
                self.refused = None;
                looked.said.push(format!("{}: the program is attached again", self.interface));
            }
            Err(why) if self.refused.as_ref() == Some(&why) => {}
            Err(why) => {
                looked.said.push(format!(
                    "{}: the program cannot be attached again: {why}",
                    self.interface
                ));
                self.refused = Some(why);
            }
        }
    }
}

/// The watch over all interfaces.
#[derive(Debug)]
pub struct Watch {
    news: AsyncFd<Socket>,
    views: Vec<View>,
}

impl Watch {
    /// Listens from now on. To be called in a runtime.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(interfaces: &[String]) -> io::Result<Self> {
        let news = register(netlink::listen(RTNLGRP_LINK)?)?;
        Ok(Self { news, views: interfaces.iter().cloned().map(View::new).collect() })
    }

    /// Waits until something about some interface has changed. May be given up at any time.
    ///
    /// # Errors
    /// Whatever the system says.
    pub async fn changed(&mut self) -> io::Result<()> {
        let mut guard = self.news.readable_mut().await?;
        loop {
            match guard.get_inner().recv_from_full() {
                // That the buffer ran over (ENOBUFS) is news as well: all is read anew.
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(NO_BUFFERS) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    guard.clear_ready();
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Looks at all interfaces at `now`, boot-clock nanoseconds, and attaches the programs that are
    /// attached no more.
    pub fn look(&mut self, sensor: &mut Sensor, now: u64) -> Looked {
        let mut looked = Looked::default();
        self.read(sensor, &mut looked);
        let mut tried = false;
        for view in self.views.iter_mut().filter(|view| view.is_due(now)) {
            let done = sensor.reattach(&view.interface).map_err(|error| error.error.explain());
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
        let links = links();
        for view in &mut self.views {
            let program = sensor.program(&view.interface);
            let state = match (&links, program) {
                (Ok(links), Some(program)) => State::of(&view.interface, program, links),
                _ => State::Unknown,
            };
            view.turn(state, looked);
        }
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe; a socket keeps one descriptor while it lives"
)]
fn register(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    AsyncFd::with_interest(socket, Interest::READABLE)
}

/// `ENOBUFS` (asm-generic/errno.h).
const NO_BUFFERS: i32 = rustix::io::Errno::NOBUFS.raw_os_error();

/// All interfaces of this network namespace.
fn links() -> io::Result<Vec<Link>> {
    let all = netlink::dump(&RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
    let link = |message: &RouteNetlinkMessage| match message {
        RouteNetlinkMessage::NewLink(message) => Some(Link::from(message)),
        _ => None,
    };
    Ok(all.iter().filter_map(link).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, programs: &[u32]) -> Link {
        Link { name: name.into(), up: true, carrier: true, programs: programs.into() }
    }

    #[test]
    fn an_interface_is_what_the_kernel_shows_of_it() {
        let down = Link { up: false, ..link("a", &[7]) };
        let unplugged = Link { carrier: false, ..link("a", &[7]) };
        for (links, state) in [
            (vec![link("b", &[8]), link("a", &[7])], State::Seeing),
            (vec![link("a", &[9, 7])], State::Seeing),
            (vec![link("c", &[7]), link("b", &[8])], State::Renamed("c".into())),
            (vec![down.clone()], State::Down),
            (vec![Link { name: "c".into(), ..down }], State::Down),
            (vec![unplugged], State::NoCarrier),
            (vec![link("a", &[])], State::Detached),
            (vec![link("a", &[8])], State::Detached),
            (vec![link("c", &[7]), link("a", &[])], State::Detached),
            (vec![link("b", &[8])], State::Missing),
            (vec![], State::Missing),
        ] {
            assert_eq!(State::of("a", 7, &links), state, "{links:?}");
        }
    }

    #[test]
    fn a_change_is_said_once_and_noted_where_it_blinds() {
        let mut view = View::new("a".into());
        let mut looked = Looked::default();
        for state in
            [State::Renamed("c".into()), State::Down, State::Down, State::Missing, State::Seeing]
        {
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
        let turned = [("a".to_owned(), Some("is down".to_owned())), ("a".to_owned(), None)];
        assert_eq!(looked.turned, turned);
    }

    #[test]
    fn a_program_is_attached_again_at_once_and_then_once_a_second() {
        let mut view = View::new("a".into());
        let mut looked = Looked::default();
        assert!(!view.is_due(5), "it is attached");
        view.turn(State::Detached, &mut looked);
        assert!(view.is_due(5));
        view.attempted(5, Err("busy".into()), &mut looked);
        assert!(!view.is_due(4 + BACK_OFF));
        assert!(view.is_due(5 + BACK_OFF));
        view.attempted(5 + BACK_OFF, Err("busy".into()), &mut looked);
        view.attempted(5 + 2 * BACK_OFF, Ok(()), &mut looked);
        assert_eq!(view.reattached, 1);
        let refusals = looked.said.iter().filter(|line| line.contains("cannot")).count();
        assert_eq!(refusals, 1, "the same refusal is said once");
        view.turn(State::Seeing, &mut looked);
        assert!(!view.is_due(9 + 9 * BACK_OFF));
    }

    #[test]
    fn the_loopback_interface_is_among_all() {
        assert!(links().unwrap().iter().any(|link| link.name == "lo"));
    }
}
