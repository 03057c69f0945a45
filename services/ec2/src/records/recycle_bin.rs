//! What lies in the recycle bin. It is out of the tables of its kind, so that nothing finds it, and its tags, its place
//! and what it costs stay.

use std::time::Duration;

use base::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Table, Tx, Versioned, ordered};

use super::instances::PlaceRecord;
use super::{Place, Resource};
use crate::error::Error;
use crate::resources;

/// Whatever is in the bin has this tag, which is AWS's own ("Considerations for Recycle Bin").
pub const IN_BIN: &str = "aws:recycle-bin:resource-in-bin";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BinRecord<R> {
    pub record: R,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl<R: Versioned> Versioned for BinRecord<R> {
    const VERSION: u16 = R::VERSION;
}

/// Those of a kind, by their ids: kinds share the table.
pub const fn bin<R: Resource>() -> Table<Place, BinRecord<R>> {
    Table::new("ec2.recycle-bin")
}

/// When what leaves the bin, as `time/id`.
pub const BIN_DUE: Table<(), PlaceRecord> = Table::new("ec2.recycle-bin-due");

fn due_key(until: Timestamp, id: &str) -> String {
    format!("{}/{id}", ordered(u64::try_from(until.as_millis()).unwrap_or(0)))
}

/// When the entry with that key is due, and of what it is.
pub fn read_due(key: &str) -> Option<(Timestamp, &str)> {
    let (millis, id) = key.split_once('/')?;
    Some((Timestamp::from_millis(millis.parse().ok()?), id))
}

/// Takes a resource out of its table and puts it into the bin.
pub async fn put_in<R: Resource>(
    tx: &Tx,
    place: &Place,
    record: &R,
    from: Timestamp,
    time: Duration,
) -> Result<(), Error> {
    let (id, until) = (record.id(), from + time);
    bin::<R>().put(tx, place, id, &BinRecord { record: record.clone(), from, until }).await?;
    R::TABLE.delete(tx, place, id).await?;
    BIN_DUE.put(tx, &(), &due_key(until, id), &PlaceRecord::of(place)).await?;
    let mut tags = resources::tags(tx, place, id).await?;
    tags.insert(IN_BIN.to_owned(), "true".to_owned());
    resources::set_tags(tx, place, id, &tags).await
}

/// Puts a resource back into its table. Nothing if it is not in the bin.
pub async fn take_out<R: Resource>(tx: &Tx, place: &Place, id: &str) -> Result<Option<R>, Error> {
    let Some(found) = bin::<R>().get(tx, place, id).await? else { return Ok(None) };
    bin::<R>().delete(tx, place, id).await?;
    BIN_DUE.delete(tx, &(), &due_key(found.until, id)).await?;
    resources::put(tx, place, &found.record).await?;
    let mut tags = resources::tags(tx, place, id).await?;
    tags.remove(IN_BIN);
    resources::set_tags(tx, place, id, &tags).await?;
    Ok(Some(found.record))
}
