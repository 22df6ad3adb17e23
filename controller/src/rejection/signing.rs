//! Faults of envelopes and signatures (L-APPROVE).

/// What is wrong with who signed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum SigningFault {
    /// A document without an envelope; its kind, with an article.
    #[error("is {0} that nobody has signed: sign it with `sekisho order sign`")]
    Unsigned(&'static str),
    /// A document of another kind.
    #[error("is that of {found}, but {expected} is expected")]
    Kind {
        /// The kind that it is, with an article.
        found: &'static str,
        /// The kind that it must be, with an article.
        expected: &'static str,
    },
    /// A signature without a `keyid` that no key of the trust file made.
    #[error("names no key, and no trusted key made it")]
    Nobody,
    /// A key that no role of the trust file names; its name.
    #[error("the key {0} is not trusted")]
    Untrusted(String),
    /// A key that is revoked.
    #[error("the key of {holder} is revoked by version {version} of the trust file")]
    Revoked {
        /// Who holds the key.
        holder: String,
        /// The version that revokes it.
        version: u64,
    },
    /// A key that signed twice; its holder or name.
    #[error("{0} has signed twice")]
    Twice(String),
    /// A key of a role that does not sign such a document.
    #[error("{holder} signs as {role}, but {document} is signed by {roles}")]
    Role {
        /// Who signed.
        holder: String,
        /// The role of the key.
        role: String,
        /// The kind of document, with an article.
        document: &'static str,
        /// The roles that must sign.
        roles: String,
    },
    /// Too few signatures of a role.
    #[error("{count} of the {threshold} signatures needed of {role}{version}")]
    Short {
        /// How many there are.
        count: usize,
        /// How many there must be.
        threshold: usize,
        /// The role.
        role: String,
        /// The trust file that asks for them, where two count: the end of the sentence.
        version: String,
    },
    /// A role that no key has.
    #[error("{document} is signed by {role}, and the trust file knows no such role")]
    NobodyHas {
        /// The kind of document, with an article.
        document: &'static str,
        /// The role.
        role: String,
    },
    /// None of the roles that may revoke has signed in full.
    #[error(
        "a revocation is signed by one role that signed what it ends ({roles}), and none has: {found}"
    )]
    NoRoleWhole {
        /// The roles that may revoke.
        roles: String,
        /// How many signatures of each role there are.
        found: String,
    },
    /// A signature that does not hold.
    #[error("is not a signature of this {document} by {holder}")]
    Bad {
        /// The kind of document.
        document: &'static str,
        /// The holder of the key that it claims to be by.
        holder: String,
    },
    /// A role that signs such documents, but not this one.
    #[error("{role} did not sign {ends}, and only who signed it revokes it")]
    NotTheirs {
        /// The role that revokes.
        role: String,
        /// What the revocation ends.
        ends: String,
    },
}
