//! Event streams: a body that is a sequence of frames, each an event of one union.
//!
//! The frame is Amazon's (`application/vnd.amazon.eventstream`): headers with types, a payload, checksums. In
//! the RPC protocols the members beside the stream travel in a first event, `initial-request` or
//! `initial-response`. A failure is an exception when the union has a member for it, and a bare error
//! otherwise; both end the stream.

mod read;
mod write;

use http::header;
use http::{HeaderMap, HeaderValue};
use schema::{Kind, Member, Shape};

pub use read::{Frame, decode};
pub(crate) use read::{read, read_rpc};
pub(crate) use write::{write, write_rpc};

pub const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

pub(crate) fn is_stream(member: &Member) -> bool {
    matches!(member.shape.kind, Kind::Events { .. })
}

/// Whether a structure has a stream of events among its members.
pub(crate) fn is_in(shape: &Shape) -> bool {
    shape.members().iter().any(is_stream)
}

pub(crate) fn set_content_type(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
}
