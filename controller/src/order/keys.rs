//! Ed25519 keys (RFC 8032) of those who sign orders: made, named, and kept as PKCS#8 PEM files.
//! Public keys that are trusted are in `trust`.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, KeypairBytes};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::durable::output;
use crate::files;

/// Why a key file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read, or not be created.
    #[error("{file}: {source}")]
    Io {
        /// The key file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// Others than its owner can read the file, or write it.
    #[error("{file}: mode {mode:04o} opens the private key to others than its owner (chmod 0600)")]
    Exposed {
        /// The key file.
        file: String,
        /// Its mode.
        mode: u32,
    },
    /// The file is not a PKCS#8 PEM file that holds an Ed25519 private key.
    #[error(
        "{file}: not an Ed25519 private key in PKCS#8 PEM (openssl genpkey -algorithm ed25519)"
    )]
    Format {
        /// The key file.
        file: String,
    },
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
/// [`KeyError::Format`] should the encoder fail, which it has no reason to.
pub fn to_pem(key: &SigningKey) -> Result<Zeroizing<String>, KeyError> {
    KeypairBytes { secret_key: key.to_bytes(), public_key: None }
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeyError::Format { file: "new key".to_owned() })
}

/// Reads a key from PKCS#8 PEM. Version 2 is read too; its public key must then be the right one.
///
/// # Errors
///
/// [`KeyError::Format`] for anything else.
pub fn from_pem(file: &str, pem: &str) -> Result<SigningKey, KeyError> {
    SigningKey::from_pkcs8_pem(pem).map_err(|_| KeyError::Format { file: file.to_owned() })
}

/// Reads a key file.
///
/// # Errors
///
/// [`KeyError`], naming the file.
pub fn read(path: &Path) -> Result<SigningKey, KeyError> {
    let file = path.display().to_string();
    let failed = |source| KeyError::Io { file: file.clone(), source };
    let mode = files::open_regular(path).and_then(|key| key.metadata()).map_err(failed)?.mode();
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { file, mode: mode & 0o7777 });
    }
    let bytes = files::read_at_most(path, files::SMALL).map_err(failed)?;
    let bytes = Zeroizing::new(bytes);
    let pem = std::str::from_utf8(&bytes).map_err(|_| KeyError::Format { file: file.clone() })?;
    from_pem(&file, pem)
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
        assert_eq!(from_pem("k", &pem).unwrap().to_bytes(), sample().to_bytes());
    }

    #[test]
    fn other_files_are_no_keys() {
        let public = "-----BEGIN PUBLIC KEY-----\n\
                      MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n\
                      -----END PUBLIC KEY-----\n";
        let x25519 = to_pem(&sample()).unwrap().replace("K2VwBCIE", "K2VuBCIE");
        for pem in ["", "-----BEGIN PRIVATE KEY-----", public, &x25519] {
            let error = from_pem("k.pem", pem).expect_err(pem);
            assert!(error.to_string().starts_with("k.pem: not an Ed25519 private key"));
        }
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
