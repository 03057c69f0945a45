//! Dead-letter settings: which queue takes the messages that were received too often, and which queues a
//! dead-letter queue takes them from.

use base::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Error;
use crate::limits::{RECEIVES_BEFORE_DEAD_MAX, REDRIVE_SOURCES_MAX};

/// Where messages go once they were received `receives_max` times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedrivePolicy {
    pub target: Arn,
    pub receives_max: u32,
}

/// Which queues may name this one as their dead-letter queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RedriveAllowPolicy {
    AllowAll,
    DenyAll,
    ByQueue(Vec<Arn>),
}

/// A refusal that repeats the attribute's text, as SQS does.
pub fn refused(parameter: &str, text: &str, reason: &str) -> Error {
    Error::InvalidValue { value: text.to_owned(), parameter: parameter.to_owned(), reason: reason.to_owned() }
}

impl RedrivePolicy {
    pub fn parse(text: &str) -> Result<RedrivePolicy, Error> {
        let fail = |reason: &str| refused("RedrivePolicy", text, reason);
        let Ok(Value::Object(map)) = serde_json::from_str(text) else {
            return Err(fail("Redrive policy is not a valid JSON map."));
        };
        let missing =
            |name: &str| fail(&format!("Redrive policy does not contain mandatory attribute: {name}."));
        let count = map.get("maxReceiveCount").ok_or_else(|| missing("maxReceiveCount"))?;
        let target = map.get("deadLetterTargetArn").ok_or_else(|| missing("deadLetterTargetArn"))?;
        let number = match count {
            Value::Number(number) => number.as_u64(),
            Value::String(digits) => digits.parse().ok(),
            _ => None,
        };
        let shown = count.as_str().map_or_else(|| count.to_string(), str::to_owned);
        let receives_max = number
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (1..=RECEIVES_BEFORE_DEAD_MAX).contains(number))
            .ok_or_else(|| {
                fail(&format!(
                    "Invalid value for maxReceiveCount: {shown}, valid values are from 1 to 1000 both inclusive."
                ))
            })?;
        let target = target
            .as_str()
            .and_then(|arn| arn.parse::<Arn>().ok())
            .filter(|arn| arn.service() == "sqs")
            .ok_or_else(|| fail("Invalid value for deadLetterTargetArn."))?;
        Ok(RedrivePolicy { target, receives_max })
    }

    /// The attribute's text as GetQueueAttributes shows it.
    pub fn to_text(&self) -> String {
        json!({ "deadLetterTargetArn": self.target, "maxReceiveCount": self.receives_max }).to_string()
    }
}

impl RedriveAllowPolicy {
    pub fn parse(text: &str) -> Result<RedriveAllowPolicy, Error> {
        let fail = |reason: &str| refused("RedriveAllowPolicy", text, reason);
        let Ok(Value::Object(map)) = serde_json::from_str(text) else {
            return Err(fail("Redrive allow policy is not a valid JSON map."));
        };
        let permission = map.get("redrivePermission").and_then(Value::as_str).unwrap_or_default();
        let sources = map.get("sourceQueueArns");
        match (permission, sources) {
            ("allowAll", None) => Ok(RedriveAllowPolicy::AllowAll),
            ("denyAll", None) => Ok(RedriveAllowPolicy::DenyAll),
            ("allowAll" | "denyAll", Some(_)) => {
                Err(fail("sourceQueueArns may only be given with redrivePermission byQueue."))
            }
            ("byQueue", Some(Value::Array(sources))) => {
                let arns: Option<Vec<Arn>> = sources.iter().map(|arn| arn.as_str()?.parse().ok()).collect();
                let arns = arns.ok_or_else(|| fail("sourceQueueArns must be a list of queue ARNs."))?;
                if arns.is_empty() || arns.len() > REDRIVE_SOURCES_MAX {
                    return Err(fail("sourceQueueArns must name 1 to 10 queues."));
                }
                Ok(RedriveAllowPolicy::ByQueue(arns))
            }
            ("byQueue", _) => Err(fail("redrivePermission byQueue needs a list sourceQueueArns.")),
            _ => Err(fail("redrivePermission must be one of allowAll, denyAll and byQueue.")),
        }
    }

    pub fn to_text(&self) -> String {
        match self {
            RedriveAllowPolicy::AllowAll => json!({ "redrivePermission": "allowAll" }),
            RedriveAllowPolicy::DenyAll => json!({ "redrivePermission": "denyAll" }),
            RedriveAllowPolicy::ByQueue(arns) => {
                json!({ "redrivePermission": "byQueue", "sourceQueueArns": arns })
            }
        }
        .to_string()
    }

    pub fn allows(&self, source: &Arn) -> bool {
        match self {
            RedriveAllowPolicy::AllowAll => true,
            RedriveAllowPolicy::DenyAll => false,
            RedriveAllowPolicy::ByQueue(arns) => arns.contains(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DLQ: &str = "arn:aws:sqs:us-east-1:000000000000:dead";

    #[test]
    fn a_redrive_policy_reads_back_normalised() {
        for count in ["5", "\"5\""] {
            let text = format!(r#"{{"maxReceiveCount":{count},"deadLetterTargetArn":"{DLQ}","x":1}}"#);
            let policy = RedrivePolicy::parse(&text).unwrap();
            let expected = format!(r#"{{"deadLetterTargetArn":"{DLQ}","maxReceiveCount":5}}"#);
            assert_eq!(policy.to_text(), expected);
        }
    }

    #[test]
    fn a_bad_redrive_policy_says_what_is_wrong() {
        for (text, reason) in [
            ("[]", "Redrive policy is not a valid JSON map."),
            (
                r#"{"deadLetterTargetArn":"x"}"#,
                "Redrive policy does not contain mandatory attribute: maxReceiveCount.",
            ),
            (
                r#"{"maxReceiveCount":1001,"deadLetterTargetArn":"x"}"#,
                "Invalid value for maxReceiveCount: 1001, valid values are from 1 to 1000 both inclusive.",
            ),
            (r#"{"maxReceiveCount":1,"deadLetterTargetArn":"x"}"#, "Invalid value for deadLetterTargetArn."),
        ] {
            assert_eq!(RedrivePolicy::parse(text), Err(refused("RedrivePolicy", text, reason)));
        }
    }

    #[test]
    fn an_allow_policy_names_queues_only_by_queue() {
        let by_queue = format!(r#"{{"redrivePermission":"byQueue","sourceQueueArns":["{DLQ}"]}}"#);
        let policy = RedriveAllowPolicy::parse(&by_queue).unwrap();
        assert_eq!(policy.to_text(), by_queue);
        assert!(policy.allows(&DLQ.parse().unwrap()));
        for bad in [
            "",
            "{}",
            r#"{"redrivePermission":"some"}"#,
            r#"{"redrivePermission":"byQueue"}"#,
            r#"{"redrivePermission":"byQueue","sourceQueueArns":[]}"#,
            r#"{"redrivePermission":"denyAll","sourceQueueArns":["x"]}"#,
        ] {
            assert!(RedriveAllowPolicy::parse(bad).is_err(), "{bad}");
        }
    }
}
