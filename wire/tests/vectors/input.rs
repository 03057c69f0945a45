//! Input vectors: parameters and the request that carries them.

use fogbank_wire::{Body, Request, WireRequest};
use http::{HeaderMap, HeaderName, HeaderValue};
use schema::{Operation, Protocol};
use serde_json::Value as Json;

use crate::Outcome;
use crate::compare;
use crate::dynamic::model;
use crate::dynamic::value::{Record, Value};

pub fn run(suite: &Json, case: &Json, add: &mut dyn FnMut(&str, Outcome)) {
    let protocol = model::protocol(&suite["metadata"]);
    let op = model::operation(suite, &case["given"]);
    let serialized = &case["serialized"];
    let mut params = Record::from_json(op.input, &case["params"]);
    fill_tokens(&mut params);
    let endpoint = suite["clientEndpoint"].as_str().and_then(|endpoint| endpoint.split("://").nth(1));
    let (host, base) =
        endpoint.and_then(|endpoint| endpoint.split_once('/')).unwrap_or((endpoint.unwrap_or(""), ""));
    let endpoint = Endpoint { host, base: if base.is_empty() { String::new() } else { format!("/{base}") } };
    add("server reads", server_reads(protocol, op, serialized, &endpoint, &params));
    let written = fogbank_wire::write_input(protocol, op, &params);
    add("client writes", client_writes(&endpoint, protocol, serialized, &written));
    add("round trip", round_trip(protocol, op, &written, &params));
}

/// Where the client sends its requests, whose path goes before that of the operation.
struct Endpoint<'j> {
    host: &'j str,
    base: String,
}

/// Clients make up tokens that are missing; the vectors expect this one.
fn fill_tokens(params: &mut Record) {
    for (member, value) in params.shape.members().iter().zip(&mut params.values) {
        if member.idempotency_token && value.is_none() {
            *value = Some(Value::String("00000000-0000-4000-8000-000000000000".to_owned()));
        }
    }
}

fn server_reads(
    protocol: Protocol,
    op: &'static Operation,
    serialized: &Json,
    endpoint: &Endpoint<'_>,
    params: &Record,
) -> Outcome {
    let uri = serialized["uri"].as_str().unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let path = path.strip_prefix(endpoint.base.as_str()).unwrap_or(path);
    let headers = headers(&serialized["headers"]);
    let body = Body::Bytes(compare::body(protocol, serialized));
    let read = read(protocol, op, &Request { path, query, headers: &headers, body, labels: None })?;
    compare::equal_on_the_wire(protocol, &read, params)
}

fn round_trip(protocol: Protocol, op: &'static Operation, written: &WireRequest, params: &Record) -> Outcome {
    let (path, query, headers, body) =
        (&written.path, &written.query, &written.headers, written.body.clone());
    let read = read(protocol, op, &Request { path, query, headers, body, labels: None })?;
    compare::equal_on_the_wire(protocol, &read, params)
}

fn read(protocol: Protocol, op: &'static Operation, request: &Request<'_>) -> Result<Record, String> {
    let mut record = Record::new(op.input);
    fogbank_wire::read_input(protocol, op, request, &mut record)
        .map_err(|malformed| malformed.to_string())?;
    Ok(record)
}

pub fn headers(json: &Json) -> HeaderMap {
    let headers = json.as_object().into_iter().flatten().map(|(name, value)| {
        let value =
            HeaderValue::from_str(value.as_str().expect("a header is text")).expect("a header's value");
        (HeaderName::from_bytes(name.as_bytes()).expect("a header's name"), value)
    });
    headers.collect()
}

fn client_writes(
    endpoint: &Endpoint<'_>,
    protocol: Protocol,
    serialized: &Json,
    written: &WireRequest,
) -> Outcome {
    let uri = serialized["uri"].as_str().unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let different = |what: &str, found: &dyn std::fmt::Debug, wanted: &dyn std::fmt::Debug| {
        Err(format!("{what} is {found:?}, not {wanted:?}"))
    };
    let written_path = format!("{}{}", endpoint.base, written.path);
    if written_path != path {
        return different("the path", &written_path, &path);
    }
    if compare::pairs(&written.query) != compare::pairs(query) {
        return different("the query", &written.query, &query);
    }
    if serialized["method"].as_str().is_some_and(|method| method != written.method.as_str()) {
        return different("the method", &written.method, &serialized["method"]);
    }
    let prefix = written.host_prefix.clone().unwrap_or_default();
    let host = serialized["host"].as_str().and_then(|host| host.split('/').next());
    if let Some(host) = host.filter(|_| !endpoint.host.is_empty())
        && format!("{prefix}{}", endpoint.host) != host
    {
        return different("the host", &format!("{prefix}{}", endpoint.host), &host);
    }
    compare_headers(serialized, &written.headers)?;
    let found = written.body.whole().expect("the bodies of tests are at hand");
    // Where the vector says nothing about the body, the rest is what it tests.
    if serialized.get("body").is_none() {
        return Ok(());
    }
    compare::bodies(protocol, &found, &compare::body(protocol, serialized))
}

fn compare_headers(serialized: &Json, found: &HeaderMap) -> Outcome {
    for (name, wanted) in &headers(&serialized["headers"]) {
        let plain = |value: &HeaderValue| value.to_str().unwrap_or_default().replace(", ", ",");
        let values: Vec<String> = found.get_all(name).iter().map(plain).collect();
        let (value, wanted) = (values.join(","), plain(wanted));
        let same = value == wanted || (name == "content-type" && value.split(';').next() == Some(&wanted));
        if !same {
            return Err(format!("the header {name} is {value:?}, not {wanted:?}"));
        }
    }
    for name in serialized["forbidHeaders"].as_array().into_iter().flatten() {
        if found.contains_key(name.as_str().expect("a name is text")) {
            return Err(format!("the header {name} must not be there"));
        }
    }
    for name in serialized["requireHeaders"].as_array().into_iter().flatten() {
        let name = name.as_str().expect("a name is text");
        // The length is HTTP's business.
        if !name.eq_ignore_ascii_case("content-length") && !found.contains_key(name) {
            return Err(format!("the header {name} is missing"));
        }
    }
    Ok(())
}
