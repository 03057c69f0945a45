//! Whether two bodies say the same, whatever their whitespace and order.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;
use quick_xml::events::Event;
use schema::{Place, Protocol};
use serde_json::Value as Json;

use crate::Outcome;
use crate::dynamic::value::{Record, Value};

pub fn equal(found: &Record, wanted: &Record) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("found {found:?}\n    wanted {wanted:?}")) }
}

/// Equal as far as the places of the members can tell: they do not carry what is empty, and a map of query
/// parameters has also those that other members are bound to.
pub fn equal_on_the_wire(protocol: Protocol, found: &Record, wanted: &Record) -> Outcome {
    if found == wanted {
        return Ok(());
    }
    equal(&plain(protocol, found), &plain(protocol, wanted))
}

fn plain(protocol: Protocol, record: &Record) -> Record {
    let members = record.shape.members();
    let mut plain = record.clone();
    for (member, value) in members.iter().zip(&mut plain.values) {
        if let (Place::QueryMap, Some(Value::Map(entries))) = (member.place, &mut *value) {
            entries.retain(|(key, _)| {
                !members.iter().any(|other| other.place == Place::Query && other.wire_name == key)
            });
        }
        let is_lossy = match member.place {
            Place::Body => matches!(protocol, Protocol::AwsQuery | Protocol::Ec2Query),
            _ => true,
        };
        if is_lossy && value.as_ref().is_some_and(Value::is_empty) {
            *value = None;
        }
    }
    plain
}

/// The body of a vector, which is base64 where it is binary.
pub fn body(protocol: Protocol, json: &Json) -> Bytes {
    let text = json["body"].as_str().unwrap_or_default();
    if protocol == Protocol::RpcV2Cbor {
        STANDARD.decode(text).expect("binary bodies are base64").into()
    } else {
        Bytes::from(text.to_owned())
    }
}

/// The parameters of a form or a query, sorted.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let mut pairs: Vec<_> = text
        .split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect();
    pairs.sort();
    pairs
}

pub fn bodies(protocol: Protocol, found: &Bytes, wanted: &Bytes) -> Outcome {
    let shown = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let same = found == wanted
        || match protocol {
            Protocol::AwsQuery | Protocol::Ec2Query => pairs(&shown(found)) == pairs(&shown(wanted)),
            Protocol::RpcV2Cbor => {
                !found.is_empty()
                    && !wanted.is_empty()
                    && cbor(&mut Decoder::new(found)) == cbor(&mut Decoder::new(wanted))
            }
            Protocol::RestXml => matches!((xml(found), xml(wanted)), (Some(one), Some(two)) if one == two),
            _ => {
                let parse = |bytes| serde_json::from_slice::<Json>(bytes).ok();
                matches!((parse(found), parse(wanted)), (Some(one), Some(two)) if same_json(&one, &two))
            }
        };
    if same { Ok(()) } else { Err(format!("the body is {:?}\n    not {:?}", shown(found), shown(wanted))) }
}

/// 1 and 1.0 are the same number.
fn same_json(one: &Json, two: &Json) -> bool {
    match (one, two) {
        (Json::Number(one), Json::Number(two)) => one.as_f64() == two.as_f64(),
        (Json::Array(one), Json::Array(two)) => {
            one.len() == two.len() && one.iter().zip(two).all(|(one, two)| same_json(one, two))
        }
        (Json::Object(one), Json::Object(two)) => {
            one.len() == two.len()
                && one.iter().all(|(key, one)| two.get(key).is_some_and(|two| same_json(one, two)))
        }
        _ => one == two,
    }
}

#[derive(Debug, PartialEq)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

fn xml(bytes: &[u8]) -> Option<Element> {
    let mut reader = quick_xml::Reader::from_str(std::str::from_utf8(bytes).ok()?);
    let mut open = vec![Element::named("")];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => open.push(Element::start(&start)?),
            Event::Empty(start) => open.last_mut()?.children.push(Element::start(&start)?),
            Event::End(_) => {
                let mut ended = open.pop()?;
                ended.text = ended.text.trim().to_owned();
                // Members may come in any order, but items of a list may not.
                ended.children.sort_by(|one, two| one.name.cmp(&two.name));
                open.last_mut()?.children.push(ended);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content().ok()?),
            Event::GeneralRef(reference) => {
                let text = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => format!("&{};", reference.decode().ok()?),
                };
                open.last_mut()?.text.push_str(&text);
            }
            Event::Eof => return open.pop()?.children.pop(),
            _ => {}
        }
    }
}

impl Element {
    fn named(name: &str) -> Element {
        Element {
            name: name.to_owned(),
            attributes: BTreeMap::new(),
            text: String::new(),
            children: Vec::new(),
        }
    }

    fn start(start: &quick_xml::events::BytesStart<'_>) -> Option<Element> {
        let mut element = Element::named(std::str::from_utf8(start.name().as_ref()).ok()?);
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            element.attributes.insert(text(attribute.key.as_ref()), text(&attribute.value));
        }
        Some(element)
    }
}

/// A CBOR value as text in which order and lengths make no difference.
fn cbor(from: &mut Decoder<'_>) -> Option<String> {
    Some(match from.datatype().ok()? {
        Type::Bool => from.bool().ok()?.to_string(),
        Type::Null | Type::Undefined => from.skip().ok().map(|()| "null".to_owned())?,
        Type::F16 => format!("{:?}", f64::from(from.f16().ok()?)),
        Type::F32 => format!("{:?}", f64::from(from.f32().ok()?)),
        Type::F64 => format!("{:?}", from.f64().ok()?),
        Type::Bytes => format!("{:?}", from.bytes().ok()?),
        Type::String => format!("{:?}", from.str().ok()?),
        Type::Tag => {
            let tag = from.tag().ok()?.as_u64();
            // A moment is the same whether it is whole or has a fraction of nothing.
            format!("{tag}({})", cbor(from)?.trim_end_matches(".0"))
        }
        Type::Array | Type::ArrayIndef => {
            let mut left = from.array().ok()?;
            let mut items = Vec::new();
            while another(from, &mut left)? {
                items.push(cbor(from)?);
            }
            format!("{items:?}")
        }
        Type::Map | Type::MapIndef => {
            let mut left = from.map().ok()?;
            let mut entries = BTreeMap::new();
            while another(from, &mut left)? {
                entries.insert(cbor(from)?, cbor(from)?);
            }
            format!("{entries:?}")
        }
        _ => i128::from(from.int().ok()?).to_string(),
    })
}

fn another(from: &mut Decoder<'_>, left: &mut Option<u64>) -> Option<bool> {
    Some(match left {
        Some(0) => false,
        Some(count) => {
            *count -= 1;
            true
        }
        None if from.datatype().ok()? == Type::Break => {
            from.set_position(from.position() + 1);
            false
        }
        None => true,
    })
}
