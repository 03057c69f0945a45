//! Writes `shapes.rs`: the static description of every shape, and of the members of every structure.

use std::fmt::Write as _;

use anyhow::Result;

use super::facts::{MemberFacts, ShapeFacts, Type};
use super::plan::{Plan, Structure};

pub fn emit(plan: &Plan<'_>, header: &str) -> Result<String> {
    let mut out = format!("{header}//! The shapes, as statics that may point at each other.\n\n");
    let mut body = String::new();
    for &name in &plan.simple {
        simple(&mut body, plan, name)?;
    }
    for structure in plan.structures.values() {
        self::structure(&mut body, plan, structure)?;
    }
    let used = ["Kind", "Limits", "Member", "Pattern", "Place", "Shape", "TimestampFormat"];
    let used: Vec<&str> =
        used.into_iter().filter(|name| body.contains(&format!("{name}::")) || *name == "Shape").collect();
    let member = if body.contains("Member") && !used.contains(&"Member") { ", Member" } else { "" };
    writeln!(out, "use schema::{{{}{member}}};\n", used.join(", "))?;
    out.push_str(&body);
    Ok(out)
}

fn simple(out: &mut String, plan: &Plan<'_>, name: &str) -> Result<()> {
    let shape = plan.shape(name);
    let kind = match shape.kind {
        Type::List => {
            let element = part(plan, "member", shape.element.as_ref());
            format!("Kind::List {{ element: &{element}, flattened: {}, sparse: false }}", shape.flat)
        }
        Type::Map => {
            let key = part(plan, "key", shape.key.as_ref());
            let value = part(plan, "value", shape.value.as_ref());
            format!("Kind::Map {{ key: &{key}, value: &{value}, flattened: {}, sparse: false }}", shape.flat)
        }
        Type::String if shape.values.is_empty() => "Kind::String".to_owned(),
        Type::String => format!("Kind::Enum(&{:?})", shape.values),
        Type::Integer => "Kind::Integer".to_owned(),
        Type::Long => "Kind::Long".to_owned(),
        Type::Float => "Kind::Float".to_owned(),
        Type::Double => "Kind::Double".to_owned(),
        Type::Boolean => "Kind::Boolean".to_owned(),
        Type::Blob => "Kind::Blob".to_owned(),
        Type::Document => "Kind::Document".to_owned(),
        Type::Timestamp => match &shape.format {
            Some(format) => format!("Kind::Timestamp(Some(TimestampFormat::{format}))"),
            None => "Kind::Timestamp(None)".to_owned(),
        },
        Type::Structure | Type::Union | Type::Events => unreachable!("{name} has members"),
    };
    let static_name = plan.static_of(name);
    let limits = limits(out, shape, static_name)?;
    static_shape(out, static_name, name, &kind, &limits, shape.sensitive)
}

fn structure(out: &mut String, plan: &Plan<'_>, structure: &Structure<'_>) -> Result<()> {
    let static_name = &structure.static_name;
    let shape = structure.model.map(|name| plan.shape(name));
    let count = shape.map_or(0, |shape| shape.members.len());
    if count > 0 {
        writeln!(out, "pub static {static_name}_MEMBERS: [Member; {count}] = [")?;
        for (name, member) in shape.into_iter().flat_map(|shape| &shape.members) {
            let required = shape.is_some_and(|shape| shape.required.contains(name));
            let payload = shape.is_some_and(|shape| shape.payload.as_ref() == Some(name));
            writeln!(out, "{},", self::member(plan, name, member, required, payload))?;
        }
        writeln!(out, "];\n")?;
    }
    let kind = match shape.map(|shape| shape.kind) {
        Some(Type::Union) => "Union",
        Some(Type::Events) => "Events",
        _ => "Structure",
    };
    let members = if count > 0 { format!("&{static_name}_MEMBERS") } else { "&[]".to_owned() };
    let kind = format!("Kind::{kind} {{ members: {members} }}");
    let sensitive = shape.is_some_and(|shape| shape.sensitive);
    let name = structure.model.unwrap_or("Unit");
    static_shape(out, static_name, name, &kind, "Limits::NONE", sensitive)
}

