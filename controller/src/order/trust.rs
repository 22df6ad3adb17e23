//! The trust file, schema `sekisho.trust/v1`: whose signatures make an order an approved one, and
//! how many it takes (L-APPROVE). Checking signatures, and whether one trust file may take the place
//! of another, is in `verified`.
//!
//! A key that must not count any more is marked `"revoked": true` and stays in the file, so that
//! every version names each key that was ever revoked; one that merely retires is left out of the
//! next version.

use std::collections::HashMap;

use ed25519_dalek::VerifyingKey;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::{json, keys};
use crate::rejection::{Rejection, Requirement};
use crate::text;

/// A key in a trust file as it is written; what it says is checked by [`TrustedKey::parse`].
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// [`keys::keyid`] of the key.
    pub keyid: String,
    /// The 32 bytes of the public key, in lower-case hexadecimal digits.
    pub ed25519: String,
    /// Who holds the private key: free text on one line, in ASCII. Of the keys that are not revoked no two
    /// have the same holder.
    pub holder: String,
    /// Whether the key signs nothing any more; left out of the file where it does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revoked: bool,
}

impl KeyEntry {
    /// The entry for a public key.
    pub fn new(key: &VerifyingKey, holder: impl Into<String>) -> Self {
        Self {
            keyid: keys::keyid(key),
            ed25519: hex::encode(key.as_bytes()),
            holder: holder.into(),
            revoked: false,
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

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(deserialize_with = "schema")]
    schema: String,
    version: u64,
    threshold: u64,
    #[serde(deserialize_with = "json::objects")]
    keys: Vec<KeyEntry>,
}

fn schema<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = Kind::Trust.schema();
    json::exactly(deserializer, name).map(|()| name.to_owned())
}

/// A public key that may sign orders, and who holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TrustedKey {
    keyid: String,
    key: VerifyingKey,
    holder: String,
    revoked: bool,
}

impl TrustedKey {
    /// A key and who holds it.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong with the holder or the key.
    pub fn new(key: &VerifyingKey, holder: &str) -> Result<Self, String> {
        Self::check(KeyEntry::new(key, holder))
            .map_err(|(field, reason)| format!("{field} {reason}"))
    }

    /// Reads one entry, as `sekisho order keygen` prints it.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] that names the field.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Rejection> {
        let entry = json::parse(file, bytes)?;
        Self::check(entry).map_err(|(field, reason)| Rejection::new(file, reason).at(field))
    }

    fn check(entry: KeyEntry) -> Result<Self, (&'static str, String)> {
        text::check(&entry.holder).map_err(|reason| ("holder", reason))?;
        if !entry.holder.is_ascii() {
            let reason = "holds characters outside of ASCII, which can look like others";
            return Err(("holder", reason.to_owned()));
        }
        let mut bytes = [0; 32];
        let lower = !entry.ed25519.bytes().any(|byte| byte.is_ascii_uppercase());
        if !lower || hex::decode_to_slice(&entry.ed25519, &mut bytes).is_err() {
            return Err(("ed25519", "is not 64 lower-case hexadecimal digits".to_owned()));
        }
        let key = usable_key(&bytes).map_err(|reason| ("ed25519", reason.to_owned()))?;
        let keyid = keys::keyid(&key);
        if entry.keyid != keyid {
            return Err(("keyid", format!("is not the SHA-256 of the key, which is {keyid}")));
        }
        Ok(Self { keyid, key, holder: entry.holder, revoked: entry.revoked })
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

    /// Whether the key signs nothing any more.
    pub const fn is_revoked(&self) -> bool {
        self.revoked
    }

    /// The entry as it stands in a trust file.
    pub fn entry(&self) -> KeyEntry {
        KeyEntry { revoked: self.revoked, ..KeyEntry::new(&self.key, &self.holder) }
    }
}

/// Whether two names are of one holder: whatever their case and the white space within.
fn is_same(one: &str, other: &str) -> bool {
    one.split_whitespace()
        .map(str::to_ascii_lowercase)
        .eq(other.split_whitespace().map(str::to_ascii_lowercase))
}

