//! One thing that is to be done to one item: what PutItem, UpdateItem and DeleteItem do, and each part of a batch, a
//! transaction or a statement.
//!
//! [`Action::decide`] is told what is stored and says what is to be stored instead. It runs while the item is locked, so
//! everything that can be prepared before is.

use std::sync::Arc;

use bytes::Bytes;
use item_engine::expression::{Condition, Update};
use item_engine::legacy::in_legacy_words;
use item_engine::{Item, encoding, size};

use crate::directory::TableView;
use crate::error::{CONDITION_FAILED, Error};
use crate::limits::ITEM_BYTES_MAX;
use crate::model::primary_key::{IndexKeyWords, check_index_keys};
use crate::model::values::{self, check_depth};

pub struct Action {
    pub view: Arc<TableView>,
    /// The item's key in the table's space.
    pub key: Bytes,
    pub verb: Verb,
    pub existence: Existence,
    pub condition: Option<Condition>,
    /// A condition of our own: whether an item's time is over.
    pub guard: Option<Guard>,
    /// Whether a condition that fails shows the item it failed for.
    pub shows_failed: bool,
}

pub type Guard = Box<dyn Fn(&Item) -> bool + Send>;

pub enum Verb {
    Put {
        item: Item,
        bytes: Bytes,
    },
    /// Of an item that is not there, the update makes one out of its key.
    Update {
        key: Item,
        update: Update,
        words: Words,
    },
    Delete,
    /// Only the condition matters.
    Check,
}

/// How an update complains of an item that it does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    Expressions,
    Older,
}

/// What PartiQL asks of an item besides conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existence {
    Any,
    MustExist,
    MustNotExist,
    /// Without an item, nothing is to be done.
    MayBeMissing,
}

/// What an action comes to.
#[derive(Debug)]
pub struct Decided {
    /// The item before, where it is wanted.
    pub old: Option<Item>,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub enum Outcome {
    /// Nothing changes.
    Same,
    Stored {
        item: Item,
        bytes: Bytes,
    },
    Removed,
}

impl Action {
    /// Puts an item, whatever is there.
    pub fn put(view: Arc<TableView>, key: Bytes, item: Item) -> Action {
        let bytes = encoding::encode(&item).into();
        Action::new(view, key, Verb::Put { item, bytes })
    }

    pub fn new(view: Arc<TableView>, key: Bytes, verb: Verb) -> Action {
        Action {
            view,
            key,
            verb,
            existence: Existence::Any,
            condition: None,
            guard: None,
            shows_failed: false,
        }
    }

    /// Decides by what is stored. `keeps_old` says whether the item before is wanted, or only what becomes of it.
    pub fn decide(self, found: Option<&Bytes>, keeps_old: bool) -> Result<Decided, Error> {
        let Action { view, verb, existence, condition, guard, shows_failed, .. } = self;
        let keeps_old = keeps_old
            || !view.indexes.is_empty()
            || view.stream.is_some()
            || view.expiry.is_some()
            || view.collections.is_some();
        let needs_old =
            keeps_old || condition.is_some() || guard.is_some() || matches!(verb, Verb::Update { .. });
        let mut old = found.filter(|_| needs_old).map(|bytes| decode(bytes)).transpose()?;
        match (existence, found) {
            (Existence::MustExist, None) => return Err(failed(None)),
            (Existence::MustNotExist, Some(_)) => return Err(Error::DuplicateItem),
            (Existence::MayBeMissing, None) => return Ok(Decided { old, outcome: Outcome::Same }),
            _ => {}
        }
        if let Some(condition) = condition {
            let empty = Item::new();
            if !condition.evaluate(old.as_ref().unwrap_or(&empty)) {
                return Err(failed(old.filter(|_| shows_failed)));
            }
        }
        if guard.is_some_and(|guard| !old.as_ref().is_some_and(guard)) {
            return Err(failed(None));
        }
        let outcome = match verb {
            Verb::Check => Outcome::Same,
            Verb::Delete if found.is_none() => Outcome::Same,
            Verb::Delete => Outcome::Removed,
            Verb::Put { item, bytes } => Outcome::Stored { item, bytes },
            Verb::Update { key, update, words } => {
                let updated = match &old {
                    Some(old) if keeps_old => update.apply(old),
                    _ => update.apply_to(old.take().unwrap_or(key)),
                };
                let item = updated.map_err(|error| match words {
                    Words::Expressions => error,
                    Words::Older => in_legacy_words(error),
                })?;
                check_updated(&view, old.as_ref(), &item)?;
                let bytes: Bytes = encoding::encode(&item).into();
                Outcome::Stored { item, bytes }
            }
        };
        Ok(Decided { old, outcome })
    }
}

impl Decided {
    pub fn into_new_item(self) -> Option<Item> {
        match self.outcome {
            Outcome::Same => self.old,
            Outcome::Stored { item, .. } => Some(item),
            Outcome::Removed => None,
        }
    }
}

pub fn decode(bytes: &[u8]) -> Result<Item, Error> {
    encoding::decode(bytes).map_err(Error::internal)
}

fn failed(item: Option<Item>) -> Error {
    Error::ConditionalCheckFailed { message: CONDITION_FAILED.to_owned(), item: item.map(values::attributes) }
}

/// What an update makes of an item has to be one.
fn check_updated(view: &TableView, old: Option<&Item>, item: &Item) -> Result<(), Error> {
    check_index_keys(&view.indexes, old, item, IndexKeyWords::Update)?;
    item.values().try_for_each(check_depth)?;
    if size::item_bytes(item) > ITEM_BYTES_MAX {
        return Err(Error::validation("Item size to update has exceeded the maximum allowed size"));
    }
    Ok(())
}
