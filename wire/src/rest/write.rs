//! Spreads the members of an input, or of an output, over all the places of a request or a response.

use std::fmt::Write;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use schema::{Kind, Member, Operation, Place, Structure, WriteValue};

use super::{Direction, PayloadWriter, header};
use crate::format::Format;
use crate::message::{Body, Response, WireRequest, set_header, set_request_id, status};
use crate::scalar::ScalarWriter;
use crate::text;

/// What was found for each place.
#[derive(Default)]
struct Spread {
    headers: HeaderMap,
    labels: Vec<(&'static str, String)>,
    query: Vec<(String, String)>,
    status: Option<u16>,
    payload: Option<(Body, &'static str)>,
    has_document: bool,
}

impl Spread {
    fn of(value: &dyn Structure, direction: Direction, format: Format) -> Spread {
        // Room for what most have: growing costs more than it saves.
        let mut spread = Spread { headers: HeaderMap::with_capacity(16), ..Spread::default() };
        value.visit(&mut |member, value| spread.put(member, value, direction, format));
        spread
    }

    fn put(&mut self, member: &'static Member, value: &dyn WriteValue, direction: Direction, format: Format) {
        match direction.place(member) {
            _ if member.payload => self.payload = Some(PayloadWriter::write(value, member, format)),
            Place::Body => self.has_document = true,
            Place::Header => self.put_header(member, value),
            Place::HeaderPrefix => {
                for (key, texts) in ScalarWriter::entries(value, member) {
                    let name = format!("{}{key}", member.wire_name);
                    set_header(&mut self.headers, &name, &texts.join(","));
                }
            }
            Place::Query => {
                let texts = ScalarWriter::in_uri(value, member);
                self.query.extend(texts.into_iter().map(|text| (member.wire_name.to_owned(), text)));
            }
            // A parameter that a member of its own is bound to is not taken from the map.
            Place::QueryMap => {
                for (key, texts) in ScalarWriter::entries(value, member) {
                    if !self.query.iter().any(|(known, _)| *known == key) {
                        self.query.extend(texts.into_iter().map(|text| (key.clone(), text)));
                    }
                }
            }
            Place::Label => {
                let text = ScalarWriter::in_uri(value, member).pop().unwrap_or_default();
                self.labels.push((member.wire_name, text));
            }
            Place::Status => {
                let text = ScalarWriter::in_uri(value, member).pop().unwrap_or_default();
                self.status = text.parse().ok();
            }
        }
    }

    /// A header that would be empty is not sent.
    fn put_header(&mut self, member: &'static Member, value: &dyn WriteValue) {
        let texts = ScalarWriter::in_header(value, member);
        let text = match &member.shape.kind {
            Kind::List { element, .. } => header::join(&texts, element),
            _ => texts.into_iter().next().unwrap_or_default(),
        };
        if !text.is_empty() {
            set_header(&mut self.headers, member.wire_name, &text);
        }
    }
}

/// The response of a success. A structure without members for the body has no body.
pub(crate) fn write_response(
    format: Format,
    op: &Operation,
    output: &dyn Structure,
    request_id: &str,
) -> Response {
    let mut spread = Spread::of(output, Direction::Output, format);
    let mut headers = std::mem::take(&mut spread.headers);
    let members = output.shape().members();
    let (body, content_type) = if let Some((body, content_type)) = spread.payload {
        (body, Some(content_type))
    } else if members.iter().any(Direction::Output.in_document()) {
        let namespace = Some((op.service.xml_namespace, None));
        let root = op.result_wrapper.unwrap_or(op.output.name);
        let document = format.write(root, namespace, output, Direction::Output.in_document());
        (document.into(), Some(format.content_type()))
    } else {
        (Body::empty(), None)
    };
    // What the output says of its type counts.
    if let Some(content_type) = content_type
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    set_request_id(&mut headers, request_id);
    Response { status: status(spread.status.unwrap_or(op.status)), headers, body }
}

/// The request of a call, as botocore sends it.
pub(crate) fn write_request(format: Format, op: &Operation, input: &dyn Structure) -> WireRequest {
    let mut spread = Spread::of(input, Direction::Input, format);
    let members = input.shape().members();
    let mut headers = std::mem::take(&mut spread.headers);
    let payload = members.iter().find(|member| member.payload);
    let (body, content_type) = match (spread.payload, payload) {
        (Some((body, content_type)), _) => (body, Some(content_type)),
        // An absent structure is an empty object in JSON and nothing in XML. A union cannot be empty.
        (None, Some(member))
            if format == Format::Json && matches!(member.shape.kind, Kind::Structure { .. }) =>
        {
            (Body::from(b"{}".to_vec()), Some(format.content_type()))
        }
        (None, Some(_)) => (Body::empty(), None),
        (None, None) => document(format, op, input, spread.has_document),
    };
    if let Some(content_type) = content_type
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let (path, fixed) = op.uri.split_once('?').unwrap_or((op.uri, ""));
    WireRequest {
        method: Method::from_bytes(op.method.as_bytes()).expect("the models hold valid methods"),
        path: expand(path, &spread.labels),
        query: query(fixed, &spread.query),
        headers,
        body,
        host_prefix: None,
    }
}

fn document(
    format: Format,
    op: &Operation,
    input: &dyn Structure,
    has_members: bool,
) -> (Body, Option<&'static str>) {
    let may_have = input.shape().members().iter().any(Direction::Input.in_document());
    if !(has_members || (may_have && format == Format::Json)) {
        return (Body::empty(), None);
    }
    let (root, uri) = op.input_root.unwrap_or((op.input.name, None));
    let namespace = uri.map(|uri| (uri, None));
    let bytes = format.write(root, namespace, input, Direction::Input.in_document());
    (bytes.into(), Some(format.content_type()))
}

/// Puts the labels into the path.
fn expand(template: &str, labels: &[(&'static str, String)]) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, (label, after))) =
        rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        path.push_str(before);
        let name = label.strip_suffix('+');
        let value = labels.iter().find(|(known, _)| *known == name.unwrap_or(label));
        let value = value.map_or("", |(_, value)| value.as_str());
        let encoded =
            if name.is_some() { text::percent_encode_path(value) } else { text::percent_encode(value) };
        write!(path, "{encoded}").expect("memory takes text");
        rest = after;
    }
    path.push_str(rest);
    path
}

fn query(fixed: &str, parameters: &[(String, String)]) -> String {
    let mut query = fixed.to_owned();
    for (key, value) in parameters {
        let separator = if query.is_empty() { "" } else { "&" };
        let (key, value) = (text::percent_encode(key), text::percent_encode(value));
        write!(query, "{separator}{key}={value}").expect("memory takes text");
    }
    query
}
