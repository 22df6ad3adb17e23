//! Faults of envelopes and signatures (L-APPROVE).

/// What is wrong with who signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SigningFault {
    /// A document without an envelope.
    #[error("is {0} that nobody has signed: sign it with `sekisho order sign`")]
    Unsigned(&'static str),
    /// A document of another kind.
    #[error("is that of {found}, but {expected} is expected")]
    Kind {
        /// What it is.
        found: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A signature without a `keyid` that no key of the trust file made.
    #[error("names no key, and no trusted key made it")]
    Nobody,
    /// A key that is in no role.
    #[error("the key {0} is not trusted")]
    Untrusted(String),
    /// A key that is revoked.
    #[error("the key of {holder} is revoked by version {version} of the trust file")]
    Revoked {
        /// Who holds it.
        holder: String,
        /// The version that revokes it.
        version: u64,
    },
    /// A key that signed twice.
    #[error("{0} has signed twice")]
    Twice(String),
    /// A key of a role that does not sign such a document.
    #[error("{holder} signs as {role}, but {document} is signed by {roles}")]
    Role {
        /// Who signed.
        holder: String,
        /// In which role.
        role: String,
        /// What, with its article.
        document: &'static str,
        /// Who must sign.
        roles: String,
    },
    /// Too few.
    #[error("{count} of the {threshold} signatures needed of {role}{version}")]
    Short {
        /// How many there are.
        count: usize,
        /// How many it takes.
        threshold: usize,
        /// Of which role.
        role: String,
        /// Of which trust file, where two count.
        version: String,
    },
    /// A role that no key has.
    #[error("{document} is signed by {role}, and the trust file knows no such role")]
    NobodyHas {
        /// What, with its article.
        document: &'static str,
        /// The role.
        role: String,
    },
    /// None of the roles that may revoke has signed in full.
    #[error(
        "a revocation is signed by one role that signed what it ends ({roles}), and none has: {found}"
    )]
    NoRoleWhole {
        /// The roles that may.
        roles: String,
        /// How many of each there are.
        found: String,
    },
    /// A signature that does not hold.
    #[error("is not a signature of this {document} by {holder}")]
    Bad {
        /// What.
        document: &'static str,
        /// Whose signature it is said to be.
        holder: String,
    },
    /// A role that signs such documents, but not this one.
    #[error("{role} did not sign {ends}, and only who signed it revokes it")]
    NotTheirs {
        /// Who revokes.
        role: String,
        /// What.
        ends: String,
    },
}
