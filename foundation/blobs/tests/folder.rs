//! What only a folder can suffer: damage, kills, other processes and other versions.

#![expect(clippy::unwrap_used, reason = "this is a test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::Ids;
use bytes::Bytes;
use fogbank_blobs::limits::CHUNK_BYTES;
use fogbank_blobs::{BlobError, BlobId, Blobs, Damage};

fn open(folder: &Path) -> Result<Blobs, BlobError> {
    Blobs::open(folder, Ids::system())
}

fn path(folder: &Path, id: BlobId) -> PathBuf {
    let name = id.to_string();
    folder.join(&name[..2]).join(name)
}

fn drafts(folder: &Path) -> usize {
    fs::read_dir(folder.join("new")).unwrap().count()
}

async fn put(blobs: &Blobs, content: &[u8]) -> BlobId {
    let mut writer = blobs.create().await.unwrap();
    writer.write(Bytes::copy_from_slice(content)).await.unwrap();
    writer.commit().await.unwrap().id
}

/// What could be read, and how it ended.
async fn get(blobs: &Blobs, id: BlobId) -> (Vec<u8>, Result<(), BlobError>) {
    let mut read = Vec::new();
    let mut reader = match blobs.read(id, ..).await {
        Ok(reader) => reader,
        Err(error) => return (read, Err(error)),
    };
    loop {
        match reader.next().await {
            Ok(Some(bytes)) => read.extend_from_slice(&bytes),
            Ok(None) => return (read, Ok(())),
            Err(error) => return (read, Err(error)),
        }
    }
}

/// Whatever is read of a damaged blob is right, it ends in an error, and the error names the blob.
async fn assert_damage_is_noticed(blobs: &Blobs, id: BlobId, content: &[u8], what: &str) {
    let (read, end) = get(blobs, id).await;
    assert!(content.starts_with(&read), "{what}: damaged bytes were returned");
    let error = end.expect_err(what);
    assert!(matches!(error, BlobError::Corrupt { id: named, .. } if named == id), "{what}: {error}");
    assert!(error.to_string().contains(&id.to_string()));
}

#[tokio::test]
async fn a_flipped_byte_anywhere_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).unwrap();
    for length in [0, 1, 100] {
        let content = vec![7; length];
        let id = put(&blobs, &content).await;
        let path = path(folder.path(), id);
        let good = fs::read(&path).unwrap();
        for position in 0..good.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut bad = good.clone();
                bad[position] ^= flip;
                fs::write(&path, bad).unwrap();
                let what = format!("byte {position} of {length}");
                assert_damage_is_noticed(&blobs, id, &content, &what).await;
            }
        }
        fs::write(&path, good).unwrap();
        assert_eq!(get(&blobs, id).await.0, content);
    }
}

#[tokio::test]
async fn damage_in_one_chunk_leaves_the_others_readable() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).unwrap();
    let content: Vec<u8> = (0..3 * CHUNK_BYTES).map(|index| (index / 1000) as u8).collect();
    let id = put(&blobs, &content).await;
    let path = path(folder.path(), id);
    let good = fs::read(&path).unwrap();
    let block = CHUNK_BYTES + 4;
    // The first and last byte of the middle chunk, and those of its seal.
    for position in [block, block + CHUNK_BYTES - 1, block + CHUNK_BYTES, 2 * block - 1] {
        let mut bad = good.clone();
        bad[position] ^= 1;
        fs::write(&path, bad).unwrap();
        let (read, end) = get(&blobs, id).await;
        assert!(read == content[..CHUNK_BYTES]);
        let expected = Damage::Chunk { offset: CHUNK_BYTES as u64 };
        assert!(matches!(end, Err(BlobError::Corrupt { damage, .. }) if damage == expected), "{end:?}");
        let mut rest = blobs.read(id, 2 * CHUNK_BYTES as u64..).await.unwrap();
        assert!(rest.next().await.unwrap().unwrap() == content[2 * CHUNK_BYTES..]);
    }
}

#[tokio::test]
async fn bytes_that_are_missing_added_or_moved_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).unwrap();
    let content = vec![0; 2 * CHUNK_BYTES];
    let (id, other) = (put(&blobs, &content).await, put(&blobs, &content).await);
    let path_of = |id| path(folder.path(), id);
    let good = fs::read(path_of(id)).unwrap();
    let block = CHUNK_BYTES + 4;

    let mut versions: Vec<(&str, Vec<u8>)> = Vec::new();
    versions.extend([0, 1, 23, 24, block, good.len() - 1].map(|length| ("cut", good[..length].to_vec())));
    versions.push(("longer", [&good[..], b"x"].concat()));
    versions.push(("one chunk less", good[block..].to_vec()));
    versions.push(("swapped chunks", [&good[block..2 * block], &good[..block], &good[2 * block..]].concat()));
    versions.push(("another blob's file", fs::read(path_of(other)).unwrap()));
    for (what, bad) in versions {
        fs::write(path_of(id), bad).unwrap();
        assert_damage_is_noticed(&blobs, id, &content, what).await;
    }
}

