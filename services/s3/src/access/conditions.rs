//! The condition keys that only S3 has, as far as they follow from the request; those that follow from the bucket or
//! the object are [`super::facts`]'s.
//!
//! One function serves all operations: which member of an input is which key follows from where it goes on the wire.
//! Reference: "Actions, resources, and condition keys for Amazon S3" of the service authorization reference.

use base::Timestamp;
use schema::{ByteStream, Document, Entries, EventStream, Items, Member, Place, Structure, Writer};
use service::Call;

use crate::S3;

type Found = Vec<(String, Vec<String>)>;

/// Headers and query parameters that are keys under a name of their own.
const RENAMED: &[(&str, &str)] = &[
    ("x-amz-object-lock-mode", "s3:object-lock-mode"),
    ("x-amz-object-lock-legal-hold", "s3:object-lock-legal-hold"),
    ("If-Match", "s3:if-match"),
    ("If-None-Match", "s3:if-none-match"),
    ("versionId", "s3:VersionId"),
    ("prefix", "s3:prefix"),
    ("delimiter", "s3:delimiter"),
    ("max-keys", "s3:max-keys"),
];

/// Headers that are keys under the name they have.
const HEADERS: &[&str] = &[
    "x-amz-acl",
    "x-amz-bucket-namespace",
    "x-amz-copy-source",
    "x-amz-grant-full-control",
    "x-amz-grant-read",
    "x-amz-grant-read-acp",
    "x-amz-grant-write",
    "x-amz-grant-write-acp",
    "x-amz-metadata-directive",
    "x-amz-object-ownership",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
];

/// Operations on a directory bucket's objects that a read-only session may do.
const READS: &[&str] = &["Get", "Head", "List", "Select"];

const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// What the request says. The clause `keys` of every row of S3's table.
pub fn sent(_: &S3, call: &Call, input: &dyn Structure) -> Found {
    let mut found = of_signature(call);
    input.visit(&mut |member, value| {
        let mut to = Collector { found: &mut found, now: call.now, part: part_of(member), tag: None };
        if !matches!(to.part, Part::Nothing) {
            value.write(&mut to, member);
        }
    });
    let operation = input.shape().name;
    found.push(one("s3express:SessionMode", session_mode(operation, input)));
    if let Some(creates) = creates_object(operation) {
        found.push(one("s3:ObjectCreationOperation", creates));
    }
    found
}

/// What a session has to allow, and for CreateSession what it is asked to.
fn session_mode(operation: &str, input: &dyn Structure) -> String {
    let asked = operation.starts_with("CreateSession").then(|| text_of(input, "SessionMode")).flatten();
    let reads = READS.iter().any(|verb| operation.starts_with(verb));
    asked.unwrap_or_else(|| if reads { "ReadOnly" } else { "ReadWrite" }.to_owned())
}

/// The text of a member of an input, by its name in the model.
pub fn text_of(input: &dyn Structure, name: &str) -> Option<String> {
    let mut found = Vec::new();
    input.visit(&mut |member, value| {
        if member.name == name {
            let part = Part::Key("");
            value.write(&mut Collector { found: &mut found, now: Timestamp::EPOCH, part, tag: None }, member);
        }
    });
    found.pop().and_then(|(_, values)| values.into_iter().next())
}

fn one(key: &str, value: impl Into<String>) -> (String, Vec<String>) {
    (key.to_owned(), vec![value.into()])
}

fn of_signature(call: &Call) -> Found {
    let mut found = Vec::new();
    if let Some(signature) = &call.source.signature {
        found.push(one("s3:signatureversion", signature.version.as_str()));
        found.push(one("s3:authType", signature.carried.as_str()));
        if let Some(age) = signature.age {
            found.push(one("s3:signatureAge", age.as_millis().to_string()));
        }
        if let Some(hash) = &signature.content_sha256 {
            found.push(one("s3:x-amz-content-sha256", hash));
        }
    }
    if let Some(version) = &call.source.tls_version {
        found.push(one("s3:TlsVersion", version));
    }
    found
}

