//! What a value may be: its type, the data type that says how it is read, and the pattern it has to match.
//!
//! Surprising: an allowed pattern has to match the whole value, as Java's `matches` does.
//! Reference: PutParameter in the API reference.

use std::net::{Ipv4Addr, Ipv6Addr};

use base::{AccountId, Region};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fancy_regex::RegexBuilder;
use serde::{Deserialize, Serialize};
use ssm_api::ParameterType;

use crate::error::Error;
use crate::limits::{PATTERN_BACKTRACKS_MAX, PATTERN_BYTES_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    String,
    StringList,
    SecureString,
}

impl Kind {
    /// The type a request names; nothing where the model does not know it, which was refused before.
    pub fn of(requested: &ParameterType) -> Option<Kind> {
        match requested {
            ParameterType::String => Some(Kind::String),
            ParameterType::StringList => Some(Kind::StringList),
            ParameterType::SecureString => Some(Kind::SecureString),
            ParameterType::Unknown(_) => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::String => "String",
            Kind::StringList => "StringList",
            Kind::SecureString => "SecureString",
        }
    }
}

impl From<Kind> for ParameterType {
    fn from(kind: Kind) -> ParameterType {
        ParameterType::from(kind.as_str())
    }
}

pub const TEXT: &str = "text";

/// Data types that are for values which tend to be large, and so only for the advanced tier.
const ADVANCED_ONLY: [&str; 3] = ["url", "json", "jsonc"];

pub fn needs_advanced(data_type: &str) -> bool {
    ADVANCED_ONLY.contains(&data_type)
}

/// Parameters cannot be put into one another.
pub fn check_nesting(value: &str) -> Result<(), Error> {
    let nests = value.find("{{").is_some_and(|at| value[at + 2..].contains("}}"));
    if nests {
        let message = "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.";
        return Err(Error::Validation(message.to_owned()));
    }
    Ok(())
}

/// Checks a value against its allowed pattern. The value is in no message, since it may be a secret.
pub fn check_pattern(pattern: &str, value: &str) -> Result<(), Error> {
    if pattern.is_empty() {
        return Ok(());
    }
    let whole = RegexBuilder::new(&format!("^(?:{pattern})$"))
        .backtrack_limit(PATTERN_BACKTRACKS_MAX)
        .delegate_size_limit(PATTERN_BYTES_MAX)
        .build();
    let Ok(regex) = whole else {
        let message = format!("The request doesn't meet the regular expression requirement: {pattern}");
        return Err(Error::InvalidAllowedPattern(message));
    };
    match regex.is_match(value) {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(Error::ParameterPatternMismatch { pattern: pattern.to_owned() }),
    }
}

/// Checks that a value is what its data type says.
pub fn check_data_type(data_type: &str, kind: Kind, value: &str) -> Result<(), Error> {
    let is_good = match data_type {
        TEXT => true,
        // The integrations of the console (GitHub tokens and the like) are strings or secrets of any form.
        "aws:ssm:integration" => true,
        "aws:ec2:image" => kind == Kind::String && is_image_id(value),
        "aws:region" => Region::parse(value).is_some(),
        "aws:account:id" => value.parse::<AccountId>().is_ok(),
        "boolean" => matches!(value, "true" | "false"),
        "integer" => {
            let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        }
        "float" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "binary" => STANDARD.decode(value).is_ok(),
        "hostname" => is_hostname(value),
        "email" => value.rsplit_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !local.contains(char::is_whitespace) && is_hostname(host)
        }),
        "ipv4-address" => value.parse::<Ipv4Addr>().is_ok(),
        "ipv6-address" => value.parse::<Ipv6Addr>().is_ok(),
        "url" => is_url(value),
        "json" => serde_json::from_str::<serde_json::Value>(value).is_ok(),
        "jsonc" => serde_json::from_str::<serde_json::Value>(&without_comments(value)).is_ok(),
        unknown => {
            let message = format!(
                "The following data type is not supported: {unknown} (Data type names are all lowercase.)"
            );
            return Err(Error::Validation(message));
        }
    };
    if is_good {
        return Ok(());
    }
    Err(Error::Validation(format!("The parameter value is not valid for the data type {data_type}.")))
}

