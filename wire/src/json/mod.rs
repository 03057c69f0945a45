//! JSON as awsJson and restJson have it: epoch seconds, base64 blobs, words for numbers that are none.

mod read;
mod write;

pub(crate) use read::read;
pub(crate) use write::JsonWriter;
