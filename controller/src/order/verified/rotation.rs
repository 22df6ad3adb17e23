//! The gate for new trust files: one replaces another only if the roles of both agree (L-APPROVE). The registry
//! keeps trust files and knows which one is in force.
//!
//! The payload of the envelope is the new trust file itself, byte for byte.

use super::signatures::{self, Asked};
use super::{Verified, digest, expect};
use crate::order::envelope::Envelope;
use crate::order::json::{Faults, JsonPath};
use crate::order::kind::DocumentKind;
use crate::order::role::Role;
use crate::order::trust::Trust;
use crate::rejection::{Rejections, TrustFault};

/// The roles that must sign every version.
const ALWAYS: [Role; 2] = [Role::Commission, Role::CabinetOffice];

/// Verifies and reads a trust file that is to replace `old`.
///
/// As with orders, one unknown, revoked, repeated or wrong signature spoils the envelope. Here a signature may be
/// by a key of either file. Then:
///
/// - The commission and the Cabinet Office sign by the threshold of the old file and by that of the new file. A
///   key in both counts for both.
/// - Every other role whose keys or threshold change signs in the same way: a new role by its new keys, and a
///   role that goes by its old keys.
/// - A key that either file revokes signs nothing, not even its own revocation. If the new file revokes so many
///   keys of such another role that the rest cannot reach its threshold, its old keys are not asked: otherwise a
///   stolen key could never be replaced (our reading).
/// - The new version is above the old one.
/// - The new file revokes every key that the old one revokes: a revoked key never comes back.
///
/// The payload is not read before enough keys of the old file's commission and Cabinet Office have signed it.
///
/// # Errors
///
/// All that is wrong.
pub fn verify_rotation(
    file: &str,
    bytes: &[u8],
    old: &Trust,
) -> Result<Verified<Trust>, Rejections> {
    rotation(file, &expect(file, bytes, DocumentKind::Trust)?, old)
}

pub(in crate::order) fn rotation(
    file: &str,
    envelope: &Envelope,
    old: &Trust,
) -> Result<Verified<Trust>, Rejections> {
    let mut faults = Faults::new(file);
    signatures::of_one(envelope, old, &ALWAYS, &mut faults);
    faults.end()?;
    let new = Trust::parse(file, envelope.payload())?;
    let mut faults = Faults::new(file);
    goes_on(old, &new, &mut faults);
    let signers = signatures::of_both(envelope, [old, &new], &asked(old, &new), &mut faults);
    faults.end()?;
    Ok(Verified { value: new, signers, digest: digest(envelope) })
}

fn goes_on(old: &Trust, new: &Trust, faults: &mut Faults) {
    let (new_version, version) = (new.version(), old.version());
    if new_version <= version {
        let fault = TrustFault::Version { new: new_version, old: version };
        faults.add(&JsonPath::top().field("version"), fault);
    }
    for key in old.revoked().difference(new.revoked()) {
        let fault = TrustFault::Forgotten { key: key.clone(), version };
        faults.add(&JsonPath::top().field("revoked"), fault);
    }
}

/// Which roles of which file must sign.
fn asked<'a>(old: &'a Trust, new: &'a Trust) -> Vec<Asked<'a>> {
    let mut asked = Vec::new();
    for role in old.thresholds().keys() {
        let always = ALWAYS.contains(role);
        let changes =
            old.threshold(role) != new.threshold(role) || old.keyids(role) != new.keyids(role);
        let revoked = |keyid: &&str| new.is_revoked(keyid) && !old.is_revoked(keyid);
        let all = old.keyids(role);
        let usable = all.iter().filter(|keyid| !old.is_revoked(keyid) && !revoked(keyid)).count();
        let reachable = old.threshold(role).is_some_and(|threshold| usable >= threshold);
        if always || (changes && reachable) {
            asked.push(Asked { trust: old, role });
        }
    }
    for role in new.thresholds().keys() {
        let changes =
            old.threshold(role) != new.threshold(role) || old.keyids(role) != new.keyids(role);
        if ALWAYS.contains(role) || changes {
            asked.push(Asked { trust: new, role });
        }
    }
    asked
}

#[cfg(test)]
mod tests;
