//! The client's side: a typed input becomes a request, a response becomes a typed output.

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use schema::{Operation, Protocol, Structure, WriteValue, read_members};

use crate::format::Format;
use crate::malformed::Malformed;
use crate::message::{Body, Response, WireRequest, set_header};
use crate::names::Naming;
use crate::scalar::ScalarWriter;
use crate::shared::{Shared, Take};
use crate::xml::{self, Place, XmlReader};
use crate::{cbor, events, query, rest, server};

/// Writes the request of a call.
pub fn write_input(protocol: Protocol, op: &'static Operation, input: &dyn Structure) -> WireRequest {
    let mut request = match protocol {
        Protocol::RestJson1 | Protocol::RestXml => rest::write_request(Format::of(protocol), op, input),
        _ => rpc_request(protocol, op, input),
    };
    request.host_prefix = op.host_prefix.map(|template| host_prefix(template, input));
    request
}

fn rpc_request(protocol: Protocol, op: &'static Operation, input: &dyn Structure) -> WireRequest {
    let service = op.service;
    let mut headers = HeaderMap::new();
    let mut path = "/".to_owned();
    let mut content_type = server::content_type(protocol);
    let mut body: Body = match protocol {
        Protocol::AwsQuery | Protocol::Ec2Query => {
            content_type = "application/x-www-form-urlencoded; charset=utf-8";
            let ec2 = protocol == Protocol::Ec2Query;
            query::write(op.name, service.api_version, ec2, input).into_bytes().into()
        }
        Protocol::RpcV2Cbor => {
            path = format!("/service/{}/operation/{}", service.target_prefix, op.name);
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
            let accepted =
                if events::is_in(op.output) { events::CONTENT_TYPE } else { Format::Cbor.content_type() };
            headers.insert(ACCEPT, HeaderValue::from_static(accepted));
            if op.input.is_unit() {
                content_type = "";
                Body::empty()
            } else {
                cbor::write(input).into()
            }
        }
        _ => {
            set_header(&mut headers, "x-amz-target", &format!("{}.{}", service.target_prefix, op.name));
            Format::Json.write("", None, input, |_| true).into()
        }
    };
    if events::is_in(op.input) {
        content_type = events::CONTENT_TYPE;
        body = events::write_rpc(protocol, input, "initial-request");
    }
    if service.query_compatible && !matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query) {
        headers.insert("x-amzn-query-mode", HeaderValue::from_static("true"));
    }
    if !content_type.is_empty() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    WireRequest { method: Method::POST, path, query: String::new(), headers, body, host_prefix: None }
}

/// Puts the members that the host name wants into its prefix.
fn host_prefix(template: &str, input: &dyn Structure) -> String {
    let mut prefix = template.to_owned();
    input.visit(&mut |member, value| {
        let label = format!("{{{}}}", member.name);
        if prefix.contains(&label) {
            prefix = prefix.replace(&label, &scalar(value, member));
        }
    });
    prefix
}

fn scalar(value: &dyn WriteValue, member: &'static schema::Member) -> String {
    ScalarWriter::in_uri(value, member).pop().unwrap_or_default()
}

/// Reads the response of a success.
///
/// # Errors
/// If it is not what the protocol sends.
pub fn read_output(
    protocol: Protocol,
    op: &'static Operation,
    response: &Response,
    into: &mut dyn Structure,
) -> Result<(), Malformed> {
    let mut shared = Shared::default();
    let format = Format::of(protocol);
    let take: Take<'_> = &mut |from| read_members(into, from, None);
    let read = match protocol {
        Protocol::RestJson1 | Protocol::RestXml => rest::read_response(format, response, &mut shared, take),
        _ if events::is_in(op.output) => events::read_rpc(protocol, &response.body, &mut shared, take),
        _ => match response.body.whole() {
            None => Err(schema::Malformed("the body was not gathered before it was read".to_owned())),
            Some(body) if body.is_empty() => Ok(()),
            Some(body) => match protocol {
                Protocol::AwsQuery => read_query_output(op, &body, &mut shared, take),
                Protocol::Ec2Query => xml::read(&body, Naming::Wire, &mut shared, take),
                _ => format.read(&body, &mut shared, take),
            },
        },
    };
    shared.finish(read).map(drop)
}

/// Reads what is inside of the result's element, or of the root where the model names no such element.
fn read_query_output(
    op: &'static Operation,
    body: &[u8],
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), schema::Malformed> {
    let tree = xml::Tree::parse(body).map_err(|error| shared.syntax(error))?;
    let default = format!("{}Result", op.name);
    let wrapped = tree.child(tree.root(), op.result_wrapper.unwrap_or(&default));
    let at = Place::Element(wrapped.unwrap_or(tree.root()));
    take(&mut XmlReader { tree: &tree, at, naming: Naming::Query, shared })
}
