//! The only way items change. Whatever an action comes to, its item, the entries of the indexes, the record in the
//! stream, the history and the size of the item collection are written in one change of the engine: all of it or
//! nothing, and nobody sees a part.

use std::collections::HashMap;
use std::sync::Arc;

use base::Timestamp;
use bytes::Bytes;
use item_engine::keys::{self, KeyValue};
use item_engine::{Item, size};
use table_engine::{SpaceId, Write};

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::action::{Action, Decided, Outcome, Verb};
use crate::model::capacity::{Units, write_units};
use crate::model::expiry;
use crate::model::history::{self, Origin};
use crate::model::indexing::{self, Side};
use crate::model::stream_record::{self, By};

/// When a change is made, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    pub now: Timestamp,
    pub by: By,
    /// Where it was made first, if not here.
    pub origin: Option<Origin>,
}

impl Stamp {
    pub fn caller(now: Timestamp) -> Stamp {
        Stamp { now, by: By::Caller, origin: None }
    }
}

/// What an operation has to know of a change afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wants {
    /// The item before.
    pub old: bool,
    /// What it cost.
    pub units: bool,
}

/// What became of an action.
#[derive(Debug)]
pub struct Saved {
    pub key: Bytes,
    pub decided: Decided,
    /// Where they were wanted, and the size that they follow from.
    pub units: Units,
    pub bytes: usize,
    /// The bytes of the item's collection, where the table has local indexes.
    pub collection_bytes: Option<u64>,
}

impl Saved {
    /// Which collection the item is in, and how large that is.
    pub fn collection(&self) -> (&[u8], Option<u64>) {
        (&self.key, self.collection_bytes)
    }
}

/// Does one action.
pub async fn save(dynamodb: &DynamoDB, stamp: Stamp, action: Action, wants: Wants) -> Result<Saved, Error> {
    dynamodb.in_flight.check(action.view.items, &action.key)?;
    let mut locked = vec![(action.view.items, action.key.clone())];
    locked.extend(collection_of(&action));
    let collection_bytes_max = dynamodb.collection_bytes_max;
    let decide = move |found: &[Option<Bytes>]| {
        let sizes = found.get(1).map(|found| size_of(found.as_ref()));
        let mut ledger = Ledger::new(stamp, wants, collection_bytes_max);
        let saved = ledger.enter(action, found[0].as_ref(), sizes)?;
        Ok((ledger.writes, saved))
    };
    dynamodb.engine.change(locked, decide).await?
}

/// Does what another region did, unless this one knows of a later write of the item. Whether it was done.
pub async fn replicate(
    dynamodb: &DynamoDB,
    origin: Origin,
    now: Timestamp,
    action: Action,
) -> Result<bool, Error> {
    let Some(target) = action.view.replication else { return Ok(false) };
    let mut locked = vec![(action.view.items, action.key.clone()), (target.versions, action.key.clone())];
    locked.extend(collection_of(&action));
    let stamp = Stamp { now, by: By::Caller, origin: Some(origin) };
    let collection_bytes_max = dynamodb.collection_bytes_max;
    let decide = move |found: &[Option<Bytes>]| {
        let known = found[1].as_ref().and_then(|bytes| history::Version::decode(bytes));
        if known.is_some_and(|known| !origin.beats(&known.origin)) {
            return Ok((Vec::new(), false));
        }
        let sizes = found.get(2).map(|found| size_of(found.as_ref()));
        let mut ledger = Ledger::new(stamp, Wants::default(), collection_bytes_max);
        ledger.enter(action, found[0].as_ref(), sizes)?;
        Ok((ledger.writes, true))
    };
    dynamodb.engine.change(locked, decide).await?
}

/// What one action of a transaction met.
pub type Verdict = Result<(), Error>;

/// Several actions that are done together or not at all.
pub struct Together {
    pub actions: Vec<Action>,
    pub wants: Wants,
    /// What the items may count together, each as it is before or after, whichever is more.
    pub bytes_max: Option<usize>,
    /// A key that is read and may be written besides: of the token that makes the request idempotent.
    pub token: Option<(SpaceId, Bytes)>,
}

pub const TOGETHER_TOO_LARGE: &str = "The aggregate size of the items in the transaction cannot exceed 4 MB";

/// What became of actions that were to be done together.
pub enum Combined<T> {
    Done(Vec<Saved>),
    /// By the token, this was done before.
    Repeated(T),
    /// One verdict an action, in their order; at least one is an error.
    Refused(Vec<Verdict>),
}

