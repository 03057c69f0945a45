//! What was used, counted once a call: the ground for metrics and, later, for the bill.

use std::collections::BTreeMap;

use base::{AccountId, Region};
use parking_lot::Mutex;

/// Calls of one operation by one account in one region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageRow {
    pub calls: u64,
    /// Calls that ended in an error by the caller.
    pub refused: u64,
    /// Calls that ended in an error of ours.
    pub failed: u64,
}

type Key = (AccountId, Region, &'static str, &'static str);

#[derive(Default)]
pub struct Usage(Mutex<BTreeMap<Key, UsageRow>>);

impl Usage {
    pub fn count(
        &self,
        account: AccountId,
        region: Region,
        service: &'static str,
        operation: &'static str,
        status: u16,
    ) {
        let mut rows = self.0.lock();
        let row = rows.entry((account, region, service, operation)).or_default();
        row.calls += 1;
        row.refused += u64::from((400..500).contains(&status));
        row.failed += u64::from(status >= 500);
    }

    /// All rows, ordered by account, region, service and operation.
    pub fn rows(&self) -> Vec<(Key, UsageRow)> {
        self.0.lock().iter().map(|(key, row)| (*key, *row)).collect()
    }
}
