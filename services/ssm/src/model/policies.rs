//! Policies of parameters: when they expire, and when somebody is to be told.
//!
//! Surprising: `[{}]` takes all policies away, and numbers in them are strings.
//! Reference: "Assigning parameter policies in Parameter Store" in the user guide.

use base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::limits::POLICIES_MAX;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterPolicy {
    /// `Expiration`, `ExpirationNotification` or `NoChangeNotification`.
    pub kind: String,
    /// As JSON, without white space.
    pub text: String,
    /// When the parameter is to be deleted.
    pub expires: Option<Timestamp>,
}

const EXPIRATION: &str = "Expiration";
const EXPIRATION_NOTIFICATION: &str = "ExpirationNotification";
const NO_CHANGE_NOTIFICATION: &str = "NoChangeNotification";

/// Reads the policies of a request. None at all take away those that there are.
pub fn parse(text: &str, now: Timestamp) -> Result<Vec<ParameterPolicy>, Error> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let invalid = || Error::Validation(format!("Invalid policies input: {text}."));
    let policies: Vec<Map<String, Value>> = serde_json::from_str(text).map_err(|_| invalid())?;
    if policies.iter().all(Map::is_empty) {
        return Ok(Vec::new());
    }
    if policies.len() > POLICIES_MAX {
        return Err(Error::PoliciesLimitExceeded);
    }
    let parsed =
        policies.into_iter().map(|policy| parse_one(policy, now)).collect::<Result<Vec<_>, Error>>()?;
    let expirations = parsed.iter().filter(|policy| policy.kind == EXPIRATION).count();
    if expirations > 1 {
        let message = "You can't specify more than one Expiration policy for a parameter.";
        return Err(Error::IncompatiblePolicy(message.to_owned()));
    }
    if expirations == 0 && parsed.iter().any(|policy| policy.kind == EXPIRATION_NOTIFICATION) {
        let message = "An ExpirationNotification policy needs an Expiration policy.";
        return Err(Error::IncompatiblePolicy(message.to_owned()));
    }
    Ok(parsed)
}

/// When a parameter with these policies is deleted.
pub fn expiration(policies: &[ParameterPolicy]) -> Option<Timestamp> {
    policies.iter().find_map(|policy| policy.expires)
}

fn parse_one(policy: Map<String, Value>, now: Timestamp) -> Result<ParameterPolicy, Error> {
    let kind = policy.get("Type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if ![EXPIRATION, EXPIRATION_NOTIFICATION, NO_CHANGE_NOTIFICATION].contains(&kind.as_str()) {
        let message = format!(
            "The policy type isn't supported: {kind}. Parameter Store supports the following policy types: Expiration, \
             ExpirationNotification, and NoChangeNotification."
        );
        return Err(Error::InvalidPolicyType(message));
    }
    let wrong =
        |what: &str| Error::InvalidPolicyAttribute(format!("The {what} of the {kind} policy isn't valid."));
    if policy.get("Version").and_then(Value::as_str) != Some("1.0") {
        return Err(wrong("Version"));
    }
    let attributes =
        policy.get("Attributes").and_then(Value::as_object).ok_or_else(|| wrong("Attributes"))?;
    let text_of = |name: &str| attributes.get(name).and_then(Value::as_str).ok_or_else(|| wrong(name));
    let mut expires = None;
    if kind == EXPIRATION {
        let moment = Timestamp::parse_iso8601(text_of("Timestamp")?).filter(|moment| *moment > now);
        expires = Some(moment.ok_or_else(|| wrong("Timestamp"))?);
    } else {
        let name = if kind == EXPIRATION_NOTIFICATION { "Before" } else { "After" };
        let amount = text_of(name)?.parse::<u32>().ok().filter(|amount| *amount > 0);
        amount.ok_or_else(|| wrong(name))?;
        if !matches!(text_of("Unit")?, "Days" | "Hours") {
            return Err(wrong("Unit"));
        }
    }
    Ok(ParameterPolicy { text: Value::Object(policy).to_string(), kind, expires })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn expiring(at: &str) -> String {
        format!(r#"{{"Type":"Expiration","Version":"1.0","Attributes":{{"Timestamp":"{at}"}}}}"#)
    }

    const NOTIFYING: &str =
        r#"{"Type":"ExpirationNotification","Version":"1.0","Attributes":{"Before":"15","Unit":"Days"}}"#;

    #[test]
    fn policies_are_read_and_kept_one_by_one() {
        let text = format!("[ {}, {NOTIFYING} ]", expiring("2030-12-02T21:34:33.000Z"));
        let policies = parse(&text, NOW).unwrap();
        assert_eq!(policies[1].text, NOTIFYING);
        assert_eq!(expiration(&policies), Timestamp::parse_iso8601("2030-12-02T21:34:33Z"));
        assert!(parse(&format!("[{}]", expiring("2030-11-01T22:13:48.87+10:30:00")), NOW).is_ok());
        let unchanged =
            r#"[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"20","Unit":"Hours"}}]"#;
        assert_eq!(expiration(&parse(unchanged, NOW).unwrap()), None);
        for none in ["", "[]", "[{}]", " "] {
            assert_eq!(parse(none, NOW).unwrap(), [], "{none:?}");
        }
    }

    #[test]
    fn wrong_policies_are_refused_by_what_is_wrong() {
        let twice = expiring("2030-12-02T21:34:33Z");
        let eleven = [NOTIFYING; 11].join(",");
        for (text, error) in [
            ("{}".to_owned(), "Validation"),
            (twice.clone(), "Validation"),
            ("[1]".to_owned(), "Validation"),
            (format!("[{eleven}]"), "PoliciesLimitExceeded"),
            (format!("[{twice},{twice}]"), "IncompatiblePolicy"),
            (format!("[{NOTIFYING}]"), "IncompatiblePolicy"),
            (r#"[{"Type":"Other"}]"#.to_owned(), "InvalidPolicyType"),
            (r#"[{"Type":"Expiration"}]"#.to_owned(), "InvalidPolicyAttribute"),
            (format!("[{}]", expiring("yesterday")), "InvalidPolicyAttribute"),
            (format!("[{}]", expiring("2020-12-02T21:34:33Z")), "InvalidPolicyAttribute"),
            (format!("[{}]", NOTIFYING.replace("Days", "Weeks")), "InvalidPolicyAttribute"),
            (format!("[{}]", NOTIFYING.replace("15", "0")), "InvalidPolicyAttribute"),
        ] {
            let found = format!("{:?}", parse(&text, NOW).unwrap_err());
            assert!(found.starts_with(error), "{text}: {found}");
        }
    }
}