/// Accepts only what key generation (RFC 8032, section 5.1.5) can produce: a point of the curve in
/// the large prime-order group. Under a weak key anyone can make signatures; a key outside that
/// group can have several encodings, hence several names, and count twice. Inside it no encoding
/// but the canonical one exists: of the points with y below 19, which alone have two, only the
/// neutral element is in the group, and that one is weak.
fn usable_key(bytes: &[u8; 32]) -> Result<VerifyingKey, &'static str> {
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| "is not a point of the Ed25519 curve")?;
    if key.is_weak() {
        return Err("is a weak key (a point of small order): anyone could sign for it");
    }
    if !key.to_edwards().is_torsion_free() {
        return Err("is not a key that Ed25519 key generation can produce");
    }
    Ok(key)
}

/// A trust file that was checked in full.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trust {
    version: u64,
    threshold: usize,
    keys: Vec<TrustedKey>,
    bytes: Box<[u8]>,
}

impl Trust {
    /// Reads and checks a trust file.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] that names the field.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Rejection> {
        let written: Written = json::parse(file, bytes)?;
        if written.version == 0 {
            return Err(Rejection::new(file, "versions count from 1").at("version"));
        }
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut keys = Vec::new();
        for (index, entry) in written.keys.into_iter().enumerate() {
            let key = TrustedKey::check(entry).map_err(|(field, reason)| {
                Rejection::new(file, reason).at(format!("keys[{index}].{field}"))
            })?;
            // The keyid is a function of the key, so this also finds the same key twice.
            if let Some(first) = seen.insert(key.keyid.clone(), index) {
                return Err(Rejection::new(file, format!("is the same key as keys[{first}]"))
                    .at(format!("keys[{index}].keyid"))
                    .under(Requirement::Approve));
            }
            // Two keys would let one person count twice; a revoked key counts for nobody.
            let same = |other: &TrustedKey| !other.revoked && is_same(&other.holder, &key.holder);
            if let Some(first) = keys.iter().position(same).filter(|_| !key.revoked) {
                let reason = format!("holds keys[{first}] as well, and one holder has one key");
                return Err(Rejection::new(file, reason)
                    .at(format!("keys[{index}].holder"))
                    .under(Requirement::Approve));
            }
            keys.push(key);
        }
        let threshold = usize::try_from(written.threshold).unwrap_or(usize::MAX);
        let usable = keys.iter().filter(|key| !key.revoked).count();
        if threshold == 0 || threshold > usable {
            return Err(Rejection::new(
                file,
                format!(
                    "{threshold} is not within 1 to {usable}, the number of keys that are not \
                     revoked"
                ),
            )
            .at("threshold")
            .under(Requirement::Approve));
        }
        Ok(Self { version: written.version, threshold, keys, bytes: bytes.into() })
    }

    /// Writes a trust file of `keys`. It is not checked here: [`Trust::parse`] what comes out.
    ///
    /// # Errors
    ///
    /// None that could be provoked; serialisation is fallible by its type.
    pub fn draft(
        version: u64,
        threshold: u64,
        keys: Vec<KeyEntry>,
    ) -> Result<String, serde_json::Error> {
        let written = Written { schema: Kind::Trust.schema().to_owned(), version, threshold, keys };
        Ok(serde_json::to_string_pretty(&written)? + "\n")
    }

    /// Counts the versions of the file from 1.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The file, byte for byte as it was read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many distinct keys must have signed a document; at least 1.
    pub const fn threshold(&self) -> usize {
        self.threshold
    }

    /// All keys of the file, also the revoked ones, in file order.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// Whether the file marks the key of this name as revoked.
    pub fn is_revoked(&self, keyid: &str) -> bool {
        self.key(keyid).is_some_and(TrustedKey::is_revoked)
    }

    /// The key of this name, which may be revoked.
    pub fn key(&self, keyid: &str) -> Option<&TrustedKey> {
        self.keys.iter().find(|key| key.keyid == keyid)
    }
}

#[cfg(test)]
mod tests;
