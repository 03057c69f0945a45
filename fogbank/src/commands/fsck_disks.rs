//! The part of `fogbank fsck` that looks at volumes and snapshots: every block of every snapshot, the maps of volumes, and
//! that records and disks know of the same ones.
//!
//! What a volume holds is not authenticated, as on any disk; only its description and its map can be checked.

use std::fmt::Write;

use anyhow::{Context, anyhow};
use base::Ids;
use block_engine::store::{Settings, Store as Disks, StoreError, VerifyReport};
use ec2::{DisksReport, KeptDisks, compare_disks};
use store::Store;

use crate::config::Config;
use crate::environment::Environment;
use crate::folder::Folder;
use crate::limits::FSCK_DISKS_LISTED_MAX;
use crate::{machines, master_key};

/// What was found.
pub enum Checked {
    /// Without the master key nothing can be opened.
    Closed,
    Open {
        engine: VerifyReport,
        records: DisksReport,
        /// So much of what no record names was taken away, if that was asked for.
        freed: Option<usize>,
    },
}

impl Checked {
    pub fn is_clean(&self) -> bool {
        match self {
            Self::Closed => true,
            Self::Open { engine, records, .. } => {
                engine.damaged.is_empty() && engine.broken.is_empty() && records.missing.is_empty()
            }
        }
    }
}

/// Nothing where this cloud never had a volume. With `repair`, what no record names is taken away.
pub async fn check(
    folder: &Folder,
    store: &Store,
    environment: &Environment,
    repair: bool,
) -> anyhow::Result<Option<Checked>> {
    let room = folder.path().join("disks");
    if !room.is_dir() {
        return Ok(None);
    }
    let seals =
        match master_key::open(store, Some(folder), &Config::default(), environment, &Ids::system()).await {
            Ok(seals) => seals,
            Err(error) => {
                tracing::warn!(%error, "volumes and snapshots are not checked");
                return Ok(Some(Checked::Closed));
            }
        };
    let Some(master) = machines::disk_key(&room, &seals.vault)? else { return Ok(None) };
    let opened = room.display().to_string();
    let (disks, engine, kept) =
        tokio::task::spawn_blocking(move || -> Result<(Disks, VerifyReport, KeptDisks), StoreError> {
            let disks = Disks::open(&room, Settings { master, boot: None })?;
            let engine = disks.verify(&mut |_, _| {})?;
            let kept = disks.kept()?;
            Ok((disks, engine, kept))
        })
        .await
        .context("the check of disks was ended")?
        .with_context(|| format!("the disks in {opened} cannot be checked"))?;
    let records = compare_disks(store, &kept).await;
    let records = records.map_err(|fault| anyhow!("the check of volumes could not be finished: {fault}"))?;
    let freed = repair.then(|| free(&disks, &records));
    Ok(Some(Checked::Open { engine, records, freed }))
}

/// Takes away what no record names. What is in use stays.
fn free(disks: &Disks, records: &DisksReport) -> usize {
    let volumes = records.unnamed_volumes.iter().map(|id| (id, disks.remove_volume(id)));
    let snapshots = records.unnamed_snapshots.iter().map(|id| (id, disks.remove_snapshot(id)));
    let tried = volumes.chain(snapshots);
    tried
        .filter(|(id, done)| match done {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(id, %error, "what no record names could not be taken away");
                false
            }
        })
        .count()
}

