//! The DSSE envelope (secure-systems-lab "Dead Simple Signing Envelope", version 1.0.2) in which signed
//! documents travel: reading, writing and signing it. `verified` checks signatures.
//!
//! As the specification has it, both alphabets of base64 are read (RFC 4648, sections 4 and 5), and
//! `keyid` is a hint: a signature without one is tried against the keys that are trusted. Three points
//! are stricter, so that every envelope has one reading only (L-APPROVE): unknown fields are refused, base64 is
//! canonical (section 3.5) and in one alphabet at a time, and a `keyid` has our form.

use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use base64::{DecodeError, Engine};
use ed25519_dalek::{SIGNATURE_LENGTH, Signature, Signer, SigningKey, VerifyingKey};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};

use super::kind::DocumentKind;
use super::{json, keys};
use crate::rejection::Rejection;

/// The most signatures of one envelope that may name no key. Each is tried against every trusted key, so this
/// bounds the work.
const MOST_UNNAMED: usize = 16;

/// The bytes of a document, its kind, and the signatures over both, unchecked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    #[serde(
        rename = "payloadType",
        deserialize_with = "DocumentKind::of_payload_type",
        serialize_with = "payload_type"
    )]
    kind: DocumentKind,
    #[serde(deserialize_with = "decode", serialize_with = "encode")]
    payload: Vec<u8>,
    #[serde(deserialize_with = "signatures")]
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope, unchecked.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSignature {
    #[serde(default, deserialize_with = "keyid", skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    #[serde(deserialize_with = "signature", serialize_with = "encode_signature")]
    sig: Signature,
}

impl EnvelopeSignature {
    /// The name of the key that the signature claims to be by, if it names one.
    pub fn keyid(&self) -> Option<&str> {
        self.keyid.as_deref()
    }

    /// The signature itself.
    pub const fn signature(&self) -> &Signature {
        &self.sig
    }
}

/// A refusal to sign: the key has already signed the envelope.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the key {keyid} has already signed")]
pub struct AlreadySigned {
    /// The name of the key.
    pub keyid: String,
}

impl Envelope {
    /// An envelope around `payload` that nobody has signed yet.
    pub const fn unsigned(kind: DocumentKind, payload: Vec<u8>) -> Self {
        Self { kind, payload, signatures: Vec::new() }
    }

    /// Reads an envelope; no signature is checked.
    ///
    /// # Errors
    ///
    /// A [`Rejection`] that names the field.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, Rejection> {
        json::parse(file, bytes)
    }

    /// Whether a file looks like an envelope rather than a document, judged by its first field.
    pub fn is_likely(bytes: &[u8]) -> bool {
        json::first_key(bytes)
            .is_some_and(|key| ["payload", "payloadType", "signatures"].contains(&key.as_str()))
    }

    /// The kind of document that the payload is signed as.
    pub const fn kind(&self) -> DocumentKind {
        self.kind
    }

    /// The bytes that were signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The signatures, unchecked.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// The message that each signature signs.
    pub fn message(&self) -> Vec<u8> {
        pae(self.kind.payload_type(), &self.payload)
    }

    /// Which of `keys` made a signature, whatever key it names. At most one did: Ed25519 hashes the key along
    /// with the message, and strict verification refuses the weak keys for which that does not help.
    pub fn maker<K>(
        &self,
        signature: &EnvelopeSignature,
        keys: impl IntoIterator<Item = K>,
        public: impl Fn(&K) -> &VerifyingKey,
    ) -> Option<K> {
        let message = self.message();
        keys.into_iter().find(|key| public(key).verify_strict(&message, &signature.sig).is_ok())
    }

    /// Adds a signature by `key`, after those that are there.
    ///
    /// # Errors
    ///
    /// [`AlreadySigned`] if a signature of this key is there.
    pub fn sign(&mut self, key: &SigningKey) -> Result<(), AlreadySigned> {
        let keyid = keys::keyid(&key.verifying_key());
        // Ed25519 is deterministic, so a signature by this key is recognised even if it names no key.
        let sig = key.sign(&self.message());
        let is_there = |there: &EnvelopeSignature| {
            there.keyid.as_ref().map_or(there.sig == sig, |name| *name == keyid)
        };
        if self.signatures.iter().any(is_there) {
            return Err(AlreadySigned { keyid });
        }
        self.signatures.push(EnvelopeSignature { keyid: Some(keyid), sig });
        Ok(())
    }

    /// Writes the envelope as JSON.
    ///
    /// # Errors
    ///
    /// None that could be provoked; serialisation is fallible by its type.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

/// The pre-authentication encoding (DSSE protocol.md): type and body with their lengths, so that
/// no two pairs give the same message.
pub fn pae(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len());
    let mut message = Vec::with_capacity(head.len() + body.len());
    message.extend_from_slice(head.as_bytes());
    message.extend_from_slice(body);
    message
}

