//! Scans and snapshots.

use bytes::Bytes;
use fogbank_table::{Direction, KeyRange, ScanLimit, Settings, TableEngine};
use tokio::task::JoinSet;

use crate::{ONE, TWO, all, check, delete, on_all, open, put, small, with_spaces, write};

fn key(nth: usize) -> Bytes {
    format!("{nth:04}").into()
}

#[test]
fn a_scan_pages_through_its_range_in_both_directions() {
    on_all(|engine| async move {
        let writes = (0..100).map(|nth| put(ONE, key(nth), vec![0; nth])).collect();
        write(&engine, writes).await.unwrap();
        let whole = KeyRange::between(key(10), key(90));
        for direction in [Direction::Forward, Direction::Backward] {
            for limit in
                [ScanLimit::entries(7), ScanLimit { entries: 1000, bytes: 300 }, ScanLimit::entries(80)]
            {
                let mut range = whole.clone();
                let mut found = Vec::new();
                loop {
                    let page = engine.scan(ONE, &range, direction, limit).await.unwrap();
                    assert!(page.pairs.len() <= limit.entries);
                    let bytes: usize = page.pairs.iter().map(|(key, value)| key.len() + value.len()).sum();
                    assert!(bytes <= limit.bytes || page.pairs.len() == 1);
                    found.extend(page.pairs.iter().map(|(key, _)| key.clone()));
                    if !page.more {
                        break;
                    }
                    range = range.beyond(found.last().unwrap(), direction);
                }
                let mut expected: Vec<Bytes> = (10..90).map(key).collect();
                if direction == Direction::Backward {
                    expected.reverse();
                }
                assert_eq!(found, expected);
            }
        }
        let empty = KeyRange::between(key(5), key(5));
        let page = engine.scan(ONE, &empty, Direction::Forward, ScanLimit::entries(5)).await.unwrap();
        assert!(page.pairs.is_empty() && !page.more);
        assert!(all(&engine, TWO).await.is_empty(), "another space has nothing of it");
    });
}

#[test]
fn a_snapshot_stays_as_it_was_while_everything_is_overwritten_and_merged() {
    on_all(|engine| async move {
        let fill =
            |round: u8| (0..500).map(move |nth| put(ONE, key(nth), vec![round; 200])).collect::<Vec<_>>();
        write(&engine, fill(0)).await.unwrap();
        let snapshot = engine.snapshot();
        for round in 1..20 {
            write(&engine, fill(round)).await.unwrap();
            if round % 5 == 0 {
                write(&engine, (0..500).map(|nth| delete(ONE, key(nth))).collect()).await.unwrap();
            }
        }
        let limit = ScanLimit::entries(1000);
        let page = snapshot.scan(ONE, &KeyRange::all(), Direction::Forward, limit).await.unwrap();
        assert_eq!(page.pairs.len(), 500);
        assert!(page.pairs.iter().all(|(_, value)| *value == vec![0; 200]));
        let keys = [(ONE, key(3)), (ONE, "none".into())];
        assert_eq!(snapshot.get_many(&keys).await.unwrap(), [Some(vec![0; 200].into()), None]);
        assert_eq!(engine.get(ONE, &key(3)).await.unwrap().unwrap(), vec![19; 200]);
        assert!(snapshot.sequence() < engine.snapshot().sequence());
    });
}