/// Only operations that could make an object have the key.
fn creates_object(operation: &str) -> Option<&'static str> {
    let starts = |names: &[&str]| names.iter().any(|name| operation.starts_with(name));
    if starts(&["PutObjectInput", "PutObjectRequest", "CopyObject", "CompleteMultipartUpload"]) {
        Some("true")
    } else if starts(&["CreateMultipartUpload", "UploadPart"]) {
        Some("false")
    } else {
        None
    }
}

/// What a member means to permissions.
#[derive(Clone, Copy)]
enum Part {
    Nothing,
    /// Its text is the value of this key.
    Key(&'static str),
    /// `key=value&…`
    TagHeader,
    Tags,
    RetainUntil,
    /// Structures, of which some members count.
    Inside(&'static [(&'static str, &'static str)]),
}

fn part_of(member: &Member) -> Part {
    match member.place {
        Place::Header | Place::Query => {
            let wire_name = member.wire_name;
            match wire_name {
                "x-amz-tagging" => Part::TagHeader,
                "x-amz-object-lock-retain-until-date" => Part::RetainUntil,
                _ => HEADERS
                    .iter()
                    .find(|name| **name == wire_name)
                    .map(|name| Part::Key(name))
                    .or_else(|| {
                        RENAMED.iter().find(|(name, _)| *name == wire_name).map(|(_, key)| Part::Key(key))
                    })
                    .unwrap_or(Part::Nothing),
            }
        }
        Place::Body => match member.name {
            "Tagging" => Part::Tags,
            "CreateBucketConfiguration" => Part::Inside(&[("LocationConstraint", "s3:LocationConstraint")]),
            "LegalHold" => Part::Inside(&[("Status", "s3:object-lock-legal-hold")]),
            "Retention" => Part::Inside(&[("Mode", "s3:object-lock-mode"), ("RetainUntilDate", "")]),
            "InventoryConfiguration" => {
                Part::Inside(&[("OptionalFields", "s3:InventoryAccessibleOptionalFields")])
            }
            _ => Part::Nothing,
        },
        _ => Part::Nothing,
    }
}

struct Collector<'a> {
    found: &'a mut Found,
    now: Timestamp,
    part: Part,
    /// Within a tag: the key and the value found so far.
    tag: Option<(String, String)>,
}

impl Collector<'_> {
    fn push(&mut self, key: &str, value: String) {
        // Headers keep their own names, which are not yet keys.
        let key = if key.is_empty() || key.contains(':') { key.to_owned() } else { format!("s3:{key}") };
        match self.found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => self.found.push((key, vec![value])),
        }
    }

    fn push_tag(&mut self, key: String, value: String) {
        self.push(&format!("s3:RequestObjectTag/{key}"), value);
        self.push("s3:RequestObjectTagKeys", key);
    }

    fn until(&mut self, until: Timestamp) {
        let left = until.as_millis() - self.now.as_millis();
        self.push("s3:object-lock-retain-until-date", until.to_iso8601());
        let days = left.max(0).div_euclid(DAY_MILLIS) + i64::from(left.max(0).rem_euclid(DAY_MILLIS) > 0);
        self.push("s3:object-lock-remaining-retention-days", days.to_string());
    }
}

