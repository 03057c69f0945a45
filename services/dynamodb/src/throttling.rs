//! Throttling by provisioned throughput, where this cloud is asked for it: off by default, since nobody pays for
//! capacity here.
//!
//! A table or global index that is provisioned has two buckets, for reading and for writing. A bucket fills by its
//! units a second and keeps what is not used for five minutes: that is the burst ("Burst and adaptive capacity"). A
//! request is let in while there is something left, and may overdraw it, since what it costs is known afterwards. A
//! table that is billed by request is held to the maximum that it was given, if any. Throttling looks at cloud time.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use dynamodb_api::ThrottlingReason;
use parking_lot::Mutex;
use table_engine::SpaceId;

use crate::directory::{IndexView, TableView};
use crate::error::Error;
use crate::limits::BURST_PERIOD;
use crate::model::capacity::Units;
use crate::records::{IndexKind, Throughput};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Read,
    Write,
}

/// The buckets of all tables; without throttling, there are none.
pub struct Throttling {
    is_on: bool,
    buckets: Mutex<HashMap<(SpaceId, Kind), Bucket>>,
}

struct Bucket {
    units: f64,
    filled: Timestamp,
}

/// What a table or index is held to.
#[derive(Clone, Copy, Debug)]
struct Rate {
    units: f64,
    on_demand: bool,
}

impl Throttling {
    pub fn new(is_on: bool) -> Throttling {
        Throttling { is_on, buckets: Mutex::default() }
    }

    /// Whether what operations on this table cost has to be known.
    pub fn counts(&self, _: &TableView) -> bool {
        self.is_on
    }

    /// Lets a read in, or says what throttled it.
    pub fn admit_read(&self, view: &TableView, index: Option<usize>, now: Timestamp) -> Result<(), Error> {
        if !self.is_on {
            return Ok(());
        }
        match index.map(|place| &view.indexes[place]).filter(|index| index.kind == IndexKind::Global) {
            None => self.admit_table(view, Kind::Read, now),
            Some(index) => self.admit_index(view, index, Kind::Read, now),
        }
    }

    /// Lets a write in, which the table and all global indexes have to bear.
    pub fn admit_write(&self, view: &TableView, now: Timestamp) -> Result<(), Error> {
        if !self.is_on {
            return Ok(());
        }
        self.admit_table(view, Kind::Write, now)?;
        let mut global = view.indexes.iter().filter(|index| index.kind == IndexKind::Global);
        global.try_for_each(|index| self.admit_index(view, index, Kind::Write, now))
    }

    pub fn note_read(&self, view: &TableView, units: &Units, now: Timestamp) {
        self.note(view, units, Kind::Read, now);
    }

    pub fn note_write(&self, view: &TableView, units: &Units, now: Timestamp) {
        self.note(view, units, Kind::Write, now);
    }

    fn note(&self, view: &TableView, units: &Units, kind: Kind, now: Timestamp) {
        if !self.is_on {
            return;
        }
        let mut of_table = units.table;
        for (place, units) in &units.indexes {
            let index = &view.indexes[*place];
            match index.kind {
                // Local indexes live on their table's throughput.
                IndexKind::Local => of_table += units,
                IndexKind::Global => {
                    self.spend(index.space, rate(view, &index.throughput, kind), kind, *units, now)
                }
            }
        }
        self.spend(view.items, rate(view, &view.record.billing.throughput, kind), kind, of_table, now);
    }

    fn admit_table(&self, view: &TableView, kind: Kind, now: Timestamp) -> Result<(), Error> {
        let rate = rate(view, &view.record.billing.throughput, kind);
        match self.has_some(view.items, rate, kind, now) {
            true => Ok(()),
            false => Err(exceeded("Table", view.arn.as_str(), kind, rate)),
        }
    }

    fn admit_index(
        &self,
        view: &TableView,
        index: &IndexView,
        kind: Kind,
        now: Timestamp,
    ) -> Result<(), Error> {
        let rate = rate(view, &index.throughput, kind);
        match self.has_some(index.space, rate, kind, now) {
            true => Ok(()),
            false => Err(exceeded("Index", index.arn.as_str(), kind, rate)),
        }
    }

