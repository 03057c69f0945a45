//! Leases.

use std::time::Duration;

use base::Timestamp;
use fogbank_store::lease::{Lease, acquire, check, release, renew};
use fogbank_store::{Store, StoreError, Tx};

use crate::on_every_engine;

const TIME: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_secs(seconds)
}

async fn take(store: &Store, holder: &str, seconds: i64) -> Option<Lease> {
    store.transact(async |tx: Tx| acquire(&tx, "task/0", holder, TIME, at(seconds)).await).await.unwrap()
}

async fn holds(store: &Store, lease: &Lease, seconds: i64) -> bool {
    store.read(async |tx: Tx| check(&tx, lease, at(seconds)).await).await.unwrap()
}

#[test]
fn one_holder_at_a_time_and_each_new_one_has_a_greater_token() {
    on_every_engine(|store| async move {
        let one = take(&store, "one", 0).await.unwrap();
        assert_eq!(take(&store, "two", 29).await, None);
        let again = take(&store, "one", 29).await.unwrap();
        assert_eq!((again.token, again.expires), (one.token, at(59)), "the holder extends its lease");
        let two = take(&store, "two", 59).await.unwrap();
        assert!(two.token > one.token);
        assert!(holds(&store, &two, 60).await && !holds(&store, &again, 60).await);
    });
}

#[test]
fn a_lease_that_ran_out_cannot_be_renewed() {
    on_every_engine(|store| async move {
        let lease = take(&store, "one", 0).await.unwrap();
        let extend = async |lease: &Lease, seconds| {
            store.transact(async |tx: Tx| renew(&tx, lease, TIME, at(seconds)).await).await.unwrap()
        };
        let lease = extend(&lease, 20).await.unwrap();
        assert_eq!(lease.expires, at(50));
        assert_eq!(extend(&lease, 50).await, None);
    });
}

#[test]
fn a_released_lease_is_free_at_once_and_its_token_is_spent() {
    on_every_engine(|store| async move {
        let one = take(&store, "one", 0).await.unwrap();
        store.transact(async |tx: Tx| release(&tx, &one).await).await.unwrap();
        assert!(!holds(&store, &one, 1).await);
        let two = take(&store, "two", 1).await.unwrap();
        assert!(two.token > one.token);
        store.transact(async |tx: Tx| release(&tx, &one).await).await.unwrap();
        assert!(holds(&store, &two, 2).await, "a late release does not take the next holder's lease");
    });
}

#[test]
fn work_under_a_lease_that_is_taken_over_meanwhile_runs_again_and_finds_out() {
    on_every_engine(|store| async move {
        let lease = take(&store, "one", 0).await.unwrap();
        let body = async |tx: Tx| {
            if !check(&tx, &lease, at(29)).await? {
                return Ok::<_, StoreError>(false);
            }
            // Its clock is ahead of ours.
            take(&store, "two", 31).await;
            tx.put("work", "done by one").await?;
            Ok(true)
        };
        assert!(!store.transact(body).await.unwrap());
    });
}
