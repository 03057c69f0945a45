//! Emptying an outbox: what the delivering task of every service does in a pass.

use std::time::Duration;

use base::Clock;
use futures_util::stream::{self, StreamExt};
use schema::Fault;
use store::outbox::{Effect, EffectId, Outbox};
use store::{Store, StoreError};

use crate::{
    DELIVERIES_AT_ONCE_MAX, DELIVERY_QUEUES_AT_ONCE_MAX, DELIVERY_RETRY_MAX, DELIVERY_RETRY_MIN, Pass,
};

/// How one attempt at a delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It arrived, or was given up: whoever gives up says so in the log.
    Over,
    /// It is to be tried again, and what is behind it in its queue waits.
    Later,
}

/// Delivers what is due, each queue in its order and the queues side by side. One pass of a task, which the outbox's
/// watch should nudge.
pub async fn deliver<F, Fut>(store: &Store, outbox: &Outbox, clock: &Clock, attempt: F) -> Result<Pass, Fault>
where
    F: Fn(Effect) -> Fut,
    Fut: Future<Output = Delivery>,
{
    let now = clock.now();
    let batch = store
        .read(|tx| async move { outbox.next_batch(&tx, now, DELIVERIES_AT_ONCE_MAX).await })
        .await
        .map_err(|error: StoreError| Fault::internal(error))?;
    let is_full = batch.len() >= DELIVERIES_AT_ONCE_MAX;
    let mut queues: Vec<Vec<Effect>> = Vec::new();
    for effect in batch {
        match queues.last_mut().filter(|queue| queue[0].id.queue == effect.id.queue) {
            Some(queue) => queue.push(effect),
            None => queues.push(vec![effect]),
        }
    }
    let attempt = &attempt;
    let ended: Vec<Ended> = stream::iter(queues)
        .map(|queue| one_queue(queue, attempt))
        .buffer_unordered(DELIVERY_QUEUES_AT_ONCE_MAX)
        .collect()
        .await;
    settle(store, outbox, clock, &ended).await.map_err(Fault::internal)?;
    if is_full {
        return Ok(Pass::More);
    }
    let next = store
        .read(|tx| async move { outbox.next_due(&tx).await })
        .await
        .map_err(|error: StoreError| Fault::internal(error))?;
    Ok(next.map_or(Pass::Done, |at| Pass::Again(at.since(clock.now()))))
}

/// What came of one queue's part of a batch.
#[derive(Default)]
struct Ended {
    over: Vec<EffectId>,
    later: Option<(EffectId, Duration)>,
}

async fn one_queue<F, Fut>(queue: Vec<Effect>, attempt: &F) -> Ended
where
    F: Fn(Effect) -> Fut,
    Fut: Future<Output = Delivery>,
{
    let mut ended = Ended::default();
    for effect in queue {
        let (id, attempts) = (effect.id.clone(), effect.attempts);
        match attempt(effect).await {
            Delivery::Over => ended.over.push(id),
            Delivery::Later => {
                ended.later = Some((id, pause_after(attempts)));
                break;
            }
        }
    }
    ended
}

async fn settle(store: &Store, outbox: &Outbox, clock: &Clock, ended: &[Ended]) -> Result<(), StoreError> {
    if ended.is_empty() {
        return Ok(());
    }
    store
        .transact(|tx| async move {
            for Ended { over, later } in ended {
                outbox.done(&tx, over).await?;
                if let Some((id, pause)) = later {
                    outbox.retry_later(&tx, id, clock.now() + *pause).await?;
                }
            }
            Ok(())
        })
        .await
}

/// Doubles with every attempt.
fn pause_after(attempts: u32) -> Duration {
    DELIVERY_RETRY_MIN.saturating_mul(1 << attempts.min(16)).min(DELIVERY_RETRY_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Timestamp;
    use parking_lot::Mutex;

    const OUTBOX: Outbox = Outbox::new("test.effects");

    #[tokio::test]
    async fn a_queue_waits_for_its_first_effect_and_the_others_do_not() {
        let clock = Clock::manual(Timestamp::from_secs(1000));
        let store = Store::embedded_in_memory(store::Options::default()).unwrap();
        for (queue, payload) in [("a", "a1"), ("a", "a2"), ("b", "b1")] {
            store.transact(|tx| async move { OUTBOX.append(&tx, queue, payload).await }).await.unwrap();
        }
        let seen = Mutex::new(Vec::new());
        let attempt = |effect: Effect| {
            let text = String::from_utf8(effect.payload.to_vec()).unwrap();
            let outcome = if text == "a1" && effect.attempts == 0 { Delivery::Later } else { Delivery::Over };
            seen.lock().push(text);
            async move { outcome }
        };
        let pass = deliver(&store, &OUTBOX, &clock, &attempt).await.unwrap();
        assert_eq!(pass, Pass::Again(DELIVERY_RETRY_MIN));
        assert_eq!(std::mem::take(&mut *seen.lock()), ["a1", "b1"]);
        clock.advance(DELIVERY_RETRY_MIN);
        assert_eq!(deliver(&store, &OUTBOX, &clock, &attempt).await.unwrap(), Pass::Done);
        assert_eq!(*seen.lock(), ["a1", "a2"]);
    }
}
