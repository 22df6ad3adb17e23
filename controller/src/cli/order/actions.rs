//! What each subcommand of `sekisho order` does, by means of the `order` room.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use ed25519_dalek::VerifyingKey;

use super::advice::Advisor;
use super::papers::Paper;
use super::text::{failed, name, print, read, without_comments};
use super::{
    EntryArgs, KeygenArgs, OrderError, RoleArg, ShowArgs, SignArgs, TrustArgs, VerifyArgs,
};
use crate::durable::output;

use crate::order::together::{Given, examine};
use crate::order::trust::{KeyEntry, RoleDraft, TrustedKey};
use crate::order::{
    Basis, Document, DocumentKind, Envelope, Mandate, Signer, Trust, check_draft, keys, load,
    read_document, time,
};

pub(super) fn keygen(args: &KeygenArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let key = keys::generate(getrandom::fill)
        .map_err(|error| OrderError::Failed(format!("the system gave no randomness: {error}")))?;
    // This comes before anything is written, so that a bad name leaves no key behind.
    let entry = entry_of(&key.verifying_key(), &args.holder)?;
    keys::write_new(&args.output, &key)?;
    print(out, &entry)
}

pub(super) fn entry(args: &EntryArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    print(out, &entry_of(&keys::read_public(&args.key)?, &args.holder)?)
}

fn entry_of(key: &VerifyingKey, holder: &str) -> Result<String, OrderError> {
    let trusted =
        TrustedKey::new(key, holder).map_err(|reason| OrderError::Usage(format!("--{reason}")))?;
    Ok(trusted.entry().to_json()?)
}

pub(super) fn trust(args: &TrustArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let mut roles = Vec::new();
    for RoleArg { role, threshold, entries } in &args.roles {
        let keys: Result<Vec<KeyEntry>, OrderError> =
            entries.iter().map(|path| entry_in(path)).collect();
        roles.push(RoleDraft { role: role.clone(), threshold: *threshold, keys: keys? });
    }
    let mut revoked = Vec::new();
    for key in &args.revoked {
        let text = key.to_string_lossy();
        let is_keyid = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        revoked.push(if is_keyid { text.into_owned() } else { entry_in(key)?.keyid });
    }
    let draft = Trust::draft(args.trust_version, &roles, &revoked)?;
    // Check what is printed as a carrier will.
    Trust::parse("the new trust file", draft.as_bytes())?;
    print(out, &draft)
}

fn entry_in(path: &Path) -> Result<KeyEntry, OrderError> {
    Ok(TrustedKey::parse(&name(path), &read(path)?)?.entry())
}

pub(super) fn sign(args: &SignArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let (file, bytes) = (name(&args.file), read(&args.file)?);
    let mut envelope = if Envelope::is_likely(&bytes) {
        Envelope::parse(&file, &bytes)?
    } else {
        let bytes = without_comments(bytes);
        Envelope::unsigned(DocumentKind::of_document(&file, &bytes)?, bytes)
    };
    let document = read_document(&file, envelope.kind(), envelope.payload())?;
    if let Some(under) = &args.under {
        let Document::Order(order) = &document else {
            let reason = "--under is for orders: only they rest on something";
            return Err(OrderError::Usage(reason.to_owned()));
        };
        let paper = Paper::read(under)?;
        let (basis, digest) = paper.basis()?;
        check_draft(&file, order, basis, digest)?;
    }
    for path in &args.keys {
        envelope
            .sign(&keys::read(path)?)
            .map_err(|error| OrderError::Failed(format!("{}: {error}", path.display())))?;
    }
    let json = envelope.to_json()?;
    match &args.output {
        None => print(out, &json),
        Some(path) => output::replace(path, json.as_bytes()).map_err(|error| failed(path, &error)),
    }
}

pub(super) fn verify(args: &VerifyArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let trust = load::trust(&args.trust)?;
    let advisor = Advisor::new(&args.direction, args.strict)?;
    let (mut given, mut rejections) = (Vec::new(), Vec::new());
    for path in args.orders.iter().chain(&args.envelopes) {
        match load::one(path) {
            Ok(file) => given.push(file),
            Err(rejection) => rejections.push(rejection),
        }
    }
    let (together, found) = examine(&given, &trust, &[]);
    rejections.extend(found);
    let mut lines: BTreeMap<usize, String> = BTreeMap::new();
    for (index, basis) in &together.bases {
        match advisor.basis(name_of(&given, *index), basis) {
            Ok(()) => {
                lines.insert(*index, line(&basis_words(basis), basis.signers()));
            }
            Err(rejection) => rejections.push(rejection),
        }
    }
    for (index, order) in &together.orders {
        match advisor.order(name_of(&given, *index), order) {
            Ok(()) => {
                lines.insert(*index, line(&order_words(order), order.signers()));
            }
            Err(reasons) => rejections.extend(reasons),
        }
    }
    for (index, revocation) in &together.revocations {
        let at = time::tokyo(revocation.effective_at);
        let words =
            format!("revocation of {} and every lower one, effective at {at}", revocation.ends);
        lines.insert(*index, line(&words, revocation.signers()));
    }
    for (index, new) in &together.trust {
        lines.insert(*index, line(&trust_words(new, &trust), new.signers()));
    }
    for (index, words) in lines {
        print(out, &format!("{}: accepted: {words}\n", name_of(&given, index)))?;
    }
    if rejections.is_empty() { Ok(()) } else { Err(OrderError::Rejected(rejections)) }
}

/// The name of the file at this position.
fn name_of(given: &[Given], index: usize) -> &str {
    given.get(index).map_or("", |given| given.file.as_str())
}

fn basis_words(basis: &Basis) -> String {
    let (from, until) = (time::tokyo(basis.not_before), time::tokyo(basis.not_after));
    format!("{}, {}, from {from} until {until}", basis.key, basis.measure())
}

fn order_words(order: &Mandate) -> String {
    let (from, until) = (time::tokyo(order.not_before), time::tokyo(order.not_after));
    let under = &order.basis().key;
    format!("{}, {}, under {under}, from {from} until {until}", order.key(), order.measure())
}

fn trust_words(new: &Trust, old: &Trust) -> String {
    let roles = new.thresholds().iter().map(|(role, threshold)| format!("{threshold} of {role}"));
    let roles: Vec<String> = roles.collect();
    let (version, before) = (new.version(), old.version());
    format!("trust file version {version}, to replace version {before}, {}", roles.join(", "))
}

fn line(words: &str, signers: &[Signer]) -> String {
    let signers: Vec<String> =
        signers.iter().map(|signer| format!("{} ({})", signer.holder, signer.role)).collect();
    format!("{words}, signed by {}", signers.join(", "))
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let trust = args.trust.as_ref().map(|path| load::trust(path)).transpose()?;
    let papers: Result<Vec<Paper>, OrderError> = args
        .files
        .iter()
        .map(|path| match &trust {
            None => Paper::read(path),
            Some(trust) => Paper::verified(path, trust),
        })
        .collect();
    let papers = papers?;
    let mut texts = Vec::new();
    for paper in &papers {
        texts.push(paper.explained(&papers, args.lang)?);
    }
    print(out, &texts.join("\n"))
}
