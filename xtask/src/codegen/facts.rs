//! The facts that `models/<service>.json` keeps of a service, and how they are written: one shape a line.
//!
//! The keys are short and defaults are left out, so that the files stay small and a refresh shows as a small diff.
//! Unknown keys are an error, so that a correction with a typing mistake cannot go unnoticed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    pub service: ServiceFacts,
    pub operations: BTreeMap<String, OperationFacts>,
    pub shapes: BTreeMap<String, ShapeFacts>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub paginators: BTreeMap<String, Value>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub waiters: BTreeMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceFacts {
    pub name: String,
    pub id: String,
    pub signing_name: String,
    pub endpoint_prefix: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub target_prefix: String,
    pub api_version: String,
    /// As the variants of `schema::Protocol`, the one that current clients choose first.
    pub protocols: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub xml_namespace: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub query_compatible: bool,
    /// These six come from our corrections only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub path_parameter: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub host_aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub error_detail: bool,
    /// The variant of `schema::Signing`; `Standard` unless given.
    #[serde(default, skip_serializing_if = "is_default")]
    pub signing: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub signing_aliases: Vec<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub buckets: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct OperationFacts {
    /// `POST` unless given.
    #[serde(skip_serializing_if = "is_default")]
    pub method: Option<String>,
    /// `/` unless given.
    #[serde(skip_serializing_if = "is_default")]
    pub uri: Option<String>,
    /// 200 unless given.
    #[serde(skip_serializing_if = "is_default")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "is_default")]
    pub input: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub output: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub root: Option<Root>,
    #[serde(skip_serializing_if = "is_default")]
    pub wrapper: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub errors: Vec<String>,
    /// `none` or `unsignedBody`; signed unless given.
    #[serde(skip_serializing_if = "is_default")]
    pub auth: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub host_prefix: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub read_only: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub idempotent: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub deprecated: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub checksum: Option<Checksum>,
    /// Encodings that a client may compress its body with.
    #[serde(skip_serializing_if = "is_default")]
    pub compression: Vec<String>,
}

/// The root element of an XML input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    pub name: String,
    #[serde(default, skip_serializing_if = "is_default")]
    pub namespace: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Checksum {
    #[serde(skip_serializing_if = "is_default")]
    pub required: bool,
    /// The member that chooses the algorithm of the request's checksum.
    #[serde(skip_serializing_if = "is_default")]
    pub request_member: Option<String>,
    /// The member that asks for a checksum in the response.
    #[serde(skip_serializing_if = "is_default")]
    pub mode_member: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub response: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Structure,
    Union,
    Events,
    List,
    Map,
    String,
    Integer,
    Long,
    Float,
    Double,
    Boolean,
    Blob,
    Timestamp,
    Document,
}

impl Type {
    /// Whether the type has members.
    pub fn is_structure(self) -> bool {
        matches!(self, Type::Structure | Type::Union | Type::Events)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ShapeFacts {
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(default, skip_serializing_if = "is_default")]
    pub members: IndexMap<String, MemberFacts>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub required: Vec<String>,
    /// The member that fills the body.
    #[serde(default, skip_serializing_if = "is_default")]
    pub payload: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub error: Option<ErrorFacts>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub element: Option<MemberFacts>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub key: Option<MemberFacts>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub value: Option<MemberFacts>,
    /// A structure of which at most one member is there in what is right: it becomes an enum that can hold what is
    /// wrong as well. Comes from our corrections only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub exclusive: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub flat: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub streaming: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub sensitive: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub min: Option<Number>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub max: Option<Number>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub pattern: Option<String>,
    #[serde(default, skip_serializing_if = "is_default", rename = "enum")]
    pub values: Vec<String>,
}

impl ShapeFacts {
    pub fn new(kind: Type) -> ShapeFacts {
        ShapeFacts {
            kind,
            members: IndexMap::new(),
            required: Vec::new(),
            payload: None,
            error: None,
            element: None,
            key: None,
            value: None,
            exclusive: false,
            flat: false,
            streaming: false,
            sensitive: false,
            format: None,
            min: None,
            max: None,
            pattern: None,
            values: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorFacts {
    /// The shape's name unless given.
    #[serde(skip_serializing_if = "is_default")]
    pub code: Option<String>,
    /// 400, or 500 where the service is at fault, unless given.
    #[serde(skip_serializing_if = "is_default")]
    pub status: Option<u16>,
    /// The service is at fault, not the caller.
    #[serde(skip_serializing_if = "is_default")]
    pub fault: bool,
}

/// A member, an element, a key or a value. Written as the bare name of its shape where there is nothing else to say.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct MemberFacts {
    pub shape: String,
    #[serde(skip_serializing_if = "is_default")]
    pub wire: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub query: Option<String>,
    /// `header`, `headers`, `query`, `queries`, `label` or `status`; the body unless given.
    #[serde(skip_serializing_if = "is_default", rename = "in")]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub flat: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub streaming: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub attribute: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub namespace_prefix: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub format: Option<String>,
    /// An idempotency token.
    #[serde(skip_serializing_if = "is_default")]
    pub token: bool,
    /// A string that holds JSON.
    #[serde(skip_serializing_if = "is_default")]
    pub json: bool,
    /// `header` or `payload`, in an event.
    #[serde(skip_serializing_if = "is_default")]
    pub event: Option<String>,
}

impl Facts {
    /// One operation, one shape, one paginator a line.
    pub fn to_text(&self) -> Result<String> {
        let mut text = String::from("{\n\"service\":");
        text.push_str(&serde_json::to_string(&self.service)?);
        write_section(&mut text, "operations", &self.operations)?;
        write_section(&mut text, "shapes", &self.shapes)?;
        write_section(&mut text, "paginators", &self.paginators)?;
        write_section(&mut text, "waiters", &self.waiters)?;
        text.push_str("\n}\n");
        Ok(text)
    }

    /// Reads a model file's value, with corrections already merged in.
    pub fn from_value(mut value: Value) -> Result<Facts> {
        for shape in value["shapes"].as_object_mut().into_iter().flat_map(|shapes| shapes.values_mut()) {
            each_member(shape, &mut expand);
        }
        Ok(serde_json::from_value(value)?)
    }

    pub fn shape(&self, name: &str) -> Result<&ShapeFacts> {
        self.shapes.get(name).with_context(|| format!("{} has no shape {name}", self.service.name))
    }
}

fn write_section<T: Serialize>(text: &mut String, name: &str, entries: &BTreeMap<String, T>) -> Result<()> {
    if entries.is_empty() && matches!(name, "paginators" | "waiters") {
        return Ok(());
    }
    write!(text, ",\n\"{name}\":{{")?;
    for (index, (key, entry)) in entries.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let mut value = serde_json::to_value(entry)?;
        each_member(&mut value, &mut shorten);
        write!(text, "{comma}\n{}:{value}", Value::from(key.as_str()))?;
    }
    text.push_str("\n}");
    Ok(())
}

/// Calls `change` for everything in a shape that is a member.
fn each_member(shape: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    let Some(shape) = shape.as_object_mut().filter(|shape| shape.contains_key("type")) else { return };
    for (key, value) in shape {
        match key.as_str() {
            "members" => {
                value.as_object_mut().into_iter().flat_map(|all| all.values_mut()).for_each(&mut *change)
            }
            "element" | "key" | "value" => change(value),
            _ => {}
        }
    }
}

fn shorten(member: &mut Value) {
    let only_shape = member.as_object().is_some_and(|facts| facts.len() == 1);
    if only_shape {
        *member = member["shape"].take();
    }
}

/// Makes `"String"` into `{"shape": "String"}`.
pub fn expand(member: &mut Value) {
    if member.is_string() {
        *member = serde_json::json!({ "shape": member.take() });
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_back_as_they_were_written() {
        let text = concat!(
            "{\n\"service\":{\"name\":\"x\",\"id\":\"X\",\"signingName\":\"x\",\"endpointPrefix\":\"x\",",
            "\"apiVersion\":\"1\",\"protocols\":[\"AwsQuery\"]},\n",
            "\"operations\":{\n\"Go\":{\"input\":\"GoRequest\"}\n},\n",
            "\"shapes\":{\n",
            "\"GoRequest\":{\"type\":\"structure\",\"members\":{\"B\":\"S\",",
            "\"A\":{\"shape\":\"S\",\"wire\":\"a\",\"in\":\"header\"}},\"required\":[\"A\"]},\n",
            "\"S\":{\"type\":\"string\",\"min\":1}\n}\n}\n",
        );
        let read = |text: &str| Facts::from_value(serde_json::from_str(text).unwrap());
        assert_eq!(read(text).unwrap().to_text().unwrap(), text);
        assert!(read(&text.replace("\"wire\"", "\"wir\"")).is_err());
    }
}
