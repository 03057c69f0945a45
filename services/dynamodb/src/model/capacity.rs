//! Capacity units: what reading and writing consume, and how it is told.
//!
//! Rules: "DynamoDB read and write operations" of the developer guide. A write unit is 1 KiB of the larger of the item
//! before and after; a read unit is 4 KiB read consistently, half a unit otherwise; transactions cost twice. A write
//! costs an index only where the index's entry changes, and twice where the entry moves. What was not there costs the
//! least there is.

use std::collections::BTreeMap;

use dynamodb_api::{Capacity, ConsumedCapacity, ReturnConsumedCapacity};

use crate::directory::TableView;
use crate::limits::{READ_UNIT_BYTES, WRITE_UNIT_BYTES};
use crate::records::IndexKind;

/// How the answer shows what was consumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    #[default]
    Nothing,
    Total,
    Indexes,
}

impl Shown {
    pub fn of(wanted: Option<&ReturnConsumedCapacity>) -> Shown {
        match wanted {
            Some(ReturnConsumedCapacity::Total) => Shown::Total,
            Some(ReturnConsumedCapacity::Indexes) => Shown::Indexes,
            _ => Shown::Nothing,
        }
    }

    pub fn is_wanted(self) -> bool {
        self != Shown::Nothing
    }
}

/// What an operation consumed of one table, in units.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Units {
    pub table: f64,
    /// By the index's place among the table's.
    pub indexes: BTreeMap<usize, f64>,
}

impl Units {
    pub fn of_table(units: f64) -> Units {
        Units { table: units, indexes: BTreeMap::new() }
    }

    pub fn of_index(index: usize, units: f64) -> Units {
        Units { table: 0.0, indexes: BTreeMap::from([(index, units)]) }
    }

    pub fn add(&mut self, more: &Units) {
        self.table += more.table;
        for (index, units) in &more.indexes {
            *self.indexes.entry(*index).or_default() += units;
        }
    }

    #[must_use]
    pub fn times(mut self, factor: f64) -> Units {
        self.table *= factor;
        self.indexes.values_mut().for_each(|units| *units *= factor);
        self
    }

    pub fn total(&self) -> f64 {
        self.table + self.indexes.values().sum::<f64>()
    }
}

/// Of an item of that size; nothing at all counts like the smallest.
pub fn write_units(bytes: usize) -> f64 {
    bytes.div_ceil(WRITE_UNIT_BYTES).max(1) as f64
}

pub fn read_units(bytes: usize, consistent: bool) -> f64 {
    let units = bytes.div_ceil(READ_UNIT_BYTES).max(1) as f64;
    if consistent { units } else { units / 2.0 }
}

/// Which kind of units are told besides the total: transactions tell, other operations do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    No,
    Read,
    Write,
}

/// As it is answered; nothing where nobody asked. `name` is what the client called the table.
pub fn shown(
    view: &TableView,
    name: &str,
    shown: Shown,
    units: &Units,
    named: Named,
) -> Option<ConsumedCapacity> {
    if !shown.is_wanted() {
        return None;
    }
    let total = capacity(units.total(), named);
    let mut consumed = ConsumedCapacity {
        table_name: Some(name.to_owned()),
        capacity_units: total.capacity_units,
        read_capacity_units: total.read_capacity_units,
        write_capacity_units: total.write_capacity_units,
        ..ConsumedCapacity::default()
    };
    if shown == Shown::Indexes {
        consumed.table = Some(capacity(units.table, named));
        for (place, units) in &units.indexes {
            let index = &view.indexes[*place];
            let of_kind = match index.kind {
                IndexKind::Local => &mut consumed.local_secondary_indexes,
                IndexKind::Global => &mut consumed.global_secondary_indexes,
            };
            of_kind.get_or_insert_default().insert(index.name.clone(), capacity(*units, named));
        }
    }
    Some(consumed)
}

fn capacity(units: f64, named: Named) -> Capacity {
    Capacity {
        capacity_units: Some(units),
        read_capacity_units: (named == Named::Read).then_some(units),
        write_capacity_units: (named == Named::Write).then_some(units),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_rounded_up_and_never_nothing() {
        assert_eq!([0, 1, 1024, 1025].map(write_units), [1.0, 1.0, 1.0, 2.0]);
        assert_eq!([0, 4096, 4097].map(|bytes| read_units(bytes, true)), [1.0, 1.0, 2.0]);
        assert_eq!([0, 4096, 4097].map(|bytes| read_units(bytes, false)), [0.5, 0.5, 1.0]);
    }

    #[test]
    fn a_transaction_costs_twice() {
        let mut units = Units::of_table(1.0);
        units.add(&Units::of_index(2, 3.0));
        assert_eq!((units.total(), units.times(2.0).total()), (4.0, 8.0));
    }
}
