//! Disks: an image as the bytes of one, and disks that others made as what machines can start from.
//!
//! ```text
//!  image ──Images::disk──▶ raw, ext4 as a whole ──▶ blocks of a snapshot, volumes
//!  qcow2, VMDK, VHD ──to_raw──▶ raw ──probe──▶ where its root is, and how that starts ──extract──▶ raw, ext4 as a whole
//!  raw ──from_raw──▶ qcow2, VMDK, VHD
//! ```
//!
//! A disk that others made is not to be trusted. Its partition table and its file system are read here, in safe Rust,
//! without mounting anything; other formats are converted by qemu-img, as a user without rights, after their headers
//! were looked at: no other file may be named in them.

mod convert;
mod formats;
mod inside;
mod make;
mod partitions;
mod qcow2;
mod sparse;

use std::path::{Path, PathBuf};

use crate::error::ImageError;
use crate::facts::Facts;
use crate::store::{Images, OnProgress, blocking};

pub use formats::Format;
pub use partitions::Part;
pub use sparse::data_blocks;

use crate::root::ImageRoot;

/// A disk of an image, in the image's own folder: never write to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// A sparse file.
    pub path: PathBuf,
    /// With what is not there.
    pub bytes: u64,
}

/// How large a disk is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// 8 GiB, or what the image needs and one more, if that is larger.
    Usual,
    /// What the image needs, and so many bytes.
    Spare(u64),
    /// Exactly that, in whole MiB.
    Bytes(u64),
}

/// What is on a disk that others made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// Where the root file system is: all of the disk, or a partition, which then has to be taken out ([`extract`]),
    /// since volumes are started from as a whole.
    pub part: Part,
    pub is_whole: bool,
    pub label: Option<String>,
    pub facts: Facts,
}

impl Images {
    /// The image as a raw disk with one ext4 file system, made when it is wanted for the first time and kept with it.
    pub async fn disk(&self, image: &ImageRoot, size: Size, on: OnProgress) -> Result<Disk, ImageError> {
        let (images, image) = (self.clone(), image.clone());
        blocking(move || images.make_disk(&image, size, &on)).await
    }
}

/// Looks at a raw disk: where its root file system is, and how a machine starts from it.
///
/// # Errors
/// [`ImageError::Foreign`] with a sentence, where nothing on it can be started.
pub async fn probe(path: &Path) -> Result<Probed, ImageError> {
    let path = path.to_owned();
    blocking(move || inside::probe(&path)).await
}

/// Copies a part of a raw disk into a file of its own, which becomes a disk as a whole; holes stay holes.
pub async fn extract(path: &Path, part: Part, to: &Path, on: OnProgress) -> Result<(), ImageError> {
    let (path, to) = (path.to_owned(), to.to_owned());
    blocking(move || sparse::copy(&path, part, &to, &on)).await
}

/// Makes a raw disk of one in another format, and says how many bytes that has. The file `from` becomes readable to all
/// users of the host who can enter its folder: it has to lie where none can.
pub async fn to_raw(from: &Path, format: Format, to: &Path, bytes_max: u64) -> Result<u64, ImageError> {
    let (from, to) = (from.to_owned(), to.to_owned());
    blocking(move || convert::to_raw(&from, format, &to, bytes_max)).await
}

/// Makes a disk in another format of a raw one. As for [`to_raw`], others must not reach the file `from`.
pub async fn from_raw(from: &Path, to: &Path, format: Format) -> Result<(), ImageError> {
    let (from, to) = (from.to_owned(), to.to_owned());
    blocking(move || convert::from_raw(&from, &to, format)).await
}
