//! Policies of buckets and access points: what is refused, in S3's words.
//!
//! Surprising: each statement must name something of this very bucket, and have at least one action that goes with at
//! least one of its resources; and JSON that does not begin with a brace is told apart from JSON that is broken.
//! Reference: reports of users of Terraform, CDK and the CLI (wording); "Bucket policies for Amazon S3" of the guide.

use identity::policy::{Kind, Policy, PolicyError};
use serde_json::Value;

use super::acl::account_of;
use crate::error::{Error, MALFORMED_POLICY};
use crate::limits::POLICY_BYTES_MAX;

pub const INVALID_PRINCIPAL: &str = "Invalid principal in policy";
const INVALID_ACTION: &str = "Policy has invalid action";
const INVALID_RESOURCE: &str = "Policy has invalid resource";
const NO_RESOURCE_OF_ACTION: &str = "Action does not apply to any resource(s) in statement";

/// What a policy is on.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// `arn:aws:s3:::bucket`, or an access point's ARN.
    pub arn: &'a str,
    /// Where the resources of objects begin: `/` in buckets, `/object/` in access points.
    pub objects: &'a str,
}

/// A policy that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// What is kept: as it was given, with accounts in place of canonical user ids.
    pub document: String,
    pub policy: Policy,
}

pub fn malformed(message: impl Into<String>) -> Error {
    Error::worded(&MALFORMED_POLICY, message.into())
}

/// Reads a policy and refuses what S3 refuses of the text alone.
pub fn parse(text: &str, holder: Holder<'_>) -> Result<Accepted, Error> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(malformed("Policy exceeds the maximum allowed document size."));
    }
    if !text.trim_start().starts_with('{') {
        return Err(malformed("Policies must be valid JSON and the first byte must be '{'"));
    }
    let mut document: Value =
        serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?;
    check_form(&document)?;
    let replaced = replace_canonical_users(&mut document)?;
    let document_text = if replaced { document.to_string() } else { text.to_owned() };
    let policy = Policy::parse(Kind::Resource, &document_text).map_err(|error| malformed(words(&error)))?;
    for statement in statements(&document) {
        check_statement(statement, holder)?;
    }
    Ok(Accepted { document: document_text, policy })
}

fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        statement => vec![statement],
    }
}

/// What the general parser says in other words.
fn check_form(document: &Value) -> Result<(), Error> {
    if let Some(version) = document.get("Version")
        && !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"))
    {
        return Err(malformed("The policy must contain a valid version string"));
    }
    match document.get("Statement") {
        None => return Err(malformed("Missing required field Statement")),
        Some(Value::Array(list)) if list.is_empty() => {
            return Err(malformed("Could not parse the policy: Statement is empty!"));
        }
        Some(_) => {}
    }
    for statement in statements(document) {
        let has = |one: &str, other: &str| statement.get(one).is_some() || statement.get(other).is_some();
        let missing = if statement.get("Effect").is_none() {
            "Effect"
        } else if !has("Principal", "NotPrincipal") {
            "Principal"
        } else if !has("Action", "NotAction") {
            "Action"
        } else if !has("Resource", "NotResource") {
            "Resource"
        } else {
            continue;
        };
        return Err(malformed(format!("Missing required field {missing}")));
    }
    let effects = statements(document).into_iter().map(|statement| &statement["Effect"]);
    for effect in effects {
        if !matches!(effect.as_str(), Some("Allow" | "Deny")) {
            let shown = effect.as_str().map_or_else(|| effect.to_string(), str::to_owned);
            return Err(malformed(format!("Invalid effect: {shown}")));
        }
    }
    Ok(())
}

fn words(error: &PolicyError) -> String {
    match error {
        PolicyError::InvalidPrincipal { .. }
        | PolicyError::InvalidFederated
        | PolicyError::EmptyPrincipal => INVALID_PRINCIPAL.to_owned(),
        PolicyError::NoActions
        | PolicyError::NoVendor
        | PolicyError::TooManyColons
        | PolicyError::BadVendor(_) => INVALID_ACTION.to_owned(),
        PolicyError::NoResources
        | PolicyError::NotArn(_)
        | PolicyError::BadPartition { .. }
        | PolicyError::BadResourceVendor
        | PolicyError::IamRegion(_)
        | PolicyError::S3Region(_)
        | PolicyError::IamPath => INVALID_RESOURCE.to_owned(),
        PolicyError::Missing(field) => format!("Missing required field {field}"),
        PolicyError::Syntax => "Invalid policy syntax.".to_owned(),
        other => other.to_string(),
    }
}

