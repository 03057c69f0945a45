//! Scans and pages, raw and typed.

use base::{AccountId, Region};
use bytes::Bytes;
use fogbank_store::{Direction, KeyRange, Select, Store, StoreError, Table, Tx, Versioned, limits};
use proptest::prelude::*;

use crate::on_every_engine;

#[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
struct Queue {
    depth: u32,
}

impl Versioned for Queue {
    const VERSION: u16 = 1;
}

const QUEUES: Table<(AccountId, Region), Queue> = Table::new("test.queues");

#[test]
fn pages_of_any_size_show_each_entry_once_in_order() {
    on_every_engine(|store| async move {
        let fill = async |tx: Tx| {
            for number in 0..25u8 {
                tx.put(vec![b's', number], vec![number]).await?;
            }
            tx.put("r", "before").await?;
            tx.put("t", "behind").await
        };
        store.transact(fill).await.unwrap();
        for direction in [Direction::Forward, Direction::Backward] {
            for limit in [1, 7, 24, 25, 1000] {
                let body = async |tx: Tx| {
                    let mut seen = Vec::new();
                    let mut rest = Some(KeyRange::prefix("s"));
                    while let Some(range) = rest {
                        let page = tx.scan(&range, limit, direction).await?;
                        assert!(page.pairs.len() <= limit);
                        seen.extend(page.pairs.iter().map(|(key, _)| key[1]));
                        rest = page.next;
                    }
                    Ok::<_, StoreError>(seen)
                };
                let mut seen = store.read(body).await.unwrap();
                if direction == Direction::Backward {
                    seen.reverse();
                }
                assert_eq!(seen, (0..25).collect::<Vec<u8>>(), "{direction:?} {limit}");
            }
        }
    });
}

#[test]
fn a_page_is_bounded_in_bytes_and_in_entries() {
    on_every_engine(|store| async move {
        for number in 0..6u8 {
            let value = vec![0; limits::VALUE_BYTES_MAX];
            let body = |tx: Tx| {
                let value = value.clone();
                async move { tx.put(vec![b'v', number], value).await }
            };
            store.transact(body).await.unwrap();
        }
        let body = async |tx: Tx| tx.scan(&KeyRange::prefix("v"), 1000, Direction::Forward).await;
        let page = store.read(body).await.unwrap();
        assert!(page.pairs.len() < 6 && page.next.is_some());
        for part in 0..2u32 {
            let body = async |tx: Tx| {
                for number in 0..600u32 {
                    tx.put([&b"n"[..], &(part * 600 + number).to_be_bytes()].concat(), "").await?;
                }
                Ok::<_, StoreError>(())
            };
            store.transact(body).await.unwrap();
        }
        let body = async |tx: Tx| tx.scan(&KeyRange::prefix("n"), 5000, Direction::Backward).await;
        let page = store.read(body).await.unwrap();
        assert_eq!(page.pairs.len(), limits::SCAN_ENTRIES_MAX);
        assert!(page.next.is_some());
    });
}

#[test]
fn a_table_lists_one_scope_only() {
    on_every_engine(|store| async move {
        let here = (AccountId::DEV, Region::US_EAST_1);
        let there = (AccountId::new(1).unwrap(), Region::US_EAST_1);
        let fill = async |tx: Tx| {
            for name in ["a", "b", "ba", "bb", "c"] {
                QUEUES.put(&tx, &here, name, &Queue { depth: 1 }).await?;
            }
            QUEUES.put(&tx, &there, "b", &Queue { depth: 2 }).await
        };
        store.transact(fill).await.unwrap();
        let names = async |select: Select<'static>, limit: usize| {
            let body = async |tx: Tx| QUEUES.scan(&tx, &here, select, limit).await;
            let listing = store.read(body).await.unwrap();
            let names: Vec<String> = listing.records.into_iter().map(|(name, _)| name).collect();
            (names.join(" "), listing.next)
        };
        assert_eq!(names(Select::ALL, 9).await, ("a b ba bb c".into(), None));
        assert_eq!(names(Select::prefix("b"), 2).await, ("b ba".into(), Some("ba".into())));
        assert_eq!(names(Select::prefix("b").after(Some("ba")), 2).await, ("bb".into(), None));
        assert_eq!(names(Select::ALL.backward(), 2).await, ("c bb".into(), Some("bb".into())));
        assert_eq!(names(Select::ALL.backward().after(Some("bb")), 9).await, ("ba b a".into(), None));
        let other = store.read(async |tx: Tx| QUEUES.get(&tx, &there, "b").await).await.unwrap();
        assert_eq!(other, Some(Queue { depth: 2 }));
    });
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Commit,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (0..40u8, any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        3 => (0..40u8).prop_map(Step::Delete),
        1 => Just(Step::Commit),
    ];
    proptest::collection::vec(step, 1..120)
}

async fn check_against_model(store: &Store, steps: &[Step], limit: usize, backward: bool) {
    let mut model = std::collections::BTreeMap::new();
    let direction = if backward { Direction::Backward } else { Direction::Forward };
    store.transact(async |tx: Tx| clear(&tx).await).await.unwrap();
    for part in steps.split(|step| matches!(step, Step::Commit)) {
        for step in part {
            match step {
                Step::Put(key, value) => drop(model.insert(Bytes::copy_from_slice(&[*key]), *value)),
                Step::Delete(key) => drop(model.remove(&[*key][..])),
                Step::Commit => unreachable!("it separates the parts"),
            }
        }
        let body = async |tx: Tx| {
            for step in part {
                match step {
                    Step::Put(key, value) => tx.put(vec![*key], vec![*value]).await?,
                    Step::Delete(key) => tx.delete(vec![*key]).await?,
                    Step::Commit => unreachable!("it separates the parts"),
                }
            }
            // Within the transaction, so that its own writes lie over the rest.
            let (mut seen, mut rest) = (Vec::new(), Some(KeyRange::between(&[3][..], &[35][..])));
            while let Some(range) = rest {
                let page = tx.scan(&range, limit, direction).await?;
                seen.extend(page.pairs.into_iter().map(|(key, value)| (key, value[0])));
                rest = page.next;
            }
            Ok::<_, StoreError>(seen)
        };
        let mut seen = store.transact(body).await.unwrap();
        if backward {
            seen.reverse();
        }
        let range = Bytes::from_static(&[3])..Bytes::from_static(&[35]);
        let expected: Vec<_> = model.range(range).map(|(key, value)| (key.clone(), *value)).collect();
        assert_eq!(seen, expected);
    }
}

async fn clear(tx: &Tx) -> Result<(), StoreError> {
    let page = tx.scan(&KeyRange::all(), 1000, Direction::Forward).await?;
    for (key, _) in page.pairs {
        tx.delete(key).await?;
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scans_agree_with_a_sorted_map(steps in steps(), limit in 1..12usize, backward: bool, seed: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let memory = Store::embedded_in_memory(Default::default()).unwrap();
            check_against_model(&memory, &steps, limit, backward).await;
            let (sim, _) = Store::simulated(seed, crate::BAD_DAY);
            check_against_model(&sim, &steps, limit, backward).await;
        });
    }
}
