//! Faults of trust files (L-APPROVE).

/// What is wrong with keys and roles.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustFault {
    /// Not the name of a role; quoted.
    #[error("{0} is no role; there are commission, cabinet-office, carrier and party:<id>")]
    Role(String),
    /// A role is missing that every trust file must have.
    #[error("the role {0} must be there")]
    NoRole(&'static str),
    /// A role names a key that the file does not have; quoted.
    #[error("the key {0} is not among `keys`")]
    UnknownKey(String),
    /// A key in two roles.
    #[error("the key {key} has the role {other} already, and a key has one role")]
    TwoRoles {
        /// Its name.
        key: String,
        /// The role that names it first.
        other: String,
    },
    /// A key that no role names.
    #[error("has no role, and is not revoked")]
    Idle,
    /// A threshold that cannot be reached, or of 0.
    #[error("{threshold} is not within 1 to {usable}, the number of its keys that are not revoked")]
    Threshold {
        /// The threshold as written.
        threshold: u64,
        /// How many keys of the role are not revoked.
        usable: usize,
    },
    /// A holder of two keys; the name of the other key.
    #[error("holds the key {0} as well, and one holder has one key")]
    Holder(String),
    /// Characters that can look like others.
    #[error("holds characters outside of ASCII, which can look like others")]
    Ascii,
    /// Not a SHA-256 or a key in hexadecimal digits.
    #[error("is not 64 lower-case hexadecimal digits")]
    Hex,
    /// Not a point of the curve.
    #[error("is not a point of the Ed25519 curve")]
    NoPoint,
    /// A point of small order.
    #[error("is a weak key (a point of small order): anyone could sign for it")]
    Weak,
    /// A point outside of the large group.
    #[error("is not a key that Ed25519 key generation can produce")]
    Mixed,
    /// A name that is not the key's; the right name.
    #[error("is not the SHA-256 of the key, which is {0}")]
    Keyid(String),
    /// A version that is not above the one it is to replace.
    #[error("{new} is not above {old}, the version it is to replace")]
    Version {
        /// The version of the new file.
        new: u64,
        /// The version of the old file.
        old: u64,
    },
    /// A key that the old file revokes and the new one does not.
    #[error("the key {key}, revoked by version {version}, must stay revoked")]
    Forgotten {
        /// Its name.
        key: String,
        /// The version of the old file.
        version: u64,
    },
    /// A version above the one in force, which no envelope has brought into force.
    #[error(
        "is {theirs}, but version {ours} is in force; a new trust file comes into force with \
         `sekisho trust rotate`, in an envelope that old and new keys have signed"
    )]
    NotRotated {
        /// The version of the file.
        theirs: u64,
        /// The version in force.
        ours: u64,
    },
    /// A version that was accepted before with other contents.
    #[error("is {0}, but another file of that version was accepted before")]
    OtherContents(u64),
}
