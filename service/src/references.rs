//! Dynamic references in texts: `{{resolve:ssm:name}}` and its like, which stand for parameters and secrets.
//!
//! Only the reading of them is here; who looks them up (stacks) does so through [`crate::Aws`], as whoever it works
//! for. Surprising: an SSM reference takes a version and no label, a Secrets Manager reference takes the text
//! `SecretString` where it could take nothing else, and a reference to an unknown service is plain text.
//! Reference: "Get values stored in other services using dynamic references" in the CloudFormation user guide.

use std::ops::Range;

use serde_json::Value;

use crate::DYNAMIC_REFERENCES_MAX;

/// What stands in a text for something kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A parameter that is no SecureString.
    Parameter {
        name: String,
        version: Option<u64>,
    },
    /// A SecureString, which is to be decrypted.
    SecureParameter {
        name: String,
        version: Option<u64>,
    },
    Secret(SecretReference),
}

/// A secret, or one value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretReference {
    /// Name or ARN.
    pub secret_id: String,
    /// The key of a value in a secret that is a JSON object; nothing for the whole secret.
    pub json_key: Option<String>,
    pub version_stage: Option<String>,
    pub version_id: Option<String>,
}

/// A reference and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In bytes, with the braces.
    pub place: Range<usize>,
    pub reference: Reference,
}

/// What is wrong with a reference, in CloudFormation's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    #[error("Incorrect format is used in the following SSM reference: [{0}]")]
    Parameter(String),
    #[error("Incorrect format is used in the following Secrets Manager reference: [{0}]")]
    Secret(String),
    #[error("Number of dynamic references, {0}, is greater than maximum allowed, {DYNAMIC_REFERENCES_MAX}")]
    TooMany(usize),
    /// To be told by whoever looks up a parameter and finds that it is a SecureString.
    #[error("Non-secure ssm prefix was used for secure parameter {0}")]
    NonSecurePrefix(String),
    #[error("Could not parse SecretString JSON")]
    NoJson,
    #[error("Could not find a value associated with JSONKey in SecretString")]
    NoSuchKey,
}

const START: &str = "{{resolve:";
const END: &str = "}}";

/// All references in a text, in their order.
pub fn find(text: &str) -> Result<Vec<Found>, ReferenceError> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = text[from..].find(START).map(|at| from + at) {
        let inner = start + START.len();
        let Some(length) = text[inner..].find(END) else { break };
        let end = inner + length + END.len();
        match parse(&text[inner..inner + length], &text[start..end])? {
            Some(reference) => {
                found.push(Found { place: start..end, reference });
                from = end;
            }
            None => from = inner,
        }
    }
    if found.len() > DYNAMIC_REFERENCES_MAX {
        return Err(ReferenceError::TooMany(found.len()));
    }
    Ok(found)
}

/// The text with a value in the place of each reference; `values` are in the order in which they were found.
pub fn fill(text: &str, found: &[Found], values: &[String]) -> String {
    assert_eq!(found.len(), values.len(), "each reference has its value");
    let mut filled = String::with_capacity(text.len());
    let mut from = 0;
    for (Found { place, .. }, value) in found.iter().zip(values) {
        filled.push_str(&text[from..place.start]);
        filled.push_str(value);
        from = place.end;
    }
    filled.push_str(&text[from..]);
    filled
}

/// The value of a key in a secret that is a JSON object.
pub fn json_key(secret: &str, key: &str) -> Result<String, ReferenceError> {
    let Ok(Value::Object(values)) = serde_json::from_str(secret) else {
        return Err(ReferenceError::NoJson);
    };
    match values.get(key) {
        None | Some(Value::Null) => Err(ReferenceError::NoSuchKey),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
    }
}

/// Reads what is between the braces; `whole` is for errors. Nothing if the service is unknown.
fn parse(inner: &str, whole: &str) -> Result<Option<Reference>, ReferenceError> {
    let Some((service, rest)) = inner.split_once(':') else { return Ok(None) };
    match service {
        "ssm" | "ssm-secure" => {
            let wrong = || ReferenceError::Parameter(whole.to_owned());
            let (name, version) = parameter(rest).ok_or_else(wrong)?;
            Ok(Some(match service {
                "ssm" => Reference::Parameter { name, version },
                _ => Reference::SecureParameter { name, version },
            }))
        }
        "secretsmanager" => {
            let secret = secret(rest).ok_or_else(|| ReferenceError::Secret(whole.to_owned()))?;
            Ok(Some(Reference::Secret(secret)))
        }
        _ => Ok(None),
    }
}

