//! The engines that machines run on, opened together.

use std::path::{Path, PathBuf};

use anyhow::Context;
use image_engine::Images;
use network_engine::Network;
use sandbox_engine::Sandbox;

use super::{HostSettings, SERVICE_PORTS, images};

pub struct Engines {
    /// Virtual machines run on KVM; else they are emulated.
    pub kvm: bool,
    pub sandbox: Sandbox,
    pub images: Images,
    pub network: Network,
    /// What instances change lies in folders below, named by their ids.
    pub disks: PathBuf,
    /// Archives on their way to becoming images.
    pub arrivals: PathBuf,
}

impl Engines {
    /// Adopts what an earlier process left running.
    pub async fn open(settings: &HostSettings) -> anyhow::Result<Engines> {
        let folder = &settings.folder;
        let disks = folder.join("disks");
        make(&disks).await?;
        let arrivals = folder.join("arrivals");
        empty(&arrivals).await?;
        let program = std::env::current_exe().context("this program's own file is not known")?;
        let cgroup = format!("fogbank-{}", settings.name);
        let sandbox = sandbox_engine::Settings { cgroup, ..sandbox_engine::Settings::new(program) };
        let sandbox = Sandbox::open(&folder.join("machines"), sandbox).await?;
        let images = Images::open(&folder.join("images"), image_engine::Settings::default())?;
        let network = Network::open(network_settings(settings)).await?;
        network.adopt().await?;
        let kvm = match settings.own_kernels {
            false => false,
            true => {
                let lacking = tokio::task::spawn_blocking(sandbox_engine::kvm_lacking).await?;
                if let Some(why) = &lacking {
                    tracing::info!(why, "virtual machines are emulated");
                }
                lacking.is_none()
            }
        };
        Ok(Engines { kvm, sandbox, images, network, disks, arrivals })
    }
}

/// What this host lacks for running machines, in words; empty if nothing.
pub fn missing(settings: &HostSettings) -> Vec<String> {
    let mut missing = Sandbox::probe().missing;
    missing.extend(Network::probe(&network_settings(settings)).missing);
    if settings.own_kernels {
        missing.extend(Network::tap_missing());
        // They start from volumes only.
        missing.extend(block_engine::probe());
        missing.extend(images::lacking_for_disks());
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

fn network_settings(settings: &HostSettings) -> network_engine::Settings {
    network_engine::Settings {
        prefix: format!("fb{}-", settings.name),
        public_range: settings.public_range,
        service_address: settings.service_address(),
        service_ports: SERVICE_PORTS.to_vec(),
        ..network_engine::Settings::default()
    }
}

async fn make(folder: &Path) -> anyhow::Result<()> {
    let made = tokio::fs::create_dir_all(folder).await;
    made.with_context(|| format!("the folder {} cannot be made", folder.display()))
}

/// A folder with nothing in it: what was broken off is begun again.
async fn empty(folder: &Path) -> anyhow::Result<()> {
    match tokio::fs::remove_dir_all(folder).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("the folder {} cannot be emptied", folder.display()))
        }
        _ => make(folder).await,
    }
}
