//! The trust file, schema `sekisho.trust/v2`, in the shape of TUF's root: which keys there are, in which
//! role each signs, and how many of a role it takes (L-APPROVE, L-AGREE). `verified` checks signatures, and
//! whether one trust file may replace another.
//!
//! A key has one role, and a holder has one key: nobody signs twice, or for two roles. A key that must no
//! longer count is listed in `revoked`, in this and every later version. A key that merely retires is left out of
//! the next version.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::VerifyingKey;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::json;
use super::keys;
use super::kind::DocumentKind;
use super::role::Role;
use crate::rejection::{FormFault, Reason, Rejection, Rejections, TrustFault};
use crate::text;

mod reading;

/// A key as `sekisho order keygen` and `order entry` print it. [`TrustedKey::parse`] checks it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// [`keys::keyid`] of the key.
    pub keyid: String,
    /// The 32 bytes of the public key, in lower-case hexadecimal digits.
    pub ed25519: String,
    /// Who holds the private key: free text on one line, in ASCII. No two keys have the same holder, unless one
    /// of them is revoked.
    pub holder: String,
}

impl KeyEntry {
    /// The entry for a public key.
    pub fn new(key: &VerifyingKey, holder: impl Into<String>) -> Self {
        Self {
            keyid: keys::keyid(key),
            ed25519: hex::encode(key.as_bytes()),
            holder: holder.into(),
        }
    }

    /// Writes the entry as JSON.
    ///
    /// # Errors
    ///
    /// None that could be provoked; serialisation is fallible by its type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }
}

/// What is wrong with a key's entry.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} {reason}")]
pub struct EntryFault {
    /// The field of [`KeyEntry`] that is wrong.
    pub field: &'static str,
    /// Why.
    pub reason: Reason,
}

/// A public key that may sign, and who holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedKey {
    keyid: String,
    key: VerifyingKey,
    holder: String,
    /// `None` for an entry alone, and for a revoked key that no role names.
    role: Option<Role>,
    revoked: bool,
}

impl TrustedKey {
    /// A key and who holds it.
    ///
    /// # Errors
    ///
    /// [`EntryFault`].
    pub fn new(key: &VerifyingKey, holder: &str) -> Result<Self, EntryFault> {
        Self::check(KeyEntry::new(key, holder))
    }

    /// Reads one entry, as `sekisho order keygen` prints it.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] that names the field.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Rejection> {
        let entry = json::parse(file, bytes)?;
        Self::check(entry)
            .map_err(|EntryFault { field, reason }| Rejection::new(file, reason).at(field))
    }

    fn check(entry: KeyEntry) -> Result<Self, EntryFault> {
        let KeyEntry { keyid, ed25519, holder } = entry;
        let wrong = |field, reason: Reason| EntryFault { field, reason };
        text::check(&holder).map_err(|fault| wrong("holder", FormFault::Text(fault).into()))?;
        if !holder.is_ascii() {
            return Err(wrong("holder", TrustFault::Ascii.into()));
        }
        let key = usable_key(&ed25519).map_err(|fault| wrong("ed25519", fault.into()))?;
        let own = keys::keyid(&key);
        if keyid != own {
            return Err(wrong("keyid", TrustFault::Keyid(own).into()));
        }
        Ok(Self { keyid, key, holder, role: None, revoked: false })
    }

    /// [`keys::keyid`] of the key.
    pub fn keyid(&self) -> &str {
        &self.keyid
    }

    /// The public key.
    pub const fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// Who holds the private key.
    pub fn holder(&self) -> &str {
        &self.holder
    }

    /// The role that it signs in. `None`: it is an entry alone, or revoked and in no role.
    pub const fn role(&self) -> Option<&Role> {
        self.role.as_ref()
    }

    /// Whether the key is revoked.
    pub const fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// The entry as it is printed.
    pub fn entry(&self) -> KeyEntry {
        KeyEntry::new(&self.key, &self.holder)
    }
}

/// Whether two names are of one holder. Case and the amount of white space do not count.
fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace()
        .map(str::to_ascii_lowercase)
        .eq(other.split_whitespace().map(str::to_ascii_lowercase))
}

