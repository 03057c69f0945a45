//! The data plane of objects: immutable content that is kept, read in ranges, checked and freed.
//!
//! Knows no AWS API, no policies, no store and no configuration files. What it is given is sealed with keys it is
//! given, and put in one of two places: small content into *packs*, append-only files that many share, through one
//! thread with one sync for all who wait ([`packs`]); large content into a file of its own ([`blobs`]). What an
//! [`Extent`] means, and who refers to it, is the caller's business.
//!
//! ```
//! # use base::Ids;
//! # use bytes::Bytes;
//! # use fogbank_object::{ContentKey, ContentKeys, EngineError, ObjectEngine};
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! let engine = ObjectEngine::in_memory(Ids::system());
//! let keys = ContentKeys::one(ContentKey::new([7; 32]));
//! let draft = engine.put(&keys, Bytes::from_static(b"on little cat feet")).await?;
//! let extent = draft.keep();
//!
//! let mut reader = engine.read(&extent, &keys, 3..9).await?;
//! assert_eq!(reader.next().await?.as_deref(), Some(&b"little"[..]));
//! engine.free(&[extent]).await?;
//! # Ok::<(), EngineError>(()) }).unwrap();
//! ```
//!
//! Four invariants carry everything else:
//! - *What is answered is on disk.* [`ObjectEngine::put`], [`Writer::finish`] and [`ObjectEngine::free`] return after
//!   the sync.
//! - *A place is used once.* Frames are written in the order of their places, each place is given out once, and no
//!   pack is continued by a later process. So no key is ever used with a nonce twice, and whatever is behind the last
//!   whole frame of a pack was never answered.
//! - *Damage is never returned.* Every chunk is authenticated before a byte of it leaves; and checksums over what is
//!   on disk find damage without any key.
//! - *A free is remembered before it is acted upon.* Room is given back only once the disk knows that it is free.

mod check;
mod draft;
mod engine;
mod error;
mod extent;
mod files;
mod freed;
mod keeper;
mod keys;
pub mod limits;
pub mod medium;
mod packs;
mod ranges;
mod reader;
mod seal;
mod sweep;
mod writer;

pub use blobs::BlobId;
pub use check::{CheckReport, Checked, Damaged};
pub use draft::Draft;
pub use engine::{ObjectEngine, Options, Usage};
pub use error::{Damage, EngineError};
pub use extent::{Extent, Place};
pub use keys::{ContentKey, ContentKeys};
pub use reader::Reader;
pub use sweep::{Sweep, SweepReport};
pub use writer::Writer;
