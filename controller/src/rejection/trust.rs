//! Faults of trust files (L-APPROVE).

/// What is wrong with keys and roles.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TrustFault {
    /// No role of that name.
    #[error("{0} is no role; there are commission, cabinet-office, carrier and party:<id>")]
    Role(String),
    /// A role that every trust file has.
    #[error("the role {0} must be there")]
    NoRole(&'static str),
    /// A role names a key that is not there.
    #[error("the key {0} is not among `keys`")]
    UnknownKey(String),
    /// A key of two roles.
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
    /// A threshold that nobody can reach, or that all do.
    #[error("{threshold} is not within 1 to {usable}, the number of its keys that are not revoked")]
    Threshold {
        /// As it is written.
        threshold: u64,
        /// How many keys there are.
        usable: usize,
    },
    /// Two keys of one holder.
    #[error("holds the key {0} as well, and one holder has one key")]
    Holder(String),
    /// Characters that can look like others.
    #[error("holds characters outside of ASCII, which can look like others")]
    Ascii,
    /// No key in hexadecimal digits.
    #[error("is not 64 lower-case hexadecimal digits")]
    Hex,
    /// No point of the curve.
    #[error("is not a point of the Ed25519 curve")]
    NoPoint,
    /// A point of small order.
    #[error("is a weak key (a point of small order): anyone could sign for it")]
    Weak,
    /// A point outside of the large group.
    #[error("is not a key that Ed25519 key generation can produce")]
    Mixed,
    /// A name that is not the key's.
    #[error("is not the SHA-256 of the key, which is {0}")]
    Keyid(String),
    /// A version that does not go on.
    #[error("{new} is not above {old}, the version it is to replace")]
    Version {
        /// Of the new file.
        new: u64,
        /// Of the old one.
        old: u64,
    },
    /// A revoked key that comes back.
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
