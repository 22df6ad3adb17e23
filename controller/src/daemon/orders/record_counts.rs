//! Counts records by order and rule as they are drained. The registry takes the counts from time to time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use sensor_common::record::Record;

use crate::compile::RuleName;
use crate::daemon::lock::lock;
use crate::order::OrderKey;

/// Records by order and by the rule that selected them.
pub type ByRule = BTreeMap<(OrderKey, String), u64>;

/// Records since they were last taken.
#[derive(Debug, Default)]
pub struct RecordCounts(Mutex<ByRule>);

/// The records of one batch, so that the shared counts are not locked for each of them: by generation and
/// number of the rule.
#[derive(Debug, Default)]
pub struct Count(HashMap<(u32, u32), (RuleName, u64)>);

impl Count {
    /// One more record of a rule.
    pub fn add(&mut self, record: &Record, rule: &RuleName) {
        let (_, records) =
            self.0.entry((record.generation, record.rule)).or_insert_with(|| (rule.clone(), 0));
        *records = records.saturating_add(1);
    }
}

impl RecordCounts {
    /// Adds a batch.
    pub fn add(&self, count: Count) {
        let mut counts = lock(&self.0);
        for (RuleName { order, rule }, records) in count.0.into_values() {
            let sum = counts.entry((order.key(), rule)).or_default();
            *sum = sum.saturating_add(records);
        }
    }

    /// Everything since the last call.
    pub fn take(&self) -> ByRule {
        std::mem::take(&mut *lock(&self.0))
    }
}