/// Accepts only what key generation (RFC 8032, section 5.1.5) can produce: a point of the curve in
/// the large prime-order group. Anyone can sign for a weak key. A key outside that group can have
/// several encodings, hence several names, and count twice. A key inside it has one encoding: only points with y
/// below 19 have two, and of these only the neutral element is in the group, which is weak.
fn usable_key(digits: &str) -> Result<VerifyingKey, TrustFault> {
    let mut bytes = [0; 32];
    let lower = !digits.bytes().any(|byte| byte.is_ascii_uppercase());
    if !lower || hex::decode_to_slice(digits, &mut bytes).is_err() {
        return Err(TrustFault::Hex);
    }
    let key = VerifyingKey::from_bytes(&bytes).map_err(|_| TrustFault::NoPoint)?;
    if key.is_weak() {
        return Err(TrustFault::Weak);
    }
    if !key.to_edwards().is_torsion_free() {
        return Err(TrustFault::Mixed);
    }
    Ok(key)
}

/// A trust file that was checked in full.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    version: u64,
    keys: Vec<TrustedKey>,
    /// How many distinct keys of each role must sign; at least 1.
    thresholds: BTreeMap<Role, usize>,
    revoked: BTreeSet<String>,
    bytes: Box<[u8]>,
}

/// A role as it is to stand in a new trust file.
#[derive(Clone, Debug)]
pub struct RoleDraft {
    /// The role.
    pub role: Role,
    /// How many of its keys must sign.
    pub threshold: u64,
    /// Its keys.
    pub keys: Vec<KeyEntry>,
}

impl Trust {
    /// Reads and checks a trust file.
    ///
    /// # Errors
    ///
    /// All that is wrong, with the fields that are wrong.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Rejections> {
        reading::trust(file, bytes)
    }

    /// Writes a trust file without checking it: the caller should [`Trust::parse`] the result.
    ///
    /// # Errors
    ///
    /// None that could be provoked; serialisation is fallible by its type.
    pub fn draft(
        version: u64,
        roles: &[RoleDraft],
        revoked: &[String],
    ) -> Result<String, serde_json::Error> {
        let mut keys = serde_json::Map::new();
        let mut written = serde_json::Map::new();
        for RoleDraft { role, threshold, keys: entries } in roles {
            for entry in entries {
                let key = json!({"ed25519": entry.ed25519, "holder": entry.holder});
                keys.insert(entry.keyid.clone(), key);
            }
            let keyids: Vec<&str> = entries.iter().map(|entry| entry.keyid.as_str()).collect();
            let value = json!({"threshold": threshold, "keyids": keyids});
            written.insert(role.to_string(), value);
        }
        let trust: Value = json!({
            "schema": DocumentKind::Trust.schema(),
            "version": version,
            "keys": keys,
            "roles": written,
            "revoked": revoked,
        });
        Ok(serde_json::to_string_pretty(&trust)? + "\n")
    }

    /// Counts the versions of the file from 1.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The file, byte for byte as it was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The roles and how many distinct keys of each must sign.
    pub const fn thresholds(&self) -> &BTreeMap<Role, usize> {
        &self.thresholds
    }

    /// How many distinct keys of a role must sign. `None`: the file has no such role.
    pub fn threshold(&self, role: &Role) -> Option<usize> {
        self.thresholds.get(role).copied()
    }

    /// All keys of the file, also the revoked ones.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// The names of the keys of a role, also of revoked ones.
    pub fn keyids(&self, role: &Role) -> BTreeSet<&str> {
        let of = |key: &&TrustedKey| key.role.as_ref() == Some(role);
        self.keys.iter().filter(of).map(TrustedKey::keyid).collect()
    }

    /// The names of all revoked keys.
    pub const fn revoked(&self) -> &BTreeSet<String> {
        &self.revoked
    }

    /// Whether the file revokes the key of this name.
    pub fn is_revoked(&self, keyid: &str) -> bool {
        self.revoked.contains(keyid)
    }

    /// The key of this name, which may be revoked.
    pub fn key(&self, keyid: &str) -> Option<&TrustedKey> {
        self.keys.iter().find(|key| key.keyid == keyid)
    }
}

#[cfg(test)]
mod tests;
