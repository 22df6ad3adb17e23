//! What `order verify` says beyond signatures and law: warnings, and what direction tables show.

use std::path::Path;

use super::OrderError;
use crate::classes::ClassRanges;
use crate::cli::direction::DirectionArgs;
use crate::direction::DirectionTable;
use crate::order::{Order, VerifiedDocument};
use crate::preview::{check_party, warnings};
use crate::rejection::Rejection;
use crate::shown::shown;

/// Looks at orders that were accepted.
pub(super) struct Advisor {
    classes: Option<ClassRanges>,
    strict: bool,
}

impl Advisor {
    /// With the direction tables that the arguments name, if they name any.
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

    /// What there is to say of a document: only an order meets traffic.
    ///
    /// # Errors
    /// As [`Self::order`].
    pub(super) fn consider(
        &self,
        path: &Path,
        document: &VerifiedDocument,
    ) -> Result<(), Vec<Rejection>> {
        match document {
            VerifiedDocument::Order(order) => self.order(path, order),
            VerifiedDocument::Revocation(_) | VerifiedDocument::Trust(_) => Ok(()),
        }
    }

    /// Prints warnings on standard error. What is refused is returned: a party that is not
    /// domestic, and under `--strict` every warning.
    fn order(&self, path: &Path, order: &Order) -> Result<(), Vec<Rejection>> {
        let file = shown(path);
        let mut refused: Vec<Rejection> = Vec::new();
        if let Some(classes) = &self.classes {
            refused.extend(check_party(&file, order, classes).err());
        }
        let warnings = warnings(&file, order, self.classes.as_ref());
        if self.strict {
            refused.extend(warnings.into_iter().map(Rejection::from));
        } else {
            for warning in warnings {
                eprintln!("sekisho: warning: {warning}");
            }
        }
        if refused.is_empty() { Ok(()) } else { Err(refused) }
    }
}