/// Splits off a name, or an ARN of so many colons, from what follows behind another colon.
fn split_id(text: &str, arn_colons: usize) -> (&str, Option<&str>) {
    let colons = if text.starts_with("arn:") { arn_colons } else { 0 };
    match text.match_indices(':').nth(colons) {
        Some((at, _)) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn parameter(text: &str) -> Option<(String, Option<u64>)> {
    // arn:aws:ssm:region:account:parameter/name
    let (name, version) = split_id(text, 5);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-/:".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let version = match version {
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
    };
    Some((name.to_owned(), version))
}

fn secret(text: &str) -> Option<SecretReference> {
    // arn:aws:secretsmanager:region:account:secret:name
    let (secret_id, rest) = split_id(text, 6);
    if secret_id.is_empty() {
        return None;
    }
    let mut segments = rest.into_iter().flat_map(|rest| rest.split(':'));
    if !matches!(segments.next(), None | Some("" | "SecretString")) {
        return None;
    }
    let mut given = || segments.next().filter(|segment| !segment.is_empty()).map(str::to_owned);
    let (json_key, version_stage, version_id) = (given(), given(), given());
    let is_over = segments.next().is_none();
    let secret_id = secret_id.to_owned();
    is_over.then_some(SecretReference { secret_id, json_key, version_stage, version_id })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Reference {
        let found = find(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(found.len(), 1, "{text}");
        found[0].reference.clone()
    }

    fn secret_reference(id: &str, key: &str, stage: &str, version: &str) -> Reference {
        let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Reference::Secret(SecretReference {
            secret_id: id.to_owned(),
            json_key: given(key),
            version_stage: given(stage),
            version_id: given(version),
        })
    }

    #[test]
    fn references_to_parameters_have_a_name_and_perhaps_a_version() {
        let shared = "arn:aws:ssm:us-east-1:111122223333:parameter/a/b";
        for (text, name, version) in [
            ("{{resolve:ssm:plain}}", "plain", None),
            ("{{resolve:ssm:/a/b_c.d-e:12}}", "/a/b_c.d-e", Some(12)),
            (&format!("{{{{resolve:ssm:{shared}:3}}}}"), shared, Some(3)),
            (&format!("{{{{resolve:ssm:{shared}}}}}"), shared, None),
        ] {
            assert_eq!(one(text), Reference::Parameter { name: name.to_owned(), version });
            let secure = text.replacen("resolve:ssm:", "resolve:ssm-secure:", 1);
            assert_eq!(one(&secure), Reference::SecureParameter { name: name.to_owned(), version });
        }
        for bad in [
            "{{resolve:ssm:/a:prod}}",
            "{{resolve:ssm:/name:}}",
            "{{resolve:ssm:}}",
            "{{resolve:ssm:a b}}",
            "{{resolve:ssm-secure:/a:1:2}}",
            "{{resolve:ssm:/a:99999999999999999999999}}",
        ] {
            let expected = format!("Incorrect format is used in the following SSM reference: [{bad}]");
            assert_eq!(find(bad).map_err(|error| error.to_string()), Err(expected));
        }
    }

    #[test]
    fn references_to_secrets_have_up_to_five_parts() {
        let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf";
        for (text, expected) in [
            ("db", secret_reference("db", "", "", "")),
            ("db:SecretString", secret_reference("db", "", "", "")),
            ("db:SecretString:password", secret_reference("db", "password", "", "")),
            ("db:SecretString:password:AWSPREVIOUS", secret_reference("db", "password", "AWSPREVIOUS", "")),
            ("db:SecretString:::id", secret_reference("db", "", "", "id")),
            ("db::", secret_reference("db", "", "", "")),
            (arn, secret_reference(arn, "", "", "")),
            (&format!("{arn}:SecretString:user"), secret_reference(arn, "user", "", "")),
        ] {
            assert_eq!(one(&format!("{{{{resolve:secretsmanager:{text}}}}}")), expected, "{text}");
        }
        for bad in ["", ":SecretString", "db:SecretBinary", "db:SecretString:a:b:c:d"] {
            let text = format!("{{{{resolve:secretsmanager:{bad}}}}}");
            assert_eq!(find(&text), Err(ReferenceError::Secret(text.clone())), "{bad}");
        }
    }

    #[test]
    fn references_are_found_anywhere_and_filled_in() {
        let text = "A={{resolve:ssm:/a:1}}_B={{resolve:ssm:b}} {{other}} {{resolve:vault:x}} {{resolve:ssm:c";
        let found = find(text).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(&text[found[1].place.clone()], "{{resolve:ssm:b}}");
        let filled = fill(text, &found, &["hello".to_owned(), "x,y".to_owned()]);
        assert_eq!(filled, "A=hello_B=x,y {{other}} {{resolve:vault:x}} {{resolve:ssm:c");
        assert_eq!(fill("none", &[], &[]), "none");
    }

    #[test]
    fn a_template_has_sixty_references_at_most() {
        let some = |count: usize| "{{resolve:ssm:a}}".repeat(count);
        assert_eq!(find(&some(60)).unwrap().len(), 60);
        assert_eq!(find(&some(61)), Err(ReferenceError::TooMany(61)));
    }

    #[test]
    fn a_value_is_taken_out_of_a_secret_by_its_key() {
        let secret = r#"{"user":"me","port":5432,"on":true,"none":null,"nested":{"a":[1]}}"#;
        for (key, value) in [("user", "me"), ("port", "5432"), ("on", "true"), ("nested", r#"{"a":[1]}"#)] {
            assert_eq!(json_key(secret, key).as_deref(), Ok(value));
        }
        assert_eq!(json_key(secret, "none"), Err(ReferenceError::NoSuchKey));
        assert_eq!(json_key(secret, "absent"), Err(ReferenceError::NoSuchKey));
        for no_object in ["plain text", "[1]", "\"text\"", ""] {
            assert_eq!(json_key(no_object, "a"), Err(ReferenceError::NoJson), "{no_object}");
        }
    }
}
