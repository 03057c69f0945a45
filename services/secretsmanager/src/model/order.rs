//! The order of lists, and where a page of one ends.

use base::Timestamp;
use secretsmanager_api::{SortByType, SortOrderType};

use crate::records::SecretRecord;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Created,
    Accessed,
    Changed,
    Name,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    pub by: By,
    pub descending: bool,
}

impl Order {
    pub fn new(by: Option<&SortByType>, order: Option<&SortOrderType>) -> Order {
        let by = match by {
            Some(SortByType::LastAccessedDate) => By::Accessed,
            Some(SortByType::LastChangedDate) => By::Changed,
            Some(SortByType::Name) => By::Name,
            Some(SortByType::CreatedDate | SortByType::Unknown(_)) | None => By::Created,
        };
        Order { by, descending: order == Some(&SortOrderType::Desc) }
    }

    /// A text whose order is that of the secrets.
    pub fn key(self, name: &str, record: &SecretRecord) -> String {
        let at = |moment: Timestamp| key_of(moment, name);
        match self.by {
            By::Name => name.to_owned(),
            By::Created => at(record.created),
            By::Changed => at(record.changed),
            By::Accessed => at(record.accessed.unwrap_or(Timestamp::EPOCH)),
        }
    }
}

/// A moment and a name as one text in the order of moments.
pub fn key_of(moment: Timestamp, name: &str) -> String {
    format!("{} {name}", store::ordered(moment.as_millis().max(0).unsigned_abs()))
}

/// The name in a key of [`key_of`].
pub fn name_of(key: &str) -> &str {
    key.split_once(' ').map_or(key, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_is_that_of_what_is_asked_for() {
        let early = SecretRecord::new("AAAAAA".into(), Timestamp::from_secs(9));
        let mut late = SecretRecord::new("AAAAAA".into(), Timestamp::from_secs(10));
        late.accessed = Some(Timestamp::from_secs(1));
        for by in [By::Created, By::Changed, By::Accessed] {
            let order = Order { by, descending: false };
            assert!(order.key("b", &early) < order.key("a", &late), "{by:?}");
        }
        let order = Order::new(Some(&SortByType::Name), Some(&SortOrderType::Desc));
        assert!(order.key("b", &early) > order.key("a", &late) && order.descending);
        assert_eq!(name_of(&key_of(Timestamp::from_secs(1), "a/b")), "a/b");
    }
}
