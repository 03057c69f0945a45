//! Disks on their way in and out, as files of this host: in other formats and raw. A driver over the host's files, or one
//! in memory for tests. Which engine is behind it, only the composition root knows.
//!
//! Drafts are named by whoever works on them. They do not outlive this process: what was broken off is begun again.

use std::ops::Range;

use bytes::Bytes;
use schema::ByteStream;
use serde::{Deserialize, Serialize};
use service::BoxFuture;

/// How a disk lies in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DiskFormat {
    Raw,
    Qcow2,
    Vmdk,
    Vhd,
}

/// A disk that was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TakenIn {
    /// What it was.
    pub format: DiskFormat,
    /// As a raw disk, with what is not there.
    pub bytes: u64,
}

/// A system on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemInside {
    /// `x86_64` or `arm64`
    pub architecture: String,
    /// Of the disk as it is now: one file system over all of it.
    pub bytes: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    /// The file is at fault: another time would be no better.
    #[error("{0}")]
    Refused(String),
    /// The host is.
    #[error("{0}")]
    Failed(String),
}

/// A driver of conversions.
pub trait Conversions: Send + Sync + 'static {
    /// Writes a file down and makes a raw disk of it; without a format, of what its first bytes say it is.
    fn take_in<'a>(
        &'a self,
        draft: &'a str,
        format: Option<DiskFormat>,
        file: ByteStream,
    ) -> BoxFuture<'a, Result<TakenIn, ConversionError>>;

    /// Begins a raw disk of zeroes.
    fn begin<'a>(&'a self, draft: &'a str, bytes: u64) -> BoxFuture<'a, Result<(), ConversionError>>;

    /// Writes a block of a raw disk, of [`super::disks::BLOCK_BYTES`].
    fn write<'a>(
        &'a self,
        draft: &'a str,
        block: u64,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), ConversionError>>;

    /// Finds the system on a raw disk, and takes its root out of its partition: afterwards the disk is that.
    fn find_system<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, Result<SystemInside, ConversionError>>;

    /// The blocks of a raw disk that are not all zeroes for sure, in order.
    fn data<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, Result<Vec<Range<u64>>, ConversionError>>;

    /// A block of a raw disk, filled up with zeroes after its end.
    fn read<'a>(&'a self, draft: &'a str, block: u64) -> BoxFuture<'a, Result<Vec<u8>, ConversionError>>;

    /// Makes a file in another format of a raw disk, and says how many bytes that has.
    fn give_out<'a>(
        &'a self,
        draft: &'a str,
        format: DiskFormat,
    ) -> BoxFuture<'a, Result<u64, ConversionError>>;

    /// Some bytes of what was made to give out.
    fn given<'a>(
        &'a self,
        draft: &'a str,
        from: u64,
        length: usize,
    ) -> BoxFuture<'a, Result<Bytes, ConversionError>>;

    /// Takes away everything of a draft.
    fn forget<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, ()>;
}