pub fn print(checked: &Checked) -> String {
    let Checked::Open { engine, records, freed } = checked else {
        return "volumes and snapshots were not checked: there is no master key\n".to_owned();
    };
    let mut text = String::new();
    for (snapshot, block) in engine.damaged.iter().take(FSCK_DISKS_LISTED_MAX) {
        writeln!(text, "damaged: block {block} of {snapshot}").expect("text takes it");
    }
    for owner in engine.broken.iter().take(FSCK_DISKS_LISTED_MAX) {
        writeln!(text, "damaged: the map or table of {owner}").expect("text takes it");
    }
    for id in records.missing.iter().take(FSCK_DISKS_LISTED_MAX) {
        writeln!(text, "missing: {id}").expect("text takes it");
    }
    let unnamed = || records.unnamed_volumes.iter().chain(&records.unnamed_snapshots);
    for id in unnamed().take(FSCK_DISKS_LISTED_MAX) {
        writeln!(text, "without a record: {id}").expect("text takes it");
    }
    let then = match (unnamed().count(), freed) {
        (0, _) => "none to free".to_owned(),
        (_, None) => "left; --repair frees them".to_owned(),
        (all, Some(freed)) if all == *freed => format!("{freed} freed"),
        (all, Some(freed)) => format!("{freed} freed, {} in use and left", all - freed),
    };
    let VerifyReport { volumes, snapshots, blocks, damaged, broken } = engine;
    writeln!(
        text,
        "{volumes} volumes, {snapshots} snapshots, {blocks} blocks of these read, {} damaged, {} missing\n{} volumes and \
         snapshots without a record: {then}",
        damaged.len() + broken.len(),
        records.missing.len(),
        unnamed().count(),
    )
    .expect("text takes it");
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;
    use std::path::Path;

    use base::Clock;
    use block_engine::store::VolumeSpec;
    use service::Tasks;

    use super::*;
    use crate::machines::HostDisks;

    /// Opens what a stopped cloud has, and closes it again.
    async fn in_cloud<T>(path: &Path, work: impl AsyncFnOnce(&Folder, &Store, &Environment) -> T) -> T {
        let folder = Folder::open(path).unwrap();
        let store = Store::embedded(&folder.room("store").unwrap(), store::Options::default()).unwrap();
        let done = work(&folder, &store, &Environment::of(&[])).await;
        store.close().await;
        done
    }

    async fn found(path: &Path, repair: bool) -> Checked {
        in_cloud(path, async |folder, store, environment| {
            check(folder, store, environment, repair).await.unwrap().unwrap()
        })
        .await
    }

    /// A cloud with a volume that has one snapshot of one block, neither of which a record knows.
    async fn a_cloud(path: &Path) {
        in_cloud(path, async |folder, store, environment| {
            let ids = Ids::system();
            let seals =
                master_key::open(store, Some(folder), &Config::default(), environment, &ids).await.unwrap();
            let tasks = Tasks::new(Clock::system(std::time::Duration::ZERO), store.clone(), "test");
            HostDisks::open(Some(folder), &seals.vault, None, tasks).await.unwrap();
            let room = folder.path().join("disks");
            let master = machines::disk_key(&room, &seals.vault).unwrap().unwrap();
            let disks = Disks::open(&room, Settings { master, boot: None }).unwrap();
            let spec = VolumeSpec {
                id: "vol-1".to_owned(),
                bytes: 1 << 20,
                zone: "us-east-1a".to_owned(),
                key: None,
                snapshot: None,
            };
            disks.create_volume(&spec).unwrap();
            let volume = disks.open_volume("vol-1", None).unwrap();
            volume.write_at(0, &[7; 4096]).unwrap();
            disks.snapshot_begin(&[(volume.clone(), "snap-1".to_owned(), None)]).unwrap();
            disks.snapshot_run("snap-1").unwrap();
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_flipped_byte_of_a_snapshot_is_found_and_named() {
        let temp = tempfile::tempdir().unwrap();
        a_cloud(temp.path()).await;
        assert!(found(temp.path(), false).await.is_clean());
        let segments = std::fs::read_dir(temp.path().join("disks/snapshots/segments")).unwrap();
        let segment = segments.map(|entry| entry.unwrap().path()).next().unwrap();
        let file = std::fs::File::options().read(true).write(true).open(segment).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, 70).unwrap();
        file.write_all_at(&[byte[0] ^ 4], 70).unwrap();
        let checked = found(temp.path(), true).await;
        let text = print(&checked);
        assert!(!checked.is_clean() && text.contains("damaged: block 0 of snap-1\n"), "{text}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_map_that_cannot_be_read_is_found() {
        let temp = tempfile::tempdir().unwrap();
        a_cloud(temp.path()).await;
        std::fs::write(temp.path().join("disks/zones/us-east-1a/vol-1/map"), b"x").unwrap();
        let checked = found(temp.path(), false).await;
        assert!(print(&checked).contains("damaged: the map or table of vol-1\n"), "{}", print(&checked));
        assert!(!checked.is_clean());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_no_record_names_is_told_and_freed_if_that_is_asked_for() {
        let temp = tempfile::tempdir().unwrap();
        a_cloud(temp.path()).await;
        let text = print(&found(temp.path(), false).await);
        assert_eq!(
            text,
            "without a record: vol-1\nwithout a record: snap-1\n1 volumes, 1 snapshots, 1 blocks of these read, 0 damaged, \
             0 missing\n2 volumes and snapshots without a record: left; --repair frees them\n"
        );
        let text = print(&found(temp.path(), true).await);
        assert!(text.ends_with("2 volumes and snapshots without a record: 2 freed\n"), "{text}");
        let text = print(&found(temp.path(), false).await);
        assert!(text.ends_with("0 volumes and snapshots without a record: none to free\n"), "{text}");
    }
}
