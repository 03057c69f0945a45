//! A second evaluator, deliberately slow and plain, written from the documentation over JSON values. The property
//! tests hold the real one against it.

use std::collections::BTreeMap;

use base::{AccountId, Timestamp};
use fogbank_identity::policy::{Caller, CallerKind};
use serde_json::Value;

/// The keys of a request: lower-case name to values. `true` marks a key that can have several.
pub type Context = BTreeMap<String, (bool, Vec<String>)>;

pub struct Question<'a> {
    pub caller: Caller<'a>,
    pub action: &'a str,
    pub resource: &'a str,
    pub owner: AccountId,
    pub context: &'a Context,
}

/// The layers as JSON documents.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    pub identity: Vec<Value>,
    pub boundary: Option<Value>,
    pub session: Option<Vec<Value>>,
    pub resource: Option<Value>,
    pub required: bool,
    pub service_control: Vec<Vec<Value>>,
    pub resource_control: Vec<Vec<Value>>,
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Allowed,
    ExplicitDeny,
    ImplicitDeny,
}

pub fn decide(question: &Question<'_>, documents: &Documents) -> Answer {
    let is_outside = matches!(
        question.caller.kind,
        CallerKind::WebIdentity | CallerKind::Saml | CallerKind::Service | CallerKind::Anonymous
    );
    let mut documents = documents.clone();
    if is_outside {
        documents.identity.clear();
        documents.boundary = None;
        documents.session = None;
        documents.service_control.clear();
    }
    let bounded = documents.boundary.is_some();
    let everything: Vec<&Value> = documents
        .identity
        .iter()
        .chain(&documents.boundary)
        .chain(documents.session.iter().flatten())
        .chain(&documents.resource)
        .chain(documents.service_control.iter().flatten())
        .chain(documents.resource_control.iter().flatten())
        .collect();
    if everything.iter().any(|document| !holds(question, document, "Deny", bounded).is_empty()) {
        return Answer::ExplicitDeny;
    }
    let allows = |document: &Value| !holds(question, document, "Allow", bounded).is_empty();
    let any = |documents: &[Value]| documents.iter().any(allows);
    let organization = documents.resource_control.iter().all(|level| any(level))
        && documents.service_control.iter().all(|level| any(level));
    let granted: Vec<&str> =
        documents.resource.iter().flat_map(|document| holds(question, document, "Allow", bounded)).collect();
    let is_root = question.caller.kind == CallerKind::Root
        || (question.caller.kind == CallerKind::FederatedUser
            && question.caller.role_arn.is_some_and(|arn| arn.ends_with(":root")));
    let identity = is_root || any(&documents.identity);
    let limits = documents.boundary.iter().all(allows)
        && documents.session.as_ref().is_none_or(|session| any(session));
    let is_allowed = organization
        && if is_outside {
            granted.contains(&"itself")
        } else if question.owner != question.caller.account {
            !granted.is_empty() && identity && limits
        } else if granted.contains(&"itself") {
            true
        } else if granted.contains(&"source") {
            limits
        } else {
            (!documents.required || !granted.is_empty()) && identity && limits
        };
    if is_allowed { Answer::Allowed } else { Answer::ImplicitDeny }
}

/// How the statements with this effect that apply name the caller.
fn holds(question: &Question<'_>, document: &Value, effect: &str, bounded: bool) -> Vec<&'static str> {
    let variables = document["Version"] == "2012-10-17";
    let mut found = Vec::new();
    for statement in list(&document["Statement"]) {
        if statement["Effect"] == effect
            && has_action(question, statement)
            && has_resource(question, statement, variables)
            && has_conditions(question, statement, variables)
        {
            found.extend(how_named(question, statement, bounded));
        }
    }
    found
}

fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
}

fn has_action(question: &Question<'_>, statement: &Value) -> bool {
    let is = |pattern: &String| {
        glob(&plain(&pattern.to_lowercase()), &question.action.to_lowercase(), &mut |_, _| true)
    };
    match statement.get("NotAction") {
        Some(actions) => !texts(actions).iter().any(is),
        None => texts(&statement["Action"]).iter().any(is),
    }
}

fn has_resource(question: &Question<'_>, statement: &Value, variables: bool) -> bool {
    let is = |pattern: &String| {
        expand(pattern, question.context, variables).is_some_and(|p| resource_glob(&p, question.resource))
    };
    match (statement.get("NotResource"), statement.get("Resource")) {
        (Some(resources), _) => !texts(resources).iter().any(is),
        (None, Some(resources)) => texts(resources).iter().any(is),
        (None, None) => true,
    }
}

/// A pattern: characters, with whether they are taken as they are.
type Marked = Vec<(char, bool)>;

pub fn plain(text: &str) -> Marked {
    text.chars().map(|c| (c, false)).collect()
}