/// AWS keeps accounts for canonical user ids, too. Says whether there were some.
fn replace_canonical_users(document: &mut Value) -> Result<bool, Error> {
    let mut replaced = false;
    let list = match &mut document["Statement"] {
        Value::Array(list) => list.iter_mut().collect(),
        statement => vec![statement],
    };
    for statement in list {
        for element in ["Principal", "NotPrincipal"] {
            let Some(principal) = statement.get_mut(element).and_then(Value::as_object_mut) else { continue };
            let Some(users) = principal.remove("CanonicalUser") else { continue };
            let mut named: Vec<Value> =
                texts(principal.get("AWS").unwrap_or(&Value::Null)).into_iter().map(Value::from).collect();
            for id in texts(&users) {
                let account = account_of(id).ok_or_else(|| malformed(INVALID_PRINCIPAL))?;
                named.push(format!("arn:aws:iam::{account}:root").into());
            }
            principal.insert("AWS".to_owned(), Value::Array(named));
            replaced = true;
        }
    }
    Ok(replaced)
}

fn check_statement(statement: &Value, holder: Holder<'_>) -> Result<(), Error> {
    let actions =
        texts(statement.get("Action").or_else(|| statement.get("NotAction")).unwrap_or(&Value::Null));
    let resources =
        texts(statement.get("Resource").or_else(|| statement.get("NotResource")).unwrap_or(&Value::Null));
    for action in &actions {
        let is_own = action.split_once(':').is_some_and(|(prefix, name)| {
            let is_s3 = prefix.eq_ignore_ascii_case("s3") || prefix.eq_ignore_ascii_case("s3express");
            is_s3 && (name.contains(['*', '?']) || kind_of(name) != Of::Unknown)
        });
        if *action != "*" && !is_own {
            return Err(malformed(INVALID_ACTION));
        }
    }
    if resources.is_empty() || !resources.iter().all(|resource| is_of(resource, holder)) {
        return Err(malformed(INVALID_RESOURCE));
    }
    if statement.get("Action").is_none() || statement.get("Resource").is_none() {
        return Ok(());
    }
    let is_more = |resource: &str| resource.len() > holder.arn.len();
    let has_objects = resources.iter().any(|resource| is_more(resource));
    // A star that ends the bucket's own name stands for the bucket too.
    let is_both = |resource: &str| resource.ends_with('*') && !resource.contains(holder.objects);
    let has_bucket = resources.iter().any(|resource| !is_more(resource) || is_both(resource));
    for action in &actions {
        let name = action.split_once(':').map_or("*", |(_, name)| name);
        let applies = match kind_of(name) {
            Of::Bucket => has_bucket,
            Of::Object => has_objects,
            Of::Both | Of::Unknown => true,
        };
        if !applies {
            return Err(malformed(NO_RESOURCE_OF_ACTION));
        }
    }
    Ok(())
}

/// Whether a resource is this holder or something in it. A star may end the name only where what it adds is inside.
fn is_of(resource: &str, holder: Holder<'_>) -> bool {
    match resource.strip_prefix(holder.arn) {
        Some(rest) => rest.is_empty() || rest == "*" || rest.starts_with(holder.objects),
        // A variable or wildcard of the key may not reach into the bucket's name.
        None => false,
    }
}

/// What an action is done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Bucket,
    Object,
    /// A pattern may be of both.
    Both,
    Unknown,
}

