//! What a world needs of a kernel and of a disk.

use std::sync::Arc;

use controller::compile::Names;
use controller::daemon::sensor::Enforce;
use controller::durable::disk::Disk;
use controller::registry::StatePaths;
use sekisho_kit::kernel::MemoryKernel;
use sensor_common::boot_time::BootTime;

use super::law::IDS;

/// A kernel that can be asked what it selects.
pub trait Port: Enforce {
    /// It is this time by the boot clock, which has not gone back since the last call.
    fn set_now(&mut self, boot: BootTime);

    /// The generation that was published last means this.
    fn judges_by(&mut self, names: Arc<Names>);

    /// The orders, by id and serial, for which a packet would be selected now.
    fn live(&mut self) -> Vec<(usize, u64)>;

    /// Nothing is in it any more: the machine has started anew.
    fn forget(&mut self);
}

/// A disk whose power can be cut. A clone is the same disk.
pub trait Medium: Disk + Clone {
    /// The power goes before so many steps are done; `None`: it stays.
    fn cut_after(&self, steps: Option<usize>);

    /// What is on it after the power went. `luck` decides what of the rest happens to be there; 0 is
    /// nothing, 1 is everything.
    #[must_use]
    fn after_cut(&self, luck: u64) -> Self;

    /// Where the state is kept on it.
    fn place(&self) -> StatePaths;
}

impl Port for MemoryKernel {
    fn set_now(&mut self, boot: BootTime) {
        self.now = boot;
    }

    fn judges_by(&mut self, names: Arc<Names>) {
        self.names = Some(names);
    }

    fn live(&mut self) -> Vec<(usize, u64)> {
        let position = |id: &str| IDS.iter().position(|known| *known == id).unwrap();
        Self::live(self).map(|order| (position(&order.order_id), order.serial)).collect()
    }

    fn forget(&mut self) {
        let now = self.now;
        *self = Self::default();
        self.now = now;
    }
}
