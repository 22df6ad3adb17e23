//! Reading a trust file. All faults of it are reported.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;

use super::{EntryFault, KeyEntry, Trust, TrustedKey, is_same};
use crate::order::json::{self, Faults, Fields, JsonPath, quote};
use crate::order::kind::DocumentKind;
use crate::order::name;
use crate::order::role::Role;
use crate::rejection::{FormFault, Rejections, TrustFault};

pub(super) fn trust(file: &str, bytes: &[u8]) -> Result<Trust, Rejections> {
    let mut faults = Faults::new(file);
    let trust = read(bytes, &mut faults);
    faults.or(trust)
}

fn read(bytes: &[u8], faults: &mut Faults) -> Option<Trust> {
    let mut fields = Fields::of_document(bytes, faults)?;
    if !json::schema(&mut fields, DocumentKind::Trust.schema(), faults) {
        return None;
    }
    let version = name::count(&mut fields, "version", faults);
    let revoked = revoked(&mut fields, faults);
    let keys = fields.object("keys", faults).and_then(|keys| read_keys(keys, faults));
    let roles = fields.object("roles", faults).map(|roles| read_roles(roles, faults));
    fields.end(faults);
    let (revoked, mut keys, roles) = (revoked?, keys?, roles?);
    for key in &mut keys {
        key.revoked = revoked.contains(&key.keyid);
    }
    give_roles(&mut keys, &roles, faults);
    one_key_each(&keys, faults);
    let thresholds = thresholds(&keys, &roles, faults);
    let bytes = bytes.into();
    Some(Trust { version: version?, keys, thresholds, revoked, bytes })
}

fn revoked(fields: &mut Fields<'_>, faults: &mut Faults) -> Option<BTreeSet<String>> {
    let list: Vec<String> = fields.take("revoked", faults)?;
    Some(keyids(&fields.at("revoked"), list, faults))
}

/// Checks a list of names of keys, of which none may stand there twice.
fn keyids(here: &JsonPath, list: Vec<String>, faults: &mut Faults) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for (index, keyid) in list.into_iter().enumerate() {
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if keyid.len() != 64 || !keyid.bytes().all(digit) {
            faults.add(&here.member(index), TrustFault::Hex);
        } else if !seen.insert(keyid.clone()) {
            faults.add(&here.member(index), FormFault::Again(quote(&keyid)));
        }
    }
    seen
}

/// Reads all keys. `None`: one of them is wrong.
fn read_keys(keys: Fields<'_>, faults: &mut Faults) -> Option<Vec<TrustedKey>> {
    let read = |(keyid, here, value): (String, JsonPath, &RawValue)| {
        let mut fields = Fields::of_value(here.clone(), value, faults)?;
        let ed25519 = fields.take("ed25519", faults);
        let holder = fields.take("holder", faults);
        fields.end(faults);
        let entry = KeyEntry { keyid, ed25519: ed25519?, holder: holder? };
        match TrustedKey::check(entry) {
            Ok(key) => Some(key),
            Err(EntryFault { field, reason }) => {
                // The key's name is the key of the JSON object, not a field in it.
                let here = if field == "keyid" { here } else { here.field(field) };
                faults.add(&here, reason);
                None
            }
        }
    };
    let read: Vec<Option<TrustedKey>> = keys.names().into_iter().map(read).collect();
    read.into_iter().collect()
}

/// A role as it was read.
struct RoleFields {
    role: Role,
    here: JsonPath,
    threshold: u64,
    keyids: Vec<String>,
}

fn read_roles(roles: Fields<'_>, faults: &mut Faults) -> Vec<RoleFields> {
    let mut read = Vec::new();
    for (name, here, value) in roles.names() {
        let role = Role::parse(&name);
        if role.is_none() {
            faults.add(&here, TrustFault::Role(quote(&name)));
        }
        let Some(mut fields) = Fields::of_value(here.clone(), value, faults) else { continue };
        let threshold = fields.take("threshold", faults);
        let list: Option<Vec<String>> = fields.take("keyids", faults);
        let place = fields.at("keyids");
        fields.end(faults);
        let (Some(role), Some(threshold), Some(list)) = (role, threshold, list) else { continue };
        // Only for its faults: the list is kept in its order, for their positions.
        keyids(&place, list.clone(), faults);
        read.push(RoleFields { role, here, threshold, keyids: list });
    }
    for (role, name) in [(Role::Commission, "commission"), (Role::CabinetOffice, "cabinet-office")]
    {
        if !read.iter().any(|written| written.role == role) {
            faults.add(&JsonPath::top().field("roles"), TrustFault::NoRole(name));
        }
    }
    read
}

/// Gives each key its role, and reports keys with two roles or none.
fn give_roles(keys: &mut [TrustedKey], roles: &[RoleFields], faults: &mut Faults) {
    for written in roles {
        for (index, keyid) in written.keyids.iter().enumerate() {
            let here = written.here.field("keyids").member(index);
            let Some(key) = keys.iter_mut().find(|key| key.keyid == *keyid) else {
                faults.add(&here, TrustFault::UnknownKey(quote(keyid)));
                continue;
            };
            match &key.role {
                Some(other) if *other != written.role => {
                    let (key, other) = (key.keyid.clone(), other.to_string());
                    faults.add(&here, TrustFault::TwoRoles { key, other });
                }
                _ => key.role = Some(written.role.clone()),
            }
        }
    }
    for key in keys.iter().filter(|key| key.role.is_none() && !key.revoked) {
        faults.add(&JsonPath::top().field("keys").field(&key.keyid), TrustFault::Idle);
    }
}

/// Checks that no holder has two usable keys: one person would count twice.
fn one_key_each(keys: &[TrustedKey], faults: &mut Faults) {
    let usable: Vec<&TrustedKey> = keys.iter().filter(|key| !key.revoked).collect();
    for (index, key) in usable.iter().enumerate() {
        let mut before = usable.iter().take(index);
        if let Some(other) = before.find(|other| is_same(&other.holder, &key.holder)) {
            let here = JsonPath::top().field("keys").field(&key.keyid).field("holder");
            faults.add(&here, TrustFault::Holder(other.keyid.clone()));
        }
    }
}

fn thresholds(
    keys: &[TrustedKey],
    roles: &[RoleFields],
    faults: &mut Faults,
) -> BTreeMap<Role, usize> {
    let mut thresholds = BTreeMap::new();
    for RoleFields { role, here, threshold, keyids } in roles {
        let of_role = |key: &&TrustedKey| !key.revoked && keyids.contains(&key.keyid);
        let usable = keys.iter().filter(of_role).count();
        let number = usize::try_from(*threshold).unwrap_or(usize::MAX);
        if number == 0 || number > usable {
            let fault = TrustFault::Threshold { threshold: *threshold, usable };
            faults.add(&here.field("threshold"), fault);
        }
        thresholds.insert(role.clone(), number);
    }
    thresholds
}
