//! The policy of a form.

use base::Timestamp;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;

use super::condition::{self, Condition};
use super::error::FormError;
use super::form::Form;
use super::limits::{CONDITIONS_MAX, FIELDS_BYTES_MAX};

/// What the signer of a form allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostPolicy {
    expiration: Timestamp,
    conditions: Vec<Condition>,
}

/// How long the file may be, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LengthRange {
    pub min: u64,
    pub max: u64,
}

/// Fields that no condition needs to cover: the signature itself, what is signed, and the file. Names that begin with
/// [`IGNORED_PREFIX`] are not covered either.
const EXEMPT: &[&str] = &["awsaccesskeyid", "file", "policy", "signature", "x-amz-signature"];
const IGNORED_PREFIX: &str = "x-ignore-";

impl Form {
    /// The policy, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn policy(&self) -> Result<Option<PostPolicy>, FormError> {
        self.get("policy").map(PostPolicy::parse).transpose()
    }
}

impl PostPolicy {
    /// Reads a policy as the form has it, in Base64.
    ///
    /// # Errors
    /// If it is no policy.
    pub fn parse(text: &str) -> Result<PostPolicy, FormError> {
        if text.len() > FIELDS_BYTES_MAX {
            return Err(FormError::TooManyFields);
        }
        // Some signers break the lines.
        let packed: String = text.chars().filter(|char| !char.is_ascii_whitespace()).collect();
        let bytes = BASE64_STANDARD.decode(packed).map_err(|_| FormError::PolicyNotJson)?;
        let Ok(Value::Object(document)) = serde_json::from_slice(&bytes) else {
            return Err(FormError::PolicyNotJson);
        };
        let expiration = match document.get("expiration") {
            None => return Err(FormError::PolicyInvalid("Policy missing expiration.")),
            Some(value) => value.as_str().and_then(Timestamp::parse_iso8601),
        };
        let expiration = expiration.ok_or(FormError::PolicyInvalid("Invalid 'expiration' value"))?;
        let conditions = match document.get("conditions") {
            None => return Err(FormError::PolicyInvalid("Policy missing conditions.")),
            Some(Value::Array(elements)) => elements,
            Some(_) => return Err(FormError::PolicyInvalid("Invalid 'conditions' value")),
        };
        let conditions: Vec<Condition> = conditions.iter().flat_map(condition::read).collect();
        if conditions.len() > CONDITIONS_MAX {
            return Err(FormError::TooManyFields);
        }
        Ok(PostPolicy { expiration, conditions })
    }

    /// Holds a form for a bucket against the conditions at a moment, and returns what is left to be checked when the
    /// file has come.
    ///
    /// # Errors
    /// With the first condition that fails, or the fields that none is about. The bucket counts as a field even though
    /// the form need not have it.
    pub fn check(&self, form: &Form, bucket: &str, now: Timestamp) -> Result<LengthRange, FormError> {
        if self.expiration < now {
            return Err(FormError::PolicyExpired);
        }
        if let Some(failed) = self.conditions.iter().find(|condition| !condition.holds(form, bucket)) {
            return Err(FormError::ConditionFailed(failed.shown()));
        }
        let is_covered = |name: &str| {
            EXEMPT.contains(&name)
                || name.starts_with(IGNORED_PREFIX)
                || self.conditions.iter().any(|condition| condition.field() == Some(name))
        };
        let names = form.iter().map(|(name, _)| name).filter(|name| *name != "bucket").chain(["bucket"]);
        let extra: Vec<String> = names.filter(|name| !is_covered(name)).map(str::to_owned).collect();
        if !extra.is_empty() {
            return Err(FormError::ExtraFields(extra));
        }
        Ok(self.lengths())
    }

    /// The narrowest range.
    fn lengths(&self) -> LengthRange {
        self.conditions.iter().fold(LengthRange::ANY, |range, condition| match condition {
            Condition::Length(other) => {
                LengthRange { min: range.min.max(other.min), max: range.max.min(other.max) }
            }
            _ => range,
        })
    }
}

impl LengthRange {
    /// Any length.
    pub const ANY: LengthRange = LengthRange { min: 0, max: u64::MAX };

    /// Whether so much may have come, while it comes.
    ///
    /// # Errors
    /// If it is too much already.
    pub fn check_so_far(&self, bytes: u64) -> Result<(), FormError> {
        if bytes > self.max { Err(FormError::TooLarge { bytes, max: self.max }) } else { Ok(()) }
    }

