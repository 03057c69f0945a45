//! Queue attributes: strings on the wire, typed here. One place knows names, ranges and defaults.
//!
//! Surprising: an empty value removes Policy, RedrivePolicy, RedriveAllowPolicy and KmsMasterKeyId, and CreateQueue
//! on an existing queue compares only what the request names (API reference, CreateQueue and SetQueueAttributes).

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use identity::policy::{Kind, Policy};

use super::redrive::{RedriveAllowPolicy, RedrivePolicy};
use crate::error::Error;
use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN, POLICY_BYTES_MAX, POLICY_STATEMENTS_MAX};

/// What a caller may set on a queue. Times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attributes {
    pub visibility_timeout: u32,
    pub delay: u32,
    pub message_bytes_max: u32,
    pub retention: u32,
    pub receive_wait: u32,
    /// As it was given, whitespace included.
    pub policy: Option<String>,
    pub redrive: Option<RedrivePolicy>,
    pub redrive_allow: Option<RedriveAllowPolicy>,
    pub encryption: Encryption,
    /// How long a data key is used, where a KMS key encrypts.
    pub kms_reuse: u32,
    /// Nothing for a standard queue.
    pub fifo: Option<Fifo>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Encryption {
    None,
    /// With keys that SQS owns.
    Managed,
    Kms(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fifo {
    pub content_based_deduplication: bool,
    /// Deduplication ids are unique within a message group rather than within the queue.
    pub deduplication_per_group: bool,
    pub throughput_per_group: bool,
}

struct Number {
    name: &'static str,
    range: RangeInclusive<u32>,
    field: fn(&mut Attributes) -> &mut u32,
}

const NUMBERS: &[Number] = &[
    Number { name: "VisibilityTimeout", range: 0..=43_200, field: |a| &mut a.visibility_timeout },
    Number { name: "DelaySeconds", range: 0..=900, field: |a| &mut a.delay },
    Number {
        name: "MaximumMessageSize",
        range: MESSAGE_BYTES_MIN as u32..=MESSAGE_BYTES_MAX as u32,
        field: |a| &mut a.message_bytes_max,
    },
    Number { name: "MessageRetentionPeriod", range: 60..=1_209_600, field: |a| &mut a.retention },
    Number { name: "ReceiveMessageWaitTimeSeconds", range: 0..=20, field: |a| &mut a.receive_wait },
    Number { name: "KmsDataKeyReusePeriodSeconds", range: 60..=86_400, field: |a| &mut a.kms_reuse },
];

impl Attributes {
    pub fn defaults(fifo: bool) -> Attributes {
        Attributes {
            visibility_timeout: 30,
            delay: 0,
            message_bytes_max: MESSAGE_BYTES_MAX as u32,
            retention: 345_600,
            receive_wait: 0,
            policy: None,
            redrive: None,
            redrive_allow: None,
            encryption: Encryption::Managed,
            kms_reuse: 300,
            fifo: fifo.then(Fifo::default),
        }
    }

    /// Applies what a request names; on an error the attributes are to be thrown away.
    pub fn apply(&mut self, changes: &BTreeMap<String, String>) -> Result<(), Error> {
        let named = |name: &str| changes.get(name).is_some_and(|value| !value.is_empty());
        if named("KmsMasterKeyId") && changes.get("SqsManagedSseEnabled").is_some_and(|value| value == "true")
        {
            return Err(Error::TwoEncryptions);
        }
        for (name, value) in changes {
            self.set(name, value)?;
        }
        match self.fifo {
            Some(Fifo { throughput_per_group: true, deduplication_per_group: false, .. }) => {
                Err(invalid("FifoThroughputLimit"))
            }
            _ => Ok(()),
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        if let Some(number) = NUMBERS.iter().find(|number| number.name == name) {
            let parsed = parse_number(value).filter(|parsed| number.range.contains(parsed));
            *(number.field)(self) = parsed.ok_or_else(|| invalid(name))?;
            return Ok(());
        }
        let given = (!value.is_empty()).then_some(value);
        match name {
            "Policy" => self.policy = given.map(parse_policy).transpose()?,
            "RedrivePolicy" => self.redrive = given.map(RedrivePolicy::parse).transpose()?,
            "RedriveAllowPolicy" => {
                self.redrive_allow = given.map(RedriveAllowPolicy::parse).transpose()?;
            }
            "KmsMasterKeyId" => match given {
                Some(key) => self.encryption = Encryption::Kms(key.to_owned()),
                None if matches!(self.encryption, Encryption::Kms(_)) => self.encryption = Encryption::None,
                None => {}
            },
            "SqsManagedSseEnabled" => match (parse_bool(name, value)?, &self.encryption) {
                (true, _) => self.encryption = Encryption::Managed,
                (false, Encryption::Managed) => self.encryption = Encryption::None,
                (false, _) => {}
            },
            _ => self.set_fifo(name, value)?,
        }
        Ok(())
    }

    fn set_fifo(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let unknown = || Error::InvalidAttributeName(name.to_owned());
        let fifo = self.fifo.as_mut().ok_or_else(unknown)?;
        match (name, value) {
            ("FifoQueue", "true") => {}
            ("FifoQueue", _) => {
                return Err(Error::InvalidAttributeValue {
                    name: name.to_owned(),
                    reason: Some("Modifying queue type is not supported.".to_owned()),
                });
            }
            ("ContentBasedDeduplication", _) => fifo.content_based_deduplication = parse_bool(name, value)?,
            ("DeduplicationScope", "queue") => fifo.deduplication_per_group = false,
            ("DeduplicationScope", "messageGroup") => fifo.deduplication_per_group = true,
            ("FifoThroughputLimit", "perQueue") => fifo.throughput_per_group = false,
            ("FifoThroughputLimit", "perMessageGroupId") => fifo.throughput_per_group = true,
            ("DeduplicationScope" | "FifoThroughputLimit", _) => return Err(invalid(name)),
            _ => return Err(unknown()),
        }
        Ok(())
    }

    /// All attributes that are set, as GetQueueAttributes shows them.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        let mut put = |name: &str, value: String| drop(map.insert(name.to_owned(), value));
        put("VisibilityTimeout", self.visibility_timeout.to_string());
        put("DelaySeconds", self.delay.to_string());
        put("MaximumMessageSize", self.message_bytes_max.to_string());
        put("MessageRetentionPeriod", self.retention.to_string());
        put("ReceiveMessageWaitTimeSeconds", self.receive_wait.to_string());
        put("SqsManagedSseEnabled", (self.encryption == Encryption::Managed).to_string());
        if let Encryption::Kms(key) = &self.encryption {
            put("KmsMasterKeyId", key.clone());
            put("KmsDataKeyReusePeriodSeconds", self.kms_reuse.to_string());
        }
        if let Some(policy) = &self.policy {
            put("Policy", policy.clone());
        }
        if let Some(redrive) = &self.redrive {
            put("RedrivePolicy", redrive.to_text());
        }
        if let Some(allow) = &self.redrive_allow {
            put("RedriveAllowPolicy", allow.to_text());
        }
        if let Some(fifo) = &self.fifo {
            let per = |group: bool, yes: &str, no: &str| if group { yes.to_owned() } else { no.to_owned() };
            put("FifoQueue", "true".to_owned());
            put("ContentBasedDeduplication", fifo.content_based_deduplication.to_string());
            put("DeduplicationScope", per(fifo.deduplication_per_group, "messageGroup", "queue"));
            put("FifoThroughputLimit", per(fifo.throughput_per_group, "perMessageGroupId", "perQueue"));
        }
        map
    }

    /// The first attribute that `changes` names with another value than this queue has.
    pub fn first_difference(&self, changes: &BTreeMap<String, String>) -> Result<Option<String>, Error> {
        for (name, value) in changes {
            let mut changed = self.clone();
            changed.set(name, value)?;
            let same_policy = || json(self.policy.as_deref()) == json(changed.policy.as_deref());
            let differs = match name.as_str() {
                "Policy" => !same_policy(),
                _ => *self != changed,
            };
            if differs {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }
}

/// Whether a request to create a queue asks for a FIFO queue. `false` is no value for this attribute.
pub fn wants_fifo(changes: &BTreeMap<String, String>) -> Result<bool, Error> {
    match changes.get("FifoQueue").map(String::as_str) {
        None => Ok(false),
        Some("true") => Ok(true),
        Some("false") => Err(Error::InvalidAttributeName("FifoQueue".to_owned())),
        Some(_) => Err(invalid("FifoQueue")),
    }
}

fn invalid(name: &str) -> Error {
    Error::InvalidAttributeValue { name: name.to_owned(), reason: None }
}

fn parse_number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn parse_bool(name: &str, value: &str) -> Result<bool, Error> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(invalid(name)),
    }
}

/// SQS says no more than that the policy is wrong, whatever is wrong with it.
fn parse_policy(text: &str) -> Result<String, Error> {
    let policy = Policy::parse(Kind::Resource, text).map_err(|_| invalid("Policy"))?;
    let fits = text.len() <= POLICY_BYTES_MAX && policy.statements() <= POLICY_STATEMENTS_MAX;
    if fits { Ok(text.to_owned()) } else { Err(invalid("Policy")) }
}

fn json(text: Option<&str>) -> Option<serde_json::Value> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn check(fifo: bool, pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, Error> {
        let mut attributes = Attributes::defaults(fifo);
        attributes.apply(&changes(pairs)).map(|()| attributes.to_map())
    }

    #[test]
    fn numbers_keep_their_ranges() {
        for number in NUMBERS {
            let (low, high) = (*number.range.start(), *number.range.end());
            for good in [low, high] {
                assert!(check(false, &[(number.name, &good.to_string())]).is_ok(), "{} {good}", number.name);
            }
            let mut bad = vec![(high + 1).to_string(), "x".into(), String::new(), "+1".into(), "-1".into()];
            bad.extend(low.checked_sub(1).map(|below| below.to_string()));
            for value in bad {
                assert_eq!(check(false, &[(number.name, &value)]), Err(invalid(number.name)), "{value}");
            }
        }
    }

    #[test]
    fn what_is_set_reads_back() {
        let policy = r#"{ "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*"}] }"#;
        let map = check(
            true,
            &[
                ("FifoQueue", "true"),
                ("DelaySeconds", "5"),
                ("Policy", policy),
                ("DeduplicationScope", "messageGroup"),
                ("FifoThroughputLimit", "perMessageGroupId"),
                ("KmsMasterKeyId", "alias/k"),
            ],
        )
        .unwrap();
        assert_eq!(map["DelaySeconds"], "5");
        assert_eq!(map["Policy"], policy);
        assert_eq!(map["FifoThroughputLimit"], "perMessageGroupId");
        assert_eq!(map["KmsMasterKeyId"], "alias/k");
        assert_eq!(map["SqsManagedSseEnabled"], "false");
        assert!(!check(false, &[]).unwrap().contains_key("FifoQueue"));
    }

    #[test]
    fn wrong_names_and_combinations_are_refused() {
        let unknown = |name: &str| Err(Error::InvalidAttributeName(name.to_owned()));
        assert_eq!(check(false, &[("Foo", "1")]), unknown("Foo"));
        assert_eq!(check(false, &[("QueueArn", "x")]), unknown("QueueArn"));
        assert_eq!(
            check(false, &[("ContentBasedDeduplication", "true")]),
            unknown("ContentBasedDeduplication")
        );
        assert_eq!(
            check(true, &[("FifoThroughputLimit", "perMessageGroupId")]),
            Err(invalid("FifoThroughputLimit"))
        );
        for policy in ["{", "{}", r#"{"Statement":[{}]}"#, r#"{"Statement":"x"}"#] {
            assert_eq!(check(false, &[("Policy", policy)]), Err(invalid("Policy")), "{policy}");
        }
        let both = check(false, &[("KmsMasterKeyId", "k"), ("SqsManagedSseEnabled", "true")]);
        assert_eq!(both, Err(Error::TwoEncryptions));
    }

    #[test]
    fn an_existing_queue_is_compared_only_in_what_is_named() {
        let attributes = Attributes::defaults(false);
        assert_eq!(attributes.first_difference(&changes(&[("DelaySeconds", "0")])), Ok(None));
        let differs =
            attributes.first_difference(&changes(&[("DelaySeconds", "0"), ("VisibilityTimeout", "31")]));
        assert_eq!(differs, Ok(Some("VisibilityTimeout".to_owned())));
    }
}
