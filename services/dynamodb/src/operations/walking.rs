//! What Query and Scan have in common: pages of a table or an index, in order, filtered and shaped.
//!
//! Surprising, and kept: `Limit` and the 1 MiB of a page count what is looked at, not what is answered; a page that
//! ended at its limit says where to go on even where nothing is left; and the item that takes a page over its size is
//! still part of it.

use std::sync::Arc;

use bytes::Bytes;
use item_engine::Item;
use item_engine::expression::{Condition, Projection};
use item_engine::partiql::Columns;
use item_engine::{encoding, keys};
use table_engine::{Direction, KeyRange, ScanLimit, SpaceId};

use crate::DynamoDB;
use crate::directory::{IndexView, TableView};
use crate::error::Error;
use crate::limits::{PAGE_BYTES_MAX, PAGE_ENTRIES_AT_ONCE};
use crate::model::action::decode;
use crate::model::capacity::{Units, read_units};
use crate::model::reading::{shown_item, stored_bytes};
use crate::model::values::{self, Attributes};

/// What is read, and what is made of it.
pub struct Walk {
    pub view: Arc<TableView>,
    /// The index's place among the table's.
    pub index: Option<usize>,
    pub range: KeyRange,
    pub direction: Direction,
    pub limit: Option<usize>,
    pub filter: Option<Condition>,
    pub shape: Shape,
    /// Whether what a local index lacks is read from the table.
    pub fetches: bool,
    pub consistent: bool,
}

/// What is answered of each item.
pub enum Shape {
    Count,
    Whole,
    Projected(Projection),
    /// Of a statement: attributes under names of their own.
    Columns(Columns),
}

/// A page.
#[derive(Debug, Default)]
pub struct Walked {
    pub items: Vec<Attributes>,
    pub count: usize,
    pub scanned: usize,
    /// The key of the last item that was looked at, if the page ended before the range did.
    pub last: Option<Item>,
    /// The same as the engine has it.
    pub last_key: Option<Vec<u8>>,
    /// What was looked at.
    pub bytes: usize,
    pub units: Units,
}

impl Walk {
    pub fn index_view(&self) -> Option<&IndexView> {
        self.index.map(|place| &self.view.indexes[place])
    }

    fn space(&self) -> SpaceId {
        self.index_view().map_or(self.view.items, |index| index.space)
    }
}

pub async fn walk(dynamodb: &DynamoDB, walk: &Walk) -> Result<Walked, Error> {
    let filtered = walk.filter.iter().flat_map(Condition::attributes).collect();
    let mut page = Page { walk, filtered, walked: Walked::default(), bytes: 0, fetched_units: 0.0 };
    let mut range = walk.range.clone();
    let snapshot = walk.fetches.then(|| dynamodb.engine.snapshot());
    while !range.is_empty() {
        let limit = page.next_limit();
        let found = match &snapshot {
            Some(snapshot) => snapshot.scan(walk.space(), &range, walk.direction, limit).await?,
            None => dynamodb.engine.scan(walk.space(), &range, walk.direction, limit).await?,
        };
        for (key, entry) in &found.pairs {
            let item = match &snapshot {
                Some(snapshot) => snapshot.get(walk.view.items, item_key(walk, key)?).await?,
                None => None,
            };
            if page.take(entry, item)? {
                page.walked.last = Some(key_item(walk, key)?);
                page.walked.last_key = Some(key.to_vec());
                return Ok(page.finish());
            }
        }
        match found.pairs.last() {
            Some((last, _)) if found.more => range = range.beyond(last, walk.direction),
            _ => break,
        }
    }
    Ok(page.finish())
}

/// The key that an entry of an index has of its item.
fn item_key<'k>(walk: &Walk, key: &'k [u8]) -> Result<&'k [u8], Error> {
    let parts = walk.index_view().map_or(0, |index| index.key.attributes().count());
    let (_, rest) = keys::decode(key, parts).map_err(Error::internal)?;
    Ok(rest)
}

/// The attributes of an item's key, and of its key in the index.
fn key_item(walk: &Walk, key: &[u8]) -> Result<Item, Error> {
    let mut item = Item::new();
    let mut rest = key;
    if let Some(index) = walk.index_view() {
        let (values, behind) = keys::decode(key, index.key.attributes().count()).map_err(Error::internal)?;
        item.extend(index.key.attributes().map(|attribute| attribute.name.clone()).zip(values));
        rest = behind;
    }
    let (values, _) = keys::decode(rest, walk.view.key.attributes().count()).map_err(Error::internal)?;
    item.extend(walk.view.key.attributes().map(|attribute| attribute.name.clone()).zip(values));
    Ok(item)
}

struct Page<'w> {
    walk: &'w Walk,
    /// The attributes that the filter looks at.
    filtered: Vec<&'w str>,
    walked: Walked,
    bytes: usize,
    /// What reading from the table cost besides the index.
    fetched_units: f64,
}

impl Page<'_> {
    /// How much more is worth being read at once.
    fn next_limit(&self) -> ScanLimit {
        let left = self.walk.limit.map_or(usize::MAX, |limit| limit - self.walked.scanned);
        // An entry may be kept in fewer bytes than it counts, or in more.
        ScanLimit { entries: left.min(PAGE_ENTRIES_AT_ONCE), bytes: (PAGE_BYTES_MAX - self.bytes).max(1) }
    }

    /// Takes one more entry, and the item it is of where that was read; says whether the page is full.
    fn take(&mut self, entry: &Bytes, item: Option<Bytes>) -> Result<bool, Error> {
        self.walked.scanned += 1;
        let fetched = item.as_ref();
        let bytes = self.shape(fetched.unwrap_or(entry))?;
        if fetched.is_some() {
            self.fetched_units += read_units(bytes, self.walk.consistent);
            self.bytes += stored_bytes(entry)?;
        } else {
            self.bytes += bytes;
        }
        let is_limit = self.walk.limit == Some(self.walked.scanned);
        Ok(is_limit || self.bytes >= PAGE_BYTES_MAX)
    }

    /// Filters and shapes an item, and tells its size. No more of it is decoded than that needs.
    fn shape(&mut self, stored: &[u8]) -> Result<usize, Error> {
        let bytes = stored_bytes(stored)?;
        if let Some(filter) = &self.walk.filter {
            let looked_at = encoding::decode_only(stored, &self.filtered).map_err(Error::internal)?;
            if !filter.evaluate(&looked_at) {
                return Ok(bytes);
            }
        }
        self.walked.count += 1;
        let attributes = match &self.walk.shape {
            Shape::Count => return Ok(bytes),
            Shape::Whole => shown_item(stored, None)?,
            Shape::Projected(projection) => shown_item(stored, Some(projection))?,
            Shape::Columns(columns) => values::attributes(columns.apply(decode(stored)?)),
        };
        self.walked.items.push(attributes);
        Ok(bytes)
    }

    fn finish(mut self) -> Walked {
        let units = read_units(self.bytes, self.walk.consistent);
        self.walked.units = match self.walk.index {
            Some(place) => Units::of_index(place, units),
            None => Units::of_table(units),
        };
        self.walked.units.table += self.fetched_units;
        self.walked.bytes = self.bytes;
        self.walked
    }
}
