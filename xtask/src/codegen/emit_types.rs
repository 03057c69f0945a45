//! Writes `types.rs`: plain structs and enums, with the two short functions that read and write their members.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Write as _;

use anyhow::Result;

use super::facts::{MemberFacts, ShapeFacts, Type as Kind};
use super::names::{field_name, type_name, unique, variant_name};
use super::plan::{Plan, Structure};

/// The code of one Rust type.
pub struct Type {
    pub name: String,
    pub code: String,
    /// The names it needs to import.
    uses: BTreeSet<&'static str>,
}

/// What every structure needs, and what every enumeration needs.
const STRUCTURE_USES: [&str; 6] = ["Malformed", "Member", "Reader", "Shape", "Structure", "WriteValue"];
const ENUM_USES: [&str; 6] = ["Malformed", "Member", "ReadValue", "Reader", "WriteValue", "Writer"];

/// What values are made of, besides the prelude.
const VALUE_USES: [&str; 6] = ["BTreeMap", "ByteStream", "Bytes", "Document", "Events", "Timestamp"];

/// The types of a plan, by name.
pub fn emit(plan: &Plan<'_>) -> Result<Vec<Type>> {
    let mut types = Vec::new();
    for (name, structure) in &plan.structures {
        let mut code = String::new();
        let shape = structure.model.map(|model| plan.shape(model));
        let fields = shape.map(|shape| fields(plan, structure, shape)).unwrap_or_default();
        match shape {
            Some(shape) if shape.kind != Kind::Structure || shape.exclusive => {
                union(&mut code, plan, name, structure, shape, &fields)?;
            }
            _ => self::structure(&mut code, name, structure, shape, &fields)?,
        }
        let mut uses = BTreeSet::from(STRUCTURE_USES);
        for field in &fields {
            let words = field.kind.split(|c: char| !c.is_ascii_alphanumeric());
            uses.extend(words.filter_map(|word| VALUE_USES.into_iter().find(|name| *name == word)));
            uses.insert("ReadValue");
        }
        types.push(Type { name: name.clone(), code, uses });
    }
    for (name, model) in &plan.enums {
        let mut code = String::new();
        enumeration(&mut code, name, &plan.shape(model).values)?;
        types.push(Type { name: name.clone(), code, uses: BTreeSet::from(ENUM_USES) });
    }
    types.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(types)
}

/// The imports that a file with these types needs.
pub fn imports<'a>(types: impl IntoIterator<Item = &'a Type>) -> String {
    let mut uses: BTreeSet<&str> = types.into_iter().flat_map(|each| each.uses.iter().copied()).collect();
    let mut out = String::new();
    for (name, path) in [
        ("Timestamp", "base::Timestamp"),
        ("Bytes", "bytes::Bytes"),
        ("BTreeMap", "std::collections::BTreeMap"),
    ] {
        if uses.remove(name) {
            out.push_str(&format!("use {path};\n"));
        }
    }
    let schema: Vec<&str> = uses.into_iter().collect();
    out.push_str(&format!("use schema::{{{}}};\n", schema.join(", ")));
    out
}

struct Field<'a> {
    name: String,
    wire: &'a str,
    facts: &'a MemberFacts,
    kind: String,
    required: bool,
    secret: bool,
}

fn fields<'a>(plan: &Plan<'_>, structure: &Structure<'_>, shape: &'a ShapeFacts) -> Vec<Field<'a>> {
    let mut taken = HashSet::new();
    let mut all = Vec::new();
    for (wire, facts) in &shape.members {
        let recurses = plan.recurses(structure.model, facts);
        let streams =
            shape.payload.as_ref() == Some(wire) && (facts.streaming || plan.shape(&facts.shape).streaming);
        let plain = if streams { "ByteStream".to_owned() } else { value_type(plan, &facts.shape) };
        let boxed = if recurses { format!("Box<{plain}>") } else { plain };
        // A required member that leads back to its owner could never be made up by default.
        let required = shape.required.contains(wire) && !recurses;
        let kind = if required { boxed } else { format!("Option<{boxed}>") };
        let name = unique(field_name(wire), &mut taken);
        all.push(Field { name, wire, facts, kind, required, secret: plan.is_secret(&facts.shape) });
    }
    all
}

