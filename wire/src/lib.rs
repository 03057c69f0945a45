//! Every protocol that AWS clients speak, interpreted over schemas, in both directions.
//!
//! The server's direction is [`read_input`], [`write_output`] and [`write_fault`]; the client's, which tests
//! and tools use, is [`write_input`], [`read_output`] and [`read_fault`]. Nothing here knows a service, and
//! no shape has a codec of its own: readers and writers walk the static shapes that `api/` generates.
//!
//! The protocols' rules are in the Smithy documentation ("AWS protocols"); where botocore and Smithy differ,
//! botocore wins, since it is what most clients run. Limits on hostile input are in [`limits`].

mod cbor;
mod client;
pub mod events;
mod fault;
mod format;
mod json;
pub mod limits;
mod malformed;
mod message;
mod names;
mod query;
mod rest;
mod scalar;
mod server;
mod shared;
mod text;
pub mod uri;
mod xml;

pub use client::{read_output, write_input};
pub use fault::read::{ReceivedFault, read_fault};
pub use fault::{write_bare_xml_fault, write_fault};
pub use malformed::{Malformed, malformed_fault};
pub use message::{Body, Request, Response, WireRequest, input_streams};
pub use query::parameter as query_parameter;
pub use server::{read_input, write_output};
pub use xml::{xml_document, xml_entries};
