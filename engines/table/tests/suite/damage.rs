//! A flipped byte anywhere is an error or of no consequence, never other data.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Ids;
use bytes::Bytes;
use fogbank_table::{Direction, KeyRange, ScanLimit, SpaceId, SpaceKey, TableEngine, TableError};
use medium::{Faulty, Medium, Remains};

use crate::{ONE, TWO, append, delete, key, put, small, with_spaces, write};

const FLIPS: usize = 400;

type Contents = Vec<(SpaceId, Bytes, Bytes)>;

/// Some in files, some in the log.
async fn fill(engine: &TableEngine) -> Contents {
    with_spaces(engine).await;
    for nth in 0..300_u32 {
        let writes = vec![
            put(ONE, format!("{nth:04}"), vec![nth as u8; 300]),
            put(TWO, format!("{nth:04}"), vec![nth as u8; 300]),
            append(ONE, format!("note {nth}")),
            delete(ONE, format!("{:04}", nth / 2)),
        ];
        write(engine, writes).await.unwrap();
    }
    contents(engine).await.unwrap()
}

async fn contents(engine: &TableEngine) -> Result<Contents, TableError> {
    let mut contents = Contents::new();
    for space in [ONE, TWO] {
        let limit = ScanLimit::entries(100_000);
        let page = engine.scan(space, &KeyRange::all(), Direction::Forward, limit).await?;
        for (key, value) in page.pairs {
            let found = engine.get(space, &key).await?;
            assert_eq!(found.as_ref(), Some(&value));
            contents.push((space, key, value));
        }
    }
    Ok(contents)
}

async fn reopened(folder: &Path, log: Option<&Faulty>) -> Result<Contents, TableError> {
    let engine = match log {
        Some(log) => TableEngine::open_on(folder, Arc::new(log.clone()), small())?,
        None => TableEngine::open(folder, small()).await?,
    };
    engine.open_space(ONE, key()).await?;
    engine.open_space(TWO, SpaceKey::none()).await?;
    contents(&engine).await
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_file_is_an_error_or_of_no_consequence() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let engine = TableEngine::open(&whole, small()).await.unwrap();
    let expected = fill(&engine).await;
    drop(engine);
    assert_eq!(reopened(&whole, None).await.unwrap(), expected);
    let chance = Ids::seeded(3);
    let names: Vec<PathBuf> =
        files(&whole).iter().map(|path| path.strip_prefix(&whole).unwrap().to_owned()).collect();
    let mut errors = 0;
    for nth in 0..FLIPS {
        let flipped = folder.path().join("flipped");
        copy(&whole, &flipped);
        let name = &names[nth % names.len()];
        let path = flipped.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        if bytes.is_empty() {
            continue;
        }
        // The log's files are mostly still empty: what is written is at their beginning.
        let written = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 1;
        let at = chance.below(written as u64) as usize;
        bytes[at] ^= 1 << chance.below(8);
        std::fs::write(&path, bytes).unwrap();
        let flipping = flipped.clone();
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        let read = tokio::spawn(async move { reopened(&flipping, None).await }).await;
        match read {
            Ok(Ok(found)) => assert!(found == expected, "byte {at} of {} gives other data", name.display()),
            Ok(Err(_)) => errors += 1,
            // The tree gives up on some damage with a panic; nothing was returned.
            Err(panic) => {
                println!("byte {at} of {}: {panic}", name.display());
                errors += 1;
            }
        }
        std::fs::remove_dir_all(&flipped).unwrap();
    }
    println!("{errors} of {FLIPS} flips were errors");
    assert!(errors > FLIPS / 4, "{errors}");
}

/// What is in the log only, every bit of it that matters.
#[tokio::test]
async fn damage_to_what_was_synced_is_told_from_a_torn_write() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let engine = TableEngine::open_on(folder.path(), Arc::new(disk.clone()), small()).unwrap();
    with_spaces(&engine).await;
    for nth in 0..10_u32 {
        write(&engine, vec![put(ONE, format!("{nth}"), vec![nth as u8; 40])]).await.unwrap();
    }
    let expected = contents(&engine).await.unwrap();
    // Nothing more comes for a moment, so the last change gets its mark; then the process is killed.
    let (name, length) = loop {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        let (name, _) = disk.files().into_iter().next().unwrap();
        let bytes = disk.read(&name);
        let length = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        // A mark is a frame without payload that ends with what was acknowledged.
        if bytes[length.next_multiple_of(8) - 32 + 12] == 3 {
            break (name, length.next_multiple_of(8));
        }
    };
    let killed = disk.after_power_loss(Remains::Everything);
    drop(engine);
    for at in 0..length {
        let flipped = killed.after_power_loss(Remains::Everything);
        flipped.flip(&name, at, 4);
        let tree = tempfile::tempdir().unwrap();
        let read = reopened(tree.path(), Some(&flipped)).await;
        if at < length - 32 {
            assert!(matches!(read, Err(TableError::Corrupt(_))), "byte {at}: {read:?}");
        } else {
            assert_eq!(read.unwrap(), expected, "byte {at} of the mark itself");
        }
    }
}

#[tokio::test]
async fn a_missing_segment_or_tree_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Faulty::new();
    let engine = TableEngine::open_on(folder.path(), Arc::new(disk.clone()), small()).unwrap();
    fill(&engine).await;
    drop(engine);
    let names: Vec<String> = disk.files().into_iter().map(|(name, _)| name).collect();
    let elsewhere = tempfile::tempdir().unwrap();
    let without_tree = reopened(elsewhere.path(), Some(&disk.after_power_loss(Remains::Everything))).await;
    assert!(matches!(without_tree, Err(TableError::Corrupt(_))), "{without_tree:?}");
    let without_log = disk.after_power_loss(Remains::Everything);
    for name in &names {
        without_log.remove(name).unwrap();
    }
    let without_log = reopened(folder.path(), Some(&without_log)).await;
    assert!(matches!(without_log, Err(TableError::Corrupt(_))), "{without_log:?}");
}
