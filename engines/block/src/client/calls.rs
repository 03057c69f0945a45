//! What can be asked.

use std::collections::BTreeMap;

use super::Block;
use crate::store::{Key, SnapshotState, UploadSpec, VerifyReport, VolumeSpec};
use crate::talk::{Answer, Ask};
use crate::{BlockError, Device, Event, Pace, Processes, SnapshotSpec};

impl Block {
    /// Makes a volume; one that is there already stays as it is.
    pub async fn create(&self, spec: &VolumeSpec) -> Result<(), BlockError> {
        let VolumeSpec { id, bytes, zone, key, snapshot } = spec.clone();
        self.order(Ask::Create { id, bytes, zone, key, snapshot }).await
    }

    /// Grows a volume, served or not; whoever has its device open sees the new size.
    pub async fn grow(&self, volume: &str, bytes: u64) -> Result<(), BlockError> {
        self.order(Ask::Grow { volume: volume.to_owned(), bytes }).await
    }

    /// Removes a volume, which is not served.
    pub async fn remove(&self, volume: &str) -> Result<(), BlockError> {
        self.order(Ask::Remove { volume: volume.to_owned() }).await
    }

    /// Makes a volume a block device. Done again, it is the same device, with the pace of the last time.
    pub async fn serve(
        &self,
        volume: &str,
        key: Option<&Key>,
        pace: Option<Pace>,
    ) -> Result<Device, BlockError> {
        match self.ask(&Ask::Serve { volume: volume.to_owned(), key: key.copied(), pace }, &[]).await? {
            (Answer::Device(device), _) => Ok(device),
            other => Err(unexpected(&other.0)),
        }
    }

    /// Syncs a volume and takes its device away. One that is mounted is [`BlockError::Busy`]; by force, whoever has it
    /// open or mounted gets errors from then on. Done twice is done.
    pub async fn unserve(&self, volume: &str, force: bool) -> Result<(), BlockError> {
        self.order(Ask::Unserve { volume: volume.to_owned(), force }).await
    }

    /// Changes the pace of a volume that is served.
    pub async fn set_pace(&self, volume: &str, pace: Option<Pace>) -> Result<(), BlockError> {
        self.order(Ask::SetPace { volume: volume.to_owned(), pace }).await
    }

    /// All volumes that are served.
    pub async fn served(&self) -> Result<BTreeMap<String, Device>, BlockError> {
        match self.ask(&Ask::Served, &[]).await? {
            (Answer::Served(devices), _) => Ok(devices),
            other => Err(unexpected(&other.0)),
        }
    }

    /// Fixes what all these volumes hold in this moment. Their blocks are copied in the background.
    pub async fn snapshot(&self, specs: &[SnapshotSpec]) -> Result<(), BlockError> {
        self.order(Ask::Snapshot(specs.to_vec())).await
    }

    pub async fn snapshot_state(&self, snapshot: &str) -> Result<SnapshotState, BlockError> {
        match self.ask(&Ask::SnapshotState { snapshot: snapshot.to_owned() }, &[]).await? {
            (Answer::State(state), _) => Ok(state.into()),
            other => Err(unexpected(&other.0)),
        }
    }

    /// Copies a completed snapshot, under another key where one is given.
    pub async fn copy_snapshot(
        &self,
        source: (&str, Option<&Key>),
        copy: (&str, Option<&Key>),
    ) -> Result<(), BlockError> {
        self.order(Ask::CopySnapshot {
            source: source.0.to_owned(),
            source_key: source.1.copied(),
            copy: copy.0.to_owned(),
            copy_key: copy.1.copied(),
        })
        .await
    }

    /// Blocks that other snapshots or volumes need stay.
    pub async fn remove_snapshot(&self, snapshot: &str) -> Result<(), BlockError> {
        self.order(Ask::RemoveSnapshot { snapshot: snapshot.to_owned() }).await
    }

    /// Begins a snapshot that is written block by block.
    pub async fn start_upload(&self, spec: &UploadSpec) -> Result<(), BlockError> {
        let UploadSpec { id, volume_bytes, key, parent } = spec.clone();
        self.order(Ask::StartUpload { id, volume_bytes, key, parent }).await
    }