/// Replaces variables. The vocabulary has only `${key}`, `${key, 'default'}` and `${*}`.
fn expand(text: &str, context: &Context, variables: bool) -> Option<Marked> {
    let mut pattern = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${").filter(|_| variables) {
        pattern.extend(plain(&rest[..at]));
        let end = at + rest[at..].find('}')?;
        let inside = &rest[at + 2..end];
        let (name, default) = match inside.split_once(", ") {
            Some((name, default)) => (name, Some(default.trim_matches('\'').to_owned())),
            None => (inside, None),
        };
        let value = match context.get(&name.to_lowercase()) {
            _ if inside == "*" => String::from("*"),
            Some((true, _)) => return None,
            Some((false, values)) => values[0].clone(),
            None => default?,
        };
        pattern.extend(value.chars().map(|c| (c, true)));
        rest = &rest[end + 1..];
    }
    pattern.extend(plain(rest));
    Some(pattern)
}

/// Wildcards by trying everything. `may` says whether the wildcard at an index may take a character.
fn glob(pattern: &[(char, bool)], text: &str, may: &mut dyn FnMut(usize, char) -> bool) -> bool {
    let text: Vec<char> = text.chars().collect();
    // reachable[i]: the pattern so far can end before character i.
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for (index, (c, literal)) in pattern.iter().enumerate() {
        let mut next = vec![false; text.len() + 1];
        for at in 0..=text.len() {
            if *c == '*' && !literal {
                next[at] = reachable[at] || (at > 0 && next[at - 1] && may(index, text[at - 1]));
            } else if at > 0 && reachable[at - 1] {
                next[at] = if *c == '?' && !literal { may(index, text[at - 1]) } else { *c == text[at - 1] };
            }
        }
        reachable = next;
    }
    reachable[text.len()]
}

/// Up to the first part that ends in a star, and at most up to the fifth colon, wildcards take no colon.
pub fn resource_glob(pattern: &Marked, resource: &str) -> bool {
    let colons: Vec<usize> =
        pattern.iter().enumerate().filter(|(_, (c, _))| *c == ':').map(|(at, _)| at).take(5).collect();
    let ends = colons.iter().copied().chain((colons.len() < 5).then_some(pattern.len()));
    let spanning = ends.filter(|end| *end > 0 && pattern[*end - 1] == ('*', false)).map(|end| end - 1).next();
    let last = if colons.len() == 5 { colons[4] } else { colons.last().copied().unwrap_or(0) };
    let free_from = spanning
        .map_or(last, |spanning| colons.iter().copied().rfind(|colon| *colon < spanning).unwrap_or(0));
    glob(pattern, resource, &mut |index, c| index >= free_from || c != ':')
}

pub fn string_glob(pattern: &Marked, text: &str) -> bool {
    glob(pattern, text, &mut |_, _| true)
}

fn arn_glob(pattern: &Marked, arn: &str) -> bool {
    let mut parts: Vec<Marked> = vec![Vec::new()];
    for marked in pattern {
        if marked.0 == ':' && parts.len() < 6 {
            parts.push(Vec::new())
        } else {
            parts.last_mut().unwrap().push(*marked)
        }
    }
    let values: Vec<&str> = arn.splitn(6, ':').collect();
    let is_open = pattern.last() == Some(&('*', false));
    values.len() == 6
        && (parts.len() == 6 || is_open)
        && parts.iter().zip(values).all(|(part, value)| string_glob(part, value))
}

fn has_conditions(question: &Question<'_>, statement: &Value, variables: bool) -> bool {
    let Some(Value::Object(operators)) = statement.get("Condition") else { return true };
    operators.iter().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, values)| {
            let present = question.context.get(&key.to_lowercase()).map(|(_, values)| values.clone());
            condition(operator, &texts(values), present.unwrap_or_default(), question.context, variables)
        })
    })
}

fn condition(
    operator: &str,
    wanted: &[String],
    present: Vec<String>,
    context: &Context,
    variables: bool,
) -> bool {
    let (set, operator) = operator.split_once(':').map_or((None, operator), |(set, rest)| (Some(set), rest));
    let (if_exists, operator) =
        operator.strip_suffix("IfExists").map_or((false, operator), |rest| (true, rest));
    if operator == "Null" {
        return wanted.iter().any(|wanted| *wanted == present.is_empty().to_string());
    }
    if present.is_empty() && if_exists {
        return true;
    }
    let positive = operator.replace("Not", "");
    let is_negated = positive != operator;
    let is_one =
        |value: &String| wanted.iter().any(|wanted| compare(&positive, wanted, value, context, variables));
    let mut filled = present.iter().filter(|value| !value.is_empty());
    match set {
        None => present.iter().any(is_one) != is_negated,
        Some("ForAllValues") => filled.all(|value| is_one(value) != is_negated),
        Some("ForAnyValue") => filled.any(|value| is_one(value) != is_negated),
        Some(other) => panic!("{other}"),
    }
}