/// Why a text is not base64 in its canonical form. Positions count bytes from 0.
#[derive(Debug, thiserror::Error)]
enum Base64Fault {
    #[error("is not canonical base64: digits of the standard and of the URL-safe alphabet")]
    BothAlphabets,
    #[error("is not canonical base64: padding inside, at {0}")]
    PaddingInside(usize),
    #[error("is not canonical base64: no base64 digit at {0}")]
    NoDigit(usize),
    #[error("is not canonical base64: {0} digits cannot be whole")]
    Length(usize),
    #[error("is not canonical base64: the unused bits at the end are not 0")]
    UnusedBits,
    #[error("is not canonical base64: the padding at the end is wrong")]
    Padding,
}

/// Decodes canonical base64 in the standard or the URL-safe alphabet: DSSE asks verifiers to take both. One
/// text uses one of them.
fn from_base64(text: &str) -> Result<Vec<u8>, Base64Fault> {
    let url_safe = text.bytes().any(|byte| matches!(byte, b'-' | b'_'));
    let alphabet = if url_safe { &URL_SAFE } else { &STANDARD };
    alphabet.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(position, byte) => match byte {
            b'+' | b'/' => Base64Fault::BothAlphabets,
            b'=' => Base64Fault::PaddingInside(position),
            _ => Base64Fault::NoDigit(position),
        },
        DecodeError::InvalidLength(length) => Base64Fault::Length(length),
        DecodeError::InvalidLastSymbol(..) => Base64Fault::UnusedBits,
        DecodeError::InvalidPadding => Base64Fault::Padding,
    })
}

fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    json::text(deserializer, "base64 in a string", from_base64)
}

fn encode<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's `serialize_with` calls it so")]
fn payload_type<S: Serializer>(kind: &DocumentKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.payload_type())
}

fn encode_signature<S: Serializer>(sig: &Signature, serializer: S) -> Result<S::Ok, S::Error> {
    encode(&sig.to_bytes(), serializer)
}

fn signature<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
    let bytes = decode(deserializer)?;
    let length = bytes.len();
    let bytes: [u8; SIGNATURE_LENGTH] = bytes.try_into().map_err(|_| {
        D::Error::custom(format!("is {length} bytes long, but Ed25519 signatures have 64"))
    })?;
    Ok(Signature::from_bytes(&bytes))
}

/// Refuses more than [`MOST_UNNAMED`] signatures without a name.
fn signatures<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<EnvelopeSignature>, D::Error> {
    let list: Vec<EnvelopeSignature> = json::objects(deserializer)?;
    if list.iter().filter(|signature| signature.keyid.is_none()).count() > MOST_UNNAMED {
        let reason = format!("more than {MOST_UNNAMED} of them name no key");
        return Err(D::Error::custom(reason));
    }
    Ok(list)
}

/// A text, quoted, that is not the name of a key.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not 64 lower-case hexadecimal digits")]
struct NoKeyid(String);

