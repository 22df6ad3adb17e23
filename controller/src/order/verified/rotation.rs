//! The gate of new trust files: one takes the place of another only if the keys of both agree
//! (L-APPROVE). Where trust files are kept, and which one is in force, is not known here.
//!
//! The payload of the envelope is the new trust file itself, byte for byte.

use super::{Verified, digest, signatures};
use crate::order::envelope::Envelope;
use crate::order::kind::Kind;
use crate::order::trust::Trust;
use crate::rejection::{Rejection, Requirement};

/// Verifies and reads a trust file that is to take the place of `old`.
///
/// As with orders, one signature that is unknown, revoked, doubled or wrong spoils the envelope;
/// here a signature may be by a key of either file. Then:
///
/// - at least the threshold of the old file's keys, and at least the threshold of the new file's,
///   have signed; a key of both counts for both;
/// - a key that either file marks as revoked signs nothing, not even its own end;
/// - the new version is above the old one: neither a downgrade nor another file of the same version;
/// - whatever the old file revokes the new one revokes too: a revoked key never comes back, and no
///   version forgets one.
///
/// The payload is not read before enough keys of the old file have signed it.
///
/// # Errors
///
/// The first [`Rejection`].
pub fn verify_rotation(
    file: &str,
    bytes: &[u8],
    old: &Trust,
) -> Result<Verified<Trust>, Rejection> {
    rotation(file, &Envelope::parse(file, bytes)?, old)
}

pub(super) fn rotation(
    file: &str,
    envelope: &Envelope,
    old: &Trust,
) -> Result<Verified<Trust>, Rejection> {
    envelope.expect(file, Kind::Trust)?;
    signatures::enough_of_old(file, envelope, old)?;
    let new = Trust::parse(file, envelope.payload())?;
    newer(file, old, &new)?;
    still_revoked(file, old, &new)?;
    let signers = signatures::also_by_new(file, envelope, old, &new)?;
    Ok(Verified { value: new, signers, digest: digest(envelope) })
}

fn newer(file: &str, old: &Trust, new: &Trust) -> Result<(), Rejection> {
    if new.version() > old.version() {
        return Ok(());
    }
    let reason =
        format!("{} is not above {}, the version it is to replace", new.version(), old.version());
    Err(Rejection::new(file, reason).at("version").under(Requirement::Approve))
}

