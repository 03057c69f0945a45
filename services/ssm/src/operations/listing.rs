//! Looking through the parameters of an account, a bounded number a page.
//!
//! What is asked for lies in few ranges of keys (see [`crate::model::name`]), so a page costs the same wherever it is.

use base::AccountId;
use base::Region;
use store::{Select, StoreError, Tx};

use crate::limits::PAGE_RECORDS_MAX;
use crate::model::filter::{Filters, Keys};
use crate::records::{PARAMETERS, ParameterRecord};

/// What to look for.
pub struct Search<'a> {
    pub scope: (AccountId, Region),
    /// Ascending and apart from each other.
    pub ranges: &'a [Keys],
    pub filters: &'a Filters,
    /// The key after which to go on.
    pub after: Option<&'a str>,
    pub limit: usize,
}

/// One page.
#[derive(Debug, Default)]
pub struct Found {
    /// Keys and records.
    pub records: Vec<(String, ParameterRecord)>,
    /// The key after which to go on, if there may be more.
    pub next: Option<String>,
    /// How many records were looked at.
    pub looked_at: usize,
}

impl Search<'_> {
    pub async fn run(&self, tx: &Tx) -> Result<Found, StoreError> {
        let mut found = Found::default();
        for (index, range) in self.ranges.iter().enumerate() {
            if self.is_behind(range) {
                continue;
            }
            let ends_within = self.look_through(tx, range, &mut found).await?;
            let is_full = found.records.len() >= self.limit || found.looked_at >= PAGE_RECORDS_MAX;
            if ends_within || (is_full && self.is_more(tx, &self.ranges[index + 1..]).await?) {
                return Ok(found);
            }
            if is_full {
                break;
            }
        }
        found.next = None;
        Ok(found)
    }

    /// Whether all of a range comes before where the listing goes on.
    fn is_behind(&self, range: &Keys) -> bool {
        self.after.is_some_and(|after| match range {
            Keys::Exactly(key) => key.as_str() <= after,
            Keys::BeginningWith(prefix) => prefix.as_str() <= after && !after.starts_with(prefix),
        })
    }

    /// Adds what one range has. Returns whether the page is over before the range is.
    async fn look_through(&self, tx: &Tx, range: &Keys, found: &mut Found) -> Result<bool, StoreError> {
        let prefix = match range {
            Keys::Exactly(key) => {
                let record = PARAMETERS.get(tx, &self.scope, key).await?;
                record.into_iter().for_each(|record| self.take(key.clone(), record, found));
                return Ok(false);
            }
            Keys::BeginningWith(prefix) => prefix,
        };
        let mut after = self.after.filter(|after| after.starts_with(prefix.as_str())).map(str::to_owned);
        loop {
            let wanted = self.limit - found.records.len();
            let left = PAGE_RECORDS_MAX - found.looked_at;
            // With filters, most of what is looked at may not be wanted.
            let chunk = if self.filters.is_empty() { wanted } else { left };
            let select = Select::prefix(prefix).after(after.as_deref());
            let page = PARAMETERS.scan(tx, &self.scope, select, chunk.min(left)).await?;
            let last = page.records.len();
            for (number, (key, record)) in page.records.into_iter().enumerate() {
                self.take(key, record, found);
                let is_over = found.records.len() >= self.limit || found.looked_at >= PAGE_RECORDS_MAX;
                if is_over && (number + 1 < last || page.next.is_some()) {
                    return Ok(true);
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(false),
            }
        }
    }

    fn take(&self, key: String, record: ParameterRecord, found: &mut Found) {
        found.looked_at += 1;
        found.next = Some(key.clone());
        if self.filters.let_through(&record.subject(&key)) {
            found.records.push((key, record));
        }
    }

    /// Whether there is anything in these ranges.
    async fn is_more(&self, tx: &Tx, ranges: &[Keys]) -> Result<bool, StoreError> {
        for range in ranges {
            let is_any = match range {
                Keys::Exactly(key) => PARAMETERS.get(tx, &self.scope, key).await?.is_some(),
                Keys::BeginningWith(prefix) => {
                    !PARAMETERS.scan(tx, &self.scope, Select::prefix(prefix), 1).await?.records.is_empty()
                }
            };
            if is_any {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::labels::Labels;
    use crate::model::name::{ParameterName, ParameterPath};
    use crate::model::tier::Tier;
    use crate::model::value::Kind;
    use crate::records::{Value, VersionRecord};
    use base::Timestamp;
    use ssm_api::ParameterStringFilter;
    use store::{SimOptions, Store};

    const SCOPE: (AccountId, Region) = (AccountId::DEV, Region::US_EAST_1);

    fn record(name: &str, kind: Kind) -> ParameterRecord {
        let current = VersionRecord {
            version: 1,
            request: String::new(),
            modified: Timestamp::EPOCH,
            user: String::new(),
            kind,
            value: Value::Plain("v".to_owned()),
            key_id: None,
            description: None,
            allowed_pattern: None,
            tier: Tier::Standard,
            data_type: "text".to_owned(),
            policies: Vec::new(),
        };
        ParameterRecord {
            name: name.to_owned(),
            current,
            oldest: 1,
            labels: Labels::new(),
            tags: std::collections::BTreeMap::new(),
            sharing: None,
            expires: None,
        }
    }

    async fn store_of(names: &[String]) -> Store {
        let (store, _) = Store::simulated(1, SimOptions::default());
        for some in names.chunks(1000) {
            let filled = store.transact(|tx| async move {
                for name in some {
                    let kind = if name.ends_with('7') { Kind::StringList } else { Kind::String };
                    let key = ParameterName::parse(name).unwrap().key();
                    PARAMETERS.put(&tx, &SCOPE, &key, &record(name, kind)).await?;
                }
                Ok::<_, StoreError>(())
            });
            filled.await.unwrap();
        }
        store
    }

    /// All pages of a listing: what they show, and the most that one of them looked at.
    async fn pages(store: &Store, ranges: &[Keys], filters: &Filters, limit: usize) -> (Vec<String>, usize) {
        let (mut names, mut most, mut after) = (Vec::new(), 0, None::<String>);
        loop {
            let search = Search { scope: SCOPE, ranges, filters, after: after.as_deref(), limit };
            let search = &search;
            let found = store.read(|tx| async move { search.run(&tx).await }).await.unwrap();
            assert!(found.records.len() <= limit);
            names.extend(found.records.into_iter().map(|(_, record)| record.name));
            most = most.max(found.looked_at);
            match found.next {
                Some(next) => after = Some(next),
                None => return (names, most),
            }
        }
    }

    fn path(text: &str, recursive: bool) -> Vec<Keys> {
        let prefixes = ParameterPath::parse(text).unwrap().prefixes(recursive);
        prefixes.into_iter().map(Keys::BeginningWith).collect()
    }

    /// Everything that was put, below one path each.
    fn hundred_thousand() -> Vec<String> {
        let flat = (0..50_000).map(|n| format!("/many/{n:06}"));
        let deep = (0..49_000).map(|n| format!("/tree/{:03}/{:03}/leaf", n / 1000, n % 1000));
        flat.chain(deep).chain((0..1000).map(|n| format!("/tree/zz-{n:03}"))).collect()
    }

    #[tokio::test]
    async fn a_page_looks_at_as_much_as_it_shows_wherever_it_is_among_100000() {
        let names = hundred_thousand();
        let store = store_of(&names).await;
        let none = Filters::default();
        // Page by page through the flat path, and through the direct children of one with 49,000 deeper ones.
        let (shown, most) = pages(&store, &path("/many", false), &none, 10).await;
        assert_eq!((shown.len(), most), (50_000, 10));
        let (shown, most) = pages(&store, &path("/tree", false), &none, 10).await;
        assert_eq!((shown.len(), most), (1000, 10));
        let (shown, most) = pages(&store, &path("/tree/048", true), &none, 10).await;
        assert_eq!((shown.len(), most), (1000, 10));
        let (mut shown, most) = pages(&store, &path("/", true), &none, 50).await;
        let mut all = names;
        all.sort();
        shown.sort();
        assert!(shown == all && most == 50);
    }

    #[tokio::test]
    async fn a_filter_that_lets_little_through_still_has_bounded_pages() {
        let names: Vec<String> = (0..5000).map(|n| format!("/x/{n:05}")).collect();
        let store = store_of(&names).await;
        let kind = ParameterStringFilter {
            key: "Type".to_owned(),
            option: None,
            values: Some(vec!["StringList".to_owned()]),
        };
        let filters = Filters::by_path(Some(vec![kind])).unwrap();
        let (shown, most) = pages(&store, &path("/x", false), &filters, 50).await;
        assert!(shown.len() == 500 && most <= PAGE_RECORDS_MAX, "{} {most}", shown.len());
    }

    #[tokio::test]
    async fn no_page_is_empty_because_the_last_was_just_full() {
        let names: Vec<String> = (0..10).map(|n| format!("/a/{n}")).collect();
        let store = store_of(&names).await;
        let none = Filters::default();
        let ranges = path("/a", true);
        let search = Search { scope: SCOPE, ranges: &ranges, filters: &none, after: None, limit: 10 };
        let search = &search;
        let found = store.read(|tx| async move { search.run(&tx).await }).await.unwrap();
        assert_eq!((found.records.len(), found.next), (10, None));
    }
}