/// The story: gets look at the newest files, and writing those kept of each key what the newest reader needs. A get at
/// an earlier moment found nothing where the key had been written since.
#[test]
fn a_snapshot_gets_what_was_overwritten_since_in_changes_of_its_own() {
    on_all(|engine| async move {
        for nth in 0..100 {
            write(&engine, vec![put(ONE, key(nth), vec![0; 100])]).await.unwrap();
        }
        let snapshot = engine.snapshot();
        for round in 1..15 {
            let fill = (0..100).map(|nth| put(ONE, key(nth), vec![round; 400])).collect();
            write(&engine, fill).await.unwrap();
            if round % 4 == 0 {
                write(&engine, (0..100).map(|nth| delete(ONE, key(nth))).collect()).await.unwrap();
                write(&engine, (0..100).map(|nth| put(TWO, key(nth), vec![0; 2000])).collect())
                    .await
                    .unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(30)).await;
            }
            for nth in 0..100 {
                let found = snapshot.get(ONE, &key(nth)).await.unwrap();
                assert_eq!(found.as_deref(), Some(&[0; 100][..]), "{nth} in round {round}");
            }
        }
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_whole_changes_while_files_are_written_and_merged() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    let writing = engine.clone();
    #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
    let writer = tokio::spawn(async move {
        for round in 0..300_u32 {
            let value = Bytes::copy_from_slice(&[&round.to_le_bytes()[..], &[0; 100]].concat());
            let writes = (0..20).map(|nth| put(ONE, key(nth), value.clone())).collect();
            write(&writing, writes).await.unwrap();
        }
    });
    let mut last = None;
    while !writer.is_finished() {
        let page =
            engine.scan(ONE, &KeyRange::all(), Direction::Forward, ScanLimit::entries(100)).await.unwrap();
        let rounds: Vec<u32> =
            page.pairs.iter().map(|(_, value)| u32::from_le_bytes(value[..4].try_into().unwrap())).collect();
        assert!(rounds.is_empty() || rounds.len() == 20, "{rounds:?}");
        assert!(rounds.iter().all(|round| *round == rounds[0]), "{rounds:?}");
        assert!(rounds.first() >= last.as_ref(), "time does not go back");
        last = rounds.first().copied();
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
}

/// Gets go past the tree's lock and scans do not, so both are asked for the same moment, while memory is closed
/// every few changes. Entries move to and fro, so that there are always as many; and whoever was answered finds
/// what it wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn gets_and_scans_agree_at_every_moment_and_writers_find_what_they_wrote() {
    const PAIRS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { memtable_bytes: 4 << 10, ..small() };
    let engine = TableEngine::open(folder.path(), settings.clone()).await.unwrap();
    with_spaces(&engine).await;
    write(&engine, (0..PAIRS).map(|nth| put(ONE, key(2 * nth), "0")).collect()).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let engine = engine.clone();
        writers.spawn(async move {
            for round in 1..=400 {
                let pair = (round * 7 % (PAIRS / 4)) * 4 + writer;
                let (from, to) = (key(2 * pair + (round / 10 + 1) % 2), key(2 * pair + (round / 10) % 2));
                let value = Bytes::from(format!("{round} {}", "x".repeat(round % 300)));
                let moved = vec![delete(ONE, from.clone()), put(ONE, to.clone(), value.clone())];
                write(&engine, moved).await.unwrap();
                assert_eq!(engine.get(ONE, &to).await.unwrap(), Some(value), "what was answered is read");
                assert_eq!(engine.get(ONE, &from).await.unwrap(), None);
            }
        });
    }
    let keys: Vec<_> = (0..2 * PAIRS).map(|nth| (ONE, key(nth))).collect();
    let mut moments = 0;
    while !writers.is_empty() {
        while let Some(ended) = writers.try_join_next() {
            ended.unwrap();
        }
        let snapshot = engine.snapshot();
        let got = snapshot.get_many(&keys).await.unwrap();
        let got: Vec<_> =
            keys.iter().zip(got).filter_map(|((_, key), value)| Some((key.clone(), value?))).collect();
        let limit = ScanLimit::entries(1000);
        let page = snapshot.scan(ONE, &KeyRange::all(), Direction::Forward, limit).await.unwrap();
        assert_eq!(got, page.pairs, "at {}", snapshot.sequence());
        assert_eq!(got.len(), PAIRS);
        moments += 1;
        tokio::task::yield_now().await;
    }
    assert!(moments > 10, "{moments}");
    let before = all(&engine, ONE).await;
    check(&engine).await;
    drop(engine);
    let engine = TableEngine::open(folder.path(), settings).await.unwrap();
    with_spaces(&engine).await;
    assert_eq!(all(&engine, ONE).await, before);
}
