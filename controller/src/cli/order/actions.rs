//! What each subcommand of `sekisho order` does, in terms of the `order` library.

use std::io::Write;
use std::path::Path;

use ed25519_dalek::VerifyingKey;

use super::advice::Advisor;
use super::{EntryArgs, KeygenArgs, OrderError, ShowArgs, SignArgs, TrustArgs, VerifyArgs};
use crate::durable::output;
use crate::files;
use crate::order::explain::{Explanation, Language};
use crate::order::trust::{KeyEntry, TrustedKey};
use crate::order::{
    Document, Envelope, Kind, Trust, VerifiedDocument, keys, load, notice, read_document, time,
    verify_any,
};
use crate::rejection::{Rejection, Requirement};

pub(super) fn keygen(args: &KeygenArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let key = keys::generate(getrandom::fill)
        .map_err(|error| OrderError::Failed(format!("the system gave no randomness: {error}")))?;
    // Before anything is written, so that a bad name leaves no key behind.
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
    let mut entries = Vec::new();
    for path in &args.entries {
        entries.push(TrustedKey::parse(&name(path), &read(path)?)?.entry());
    }
    for path in &args.revoked {
        let entry = TrustedKey::parse(&name(path), &read(path)?)?.entry();
        entries.push(KeyEntry { revoked: true, ..entry });
    }
    let draft = Trust::draft(args.trust_version, args.threshold, entries)?;
    // What is printed has passed the very check that a carrier will make.
    Trust::parse("the new trust file", draft.as_bytes())?;
    print(out, &draft)
}

pub(super) fn sign(args: &SignArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let (file, bytes) = (name(&args.file), read(&args.file)?);
    let mut envelope = if Envelope::is_likely(&bytes) {
        Envelope::parse(&file, &bytes)?
    } else {
        Envelope::unsigned(Kind::of_document(&file, &bytes)?, bytes)
    };
    read_document(&file, envelope.kind(), envelope.payload())?;
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
    let mut rejections = Vec::new();
    for path in args.orders.iter().chain(&args.envelopes) {
        match load::document(path, &trust) {
            Ok(document) => match advisor.consider(path, &document) {
                Ok(()) => print(out, &accepted(path, &document, &trust))?,
                Err(reasons) => rejections.extend(reasons),
            },
            Err(rejection) => rejections.push(rejection),
        }
    }
    if rejections.is_empty() { Ok(()) } else { Err(OrderError::Rejected(rejections)) }
}

fn accepted(file: &Path, document: &VerifiedDocument, trust: &Trust) -> String {
    let (what, signers) = match document {
        VerifiedDocument::Order(order) => (
            format!(
                "{}, {}, from {} until {}",
                order.key(),
                order.measure,
                time::tokyo(order.not_before),
                time::tokyo(order.not_after)
            ),
            order.signers(),
        ),
        VerifiedDocument::Revocation(revocation) => (
            format!(
                "revocation of order {} up to serial {}, effective at {}",
                revocation.order_id,
                revocation.serial,
                time::tokyo(revocation.effective_at)
            ),
            revocation.signers(),
        ),
        VerifiedDocument::Trust(new) => (
            format!(
                "trust file version {}, to replace version {}, {} of {} keys must sign",
                new.version(),
                trust.version(),
                new.threshold(),
                new.keys().iter().filter(|key| !key.is_revoked()).count()
            ),
            new.signers(),
        ),
    };
    let signers: Vec<&str> = signers.iter().map(|signer| signer.holder.as_str()).collect();
    format!("{}: accepted: {what}, signed by {}\n", file.display(), signers.join(", "))
}

pub(super) fn show(args: &ShowArgs, out: &mut dyn Write) -> Result<(), OrderError> {
    let (file, bytes) = (name(&args.file), read(&args.file)?);
    let signed = Envelope::is_likely(&bytes);
    if let Some(path) = &args.trust {
        let trust = load::trust(path)?;
        if !signed {
            let kind = Kind::of_document(&file, &bytes)?;
            let reason =
                format!("is {} without an envelope: nobody has signed it", kind.with_article());
            return Err(Rejection::new(file, reason).under(Requirement::Approve).into());
        }
        return print(out, &verified_text(&verify_any(&file, &bytes, &trust)?, args.lang));
    }
    let document = if signed {
        let envelope = Envelope::parse(&file, &bytes)?;
        read_document(&file, envelope.kind(), envelope.payload())?
    } else {
        read_document(&file, Kind::of_document(&file, &bytes)?, &bytes)?
    };
    print(out, &text(&document, args.lang))
}

fn verified_text(document: &VerifiedDocument, language: Language) -> String {
    match document {
        VerifiedDocument::Order(order) => {
            Explanation::new(order, Some(order.signers()), language).to_string()
        }
        VerifiedDocument::Revocation(revocation) => {
            notice::revocation(revocation, Some(revocation.signers())).in_language(language)
        }
        VerifiedDocument::Trust(trust) => {
            notice::trust(trust, Some(trust.signers())).in_language(language)
        }
    }
}

fn text(document: &Document, language: Language) -> String {
    match document {
        Document::Order(order) => Explanation::new(order, None, language).to_string(),
        Document::Revocation(revocation) => {
            notice::revocation(revocation, None).in_language(language)
        }
        Document::Trust(trust) => notice::trust(trust, None).in_language(language),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, OrderError> {
    files::read(path).map_err(|error| failed(path, &error))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

fn failed(path: &Path, error: &std::io::Error) -> OrderError {
    OrderError::Failed(format!("{}: {error}", path.display()))
}

fn print(out: &mut dyn Write, text: &str) -> Result<(), OrderError> {
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| OrderError::Failed(format!("standard output: {error}")))
}
