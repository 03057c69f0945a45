//! A failing disk turns bits over, and loses the ends of files: nothing of that is ever returned as content.

use base::Ids;
use bytes::Bytes;
use fogbank_object::medium::Faulty;
use fogbank_object::{Damage, EngineError, Extent, ObjectEngine, Place};

use crate::{LARGE, content, get, get_all, put, small_everything, try_open, two_keys};

fn file_of(extent: &Extent) -> String {
    match &extent.place {
        Place::Pack { pack, .. } => format!("pack-{pack:08x}"),
        Place::File { blob } => format!("blobs/{blob}"),
    }
}

fn offset_of(extent: &Extent) -> usize {
    match extent.place {
        Place::Pack { offset, .. } => offset as usize,
        Place::File { .. } => 0,
    }
}

/// Reading gives all the content or names the extent in an error.
async fn assert_no_damage_is_returned(
    engine: &ObjectEngine,
    extent: &Extent,
    bytes: &Bytes,
    what: &str,
) -> Result<(), EngineError> {
    match get_all(engine, extent).await {
        Ok(read) => assert!(read == *bytes, "{what}: damaged bytes were returned"),
        Err(EngineError::Corrupt { extent: named, .. }) => assert_eq!(named, *extent, "{what}"),
        Err(other) => panic!("{what}: {other}"),
    }
    engine.verify(extent).await
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_noticed_and_not_returned() {
    let disk = Faulty::new();
    let engine = try_open(&disk, &Ids::seeded(1), small_everything()).unwrap();
    for length in [0, 1, 90, LARGE + 1] {
        put(&engine, &content(7, 50)).await;
        let bytes = content(1, length);
        let extent = put(&engine, &bytes).await;
        put(&engine, &content(8, 50)).await;
        let name = file_of(&extent);
        let good = disk.content(&name);
        let start = offset_of(&extent);
        let end = match extent.place {
            Place::Pack { .. } => start + (16 + length + 32).next_multiple_of(16),
            Place::File { .. } => good.len(),
        };
        for position in start..end {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[position] ^= flip;
                disk.set_content(&name, bad);
                let what = format!("byte {position} of {extent}");
                let verified = assert_no_damage_is_returned(&engine, &extent, &bytes, &what).await;
                assert!(matches!(verified, Err(EngineError::Corrupt { .. })), "{what}: {verified:?}");
            }
        }
        let report = engine.check_all(|_| {}).unwrap();
        assert_eq!(report.damages, 1, "{:?}", report.damaged);
        assert_eq!(report.damaged[0].place, extent.place);
        disk.set_content(&name, good);
        assert!(get_all(&engine, &extent).await.unwrap() == bytes);
        assert_eq!(engine.check_all(|_| {}).unwrap().damages, 0);
    }
}

#[tokio::test]
async fn every_chunk_of_long_content_is_watched() {
    let disk = Faulty::new();
    let engine = try_open(&disk, &Ids::seeded(1), crate::small_packs()).unwrap();
    for length in [200_000, 400_000] {
        let bytes = content(1, length);
        let extent = engine.put(&two_keys(), bytes.clone()).await.unwrap().keep();
        let name = file_of(&extent);
        let good = disk.content(&name);
        let (start, chance) = (offset_of(&extent), Ids::seeded(1));
        for _ in 0..60 {
            let position = start + chance.below(length as u64) as usize;
            let mut bad = good.clone();
            bad[position] ^= 0x10;
            disk.set_content(&name, bad);
            let read = get(&engine, &extent, &two_keys(), 0..u64::MAX).await;
            assert!(matches!(read, Err(EngineError::Corrupt { .. })), "byte {position}: {read:?}");
            assert!(matches!(engine.verify(&extent).await, Err(EngineError::Corrupt { .. })));
            // A range that does not touch the chunk is good.
            let far = if position - start > length / 2 { 0..1000 } else { length - 1000..length };
            let read = get(&engine, &extent, &two_keys(), far.start as u64..far.end as u64).await;
            assert!(read.unwrap() == bytes[far]);
        }
        disk.set_content(&name, good);
    }
}

