//! Commands to a registry, and the decisions on them. A daemon and a command without a daemon both decide here, so
//! that both do the same and say the same.
//!
//! Deciding is pure. `daemon::orders` carries a decision out in the kernel and on disk, and [`crate::offline`] on
//! disk alone. A change that opens is written before the kernel knows of it. A change that closes goes to the
//! kernel before the disk. So a crash in between always selects less.

use std::path::Path;

use bytes::Bytes;
use jiff::Timestamp;

use super::act::Act;
use super::clock::Reading;
use super::install::{Accepted, Position};
use super::loading::OrderBodies;
use super::state::{Change, Registry};
use super::wording;
use crate::classes::ClassRanges;
use crate::compile::Layer;
use crate::order::load;
use crate::order::together::Given;
use crate::rejection::{Rejection, Rejections};
use crate::text::Text;

/// A command to a registry.
#[derive(Clone, Debug)]
pub enum Command {
    /// Install approvals, agreements and orders: all, or none if one is refused.
    Install(Vec<RawDocument>),
    /// Accept a revocation.
    Revoke(RawDocument),
    /// Put a new trust file in force.
    Rotate(RawDocument),
    /// Halt all selection.
    Halt(Act),
    /// Resume selection.
    Resume(Act),
}

/// A document as it was sent, unchecked.
#[derive(Clone, Debug)]
pub struct RawDocument {
    /// The sender's name for it, such as a file name.
    pub name: Text,
    /// All of its bytes.
    pub bytes: Bytes,
}

/// The direction tables that orders are to be carried out over. Only code with a configuration knows them.
#[derive(Clone, Copy, Debug)]
pub struct KnownDirection<'a> {
    /// The tables as the compiler takes them.
    pub layers: &'a [Layer<'a>],
    /// The class of every address.
    pub classes: &'a ClassRanges,
}

/// The decision on a command that was not refused.
#[derive(Debug)]
pub struct Decision {
    /// What it does to the registry.
    pub effect: Effect,
    /// The answer, once the effect is carried out.
    pub answer: Answer,
}

/// What a command does to the registry.
#[derive(Debug)]
pub enum Effect {
    /// Nothing: it was done before.
    Nothing,
    /// The kernel may select more afterwards: the disk comes first.
    Open(Box<Change>),
    /// The kernel must select less afterwards: the kernel comes first.
    Close(Box<Change>),
}

/// What the person who asked is told.
#[derive(Debug)]
pub struct Answer(Told);

#[derive(Debug)]
enum Told {
    Lines(Vec<String>),
    Documents(Vec<Accepted>),
}

impl Command {
    /// Whether the command needs the whole orders of a state directory. Halting and resuming do not, so that they
    /// depend on as little as possible.
    pub const fn bodies(&self) -> OrderBodies {
        match self {
            Self::Install(_) | Self::Revoke(_) | Self::Rotate(_) => OrderBodies::Read,
            Self::Halt(_) | Self::Resume(_) => OrderBodies::Skip,
        }
    }
}

impl RawDocument {
    /// Reads a document from its file.
    ///
    /// # Errors
    /// A [`Rejection`] if it cannot be read.
    pub fn read(path: &Path) -> Result<Self, Rejection> {
        Ok(Self { name: Text::of_path(path), bytes: load::one(path)?.bytes })
    }

    /// The document as [`judge`](crate::order::together::judge) takes it.
    pub fn given(&self) -> Given {
        Given { file: self.name.to_string(), bytes: self.bytes.clone() }
    }
}

impl Answer {
    fn lines(lines: Vec<String>) -> Self {
        Self(Told::Lines(lines))
    }

    /// The positions of new orders, which the person who asked may want to wait for.
    pub fn new_orders(&self) -> impl Iterator<Item = usize> {
        let documents = match &self.0 {
            Told::Lines(_) => &[][..],
            Told::Documents(documents) => documents,
        };
        documents.iter().filter(|one| !one.is_known).filter_map(|one| match one.what {
            Position::Order(position) => Some(position),
            Position::Basis(_) => None,
        })
    }

