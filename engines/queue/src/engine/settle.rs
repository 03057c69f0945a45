//! Deleting, and changing visibility timeouts, by receipt.
//!
//! Standard queues accept a deletion with an old receipt and do nothing; FIFO queues refuse it once the
//! visibility timeout is over (SQS Developer Guide, "Visibility timeout"; API reference, DeleteMessage).

use std::time::Duration;

use crate::engine::{Inner, Queue, QueueEngine, Shared};
use crate::error::{EngineError, SettleError};
use crate::index::{Entry, Stage};
use crate::limits::{BATCH_MESSAGES_MAX, VISIBILITY_MILLIS_MAX};
use crate::log::{RECORD_OVERHEAD_BYTES, Record, Reserve};
use crate::message::{Kind, QueueId};
use crate::receipt::Receipt;

impl QueueEngine {
    /// Deletes messages; an answer for each, in order. A message that is gone already counts as deleted.
    pub async fn delete_batch(
        &self,
        id: QueueId,
        receipts: &[Receipt],
    ) -> Result<Vec<Result<(), SettleError>>, EngineError> {
        self.settle(id, receipts.len(), |inner, queue, shared, _now, log| {
            let delete_one = |receipt: &Receipt| {
                let Some(entry) = inner.check(queue, shared, receipt)? else { return Ok(()) };
                let entry = shared.index.remove(entry.sequence).expect("it was just found");
                let sequence = entry.sequence;
                log.note(&Record::Removed { queue: queue.id, first: sequence, last: sequence });
                log.release(entry.location());
                Ok(())
            };
            receipts.iter().map(delete_one).collect()
        })
        .await
    }

    /// Lets the timeout of each message end so long after now; zero makes it visible at once.
    pub async fn change_visibility_batch(
        &self,
        id: QueueId,
        changes: &[(Receipt, Duration)],
    ) -> Result<Vec<Result<(), SettleError>>, EngineError> {
        self.settle(id, changes.len(), |inner, queue, shared, now, log| {
            let change_one = |(receipt, timeout): &(Receipt, Duration)| {
                let known = inner.check(queue, shared, receipt)?;
                let Some(entry) = known else { return Err(SettleError::Gone) };
                if entry.stage != Stage::InFlight {
                    return Err(SettleError::NotInFlight);
                }
                let deadline = now.saturating_add(i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX));
                if deadline.saturating_sub(entry.last_at) > VISIBILITY_MILLIS_MAX {
                    return Err(SettleError::TooLong);
                }
                let sequence = entry.sequence;
                shared.index.hide(sequence, deadline, now);
                log.note(&Record::Hidden { queue: queue.id, sequence, deadline });
                Ok(())
            };
            changes.iter().map(change_one).collect()
        })
        .await
    }

    async fn settle(
        &self,
        id: QueueId,
        count: usize,
        change: impl FnOnce(
            &Inner,
            &Queue,
            &mut Shared,
            i64,
            &mut crate::log::Appender<'_>,
        ) -> Vec<Result<(), SettleError>>,
    ) -> Result<Vec<Result<(), SettleError>>, EngineError> {
        if count > BATCH_MESSAGES_MAX {
            return Err(EngineError::TooMany { count });
        }
        let inner = &self.0.inner;
        let queue = inner.queue(id)?;
        let (answers, position) = {
            let (mut shared, now) = inner.enter(&queue)?;
            let mut log = inner.log.append();
            log.admit(count * RECORD_OVERHEAD_BYTES, Reserve::ForPurges)?;
            let answers = change(inner, &queue, &mut shared, now, &mut log);
            // Also where nothing was changed: what made it so may not be on disk yet.
            let position = log.position();
            drop(log);
            shared.wake();
            (answers, position)
        };
        inner.log.durable.wait(position).await?;
        Ok(answers)
    }
}

impl Inner {
    /// The message a receipt speaks for; none if it is gone or, in a standard queue, was received again since.
    fn check(&self, queue: &Queue, shared: &Shared, receipt: &Receipt) -> Result<Option<Entry>, SettleError> {
        if receipt.queue != queue.id || receipt.count == 0 || !self.log.has_given(receipt.sequence) {
            return Err(SettleError::Invalid);
        }
        let Some(entry) = shared.index.get(receipt.sequence).copied() else { return Ok(None) };
        let latest = receipt.count == entry.count;
        if receipt.count > entry.count || (latest && receipt.nonce != entry.nonce) {
            return Err(SettleError::Invalid);
        }
        match shared.config.kind {
            Kind::Fifo if !latest || entry.stage != Stage::InFlight => Err(SettleError::Expired),
            Kind::Standard if !latest => Ok(None),
            _ => Ok(Some(entry)),
        }
    }
}
