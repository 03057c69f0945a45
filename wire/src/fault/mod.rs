//! Faults on the wire. Each protocol has an envelope of its own; the code, the message and whose fault it was
//! are the same in all.

pub(crate) mod read;

use http::{HeaderMap, HeaderValue, StatusCode};
use schema::{Fault, Member, Place, Protocol, Service, Side, Structure};

use crate::message::{Body, Response, append_header, response_headers, set_header, status};
use crate::names::Naming;
use crate::scalar::ScalarWriter;
use crate::server::content_type;
use crate::xml::{Namespace, XmlWriter};
use crate::{cbor, json};

/// Errors of AWS's frame rather than of a service, which JSON names with the frame's own prefix. Sorted.
const FRAME_ERRORS: &[&str] = &[
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InternalFailure",
    "InternalServiceError",
    "InvalidParameterValueException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "MissingRequiredParameterException",
    "SerializationException",
    "ServiceUnavailableException",
    "UnknownOperationException",
    "UnrecognizedClientException",
];

/// Writes the response of a failure.
pub fn write_fault(protocol: Protocol, service: &Service, fault: &Fault, request_id: &str) -> Response {
    let mut headers = response_headers(content_type(protocol), request_id);
    let body = match protocol {
        Protocol::AwsJson1_0 | Protocol::AwsJson1_1 => json_fault(Some(&qualified(service, fault)), fault),
        Protocol::RestJson1 => {
            set_header(&mut headers, "x-amzn-errortype", fault.name());
            json_fault(None, fault)
        }
        Protocol::RpcV2Cbor => {
            headers.insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
            cbor::write_fault(&qualified(service, fault), fault)
        }
        Protocol::AwsQuery => wrapped_fault(Naming::Query, service, fault, request_id),
        Protocol::RestXml => wrapped_fault(Naming::Wire, service, fault, request_id),
        Protocol::Ec2Query => ec2_fault(fault, request_id),
    };
    if service.query_compatible && !matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query) {
        set_header(&mut headers, "x-amzn-query-error", &format!("{};{}", fault.code(), side(fault)));
    }
    if let (Protocol::RestJson1 | Protocol::RestXml, Some(detail)) = (protocol, fault.detail()) {
        detail.visit(&mut |member, value| {
            if member.place == Place::Header {
                for text in ScalarWriter::in_header(value, member) {
                    append_header(&mut headers, member.wire_name, &text, http::HeaderMap::append);
                }
            }
        });
    }
    put_headers(&mut headers, fault);
    Response { status: status(fault.status()), headers, body: body.into() }
}

/// Writes `<Error>` without an envelope, which the one service with buckets does instead of what its protocol
/// says. What was not modified has neither body nor type.
pub fn write_bare_xml_fault(fault: &Fault, request_id: &str, host_id: &str) -> Response {
    let mut headers = HeaderMap::with_capacity(8);
    put_headers(&mut headers, fault);
    let status = status(fault.status());
    if status == StatusCode::NOT_MODIFIED {
        return Response { status, headers, body: Body::empty() };
    }
    let mut xml = XmlWriter::with_declaration(Naming::Wire);
    xml.element("Error", None, |xml| {
        error_members(xml, fault);
        xml.text_element("RequestId", request_id);
        xml.text_element("HostId", host_id);
    });
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type(Protocol::RestXml)));
    Response { status, headers, body: xml.finish().into() }
}

fn put_headers(headers: &mut HeaderMap, fault: &Fault) {
    for (name, value) in fault.headers() {
        set_header(headers, name, value);
    }
}

/// The name of an error with the namespace that clients cut off again.
fn qualified(service: &Service, fault: &Fault) -> String {
    if FRAME_ERRORS.binary_search(&fault.name()).is_ok() {
        format!("com.amazon.coral.service#{}", fault.name())
    } else {
        format!("com.amazonaws.{}#{}", service.name, fault.name())
    }
}

fn side(fault: &Fault) -> &'static str {
    match fault.side() {
        Side::Sender => "Sender",
        Side::Receiver => "Receiver",
    }
}

/// Whether a member of a modelled error goes into the body beside the code and the message.
pub(crate) fn is_further(member: &Member) -> bool {
    matches!(member.place, Place::Body) && !is_message(member)
}

fn is_message(member: &Member) -> bool {
    member.name.eq_ignore_ascii_case("message")
}

/// The key of the message, which some models write with a capital.
pub(crate) fn message_name(detail: Option<&dyn Structure>) -> &'static str {
    let modelled =
        detail.and_then(|detail| detail.shape().members().iter().find(|member| is_message(member)));
    modelled.map_or("message", |member| member.wire_name)
}

fn json_fault(type_name: Option<&str>, fault: &Fault) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let mut json = json::JsonWriter { out: &mut out };
    match fault.detail() {
        Some(detail) => json.members(detail, is_further),
        None => json.out.extend_from_slice(b"{}"),
    }
    if let Some(name) = type_name {
        json.insert("__type", name);
    }
    if !fault.message().is_empty() {
        json.insert(message_name(fault.detail()), fault.message());
    }
    out
}

/// `<ErrorResponse>`, as awsQuery and most of restXml have it.
fn wrapped_fault(naming: Naming, service: &Service, fault: &Fault, request_id: &str) -> Vec<u8> {
    let mut xml = XmlWriter::with_declaration(naming);
    let namespace: Namespace = Some((service.xml_namespace, None));
    xml.element("ErrorResponse", namespace, |xml| {
        xml.element("Error", None, |xml| {
            xml.text_element("Type", side(fault));
            error_members(xml, fault);
            if service.error_detail {
                xml.element("Detail", None, |_| {});
            }
        });
        xml.text_element("RequestId", request_id);
    });
    xml.finish()
}

fn ec2_fault(fault: &Fault, request_id: &str) -> Vec<u8> {
    let mut xml = XmlWriter::with_declaration(Naming::Wire);
    xml.element("Response", None, |xml| {
        xml.element("Errors", None, |xml| xml.element("Error", None, |xml| error_members(xml, fault)));
        xml.text_element("RequestID", request_id);
    });
    xml.finish()
}

fn error_members(xml: &mut XmlWriter, fault: &Fault) {
    xml.text_element("Code", fault.code());
    xml.text_element("Message", fault.message());
    if let Some(detail) = fault.detail() {
        xml.members(detail, is_further);
    }
    for (name, text) in fault.fields() {
        xml.text_element(name, text);
    }
}
