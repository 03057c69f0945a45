//! The power goes at every single step of a workload: what was acknowledged is there, whole, and of the rest
//! each transaction is there whole or not at all.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::disk::{Disk, Remains};
use crate::embedded::Embedded;
use crate::{Direction, KeyRange, Store, StoreError, Tx};

const WRITERS: u64 = 4;
const ROUNDS: u64 = 12;

/// What the writers were told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Vec<u64>>>>);

fn open(disk: &Disk) -> Result<Store, StoreError> {
    Embedded::open(Box::new(disk.clone())).map(Store::on)
}

/// Each writer counts up in two keys at once, and leaves a large entry a round, deleting the one before.
async fn count_up(store: Store, writer: u64, told: Told) {
    for round in 1..=ROUNDS {
        let body = async |tx: Tx| {
            tx.put(format!("left/{writer}"), round.to_string()).await?;
            tx.put(format!("round/{writer}/{round}"), vec![round as u8; 3000]).await?;
            tx.delete(format!("round/{writer}/{}", round - 1)).await?;
            tx.put(format!("right/{writer}"), round.to_string()).await
        };
        if store.transact::<_, StoreError, _, _>(body).await.is_err() {
            return;
        }
        told.0.lock()[writer as usize].push(round);
    }
}

/// Runs the workload until it ends or the power goes, and returns the last round each writer was told of.
fn run(disk: &Disk) -> Vec<u64> {
    let told = Told::default();
    told.0.lock().resize(WRITERS as usize, Vec::new());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let Ok(store) = open(disk) else { return };
        let mut writers = JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(count_up(store.clone(), writer, told.clone()));
        }
        writers.join_all().await;
    });
    let told = told.0.lock();
    told.iter().map(|rounds| rounds.last().copied().unwrap_or(0)).collect()
}

/// What one writer left behind: both counters, and the numbers of its entries.
async fn found(store: &Store, writer: u64) -> (u64, u64, Vec<u64>) {
    let body = async |tx: Tx| {
        let number = async |key: String| {
            let found = tx.get(key.as_bytes()).await?;
            Ok::<u64, StoreError>(
                found.map_or(0, |text| std::str::from_utf8(&text).unwrap().parse().unwrap()),
            )
        };
        let prefix = format!("round/{writer}/");
        let page = tx.scan(&KeyRange::prefix(prefix.clone()), 99, Direction::Forward).await?;
        let mut rounds = Vec::new();
        for (key, value) in page.pairs {
            let round: u64 = std::str::from_utf8(&key[prefix.len()..]).unwrap().parse().unwrap();
            assert!(
                value.len() == 3000 && value.iter().all(|byte| u64::from(*byte) == round),
                "a torn value"
            );
            rounds.push(round);
        }
        Ok::<_, StoreError>((
            number(format!("left/{writer}")).await?,
            number(format!("right/{writer}")).await?,
            rounds,
        ))
    };
    store.read(body).await.unwrap()
}

fn check(disk: &Disk, told: &[u64], case: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = open(disk).unwrap_or_else(|error| panic!("{case}: {error}"));
        for (writer, told) in (0..).zip(told) {
            let (left, right, rounds) = found(&store, writer).await;
            assert!(left == right && left >= *told, "{case}: told {told}, found {left} and {right}");
            let expected = if left == 0 { vec![] } else { vec![left] };
            assert_eq!(rounds, expected, "{case}");
        }
        // The store goes on after the crash.
        store.transact(async |tx: Tx| tx.put("after", "x").await).await.unwrap();
    });
}

#[test]
fn a_crash_at_any_step_loses_nothing_that_was_acknowledged() {
    let whole = Disk::default();
    let told = run(&whole);
    assert_eq!(told, vec![ROUNDS; WRITERS as usize]);
    check(&whole.after_crash(Remains::Nothing), &told, "after a clean stop");
    let steps = whole.steps();
    assert!(steps > 100, "the workload takes {steps} steps");
    // How commits are grouped varies, so the last steps may not be reached in every run.
    for step in 0..steps {
        let disk = Disk::default();
        disk.crash_at(step);
        let told = run(&disk);
        for remains in [Remains::Nothing, Remains::Everything, Remains::Some(step), Remains::Some(!step)] {
            let case = format!("crash before step {step} of {steps}, {remains:?}");
            check(&disk.after_crash(remains), &told, &case);
        }
    }
}

#[test]
fn a_crash_during_the_recovery_from_a_crash_loses_nothing_either() {
    let disk = Disk::default();
    disk.crash_at(60);
    let told = run(&disk);
    for step in 0..25 {
        let first = disk.after_crash(Remains::Some(7));
        first.crash_at(step);
        drop(open(&first));
        for remains in [Remains::Nothing, Remains::Everything, Remains::Some(step)] {
            let case = format!("crash before step {step} of the recovery, {remains:?}");
            check(&first.after_crash(remains), &told, &case);
        }
    }
}
