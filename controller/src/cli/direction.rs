//! The arguments that say which addresses are domestic and which are foreign, shared by all commands with a
//! direction table. A command that needs one requires the group [`files`].

use std::path::PathBuf;

use clap::builder::PossibleValue;
use clap::{ArgGroup, Args, ValueEnum};

use crate::direction::{Country, DirectionInputs, Family, Unnamed};

/// Direction inputs (L-DIR).
#[derive(Args, Clone, Debug)]
pub struct DirectionArgs {
    /// Files of domestic prefixes
    ///
    /// CIDR lists (one prefix or address per line, `#` comments) or RIR statistics files
    /// (delegated-apnic-latest, delegated-apnic-extended-latest, nro-delegated-stats and their like; these
    /// need --country); the content tells which. Example: --domestic jp-ipv4.txt jp-ipv6.txt
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub domestic: Vec<PathBuf>,

    /// Files of foreign prefixes
    ///
    /// The same formats. An RIR statistics file means the same here as under --domestic. The longest prefix
    /// over all files wins. Example: --foreign exceptions.txt
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub foreign: Vec<PathBuf>,

    /// The country whose rows in RIR statistics files are domestic
    ///
    /// Every other allocated or assigned row is foreign; available, reserved, ietf and ianapool rows are
    /// unclassified. The country is the holder's, which need not be where the equipment is. Example:
    /// --domestic delegated-apnic-extended-latest --country JP
    #[arg(long, value_name = "CC")]
    pub country: Option<Country>,

    /// The class of global unicast addresses that no file names
    ///
    /// Packets with an unclassified address are never selected. Use `foreign` only if the lists name all of
    /// the country: the Act calls domestic whatever is not foreign. Special-purpose space (private, loopback,
    /// documentation, multicast, ...) that no file names stays unclassified.
    #[arg(long, value_name = "CLASS", default_value = "unclassified")]
    pub default: Unnamed,

    /// A family for which no file is to name a domestic prefix
    ///
    /// Without this option, files that leave out a family are refused. In the family, addresses that no file
    /// names are unclassified, even with --default foreign. Can be given twice. Example: --without-domestic
    /// ipv6
    #[arg(long, value_name = "FAMILY")]
    pub without_domestic: Vec<Family>,
}

/// The arguments that name files, at least one of which must be given.
pub fn files() -> ArgGroup {
    ArgGroup::new("direction files").args(["domestic", "foreign"]).multiple(true).required(true)
}

impl DirectionArgs {
    /// Whether any file is named. Without one there is no direction table.
    pub fn names_files(&self) -> bool {
        !self.domestic.is_empty() || !self.foreign.is_empty()
    }

    /// The inputs that these arguments name.
    pub fn inputs(&self) -> DirectionInputs {
        DirectionInputs {
            domestic: self.domestic.clone(),
            foreign: self.foreign.clone(),
            country: self.country,
            default: self.default,
            without_domestic: self.without_domestic.clone(),
        }
    }
}

impl ValueEnum for Unnamed {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Unclassified, Self::Foreign]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.class().name()))
    }
}

impl ValueEnum for Family {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}
