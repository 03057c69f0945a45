//! Disks on their way in and out of this cloud, as files of a folder that only Fogbank enters.

use std::fs::File;
use std::io::ErrorKind;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use ec2::{BLOCK_BYTES, ConversionError, Conversions, DiskFormat, MemoryConversions, SystemInside, TakenIn};
use futures_util::StreamExt;
use image_engine::ImageError;
use image_engine::disk::{self, Format};
use image_engine::limits::DISK_BYTES_MAX;
use schema::ByteStream;
use service::BoxFuture;
use tokio::io::AsyncWriteExt;

use crate::folder::Folder;

/// Conversions in a folder; in memory without one. What an earlier run left there is taken away: it is begun again.
pub fn conversions(folder: Option<&Folder>) -> anyhow::Result<Arc<dyn Conversions>> {
    let Some(folder) = folder else { return Ok(Arc::new(MemoryConversions::default())) };
    let path = folder.path().join("transfers");
    match std::fs::remove_dir_all(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be emptied", path.display()));
        }
        _ => {}
    }
    Ok(Arc::new(HostConversions { folder: folder.room("transfers")? }))
}

struct HostConversions {
    folder: PathBuf,
}

/// The files of a draft: as it came, as a raw disk, and as it goes out.
struct Files {
    came: PathBuf,
    raw: PathBuf,
    part: PathBuf,
    out: PathBuf,
}

impl HostConversions {
    fn files(&self, draft: &str) -> Files {
        let at = |extension: &str| self.folder.join(format!("{draft}.{extension}"));
        Files { came: at("came"), raw: at("raw"), part: at("part"), out: at("out") }
    }
}

fn engine_format(format: DiskFormat) -> Option<Format> {
    match format {
        DiskFormat::Raw => None,
        DiskFormat::Qcow2 => Some(Format::Qcow2),
        DiskFormat::Vmdk => Some(Format::Vmdk),
        DiskFormat::Vhd => Some(Format::Vhd),
    }
}

fn told(format: Option<Format>) -> DiskFormat {
    match format {
        None => DiskFormat::Raw,
        Some(Format::Qcow2) => DiskFormat::Qcow2,
        Some(Format::Vmdk) => DiskFormat::Vmdk,
        Some(Format::Vhd) => DiskFormat::Vhd,
    }
}

/// What the engine refuses would be refused another time as well.
fn refused(error: ImageError) -> ConversionError {
    match error {
        ImageError::Foreign(why) => ConversionError::Refused(why),
        ImageError::Disk { source, .. } => failed(source),
        other => ConversionError::Refused(other.to_string()),
    }
}

/// A disk that is full would only be filled again.
fn failed(error: std::io::Error) -> ConversionError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            ConversionError::Refused(format!("there is no room for it on this host: {error}"))
        }
        _ => ConversionError::Failed(error.to_string()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, ConversionError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(failed),
        Err(_) => Err(ConversionError::Failed("the work was broken off".to_owned())),
    }
}

async fn write_down(path: &Path, file: ByteStream) -> Result<u64, ConversionError> {
    let mut to = tokio::fs::File::create(path).await.map_err(failed)?;
    let (mut chunks, mut count) = (file.take(), 0_u64);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| ConversionError::Failed(format!("it broke off: {error}")))?;
        count += chunk.len() as u64;
        if count > DISK_BYTES_MAX {
            return Err(ConversionError::Refused(format!("it has more than {DISK_BYTES_MAX} bytes")));
        }
        to.write_all(&chunk).await.map_err(failed)?;
    }
    to.flush().await.map_err(failed)?;
    Ok(count)
}

/// Bytes from a place on, up to the end of the file.
fn part_of(path: &Path, from: u64, length: usize) -> std::io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = vec![0; length];
    let mut count = 0;
    while count < length {
        match file.read_at(&mut bytes[count..], from + count as u64) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(count);
    Ok(bytes)
}

