//! The outbox.

use base::Timestamp;
use fogbank_store::outbox::{Effect, EffectId, Outbox};
use fogbank_store::{Options, Store, StoreError, Tx};

use crate::on_every_engine;

const OUTBOX: Outbox = Outbox::new("test.effects");

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

async fn add(store: &Store, queue: &str, payload: &'static str) {
    // A rerun after a lost acknowledgement must not add it twice.
    let mark = format!("mark/{queue}/{payload}");
    let body = async |tx: Tx| {
        if tx.get(mark.as_bytes()).await?.is_none() {
            tx.put(mark.clone(), "").await?;
            OUTBOX.append(&tx, queue, payload).await?;
        }
        Ok::<_, StoreError>(())
    };
    store.transact(body).await.unwrap();
}

async fn batch(store: &Store, seconds: i64, limit: usize) -> Vec<Effect> {
    store.read(async |tx: Tx| OUTBOX.next_batch(&tx, at(seconds), limit).await).await.unwrap()
}

fn show(effects: &[Effect]) -> String {
    let text =
        |effect: &Effect| format!("{}:{}", effect.id.queue, std::str::from_utf8(&effect.payload).unwrap());
    effects.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn ids(effects: &[Effect]) -> Vec<EffectId> {
    effects.iter().map(|effect| effect.id.clone()).collect()
}

#[test]
fn effects_come_in_order_within_each_queue_until_they_are_done() {
    on_every_engine(|store| async move {
        for payload in ["1", "2", "3"] {
            add(&store, "b", payload).await;
            add(&store, "a", payload).await;
        }
        let first = batch(&store, 1, 4).await;
        assert_eq!(show(&first), "a:1 a:2 a:3 b:1");
        assert_eq!(
            show(&batch(&store, 1, 4).await),
            "a:1 a:2 a:3 b:1",
            "they come again until they are done"
        );
        store.transact(async |tx: Tx| OUTBOX.done(&tx, &ids(&first)).await).await.unwrap();
        assert_eq!(show(&batch(&store, 1, 4).await), "b:2 b:3");
        add(&store, "a", "4").await;
        assert_eq!(show(&batch(&store, 1, 9).await), "a:4 b:2 b:3");
    });
}

#[test]
fn an_effect_of_a_transaction_that_failed_is_never_delivered() {
    on_every_engine(|store| async move {
        let body = async |tx: Tx| {
            OUTBOX.append(&tx, "a", "never").await?;
            Err::<(), _>(StoreError::TimedOut)
        };
        store.transact(body).await.unwrap_err();
        assert_eq!(show(&batch(&store, 1, 9).await), "");
    });
}

#[test]
fn an_effect_that_is_put_off_holds_up_its_queue_only() {
    on_every_engine(|store| async move {
        for (queue, payload) in [("a", "1"), ("a", "2"), ("a", "3"), ("b", "1")] {
            add(&store, queue, payload).await;
        }
        let effects = batch(&store, 1, 9).await;
        // The first is delivered, the second fails; whatever the order in which that is reported.
        let body = async |tx: Tx| {
            if tx.get(b"reported").await?.is_none() {
                tx.put("reported", "").await?;
                OUTBOX.retry_later(&tx, &effects[1].id, at(60)).await?;
                OUTBOX.done(&tx, &[effects[0].id.clone()]).await?;
            }
            Ok::<_, StoreError>(())
        };
        store.transact(body).await.unwrap();
        assert_eq!(show(&batch(&store, 59, 9).await), "b:1");
        let due = store.read(async |tx: Tx| OUTBOX.next_due(&tx).await).await.unwrap();
        assert_eq!(due, Some(Timestamp::EPOCH));
        let later = batch(&store, 60, 9).await;
        assert_eq!(show(&later), "b:1 a:2 a:3");
        assert_eq!(later.iter().map(|effect| effect.attempts).collect::<Vec<_>>(), [0, 1, 0]);
        // Given up (to a dead-letter queue, say): what was behind it goes on at once.
        store.transact(async |tx: Tx| OUTBOX.done(&tx, &[later[1].id.clone()]).await).await.unwrap();
        assert_eq!(show(&batch(&store, 2, 9).await), "a:3 b:1");
    });
}

#[test]
fn a_forgotten_queue_is_empty() {
    on_every_engine(|store| async move {
        for payload in ["1", "2"] {
            add(&store, "a", payload).await;
        }
        assert!(store.transact(async |tx: Tx| OUTBOX.forget(&tx, "a").await).await.unwrap());
        assert_eq!(show(&batch(&store, 1, 9).await), "");
        assert_eq!(store.read(async |tx: Tx| OUTBOX.next_due(&tx).await).await.unwrap(), None);
    });
}

#[test]
fn two_outboxes_share_nothing_but_the_store() {
    on_every_engine(|store| async move {
        const OTHER: Outbox = Outbox::new("test.other");
        add(&store, "a", "1").await;
        assert_eq!(
            show(&store.read(async |tx: Tx| OTHER.next_batch(&tx, at(1), 9).await).await.unwrap()),
            ""
        );
        assert!(store.transact(async |tx: Tx| OTHER.forget(&tx, "a").await).await.unwrap());
        assert_eq!(show(&batch(&store, 1, 9).await), "a:1");
    });
}

#[tokio::test]
async fn effects_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::embedded(folder.path(), Options::default()).unwrap();
    add(&store, "a", "1").await;
    store.close().await;
    let store = Store::embedded(folder.path(), Options::default()).unwrap();
    assert_eq!(show(&batch(&store, 1, 9).await), "a:1");
    add(&store, "a", "2").await;
    assert_eq!(show(&batch(&store, 1, 9).await), "a:1 a:2");
}
