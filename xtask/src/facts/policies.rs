//! The managed policies: one file each, in the folder of its path.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use super::source::Sources;
use super::text;

/// The elements of a statement in the order in which AWS's documents have them; others follow.
const STATEMENT_ORDER: [&str; 9] = [
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

pub struct Policy {
    name: String,
    /// `/`, or `/service-role/`.
    path: String,
    /// Not known of policies that are newer than the source of ids.
    id: Option<String>,
    version: String,
    created: String,
    updated: String,
    document: Map<String, Value>,
}

pub fn import(sources: &Sources) -> Result<Vec<Policy>> {
    let ids = read(&sources.moto_with_ids)?;
    let mut policies = Vec::new();
    for (name, policy) in &read(&sources.moto)? {
        let field = |key: &str| {
            let value = policy[key].as_str().map(str::to_owned);
            value.with_context(|| format!("{name} has no {key}"))
        };
        policies.push(Policy {
            path: field("Path")?,
            id: ids.get(name).and_then(|known| known["PolicyId"].as_str()).map(str::to_owned),
            version: field("DefaultVersionId")?,
            created: utc(&field("CreateDate")?)?,
            updated: utc(&field("UpdateDate")?)?,
            document: policy["Document"].as_object().context("a document")?.clone(),
            name: name.clone(),
        });
    }
    Ok(policies)
}

/// The data is a file of Python that is one string of JSON; there is nothing else to read in it.
fn read(path: &std::path::Path) -> Result<Map<String, Value>> {
    let python = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut parts = python.split("\"\"\"");
    let json = parts.nth(1).with_context(|| format!("{} has no string", path.display()))?;
    ensure!(!json.contains('\\'), "{} has escapes, which nobody here undoes", path.display());
    serde_json::from_str(json).with_context(|| format!("{} holds no JSON", path.display()))
}

/// A time as AWS writes it.
fn utc(time: &str) -> Result<String> {
    let time = time.strip_suffix("+00:00").with_context(|| format!("{time} is not in UTC"))?;
    Ok(format!("{time}Z"))
}

impl Policy {
    /// Behind `policy/` in its ARN.
    pub fn resource(&self) -> String {
        format!("{}{}", self.path.trim_start_matches('/'), self.name)
    }

    /// One statement a line.
    pub fn to_text(&self) -> String {
        let mut written = String::from("{\n");
        let fields = [("version", &self.version), ("created", &self.created), ("updated", &self.updated)];
        let id = self.id.iter().map(|id| ("id", id));
        for (key, value) in id.chain(fields) {
            written.push_str(&format!("\"{key}\":{},\n", text::quoted(value)));
        }
        written.push_str("\"document\":{");
        for key in ["Version", "Id"] {
            if let Some(value) = self.document.get(key) {
                written.push_str(&format!("\"{key}\":{value},"));
            }
        }
        let statement = self.document.get("Statement").unwrap_or(&Value::Null);
        let written_statements = match statement {
            Value::Array(statements) => {
                let lines: Vec<String> = statements.iter().map(|each| ordered(each).to_string()).collect();
                format!("[\n{}\n]", lines.join(",\n"))
            }
            single => ordered(single).to_string(),
        };
        written.push_str(&format!("\"Statement\":{written_statements}}}\n}}\n"));
        written
    }
}

/// A statement with its elements in AWS's order.
fn ordered(statement: &Value) -> Value {
    let Value::Object(statement) = statement else { return statement.clone() };
    let mut sorted = Map::new();
    for key in STATEMENT_ORDER {
        if let Some(value) = statement.get(key) {
            sorted.insert(key.to_owned(), value.clone());
        }
    }
    for (key, value) in statement {
        sorted.entry(key.clone()).or_insert_with(|| value.clone());
    }
    Value::Object(sorted)
}
