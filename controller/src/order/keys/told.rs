//! Says what a file is that was given as a key and is not one that we take: "not a key" alone would send people
//! looking in the wrong place. The parent module reads keys.

use ed25519_dalek::pkcs8::spki::SubjectPublicKeyInfoRef;
use ed25519_dalek::pkcs8::spki::der::SecretDocument;
use ed25519_dalek::pkcs8::{ObjectIdentifier, PrivateKeyInfo};

use crate::shown::shown;

/// RFC 8410, section 3; RFC 8017, appendix A.1; RFC 5480, section 2.1.1.
const ALGORITHMS: [(&str, &str); 5] = [
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.113549.1.1.1", "RSA"),
    ("1.2.840.10045.2.1", "elliptic-curve"),
];
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The labels of the PEM blocks of a text (RFC 7468), in order.
pub(super) fn labels(text: &str) -> Vec<&str> {
    text.lines().filter_map(label).collect()
}

fn label(line: &str) -> Option<&str> {
    line.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")
}

/// Says what the file is, in one clause.
pub(super) fn told(bytes: &[u8]) -> String {
    if bytes.trim_ascii().is_empty() {
        return "the file is empty".to_owned();
    }
    if PrivateKeyInfo::try_from(bytes).is_ok() {
        return "this is DER; `openssl pkey -inform DER` makes PEM of it".to_owned();
    }
    if SubjectPublicKeyInfoRef::try_from(bytes).is_ok() {
        return "this is a public key in DER; `openssl pkey -pubin -inform DER` makes PEM of it"
            .to_owned();
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return "this is no text, so it is not PEM".to_owned();
    };
    match labels(text).as_slice() {
        [] => without_blocks(text.trim_start()).to_owned(),
        [label] => block(label, text),
        labels => format!(
            "the file holds {} PEM blocks ({}), and a key has a file of its own",
            labels.len(),
            shown(labels.join(", ").as_ref())
        ),
    }
}

fn without_blocks(text: &str) -> &'static str {
    if ["ssh-", "ecdsa-", "sk-", "---- BEGIN SSH2"].iter().any(|start| text.starts_with(start)) {
        "this is a public key in OpenSSH's format, which is not read"
    } else if text.starts_with('{') {
        "this is JSON, perhaps a key's entry for the trust file"
    } else {
        "there is no PEM block in the file"
    }
}

fn block(label: &str, text: &str) -> String {
    match label {
        "ENCRYPTED PRIVATE KEY" => {
            "this key is encrypted; `openssl pkey` writes it without the passphrase".to_owned()
        }
        "OPENSSH PRIVATE KEY" => {
            "this key is in OpenSSH's format, which is not read; `sekisho order keygen` makes one"
                .to_owned()
        }
        "PUBLIC KEY" => match decoded(text, public_algorithm) {
            Some(ED25519) => "this is a public key".to_owned(),
            Some(other) => format!("this is a public key, and one of {}", algorithm(other)),
            None => "this is a public key, and damaged".to_owned(),
        },
        "PRIVATE KEY" => match decoded(text, private_algorithm) {
            Some(ED25519) => "the key inside is damaged".to_owned(),
            Some(other) => format!("this is a key of {}", algorithm(other)),
            None => "the PEM block is damaged".to_owned(),
        },
        "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "DSA PRIVATE KEY" => {
            format!("this is a key of another algorithm ({label})")
        }
        label => format!("this is a PEM block of another kind ({})", shown(label.as_ref())),
    }
}

fn decoded(
    text: &str,
    algorithm: fn(&[u8]) -> Option<ObjectIdentifier>,
) -> Option<ObjectIdentifier> {
    let (_, der) = SecretDocument::from_pem(text).ok()?;
    algorithm(der.as_bytes())
}

fn private_algorithm(der: &[u8]) -> Option<ObjectIdentifier> {
    Some(PrivateKeyInfo::try_from(der).ok()?.algorithm.oid)
}

fn public_algorithm(der: &[u8]) -> Option<ObjectIdentifier> {
    Some(SubjectPublicKeyInfoRef::try_from(der).ok()?.algorithm.oid)
}

fn algorithm(oid: ObjectIdentifier) -> String {
    let number = oid.to_string();
    let known = ALGORITHMS.iter().find(|(known, _)| *known == number);
    let name = known.map_or_else(|| format!("algorithm {number}"), |(_, name)| (*name).to_owned());
    format!("{name}, not of Ed25519")
}
