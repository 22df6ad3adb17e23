//! Records by order, counted where they are drained and handed to the registry from time to time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::compile::OrderName;
use crate::daemon::lock::lock;
use crate::order::OrderKey;

/// Records by order since they were last taken.
#[derive(Debug, Default)]
pub struct RecordCounts(Mutex<BTreeMap<OrderKey, u64>>);

/// The records of one batch, so that the tally is not asked for each of them.
#[derive(Debug, Default)]
pub struct Count(Vec<(Arc<OrderName>, u64)>);

impl Count {
    /// One more record under an order.
    pub fn add(&mut self, order: &Arc<OrderName>) {
        match self.0.iter_mut().find(|(known, _)| Arc::ptr_eq(known, order)) {
            Some((_, records)) => *records = records.saturating_add(1),
            None => self.0.push((Arc::clone(order), 1)),
        }
    }
}

impl RecordCounts {
    /// Adds a batch.
    pub fn add(&self, count: Count) {
        let mut tally = lock(&self.0);
        for (order, records) in count.0 {
            let sum = tally.entry(order.key()).or_default();
            *sum = sum.saturating_add(records);
        }
    }

    /// Everything since the last call.
    pub fn take(&self) -> BTreeMap<OrderKey, u64> {
        std::mem::take(&mut *lock(&self.0))
    }
}