impl Conversions for HostConversions {
    fn take_in<'a>(
        &'a self,
        draft: &'a str,
        format: Option<DiskFormat>,
        file: ByteStream,
    ) -> BoxFuture<'a, Result<TakenIn, ConversionError>> {
        Box::pin(async move {
            let Files { came, raw, .. } = self.files(draft);
            if write_down(&came, file).await? == 0 {
                return Err(ConversionError::Refused("the file is empty".to_owned()));
            }
            let format = match format {
                Some(format) => engine_format(format),
                None => Format::of(&came).map_err(refused)?,
            };
            let bytes = match format {
                Some(format) => {
                    let bytes = disk::to_raw(&came, format, &raw, DISK_BYTES_MAX).await.map_err(refused)?;
                    tokio::fs::remove_file(&came).await.map_err(failed)?;
                    bytes
                }
                None => {
                    tokio::fs::rename(&came, &raw).await.map_err(failed)?;
                    tokio::fs::metadata(&raw).await.map_err(failed)?.len()
                }
            };
            Ok(TakenIn { format: told(format), bytes })
        })
    }

    fn begin<'a>(&'a self, draft: &'a str, bytes: u64) -> BoxFuture<'a, Result<(), ConversionError>> {
        let raw = self.files(draft).raw;
        Box::pin(blocking(move || File::create(raw)?.set_len(bytes)))
    }

    fn write<'a>(
        &'a self,
        draft: &'a str,
        block: u64,
        bytes: Vec<u8>,
    ) -> BoxFuture<'a, Result<(), ConversionError>> {
        let raw = self.files(draft).raw;
        Box::pin(blocking(move || {
            File::options().write(true).open(raw)?.write_all_at(&bytes, block * BLOCK_BYTES)
        }))
    }

    fn find_system<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, Result<SystemInside, ConversionError>> {
        Box::pin(async move {
            let Files { raw, part, .. } = self.files(draft);
            let found = disk::probe(&raw).await.map_err(refused)?;
            if !found.is_whole {
                disk::extract(&raw, found.part, &part, Arc::new(|_| ())).await.map_err(refused)?;
                tokio::fs::rename(&part, &raw).await.map_err(failed)?;
            }
            Ok(SystemInside { architecture: found.facts.architecture, bytes: found.part.bytes })
        })
    }

    fn data<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, Result<Vec<Range<u64>>, ConversionError>> {
        let raw = self.files(draft).raw;
        Box::pin(async move {
            let looked = tokio::task::spawn_blocking(move || disk::data_blocks(&raw, BLOCK_BYTES));
            let looked = looked.await.map_err(|error| ConversionError::Failed(error.to_string()))?;
            looked.map_err(refused)
        })
    }

    fn read<'a>(&'a self, draft: &'a str, block: u64) -> BoxFuture<'a, Result<Vec<u8>, ConversionError>> {
        let raw = self.files(draft).raw;
        Box::pin(blocking(move || {
            let length = usize::try_from(BLOCK_BYTES).map_err(std::io::Error::other)?;
            let mut bytes = part_of(&raw, block * BLOCK_BYTES, length)?;
            bytes.resize(length, 0);
            Ok(bytes)
        }))
    }

    fn give_out<'a>(
        &'a self,
        draft: &'a str,
        format: DiskFormat,
    ) -> BoxFuture<'a, Result<u64, ConversionError>> {
        Box::pin(async move {
            let Files { raw, out, .. } = self.files(draft);
            match engine_format(format) {
                Some(format) => disk::from_raw(&raw, &out, format).await.map_err(refused)?,
                None => tokio::fs::rename(&raw, &out).await.map_err(failed)?,
            }
            Ok(tokio::fs::metadata(&out).await.map_err(failed)?.len())
        })
    }

    fn given<'a>(
        &'a self,
        draft: &'a str,
        from: u64,
        length: usize,
    ) -> BoxFuture<'a, Result<Bytes, ConversionError>> {
        let out = self.files(draft).out;
        Box::pin(blocking(move || part_of(&out, from, length).map(Bytes::from)))
    }

    fn forget<'a>(&'a self, draft: &'a str) -> BoxFuture<'a, ()> {
        let Files { came, raw, part, out } = self.files(draft);
        Box::pin(async move {
            for path in [came, raw, part, out] {
                match tokio::fs::remove_file(&path).await {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        tracing::warn!(path = %path.display(), %error, "a disk on its way stays behind");
                    }
                    _ => {}
                }
            }
        })
    }
}