fn value_type(plan: &Plan<'_>, name: &str) -> String {
    let shape = plan.shape(name);
    let part = |part: &Option<MemberFacts>| {
        let part = part.as_ref().unwrap_or_else(|| panic!("{name} lacks a part"));
        value_type(plan, &part.shape)
    };
    match shape.kind {
        Kind::Structure | Kind::Union => plan.type_of(name).to_owned(),
        Kind::Events => format!("Events<{}>", plan.type_of(name)),
        Kind::List => format!("Vec<{}>", part(&shape.element)),
        Kind::Map => format!("BTreeMap<String, {}>", part(&shape.value)),
        Kind::String if plan.is_enum(name) => plan.type_of(name).to_owned(),
        Kind::String => "String".to_owned(),
        Kind::Integer => "i32".to_owned(),
        Kind::Long => "i64".to_owned(),
        Kind::Float => "f32".to_owned(),
        Kind::Double => "f64".to_owned(),
        Kind::Boolean => "bool".to_owned(),
        Kind::Blob => "Bytes".to_owned(),
        Kind::Timestamp => "Timestamp".to_owned(),
        Kind::Document => "Document".to_owned(),
    }
}

fn structure(
    out: &mut String,
    name: &str,
    structure: &Structure<'_>,
    shape: Option<&ShapeFacts>,
    fields: &[Field<'_>],
) -> Result<()> {
    let secret = shape.is_some_and(|shape| shape.sensitive) || fields.iter().any(|field| field.secret);
    let debug = if secret { "" } else { "Debug, " };
    writeln!(out, "#[derive(Clone, {debug}Default, PartialEq)]\npub struct {name} {{")?;
    for field in fields {
        writeln!(out, "pub {}: {},", field.name, field.kind)?;
    }
    writeln!(out, "}}\n")?;
    if secret {
        let all = shape.is_some_and(|shape| shape.sensitive);
        debug_structure(out, name, fields, all)?;
    }
    let members = format!("crate::shapes::{}_MEMBERS", structure.static_name);
    let mut visit = String::new();
    let mut set = String::new();
    for (index, field) in fields.iter().enumerate() {
        let at = &field.name;
        if field.required {
            writeln!(visit, "visitor(&{members}[{index}], &self.{at});")?;
        } else {
            writeln!(visit, "if let Some(value) = &self.{at} {{ visitor(&{members}[{index}], value); }}")?;
        }
        writeln!(set, "{index} => self.{at} = ReadValue::read(from, &{members}[{index}])?,")?;
    }
    let set = if set.is_empty() {
        format!("unreachable!(\"{name} has no member {{index}}\")")
    } else {
        format!("match index {{\n{set}_ => unreachable!(\"{name} has no member {{index}}\"),\n}}\nOk(())")
    };
    implementation(out, name, &structure.static_name, &visit, &set)
}

fn union(
    out: &mut String,
    plan: &Plan<'_>,
    name: &str,
    structure: &Structure<'_>,
    shape: &ShapeFacts,
    fields: &[Field<'_>],
) -> Result<()> {
    let mut taken = HashSet::from(["Unset".to_owned(), "Self".to_owned()]);
    if shape.exclusive {
        taken.insert("Several".to_owned());
    }
    let variants: Vec<String> =
        fields.iter().map(|field| unique(type_name(field.wire), &mut taken)).collect();
    let secret = shape.sensitive || fields.iter().any(|field| field.secret);
    let debug = if secret { "" } else { "Debug, " };
    writeln!(out, "#[derive(Clone, {debug}Default, PartialEq)]\npub enum {name} {{\n#[default]\nUnset,")?;
    for (field, variant) in fields.iter().zip(&variants) {
        let plain = value_type(plan, &field.facts.shape);
        let boxed = if plan.recurses(structure.model, field.facts) { format!("Box<{plain}>") } else { plain };
        writeln!(out, "{variant}({boxed}),")?;
    }
    if shape.exclusive {
        writeln!(out, "/// More than one member, in the order in which they came.\nSeveral(Vec<{name}>),")?;
    }
    writeln!(out, "}}\n")?;
    if secret {
        writeln!(out, "/// Secrets are not shown.\nimpl std::fmt::Debug for {name} {{")?;
        writeln!(out, "fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
        writeln!(out, "f.write_str(\"{name}(***)\")\n}}\n}}\n")?;
    }
    let members = format!("crate::shapes::{}_MEMBERS", structure.static_name);
    let mut visit = format!("match self {{\n{name}::Unset => {{}}\n");
    let mut set = String::new();
    for (index, variant) in variants.iter().enumerate() {
        writeln!(visit, "{name}::{variant}(value) => visitor(&{members}[{index}], value),")?;
        let into = if shape.exclusive { "" } else { "*self = " };
        writeln!(set, "{index} => {into}{name}::{variant}(ReadValue::read(from, &{members}[{index}])?),")?;
    }
    if shape.exclusive {
        writeln!(
            visit,
            "{name}::Several(members) => members.iter().for_each(|member| member.visit(visitor)),"
        )?;
    }
    visit.push_str("}\n");
    let set = format!("match index {{\n{set}_ => unreachable!(\"{name} has no member {{index}}\"),\n}}");
    let set = if shape.exclusive { one_more(name, &set) } else { format!("{set}\nOk(())") };
    implementation(out, name, &structure.static_name, &visit, &set)
}

/// Adds a member to an exclusive structure, which then may have several.
fn one_more(name: &str, member: &str) -> String {
    format!(
        "let member = {member};
        *self = match std::mem::take(self) {{
            {name}::Unset => member,
            {name}::Several(mut members) => {{
                members.push(member);
                {name}::Several(members)
            }}
            first => {name}::Several(vec![first, member]),
        }};
        Ok(())"
    )
}

fn implementation(out: &mut String, name: &str, static_name: &str, visit: &str, set: &str) -> Result<()> {
    let used = if visit.is_empty() { "_" } else { "visitor" };
    let from = if visit.is_empty() { "_" } else { "from" };
    writeln!(
        out,
        "impl Structure for {name} {{
            fn shape(&self) -> &'static Shape {{
                &crate::shapes::{static_name}
            }}

            fn visit<'a>(&'a self, {used}: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {{
                {visit}
            }}

            fn set(&mut self, index: usize, {from}: &mut dyn Reader) -> Result<(), Malformed> {{
                {set}
            }}

            fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send + Sync> {{
                self
            }}

            fn as_any(&self) -> &dyn std::any::Any {{
                self
            }}
        }}\n"
    )?;
    Ok(())
}

