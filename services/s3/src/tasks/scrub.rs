//! Reads content for the sake of reading it: damage is found while it can still be mended from elsewhere, and not when
//! somebody needs the object.
//!
//! A pass verifies as much as is not felt, and notes how far it came; a round through everything begins once a week.
//! What is damaged is logged with the object's name, and kept in [`DAMAGED`] until it is whole or gone.

use std::sync::Arc;
use std::time::Duration;

use object_engine::EngineError;
use service::{Nudge, Pass, Task};
use store::Tx;

use crate::S3;
use crate::contents::{self, Held};
use crate::error::Error;
use crate::limits::{SCRUB_BYTES_AT_ONCE_MAX, SCRUB_RECORDS_AT_ONCE_MAX};
use crate::records::{DAMAGED, DamagedRecord, ROUNDS, RoundRecord, SCRUB};

const PERIOD: Duration = Duration::from_secs(7 * 24 * 3600);
const PAUSE: Duration = Duration::from_secs(1);

pub fn task(s3: &Arc<S3>) -> Task {
    Task::of(s3, "s3.scrub", PERIOD, Nudge::default(), |s3| async move { pass(&s3).await })
}

async fn pass(s3: &S3) -> Result<Pass, Error> {
    let now = s3.clock.now();
    let found = s3.store.read(|tx| async move { ROUNDS.get(&tx, &(), SCRUB).await }).await?;
    let round = found.unwrap_or_default();
    if round.at.is_none() {
        let rest = round.finished.map_or(Duration::ZERO, |finished| (finished + PERIOD).since(now));
        if !rest.is_zero() {
            return Ok(Pass::Again(rest));
        }
    }
    let mut position = Some(round.at.clone().unwrap_or_default());
    let mut budget = Budget::default();
    while let Some(at) = position.take_if(|_| !budget.is_spent()) {
        let (held, next) = contents::page(&s3.store, &at, SCRUB_RECORDS_AT_ONCE_MAX).await?;
        for held in &held {
            check(s3, held).await?;
            budget.spend(held);
        }
        // Going from bucket to bucket is work, too.
        budget.records += 1;
        position = next;
        if position.is_none() {
            let ended = RoundRecord { finished: Some(now), at: None, ..round };
            note(s3, &ended).await?;
            return Ok(Pass::Again(PERIOD));
        }
    }
    note(s3, &RoundRecord { at: position, ..round }).await?;
    Ok(Pass::Again(PAUSE))
}

/// What one pass may read.
#[derive(Default)]
struct Budget {
    records: usize,
    bytes: u64,
}

impl Budget {
    fn spend(&mut self, held: &Held) {
        self.records += 1;
        self.bytes += held.extents.iter().map(|extent| extent.length).sum::<u64>();
    }

    fn is_spent(&self) -> bool {
        self.records >= SCRUB_RECORDS_AT_ONCE_MAX || self.bytes >= SCRUB_BYTES_AT_ONCE_MAX
    }
}

async fn note(s3: &S3, round: &RoundRecord) -> Result<(), Error> {
    s3.store.transact(|tx| async move { ROUNDS.put(&tx, &(), SCRUB, round).await }).await?;
    Ok(())
}

/// Verifies what one record refers to, and writes down what is wrong with it.
async fn check(s3: &S3, held: &Held) -> Result<(), Error> {
    let mut damage = None;
    for extent in &held.extents {
        match s3.engine.verify(extent).await {
            Ok(()) => {}
            Err(error @ (EngineError::Corrupt { .. } | EngineError::NotFound)) => {
                damage = Some(error);
                break;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let Some(damage) = damage else { return forget(s3, held).await };
    let holder = &held.holder;
    // What was replaced or deleted while it was read is nobody's loss.
    if !contents::is_held(&s3.store, held).await? {
        return Ok(());
    }
    tracing::error!(object = %holder, %damage, "stored content is damaged; reading it will fail");
    let record = DamagedRecord {
        bucket: holder.bucket.clone(),
        key: holder.key.clone(),
        what: holder.what.clone(),
        found: s3.clock.now(),
        damage: damage.to_string(),
    };
    let record = &record;
    s3.store
        .transact(|tx: Tx| async move { DAMAGED.put(&tx, &holder.id, &holder.place(), record).await })
        .await?;
    Ok(())
}

/// A version that was damaged once and is whole now: the disk has come to its senses.
async fn forget(s3: &S3, held: &Held) -> Result<(), Error> {
    let holder = &held.holder;
    let is_noted = s3
        .store
        .read(|tx| async move { DAMAGED.get(&tx, &holder.id, &holder.place()).await })
        .await?
        .is_some();
    if is_noted {
        s3.store
            .transact(|tx: Tx| async move { DAMAGED.delete(&tx, &holder.id, &holder.place()).await })
            .await?;
    }
    Ok(())
}