fn static_shape(
    out: &mut String,
    static_name: &str,
    name: &str,
    kind: &str,
    limits: &str,
    sensitive: bool,
) -> Result<()> {
    if limits == "Limits::NONE" && !sensitive && !kind.contains('&') {
        writeln!(out, "pub static {static_name}: Shape = Shape::new({name:?}, {kind});\n")?;
        return Ok(());
    }
    writeln!(
        out,
        "pub static {static_name}: Shape = Shape {{ name: {name:?}, kind: {kind}, limits: {limits}, \
         sensitive: {sensitive} }};\n"
    )?;
    Ok(())
}

/// The limits as an expression; a pattern becomes a static of its own.
fn limits(out: &mut String, shape: &ShapeFacts, static_name: &str) -> Result<String> {
    if shape.min.is_none() && shape.max.is_none() && shape.pattern.is_none() {
        return Ok("Limits::NONE".to_owned());
    }
    let bound =
        |number: &Option<serde_json::Number>| match number.as_ref().and_then(serde_json::Number::as_f64) {
            Some(number) => format!("Some({number:?})"),
            None => "None".to_owned(),
        };
    let pattern = match &shape.pattern {
        None => "None".to_owned(),
        Some(pattern) => {
            let source = raw_string(pattern);
            writeln!(out, "static {static_name}_PATTERN: Pattern = Pattern::new({source});\n")?;
            format!("Some(&{static_name}_PATTERN)")
        }
    };
    Ok(format!("Limits {{ min: {}, max: {}, pattern: {pattern} }}", bound(&shape.min), bound(&shape.max)))
}

/// A literal for a regular expression; raw where that spares escapes.
fn raw_string(text: &str) -> String {
    let plain = text.chars().all(|c| (' '..='~').contains(&c));
    if !plain || !text.contains(['\\', '"']) {
        return format!("{text:?}");
    }
    let mut hashes = String::new();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
}

fn part(plan: &Plan<'_>, name: &str, part: Option<&MemberFacts>) -> String {
    let part = part.unwrap_or_else(|| panic!("the import gives every list and map its {name}"));
    member(plan, name, part, false, false)
}

fn member(plan: &Plan<'_>, name: &str, member: &MemberFacts, required: bool, payload: bool) -> String {
    let mut fields: Vec<String> = Vec::new();
    if let Some(wire) = member.wire.as_ref().filter(|wire| *wire != name) {
        fields.push(format!("wire_name: {wire:?}"));
    }
    if let Some(query) = &member.query {
        fields.push(format!("query_name: Some({query:?})"));
    }
    if let Some(place) = &member.place {
        fields.push(format!("place: Place::{}", place_variant(place)));
    }
    let shape_streams = payload && plan.shape(&member.shape).streaming;
    let namespace = member.namespace.as_ref().map(|uri| match &member.namespace_prefix {
        Some(prefix) => format!("xml_namespace: Some(({uri:?}, Some({prefix:?})))"),
        None => format!("xml_namespace: Some(({uri:?}, None))"),
    });
    fields.extend(namespace);
    fields.extend(
        member.format.as_ref().map(|format| format!("timestamp_format: Some(TimestampFormat::{format})")),
    );
    for (flag, field) in [
        (required, "required"),
        (payload, "payload"),
        ((member.streaming || shape_streams) && payload, "streaming"),
        (member.flat, "flattened"),
        (member.attribute, "xml_attribute"),
        (member.token, "idempotency_token"),
        (member.json, "json_value"),
        (member.event.as_deref() == Some("header"), "event_header"),
        (member.event.as_deref() == Some("payload"), "event_payload"),
    ] {
        if flag {
            fields.push(format!("{field}: true"));
        }
    }
    let new = format!("Member::new({name:?}, &{})", plan.static_of(&member.shape));
    if fields.is_empty() { new } else { format!("Member {{ {}, ..{new} }}", fields.join(", ")) }
}

fn place_variant(place: &str) -> &'static str {
    match place {
        "header" => "Header",
        "headers" => "HeaderPrefix",
        "query" => "Query",
        "queries" => "QueryMap",
        "label" => "Label",
        "status" => "Status",
        other => panic!("{other} is no place"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_raw_only_where_that_helps() {
        assert_eq!(raw_string("[a-z]+"), "\"[a-z]+\"");
        assert_eq!(raw_string(r"\d"), r#"r"\d""#);
        assert_eq!(raw_string(r#"\"#), r#"r"\""#);
        assert_eq!(raw_string("\\\"#"), "r##\"\\\"#\"##");
        assert_eq!(raw_string("\u{9}\\"), "\"\\t\\\\\"");
    }
}
