//! Changes: what they see, what they leave, and what they do to each other.

use bytes::Bytes;
use fogbank_table::limits::KEY_BYTES_MAX;
use fogbank_table::{AppendKey, SpaceId, TableEngine, TableError};
use tokio::task::JoinSet;

use crate::{ONE, TWO, all, append, check, delete, on_all, put, write};

#[test]
fn a_change_sees_what_is_there_and_leaves_what_it_says() {
    on_all(|engine| async move {
        write(&engine, vec![put(ONE, "a", "1"), put(TWO, "a", "2")]).await.unwrap();
        let keys = vec![(ONE, Bytes::from("a")), (ONE, Bytes::from("b")), (TWO, Bytes::from("a"))];
        let told = engine
            .change(keys, |before| {
                assert_eq!(before, [Some(Bytes::from("1")), None, Some(Bytes::from("2"))]);
                Ok::<_, ()>((vec![delete(ONE, "a"), put(ONE, "b", "3"), put(TWO, "c", "4")], "told"))
            })
            .await
            .unwrap();
        assert_eq!(told, Ok("told"));
        assert_eq!(all(&engine, ONE).await, [("b".into(), Bytes::from("3"))]);
        assert_eq!(engine.get(TWO, b"c").await.unwrap().unwrap(), "4");
        assert_eq!(engine.get(ONE, b"a").await.unwrap(), None);
        check(&engine).await;
    });
}

#[test]
fn a_refused_change_leaves_nothing() {
    on_all(|engine| async move {
        let keys = vec![(ONE, Bytes::from("a"))];
        let refused = engine.change(keys.clone(), |_| Err::<(Vec<_>, ()), _>("no")).await.unwrap();
        assert_eq!(refused, Err("no"));
        let nothing = engine.change(keys, |_| Ok::<_, ()>((Vec::new(), 5))).await.unwrap();
        assert_eq!(nothing, Ok(5));
        assert!(all(&engine, ONE).await.is_empty());
    });
}

