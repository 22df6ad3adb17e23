//! L-MEASURE: an agreement selects packets to its party's own addresses, which are domestic. An agreement
//! whose party has other addresses is refused as soon as there are tables that show it: the Act knows no such
//! agreement, and in the kernel those prefixes would never be a destination of 外内.

use sensor_common::direction::AddressClass;

use crate::classes::ClassRanges;
use crate::order::Basis;
use crate::rejection::{Rejection, Requirement};

/// Checks that all addresses of an agreement's party are domestic.
///
/// # Errors
/// The first prefix that is not wholly domestic.
pub fn check_party(file: &str, basis: &Basis, classes: &ClassRanges) -> Result<(), Rejection> {
    let Some(party) = basis.party() else { return Ok(()) };
    for (index, prefix) in party.prefixes.iter().enumerate() {
        let wrong = classes.within(prefix).find(|(_, class)| *class != AddressClass::Domestic);
        if let Some((address, class)) = wrong {
            let reason = format!(
                "{prefix} is not wholly domestic, but a party's own addresses are: {address} is {}",
                class.name()
            );
            return Err(Rejection::new(file, reason)
                .at(format!("party.prefixes[{index}]"))
                .under(Requirement::Measure));
        }
    }
    Ok(())
}
