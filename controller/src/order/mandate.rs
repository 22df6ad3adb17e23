//! An order under its basis, which may be carried out. A [`Mandate`] is made only of an order that is within its
//! basis, so code that asks for one cannot be given an order that was not approved.

use std::ops::Deref;
use std::sync::Arc;

use super::basis::{Basis, Facility, Party};
use super::document::Order;
use super::json::{Faults, JsonPath};
use super::measure::Measure;
use super::statute;
use super::verified::{SignedOrder, Signer, Verified};
use crate::rejection::{Rejections, SelectionFault};

/// An order, and the approval or agreement under which it was set.
#[derive(Clone, Debug)]
pub struct Mandate {
    order: Verified<Order>,
    basis: Arc<Verified<Basis>>,
}

impl Mandate {
    /// Checks that an order is bound to this basis by its digest, and is within its term and criteria
    /// (L-APPROVE, L-TERM, L-SELECT).
    ///
    /// # Errors
    ///
    /// All that is wrong, with the fields of the order that are wrong.
    pub fn join(
        file: &str,
        order: Verified<Order>,
        basis: &Arc<Verified<Basis>>,
    ) -> Result<Self, Rejections> {
        let mut faults = Faults::new(file);
        check(&order, basis, basis.digest(), &mut faults);
        faults.end()?;
        Ok(Self { order, basis: Arc::clone(basis) })
    }

    /// The same for an order that may already have faults: all of them are reported together.
    pub(super) fn of(
        mut candidate: SignedOrder,
        basis: &Arc<Verified<Basis>>,
    ) -> Result<Self, Rejections> {
        if let Some(order) = &candidate.order {
            check(order, basis, basis.digest(), &mut candidate.faults);
        }
        Ok(Self { order: candidate.accept()?, basis: Arc::clone(basis) })
    }

    /// An order under a basis without any check, for tests of code that uses mandates.
    #[cfg(test)]
    pub(crate) fn assumed(order: Verified<Order>, basis: Verified<Basis>) -> Self {
        Self { order, basis: Arc::new(basis) }
    }

    /// The order.
    pub const fn order(&self) -> &Verified<Order> {
        &self.order
    }

    /// What it rests on.
    pub const fn basis(&self) -> &Arc<Verified<Basis>> {
        &self.basis
    }

    /// The measure, which fixes the direction (L-MEASURE).
    pub fn measure(&self) -> Measure {
        self.basis.measure()
    }

    /// The party, whose own addresses are the only destination (L-MEASURE).
    pub fn party(&self) -> Option<&Party> {
        self.basis.party()
    }

    /// Where it is carried out.
    pub fn facility(&self) -> &Facility {
        &self.basis.facility
    }

    /// The SHA-256 of the order that was signed.
    pub fn digest(&self) -> &str {
        self.order.digest()
    }

    /// Who signed the order.
    pub fn signers(&self) -> &[Signer] {
        self.order.signers()
    }
}

impl Deref for Mandate {
    type Target = Order;

    fn deref(&self) -> &Order {
        self.order.get()
    }
}

/// Checks a draft, which nobody has signed yet: whether the order is bound to the basis and within it.
///
/// # Errors
///
/// All that is wrong, with the fields of the order that are wrong.
pub fn check_draft(
    file: &str,
    order: &Order,
    basis: &Basis,
    digest: &str,
) -> Result<(), Rejections> {
    let mut faults = Faults::new(file);
    check(order, basis, digest, &mut faults);
    faults.end()
}

fn check(order: &Order, basis: &Basis, digest: &str, faults: &mut Faults) {
    if order.basis.key != basis.key || order.basis.sha256 != digest {
        let (name, digest) = (basis.key.to_string(), digest.to_owned());
        let here = JsonPath::top().field("basis").field("sha256");
        faults.add(&here, SelectionFault::OtherBasis { basis: name, digest });
    }
    statute::check(order, basis, faults);
}
