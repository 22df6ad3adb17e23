//! Loading a registry from the disk. Nothing is believed unless anchor, digests and signatures agree. This file
//! only reads.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::Arc;

use super::audit::{self, Chain, Expected};
use super::clock::Clock;
use super::entry::{BasisEntry, OrderEntry, head};
use super::names;
use super::paths::StatePaths;
use super::state::{Registry, Revoked, TrustVersion};
use super::store_error::StoreError;
use super::written::{Anchor, WrittenEntry, WrittenState};
use crate::classes::{self, ClassRanges};
use crate::durable::disk::Disk;
use crate::files;
use crate::order::revocation::verify_revocation;
use crate::order::{Mandate, Trust, VerifiedDocument, verify_any, verify_order, verify_rotation};
use crate::rejection::{Rejection, StateFault};
use crate::shown::shown;

/// Whether orders are read in full.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OrderBodies {
    /// Orders that are not over are verified again, so that they can be compiled. The files of the others must
    /// have the digests that the state names.
    Read,
    /// Only what the state says about them is read: enough to list them, or to halt.
    Skip,
}

/// A loaded state.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) registry: Registry,
    pub(super) counter: u64,
    pub(super) digest: String,
    /// What the state says about the audit file.
    pub(super) audit: Expected,
    /// Whether the anchor names this state; else it names the one before.
    pub(super) anchored: bool,
}

/// The registry of a state directory, whoever holds it; `None` if there is no state. Orders are not read in
/// full.
///
/// # Errors
/// [`StoreError`].
pub fn look(disk: &mut impl Disk, paths: &StatePaths) -> Result<Option<Registry>, StoreError> {
    attempt(|| Ok(load(disk, paths, OrderBodies::Skip)?.map(|loaded| loaded.registry)))
}

/// The same, with the whole of each order that is not over.
///
/// # Errors
/// [`StoreError`].
pub fn read(disk: &mut impl Disk, paths: &StatePaths) -> Result<Option<Registry>, StoreError> {
    attempt(|| Ok(load(disk, paths, OrderBodies::Read)?.map(|loaded| loaded.registry)))
}

/// The whole of an accepted order, even of one that is over: from memory, or from its envelope, under the trust
/// file that it was accepted under.
///
/// # Errors
/// [`StoreError`]: its file is missing, or is not what was accepted.
pub fn whole(
    disk: &mut impl Disk,
    paths: &StatePaths,
    registry: &Registry,
    entry: &OrderEntry,
) -> Result<Arc<Mandate>, StoreError> {
    if let Some(body) = &entry.body {
        return Ok(Arc::clone(body));
    }
    let trust = find(&registry.trusts, entry.trust)
        .map_err(|fault| Rejection::new(shown(&paths.directory), fault))?;
    let mut files = Files { disk, directory: &paths.directory };
    let (file, bytes) = files.read(&names::order(&entry.file), &entry.file)?;
    let order = verify_order(&file, &bytes, trust)?;
    if order.digest() != entry.digest {
        return Err(Rejection::new(file, StateFault::OtherOrder).into());
    }
    Ok(Arc::new(Mandate::join(&file, order, &entry.basis)?))
}

/// The classes that were last in force; `None` if none ever were.
///
/// # Errors
/// One line that says why they cannot be read. It is shown and recorded, and never a reason not to start.
pub fn classes(paths: &StatePaths, registry: &Registry) -> Result<Option<ClassRanges>, String> {
    let Some(digest) = registry.classes() else { return Ok(None) };
    let path = paths.directory.join(names::classes(digest));
    let wrong = |reason: String| format!("{}: {reason}", shown(&path));
    let bytes = files::read_at_most(&path, classes::LARGEST as u64)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if super::digest(&bytes) != digest {
        return Err(wrong("is not what was written there".to_owned()));
    }
    ClassRanges::read(&bytes).map(Some).map_err(|fault| wrong(fault.to_string()))
}

/// The audit file of a state directory, whoever holds it, verified from the first line to the last; `None` if
/// there is no state.
///
/// # Errors
/// [`StoreError`].
pub fn verify(disk: &mut impl Disk, paths: &StatePaths) -> Result<Option<Chain>, StoreError> {
    attempt(|| {
        let Some(loaded) = load(disk, paths, OrderBodies::Skip)? else { return Ok(None) };
        let path = paths.directory.join(names::EVENTS);
        audit::check(disk, &path, &loaded.audit).map(Some)
    })
}

fn attempt<T>(mut read: impl FnMut() -> Result<T, StoreError>) -> Result<T, StoreError> {
    // A change during the reading makes anchor and audit file newer than the state: then reading is tried again.
    let mut attempts = 0..3;
    loop {
        let done = read();
        if done.is_ok() || attempts.next().is_none() {
            return done;
        }
    }
}