/// Does all actions or none. `check_token` is told what is stored under the token's key, and says whether the request
/// was done before or what is to be written there.
pub async fn save_together<T: Send + 'static>(
    dynamodb: &DynamoDB,
    stamp: Stamp,
    together: Together,
    check_token: impl FnOnce(Option<&Bytes>) -> Result<Token<T>, Error> + Send + 'static,
) -> Result<Combined<T>, Error> {
    let Together { actions, wants, bytes_max, token } = together;
    let mut locked: Vec<(SpaceId, Bytes)> =
        actions.iter().map(|action| (action.view.items, action.key.clone())).collect();
    let mut collections: HashMap<(SpaceId, Bytes), usize> = HashMap::new();
    let places: Vec<Option<usize>> = actions
        .iter()
        .map(|action| {
            let collection = collection_of(action)?;
            Some(*collections.entry(collection.clone()).or_insert_with(|| {
                locked.push(collection);
                locked.len() - 1
            }))
        })
        .collect();
    let has_token = token.is_some();
    locked.extend(token);
    let collection_bytes_max = dynamodb.collection_bytes_max;
    let decide = move |found: &[Option<Bytes>]| {
        // Nothing is refused by a value of its own: a refusal is an answer, since it carries all verdicts.
        let mut token_write = match check_token(found.last().filter(|_| has_token).and_then(Option::as_ref))?
        {
            Token::Known(answer) => return Ok((Vec::new(), Combined::Repeated(answer))),
            Token::New(write) => write.map(|write| vec![write]).unwrap_or_default(),
        };
        let mut sizes: HashMap<usize, u64> = HashMap::new();
        let mut ledger = Ledger::new(stamp, wants, collection_bytes_max);
        let mut saved = Vec::with_capacity(actions.len());
        let mut verdicts = Vec::with_capacity(actions.len());
        for (at, (action, place)) in actions.into_iter().zip(places).enumerate() {
            let size =
                place.map(|place| *sizes.entry(place).or_insert_with(|| size_of(found[place].as_ref())));
            verdicts.push(ledger.enter(action, found[at].as_ref(), size).map(|done| {
                if let (Some(place), Some(bytes)) = (place, done.collection_bytes) {
                    sizes.insert(place, bytes);
                }
                saved.push(done);
            }));
        }
        if verdicts.iter().any(Result::is_err) {
            return Ok((Vec::new(), Combined::Refused(verdicts)));
        }
        if bytes_max.is_some_and(|most| saved.iter().map(|saved: &Saved| saved.bytes).sum::<usize>() > most) {
            return Err(Error::validation(TOGETHER_TOO_LARGE));
        }
        ledger.writes.append(&mut token_write);
        Ok((ledger.writes, Combined::Done(saved)))
    };
    dynamodb.engine.change(locked, decide).await?
}

/// What a token tells.
pub enum Token<T> {
    /// The request was done, and answered with this.
    Known(T),
    New(Option<Write>),
}

/// The key of the size of the item collection that an action is about, where sizes are kept.
fn collection_of(action: &Action) -> Option<(SpaceId, Bytes)> {
    let space = action.view.collections.filter(|_| !matches!(action.verb, Verb::Check))?;
    let (hash, _) = keys::decode(&action.key, 1).ok()?;
    let hash: Vec<KeyValue<'_>> = hash.iter().filter_map(KeyValue::of).collect();
    Some((space, keys::partition(&hash).into()))
}

