//! EC2's volumes on this host: files of the block engine, served as block devices, and given to machines.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use block_engine::store::{self, Key};
use block_engine::{Block, BlockError, BlockSettings, Device};
use ec2::{
    Attachment, Credits, DataKey, DiskError, Disks, Incident, KeptDisks, Pace, SnapshotSpec, SnapshotState,
    UploadSpec, VolumeSpec,
};
use parking_lot::Mutex;
use sandbox_engine::{BlockDevice, SandboxError};
use service::{BoxFuture, Nudge, Tasks};
use tokio::sync::OnceCell;
use vault::Vault;

use super::Host;
use super::host::guest_name;
use super::own_disks::Filling;
use crate::folder::Folder;

/// Where the key lies, sealed, that volumes without a key of their own are encrypted under.
const KEY_FILE: &str = "key.sealed";
const KEY_PURPOSE: &str = "disks";

const NO_INSTANCES: &str = "This cloud runs no instances ([instances] driver).";

/// What happened that nobody has asked about yet; more is dropped, the oldest first.
const INCIDENTS_MAX: usize = 1_000;

pub struct HostDisks {
    folder: PathBuf,
    key: Key,
    /// Nothing where this cloud runs no instances: volumes and snapshots are kept all the same.
    host: Option<Arc<Host>>,
    tasks: Tasks,
    /// The snapshots of this cloud's own images, which are filled when they are needed.
    filling: Filling,
    block: OnceCell<Block>,
    news: Arc<Mutex<News>>,
}

#[derive(Default)]
struct News {
    nudge: Option<Nudge>,
    incidents: Vec<Incident>,
    /// The volumes that machines have.
    served: BTreeSet<String>,
}

impl HostDisks {
    /// Disks in a folder; nothing without one. Their daemon is started when the first is made, or at once where an
    /// earlier run left some.
    pub async fn open(
        folder: Option<&Folder>,
        vault: &Vault,
        host: Option<Arc<Host>>,
        tasks: Tasks,
    ) -> anyhow::Result<Option<Arc<HostDisks>>> {
        let Some(folder) = folder.map(|folder| folder.room("disks")).transpose()? else { return Ok(None) };
        let (key, is_new) = match disk_key(&folder, vault)? {
            Some(key) => (key, false),
            None => (new_disk_key(&folder, vault)?, true),
        };
        let (block, news) = (OnceCell::new(), Arc::default());
        let disks =
            Arc::new(HostDisks { folder, key, host, tasks, filling: Filling::default(), block, news });
        if !is_new {
            disks.engine().await.context("the disks of an earlier run cannot be taken over")?;
        }
        Ok(Some(disks))
    }

    /// Ends the daemon if no volume is in use; else it goes on without this process.
    pub async fn close(&self) {
        let Some(block) = self.block.get() else { return };
        let is_idle = block.served().await.is_ok_and(|served| served.is_empty());
        if is_idle && let Err(error) = block.close().await {
            tracing::warn!(%error, "the daemon of the disks did not end");
        }
    }

    async fn engine(&self) -> Result<&Block, DiskError> {
        let opened = self.block.get_or_try_init(|| async {
            let program = std::env::current_exe().map_err(|error| {
                DiskError::Failed(format!("this program's own file is not known: {error}"))
            })?;
            let settings = BlockSettings::new(self.folder.clone(), program, self.key);
            let block = Block::open(settings).await.map_err(told)?;
            self.watch(block.clone());
            Ok(block)
        });
        opened.await
    }

    /// Passes on what the daemon tells, until the cloud stops.
    fn watch(&self, block: Block) {
        let (news, tasks) = (self.news.clone(), self.tasks.clone());
        self.tasks.spawn(async move {
            let telling = async {
                loop {
                    let event = block.next_event().await;
                    news.lock().add(event);
                }
            };
            tokio::select! {
                () = telling => {}
                () = tasks.stopped() => {}
            }
        });
    }

    /// The engine, in which a snapshot is there that is of one of this cloud's own images.
    async fn engine_with(&self, snapshot: &str) -> Result<&Block, DiskError> {
        let block = self.engine().await?;
        self.filling.fill(block, self.host.as_deref(), snapshot).await?;
        Ok(block)
    }

    async fn attach_now(&self, attachment: &Attachment) -> Result<(), DiskError> {
        let Attachment { volume, machine, device, key, pace } = attachment;
        let host = self.host.as_ref().ok_or_else(|| DiskError::Lacking(NO_INSTANCES.to_owned()))?;
        let served = self.engine().await?.serve(volume, raw(key.as_ref()), pace.map(engine_pace)).await;
        let device = guest_device(volume, device, served.map_err(told)?);
        host.take_stale(machine, &device).await.map_err(refused(volume))?;
        host.give(machine, device).await.map_err(refused(volume))?;
        self.news.lock().served.insert(volume.clone());
        Ok(())
    }

