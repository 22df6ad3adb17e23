//! The inputs of a daemon: configuration, trust and direction. They decide what can be selected, so a daemon names
//! each of them by its digest wherever it says what it does (L-INSPECT, L-DIR).

use std::collections::BTreeMap;

use sensor_common::direction::AddressClass;
use serde::{Deserialize, Serialize};

use crate::classes::Moved;
use crate::direction::{DirectionInputs, DirectionTable, Family};

/// A file that was read, by name and digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FileRead {
    /// Its name.
    pub file: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
}

/// The files that a direction table was made from.
pub fn files(table: &DirectionTable) -> Vec<FileRead> {
    let read = |(file, sha256): (&str, &str)| FileRead {
        file: file.to_owned(),
        sha256: sha256.to_owned(),
    };
    table.files().map(read).collect()
}

/// The trust file in force.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct TrustRead {
    /// Its version.
    pub version: u64,
    /// The SHA-256 of the trust file itself, not of an envelope around it.
    pub sha256: String,
}

/// The inputs of a daemon.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct DaemonInputs {
    /// The configuration file.
    pub configuration: FileRead,
    /// The trust file in force.
    pub trust: TrustRead,
    /// The files that say what is domestic and what is foreign.
    pub direction: Vec<FileRead>,
    /// The classes that these files give.
    pub classes: Classes,
}

/// The classes of addresses that direction inputs give.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Classes {
    /// The class of global unicast space that no input names.
    pub default: String,
    /// The country whose rows in RIR statistics are domestic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The families for which the configuration says that no input names a domestic prefix.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_domestic: Vec<Family>,
    /// How many prefixes the inputs name.
    pub prefixes: BTreeMap<Family, PrefixCounts>,
    /// The SHA-256 of the class of every address, as the state directory keeps it.
    pub sha256: String,
    /// How the classes differ from those that were in force before.
    pub change: ClassChange,
}

/// How many prefixes each class has; each prefix counts once.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct PrefixCounts {
    pub domestic: usize,
    pub foreign: usize,
    pub unclassified: usize,
}

/// How classes differ from those that were in force before.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassChange {
    /// There were none before.
    First,
    /// There were some, but they can no longer be read, for this reason.
    Lost(String),
    /// They were compared.
    Compared {
        /// How many addresses moved, from which class to which.
        moved: Moved,
        /// Whether so many moved that a person had to accept it, and did.
        accepted: bool,
    },
}

impl Classes {
    /// The classes of a table, compared with nothing yet. `sha256`: the digest of its ranges.
    pub fn of(inputs: &DirectionInputs, table: &DirectionTable, sha256: String) -> Self {
        let prefixes = |family| PrefixCounts {
            domestic: table.prefixes(family, AddressClass::Domestic),
            foreign: table.prefixes(family, AddressClass::Foreign),
            unclassified: table.prefixes(family, AddressClass::Unclassified),
        };
        Self {
            default: inputs.default.class().name().to_owned(),
            country: inputs.country.map(|country| country.to_string()),
            without_domestic: inputs.without_domestic.clone(),
            prefixes: Family::ALL.map(|family| (family, prefixes(family))).into(),
            sha256,
            change: ClassChange::First,
        }
    }
}