    /// Writes a block, synced when done.
    pub async fn put_block(
        &self,
        snapshot: &str,
        key: Option<&Key>,
        block: u64,
        bytes: &[u8],
    ) -> Result<(), BlockError> {
        let ask = Ask::PutBlock { snapshot: snapshot.to_owned(), key: key.copied(), block };
        self.ask(&ask, bytes).await.map(drop)
    }

    /// No block is written any more.
    pub async fn complete_upload(&self, snapshot: &str) -> Result<(), BlockError> {
        self.order(Ask::CompleteUpload { snapshot: snapshot.to_owned() }).await
    }

    /// A block, or nothing where the snapshot has none.
    pub async fn block(
        &self,
        snapshot: &str,
        key: Option<&Key>,
        block: u64,
    ) -> Result<Option<Vec<u8>>, BlockError> {
        let ask = Ask::Block { snapshot: snapshot.to_owned(), key: key.copied(), block };
        match self.ask(&ask, &[]).await? {
            (Answer::Block(there), bytes) => Ok(there.then_some(bytes)),
            other => Err(unexpected(&other.0)),
        }
    }

    /// Up to `limit` blocks from `from` on, each with a name of its content.
    pub async fn blocks(
        &self,
        snapshot: &str,
        from: u64,
        limit: usize,
    ) -> Result<BTreeMap<u64, [u8; 16]>, BlockError> {
        let ask = Ask::Blocks { snapshot: snapshot.to_owned(), from, limit: limit as u64 };
        match self.ask(&ask, &[]).await? {
            (Answer::Blocks(blocks), _) => Ok(blocks),
            other => Err(unexpected(&other.0)),
        }
    }

    /// The volumes and snapshots that are kept.
    pub async fn kept(&self) -> Result<(Vec<String>, Vec<String>), BlockError> {
        match self.ask(&Ask::Kept, &[]).await? {
            (Answer::Kept(volumes, snapshots), _) => Ok((volumes, snapshots)),
            other => Err(unexpected(&other.0)),
        }
    }

    /// Reads everything that is kept and says what is not as it was written.
    pub async fn verify(&self) -> Result<VerifyReport, BlockError> {
        match self.ask(&Ask::Verify, &[]).await? {
            (Answer::Verified { volumes, snapshots, blocks, damaged, broken }, _) => {
                Ok(VerifyReport { volumes, snapshots, blocks, damaged, broken })
            }
            other => Err(unexpected(&other.0)),
        }
    }

    /// The processes that serve.
    pub async fn processes(&self) -> Result<Processes, BlockError> {
        match self.ask(&Ask::Hello { version: crate::talk::VERSION }, &[]).await? {
            (Answer::Hello(processes), _) => Ok(processes),
            other => Err(unexpected(&other.0)),
        }
    }

    /// What happens next. What happened while nobody asked is told as well.
    pub async fn next_event(&self) -> Event {
        let mut events = self.shared.events.lock().await;
        events.recv().await.expect("this has the other end as well")
    }

    /// What happened since this was asked last.
    pub fn events(&self) -> Vec<Event> {
        let Ok(mut events) = self.shared.events.try_lock() else { return Vec::new() };
        std::iter::from_fn(|| events.try_recv().ok()).collect()
    }

    /// Ends the daemon if it serves nothing and copies nothing; what it serves goes on without this process.
    pub async fn close(&self) -> Result<(), BlockError> {
        let Ok(stream) = self.connect().await else { return Ok(()) };
        self.keep(stream);
        match self.order(Ask::Stop).await {
            Err(BlockError::Busy(_)) => {}
            other => other?,
        }
        self.shared.idle.lock().clear();
        Ok(())
    }

    async fn order(&self, ask: Ask) -> Result<(), BlockError> {
        self.ask(&ask, &[]).await.map(drop)
    }
}

fn unexpected(answer: &Answer) -> BlockError {
    BlockError::Failed(format!("the daemon of the disks said {answer:?}"))
}