/// From the facts on actions; for patterns only what their beginning settles.
fn kind_of(name: &str) -> Of {
    if name.contains(['*', '?']) {
        return Of::Both;
    }
    let Some(action) = iam_facts::action("s3", name).or_else(|| iam_facts::action("s3express", name)) else {
        return Of::Unknown;
    };
    let types = action.resources.iter().map(|resource| &*resource.resource_type);
    let (mut of_bucket, mut of_object) = (false, false);
    for kind in types {
        match kind {
            "bucket" | "accesspoint" => of_bucket = true,
            "object" | "accesspointobject" => of_object = true,
            _ => {}
        }
    }
    match (of_bucket, of_object) {
        (true, true) => Of::Both,
        (true, false) => Of::Bucket,
        (false, true) => Of::Object,
        (false, false) => Of::Unknown,
    }
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Holder<'_> = Holder { arn: "arn:aws:s3:::logs", objects: "/" };

    fn check(statement: &str) -> Result<Accepted, String> {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        parse(&text, BUCKET).map_err(|error| match error {
            Error::Refused { message, .. } => message.into_owned(),
            other => other.to_string(),
        })
    }

    fn with(principal: &str, action: &str, resource: &str) -> Result<Accepted, String> {
        check(&format!(
            r#"{{"Effect":"Allow","Principal":{principal},"Action":{action},"Resource":{resource}}}"#
        ))
    }

    #[test]
    fn statements_name_this_bucket_and_what_goes_with_it() {
        for (action, resource) in [
            (r#""s3:GetObject""#, r#""arn:aws:s3:::logs/*""#),
            (r#""s3:ListBucket""#, r#""arn:aws:s3:::logs""#),
            (
                r#"["s3:ListBucket","s3:GetObject"]"#,
                r#"["arn:aws:s3:::logs","arn:aws:s3:::logs/home/${aws:username}/*"]"#,
            ),
            (r#""s3:*""#, r#""arn:aws:s3:::logs*""#),
            (r#""*""#, r#""arn:aws:s3:::logs/*""#),
            (r#""s3:Get*""#, r#""arn:aws:s3:::logs/a""#),
        ] {
            assert!(with("\"*\"", action, resource).is_ok(), "{action} {resource}");
        }
        for (action, resource, message) in [
            (r#""s3:GetObject""#, r#""arn:aws:s3:::other/*""#, INVALID_RESOURCE),
            (r#""s3:GetObject""#, r#""*""#, INVALID_RESOURCE),
            (r#""s3:GetObject""#, r#""arn:aws:s3:::log*""#, INVALID_RESOURCE),
            (r#""s3:GetObject""#, r#""arn:aws:s3:::logs""#, NO_RESOURCE_OF_ACTION),
            (r#""s3:ListBucket""#, r#""arn:aws:s3:::logs/*""#, NO_RESOURCE_OF_ACTION),
            (r#""s3:Nonsense""#, r#""arn:aws:s3:::logs/*""#, INVALID_ACTION),
            (r#""sqs:SendMessage""#, r#""arn:aws:s3:::logs/*""#, INVALID_ACTION),
        ] {
            assert_eq!(
                with("\"*\"", action, resource).err().as_deref(),
                Some(message),
                "{action} {resource}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (statement, message) in [
            (
                r#"{"Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::logs"}"#,
                "Missing required field Effect",
            ),
            (
                r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::logs"}"#,
                "Missing required field Principal",
            ),
            (
                r#"{"Effect":"Allow","Principal":"*","Resource":"arn:aws:s3:::logs"}"#,
                "Missing required field Action",
            ),
            (r#"{"Effect":"Allow","Principal":"*","Action":"s3:*"}"#, "Missing required field Resource"),
            (
                r#"{"Effect":"Maybe","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::logs"}"#,
                "Invalid effect: Maybe",
            ),
            ("", "Could not parse the policy: Statement is empty!"),
        ] {
            assert_eq!(check(statement).err().as_deref(), Some(message), "{statement}");
        }
        for (text, message) in [
            ("nothing", "Policies must be valid JSON and the first byte must be '{'"),
            ("{", "This policy contains invalid Json"),
            (r#"{"Version":"2020-01-01","Statement":[]}"#, "The policy must contain a valid version string"),
            ("{}", "Missing required field Statement"),
        ] {
            let error = parse(text, BUCKET).unwrap_err();
            assert!(error.to_string().contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn canonical_users_become_their_accounts() {
        let id = super::super::acl::canonical_id(base::AccountId::new(111_122_223_333).unwrap());
        let principal = format!(r#"{{"CanonicalUser":"{id}"}}"#);
        let accepted = with(&principal, r#""s3:GetObject""#, r#""arn:aws:s3:::logs/*""#).unwrap();
        assert!(accepted.document.contains("arn:aws:iam::111122223333:root"));
        let unknown = format!(r#"{{"CanonicalUser":"{}"}}"#, "a".repeat(64));
        let refused = with(&unknown, r#""s3:GetObject""#, r#""arn:aws:s3:::logs/*""#);
        assert_eq!(refused.err().as_deref(), Some(INVALID_PRINCIPAL));
    }
}
