//! What the fuzz targets share: their bodies as plain functions, and the shapes they read into.
//!
//! The same functions run in the normal tests over a few thousand broken inputs (`decoders_never_panic`).

#[path = "../../wire/tests/dynamic/mod.rs"]
pub mod dynamic;
pub mod identity;
pub mod item;
#[path = "../../wire/tests/round_trip/models.rs"]
pub mod models;
pub mod policy;
pub mod s3;
pub mod select;
pub mod wire;
