//! Ed25519 keys (RFC 8032) of those who sign documents: making, naming, and keeping them as PKCS#8 PEM files.
//! `trust` holds the public keys that are trusted.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::durable::output;
use crate::files;

mod told;

/// Why a key file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read or created.
    #[error("{file}: {source}")]
    Io {
        /// The key file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody else than its owner can read or write the file.
    #[error("{file}: mode {mode:04o} opens the private key to others than its owner (chmod 0600)")]
    Exposed {
        /// The key file.
        file: String,
        /// Its mode.
        mode: u32,
    },
    /// The file does not hold exactly one key of the kind that is asked for.
    #[error("{file}: not {wanted}: {found}")]
    Format {
        /// The key file.
        file: String,
        /// What is asked for.
        wanted: &'static str,
        /// What the file is.
        found: String,
    },
}

const PRIVATE: &str = "an Ed25519 private key in PKCS#8 PEM (openssl genpkey -algorithm ed25519)";
const EITHER: &str = "an Ed25519 key in PEM, private (PKCS#8) or public";

impl KeyError {
    fn format(file: &str, wanted: &'static str, bytes: &[u8]) -> Self {
        Self::Format { file: file.to_owned(), wanted, found: told::told(bytes) }
    }
}

/// Makes a key from 32 bytes of randomness (RFC 8032, section 5.1.5), which `fill` provides: the
/// operating system's outside tests.
///
/// # Errors
///
/// Whatever `fill` answers.
pub fn generate<E>(fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<SigningKey, E> {
    let mut seed = Zeroizing::new([0; 32]);
    fill(seed.as_mut_slice())?;
    Ok(SigningKey::from_bytes(&seed))
}

/// The name of a key in envelopes and trust files: the lower-case hexadecimal SHA-256 of its 32
/// bytes.
pub fn keyid(key: &VerifyingKey) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// Writes a key as PKCS#8 version 1 in PEM (RFC 8410, section 7), byte for byte as
/// `openssl genpkey -algorithm ed25519` does. Version 2, with the public key inside, is what
/// older OpenSSL releases cannot read.
///
/// # Errors
///
/// [`KeyError::Format`] if the encoder fails, which it has no reason to do.
pub fn to_pem(key: &SigningKey) -> Result<Zeroizing<String>, KeyError> {
    KeypairBytes { secret_key: key.to_bytes(), public_key: None }
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeyError::format("new key", PRIVATE, b""))
}

/// Reads a key from PKCS#8 PEM. Version 2 is read too, if its public key fits the private one.
///
/// # Errors
///
/// [`KeyError::Format`] for anything else.
pub fn from_pem(file: &str, bytes: &[u8]) -> Result<SigningKey, KeyError> {
    private(bytes).ok_or_else(|| KeyError::format(file, PRIVATE, bytes))
}

fn private(bytes: &[u8]) -> Option<SigningKey> {
    let pem = std::str::from_utf8(bytes).ok()?;
    // The decoder would read the first of several blocks, which need not be the one that was meant.
    (told::labels(pem).len() == 1).then(|| SigningKey::from_pkcs8_pem(pem).ok()).flatten()
}

fn public(bytes: &[u8]) -> Option<VerifyingKey> {
    let pem = std::str::from_utf8(bytes).ok()?;
    (told::labels(pem) == ["PUBLIC KEY"])
        .then(|| VerifyingKey::from_public_key_pem(pem).ok())
        .flatten()
}

/// Reads the file of a private key.
///
/// # Errors
///
/// [`KeyError`], naming the file.
pub fn read(path: &Path) -> Result<SigningKey, KeyError> {
    let KeyFile { name, bytes, mode } = KeyFile::read(path)?;
    // The mode only matters once the file does hold a private key.
    let key = from_pem(&name, &bytes)?;
    unexposed(name, mode).map(|()| key)
}

