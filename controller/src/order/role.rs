//! The roles of keys, shaped like TUF's: who signs which document (L-APPROVE, L-AGREE).

use std::fmt;

use super::name;

/// A role that a key signs in.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Role {
    /// サイバー通信情報監理委員会, the commission: it approves.
    Commission,
    /// 内閣総理大臣, the Cabinet Office: it orders.
    CabinetOffice,
    /// The telecommunications carrier: it concludes agreements.
    Carrier,
    /// The party of an agreement, by its id.
    Party(String),
}

impl Role {
    /// The prefix of a party's role.
    const PARTY: &'static str = "party:";

    /// Reads the name of a role in a trust file.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "commission" => Some(Self::Commission),
            "cabinet-office" => Some(Self::CabinetOffice),
            "carrier" => Some(Self::Carrier),
            other => {
                let party = other.strip_prefix(Self::PARTY)?;
                name::check(party).is_ok().then(|| Self::Party(party.to_owned()))
            }
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Commission => f.write_str("commission"),
            Self::CabinetOffice => f.write_str("cabinet-office"),
            Self::Carrier => f.write_str("carrier"),
            Self::Party(id) => write!(f, "{}{id}", Self::PARTY),
        }
    }
}

/// The name of a role in the terms of the Act.
pub(super) fn japanese(role: &Role) -> String {
    match role {
        Role::Commission => "サイバー通信情報監理委員会".to_owned(),
        Role::CabinetOffice => "内閣総理大臣".to_owned(),
        Role::Carrier => "電気通信事業者".to_owned(),
        Role::Party(id) => format!("協定当事者 {id}"),
    }
}

/// Roles in a sentence: "a, b and c".
pub(super) fn listed(roles: &[Role]) -> String {
    let names: Vec<String> = roles.iter().map(ToString::to_string).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_read_as_it_is_written() {
        for name in ["commission", "cabinet-office", "carrier", "party:acme"] {
            assert_eq!(Role::parse(name).unwrap().to_string(), name);
        }
        for name in ["", "Commission", "party:", "party:a b", "party", "commission ", "root"] {
            assert_eq!(Role::parse(name), None, "{name}");
        }
        let roles = [Role::CabinetOffice, Role::Party("acme".into()), Role::Carrier];
        assert_eq!(listed(&roles), "cabinet-office, party:acme and carrier");
        assert_eq!(listed(&roles[..1]), "cabinet-office");
    }
}