    /// Whether the whole file may have this length.
    ///
    /// # Errors
    /// If it may not.
    pub fn check(&self, bytes: u64) -> Result<(), FormError> {
        if bytes < self.min {
            return Err(FormError::TooSmall { bytes, min: self.min });
        }
        self.check_so_far(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

    fn form(fields: &[(&str, &str)]) -> Form {
        let mut form = Form::default();
        for (name, value) in fields {
            form.push(name, (*value).to_owned()).unwrap();
        }
        form
    }

    fn policy(conditions: &str) -> Result<PostPolicy, FormError> {
        let text = format!(r#"{{"expiration": "2033-01-01T00:00:00.000Z", "conditions": {conditions}}}"#);
        PostPolicy::parse(&BASE64_STANDARD.encode(text))
    }

    fn told(conditions: &str, fields: &[(&str, &str)]) -> Result<LengthRange, String> {
        policy(conditions)
            .and_then(|policy| policy.check(&form(fields), "b", NOW))
            .map_err(|error| error.fault().message)
    }

    #[test]
    fn a_form_keeps_to_its_policy() {
        let key = [("key", "user/eric/a")];
        for (conditions, fields, failed) in [
            (r#"[{"bucket": "b"}, ["starts-with", "$key", "user/eric/"]]"#, &key[..], None),
            (r#"[{"bucket": "b"}, ["eq", "$Key", "user/eric/a"]]"#, &key, None),
            (r#"[{"bucket": "b", "key": "user/eric/a"}]"#, &key, None),
            (
                r#"[{"bucket": "b"}, ["starts-with", "$key", ""], ["starts-with", "$x-amz-meta-a", ""]]"#,
                &key,
                None,
            ),
            (r#"[{"bucket": "c"}, ["starts-with", "$key", ""]]"#, &key, Some(r#"["eq", "$bucket", "c"]"#)),
            (
                r#"[{"bucket": "b"}, ["starts-with", "$Key", "user/bob/"]]"#,
                &key,
                Some(r#"["starts-with", "$Key", "user/bob/"]"#),
            ),
            (
                r#"[{"bucket": "b"}, ["starts-with", "$key", ""], {"acl": "private"}]"#,
                &key,
                Some(r#"["eq", "$acl", "private"]"#),
            ),
            (r#"[{"bucket": "b"}, ["like", "$key", ""]]"#, &key, Some(r#"["like","$key",""]"#)),
            (r#"[{"bucket": "b"}, ["eq", "key", ""]]"#, &key, Some(r#"["eq","key",""]"#)),
            (r#"[{"bucket": 1}]"#, &key, Some(r#"["eq", "$bucket", 1]"#)),
        ] {
            let expected = failed
                .map(|failed| format!("Invalid according to Policy: Policy Condition failed: {failed}"));
            assert_eq!(told(conditions, fields).err(), expected, "{conditions}");
        }
        let types = |value| [("key", "k"), ("Content-Type", value)];
        let images = r#"[{"bucket": "b"}, {"key": "k"}, ["starts-with", "$Content-Type", "image/"]]"#;
        assert!(told(images, &types("image/png, image/gif")).is_ok());
        assert!(told(images, &types("image/png, text/html")).is_err());
    }

    #[test]
    fn every_field_is_covered_but_the_exempt_ones() {
        let fields = [
            ("key", "k"),
            ("policy", "p"),
            ("x-amz-signature", "s"),
            ("signature", "s"),
            ("AWSAccessKeyId", "a"),
            ("x-ignore-me", "i"),
        ];
        let conditions = r#"[{"bucket": "b"}, {"key": "k"}]"#;
        assert!(told(conditions, &fields).is_ok());
        let extra = [&fields[..], &[("Content-Type", "t"), ("x-amz-date", "d")]].concat();
        let message = "Invalid according to Policy: Extra input fields: content-type, x-amz-date";
        assert_eq!(told(conditions, &extra), Err(message.to_owned()));
        let message = "Invalid according to Policy: Extra input fields: bucket";
        assert_eq!(told(r#"[{"key": "k"}]"#, &fields), Err(message.to_owned()));
    }

    #[test]
    fn what_is_no_policy_is_told_so() {
        let told = |text: &str| PostPolicy::parse(&BASE64_STANDARD.encode(text)).unwrap_err().fault().message;
        assert_eq!(PostPolicy::parse("%").unwrap_err(), FormError::PolicyNotJson);
        assert_eq!(told("{"), "Invalid Policy: Invalid JSON.");
        assert_eq!(told("[]"), "Invalid Policy: Invalid JSON.");
        assert_eq!(told("{}"), "Invalid Policy: Policy missing expiration.");
        assert_eq!(told(r#"{"expiration": "soon"}"#), "Invalid Policy: Invalid 'expiration' value");
        assert_eq!(
            told(r#"{"expiration": "2033-01-01T00:00:00Z"}"#),
            "Invalid Policy: Policy missing conditions."
        );
        let old = BASE64_STANDARD.encode(r#"{"expiration": "2013-01-01T00:00:00Z", "conditions": []}"#);
        let old = PostPolicy::parse(&old).unwrap().check(&form(&[]), "b", NOW).unwrap_err();
        assert_eq!(old.fault().message, "Invalid according to Policy: Policy expired.");
    }

    #[test]
    fn the_file_keeps_to_the_narrowest_range() {
        let conditions =
            r#"[{"bucket": "b"}, ["content-length-range", 2, 9], ["content-length-range", "1", "5"]]"#;
        let range = told(conditions, &[]).unwrap();
        assert_eq!(range, LengthRange { min: 2, max: 5 });
        assert_eq!(range.check(1).unwrap_err().fault().code, "EntityTooSmall");
        assert_eq!(range.check(6).unwrap_err().fault().code, "EntityTooLarge");
        assert!(range.check(2).is_ok() && range.check(5).is_ok());
    }

    #[test]
    fn a_field_is_there_once_and_all_are_small() {
        let mut form = form(&[("key", "k")]);
        assert_eq!(form.push("KEY", "j".to_owned()), Err(FormError::Malformed));
        assert_eq!(form.push("x", "x".repeat(FIELDS_BYTES_MAX)), Err(FormError::TooManyFields));
    }
}
