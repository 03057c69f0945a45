//! Item collections: the items of one partition and their entries in local indexes, which together are limited.

use dynamodb_api::{ItemCollectionMetrics, ReturnItemCollectionMetrics};
use item_engine::{Item, keys};

use crate::directory::TableView;
use crate::limits::GIGABYTE_BYTES;
use crate::model::values;

/// Where they were asked for, and the table has local indexes.
pub fn of(
    view: &TableView,
    (item_key, bytes): (&[u8], Option<u64>),
    wanted: Option<&ReturnItemCollectionMetrics>,
) -> Option<ItemCollectionMetrics> {
    let is_wanted = wanted == Some(&ReturnItemCollectionMetrics::Size);
    let bytes = bytes.filter(|_| is_wanted)?;
    let (mut hash, _) = keys::decode(item_key, 1).ok()?;
    let key = Item::from([(view.key.hash.name.clone(), hash.pop()?)]);
    Some(ItemCollectionMetrics {
        item_collection_key: Some(values::attributes(key)),
        size_estimate_range_gb: Some(estimate(bytes)),
    })
}

/// Whole gigabytes that the size lies between.
fn estimate(bytes: u64) -> Vec<f64> {
    let low = bytes / GIGABYTE_BYTES;
    vec![low as f64, (low + 1) as f64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_to_the_gigabyte() {
        assert_eq!(estimate(0), [0.0, 1.0]);
        assert_eq!(estimate(3 * GIGABYTE_BYTES + 5), [3.0, 4.0]);
    }
}
