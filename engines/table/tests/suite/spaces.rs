//! Spaces: made, opened with their key, dropped, counted.

use fogbank_table::{SpaceId, SpaceKey, TableEngine, TableError};

use crate::{ONE, TWO, all, append, check, delete, key, on_all, open, put, small, write};

#[test]
fn counts_are_exact() {
    on_all(|engine| async move {
        let counts = |space| (engine.space_entries(space).unwrap(), engine.space_bytes(space).unwrap());
        write(&engine, vec![put(ONE, "a", "123"), put(ONE, "bc", "")]).await.unwrap();
        assert_eq!(counts(ONE), (2, 6));
        write(&engine, vec![put(ONE, "a", "1"), append(TWO, "1234567890")]).await.unwrap();
        assert_eq!((counts(ONE), counts(TWO)), ((2, 4), (1, 22)));
        write(&engine, vec![delete(ONE, "a"), delete(ONE, "absent")]).await.unwrap();
        assert_eq!(counts(ONE), (1, 2));
        let unlocked = engine.change(Vec::new(), |_| Ok::<_, ()>((vec![put(ONE, "bc", "4")], ()))).await;
        unlocked.unwrap().unwrap();
        assert_eq!(counts(ONE), (1, 3), "also for keys that were not locked");
        check(&engine).await;
    });
}

#[tokio::test]
async fn counts_and_spaces_are_there_after_a_restart_also_when_files_were_written_between() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..10_u32 {
        let engine = open(folder.path()).await;
        assert_eq!(engine.spaces(), [ONE, TWO]);
        assert_eq!(engine.space_entries(ONE).unwrap(), u64::from(round) * 50);
        for nth in 0..50 {
            write(&engine, vec![put(ONE, format!("{round} {nth}"), vec![0; 500])]).await.unwrap();
        }
        check(&engine).await;
    }
}

#[tokio::test]
async fn a_space_opens_with_its_key_only() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path()).await;
    write(&engine, vec![put(ONE, "a", "secret value")]).await.unwrap();
    drop(engine);
    let engine = TableEngine::open(folder.path(), small()).await.unwrap();
    assert!(matches!(engine.get(ONE, b"a").await, Err(TableError::NotOpen(ONE))));
    for wrong in [SpaceKey::none(), SpaceKey::aes_256([8; 32])] {
        assert!(matches!(engine.open_space(ONE, wrong.clone()).await, Err(TableError::WrongKey(ONE))));
        assert!(matches!(engine.create_space(ONE, wrong).await, Err(TableError::WrongKey(ONE))));
    }
    assert!(matches!(engine.open_space(TWO, key()).await, Err(TableError::WrongKey(TWO))));
    check(&engine).await;
    engine.open_space(ONE, key()).await.unwrap();
    assert_eq!(engine.get(ONE, b"a").await.unwrap().unwrap(), "secret value");
    let absent = SpaceId(3);
    assert!(matches!(engine.open_space(absent, key()).await, Err(TableError::NoSuchSpace(_))));
    assert!(!engine.has_space(absent) && engine.has_space(ONE));
    drop(engine);
    let needle = b"secret value";
    for file in walk(folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(needle.len()).any(|window| window == needle), "{}", file.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn a_dropped_space_is_gone_at_once_and_others_stay() {
    on_all(|engine| async move {
        write(&engine, vec![put(ONE, "a", "1"), put(TWO, "a", "2")]).await.unwrap();
        engine.drop_space(ONE).await.unwrap();
        engine.drop_space(ONE).await.unwrap();
        assert!(matches!(engine.get(ONE, b"a").await, Err(TableError::NoSuchSpace(ONE))));
        assert!(matches!(write(&engine, vec![put(ONE, "b", "1")]).await, Err(TableError::NoSuchSpace(ONE))));
        assert!(engine.space_bytes(ONE).is_err());
        engine.settle().await;
        assert_eq!(engine.spaces(), [TWO]);
        assert_eq!(all(&engine, TWO).await.len(), 1);
        engine.drop_space(SpaceId(9)).await.unwrap();
        check(&engine).await;
    });
}

#[tokio::test]
async fn the_room_of_a_dropped_space_is_given_back_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    for restarts in [false, true] {
        let mut engine = open(folder.path()).await;
        let space = SpaceId(if restarts { 11 } else { 10 });
        engine.create_space(space, key()).await.unwrap();
        for nth in 0..400_u32 {
            let writes = (0..10).map(|more| put(space, format!("{nth} {more}"), vec![1; 400])).collect();
            write(&engine, writes).await.unwrap();
        }
        let full = engine.disk_bytes();
        assert!(full > 1 << 20, "{full} bytes");
        engine.drop_space(space).await.unwrap();
        if restarts {
            drop(engine);
            engine = open(folder.path()).await;
        }
        engine.settle().await;
        let mut left = engine.disk_bytes();
        for _ in 0..200 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            left = engine.disk_bytes();
            if left < full / 2 {
                break;
            }
        }
        assert!(left < full / 2, "{left} bytes of {full} are left");
        check(&engine).await;
    }
}