#[tokio::test]
async fn a_writer_that_is_dropped_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).unwrap();
    let mut writer = blobs.create().await.unwrap();
    writer.write(Bytes::from(vec![1; CHUNK_BYTES + 1])).await.unwrap();
    assert_eq!(drafts(folder.path()), 1);
    drop(writer);
    eventually(|| drafts(folder.path()) == 0).await;

    put(&blobs, b"committed").await;
    assert_eq!(drafts(folder.path()), 0);
}

#[test]
fn a_write_that_is_cancelled_gives_the_blob_up() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build();
    runtime.unwrap().block_on(async {
        let blobs = open(folder.path()).unwrap();
        let mut writer = blobs.create().await.unwrap();
        // The pool's one thread has something else to do, so the write cannot be done when it is looked at.
        let (free, wait) = std::sync::mpsc::channel::<()>();
        let busy = tokio::task::spawn_blocking(move || wait.recv());
        let write = writer.write(Bytes::from(vec![1; 64 * CHUNK_BYTES]));
        assert!(futures_util::FutureExt::now_or_never(write).is_none());
        free.send(()).unwrap();
        busy.await.unwrap().unwrap();
        assert!(matches!(writer.commit().await, Err(BlobError::Abandoned)));
        eventually(|| drafts(folder.path()) == 0).await;
        assert_eq!(blobs.list(None, 10).await.unwrap(), []);
    });
}

async fn eventually(is_so: impl Fn() -> bool) {
    for _ in 0..500 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was not so within five seconds");
}

#[tokio::test]
async fn what_a_killed_process_leaves_is_removed_at_open_and_what_it_committed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).unwrap();
    let id = put(&blobs, b"committed").await;
    let mut writer = blobs.create().await.unwrap();
    writer.write(Bytes::from(vec![1; CHUNK_BYTES + 1])).await.unwrap();
    // A killed process does not drop what it holds.
    std::mem::forget(writer);
    drop(blobs);
    assert_eq!(drafts(folder.path()), 1);
    // Killed between the link and the removal of the first name.
    fs::hard_link(path(folder.path(), id), folder.path().join("new").join(id.to_string())).unwrap();

    let blobs = open(folder.path()).unwrap();
    assert_eq!(drafts(folder.path()), 0);
    assert_eq!(blobs.list(None, 10).await.unwrap(), [id]);
    assert_eq!(get(&blobs, id).await.0, b"committed");
}

#[tokio::test]
async fn an_id_that_is_taken_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), Ids::seeded(1)).unwrap();
    let id = put(&blobs, b"first").await;
    drop(blobs);
    let blobs = Blobs::open(folder.path(), Ids::seeded(1)).unwrap();
    let mut writer = blobs.create().await.unwrap();
    assert_eq!(writer.id(), id);
    writer.write(Bytes::from_static(b"second")).await.unwrap();
    assert!(matches!(writer.commit().await, Err(BlobError::Io(_))));
    assert_eq!(get(&blobs, id).await.0, b"first");
    assert_eq!(drafts(folder.path()), 0);
}

#[tokio::test]
async fn a_folder_is_open_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path()).unwrap();
    let mut writer = blobs.create().await.unwrap();
    assert!(matches!(open(folder.path()), Err(BlobError::Locked(locked)) if locked == folder.path()));
    writer.write(Bytes::from_static(b"unharmed by the second open")).await.unwrap();
    writer.commit().await.unwrap();
    drop(blobs);
    open(folder.path()).unwrap();
}

#[test]
fn a_folder_of_another_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let format = folder.path().join("format");
    assert_eq!(fs::read_to_string(&format).unwrap(), "fogbank blobs 1\n");
    let draft = folder.path().join("new").join("of-a-newer-version");
    fs::write(&draft, "").unwrap();

    fs::write(&format, "fogbank blobs 2\n").unwrap();
    assert!(matches!(open(folder.path()), Err(BlobError::NewerVersion { found: 2, known: 1, .. })));
    for unknown in ["", "1\n", "fogbank blobs 0\n", "fogbank blobs x\n"] {
        fs::write(&format, unknown).unwrap();
        assert!(matches!(open(folder.path()), Err(BlobError::UnknownFormat(_))), "{unknown:?}");
    }
    assert!(draft.exists());
}
