//! Direction inputs: the files that say which addresses are domestic and which are foreign, and the table
//! made from them (L-DIR). Its layout for the kernel is in [`compile`](crate::compile).
//!
//! The Act calls domestic whatever is not foreign, so what no input names is unclassified, and a packet with
//! such an address is never selected. [`Unnamed::Foreign`] must be chosen explicitly; it leaves
//! special-purpose space alone ([`special`]). A family without any domestic prefix is refused unless the
//! operator says that this is intended: usually a list was forgotten, and without it nothing protects the
//! country's own addresses.

mod cidr;
mod family;
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
pub use family::Family;
use source::{Format, Source};
pub use table::{DirectionTable, Origin};

/// A country code of two capital letters (ISO 3166-1 alpha-2), as RIR statistics use it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Country([u8; 2]);

/// A text that is not a country code.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no country code of two capital letters such as JP")]
pub struct NoCountry(String);

impl FromStr for Country {
    type Err = NoCountry;

    fn from_str(text: &str) -> Result<Self, NoCountry> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(NoCountry(text.to_owned())),
        }
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([a, b]) = *self;
        write!(f, "{}{}", char::from(a), char::from(b))
    }
}

/// The class of global unicast space that no input names.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unnamed {
    /// It is never selected (L-DIR).
    #[default]
    Unclassified,
    /// 国外設備: whatever is not known to be in the country is abroad. This is right only if the lists name all
    /// of the country.
    Foreign,
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

/// What a direction table is made from. A file is a CIDR list or an RIR statistics file, which its content
/// tells; an RIR file means the same in both lists.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct DirectionInputs {
    /// Files whose prefixes are domestic.
    pub domestic: Vec<PathBuf>,
    /// Files whose prefixes are foreign.
    pub foreign: Vec<PathBuf>,
    /// The country whose rows in RIR statistics files are domestic.
    pub country: Option<Country>,
    /// The class of what no input names.
    pub default: Unnamed,
    /// The families in which no input is to name a domestic prefix.
    pub without_domestic: Vec<Family>,
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
    /// Reads all inputs. If any of them is refused, there is no table.
    ///
    /// # Errors
    ///
    /// An input cannot be read or is refused, the same prefix is in two classes, or a family has no domestic
    /// prefix and is not in `without_domestic`.
    pub fn load(inputs: &DirectionInputs) -> Result<Self, DirectionError> {
        let (mut read, mut digests) = (Vec::new(), Vec::new());
        let domestic = inputs.domestic.iter().map(|path| (path, AddressClass::Domestic));
        let foreign = inputs.foreign.iter().map(|path| (path, AddressClass::Foreign));
        for (path, class) in domestic.chain(foreign) {
            let source = Source::read(path)?;
            let named = match source.format()? {
                Format::CidrList => cidr::read(&source, class)?,
                Format::RirStatistics => rir::read(&source, inputs.country)?,
            };
            digests.push(source.digest());
            read.push((shown(path), named));
        }
        let first = read.first().map_or_else(|| "--domestic".into(), |(name, _)| name.clone());
        let table = Self::new(inputs.unnamed(), read)?.read_from(digests);
        for family in Family::ALL {
            inputs.has_domestic(&first, &table, family)?;
        }
        Ok(table)
    }
}

impl DirectionInputs {
    /// If no domestic prefix is known, an address that no input names may be domestic.
    fn unnamed(&self) -> impl Fn(Family) -> Unnamed {
        |family| {
            if self.without_domestic.contains(&family) {
                Unnamed::Unclassified
            } else {
                self.default
            }
        }
    }

    fn has_domestic(
        &self,
        file: &str,
        table: &DirectionTable,
        family: Family,
    ) -> Result<(), Rejection> {
        let (found, meant) =
            (table.first_domestic(family), self.without_domestic.contains(&family));
        let name = family.name();
        let reason = match (found, meant) {
            (Some(_), false) | (None, true) => return Ok(()),
            (None, false) => format!(
                "no input names a domestic {family} prefix, so the country's own {family} addresses would \
                 not be known as such; add a list that has them (of RIR statistics, is the country \
                 right?), or say --without-domestic {name} (without_domestic = [\"{name}\"])"
            ),
            (Some((file, line)), true) => {
                let reason = format!(
                    "names a domestic {family} prefix, but --without-domestic {name} says that there is none"
                );
                return Err(Rejection::new(file, reason)
                    .at(format!("line {line}"))
                    .under(Requirement::Dir));
            }
        };
        Err(Rejection::new(file, reason).under(Requirement::Dir))
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