pub(super) fn load(
    disk: &mut impl Disk,
    paths: &StatePaths,
    bodies: OrderBodies,
) -> Result<Option<Loaded>, StoreError> {
    let mut read = |path: &Path| {
        disk.read(path).map_err(|source| StoreError::Io { path: path.to_owned(), source })
    };
    let path = paths.directory.join(names::STATE);
    let state = read(&path)?;
    let anchor = match read(&paths.anchor)? {
        None => None,
        Some(bytes) => Some(Anchor::parse(&bytes).map_err(|fault| refuse(&paths.anchor, fault))?),
    };
    let Some(bytes) = state else {
        let Some(Anchor { counter, .. }) = anchor else { return Ok(None) };
        let fault = StateFault::NoState { anchor: shown(&paths.anchor), counter };
        return Err(refuse(&path, fault).into());
    };
    let digest = super::digest(&bytes);
    let state = WrittenState::parse(&bytes).map_err(|fault| refuse(&path, fault))?;
    let anchored = agree(&path, paths, &state, &digest, anchor.as_ref())?;
    let (counter, audit) = (state.counter, state.audit());
    let mut files = Files { disk, directory: &paths.directory };
    let registry = files.registry(&path, state, bodies)?;
    Ok(Some(Loaded { registry, counter, digest, audit, anchored }))
}

/// Whether the anchor names this state (`true`) or the one before it (`false`).
///
/// # Errors
/// A [`Rejection`] if it names neither.
fn agree(
    path: &Path,
    paths: &StatePaths,
    state: &WrittenState,
    digest: &str,
    anchor: Option<&Anchor>,
) -> Result<bool, Rejection> {
    let name = shown(&paths.anchor);
    let refuse = |fault: StateFault| Err(refuse(path, fault).at("counter"));
    let counter = state.counter;
    let Some(Anchor { counter: anchored, state: named, .. }) = anchor else {
        // The very first state is written before there is an anchor.
        return match (counter, &state.previous) {
            (1, None) => Ok(false),
            _ => refuse(StateFault::NoAnchor { counter, anchor: name }),
        };
    };
    let anchored = *anchored;
    if counter == anchored && digest == named {
        return Ok(true);
    }
    if counter == anchored.saturating_add(1) && state.previous.as_ref() == Some(named) {
        return Ok(false);
    }
    refuse(match counter.cmp(&anchored) {
        Ordering::Less => StateFault::OlderCopy { counter, anchor: name, anchored },
        Ordering::Equal => StateFault::OtherState { counter, anchor: name },
        Ordering::Greater => StateFault::OtherAnchor { counter, anchor: name, anchored },
    })
}

fn refuse(path: &Path, fault: StateFault) -> Rejection {
    Rejection::new(shown(path), fault)
}

struct Files<'a, D> {
    disk: &'a mut D,
    directory: &'a Path,
}