    /// The answer in words. `registry`: the one after the effect. `is_live`: whether the tables of the order at a
    /// position are in the kernel.
    pub fn words(
        &self,
        registry: &Registry,
        now: Timestamp,
        is_live: impl Fn(usize) -> bool,
    ) -> Vec<String> {
        let one = |Accepted { what, is_known }: &Accepted| match what {
            Position::Basis(position) => wording::basis_installed(registry, *position, *is_known),
            Position::Order(position) => {
                let words = if *is_known { wording::installed_before } else { wording::installed };
                words(registry, *position, now, is_live(*position))
            }
        };
        match &self.0 {
            Told::Lines(lines) => lines.clone(),
            Told::Documents(documents) => documents.iter().map(one).collect(),
        }
    }
}

impl Decision {
    fn nothing(line: String) -> Self {
        Self { effect: Effect::Nothing, answer: Answer::lines(vec![line]) }
    }

    fn open(change: Change) -> Self {
        let answer = Answer::lines(wording::events(&change));
        Self { effect: Effect::Open(Box::new(change)), answer }
    }

    fn close(change: Change) -> Self {
        let answer = Answer::lines(wording::events(&change));
        Self { effect: Effect::Close(Box::new(change)), answer }
    }
}

impl Registry {
    /// Decides on a command. Without direction tables it cannot be checked whether an order fits them; a daemon
    /// that starts later checks it, and refuses to start if it does not.
    ///
    /// # Errors
    /// All that is wrong; then the command has no effect.
    pub fn decide(
        &self,
        command: &Command,
        direction: Option<KnownDirection<'_>>,
        reading: Reading,
    ) -> Result<Decision, Rejections> {
        match command {
            Command::Install(documents) => self.decide_on_documents(documents, direction, reading),
            Command::Revoke(RawDocument { name, bytes }) => {
                let change = self.revoke(name.as_str(), bytes.clone(), reading)?;
                Ok(change.map_or_else(
                    || Decision::nothing(wording::REVOKED_BEFORE.to_owned()),
                    Decision::close,
                ))
            }
            Command::Rotate(RawDocument { name, bytes }) => {
                Ok(Decision::close(self.rotate(name.as_str(), bytes.clone(), reading)?))
            }
            Command::Halt(act) => Ok(self.halt(act.clone(), reading).map_or_else(
                || Decision::nothing(wording::halted_before(self.halted())),
                Decision::close,
            )),
            Command::Resume(act) => Ok(self
                .resume(act.clone(), reading)
                .map_or_else(|| Decision::nothing(wording::NOT_HALTED.to_owned()), Decision::open)),
        }
    }

