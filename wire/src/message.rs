//! Requests and responses, as far as protocols care: no sockets, no versions of HTTP.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use schema::{ByteStream, Kind, Operation};

use crate::uri::Labels;

/// A body that is at hand, or one that streams.
#[derive(Clone, Debug)]
pub enum Body {
    Bytes(Bytes),
    Stream(ByteStream),
}

impl Body {
    pub fn empty() -> Body {
        Body::Bytes(Bytes::new())
    }

    /// The bytes, where they are at hand.
    pub fn whole(&self) -> Option<Bytes> {
        match self {
            Body::Bytes(bytes) => Some(bytes.clone()),
            Body::Stream(stream) => stream.whole(),
        }
    }

    pub fn to_stream(&self) -> ByteStream {
        match self {
            Body::Bytes(bytes) => ByteStream::from(bytes.clone()),
            Body::Stream(stream) => stream.clone(),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        Body::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body::Bytes(bytes.into())
    }
}

impl From<ByteStream> for Body {
    fn from(stream: ByteStream) -> Body {
        Body::Stream(stream)
    }
}

/// A request as the server reads it.
#[derive(Debug)]
pub struct Request<'a> {
    /// The path as it was sent, still percent-encoded.
    pub path: &'a str,
    /// What stood behind the question mark, as it was sent.
    pub query: &'a str,
    pub headers: &'a HeaderMap,
    /// At hand, unless [`input_streams`] says that the operation takes a stream.
    pub body: Body,
    /// The labels that a router found in the path; without them the operation's own template is matched.
    pub labels: Option<&'a Labels>,
}

/// A request as a client writes it.
#[derive(Debug)]
pub struct WireRequest {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Body,
    /// What the operation wants in front of the host name.
    pub host_prefix: Option<String>,
}

/// A response, as the server writes and a client reads it.
#[derive(Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Body,
}

/// Whether an operation takes its body as a stream, so that it must not be gathered before it is read.
pub fn input_streams(op: &Operation) -> bool {
    op.input
        .members()
        .iter()
        .any(|member| member.streaming || matches!(member.shape.kind, Kind::Events { .. }))
}

pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Sets a header to text that may hold anything. What a header cannot hold becomes a space, so that a value
/// can never end a header and begin another.
pub(crate) fn set_header(headers: &mut HeaderMap, name: &str, value: &str) {
    append_header(headers, name, value, HeaderMap::insert);
}

pub(crate) fn append_header<T>(
    headers: &mut HeaderMap,
    name: &str,
    value: &str,
    put: fn(&mut HeaderMap, HeaderName, HeaderValue) -> T,
) {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else { return };
    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap_or_else(|_| {
        let clean: Vec<u8> =
            value.bytes().map(|byte| if byte < 0x20 || byte == 0x7f { b' ' } else { byte }).collect();
        HeaderValue::from_bytes(&clean).expect("control characters are the only ones a value cannot hold")
    });
    put(headers, name, value);
}

/// The headers every response has.
pub(crate) fn response_headers(content_type: &'static str, request_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    set_request_id(&mut headers, request_id);
    headers
}

pub(crate) fn set_request_id(headers: &mut HeaderMap, request_id: &str) {
    const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
    if let Ok(id) = HeaderValue::from_str(request_id)
        && !request_id.is_empty()
    {
        headers.insert(REQUEST_ID, id);
    }
}
