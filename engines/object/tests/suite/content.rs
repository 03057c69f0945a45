//! What goes in comes out: in any range, in any pieces, with its own keys only.

use std::time::Duration;

use base::Ids;
use fogbank_object::limits::{CONTENT_BYTES, LOT_BYTES, PACKED_BYTES_MAX};
use fogbank_object::{ContentKey, ContentKeys, Damage, EngineError, ObjectEngine, Place};
use futures_util::TryStreamExt;

use crate::{content, get, get_all, keys, lengths, on_all, put, two_keys};

#[test]
fn content_is_read_in_any_range() {
    on_all(async |engine| {
        for length in [0, 1, CONTENT_BYTES - 1, CONTENT_BYTES, CONTENT_BYTES + 1, 2_000_000] {
            let bytes = content(1, length);
            for keys in [keys(), two_keys()] {
                let extent = engine.put(&keys, bytes.clone()).await.unwrap().keep();
                assert_eq!(extent.length, length as u64);
                let is_file = matches!(extent.place, Place::File { .. });
                assert_eq!(is_file, length > PACKED_BYTES_MAX);
                let edges = [0, 1, 17, CONTENT_BYTES - 1, CONTENT_BYTES, CONTENT_BYTES + 1, length];
                for start in edges.into_iter().filter(|start| *start <= length) {
                    for end in edges.into_iter().filter(|end| (start..=length).contains(end)) {
                        let read = get(&engine, &extent, &keys, start as u64..end as u64).await.unwrap();
                        assert!(read == bytes[start..end], "{start}..{end} of {length}");
                    }
                }
                assert!(get(&engine, &extent, &keys, 0..u64::MAX).await.unwrap() == bytes);
                let beyond = length as u64 + 5..u64::MAX;
                assert!(get(&engine, &extent, &keys, beyond).await.unwrap().is_empty());
            }
        }
    });
}

#[test]
fn content_that_arrives_in_pieces_is_the_same() {
    on_all(async |engine| {
        for length in [0, 1, PACKED_BYTES_MAX, PACKED_BYTES_MAX + 1, 4 * CONTENT_BYTES, 1_500_000] {
            for piece in [1000, CONTENT_BYTES, 700_000] {
                let bytes = content(length as u64, length);
                let mut writer = engine.create(&two_keys());
                for piece in bytes.chunks(piece) {
                    writer.write(bytes.slice_ref(piece)).await.unwrap();
                }
                assert_eq!(writer.length(), length as u64);
                let extent = writer.finish().await.unwrap().keep();
                assert_eq!(extent.length, length as u64);
                engine.verify(&extent).await.unwrap();
                let stream = engine.read(&extent, &two_keys(), 0..u64::MAX).await.unwrap().into_stream();
                let parts: Vec<_> = stream.try_collect().await.unwrap();
                assert!(parts.concat() == bytes, "{length} in pieces of {piece}");
            }
        }
    });
}

/// Whoever says what will come may be wrong: all is as it would be without, but for where it is kept.
#[test]
fn content_may_be_other_than_was_expected() {
    on_all(async |engine| {
        for expected in [0, PACKED_BYTES_MAX, PACKED_BYTES_MAX + 1, 1 << 30] {
            for length in [0, 1, PACKED_BYTES_MAX, PACKED_BYTES_MAX + 1, 1_000_000] {
                let bytes = content(2, length);
                let mut writer = engine.create(&two_keys()).expecting(expected as u64);
                for piece in bytes.chunks(100_000) {
                    writer.write(bytes.slice_ref(piece)).await.unwrap();
                }
                let extent = writer.finish().await.unwrap().keep();
                let is_file = matches!(extent.place, Place::File { .. });
                let much = |bytes| bytes > PACKED_BYTES_MAX;
                assert_eq!(is_file, much(length) || length > 0 && much(expected), "{length} of {expected}");
                engine.verify(&extent).await.unwrap();
                assert!(get(&engine, &extent, &two_keys(), 0..u64::MAX).await.unwrap() == bytes);
            }
        }
    });
}

/// Each put finds an idle writer, also the one in front of which the rest of a lot stays empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puts_one_after_the_other_go_on_behind_the_end_of_a_lot() {
    let engine = ObjectEngine::in_memory(Ids::seeded(1));
    let bytes = content(1, 200_000);
    for number in 0..2 * LOT_BYTES as usize / bytes.len() {
        let putting = tokio::time::timeout(Duration::from_secs(30), put(&engine, &bytes));
        putting.await.unwrap_or_else(|_late| panic!("put {number} waits for ever"));
        // The writer goes to sleep.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn other_keys_are_told_from_damage() {
    on_all(async |engine| {
        for length in lengths() {
            let bytes = content(1, length);
            let one = |byte| ContentKeys::one(ContentKey::new([byte; 32]));
            let two =
                |inner, outer| ContentKeys::two(ContentKey::new([inner; 32]), ContentKey::new([outer; 32]));
            for (sealed, others) in [
                (one(1), vec![one(2), two(1, 1), two(1, 2), two(2, 1)]),
                (two(1, 2), vec![one(1), one(2), two(2, 1), two(1, 1), two(3, 2), two(1, 3)]),
            ] {
                let extent = engine.put(&sealed, bytes.clone()).await.unwrap().keep();
                for keys in others {
                    let read = engine.read(&extent, &keys, 0..u64::MAX).await.map(drop);
                    assert!(matches!(read, Err(EngineError::WrongKey)), "{length}: {read:?}");
                }
                assert!(get(&engine, &extent, &sealed, 0..u64::MAX).await.unwrap() == bytes);
            }
        }
    });
}

