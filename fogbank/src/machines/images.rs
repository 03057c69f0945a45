//! What machines are made from: images that are built here, and archives that were brought in.

use std::path::Path;
use std::sync::Arc;

use ec2::{Imported, MachineError, Root};
use futures_util::StreamExt;
use image_engine::limits::IMAGE_BYTES_MAX;
use image_engine::{Facts, ImageId, ImageRoot, Images, Init, Origin, Progress, disk};
use sandbox_engine::MachineSpec;
use schema::ByteStream;
use tokio::io::AsyncWriteExt;

use super::host::failed;

/// Of this host, in EC2's words.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// It comes with what checks and grows file systems.
const DISK_MAKER: &str = "mke2fs";

/// The image that a machine is made from, built now if it is one of this cloud's own and nobody needed it before.
pub async fn root(images: &Images, root: &Root) -> Result<ImageRoot, MachineError> {
    let kind = match root {
        Root::Minimal => image_engine::Kind::Minimal,
        Root::Debian => image_engine::Kind::Debian,
        Root::Object { location } => {
            return Err(MachineError::Failed(format!("the archive {location} is not brought in yet")));
        }
        Root::Imported { name } => return imported(images, name),
        Root::Volume => return Err(MachineError::Failed("a volume is no image".to_owned())),
    };
    images.build(kind, Arc::new(told)).await.map_err(failed)
}

/// What virtual machines run on, made now if nobody needed it before.
pub async fn emulator(images: &Images) -> Result<ImageRoot, MachineError> {
    images.build(image_engine::Kind::Emulator, Arc::new(told)).await.map_err(failed)
}

fn imported(images: &Images, name: &str) -> Result<ImageRoot, MachineError> {
    let id = ImageId::parse(name).map_err(failed)?;
    let gone = || MachineError::Failed(format!("the files of the image {name} are gone from this host"));
    images.root(&id).map_err(failed)?.ok_or_else(gone)
}

/// Writes an archive into a file of its own below `folder`, and makes an image of it.
pub async fn import(
    images: &Images,
    folder: &Path,
    id: &str,
    archive: ByteStream,
) -> Result<Imported, MachineError> {
    let path = folder.join(id);
    let brought = match write(&path, archive).await {
        Ok(()) => images.import(&path, Arc::new(told)).await.map_err(failed),
        Err(error) => Err(error),
    };
    if let Err(error) = tokio::fs::remove_file(&path).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "an archive that was brought in stays behind");
    }
    let root = brought?;
    if root.argv().is_empty() {
        let message = "the archive has neither an init nor a command to run".to_owned();
        images.remove(&root.id).await.map_err(failed)?;
        return Err(MachineError::Failed(message));
    }
    Ok(Imported {
        name: root.id.to_string(),
        architecture: root.about.architecture.clone(),
        bytes: root.bytes(),
    })
}

async fn write(path: &Path, archive: ByteStream) -> Result<(), MachineError> {
    let mut file = tokio::fs::File::create(path).await.map_err(failed)?;
    let (mut chunks, mut count) = (archive.take(), 0u64);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| MachineError::Failed(format!("the archive broke off: {error}")))?;
        count += chunk.len() as u64;
        if count > IMAGE_BYTES_MAX {
            let message = format!("the archive has more than {IMAGE_BYTES_MAX} bytes");
            return Err(MachineError::Failed(message));
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)
}

/// Those that were brought in, by their names.
pub fn all_imported(images: &Images) -> Vec<String> {
    let of_archive = |image: &ImageRoot| !matches!(image.about.origin, Origin::Built(_));
    match images.list() {
        Ok(all) => all.iter().filter(|image| of_archive(image)).map(|image| image.id.to_string()).collect(),
        Err(error) => {
            tracing::warn!(%error, "the images of this host cannot be listed");
            Vec::new()
        }
    }
}

pub async fn discard(images: &Images, name: &str) -> Result<(), MachineError> {
    let id = ImageId::parse(name).map_err(failed)?;
    match images.remove(&id).await {
        Ok(()) | Err(image_engine::ImageError::NotFound(_)) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// How a machine starts from a block device.
pub async fn on_device(path: &Path) -> Result<Facts, MachineError> {
    let probed = disk::probe(path).await.map_err(failed)?;
    if !probed.is_whole {
        let why =
            "the root volume has partitions: machines start from file systems that have all of a volume";
        return Err(MachineError::Failed(why.to_owned()));
    }
    if probed.facts.architecture != ARCHITECTURE {
        let found = &probed.facts.architecture;
        return Err(MachineError::Failed(format!(
            "the system on the root volume is for {found}, and this host is {ARCHITECTURE}"
        )));
    }
    Ok(probed.facts)
}

/// What making a disk of an image needs and this host has not, in words.
pub fn lacking_for_disks() -> Vec<String> {
    let needs = image_engine::needs().into_iter();
    let missing = needs.filter(|need| need.program == DISK_MAKER && need.found.is_none());
    missing.map(|need| format!("there is no {} ({})", need.program, need.get)).collect()
}

/// An image without an init runs its one process as its archive says.
pub fn as_process(image: &ImageRoot, spec: MachineSpec) -> Result<MachineSpec, MachineError> {
    if image.about.init != Init::Process {
        return Ok(spec);
    }
    let start = image.start().map_err(MachineError::Failed)?;
    Ok(MachineSpec { env: start.environment, user: start.user, folder: start.folder.into(), ..spec })
}

pub fn told(progress: Progress) {
    if let Progress::Step(step) = progress {
        tracing::info!(step, "an image is being made");
    }
}
