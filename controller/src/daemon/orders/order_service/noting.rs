//! What the registry notes about the daemon itself: its start, its interfaces, its end (L-INSPECT).

use super::{OrderService, OrderServiceError};
use crate::daemon::sensor::Enforce;
use crate::kernel::clock::boot_id;
use crate::kernel::object_digest;
use crate::registry::event::What;
use crate::registry::runs::{DaemonStart, DaemonStop};
use crate::registry::{Reading, wording};

impl<E> OrderService<E>
where
    E: Enforce + Send + 'static,
    E::Tables: Send + 'static,
{
    /// Notes that this daemon begins, and that the one before crashed, if it did.
    pub fn started(&mut self, taken_over: bool, reading: Reading) {
        let start = DaemonStart {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            boot: boot_id(),
            mode: self.config.mode.name().to_owned(),
            interfaces: self.config.interfaces.clone(),
            program: object_digest(),
            taken_over,
            inputs: self.basis.clone(),
        };
        self.ticked.said.push(format!("direction: {}", wording::classes(&start.inputs.classes)));
        let change = self.registry.started(start, &self.classes, reading);
        let crashed =
            change.events.iter().filter(|event| matches!(event.what, What::Crashed { .. }));
        let lines = crashed.map(|event| wording::event(event, &change.registry));
        self.ticked.said.extend(lines);
        // If the state cannot be written, that is reported and tried again.
        let _ = self.keep(change, reading);
    }

    /// Notes what happened to interfaces.
    pub fn happened(&mut self, events: Vec<What>, reading: Reading) {
        if events.is_empty() {
            return;
        }
        let change = self.registry.happened(events, reading);
        // If the state cannot be written, that is reported and tried again.
        let _ = self.keep(change, reading);
    }

    /// Writes how the daemon ended, with clock and counts.
    ///
    /// # Errors
    /// [`OrderServiceError::Store`].
    pub fn end(&mut self, stop: DaemonStop, reading: Reading) -> Result<(), OrderServiceError> {
        self.registry.observe(reading);
        self.count();
        self.flush()?;
        self.registry = self.held.store.commit(self.registry.stopped(stop, reading))?;
        Ok(self.held.store.finish()?)
    }
}