    async fn detach_now(&self, volume: &str, machine: &str, force: bool) -> Result<(), DiskError> {
        let block = self.engine().await?;
        let served = block.served().await.map_err(told)?;
        if let Some((device, host)) = served.get(volume).zip(self.host.as_ref()) {
            host.take(machine, device, force).await.map_err(refused(volume))?;
        }
        block.unserve(volume, force).await.map_err(told)?;
        self.news.lock().served.remove(volume);
        Ok(())
    }
}

impl News {
    fn add(&mut self, event: block_engine::Event) {
        use block_engine::Event;
        let told = match event {
            Event::Full { volume } => vec![Incident::Full { volume }],
            Event::FullNoMore { volume } => vec![Incident::FullNoMore { volume }],
            Event::Rot { snapshot, block } => vec![Incident::Rot { snapshot, block }],
            Event::Lost => {
                let lost = std::mem::take(&mut self.served).into_iter();
                lost.map(|volume| Incident::Lost { volume }).collect()
            }
            Event::Failed { volume, cause } => {
                tracing::error!(volume, cause, "a volume failed its machine");
                Vec::new()
            }
            Event::Settled { .. } | Event::Restarted => Vec::new(),
        };
        self.incidents.extend(told);
        let excess = self.incidents.len().saturating_sub(INCIDENTS_MAX);
        self.incidents.drain(..excess);
        if let Some(nudge) = &self.nudge {
            nudge.nudge();
        }
    }
}

/// How a machine sees a volume: its by-id name tells the volume's.
fn guest_device(volume: &str, asked: &str, device: Device) -> BlockDevice {
    let name = guest_name(asked);
    let by_id = format!("nvme-Amazon_Elastic_Block_Store_{}", volume.replace('-', ""));
    let Device { path, major, minor } = device;
    BlockDevice { name, by_id: Some(by_id), path, major, minor }
}