/// Reads a public key from a file that holds it (`SubjectPublicKeyInfo` in PEM, RFC 8410, section 4, as
/// `openssl pkey -pubout` writes it) or that holds the private key.
///
/// # Errors
///
/// [`KeyError`], naming the file.
pub fn read_public(path: &Path) -> Result<VerifyingKey, KeyError> {
    let KeyFile { name, bytes, mode } = KeyFile::read(path)?;
    if let Some(key) = public(&bytes) {
        return Ok(key);
    }
    let key = private(&bytes).ok_or_else(|| KeyError::format(&name, EITHER, &bytes))?;
    unexposed(name, mode).map(|()| key.verifying_key())
}

struct KeyFile {
    name: String,
    bytes: Zeroizing<Vec<u8>>,
    mode: u32,
}

impl KeyFile {
    fn read(path: &Path) -> Result<Self, KeyError> {
        let name = path.display().to_string();
        let failed = |source| KeyError::Io { file: name.clone(), source };
        let mode = files::open_regular(path).and_then(|key| key.metadata()).map_err(failed)?.mode();
        let bytes = files::read_at_most(path, files::SMALL).map_err(failed)?;
        Ok(Self { name, bytes: Zeroizing::new(bytes), mode })
    }
}

fn unexposed(file: String, mode: u32) -> Result<(), KeyError> {
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { file, mode: mode & 0o7777 });
    }
    Ok(())
}