#[tokio::test]
async fn what_is_cut_off_moved_or_swapped_is_noticed() {
    let disk = Faulty::new();
    let engine = try_open(&disk, &Ids::seeded(1), small_everything()).unwrap();
    for length in [90, LARGE + 1] {
        let (one, two) = (content(1, length), content(2, length));
        let (first, second) = (put(&engine, &one).await, put(&engine, &two).await);
        let name = file_of(&second);
        let good = disk.content(&name);
        let footprint = (16 + length + 32).next_multiple_of(16);
        let (from, to) = (offset_of(&first), offset_of(&second));
        let mut versions = Vec::new();
        match second.place {
            Place::Pack { .. } => {
                versions.extend([to, to + 1, to + 20, to + footprint - 1].map(|end| good[..end].to_vec()));
                let mut copied = good.clone();
                copied.copy_within(from..from + footprint, to);
                versions.push(copied);
            }
            Place::File { .. } => {
                versions.extend([0, 1, 23, 24, good.len() - 1].map(|end| good[..end].to_vec()));
                versions.push([&good[..], b"x"].concat());
                versions.push(disk.content(&file_of(&first)));
            }
        }
        for (nth, bad) in versions.into_iter().enumerate() {
            disk.set_content(&name, bad);
            let what = format!("version {nth} of {length}");
            let verified = assert_no_damage_is_returned(&engine, &second, &two, &what).await;
            assert!(matches!(verified, Err(EngineError::Corrupt { .. })), "{what}: {verified:?}");
            assert!(engine.check_all(|_| {}).unwrap().damages > 0, "{what}");
        }
        disk.set_content(&name, good);
        // A record of another length is not obeyed either.
        for wrong in [length - 1, length + 1, 0] {
            let other = Extent { length: wrong as u64, ..second.clone() };
            assert!(matches!(get_all(&engine, &other).await, Err(EngineError::Corrupt { .. })), "{wrong}");
        }
    }
}

#[tokio::test]
async fn a_pack_that_lost_its_end_says_so_after_a_restart_too() {
    let disk = Faulty::new();
    let open = || try_open(&disk, &Ids::system(), small_everything()).unwrap();
    let engine = open();
    let bytes = content(1, 90);
    let (first, second) = (put(&engine, &bytes).await, put(&engine, &bytes).await);
    drop(engine);
    let name = file_of(&second);
    let good = disk.content(&name);
    disk.set_content(&name, good[..offset_of(&second) + 40].to_vec());
    let engine = open();
    assert!(get_all(&engine, &first).await.unwrap() == bytes);
    let read = get_all(&engine, &second).await;
    assert!(matches!(read, Err(EngineError::Corrupt { damage: Damage::Short, .. })), "{read:?}");
}

#[tokio::test]
async fn a_damaged_header_does_not_hide_what_is_behind_it() {
    let disk = Faulty::new();
    let open = || try_open(&disk, &Ids::system(), small_everything()).unwrap();
    let engine = open();
    let bytes = content(1, 90);
    let mut extents = Vec::new();
    for _ in 0..5 {
        extents.push(put(&engine, &bytes).await);
    }
    let name = file_of(&extents[0]);
    // As a kill would leave it: not sealed.
    let mut bad = disk.content(&name);
    bad[offset_of(&extents[2]) + 3] ^= 1;
    drop(engine);
    disk.set_content(&name, bad);
    let engine = open();
    for (nth, extent) in extents.iter().enumerate() {
        let read = get_all(&engine, extent).await;
        assert_eq!(read.is_ok(), nth != 2, "extent {nth}: {read:?}");
    }
    let report = engine.check_all(|_| {}).unwrap();
    assert_eq!((report.damages, report.checked.extents), (1, 4));
}