/// The key that volumes without one of their own are encrypted under, if there is one yet.
pub fn disk_key(folder: &Path, vault: &Vault) -> anyhow::Result<Option<Key>> {
    let path = folder.join(KEY_FILE);
    let context = KEY_PURPOSE.as_bytes();
    match std::fs::read(&path) {
        Ok(sealed) => {
            let opened = vault.open(KEY_PURPOSE, context, &sealed);
            let opened = opened.with_context(|| format!("{} cannot be opened", path.display()))?;
            let Ok(key) = Key::try_from(opened.as_slice()) else { bail!("{} is no key", path.display()) };
            Ok(Some(key))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

fn new_disk_key(folder: &Path, vault: &Vault) -> anyhow::Result<Key> {
    let (path, draft) = (folder.join(KEY_FILE), folder.join("key.draft"));
    let mut key = Key::default();
    key.copy_from_slice(&vault.random(size_of::<Key>()));
    let written = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(&vault.seal(KEY_PURPOSE, KEY_PURPOSE.as_bytes(), &key))?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    written().with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(key)
}

fn raw(key: Option<&DataKey>) -> Option<&Key> {
    key.map(|key| &key.0)
}

fn engine_pace(pace: Pace) -> block_engine::Pace {
    let Pace { operations_a_second, bytes_a_second, credits } = pace;
    let credits = credits.map(|credits| {
        let Credits { are_bytes, earned_a_second, most } = credits;
        block_engine::Credits { are_bytes, earned_a_second, most }
    });
    block_engine::Pace { operations_a_second, bytes_a_second, credits }
}

pub fn told(error: BlockError) -> DiskError {
    match error {
        BlockError::Lacking(what) => DiskError::Lacking(what),
        BlockError::Absent(id) => DiskError::Absent(id),
        BlockError::Busy(id) => DiskError::Busy(id),
        BlockError::Damaged { snapshot, block } => DiskError::Damaged { snapshot, block },
        BlockError::Full => DiskError::Full,
        BlockError::Failed(what) => DiskError::Failed(what),
    }
}

fn refused(volume: &str) -> impl Fn(SandboxError) -> DiskError {
    move |error| match error {
        SandboxError::Busy(_) => DiskError::Busy(volume.to_owned()),
        other => DiskError::Failed(other.to_string()),
    }
}

impl Disks for HostDisks {
    fn lacking(&self) -> Option<String> {
        if self.host.is_none() {
            return Some(NO_INSTANCES.to_owned());
        }
        let missing = block_engine::probe();
        (!missing.is_empty()).then(|| format!("This host cannot attach volumes: {}.", missing.join("; ")))
    }

    fn create<'a>(&'a self, spec: &'a VolumeSpec) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move {
            let VolumeSpec { id, bytes, zone, key, snapshot } = spec;
            let block = match snapshot {
                Some((source, _)) => self.engine_with(source).await?,
                None => self.engine().await?,
            };
            let snapshot = snapshot.as_ref().map(|(id, key)| (id.clone(), raw(key.as_ref()).copied()));
            let key = raw(key.as_ref()).copied();
            let spec = store::VolumeSpec { id: id.clone(), bytes: *bytes, zone: zone.clone(), key, snapshot };
            block.create(&spec).await.map_err(told)
        })
    }

    fn grow<'a>(&'a self, volume: &'a str, bytes: u64) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move { self.engine().await?.grow(volume, bytes).await.map_err(told) })
    }

    fn pace<'a>(&'a self, volume: &'a str, pace: Option<Pace>) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(
            async move { self.engine().await?.set_pace(volume, pace.map(engine_pace)).await.map_err(told) },
        )
    }

    fn attach<'a>(&'a self, attachment: &'a Attachment) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(self.attach_now(attachment))
    }

    fn detach<'a>(
        &'a self,
        volume: &'a str,
        machine: &'a str,
        force: bool,
    ) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(self.detach_now(volume, machine, force))
    }

    fn remove<'a>(&'a self, volume: &'a str) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move { self.engine().await?.remove(volume).await.map_err(told) })
    }

    fn snapshot<'a>(&'a self, volumes: &'a [SnapshotSpec]) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move {
            let spec = |spec: &SnapshotSpec| block_engine::SnapshotSpec {
                volume: spec.volume.clone(),
                key: raw(spec.key.as_ref()).copied(),
                snapshot: spec.snapshot.clone(),
                snapshot_key: raw(spec.snapshot_key.as_ref()).copied(),
            };
            let specs: Vec<_> = volumes.iter().map(spec).collect();
            self.engine().await?.snapshot(&specs).await.map_err(told)
        })
    }

    fn snapshot_state<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<SnapshotState, DiskError>> {
        Box::pin(async move {
            let state = self.engine().await?.snapshot_state(snapshot).await.map_err(told)?;
            Ok(match state {
                store::SnapshotState::Absent => SnapshotState::Absent,
                store::SnapshotState::Pending(percent) => SnapshotState::Pending(percent),
                store::SnapshotState::Completed { blocks, own_bytes } => {
                    SnapshotState::Completed { blocks, own_bytes }
                }
                store::SnapshotState::Failed(why) => SnapshotState::Failed(why),
            })
        })
    }

    fn copy_snapshot<'a>(
        &'a self,
        source: (&'a str, Option<&'a DataKey>),
        copy: (&'a str, Option<&'a DataKey>),
    ) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move {
            let (source, copy) = ((source.0, raw(source.1)), (copy.0, raw(copy.1)));
            self.engine_with(source.0).await?.copy_snapshot(source, copy).await.map_err(told)
        })
    }

    fn remove_snapshot<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move { self.engine().await?.remove_snapshot(snapshot).await.map_err(told) })
    }

    fn start_upload<'a>(&'a self, spec: &'a UploadSpec) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move {
            let UploadSpec { id, volume_bytes, key, parent } = spec;
            let block = match parent {
                Some((parent, _)) => self.engine_with(parent).await?,
                None => self.engine().await?,
            };
            let parent = parent.as_ref().map(|(id, key)| (id.clone(), raw(key.as_ref()).copied()));
            let key = raw(key.as_ref()).copied();
            let spec = store::UploadSpec { id: id.clone(), volume_bytes: *volume_bytes, key, parent };
            block.start_upload(&spec).await.map_err(told)
        })
    }

    fn put_block<'a>(
        &'a self,
        snapshot: &'a str,
        key: Option<&'a DataKey>,
        block: u64,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move {
            self.engine().await?.put_block(snapshot, raw(key), block, &bytes).await.map_err(told)
        })
    }

    fn complete_upload<'a>(&'a self, snapshot: &'a str) -> BoxFuture<'a, Result<(), DiskError>> {
        Box::pin(async move { self.engine().await?.complete_upload(snapshot).await.map_err(told) })
    }

    fn block<'a>(
        &'a self,
        snapshot: &'a str,
        key: Option<&'a DataKey>,
        block: u64,
    ) -> BoxFuture<'a, Result<Option<Vec<u8>>, DiskError>> {
        Box::pin(async move {
            self.engine_with(snapshot).await?.block(snapshot, raw(key), block).await.map_err(told)
        })
    }

    fn blocks<'a>(
        &'a self,
        snapshot: &'a str,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<BTreeMap<u64, [u8; 16]>, DiskError>> {
        Box::pin(async move {
            self.engine_with(snapshot).await?.blocks(snapshot, from, limit).await.map_err(told)
        })
    }

    fn kept(&self) -> BoxFuture<'_, Result<KeptDisks, DiskError>> {
        Box::pin(async move { self.engine().await?.kept().await.map_err(told) })
    }

    fn watched_by(&self, nudge: Nudge) {
        self.news.lock().nudge = Some(nudge);
    }

    fn incidents(&self) -> Vec<Incident> {
        std::mem::take(&mut self.news.lock().incidents)
    }
}