#[test]
fn what_is_on_the_disk_is_not_the_content() {
    let disk = crate::Faulty::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bytes = bytes::Bytes::from(vec![b'A'; PACKED_BYTES_MAX + 1]);
    let engine = crate::open(&disk);
    runtime.block_on(async {
        put(&engine, &bytes.slice(..5000)).await;
        put(&engine, &bytes).await;
        // The same content in two places has nothing in common.
        put(&engine, &bytes.slice(..5000)).await;
    });
    for name in disk.names() {
        let held = disk.content(&name);
        assert!(!held.windows(8).any(|window| window == b"AAAAAAAA"), "{name} holds content");
        let mut pieces: Vec<&[u8]> =
            held.chunks_exact(16).filter(|piece| piece.iter().any(|byte| *byte != 0)).collect();
        let all = pieces.len();
        pieces.sort_unstable();
        pieces.dedup();
        assert_eq!(pieces.len(), all, "{name} holds the same block twice");
    }
}

#[test]
fn a_place_that_never_was_is_not_found() {
    on_all(async |engine| {
        let mut extent = put(&engine, &content(1, 100)).await;
        for place in [
            Place::Pack { pack: 99, offset: 16 },
            Place::Pack { pack: u32::MAX, offset: u32::MAX },
            Place::File { blob: fogbank_object::BlobId::draw(&base::Ids::seeded(9)) },
        ] {
            extent.place = place;
            assert!(matches!(get_all(&engine, &extent).await, Err(EngineError::NotFound)), "{extent}");
            assert!(matches!(engine.verify(&extent).await, Err(EngineError::NotFound)));
            engine.free(&[extent.clone()]).await.unwrap();
        }
        // A pack that ends before what is said to be in it has lost something.
        extent.place = Place::Pack { pack: 1, offset: 1 << 20 };
        let read = get_all(&engine, &extent).await;
        assert!(matches!(read, Err(EngineError::Corrupt { damage: Damage::Short, .. })), "{read:?}");
        engine.free(&[extent]).await.unwrap();
    });
}

#[test]
fn content_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let mut kept = Vec::new();
    for round in 0..4 {
        let engine =
            fogbank_object::ObjectEngine::open(folder.path(), base::Ids::system(), crate::small_packs())
                .unwrap();
        runtime.block_on(async {
            for length in [10, 100_000, 300_000] {
                let bytes = content(round * 1000 + length, length as usize);
                kept.push((put(&engine, &bytes).await, bytes));
            }
            for (extent, bytes) in &kept {
                assert!(get_all(&engine, extent).await.unwrap() == *bytes);
            }
            let second =
                fogbank_object::ObjectEngine::open(folder.path(), base::Ids::system(), crate::small_packs());
            assert!(matches!(second, Err(EngineError::Locked(_))));
            if round % 2 == 0 {
                engine.shut_down().await.unwrap();
                let refused = engine.put(&keys(), content(1, 10)).await;
                assert!(matches!(refused, Err(EngineError::Closed)), "{refused:?}");
                assert!(get_all(&engine, &kept[0].0).await.unwrap() == kept[0].1);
            }
        });
        if round == 2 {
            let report = engine.check_all(|_| {}).unwrap();
            assert_eq!((report.damages, report.checked.extents), (0, kept.len() as u64));
        }
    }
}

#[test]
fn a_folder_of_another_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let open =
        || fogbank_object::ObjectEngine::open(folder.path(), base::Ids::system(), crate::small_packs());
    drop(open().unwrap());
    let format = folder.path().join("format");
    let good = std::fs::read_to_string(&format).unwrap();
    assert!(good.starts_with("fogbank objects 1 ") && good.len() == 18 + 33, "{good:?}");
    std::fs::write(&format, good.replace(" 1 ", " 2 ")).unwrap();
    assert!(matches!(open(), Err(EngineError::NewerVersion { found: 2, known: 1, .. })));
    for unknown in ["", "fogbank objects 1\n", "fogbank objects x 00\n", "fogbank objects 1 zz\n"] {
        std::fs::write(&format, unknown).unwrap();
        assert!(matches!(open(), Err(EngineError::UnknownFormat(_))), "{unknown:?}");
    }
    std::fs::write(&format, good).unwrap();
    open().unwrap();
}
