//! What the loop looks after besides orders: the kernel's maps still say what the daemon wrote into them, its
//! pins are there, and no record has gone without a trace (L-INSPECT).

use sensor_common::boot_time::BootTime;

use super::{Daemon, RunError, TICK, Tell};
use crate::daemon::lock::lock;

/// When the upkeep was last done, and with what result.
#[derive(Debug, Default)]
pub(super) struct Upkeep {
    /// When pins and books were last looked at.
    looked: BootTime,
    /// Why pins cannot be put back, as last reported.
    pins: Option<String>,
}

impl Daemon {
    /// Corrects what another process wrote into the kernel's maps, before a tick relies on them.
    pub(super) fn put_right(&self, voice: &impl Tell) -> Result<(), RunError> {
        let said = lock(&self.sensor).put_right()?;
        self.records.books().tampered(said.len() as u64);
        voice.tell_all(&said);
        Ok(())
    }

    /// Puts pins back, and compares the books with the kernel's counters; at most once per [`TICK`].
    pub(super) fn keep_up(&mut self, now: BootTime, voice: &impl Tell) -> Result<(), RunError> {
        let Upkeep { looked, pins } = &mut self.upkeep;
        if u128::from(now.since(*looked)) < TICK.as_nanos() {
            return Ok(());
        }
        *looked = now;
        let mut sensor = lock(&self.sensor);
        let (said, failed) = sensor.put_back_pins();
        self.records.books().tampered(said.len() as u64);
        voice.tell_all(&said);
        // The sensor continues without them; only the next daemon would miss them.
        let failed = failed.map(|error| format!("a pin cannot be put back: {error}"));
        if let Some(line) = failed.as_ref().filter(|line| pins.as_ref() != Some(line)) {
            voice.tell(line);
        }
        *pins = failed;
        let missing = self.records.books().audit(sensor.submitted()?);
        if missing > 0 {
            voice
                .tell(&format!("{missing} records are missing: they did not come out of any ring"));
        }
        Ok(())
    }
}