fn compare(operator: &str, wanted: &str, value: &str, context: &Context, variables: bool) -> bool {
    let pattern = || expand(wanted, context, variables);
    let text = || pattern().map(|pattern| pattern.iter().map(|(c, _)| *c).collect::<String>());
    let ordered = |ordering: Option<std::cmp::Ordering>, name: &str| {
        ordering.is_some_and(|ordering| match name {
            "Equals" => ordering.is_eq(),
            "LessThan" => ordering.is_lt(),
            "LessThanEquals" => ordering.is_le(),
            "GreaterThan" => ordering.is_gt(),
            "GreaterThanEquals" => ordering.is_ge(),
            _ => panic!("{name}"),
        })
    };
    match operator {
        "StringEquals" => text().is_some_and(|text| text == value),
        "StringEqualsIgnoreCase" => text().is_some_and(|text| text.to_lowercase() == value.to_lowercase()),
        "StringLike" => pattern().is_some_and(|pattern| string_glob(&pattern, value)),
        "ArnEquals" | "ArnLike" => pattern().is_some_and(|pattern| arn_glob(&pattern, value)),
        "Bool" => matches!(value, "true" | "false") && text().is_some_and(|text| text == value),
        "IpAddress" => in_range(wanted, value),
        _ => {
            if let Some(name) = operator.strip_prefix("Numeric") {
                let number =
                    |text: &str| text.parse::<f64>().ok().filter(|_| !text.starts_with(char::is_alphabetic));
                ordered(number(value).zip(number(wanted)).and_then(|(a, b)| a.partial_cmp(&b)), name)
            } else {
                let name = operator.strip_prefix("Date").unwrap();
                let date = |text: &str| match text.parse::<f64>() {
                    Ok(seconds) => Some(Timestamp::from_millis((seconds * 1000.0) as i64)),
                    Err(_) => Timestamp::parse_iso8601(text),
                };
                ordered(date(value).zip(date(wanted)).map(|(a, b)| a.cmp(&b)), name)
            }
        }
    }
}

/// Only IPv4 in the vocabulary; bit by bit.
fn in_range(range: &str, address: &str) -> bool {
    let bits = |text: &str| -> Option<String> {
        let bytes: Vec<u8> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        (bytes.len() == 4).then(|| bytes.iter().map(|byte| format!("{byte:08b}")).collect())
    };
    let (network, length) = range.split_once('/').unwrap_or((range, "32"));
    let (Some(network), Some(address)) = (bits(network), bits(address)) else { return false };
    let length: usize = length.parse().unwrap();
    network[..length] == address[..length]
}

/// `itself`, `source` (the role behind a session, the user behind a token) or `account`; empty if not at all.
fn how_named(question: &Question<'_>, statement: &Value, bounded: bool) -> Vec<&'static str> {
    let named = |element: &Value| -> Vec<&'static str> {
        let one = |kind: &str, name: &str| one_named(question, kind, name);
        match element {
            Value::Object(kinds) => kinds
                .iter()
                .flat_map(|(kind, names)| {
                    texts(names).into_iter().filter_map(|name| one(kind, &name)).collect::<Vec<_>>()
                })
                .collect(),
            everyone => one("AWS", everyone.as_str().unwrap()).into_iter().collect(),
        }
    };
    if let Some(principal) = statement.get("Principal") {
        return named(principal);
    }
    let Some(not) = statement.get("NotPrincipal") else { return vec!["itself"] };
    let names = named(not);
    let is_left_out = if statement["Effect"] == "Allow" {
        !names.is_empty()
    } else {
        let everyone =
            texts(not).contains(&String::from("*")) || texts(&not["AWS"]).contains(&String::from("*"));
        let needed: &[&str] = match question.caller.kind {
            _ if everyone => &[],
            CallerKind::User | CallerKind::FederatedUser => &["itself", "account"],
            CallerKind::AssumedRole => &["itself", "source", "account"],
            _ => &["itself"],
        };
        let can_be_bounded = matches!(
            question.caller.kind,
            CallerKind::User | CallerKind::FederatedUser | CallerKind::AssumedRole
        );
        needed.iter().all(|needed| names.contains(needed)) && (everyone || !(bounded && can_be_bounded))
    };
    if is_left_out { Vec::new() } else { vec!["itself"] }
}

fn one_named(question: &Question<'_>, kind: &str, name: &str) -> Option<&'static str> {
    let Caller { kind: caller, account, arn, role_arn, unique_id } = question.caller;
    let in_account = matches!(
        caller,
        CallerKind::Root | CallerKind::User | CallerKind::AssumedRole | CallerKind::FederatedUser
    );
    match kind {
        "AWS" if name == "*" => Some("itself"),
        "AWS" if !in_account => None,
        "AWS" => {
            let is_account = name == account.to_string()
                || (name.ends_with(":root") && name.contains(&format!("::{account}:")));
            if is_account {
                return Some(if caller == CallerKind::Root { "itself" } else { "account" });
            }
            if caller == CallerKind::Root {
                return None;
            }
            let of_session = caller == CallerKind::AssumedRole && unique_id.split(':').next() == Some(name);
            if name == arn || name == unique_id {
                Some("itself")
            } else if role_arn == Some(name) || of_session {
                Some("source")
            } else {
                None
            }
        }
        "Service" => (caller == CallerKind::Service && (name == arn || name == "*")).then_some("itself"),
        "Federated" => {
            (matches!(caller, CallerKind::WebIdentity | CallerKind::Saml) && name == arn).then_some("itself")
        }
        _ => None,
    }
}