fn debug_structure(out: &mut String, name: &str, fields: &[Field<'_>], all: bool) -> Result<()> {
    writeln!(out, "/// Secrets are not shown.\nimpl std::fmt::Debug for {name} {{")?;
    writeln!(out, "fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{")?;
    if all {
        writeln!(out, "f.write_str(\"{name}(***)\")\n}}\n}}\n")?;
        return Ok(());
    }
    writeln!(out, "f.debug_struct({name:?})")?;
    for field in fields {
        let shown = field.name.trim_start_matches("r#");
        if field.secret {
            writeln!(out, ".field({shown:?}, &\"***\")")?;
        } else {
            writeln!(out, ".field({shown:?}, &self.{})", field.name)?;
        }
    }
    writeln!(out, ".finish()\n}}\n}}\n")?;
    Ok(())
}

fn enumeration(out: &mut String, name: &str, values: &[String]) -> Result<()> {
    let mut taken = HashSet::from(["Unknown".to_owned()]);
    let mut seen = HashSet::new();
    let values: Vec<&String> = values.iter().filter(|value| seen.insert(*value)).collect();
    let variants: Vec<String> = values.iter().map(|value| unique(variant_name(value), &mut taken)).collect();
    writeln!(out, "#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\npub enum {name} {{")?;
    for variant in &variants {
        writeln!(out, "{variant},")?;
    }
    writeln!(out, "/// A value that the model does not have.\nUnknown(Box<str>),\n}}\n")?;
    let (mut to, mut from) = (String::new(), String::new());
    for (value, variant) in values.iter().zip(&variants) {
        writeln!(to, "{name}::{variant} => {value:?},")?;
        writeln!(from, "{value:?} => {name}::{variant},")?;
    }
    writeln!(
        out,
        "impl {name} {{
            pub fn as_str(&self) -> &str {{
                match self {{ {to} {name}::Unknown(value) => value, }}
            }}
        }}

        impl From<&str> for {name} {{
            fn from(value: &str) -> {name} {{
                match value {{ {from} _ => {name}::Unknown(value.into()), }}
            }}
        }}

        impl Default for {name} {{
            fn default() -> {name} {{
                {name}::Unknown(Box::default())
            }}
        }}

        impl std::fmt::Display for {name} {{
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {{
                f.write_str(self.as_str())
            }}
        }}

        impl ReadValue for {name} {{
            fn read(from: &mut dyn Reader, at: &'static Member) -> Result<{name}, Malformed> {{
                String::read(from, at).map(|value| {name}::from(value.as_str()))
            }}
        }}

        impl WriteValue for {name} {{
            fn write(&self, to: &mut dyn Writer, at: &'static Member) {{
                to.string(at, self.as_str());
            }}
        }}\n"
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::super::facts::Facts;
    use super::*;

    fn types(shapes: serde_json::Value) -> BTreeMap<String, Type> {
        let service = json!({
            "name": "x", "id": "X", "signingName": "x", "endpointPrefix": "x", "apiVersion": "1",
            "protocols": ["AwsJson1_0"],
        });
        let operations = json!({"Go": {"input": "GoRequest"}});
        let value = json!({"service": service, "operations": operations, "shapes": shapes});
        let facts = Facts::from_value(value).unwrap();
        let types = emit(&Plan::new(&facts, None).unwrap()).unwrap();
        types.into_iter().map(|each| (each.name.clone(), each)).collect()
    }

    #[test]
    fn members_become_fields_and_required_ones_are_no_options() {
        let types = types(json!({
            "GoRequest": {"type": "structure", "required": ["Url"], "members": {
                "Url": "S", "Type": "Kind", "Tags": "Tags", "Body": "Bytes",
            }},
            "S": {"type": "string"},
            "Bytes": {"type": "blob"},
            "Kind": {"type": "string", "enum": ["A_B", "Unknown"]},
            "Tags": {"type": "map", "key": "S", "value": "List"},
            "List": {"type": "list", "element": "S"},
        }));
        assert_eq!(types.keys().collect::<Vec<_>>(), ["GoInput", "GoOutput", "Kind"]);
        for field in [
            "pub url: String,",
            "pub r#type: Option<Kind>,",
            "pub tags: Option<BTreeMap<String, Vec<String>>>,",
            "pub body: Option<Bytes>,",
        ] {
            assert!(types["GoInput"].code.contains(field), "{field}");
        }
        assert!(types["Kind"].code.contains("AB,\nUnknownValue,\n"));
        assert!(types["GoOutput"].code.contains("pub struct GoOutput {\n}"));
    }

    #[test]
    fn what_holds_itself_is_boxed_and_never_required() {
        let types = types(json!({
            "GoRequest": {"type": "structure", "members": {"A": "A"}},
            "A": {"type": "structure", "required": ["B", "Many"], "members": {"B": "B", "Many": "As"}},
            "B": {"type": "union", "members": {"A": "A", "Other": "A"}},
            "As": {"type": "list", "element": "A"},
        }));
        assert!(types["GoInput"].code.contains("pub a: Option<A>,"));
        assert!(types["A"].code.contains("pub b: Option<Box<B>>,\npub many: Vec<A>,"));
        assert!(types["B"].code.contains("#[default]\nUnset,\nA(Box<A>),\nOther(Box<A>),"));
    }

    #[test]
    fn members_that_exclude_each_other_become_an_enum_that_holds_several_too() {
        let types = types(json!({
            "GoRequest": {"type": "structure", "members": {"A": "A"}},
            "A": {"type": "structure", "exclusive": true, "members": {"S": "S", "L": "As"}},
            "As": {"type": "list", "element": "A"},
            "S": {"type": "string"},
        }));
        assert!(types["A"].code.contains("Unset,\nS(String),\nL(Vec<A>),\n"));
        assert!(types["A"].code.contains("Several(Vec<A>),\n}"));
        assert!(types["A"].code.contains("first => A::Several(vec![first, member]),"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let types = types(json!({
            "GoRequest": {"type": "structure", "members": {"Key": "Secrets", "Id": "S"}},
            "Secrets": {"type": "list", "element": "Secret"},
            "Secret": {"type": "string", "sensitive": true},
            "S": {"type": "string"},
        }));
        assert!(types["GoInput"].code.contains("#[derive(Clone, Default, PartialEq)]"));
        assert!(types["GoInput"].code.contains(".field(\"key\", &\"***\")\n.field(\"id\", &self.id)"));
    }

    #[test]
    fn the_body_that_streams_is_a_stream() {
        let types = types(json!({
            "GoRequest": {"type": "structure", "payload": "Body", "members": {"Body": "Body"}},
            "Body": {"type": "blob", "streaming": true},
        }));
        assert!(types["GoInput"].code.contains("pub body: Option<ByteStream>,"));
        assert!(imports([&types["GoInput"]]).contains("ByteStream, Malformed"));
    }
}
