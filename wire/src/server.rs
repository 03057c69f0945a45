//! The server's side: a request becomes a typed input, a typed output becomes a response.

use http::HeaderValue;
use schema::{Operation, Protocol, Structure, Violation, read_members};

use crate::format::Format;
use crate::malformed::Malformed;
use crate::message::{Request, Response, response_headers, status};
use crate::names::Naming;
use crate::shared::{Shared, Take};
use crate::xml::{Namespace, XmlWriter};
use crate::{cbor, events, json, query, rest};

/// Reads the input of an operation, and returns the constraints of the model that it does not keep.
///
/// # Errors
/// If the request cannot be read at all; [`crate::malformed_fault`] words that for the client.
pub fn read_input(
    protocol: Protocol,
    op: &'static Operation,
    request: &Request<'_>,
    into: &mut dyn Structure,
) -> Result<Vec<Violation>, Malformed> {
    let mut shared = Shared::default();
    let take: Take<'_> = &mut |from| read_members(into, from, None);
    let read = match protocol {
        Protocol::RestJson1 | Protocol::RestXml => {
            rest::read_request(Format::of(protocol), op, request, &mut shared, take)
        }
        _ if events::is_in(op.input) => events::read_rpc(protocol, &request.body, &mut shared, take),
        _ => match request.body.whole() {
            Some(body) => read_rpc_body(protocol, op, request.query, &body, &mut shared, take),
            None => Err(schema::Malformed("the body was not gathered before it was read".to_owned())),
        },
    };
    shared.finish(read)
}

fn read_rpc_body(
    protocol: Protocol,
    op: &'static Operation,
    url: &str,
    body: &[u8],
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), schema::Malformed> {
    match protocol {
        Protocol::AwsQuery => query::read(url, body, false, shared, take),
        Protocol::Ec2Query => query::read(url, body, true, shared, take),
        // An operation without input may come without a body.
        Protocol::RpcV2Cbor if body.is_empty() => cbor::read(cbor::EMPTY_MAP, shared, take),
        Protocol::RpcV2Cbor => cbor::read(body, shared, take),
        _ if body.is_empty() && op.input.members().is_empty() => json::read(b"{}", shared, take),
        _ => json::read(body, shared, take),
    }
}

/// Writes the response of a success.
pub fn write_output(
    protocol: Protocol,
    op: &'static Operation,
    output: &dyn Structure,
    request_id: &str,
) -> Response {
    if matches!(protocol, Protocol::RestJson1 | Protocol::RestXml) {
        return rest::write_response(Format::of(protocol), op, output, request_id);
    }
    let mut headers = response_headers(content_type(protocol), request_id);
    if protocol == Protocol::RpcV2Cbor {
        headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    }
    let body = match protocol {
        _ if events::is_in(op.output) => {
            events::set_content_type(&mut headers);
            events::write_rpc(protocol, output, "initial-response")
        }
        Protocol::AwsQuery => query_output(op, output, request_id).into(),
        Protocol::Ec2Query => ec2_output(op, output, request_id).into(),
        Protocol::RpcV2Cbor => cbor::write(output).into(),
        _ => json_output(output).into(),
    };
    Response { status: status(op.status), headers, body }
}

/// What a successful or failed response says its body is.
pub(crate) fn content_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::AwsJson1_0 => "application/x-amz-json-1.0",
        Protocol::AwsJson1_1 => "application/x-amz-json-1.1",
        Protocol::RestJson1 => "application/json",
        Protocol::RestXml => "application/xml",
        Protocol::AwsQuery => "text/xml",
        Protocol::Ec2Query => "text/xml;charset=UTF-8",
        Protocol::RpcV2Cbor => "application/cbor",
    }
}

fn json_output(output: &dyn Structure) -> Vec<u8> {
    // Most answers are small, and a buffer that grows is copied.
    let mut out = Vec::with_capacity(512);
    json::JsonWriter { out: &mut out }.members(output, |_| true);
    out
}

fn query_output(op: &Operation, output: &dyn Structure, request_id: &str) -> Vec<u8> {
    let mut xml = XmlWriter::with_declaration(Naming::Query);
    xml.element(&format!("{}Response", op.name), namespace(op), |xml| {
        if op.result_wrapper.is_some() || !output.shape().members().is_empty() {
            let default = format!("{}Result", op.name);
            let wrapper = op.result_wrapper.unwrap_or(&default);
            xml.structure_element(wrapper, None, output, |_| true);
        }
        xml.element("ResponseMetadata", None, |xml| xml.text_element("RequestId", request_id));
    });
    xml.finish()
}

fn ec2_output(op: &Operation, output: &dyn Structure, request_id: &str) -> Vec<u8> {
    let mut xml = XmlWriter::with_declaration(Naming::Wire);
    xml.element(&format!("{}Response", op.name), namespace(op), |xml| {
        xml.text_element("requestId", request_id);
        xml.members(output, |_| true);
    });
    xml.finish()
}

fn namespace(op: &Operation) -> Namespace {
    Some((op.service.xml_namespace, None))
}
