//! What `order verify` says besides signatures and law: warnings, and what direction tables show.

use super::OrderError;
use crate::classes::ClassRanges;
use crate::cli::direction::DirectionArgs;
use crate::direction::DirectionTable;
use crate::order::{Basis, Mandate};
use crate::preview::{check_party, warnings};
use crate::rejection::Rejection;

/// Looks at orders that were accepted.
pub(super) struct Advisor {
    classes: Option<ClassRanges>,
    strict: bool,
}

impl Advisor {
    /// Uses the direction tables that the arguments name, if any.
    pub(super) fn new(direction: &DirectionArgs, strict: bool) -> Result<Self, OrderError> {
        if !direction.names_files() {
            if direction.country.is_some() {
                let reason = "--country says nothing without --domestic or --foreign";
                return Err(OrderError::Usage(reason.to_owned()));
            }
            return Ok(Self { classes: None, strict });
        }
        let table = DirectionTable::load(&direction.inputs())?;
        Ok(Self { classes: Some(ClassRanges::of(&table)), strict })
    }

    /// Refuses an agreement whose party is not domestic, if there are direction tables.
    ///
    /// # Errors
    /// The rejection.
    pub(super) fn basis(&self, file: &str, basis: &Basis) -> Result<(), Rejection> {
        match &self.classes {
            Some(classes) => check_party(file, basis, classes),
            None => Ok(()),
        }
    }

    /// Prints warnings on standard error.
    ///
    /// # Errors
    /// With `--strict`, every warning.
    pub(super) fn order(&self, file: &str, order: &Mandate) -> Result<(), Vec<Rejection>> {
        let warnings = warnings(file, order, self.classes.as_ref());
        if self.strict && !warnings.is_empty() {
            return Err(warnings.into_iter().map(Rejection::from).collect());
        }
        for warning in warnings {
            eprintln!("sekisho: warning: {warning}");
        }
        Ok(())
    }
}