    fn has_some(&self, space: SpaceId, rate: Option<Rate>, kind: Kind, now: Timestamp) -> bool {
        let Some(rate) = rate else { return true };
        let mut buckets = self.buckets.lock();
        buckets.entry((space, kind)).or_insert_with(|| Bucket::new(rate, now)).fill(rate, now) > 0.0
    }

    fn spend(&self, space: SpaceId, rate: Option<Rate>, kind: Kind, units: f64, now: Timestamp) {
        let Some(rate) = rate else { return };
        let mut buckets = self.buckets.lock();
        let bucket = buckets.entry((space, kind)).or_insert_with(|| Bucket::new(rate, now));
        bucket.fill(rate, now);
        bucket.units -= units;
    }

    /// The error of a batch of which nothing could be done.
    pub fn exceeded_by_batch<'a>(&self, mut views: impl Iterator<Item = &'a Arc<TableView>>) -> Error {
        let view = views.next().expect("a batch names a table");
        let rate = Some(Rate { units: 0.0, on_demand: view.is_on_demand() });
        exceeded("Table", view.arn.as_str(), Kind::Write, rate)
    }
}

impl Bucket {
    /// A new one has a second's worth.
    fn new(rate: Rate, now: Timestamp) -> Bucket {
        Bucket { units: rate.units, filled: now }
    }

    fn fill(&mut self, rate: Rate, now: Timestamp) -> f64 {
        let passed = now.since(self.filled).as_secs_f64();
        let most = rate.units * BURST_PERIOD.as_secs_f64();
        self.units = (self.units + passed * rate.units).min(most);
        self.filled = self.filled.max(now);
        self.units
    }
}

/// Nothing for what is billed by request and has no maximum.
fn rate(view: &TableView, throughput: &Throughput, kind: Kind) -> Option<Rate> {
    let number = |units: i64| units as f64;
    if view.is_on_demand() {
        let most = match kind {
            Kind::Read => throughput.on_demand_read_max,
            Kind::Write => throughput.on_demand_write_max,
        };
        return most.map(|units| Rate { units: number(units), on_demand: true });
    }
    let units = match kind {
        Kind::Read => throughput.read_units,
        Kind::Write => throughput.write_units,
    };
    Some(Rate { units: number(units), on_demand: false })
}

fn exceeded(resource_type: &str, arn: &str, kind: Kind, rate: Option<Rate>) -> Error {
    let on_demand = rate.is_some_and(|rate| rate.on_demand);
    let limit = if on_demand { "MaxOnDemandThroughputExceeded" } else { "ProvisionedThroughputExceeded" };
    let operation = if kind == Kind::Read { "Read" } else { "Write" };
    let reasons = vec![ThrottlingReason {
        reason: Some([resource_type, operation, limit].concat()),
        resource: Some(arn.to_owned()),
    }];
    if on_demand {
        let message = "Throughput exceeds the maximum OnDemandThroughput configured on table or index";
        return Error::Throttling { message: message.to_owned(), reasons };
    }
    let message = match resource_type {
        "Table" => {
            "The level of configured provisioned throughput for the table was exceeded. Consider increasing your \
             provisioning level with the UpdateTable API."
        }
        _ => {
            "The level of configured provisioned throughput for one or more global secondary indexes of the table was \
             exceeded. Consider increasing your provisioning level for the under-provisioned global secondary indexes \
             with the UpdateTable API"
        }
    };
    Error::ProvisionedThroughputExceeded { message: message.to_owned(), reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_not_used_is_kept_for_five_minutes() {
        let start = Timestamp::from_secs(1_800_000_000);
        let rate = Rate { units: 2.0, on_demand: false };
        let mut bucket = Bucket::new(rate, start);
        assert_eq!(bucket.fill(rate, start), 2.0);
        bucket.units -= 5.0;
        assert_eq!(bucket.fill(rate, start + Duration::from_secs(1)), -1.0);
        assert_eq!(bucket.fill(rate, start + Duration::from_secs(100_000)), 600.0);
    }
}
