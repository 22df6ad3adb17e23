//! Direction inputs: the files that say which addresses are domestic and which foreign, and the
//! table that they make (L-DIR). How the table is laid out for the kernel is not here.
//!
//! What no input names is unclassified in special-purpose space ([`special`]) and otherwise what
//! [`Unnamed`] says. A table in which nothing is domestic is refused where that would make all of
//! the country's addresses foreign.

mod cidr;
mod rir;
mod source;
pub mod special;
mod table;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use sensor_common::direction::AddressClass;

use crate::rejection::{Rejection, Requirement};
use crate::shown::shown;
use source::{Format, Source};
pub use table::{DirectionTable, Origin};

/// A country code of two capital letters (ISO 3166-1 alpha-2), as RIR statistics use it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(format!("`{text}` is no country code of two capital letters such as JP")),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([a, b]) = *self;
        write!(f, "{}{}", char::from(a), char::from(b))
    }
}

/// What global unicast space is that no input names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unnamed {
    /// 国外設備: whatever is not known to be in the country is abroad.
    #[default]
    Foreign,
    /// Never selected: stricter than the Act asks for.
    Unclassified,
}

impl Unnamed {
    /// The class that such space gets.
    pub const fn class(self) -> AddressClass {
        match self {
            Self::Foreign => AddressClass::Foreign,
            Self::Unclassified => AddressClass::Unclassified,
        }
    }
}

/// What a direction table is made of. A file is a CIDR list or an RIR statistics file, told apart
/// by content; an RIR file means the same in both lists.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DirectionInputs {
    /// Files whose prefixes are domestic.
    pub domestic: Vec<PathBuf>,
    /// Files whose prefixes are foreign.
    pub foreign: Vec<PathBuf>,
    /// Whose rows in RIR statistics files are domestic.
    pub country: Option<Country>,
    /// What no input names.
    pub default: Unnamed,
}

/// Why there is no direction table.
#[derive(Debug, thiserror::Error)]
pub enum DirectionError {
    /// An input was refused.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// An input could not be read.
    #[error("{file}: cannot be read: {source}")]
    Unreadable {
        /// The file, as it was given.
        file: String,
        /// What the system said.
        source: io::Error,
    },
}

impl DirectionTable {
    /// Reads all inputs. Nothing is kept of them if any of them is refused.
    ///
    /// # Errors
    ///
    /// An input that cannot be read or is refused, the same prefix in two classes, or inputs that
    /// would make all of the country's addresses foreign.
    pub fn load(inputs: &DirectionInputs) -> Result<Self, DirectionError> {
        let (mut read, mut digests) = (Vec::new(), Vec::new());
        let mut statistics = false;
        let domestic = inputs.domestic.iter().map(|path| (path, AddressClass::Domestic));
        let foreign = inputs.foreign.iter().map(|path| (path, AddressClass::Foreign));
        for (path, class) in domestic.chain(foreign) {
            let source = Source::read(path)?;
            let named = match source.format()? {
                Format::CidrList => cidr::read(&source, class)?,
                Format::RirStatistics => {
                    statistics = true;
                    rir::read(&source, inputs.country)?
                }
            };
            digests.push(source.digest());
            read.push((shown(path), named));
        }
        let first = read.first().map_or_else(|| "--domestic".into(), |(name, _)| name.clone());
        let table = Self::new(inputs.default, read)?.read_from(digests);
        let rest_is_foreign = inputs.default == Unnamed::Foreign || statistics;
        if rest_is_foreign && !table.names(AddressClass::Domestic) {
            let reason = if statistics {
                "no input names a domestic prefix, so the country itself would be foreign; is \
                 --country right?"
            } else {
                "no input names a domestic prefix, so the country itself would be foreign; give one \
                 with --domestic, or --default unclassified"
            };
            return Err(Rejection::new(first, reason).under(Requirement::Dir).into());
        }
        Ok(table)
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
