//! Output vectors: a response and the result, or the error, that it carries.

use bytes::Bytes;
use fogbank_wire::{Body, Response};
use http::StatusCode;
use schema::{ErrorCode, Fault, Kind, Operation, Protocol, Side};
use serde_json::Value as Json;

use crate::dynamic::value::Record;
use crate::dynamic::{leak, leak_str, model, value};
use crate::{Outcome, compare, input};

pub fn run(suite: &Json, case: &Json, add: &mut dyn FnMut(&str, Outcome)) {
    let protocol = model::protocol(&suite["metadata"]);
    let op = model::operation(suite, &case["given"]);
    let json = &case["response"];
    let response = Response {
        status: StatusCode::from_u16(json["status_code"].as_u64().expect("a number") as u16)
            .expect("a status"),
        headers: input::headers(&json["headers"]),
        body: Body::Bytes(body(protocol, op, json)),
    };
    if case.get("error").is_some() {
        add("client reads error", reads_error(suite, protocol, case, &response));
        add("error round trip", error_round_trip(suite, protocol, op, case, &response));
        return;
    }
    let wanted = Record::from_json(op.output, &case["result"]);
    add("client reads", reads(protocol, op, &response, &wanted));
    let written = value::gathered(fogbank_wire::write_output(protocol, op, &wanted, ""));
    add("round trip", reads(protocol, op, &written, &wanted));
}

/// The body of a response, which is base64 where it is binary, as frames are.
fn body(protocol: Protocol, op: &Operation, json: &Json) -> Bytes {
    let streams = op.output.members().iter().any(|member| matches!(member.shape.kind, Kind::Events { .. }));
    compare::body(if streams { Protocol::RpcV2Cbor } else { protocol }, json)
}

fn reads(protocol: Protocol, op: &'static Operation, response: &Response, wanted: &Record) -> Outcome {
    let mut record = Record::new(op.output);
    fogbank_wire::read_output(protocol, op, response, &mut record)
        .map_err(|malformed| malformed.to_string())?;
    compare::equal_on_the_wire(protocol, &record, wanted)
}

/// The shape of the error that a case expects.
fn error_shape(suite: &Json, case: &Json) -> Option<Record> {
    let errors = case["given"]["errors"].as_array()?;
    let code = case["errorCode"].as_str().unwrap_or_default();
    let names = errors.iter().filter_map(|error| error["shape"].as_str());
    let named = |name: &&str| *name == code || suite["shapes"][*name]["error"]["code"].as_str() == Some(code);
    let name = names.into_iter().find(named)?;
    let model = model::Model { shapes: &suite["shapes"], unrolled: model::UNROLLED };
    Some(Record::new(model.shape(name, None, &mut Vec::new())))
}

fn reads_error(suite: &Json, protocol: Protocol, case: &Json, response: &Response) -> Outcome {
    let mut detail = error_shape(suite, case);
    let wanted = detail.as_ref().map(|detail| Record::from_json(detail.shape, &case["error"]));
    let into = detail.as_mut().map(|detail| detail as &mut dyn schema::Structure);
    let fault =
        fogbank_wire::read_fault(protocol, response, into).map_err(|malformed| malformed.to_string())?;
    let code = case["errorCode"].as_str().unwrap_or_default();
    if fault.name != code && fault.query_code.as_deref() != Some(code) {
        return Err(format!("the code is {fault:?}, not {code}"));
    }
    if let Some(message) = case["errorMessage"].as_str()
        && fault.message != message
    {
        return Err(format!("the message is {:?}, not {message:?}", fault.message));
    }
    match (detail, wanted) {
        (Some(mut detail), Some(wanted)) => {
            // The vectors list a message, a code and a status apart from the other members, or not at all.
            for ((member, value), wanted) in
                detail.shape.members().iter().zip(&mut detail.values).zip(&wanted.values)
            {
                if wanted.is_none() && ["Message", "message", "Code", "Status"].contains(&member.name) {
                    *value = None;
                }
            }
            compare::equal(&detail, &wanted)
        }
        _ => Ok(()),
    }
}

/// Our server writes the error, our client reads it.
fn error_round_trip(
    suite: &Json,
    protocol: Protocol,
    op: &'static Operation,
    case: &Json,
    response: &Response,
) -> Outcome {
    let code = leak_str(case["errorCode"].as_str().unwrap_or_default());
    let error = leak(ErrorCode { name: code, code, status: response.status.as_u16(), side: Side::Sender });
    let mut fault = Fault::new(error, case["errorMessage"].as_str().unwrap_or_default());
    if let Some(shape) = error_shape(suite, case) {
        fault = fault.with_detail(Record::from_json(shape.shape, &case["error"]));
    }
    let written = fogbank_wire::write_fault(protocol, op.service, &fault, "request-id");
    reads_error(suite, protocol, case, &written)
}
