//! Corrects maps and pins that are not as the daemon wants them, because another daemon left them so or
//! another process changed them.

use std::collections::BTreeMap;

use sensor_common::boot_time::BootTime;
use sensor_common::tables::{Slot, Term};

use super::{Port, Sensor, SensorError};
use crate::daemon::config::LEASES;

/// The longest lease that a configuration may ask for, in nanoseconds.
const LONGEST_LEASE: u64 = *LEASES.end() * 1_000_000_000;

impl Sensor {
    /// Takes over what another daemon left in the maps, at `now` by the boot clock. Each slot's term is
    /// narrowed to the one in `known`. A lease that is longer than any daemon gives is ended; the last lease
    /// that is known is then `leased`. Returns a line for each term or lease that was too long.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn adopt(
        &mut self,
        known: &BTreeMap<Slot, Term>,
        leased: BootTime,
        now: BootTime,
    ) -> Result<Vec<String>, SensorError> {
        let mut words = Vec::new();
        let (mut terms, mut lease, mut leased_until) =
            (BTreeMap::new(), BootTime::MAX, BootTime::ZERO);
        for Port { interface, program, .. } in &mut self.ports {
            let at = |error| SensorError { interface: interface.clone(), error };
            let found = program.lease().map_err(at)?;
            let (left, until) = if found > now.plus(LONGEST_LEASE) {
                program.set_lease(BootTime::ZERO).map_err(at)?;
                words.push(format!(
                    "{interface}: the lease was longer than any that a daemon gives"
                ));
                (BootTime::ZERO, leased.min(now))
            } else {
                // A lease that was ended does not tell when it ran.
                (found, if found == BootTime::ZERO { now } else { found })
            };
            lease = lease.min(left);
            leased_until = until.max(leased_until);
            for slot in Slot::all() {
                let found = program.term(slot).map_err(at)?;
                let left = known.get(&slot).map_or(Term::NEVER, |known| known.and(found));
                if left != found {
                    program.set_term(slot, left).map_err(at)?;
                    // A slot without a known order is closed silently.
                    if known.contains_key(&slot) {
                        let what = "was longer than its order's, and is put right";
                        words.push(format!(
                            "{interface}: the term of slot {} {what}",
                            slot.number()
                        ));
                    }
                }
                let all: &mut Term = terms.entry(slot).or_insert(left);
                *all = all.and(left);
            }
        }
        let lease = if lease == BootTime::MAX { BootTime::ZERO } else { lease };
        self.vouched.found(terms, lease, leased_until);
        Ok(words)
    }

    /// Corrects what another process wrote into the maps: every term must be the one that was set, and no lease
    /// may be longer. (A shorter one may be a halt.) Returns a line for each correction.
    ///
    /// # Errors
    /// [`SensorError`].
    pub fn put_right(&mut self) -> Result<Vec<String>, SensorError> {
        let windows = self.vouched.windows();
        let mut words = Vec::new();
        for Port { interface, program, .. } in &mut self.ports {
            let at = |error| SensorError { interface: interface.clone(), error };
            if program.lease().map_err(at)? > windows.lease() {
                program.set_lease(windows.lease()).map_err(at)?;
                words.push(format!("{interface}: the lease was extended by somebody else"));
            }
            for slot in Slot::all() {
                let term = windows.term(slot);
                if program.term(slot).map_err(at)? != term {
                    program.set_term(slot, term).map_err(at)?;
                    let what = "was changed by somebody else, and is put back";
                    words.push(format!("{interface}: the term of slot {} {what}", slot.number()));
                }
            }
        }
        Ok(words)
    }

    /// Puts back pins that were removed. Returns a line for each, and an error if one could not be put back.
    pub fn put_back_pins(&mut self) -> (Vec<String>, Option<SensorError>) {
        let (mut words, mut failed) = (Vec::new(), None);
        for Port { interface, program, .. } in &mut self.ports {
            match program.put_back_pins() {
                Ok(paths) => words.extend(paths.iter().map(|path| {
                    format!("{interface}: {} was removed, and is put back", path.display())
                })),
                Err(error) => failed = Some(SensorError { interface: interface.clone(), error }),
            }
        }
        (words, failed)
    }
}
