//! What is measured: volumes of an engine of this run's own, and a bare loop device on a file beside them.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use block_engine::store::VolumeSpec;
use block_engine::{Block, BlockSettings, Device};
use rustix::fs::Advice;

use crate::run::Plan;

const ZONE: &str = "a";
const MASTER: [u8; 32] = [0x5a; 32];

/// The disks of a run.
pub struct Disks {
    pub block: Block,
    folder: PathBuf,
}

impl Disks {
    pub async fn open(plan: &Plan) -> anyhow::Result<Disks> {
        let folder = plan.folder.path().join("disks");
        let program = plan.binary().canonicalize()?;
        let block = Block::open(BlockSettings::new(folder.clone(), program, MASTER)).await?;
        Ok(Disks { block, folder })
    }

    /// Makes a volume, empty or from a snapshot, and serves it.
    pub async fn volume(&self, id: &str, bytes: u64, snapshot: Option<&str>) -> anyhow::Result<Device> {
        let spec = VolumeSpec {
            id: id.to_owned(),
            bytes,
            zone: ZONE.to_owned(),
            key: None,
            snapshot: snapshot.map(|id| (id.to_owned(), None)),
        };
        self.block.create(&spec).await?;
        Ok(self.block.serve(id, None, None).await?)
    }

    pub async fn remove(&self, id: &str) -> anyhow::Result<()> {
        self.block.unserve(id, false).await?;
        Ok(self.block.remove(id).await?)
    }

    /// The file that a volume's content is in.
    pub fn data(&self, volume: &str) -> PathBuf {
        self.folder.join("zones").join(ZONE).join(volume).join("data")
    }

    /// The files that blocks of snapshots are in.
    pub fn segments(&self) -> PathBuf {
        self.folder.join("snapshots/segments")
    }

    /// Takes everything away that is served, and ends the processes.
    pub async fn close(&self) -> anyhow::Result<()> {
        for volume in self.block.served().await?.keys() {
            self.block.unserve(volume, true).await?;
        }
        Ok(self.block.close().await?)
    }
}

/// A loop device on a plain file, which passes the host's page cache by.
pub struct Bare {
    pub device: PathBuf,
    pub file: PathBuf,
}

impl Bare {
    pub fn new(plan: &Plan, bytes: u64) -> anyhow::Result<Bare> {
        let file = plan.folder.path().join("bare");
        File::create(&file)?.set_len(bytes)?;
        let mut command = Command::new("losetup");
        let output = command.args(["--find", "--show", "--direct-io=on"]).arg(&file).output()?;
        ensure!(output.status.success(), "losetup: {}", String::from_utf8_lossy(&output.stderr));
        let device = PathBuf::from(String::from_utf8(output.stdout)?.trim());
        Ok(Bare { device, file })
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        Command::new("losetup").arg("--detach").arg(&self.device).status().ok();
        std::fs::remove_file(&self.file).ok();
    }
}

/// The host remembers nothing of a file: what is read next comes from its disk.
pub fn forget(file: &Path) -> anyhow::Result<()> {
    let file = File::open(file).with_context(|| file.display().to_string())?;
    file.sync_all()?;
    Ok(rustix::fs::fadvise(&file, 0, None, Advice::DontNeed)?)
}