/// `ami-` and eight or seventeen hexadecimal digits.
fn is_image_id(value: &str) -> bool {
    value.strip_prefix("ami-").is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn is_hostname(value: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    value.len() <= 253 && value.split('.').all(is_label)
}

fn is_url(value: &str) -> bool {
    let Some((scheme, rest)) = value.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    is_scheme && !rest.is_empty() && !value.contains(char::is_whitespace)
}

/// JSON with comments, without them.
fn without_comments(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if first == '"' {
            let end = string_end(rest);
            bare.push_str(&rest[..end]);
            end
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.find("*/").map_or(rest.len(), |at| at + 4)
        } else {
            bare.push(first);
            first.len_utf8()
        };
        rest = &rest[taken..];
    }
    bare
}

/// Where a string that begins a text is over.
fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return at + 1,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_to_match_the_whole_value() {
        for (pattern, value, outcome) in [
            ("", "anything", "ok"),
            (r"\d{1,4}", "1234", "ok"),
            (r"^\d+$", "77", "ok"),
            (r"(?!.*secret).*", "open", "ok"),
            (r"\d{1,4}", "12345", "mismatch"),
            ("a|b", "ab", "mismatch"),
            ("(", "a", "invalid"),
            ("a{1000000}{1000000}", "a", "invalid"),
        ] {
            let found = match check_pattern(pattern, value) {
                Ok(()) => "ok",
                Err(Error::ParameterPatternMismatch { .. }) => "mismatch",
                Err(Error::InvalidAllowedPattern(_)) => "invalid",
                Err(other) => panic!("{other}"),
            };
            assert_eq!(found, outcome, "{pattern} on {value}");
        }
    }

    #[test]
    fn a_value_is_what_its_data_type_says() {
        for (data_type, good, bad) in [
            ("text", &["", "x"][..], &[][..]),
            ("aws:ec2:image", &["ami-12345678", "ami-0123456789abcdef0"], &["ami-1", "img-12345678", ""]),
            ("aws:region", &["eu-west-1"], &["eu-west-9"]),
            ("aws:account:id", &["000000000001"], &["1"]),
            ("boolean", &["true", "false"], &["True", "1"]),
            ("integer", &["443", "-1"], &["4.5", "", "-"]),
            ("float", &["4.5", "-1e3", "7"], &["NaN", "x"]),
            ("binary", &["aGk="], &["a"]),
            ("hostname", &["a.example.com", "localhost"], &["-a", "a..b", "a_b"]),
            ("email", &["me@example.com"], &["me", "@example.com", "me@ex ample"]),
            ("ipv4-address", &["127.0.0.1"], &["127.0.0.256"]),
            ("ipv6-address", &["::1"], &["127.0.0.1"]),
            ("url", &["https://example.com/x?y"], &["example.com", "https://", "1x://y"]),
            ("json", &["{\"a\":[1]}"], &["{'a':1}", "// x\n1"]),
            ("jsonc", &["// x\n{\"a//\": \"\\\"/*\" /* y */}"], &["{", "/* 1"]),
        ] {
            for value in good {
                assert!(check_data_type(data_type, Kind::String, value).is_ok(), "{data_type} {value}");
            }
            for value in bad {
                assert!(check_data_type(data_type, Kind::String, value).is_err(), "{data_type} {value}");
            }
        }
        assert!(check_data_type("Text", Kind::String, "x").is_err());
        assert!(check_data_type("aws:ec2:image", Kind::SecureString, "ami-12345678").is_err());
    }

    #[test]
    fn values_do_not_nest_parameters() {
        assert!(check_nesting("{{ssm:other}}").is_err());
        assert!(check_nesting("a {{b}} c").is_err());
        for good in ["{{", "}}{{", "{ {a} }", "plain"] {
            assert!(check_nesting(good).is_ok(), "{good}");
        }
    }
}
