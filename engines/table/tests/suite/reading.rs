//! Scans and snapshots.

use bytes::Bytes;
use fogbank_table::{Direction, KeyRange, ScanLimit};

use crate::{ONE, TWO, all, delete, on_all, open, put, write};

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