    fn decide_on_documents(
        &self,
        documents: &[RawDocument],
        direction: Option<KnownDirection<'_>>,
        reading: Reading,
    ) -> Result<Decision, Rejections> {
        let classes = direction.map(|direction| direction.classes);
        let given: Vec<Given> = documents.iter().map(RawDocument::given).collect();
        let (change, accepted) = self.accept(&given, classes, reading)?;
        let layers = direction.map_or(&[][..], |direction| direction.layers);
        for (document, one) in documents.iter().zip(&accepted) {
            if let Accepted { what: Position::Order(position), is_known: false } = one {
                change.registry.fits(document.name.as_str(), Some(*position), layers)?;
            }
        }
        let effect =
            if change.is_empty() { Effect::Nothing } else { Effect::Open(Box::new(change)) };
        Ok(Decision { effect, answer: Answer(Told::Documents(accepted)) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::act::{Caller, Said};
    use super::super::tests::{at, begun, payload, revocation, rotation};
    use super::*;
    use crate::order::DocumentKind;
    use crate::order::samples::kit::signers;
    use crate::order::samples::{Signed, signed};

    fn document(name: &str, text: String) -> RawDocument {
        RawDocument { name: name.parse().unwrap(), bytes: text.into() }
    }

    /// An order, and what it rests on.
    fn order(id: &str, from: i64) -> Vec<RawDocument> {
        let Signed { basis, order } = signed(&payload(id, 1, from, from + 10));
        vec![document(&format!("{id}-basis"), basis), document(id, order)]
    }

    /// Decides, carries the effect out on the registry, and names it.
    fn take(registry: &mut Registry, command: &Command) -> Result<&'static str, Vec<String>> {
        let decided = registry.decide(command, None, at(0));
        let words = |rejection: &Rejection| rejection.to_string();
        let Decision { effect, answer } =
            decided.map_err(|rejections| rejections.iter().map(words).collect::<Vec<_>>())?;
        let (name, change) = match effect {
            Effect::Nothing => ("nothing", None),
            Effect::Open(change) => ("open", Some(change)),
            Effect::Close(change) => ("close", Some(change)),
        };
        if let Some(change) = change {
            *registry = change.registry;
        }
        assert!(!answer.words(registry, at(0).wall, |_| false).is_empty(), "there is an answer");
        Ok(name)
    }

    #[test]
    fn what_lets_the_kernel_select_more_opens_and_all_else_closes() {
        let mut registry = begun().registry;
        let act = Act::new(Said::default(), Caller::default(), at(0).wall);
        let revoked = document("r", revocation("order_id", "a", 1, 5));
        for (command, effect) in [
            (Command::Install(order("a", 10)), "open"),
            (Command::Install(order("a", 10)), "nothing"),
            (Command::Revoke(revoked.clone()), "close"),
            (Command::Revoke(revoked), "nothing"),
            (Command::Halt(act.clone()), "close"),
            (Command::Halt(act.clone()), "nothing"),
            (Command::Resume(act.clone()), "open"),
            (Command::Resume(act), "nothing"),
            (
                Command::Rotate(document("t", rotation(2, &[], signers(DocumentKind::Trust)))),
                "close",
            ),
        ] {
            assert_eq!(take(&mut registry, &command), Ok(effect), "{command:?}");
        }
    }

    #[test]
    fn of_several_documents_each_may_build_on_the_others() {
        let mut registry = begun().registry;
        let [basis, order] = order("a", 10).try_into().unwrap();
        let higher = document("b", signed(&payload("a", 2, 15, 30)).order);
        let alone = Command::Install(vec![higher.clone(), order.clone()]);
        let refused = take(&mut registry, &alone).unwrap_err();
        assert_eq!(refused.len(), 2, "{refused:?}");
        assert!(refused[0].contains(": basis: approval a, serial 1 is not there"), "{refused:?}");
        assert!(registry.entries().is_empty());
        take(&mut registry, &Command::Install(vec![basis.clone(), order.clone()])).unwrap();
        let both = Command::Install(vec![higher, order, basis]);
        let Decision { effect: Effect::Open(change), answer } =
            registry.decide(&both, None, at(0)).unwrap()
        else {
            panic!("something new");
        };
        assert_eq!(answer.new_orders().collect::<Vec<_>>(), [1]);
        let words = answer.words(&change.registry, at(0).wall, |_| false);
        let is_known =
            |line: &String| line.ends_with("was installed before, and nothing has changed");
        assert_eq!(words.iter().map(is_known).collect::<Vec<_>>(), [false, true, true]);
    }

    #[test]
    fn every_document_that_is_refused_is_named() {
        let mut registry = begun().registry;
        let spoilt = |name: &str| document(name, "{}".to_owned());
        let mut several = vec![spoilt("x"), spoilt("y")];
        several.extend(order("a", 10));
        let refused = take(&mut registry, &Command::Install(several)).unwrap_err();
        let names: Vec<&str> = refused.iter().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(names, ["x", "y"]);
    }
}
