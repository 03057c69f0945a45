//! Immutable bytes: objects, images, snapshots, function code.
//!
//! A blob is written once, under an id that was drawn for it, and then only read and deleted. What it means, and
//! who refers to it, is kept in the store; a blob that nobody refers to is found by [`Blobs::list`].
//!
//! ```
//! # use base::Ids;
//! # use bytes::Bytes;
//! # use fogbank_blobs::{BlobError, Blobs};
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let blobs = Blobs::in_memory(Ids::system(), 1024 * 1024);
//! let mut writer = blobs.create().await?;
//! writer.write(Bytes::from_static(b"the fog comes on little cat feet")).await?;
//! let stored = writer.commit().await?;
//!
//! let mut reader = blobs.read(stored.id, 4..7).await?;
//! assert_eq!(reader.next().await?.as_deref(), Some(&b"fog"[..]));
//! # Ok::<(), BlobError>(()) }).unwrap();
//! ```
//!
//! What is promised:
//!
//! - When [`Writer::commit`] returns, the blob is synced, and so is the folder that names it. Before that it does
//!   not exist: a writer that is dropped leaves nothing, and what a killed process leaves is removed at open.
//! - Every byte that is read has been verified against a checksum, see `seal.rs`. Damage is an error that names
//!   the blob.
//! - A blob is never held in memory as a whole; a writer and a reader hold a few chunks each
//!   ([`limits::CHUNKS_AT_ONCE`]).
//!
//! The only crate beside the store and the engines that touches the disk for state.

mod blobs;
mod error;
mod folder;
mod id;
pub mod limits;
pub mod medium;
mod memory;
mod reader;
mod seal;
mod writer;

pub use blobs::{Blobs, Blocking};
pub use error::{BlobError, Damage};
pub use id::{BlobId, BlobIdError};
pub use reader::Reader;
pub use seal::{Blob, SEAL_BYTES, Sealer, Stored, stored_bytes};
pub use writer::Writer;
