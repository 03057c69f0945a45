//! One function a decoder: it may refuse any bytes, and must never panic, hang, or take much memory.

use std::sync::OnceLock;

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue as EventHeader, Message};
use bytes::{Bytes, BytesMut};
use fogbank_wire::uri::Router;
use fogbank_wire::{Body, Request, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use schema::{Binding, Operation, Protocol};

use crate::dynamic::value::Record;
use crate::models;

/// A decoder, fed with anything.
pub type Target = fn(&[u8]);

/// All targets, by the name that `cargo fuzz run` knows them by.
pub const TARGETS: &[(&str, Target)] = &[
    ("json", json),
    ("query", query),
    ("ec2", ec2),
    ("xml", xml),
    ("cbor", cbor),
    ("rest", rest),
    ("eventstream", eventstream),
    ("uri_router", uri_router),
];

pub fn json(data: &[u8]) {
    static INPUT: OnceLock<&'static Operation> = OnceLock::new();
    static OUTPUT: OnceLock<&'static Operation> = OnceLock::new();
    body(Protocol::AwsJson1_1, &INPUT, &OUTPUT, data);
}

pub fn query(data: &[u8]) {
    static INPUT: OnceLock<&'static Operation> = OnceLock::new();
    static OUTPUT: OnceLock<&'static Operation> = OnceLock::new();
    body(Protocol::AwsQuery, &INPUT, &OUTPUT, data);
}

pub fn ec2(data: &[u8]) {
    static INPUT: OnceLock<&'static Operation> = OnceLock::new();
    static OUTPUT: OnceLock<&'static Operation> = OnceLock::new();
    body(Protocol::Ec2Query, &INPUT, &OUTPUT, data);
}

pub fn xml(data: &[u8]) {
    static INPUT: OnceLock<&'static Operation> = OnceLock::new();
    static OUTPUT: OnceLock<&'static Operation> = OnceLock::new();
    body(Protocol::RestXml, &INPUT, &OUTPUT, data);
}

pub fn cbor(data: &[u8]) {
    static INPUT: OnceLock<&'static Operation> = OnceLock::new();
    static OUTPUT: OnceLock<&'static Operation> = OnceLock::new();
    body(Protocol::RpcV2Cbor, &INPUT, &OUTPUT, data);
}

type Lazy = OnceLock<&'static Operation>;

/// Reads a body as an input, as an output, and as a fault. What could be read can also be written, and comes
/// back from there as it was.
fn body(protocol: Protocol, input: &Lazy, output: &Lazy, data: &[u8]) {
    let op = *input.get_or_init(|| models::kinds(protocol, "input"));
    let headers = HeaderMap::new();
    let bytes = Bytes::copy_from_slice(data);
    let request =
        Request { path: "/", query: "", headers: &headers, body: Body::Bytes(bytes.clone()), labels: None };
    let mut record = Record::new(op.input);
    if fogbank_wire::read_input(protocol, op, &request, &mut record).is_ok() {
        let written = fogbank_wire::write_input(protocol, op, &record);
        let query = &written.query;
        let again = Request {
            path: &written.path,
            query,
            headers: &written.headers,
            body: written.body.clone(),
            labels: None,
        };
        let mut reread = Record::new(op.input);
        let read = fogbank_wire::read_input(protocol, op, &again, &mut reread);
        // The XML family has no sign for an empty collection, so what holds one may not come back.
        let is_exact = matches!(protocol, Protocol::AwsJson1_1 | Protocol::RpcV2Cbor);
        assert!(!is_exact || (read.is_ok() && reread == record), "{read:?}: {record:?} became {reread:?}");
    }
    let op = *output.get_or_init(|| models::kinds(protocol, "output"));
    let response = Response { status: StatusCode::OK, headers, body: Body::Bytes(bytes) };
    let mut record = Record::new(op.output);
    let _ = fogbank_wire::read_output(protocol, op, &response, &mut record);
    let _ = fogbank_wire::read_fault(protocol, &response, Some(&mut record));
}

/// The first lines are the path, the query and headers, up to an empty one; the rest is the body.
pub fn rest(data: &[u8]) {
    static OPS: OnceLock<Vec<(Protocol, &'static Operation)>> = OnceLock::new();
    let ops = OPS.get_or_init(|| {
        [Protocol::RestJson1, Protocol::RestXml]
            .into_iter()
            .flat_map(|protocol| {
                let places = models::places(protocol, "input");
                let record = models::payload(protocol, "Record", "input");
                [(protocol, places), (protocol, record)]
            })
            .collect()
    });
    let mut lines = data.split(|byte| *byte == b'\n');
    let mut text = || std::str::from_utf8(lines.next().unwrap_or_default()).unwrap_or_default();
    let (path, query) = (text(), text());
    let mut headers = HeaderMap::new();
    for line in lines.by_ref().take_while(|line| !line.is_empty()) {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let body = Bytes::from(lines.collect::<Vec<_>>().join(&b'\n'));
    for (protocol, op) in ops {
        let path = if op.uri == "/payload" { "/payload" } else { path };
        let body = Body::Bytes(body.clone());
        let request = Request { path, query, headers: &headers, body: body.clone(), labels: None };
        let mut record = Record::new(op.input);
        if fogbank_wire::read_input(*protocol, op, &request, &mut record).is_ok() {
            let _ = fogbank_wire::write_input(*protocol, op, &record);
        }
    }
}

/// The bytes as they are, and as the payload of a frame whose checksums are right.
pub fn eventstream(data: &[u8]) {
    static OPS: OnceLock<Vec<(Protocol, &'static Operation)>> = OnceLock::new();
    let ops = OPS.get_or_init(|| {
        let protocols = [Protocol::AwsJson1_1, Protocol::RestXml, Protocol::RpcV2Cbor];
        protocols.into_iter().map(|protocol| (protocol, models::events(protocol, "output"))).collect()
    });
    let (selector, payload) = data.split_first().unwrap_or((&0, &[]));
    let kind = ["event", "exception", "error", ""][usize::from(selector & 3)];
    let event =
        ["Record", "Raw", "Note", "Choice", "initial-response", "Unknown"][usize::from(selector >> 2) % 6];
    let headers = vec![
        Header::new(":message-type", EventHeader::String(kind.to_owned().into())),
        Header::new(":event-type", EventHeader::String(event.to_owned().into())),
        Header::new("Name", EventHeader::Int32(i32::from(*selector))),
    ];
    let mut framed = BytesMut::new();
    let message = Message::new_from_parts(headers, payload.to_vec());
    write_message_to(&message, &mut framed).expect("a short frame can be written");
    for body in
        [Bytes::copy_from_slice(data), framed.clone().freeze(), [&framed[..], &framed[..]].concat().into()]
    {
        for (protocol, op) in ops {
            let response = Response {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                body: Body::Bytes(body.clone()),
            };
            let mut record = Record::new(op.output);
            let _ = fogbank_wire::read_output(*protocol, op, &response, &mut record);
        }
    }
}

/// A path, a line break, and a query, against templates of every sort.
pub fn uri_router(data: &[u8]) {
    static ROUTER: OnceLock<Router> = OnceLock::new();
    let router = ROUTER.get_or_init(|| {
        Router::new(["places", "payload"].into_iter().flat_map(|sort| {
            [Protocol::RestJson1, Protocol::RestXml].map(|protocol| {
                let operation = match sort {
                    "places" => models::places(protocol, "input"),
                    _ => models::payload(protocol, "Blob", "input"),
                };
                Binding::new(operation.method, operation.uri, operation.name)
            })
        }))
    });
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (path, query) = text.split_once('\n').unwrap_or((text, ""));
    for method in [Method::PUT, Method::POST] {
        let _ = router.find(&method, path, query, |_| false);
    }
    let _ = fogbank_wire::query_parameter(text, "Action");
}
