//! Going through the records of a bucket in the order of their keys, some at a time, with seeks over what does not
//! matter: what all lists are made with.

use std::collections::VecDeque;

use store::{Select, StoreError, Table, Tx, Versioned};

use crate::limits::{LIST_ENTRIES_MAX, LIST_LOOK_ENTRIES_MIN};
use crate::model::listing::{Query, Start, beyond};
use crate::model::version::{escaped, key_of, place_prefix};
use crate::records::BucketId;

/// How a table's records are placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Places {
    /// By the key itself: one record a key.
    Keys,
    /// By [`place_prefix`] of the key and what tells its records apart.
    Spread,
}

/// A record, and where it was.
#[derive(Debug)]
pub struct Found<R> {
    pub key: String,
    /// Empty where the key is the place.
    pub place: String,
    pub record: R,
}

/// One table's records from somewhere on.
pub struct Cursor<'a, R> {
    tx: &'a Tx,
    table: &'a Table<BucketId, R>,
    bucket: BucketId,
    places: Places,
    prefix: String,
    /// The next look begins after this.
    after: Option<String>,
    /// There may be more in the table than was looked at.
    more: bool,
    /// How much the next look takes.
    look: usize,
    /// What a look takes after a seek.
    first_look: usize,
    found: VecDeque<Found<R>>,
}

impl<'a, R: Versioned> Cursor<'a, R> {
    pub fn new(
        tx: &'a Tx,
        table: &'a Table<BucketId, R>,
        bucket: BucketId,
        places: Places,
        query: &Query,
    ) -> Cursor<'a, R> {
        // Without groups everything that is looked at is shown.
        let first_look = if query.delimiter.is_some() { LIST_LOOK_ENTRIES_MIN } else { LIST_ENTRIES_MAX };
        Cursor {
            tx,
            table,
            bucket,
            places,
            prefix: places.beginning(&query.prefix),
            after: None,
            more: true,
            look: first_look,
            first_look,
            found: VecDeque::new(),
        }
    }

    /// Begins where a list does.
    pub fn start(mut self, start: &Start) -> Cursor<'a, R> {
        self.after = match start {
            Start::First => None,
            Start::After(key) => Some(self.places.end_of(key)),
            Start::Over(group) => Some(beyond(&self.places.beginning(group))),
        };
        self
    }

    /// Begins after a place.
    pub fn start_after(mut self, place: String) -> Cursor<'a, R> {
        self.after = Some(place);
        self
    }

    /// Puts one before all that comes.
    pub fn begin_with(mut self, first: Found<R>) -> Cursor<'a, R> {
        self.found.push_front(first);
        self
    }

    /// What is next. `room` is how much more the page takes: nothing beyond what is one too many is looked at.
    pub async fn peek(&mut self, room: usize) -> Result<Option<&Found<R>>, StoreError> {
        if self.found.is_empty() && self.more {
            self.look(self.look.min(room + 1)).await?;
        }
        Ok(self.found.front())
    }

    /// What [`Cursor::peek`] showed.
    pub fn take(&mut self) -> Option<Found<R>> {
        self.found.pop_front()
    }

    /// Passes over all keys that begin like this.
    pub fn pass_over(&mut self, group: &str) {
        while self.found.front().is_some_and(|found| found.key.starts_with(group)) {
            self.found.pop_front();
        }
        if self.found.is_empty() && self.more {
            self.after = Some(beyond(&self.places.beginning(group)));
            self.look = self.first_look;
        }
    }

    async fn look(&mut self, entries: usize) -> Result<(), StoreError> {
        let select = Select::prefix(&self.prefix).after(self.after.as_deref());
        let listing = self.table.scan(self.tx, &self.bucket, select, entries).await?;
        self.more = listing.next.is_some();
        self.after = listing.next;
        self.look = (self.look * 2).min(LIST_ENTRIES_MAX);
        let places = self.places;
        self.found.extend(listing.records.into_iter().map(|(place, record)| places.found(place, record)));
        Ok(())
    }
}

impl Places {
    /// The beginning of the places of all keys that begin like this.
    fn beginning(self, prefix: &str) -> String {
        match self {
            Places::Keys => prefix.to_owned(),
            Places::Spread => escaped(prefix),
        }
    }

    /// Comes after all records of the key, and before those of the next.
    fn end_of(self, key: &str) -> String {
        match self {
            Places::Keys => key.to_owned(),
            Places::Spread => beyond(&place_prefix(key)),
        }
    }

    fn found<R>(self, place: String, record: R) -> Found<R> {
        match self {
            Places::Keys => Found { key: place, place: String::new(), record },
            Places::Spread => {
                Found { key: key_of(&place).expect("places are made by place_prefix"), place, record }
            }
        }
    }
}