fn still_revoked(file: &str, old: &Trust, new: &Trust) -> Result<(), Rejection> {
    let gone = old.keys().iter().find(|key| key.is_revoked() && !new.is_revoked(key.keyid()));
    let Some(gone) = gone else { return Ok(()) };
    let (field, what) = match new.keys().iter().position(|key| key.keyid() == gone.keyid()) {
        Some(index) => (format!("keys[{index}].revoked"), "stays revoked"),
        None => ("keys".to_owned(), "must stay listed as revoked"),
    };
    let reason = format!(
        "the key {} of {}, revoked by version {}, {what}",
        gone.keyid(),
        gone.holder(),
        old.version()
    );
    Err(Rejection::new(file, reason).at(field).under(Requirement::Approve))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::order::keys;
    use crate::order::samples::{key, signed_as};
    use crate::order::trust::KeyEntry;

    /// A trust file over the keys of these numbers; negative ones are revoked.
    fn file(version: u64, threshold: u64, numbers: &[i8]) -> String {
        let entry = |n: &i8| KeyEntry {
            revoked: *n < 0,
            ..KeyEntry::new(&key(n.unsigned_abs()).verifying_key(), format!("holder {}", n.abs()))
        };
        Trust::draft(version, threshold, numbers.iter().map(entry).collect()).unwrap()
    }

    fn old() -> Trust {
        Trust::parse("old.json", file(4, 3, &[1, 2, 3, 4, 5, -6]).as_bytes()).unwrap()
    }

    fn rotate(new: &str, signers: &[u8]) -> Result<Verified<Trust>, String> {
        let envelope = signed_as(Kind::Trust, new, signers);
        verify_rotation("t.json", envelope.as_bytes(), &old()).map_err(|error| error.to_string())
    }

    fn keyid(number: u8) -> String {
        keys::keyid(&key(number).verifying_key())
    }

    #[test]
    fn both_thresholds_make_a_new_trust_file() {
        for (new, signers) in [
            // The same keys, two of them new, all but one new, a higher threshold.
            (file(5, 3, &[1, 2, 3, 4, 5, -6]), &[1, 2, 3][..]),
            (file(9, 3, &[1, 2, 3, 7, 8, -6]), &[1, 2, 3]),
            (file(5, 3, &[1, 7, 8, 9, -6]), &[2, 7, 1, 9, 3]),
            (file(5, 4, &[1, 2, 3, 4, 5, -6]), &[1, 2, 3, 4]),
            (file(5, 2, &[7, 8, -6]), &[1, 2, 3, 7, 8]),
            // A key is revoked by the others.
            (file(5, 3, &[1, 2, 3, -4, 5, -6]), &[1, 2, 3]),
        ] {
            let trust = rotate(&new, signers).unwrap();
            assert_eq!(trust.bytes(), new.as_bytes());
            let by: Vec<&str> = trust.signers().iter().map(|s| s.holder.as_str()).collect();
            let expected: Vec<String> = signers.iter().map(|n| format!("holder {n}")).collect();
            assert_eq!(by, expected);
        }
    }

    #[test]
    fn one_threshold_is_not_enough() {
        assert_eq!(
            rotate(&file(5, 2, &[7, 8, -6]), &[1, 2, 7, 8]).unwrap_err(),
            "t.json: signatures: 2 of the 3 signatures needed by keys of version 4 [L-APPROVE]"
        );
        assert_eq!(
            rotate(&file(5, 2, &[7, 8, -6]), &[1, 2, 3, 7]).unwrap_err(),
            "t.json: signatures: 1 of the 2 signatures needed by keys of version 5 [L-APPROVE]"
        );
        // An unsigned change of the payload leaves no signature of the old keys.
        let mut envelope: Value =
            serde_json::from_str(&signed_as(Kind::Trust, &file(5, 1, &[1, 2, 3, -6]), &[1, 2, 3]))
                .unwrap();
        let other: Value =
            serde_json::from_str(&signed_as(Kind::Trust, &file(5, 1, &[9, -6]), &[9])).unwrap();
        envelope["payload"] = other["payload"].clone();
        let text = envelope.to_string();
        assert_eq!(
            verify_rotation("t.json", text.as_bytes(), &old()).unwrap_err().to_string(),
            "t.json: signatures[0].sig: is not a signature of this trust file by holder 1 [L-APPROVE]"
        );
    }

    #[test]
    fn signatures_by_others_spoil_it() {
        let new = file(5, 3, &[1, 2, 3, 7, -6]);
        assert_eq!(
            rotate(&new, &[1, 2, 3, 9]).unwrap_err(),
            format!("t.json: signatures[3].keyid: the key {} is not trusted [L-APPROVE]", keyid(9))
        );
        assert_eq!(
            rotate(&new, &[1, 2, 3, 6]).unwrap_err(),
            "t.json: signatures[3].keyid: the key of holder 6 is revoked by version 4 of the trust \
             file [L-APPROVE]"
        );
        // Whom the new file revokes cannot help to bring it in.
        assert_eq!(
            rotate(&file(5, 2, &[1, 2, -3, 4, -6]), &[1, 2, 4, 3]).unwrap_err(),
            "t.json: signatures[3].keyid: the key of holder 3 is revoked by version 5 of the trust \
             file [L-APPROVE]"
        );
        // New keys are held to the same: each once, and each its own signature.
        for (change, expected) in [
            (
                Value::Null,
                format!(
                    "t.json: signatures[4].keyid: the key {} has signed twice [L-APPROVE]",
                    keyid(7)
                ),
            ),
            (
                json!(keyid(7)),
                "t.json: signatures[3].sig: is not a signature of this trust file by holder 7 \
                 [L-APPROVE]"
                    .to_owned(),
            ),
        ] {
            let mut envelope: Value =
                serde_json::from_str(&signed_as(Kind::Trust, &new, &[1, 2, 3, 7])).unwrap();
            let list = envelope["signatures"].as_array_mut().unwrap();
            if change.is_null() {
                list.push(list[3].clone());
            } else {
                list[3]["sig"] = list[0]["sig"].clone();
            }
            let text = envelope.to_string();
            let refusal = verify_rotation("t.json", text.as_bytes(), &old()).unwrap_err();
            assert_eq!(refusal.to_string(), expected);
        }
    }

    #[test]
    fn versions_only_rise() {
        for version in [1, 3, 4] {
            assert_eq!(
                rotate(&file(version, 3, &[1, 2, 3, -6]), &[1, 2, 3]).unwrap_err(),
                format!(
                    "t.json: version: {version} is not above 4, the version it is to replace \
                     [L-APPROVE]"
                )
            );
        }
    }

    #[test]
    fn a_revoked_key_never_comes_back() {
        let id = keyid(6);
        assert_eq!(
            rotate(&file(5, 3, &[1, 2, 3, 6]), &[1, 2, 3]).unwrap_err(),
            format!(
                "t.json: keys[3].revoked: the key {id} of holder 6, revoked by version 4, stays \
                 revoked [L-APPROVE]"
            )
        );
        assert_eq!(
            rotate(&file(5, 3, &[1, 2, 3]), &[1, 2, 3]).unwrap_err(),
            format!(
                "t.json: keys: the key {id} of holder 6, revoked by version 4, must stay listed as \
                 revoked [L-APPROVE]"
            )
        );
    }

    #[test]
    fn the_payload_is_not_read_before_the_old_keys_have_signed_it() {
        assert!(rotate("[[[", &[1, 2]).unwrap_err().contains("2 of the 3 signatures needed"));
        assert!(rotate("[[[", &[1, 2, 3]).unwrap_err().contains("expected an object"));
    }
}