/// Sizes are eight bytes; what is none counts as nothing.
fn size_of(found: Option<&Bytes>) -> u64 {
    found.and_then(|bytes| bytes.first_chunk::<8>()).map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// The writes of a change, as they come together.
struct Ledger {
    stamp: Stamp,
    wants: Wants,
    collection_bytes_max: u64,
    writes: Vec<Write>,
}

impl Ledger {
    fn new(stamp: Stamp, wants: Wants, collection_bytes_max: u64) -> Ledger {
        Ledger { stamp, wants, collection_bytes_max, writes: Vec::with_capacity(1) }
    }

    /// Decides an action and notes its writes. `collection` is the size of its item collection before.
    fn enter(
        &mut self,
        action: Action,
        found: Option<&Bytes>,
        collection: Option<u64>,
    ) -> Result<Saved, Error> {
        let (view, key) = (action.view.clone(), action.key.clone());
        let is_check = matches!(action.verb, Verb::Check);
        let decided = action.decide(found, self.wants.old || self.wants.units)?;
        let old = decided.old.as_ref().zip(found).map(|(item, bytes)| Side { item, bytes });
        let new = match &decided.outcome {
            Outcome::Stored { item, bytes } => Some(Side { item, bytes }),
            Outcome::Removed => None,
            Outcome::Same => old,
        };
        let is_same = match &decided.outcome {
            Outcome::Same => true,
            Outcome::Stored { bytes, .. } => found == Some(bytes),
            Outcome::Removed => false,
        };
        let (mut units, mut bytes_more) = (Units::default(), 0);
        if self.wants.units {
            let bytes = |side: Option<Side<'_>>| side.map_or(0, |side| size::item_bytes(side.item));
            bytes_more = bytes(old).max(bytes(new));
            units.table = write_units(bytes_more);
        }
        let mut collection_bytes = collection;
        // What changes nothing is not written, and no stream tells of it.
        if !is_same && !is_check {
            let effects = indexing::effects(&view, &key, old, new);
            units.add(&effects.units);
            if let Some(before) = collection {
                let growth = growth(old, new) + effects.local_growth;
                collection_bytes = Some(self.resize(&view, &key, before, growth)?);
            }
            self.write(&view, &key, found, new);
            self.writes.extend(effects.writes);
            if let Some(target) = &view.expiry {
                self.writes.extend(expiry::writes(target, &key, old, new));
            }
        }
        Ok(Saved { key, decided, units, bytes: bytes_more, collection_bytes })
    }

    /// The item, its record in the stream, its history.
    fn write(&mut self, view: &TableView, key: &Bytes, found: Option<&Bytes>, new: Option<Side<'_>>) {
        let space = view.items;
        self.writes.push(match new {
            Some(side) => Write::Put { space, key: key.clone(), value: side.bytes.clone() },
            None => Write::Delete { space, key: key.clone() },
        });
        let new_bytes = new.map(|side| side.bytes);
        if let Some(stream) = &view.stream {
            let keys = self.keys_of(view, key);
            let stamp = (self.stamp.now, self.stamp.by);
            let value = stream_record::encode(stream.view, stamp, &keys, found, new_bytes);
            self.writes.push(Write::Append { space: stream.space, value });
        }
        let change = history::Change {
            key,
            old: found.map(|bytes| &bytes[..]),
            new: new_bytes.map(|bytes| &bytes[..]),
            at: self.stamp.now,
            origin: self.stamp.origin,
        };
        self.writes.extend(history::writes(view, &change));
    }

    fn keys_of(&self, view: &TableView, key: &[u8]) -> Item {
        let parts = view.key.attributes().count();
        let (values, _) = keys::decode(key, parts).expect("the key was made from the schema");
        view.key.attributes().map(|attribute| attribute.name.clone()).zip(values).collect()
    }

    /// Notes the size of a collection, if it may be that.
    fn resize(&mut self, view: &TableView, key: &[u8], before: u64, growth: i64) -> Result<u64, Error> {
        let after = before.saturating_add_signed(growth);
        if growth > 0 && after > self.collection_bytes_max {
            return Err(Error::ItemCollectionSizeLimitExceeded);
        }
        let (hash, _) = keys::decode(key, 1).map_err(Error::internal)?;
        let hash: Vec<KeyValue<'_>> = hash.iter().filter_map(KeyValue::of).collect();
        let space = view.collections.expect("only tables that keep sizes are told one");
        let key: Bytes = keys::partition(&hash).into();
        self.writes.push(match after {
            0 => Write::Delete { space, key },
            after => Write::Put { space, key, value: Bytes::copy_from_slice(&after.to_be_bytes()) },
        });
        Ok(after)
    }
}

fn growth(old: Option<Side<'_>>, new: Option<Side<'_>>) -> i64 {
    let bytes = |side: Option<Side<'_>>| {
        i64::try_from(side.map_or(0, |side| size::item_bytes(side.item)))
            .expect("items are bounded far below")
    };
    bytes(new) - bytes(old)
}

/// The entry that an index has of an item that is there already: for filling an index that was added.
pub fn index_entry(
    view: &TableView,
    index: &crate::directory::IndexView,
    key: &[u8],
    bytes: &Bytes,
) -> Result<Option<Write>, Error> {
    let item = crate::model::action::decode(bytes)?;
    let Some(entry_key) = crate::model::primary_key::in_index(index, &item, key) else { return Ok(None) };
    let value = indexing::entry(view, index, Side { item: &item, bytes });
    Ok(Some(Write::Put { space: index.space, key: entry_key.into(), value }))
}

/// Deletes an item whose time is over, if it still is: the attribute may have been changed since it was looked at.
pub async fn expire(
    dynamodb: &DynamoDB,
    view: Arc<TableView>,
    key: Bytes,
    now: Timestamp,
    is_over: impl Fn(&Item) -> bool + Send + 'static,
) -> Result<bool, Error> {
    let mut action = Action::new(view, key, Verb::Delete);
    action.guard = Some(Box::new(is_over));
    let stamp = Stamp { now, by: By::TimeToLive, origin: None };
    match save(dynamodb, stamp, action, Wants::default()).await {
        Ok(saved) => Ok(matches!(saved.decided.outcome, Outcome::Removed)),
        // A transaction has it: there will be another pass.
        Err(Error::ConditionalCheckFailed { .. } | Error::TransactionConflict) => Ok(false),
        Err(error) => Err(error),
    }
}