/// Reads a `keyid`. In DSSE an empty one means the same as none.
fn keyid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    json::text(deserializer, "a keyid in a string", |text| {
        if text.is_empty() {
            return Ok(None);
        }
        // A key has one spelling, so that it cannot be counted twice.
        let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Some(text.to_owned()))
        } else {
            Err(NoKeyid(json::quote(text)))
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::samples;
    use super::*;

    #[test]
    fn pre_authentication_encoding_of_the_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
        // Lengths are counted in bytes, not in characters.
        assert_eq!(pae("é", "あ".as_bytes()), "DSSEv1 2 é 3 あ".as_bytes());
    }

    #[test]
    fn what_is_written_can_be_read() {
        let mut envelope = Envelope::unsigned(DocumentKind::Order, b"{}".to_vec());
        envelope.sign(&samples::key(1)).unwrap();
        envelope.sign(&samples::key(2)).unwrap();
        assert!(
            envelope.sign(&samples::key(1)).unwrap_err().to_string().ends_with("already signed")
        );
        let json = envelope.to_json().unwrap();
        assert!(Envelope::is_likely(json.as_bytes()));
        assert!(!Envelope::is_likely(br#"{"schema":""}"#));
        let again = Envelope::parse("e", json.as_bytes()).unwrap();
        assert_eq!(again.payload(), b"{}");
        assert_eq!(again.signatures().len(), 2);
        let fields: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(fields["payloadType"], "application/vnd.sekisho.order+json");
        assert_eq!(fields["payload"], "e30=");
    }

    #[test]
    fn both_alphabets_say_the_same() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut envelope = Envelope::unsigned(DocumentKind::Order, bytes.clone());
        envelope.sign(&samples::key(1)).unwrap();
        let standard = envelope.to_json().unwrap();
        let mut fields: Value = serde_json::from_str(&standard).unwrap();
        fields["payload"] = json!(URL_SAFE.encode(&bytes));
        assert!(fields["payload"].as_str().unwrap().contains(['-', '_']));
        let sig = envelope.signatures()[0].signature().to_bytes();
        fields["signatures"][0]["sig"] = json!(URL_SAFE.encode(sig));
        let again = Envelope::parse("e", fields.to_string().as_bytes()).unwrap();
        // What we write is in the standard alphabet again.
        assert_eq!(again.to_json().unwrap(), standard);
    }

    #[test]
    fn a_signature_without_a_name_is_known_by_its_maker() {
        let mut envelope = Envelope::unsigned(DocumentKind::Order, b"{}".to_vec());
        envelope.sign(&samples::key(1)).unwrap();
        let keys = [2, 1, 3].map(|number| samples::key(number).verifying_key());
        for nameless in [json!({}), json!({"keyid": ""})] {
            let mut fields: Value = serde_json::from_str(&envelope.to_json().unwrap()).unwrap();
            let mut nameless = nameless;
            nameless["sig"] = fields["signatures"][0]["sig"].clone();
            fields["signatures"][0] = nameless;
            let mut read = Envelope::parse("e", fields.to_string().as_bytes()).unwrap();
            let signature = read.signatures()[0].clone();
            assert_eq!(signature.keyid(), None);
            let maker =
                |keys: &[VerifyingKey]| read.maker(&signature, keys, |key| key).map(keys::keyid);
            assert_eq!(maker(&keys), Some(keys::keyid(&keys[1])));
            assert_eq!(maker(&keys[2..]), None);
            assert!(!read.to_json().unwrap().contains("keyid"));
            read.sign(&samples::key(1)).unwrap_err();
            read.sign(&samples::key(2)).unwrap();
        }
    }

    #[test]
    fn refusals() {
        let keyid = "ab".repeat(32);
        let sig = STANDARD.encode([1; 64]);
        let good = json!({
            "payloadType": DocumentKind::Order.payload_type(), "payload": "e30=",
            "signatures": [{"keyid": keyid, "sig": sig}],
        });
        assert!(Envelope::parse("e", good.to_string().as_bytes()).is_ok());
        let base64 = |why: &str| format!("e: payload: is not canonical base64: {why}");
        for (pointer, value, expected) in [
            ("/payload", json!("e30"), base64("the padding at the end is wrong")),
            ("/payload", json!("e30=="), base64("padding inside, at 3")),
            ("/payload", json!("e31="), base64("the unused bits at the end are not 0")),
            ("/payload", json!("e30=\n"), base64("no base64 digit at 4")),
            ("/payload", json!("e3 0="), base64("no base64 digit at 2")),
            (
                "/payload",
                json!("_-+0"),
                base64("digits of the standard and of the URL-safe alphabet"),
            ),
            ("/payload", json!("_-3"), base64("the padding at the end is wrong")),
            ("/payload", json!("e"), base64("1 digits cannot be whole")),
            ("/payload", json!(null), "e: payload: expected base64 in a string, found null".into()),
            (
                "/payloadType",
                json!("application/json"),
                "e: payloadType: is `application/json`, but only `application/vnd.sekisho.approval+json`, `application/vnd.sekisho.agreement+json`, `application/vnd.sekisho.order+json`, `application/vnd.sekisho.revocation+json` and `application/vnd.sekisho.trust+json` are known".into(),
            ),
            ("/signatures", json!({}), "e: signatures: expected a list, found an object".into()),
            (
                "/signatures/0/keyid",
                json!("AB".repeat(32)),
                format!("e: signatures[0].keyid: `{}…` is not 64 lower-case hexadecimal digits", "AB".repeat(30)),
            ),
            (
                "/signatures/0/keyid",
                json!(null),
                "e: signatures[0].keyid: expected a keyid in a string, found null".into(),
            ),
            (
                "/signatures",
                json!(vec![json!({"sig": sig}); MOST_UNNAMED + 1]),
                "e: signatures: more than 16 of them name no key".into(),
            ),
            (
                "/signatures/0/sig",
                json!("e30="),
                "e: signatures[0].sig: is 2 bytes long, but Ed25519 signatures have 64".into(),
            ),
            (
                "/signatures/0/sig",
                json!(sig.trim_end_matches('=')),
                "e: signatures[0].sig: is not canonical base64: the padding at the end is wrong".into(),
            ),
        ] {
            let mut envelope = good.clone();
            *envelope.pointer_mut(pointer).unwrap() = value;
            let refusal =
                Envelope::parse("e", envelope.to_string().as_bytes()).unwrap_err().to_string();
            assert!(refusal.starts_with(&expected), "{refusal}\n{expected}");
        }
        let mut unknown = good;
        unknown["signatures"][0]["cert"] = json!("");
        let refusal = Envelope::parse("e", unknown.to_string().as_bytes()).unwrap_err();
        assert!(
            refusal.to_string().starts_with("e: signatures[0].cert: is no field that is known")
        );
    }
}
