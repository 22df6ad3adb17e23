//! Signed documents for the tests of this directory: keys, the documents of `corpus/bases.json`,
//! and envelopes around them.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::LazyLock;

use controller::order::{Envelope, Kind, Trust, keys};
use ed25519_dalek::SigningKey;
use serde_json::Value;

/// The same key for the same number.
pub(crate) fn key(number: u8) -> SigningKey {
    keys::generate(|bytes| {
        bytes.fill(number);
        Ok::<(), Infallible>(())
    })
    .unwrap()
}

/// A text with the keys in the place of their numbers: `{keyid:7}`, `{key:7}`.
pub(crate) fn filled(text: &str) -> String {
    static PLACEHOLDERS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
        let both = |number| {
            let public = key(number).verifying_key();
            [
                (format!("{{keyid:{number}}}"), keys::keyid(&public)),
                (format!("{{key:{number}}}"), hex::encode(public.as_bytes())),
            ]
        };
        (1..=9).flat_map(both).collect()
    });
    PLACEHOLDERS.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// The documents that are accepted.
pub(crate) struct Bases {
    pub(crate) documents: BTreeMap<String, Value>,
    /// The trust file that judges.
    pub(crate) trust: Trust,
}

impl Bases {
    pub(crate) fn new() -> Self {
        let text = filled(include_str!("../corpus/bases.json"));
        let documents: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        let trust = Trust::parse("trust.json", documents["trust"].to_string().as_bytes()).unwrap();
        Self { documents, trust }
    }

    pub(crate) fn text(&self, base: &str) -> String {
        self.documents[base].to_string()
    }
}

/// A document in its envelope, signed by the keys of these numbers.
pub(crate) fn sealed(kind: Kind, document: impl AsRef<[u8]>, signers: &[u8]) -> Vec<u8> {
    let mut envelope = Envelope::unsigned(kind, document.as_ref().to_vec());
    for signer in signers {
        envelope.sign(&key(*signer)).unwrap();
    }
    envelope.to_json().unwrap().into_bytes()
}
