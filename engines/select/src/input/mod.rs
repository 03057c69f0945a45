//! From the bytes of an object to its records.

mod csv;
mod frames;
mod json;
mod object;
mod unpack;

pub(crate) use csv::{CsvReader, CsvRecord};
pub(crate) use json::JsonReader;
pub use object::RangeReader;
pub(crate) use unpack::Unpacker;
