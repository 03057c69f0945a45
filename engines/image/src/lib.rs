//! Root file systems for the sandbox engine: built from Debian's packages, or imported, and kept.
//!
//! ```no_run
//! # use std::{path::Path, sync::Arc};
//! # use fogbank_image::{Images, ImageError, Kind, Settings, first_boot};
//! # async fn example() -> Result<(), ImageError> {
//! let images = Images::open(Path::new("images"), Settings::default())?;
//! let image = images.build(Kind::Minimal, Arc::new(|step| println!("{step:?}"))).await?;
//! // `image.folder` becomes the lower folder of an overlay, `image.argv()` its first process. What is the instance's
//! // own comes in as files:
//! let files = first_boot::files(&image, &first_boot::Seed {
//!     instance_id: "i-0123456789abcdef0".to_owned(),
//!     hostname: "ip-10-0-1-5".to_owned(),
//!     keys: vec!["ssh-ed25519 AAAA… me".to_owned()],
//!     user_data: Some(b"#!/bin/sh\necho hello\n".to_vec()),
//!     ..Default::default()
//! });
//! # Ok(()) }
//! ```
//!
//! Knows no AWS API, no store and no network: what it takes from outside comes through apt, or from files.
//! What a guest finds inside (paths, users, order of the first boot) is told in `GUEST.md` of this crate.

mod command;
mod debian;
mod digest;
pub mod disk;
pub mod emulator;
mod error;
mod facts;
pub mod first_boot;
mod import;
pub mod limits;
mod lock;
mod minimal;
mod need;
mod process;
mod root;
mod store;

pub use error::ImageError;
pub use facts::Facts;
pub use need::{Need, needs};
pub use process::Start;
pub use root::{
    Description, GuestFile, ImageId, ImageIdError, ImageRoot, Init, Kind, Origin, Process, Progress,
};
pub use store::{Images, OnProgress, Settings};