impl Writer for Collector<'_> {
    fn string(&mut self, at: &'static Member, value: &str) {
        match (self.part, &mut self.tag) {
            (Part::Key(key), _) => self.push(key, value.to_owned()),
            (Part::TagHeader, _) => {
                for (key, value) in form_pairs(value) {
                    self.push_tag(key, value);
                }
            }
            (Part::Tags, Some((key, held))) => match at.name {
                "Key" => *key = value.to_owned(),
                "Value" => *held = value.to_owned(),
                _ => {}
            },
            _ => {}
        }
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        if let Part::Key(key) = self.part {
            self.push(key, value.to_string());
        }
    }

    fn timestamp(&mut self, _: &'static Member, value: Timestamp) {
        self.until(value);
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        match self.part {
            Part::Tags => value.visit(&mut |member, value| value.write(self, member)),
            Part::Inside(wanted) => value.visit(&mut |member, value| {
                if let Some((_, key)) = wanted.iter().find(|(name, _)| *name == member.name) {
                    let part = if key.is_empty() { Part::RetainUntil } else { Part::Key(key) };
                    let (found, now) = (&mut *self.found, self.now);
                    value.write(&mut Collector { found, now, part, tag: None }, member);
                }
            }),
            _ => {}
        }
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        let element = at.shape.element();
        for item in items.each {
            let is_tag = matches!(self.part, Part::Tags);
            self.tag = is_tag.then(Default::default);
            item.write(self, element);
            if let Some((key, value)) = self.tag.take() {
                self.push_tag(key, value);
            }
        }
    }

    fn null(&mut self, _: &'static Member) {}
    fn boolean(&mut self, _: &'static Member, _: bool) {}
    fn float(&mut self, _: &'static Member, _: f32) {}
    fn double(&mut self, _: &'static Member, _: f64) {}
    fn blob(&mut self, _: &'static Member, _: &[u8]) {}
    fn document(&mut self, _: &'static Member, _: &Document) {}
    fn map(&mut self, _: &'static Member, _: Entries<'_>) {}
    fn stream(&mut self, _: &'static Member, _: &ByteStream) {}
    fn events(&mut self, _: &'static Member, _: EventStream) {}
}

/// The pairs of a text like that of a query: `key=value&…`.
fn form_pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        let plain = text.replace('+', " ");
        percent_encoding::percent_decode_str(&plain).decode_utf8_lossy().into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    let split = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(key), decoded(value))
    };
    pairs.map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3_api as api;

    fn keys(input: &dyn Structure) -> Found {
        let mut found = Vec::new();
        input.visit(&mut |member, value| {
            let part = part_of(member);
            let mut to = Collector { found: &mut found, now: Timestamp::from_secs(0), part, tag: None };
            if !matches!(to.part, Part::Nothing) {
                value.write(&mut to, member);
            }
        });
        found.sort();
        found
    }

    fn pairs(expected: &[(&str, &[&str])]) -> Found {
        let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        expected.iter().map(|(key, values)| ((*key).to_owned(), owned(values))).collect()
    }

    #[test]
    fn headers_and_parameters_are_keys() {
        let list = api::ListObjectsV2Input {
            bucket: "b".to_owned(),
            prefix: Some("home/".to_owned()),
            max_keys: Some(10),
            ..Default::default()
        };
        assert_eq!(keys(&list), pairs(&[("s3:max-keys", &["10"]), ("s3:prefix", &["home/"])]));
        let put = api::PutObjectInput {
            acl: Some("public-read".into()),
            tagging: Some("team=a%20b&cost=1".to_owned()),
            object_lock_retain_until_date: Some(Timestamp::from_secs(86_401)),
            ..Default::default()
        };
        let expected = pairs(&[
            ("s3:RequestObjectTag/cost", &["1"]),
            ("s3:RequestObjectTag/team", &["a b"]),
            ("s3:RequestObjectTagKeys", &["team", "cost"]),
            ("s3:object-lock-remaining-retention-days", &["2"]),
            ("s3:object-lock-retain-until-date", &["1970-01-02T00:00:01Z"]),
            ("s3:x-amz-acl", &["public-read"]),
        ]);
        assert_eq!(keys(&put), expected);
    }

    #[test]
    fn what_is_in_the_body_is_found_too() {
        let create = api::CreateBucketInput {
            create_bucket_configuration: Some(api::CreateBucketConfiguration {
                location_constraint: Some("eu-west-1".into()),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert_eq!(keys(&create), pairs(&[("s3:LocationConstraint", &["eu-west-1"])]));
        let tag = |key: &str| api::Tag { key: key.to_owned(), value: "v".to_owned() };
        let tagging = api::PutObjectTaggingInput {
            tagging: api::Tagging { tag_set: vec![tag("a"), tag("b")] },
            ..Default::default()
        };
        let expected = pairs(&[
            ("s3:RequestObjectTag/a", &["v"]),
            ("s3:RequestObjectTag/b", &["v"]),
            ("s3:RequestObjectTagKeys", &["a", "b"]),
        ]);
        assert_eq!(keys(&tagging), expected);
        assert_eq!(
            text_of(
                &api::GetObjectInput { version_id: Some("v1".to_owned()), ..Default::default() },
                "VersionId"
            ),
            Some("v1".to_owned())
        );
    }
}