#[test]
fn increments_of_one_key_by_many_are_all_counted() {
    on_all(|engine| async move {
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let engine = engine.clone();
            tasks.spawn(async move {
                for _ in 0..20 {
                    increment(&engine, ONE, "counter").await;
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(engine.get(ONE, b"counter").await.unwrap().unwrap(), "400");
    });
}

async fn increment(engine: &TableEngine, space: SpaceId, key: &'static str) {
    let increment = |before: &[Option<Bytes>]| {
        let value =
            before[0].as_ref().map_or(0, |value| str::from_utf8(value).unwrap().parse::<u64>().unwrap());
        Ok::<_, ()>((vec![put(space, key, (value + 1).to_string())], ()))
    };
    engine.change(vec![(space, key.into())], increment).await.unwrap().unwrap();
}

#[test]
fn transfers_between_keys_never_lose_or_make_anything() {
    on_all(|engine| async move {
        let accounts: Vec<Bytes> = (0..10).map(|nth| format!("account {nth}").into()).collect();
        let opening = accounts.iter().map(|key| put(TWO, key.clone(), vec![100])).collect();
        write(&engine, opening).await.unwrap();
        let mut tasks = JoinSet::new();
        for task in 0..10 {
            let (engine, accounts) = (engine.clone(), accounts.clone());
            tasks.spawn(async move {
                for nth in 0..30 {
                    let pair = [(task + nth) % 10, (task * 3 + nth * 7 + 1) % 10];
                    if pair[0] == pair[1] {
                        continue;
                    }
                    let keys = pair.map(|nth| (TWO, accounts[nth].clone()));
                    let transfer = |before: &[Option<Bytes>]| {
                        let [from, to] = [0, 1].map(|nth| before[nth].as_ref().unwrap()[0]);
                        if from == 0 || to == 255 {
                            return Err(());
                        }
                        let writes = vec![
                            put(TWO, accounts[pair[0]].clone(), vec![from - 1]),
                            put(TWO, accounts[pair[1]].clone(), vec![to + 1]),
                        ];
                        Ok((writes, ()))
                    };
                    let _ = engine.change(keys.to_vec(), transfer).await.unwrap();
                    let keys: Vec<_> = accounts.iter().map(|key| (TWO, key.clone())).collect();
                    let held = engine.get_many(&keys).await.unwrap();
                    let sum: u32 = held.iter().map(|held| u32::from(held.as_ref().unwrap()[0])).sum();
                    assert_eq!(sum, 1000, "one moment has all of a change or nothing of it");
                }
            });
        }
        tasks.join_all().await;
        check(&engine).await;
    });
}

#[test]
fn appends_are_in_the_order_of_their_changes() {
    on_all(|engine| async move {
        let mut tasks = JoinSet::new();
        for task in 0..10_u32 {
            let engine = engine.clone();
            tasks.spawn(async move {
                for nth in 0..10_u32 {
                    let note = |what: &str| append(TWO, format!("{task} {nth} {what}"));
                    write(&engine, vec![note("a"), note("b")]).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let log = all(&engine, TWO).await;
        assert_eq!(log.len(), 200);
        let mut next = [0; 10];
        for pair in log.chunks(2) {
            let keys: Vec<AppendKey> = pair.iter().map(|(key, _)| AppendKey::decode(key).unwrap()).collect();
            assert_eq!((keys[0].place, keys[1].place, keys[0].sequence), (0, 1, keys[1].sequence));
            let text = String::from_utf8(pair[0].1.to_vec()).unwrap();
            let (task, nth) = text[..3].split_once(' ').unwrap();
            let task: usize = task.parse().unwrap();
            assert_eq!(nth.parse::<u32>().unwrap(), next[task], "{text}");
            next[task] += 1;
        }
        check(&engine).await;
    });
}

#[test]
fn whoever_stops_waiting_does_not_stop_the_change_nor_free_its_keys_too_early() {
    on_all(|engine| async move {
        for nth in 0..200_u32 {
            let changing = engine.clone();
            let first =
                tokio::time::timeout(std::time::Duration::from_micros(u64::from(nth) * 5), async move {
                    increment(&changing, ONE, "counter").await
                });
            let _ = first.await;
            increment(&engine, ONE, "counter").await;
        }
        let value = engine.get(ONE, b"counter").await.unwrap().unwrap();
        let value: u32 = str::from_utf8(&value).unwrap().parse().unwrap();
        assert!((200..=400).contains(&value), "{value}");
        check(&engine).await;
    });
}

#[test]
fn a_change_beyond_the_limits_is_refused_whole() {
    on_all(|engine| async move {
        let long = Bytes::from(vec![0; KEY_BYTES_MAX + 1]);
        let refused = write(&engine, vec![put(ONE, "a", "1"), put(ONE, long, "2")]).await;
        assert!(matches!(refused, Err(TableError::KeyTooLong { .. })), "{refused:?}");
        let many = (0..10_001).map(|nth| append(ONE, nth.to_string())).collect();
        assert!(matches!(write(&engine, many).await, Err(TableError::TooMany { count: 10_001 })));
        let value = Bytes::from(vec![0; 16 << 20]);
        let large = (0..9).map(|_| append(ONE, value.clone())).collect();
        assert!(matches!(write(&engine, large).await, Err(TableError::TooLarge { .. })));
        assert!(all(&engine, ONE).await.is_empty());
    });
}

#[test]
fn a_change_that_is_larger_than_a_segment_and_a_memtable_is_kept() {
    on_all(|engine| async move {
        let value = Bytes::from(vec![9; 300 << 10]);
        write(&engine, vec![put(ONE, "a", value.clone()), put(TWO, "a", value.clone())]).await.unwrap();
        write(&engine, vec![put(ONE, "b", "after")]).await.unwrap();
        assert_eq!(engine.get(ONE, b"a").await.unwrap().unwrap(), value);
        check(&engine).await;
    });
}