/// Writes a new key file that only its owner can read. An existing file is never overwritten: it
/// may be the only copy of a key.
///
/// # Errors
///
/// [`KeyError`], naming the file.
pub fn write_new(path: &Path, key: &SigningKey) -> Result<(), KeyError> {
    let pem = to_pem(key)?;
    output::create_private(path, pem.as_bytes())
        .map_err(|source| KeyError::Io { file: path.display().to_string(), source })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::os::unix::fs::PermissionsExt;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// RFC 8032, section 7.1, TEST 1.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

    fn sample() -> SigningKey {
        generate(|bytes| {
            hex::decode_to_slice(SEED, bytes).unwrap();
            Ok::<(), Infallible>(())
        })
        .unwrap()
    }

    #[test]
    fn the_seed_is_the_private_key() {
        assert_eq!(hex::encode(sample().verifying_key().as_bytes()), PUBLIC);
        assert_eq!(
            keyid(&sample().verifying_key()),
            // printf of the 32 bytes into sha256sum
            "21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9"
        );
        assert_eq!(generate(|_| Err("no randomness")).unwrap_err(), "no randomness");
    }

    #[test]
    fn pem_is_what_openssl_writes() {
        let pem = to_pem(&sample()).unwrap();
        let lines: Vec<&str> = pem.lines().collect();
        let [first, body, last] = lines.as_slice() else { panic!("three lines: {lines:?}") };
        assert_eq!((*first, *last), ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"));
        assert!(pem.ends_with('\n'));
        let der = STANDARD.decode(body).unwrap();
        // SEQUENCE { INTEGER 0, SEQUENCE { OID 1.3.101.112 }, OCTET STRING { OCTET STRING } }
        assert_eq!(hex::encode(&der), format!("302e020100300506032b657004220420{SEED}"));
        assert_eq!(from_pem("k", pem.as_bytes()).unwrap().to_bytes(), sample().to_bytes());
    }

    const PUBLIC_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
                              MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                              -----END PUBLIC KEY-----\n";

    #[test]
    fn other_files_are_told_what_they_are() {
        let block = |label: &str, body: &str| {
            format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
        };
        let pem = to_pem(&sample()).unwrap().to_string();
        let body = pem.lines().nth(1).unwrap();
        let der = |pem: &str| STANDARD.decode(pem.lines().nth(1).unwrap()).unwrap();
        let cases: [(Vec<u8>, &str); 19] = [
            ("".into(), "the file is empty"),
            (" \n".into(), "the file is empty"),
            (PUBLIC_PEM.into(), "this is a public key"),
            (
                PUBLIC_PEM.replace("K2Vw", "K2Vu").into(),
                "this is a public key, and one of X25519, not of Ed25519",
            ),
            (PUBLIC_PEM.replace("MCow", "MCox").into(), "this is a public key, and damaged"),
            (
                block("ENCRYPTED PRIVATE KEY", body).into(),
                "this key is encrypted; `openssl pkey` writes it without the passphrase",
            ),
            (
                block("OPENSSH PRIVATE KEY", body).into(),
                "this key is in OpenSSH's format, which is not read; `sekisho order keygen` makes one",
            ),
            (
                block("RSA PRIVATE KEY", body).into(),
                "this is a key of another algorithm (RSA PRIVATE KEY)",
            ),
            (pem.replace("K2VwBCIE", "K2VuBCIE").into(), "this is a key of X25519, not of Ed25519"),
            (
                pem.replace("K2VwBCIE", "KoUDBCIE").into(),
                "this is a key of algorithm 1.2.643, not of Ed25519",
            ),
            (pem.replace("BCIEI", "BCIEA").into(), "the key inside is damaged"),
            (block("PRIVATE KEY", &body[1..]).into(), "the PEM block is damaged"),
            ("-----BEGIN PRIVATE KEY-----".into(), "the PEM block is damaged"),
            (block("X\u{1b}[2J", body).into(), "this is a PEM block of another kind (X\\u{1b}[2J)"),
            (
                [pem.as_str(), PUBLIC_PEM].concat().into(),
                "the file holds 2 PEM blocks (PRIVATE KEY, PUBLIC KEY), and a key has a file of its own",
            ),
            (der(&pem), "this is DER; `openssl pkey -inform DER` makes PEM of it"),
            (
                der(PUBLIC_PEM),
                "this is a public key in DER; `openssl pkey -pubin -inform DER` makes PEM of it",
            ),
            (
                "ssh-ed25519 AAAAC3Nz chair".into(),
                "this is a public key in OpenSSH's format, which is not read",
            ),
            ("{\"keyid\": 1}".into(), "this is JSON, perhaps a key's entry for the trust file"),
        ];
        for (bytes, found) in cases {
            let error = from_pem("k.pem", &bytes).expect_err(found);
            assert_eq!(error.to_string(), format!("k.pem: not {PRIVATE}: {found}"));
        }
        for (bytes, found) in [
            (&b"\xff"[..], "this is no text, so it is not PEM"),
            (b"key", "there is no PEM block in the file"),
        ] {
            assert!(from_pem("k", bytes).unwrap_err().to_string().ends_with(found));
        }
    }

    #[test]
    fn the_public_key_is_read_from_either_half() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &[u8]| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
            path
        };
        let private = directory.path().join("chair.pem");
        write_new(&private, &sample()).unwrap();
        let open = file("public.pem", PUBLIC_PEM.as_bytes());
        for path in [&private, &open] {
            assert_eq!(hex::encode(read_public(path).unwrap().as_bytes()), PUBLIC);
        }
        // It is not the mode that keeps a public key from signing.
        let refusal = read(&open).unwrap_err().to_string();
        assert!(refusal.ends_with("this is a public key"), "{refusal}");
        let exposed = file("exposed.pem", to_pem(&sample()).unwrap().as_bytes());
        assert!(matches!(read_public(&exposed), Err(KeyError::Exposed { .. })));
        let neither = file("entry.json", b"{}");
        let refusal = read_public(&neither).unwrap_err().to_string();
        assert!(
            refusal.contains("not an Ed25519 key in PEM, private (PKCS#8) or public: this is JSON")
        );
    }

    #[test]
    fn a_key_that_others_can_read_signs_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chair.pem");
        write_new(&path, &sample()).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let refusal = read(&path).unwrap_err().to_string();
            let words = format!("chair.pem: mode {mode:04o} opens the private key to others");
            assert!(refusal.contains(&words), "{refusal}");
        }
    }

    #[test]
    fn key_files_are_private_and_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("chair.pem");
        write_new(&path, &sample()).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(read(&path).unwrap().to_bytes(), sample().to_bytes());

        let other = generate(|bytes| {
            bytes.fill(7);
            Ok::<(), Infallible>(())
        })
        .unwrap();
        assert!(matches!(write_new(&path, &other), Err(KeyError::Io { .. })));
        assert_eq!(read(&path).unwrap().to_bytes(), sample().to_bytes());
    }
}
