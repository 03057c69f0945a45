//! Root file systems from archives that others made, and that are not to be trusted.
//!
//! An archive may name paths outside of the image, links that lead there, device nodes, and more bytes than the disk has.
//! None of it gets through: paths are resolved by the kernel inside the image's folder ([`tree`]), and all sizes and
//! counts are limited. Contents are checked against the digests that the archive states.

mod archive;
mod compression;
mod layer;
mod manifest;
mod tree;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use crate::error::{At, ImageError};
use crate::root::{Origin, Process, Progress, own_architecture};
use crate::store::{Made, OnProgress, Settings};
use archive::Archive;
pub use archive::is_of_layers;
use compression::checked;
use layer::Unpacker;
use manifest::Config;

/// Imports a root file system from a tar archive into `draft/root`.
pub fn tarball(
    archive: &Path,
    draft: &Path,
    settings: &Settings,
    on: &OnProgress,
) -> Result<Made, ImageError> {
    on(Progress::Step("unpacking".to_owned()));
    let mut unpacker = Unpacker::new(&draft.join("root"), settings, on)?;
    let file = BufReader::new(File::open(archive).at(archive)?);
    unpacker.unpack(compression::reader(file)?, false)?;
    if unpacker.entries() == 0 {
        return Err(ImageError::archive("it is empty"));
    }
    Ok(Made {
        origin: Origin::Tar,
        architecture: own_architecture().to_owned(),
        users: Vec::new(),
        process: None,
    })
}

/// Imports an image from an OCI layout or a Docker archive into `draft/root`.
pub fn oci(
    path: &Path,
    name: Option<&str>,
    draft: &Path,
    settings: &Settings,
    on: &OnProgress,
) -> Result<Made, ImageError> {
    let archive = Archive::open(path, draft, settings)?;
    let chosen = manifest::choose(&archive, name)?;
    let config = manifest::config(&archive, &chosen)?;
    let mut unpacker = Unpacker::new(&draft.join("root"), settings, on)?;
    let count = chosen.layers.len();
    for (number, layer) in chosen.layers.iter().enumerate() {
        on(Progress::Step(format!("unpacking layer {} of {count}", number + 1)));
        let (packed, packed_sum) = checked(archive.reader(&layer.path)?);
        let (unpacked, unpacked_sum) = checked(compression::reader(BufReader::new(packed))?);
        unpacker.unpack(unpacked, true)?;
        // Docker archives state no digest of a layer as it lies there, so the configuration has to state the other.
        let stated = [
            layer.digest.as_ref().map(|expected| (expected, packed_sum.written())),
            config.rootfs.diff_ids.get(number).map(|expected| (expected, unpacked_sum.written())),
        ];
        if stated.iter().all(Option::is_none) {
            return Err(ImageError::entry("no digest is stated for a layer", layer.path.as_bytes()));
        }
        if let Some((expected, _)) = stated.into_iter().flatten().find(|(expected, found)| *expected != found)
        {
            return Err(ImageError::Damaged { name: layer.path.clone(), expected: expected.clone() });
        }
    }
    let architecture = match config.architecture.as_str() {
        "amd64" => "x86_64",
        other => other,
    };
    Ok(Made {
        origin: Origin::Oci { name: chosen.name },
        architecture: architecture.to_owned(),
        users: Vec::new(),
        process: Some(process(config)),
    })
}

fn process(config: Config) -> Process {
    let inner = config.config.unwrap_or_default();
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Process {
        entrypoint: inner.entrypoint.unwrap_or_default(),
        command: inner.command.unwrap_or_default(),
        environment: inner.environment.unwrap_or_default(),
        folder: filled(inner.folder),
        user: filled(inner.user),
        stop_signal: filled(inner.stop_signal),
        ports: inner.ports.unwrap_or_default().into_keys().collect(),
    }
}