impl<D: Disk> Files<'_, D> {
    fn registry(
        &mut self,
        path: &Path,
        state: WrittenState,
        bodies: OrderBodies,
    ) -> Result<Registry, StoreError> {
        let trusts = self.trusts(path, &state)?;
        let bases = self.bases(path, &state, &trusts)?;
        let entries = self.entries(path, &state, bodies, (&trusts, &bases))?;
        let revocations = self.revocations(path, &state, &trusts)?;
        let last_event = state.audit().last;
        Ok(Registry {
            facility: state.facility,
            clock: Clock::new(state.highest_clock),
            trusts,
            bases,
            entries,
            revocations,
            halted: state.halted,
            running: state.running,
            classes: state.classes,
            last_event,
        })
    }

    fn entries(
        &mut self,
        path: &Path,
        state: &WrittenState,
        bodies: OrderBodies,
        (trusts, bases): (&[TrustVersion], &[BasisEntry]),
    ) -> Result<Vec<OrderEntry>, StoreError> {
        let mut entries = Vec::new();
        for (index, approved) in state.orders.iter().enumerate() {
            let at = |fault| refuse(path, fault).at(format!("orders[{index}]"));
            let trust = find(trusts, approved.trust).map_err(at)?;
            let head = approved.head().map_err(at)?;
            let under = bases.iter().find(|under| {
                under.basis.key == head.basis.key && under.basis.digest() == head.basis.sha256
            });
            let under = under.ok_or_else(|| at(StateFault::NoBasis(head.basis.key.to_string())))?;
            let mut entry = OrderEntry {
                basis: Arc::clone(&under.basis),
                head: Arc::new(head),
                body: None,
                signers: Vec::new(),
                digest: approved.digest.clone(),
                file: approved.file.clone(),
                trust: approved.trust,
                installed_at: approved.installed_at,
                begun: approved.begun,
                ended: approved.ended,
                records: approved.records,
                matched: approved.matched.clone(),
            };
            if bodies == OrderBodies::Read {
                self.body(&mut entry, approved, trust)?;
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn revocations(
        &mut self,
        path: &Path,
        state: &WrittenState,
        trusts: &[TrustVersion],
    ) -> Result<Vec<Revoked>, StoreError> {
        let mut revocations = Vec::new();
        for (index, known) in state.revocations.iter().enumerate() {
            let at = |fault| refuse(path, fault).at(format!("revocations[{index}]"));
            let trust = find(trusts, known.trust).map_err(at)?;
            let (file, bytes) = self.read(&names::revocation(&known.file), &known.file)?;
            let revocation = Arc::new(verify_revocation(&file, &bytes, trust)?);
            revocations.push(Revoked { revocation, file: known.file.clone(), trust: known.trust });
        }
        Ok(revocations)
    }

    /// Reads approvals and agreements. They are always read, because they say what every order is for, even one
    /// that is over.
    fn bases(
        &mut self,
        path: &Path,
        state: &WrittenState,
        trusts: &[TrustVersion],
    ) -> Result<Vec<BasisEntry>, StoreError> {
        let mut bases = Vec::new();
        for (index, known) in state.bases.iter().enumerate() {
            let at = |fault| refuse(path, fault).at(format!("bases[{index}]"));
            let trust = find(trusts, known.trust).map_err(at)?;
            let (file, bytes) = self.read(&names::basis(&known.file), &known.file)?;
            let VerifiedDocument::Basis(verified) = verify_any(&file, &bytes, trust)? else {
                return Err(Rejection::new(file, StateFault::NotBasis).into());
            };
            bases.push(BasisEntry {
                basis: Arc::from(verified),
                file: known.file.clone(),
                trust: known.trust,
                installed_at: known.installed_at,
                ended: known.ended,
            });
        }
        Ok(bases)
    }

    /// Reads every version of the trust file; each must be signed under the one before.
    fn trusts(
        &mut self,
        path: &Path,
        state: &WrittenState,
    ) -> Result<Vec<TrustVersion>, StoreError> {
        let mut trusts: Vec<TrustVersion> = Vec::new();
        for (index, known) in state.trust.iter().enumerate() {
            let name = names::trust(known.version, index > 0);
            let (file, bytes) = self.read(&name, &known.file)?;
            let trust = match trusts.last() {
                None => Trust::parse(&file, &bytes)?,
                Some(before) => verify_rotation(&file, &bytes, &before.trust)?.get().clone(),
            };
            if trust.version() != known.version {
                let fault =
                    StateFault::TrustVersion { found: trust.version(), named: known.version };
                return Err(Rejection::new(file, fault).at("version").into());
            }
            trusts.push(TrustVersion { trust: Arc::new(trust), file: known.file.clone() });
        }
        if trusts.is_empty() {
            return Err(refuse(path, StateFault::NoTrust).at("trust").into());
        }
        Ok(trusts)
    }

    fn body(
        &mut self,
        entry: &mut OrderEntry,
        approved: &WrittenEntry,
        trust: &Trust,
    ) -> Result<(), StoreError> {
        let (file, bytes) = self.read(&names::order(&approved.file), &approved.file)?;
        if entry.ended.is_some() {
            return Ok(());
        }
        let order = verify_order(&file, &bytes, trust)?;
        if order.digest() != approved.digest || head(&order) != *entry.head {
            return Err(Rejection::new(file, StateFault::OtherOrder).into());
        }
        entry.signers = order.signers().to_vec();
        entry.body = Some(Arc::new(Mandate::join(&file, order, &entry.basis)?));
        Ok(())
    }

    /// Reads a file that the state names by its digest.
    fn read(&mut self, name: &str, digest: &str) -> Result<(String, Vec<u8>), StoreError> {
        let path = self.directory.join(name);
        let file = shown(&path);
        let read = self.disk.read(&path);
        let Some(bytes) = read.map_err(|source| StoreError::Io { path, source })? else {
            return Err(Rejection::new(file, StateFault::NoFile).into());
        };
        if super::digest(&bytes) != digest {
            return Err(Rejection::new(file, StateFault::FileChanged).into());
        }
        Ok((file, bytes))
    }
}

fn find(trusts: &[TrustVersion], version: u64) -> Result<&Trust, StateFault> {
    let known = trusts.iter().find(|known| known.trust.version() == version);
    known.map(|known| &*known.trust).ok_or(StateFault::UnknownTrust(version))
}
