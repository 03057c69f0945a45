//! Receiving messages.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use queue_engine::{DeadLetter, ReceiveOptions, Received};
use service::Call;
use sqs_api::{Message, MessageAttributeValue, ReceiveMessageInput, ReceiveMessageOutput};

use super::messages::sequence_number;
use super::open;
use crate::Sqs;
use crate::directory::Queue;
use crate::error::Error;
use crate::limits::{RECEIVE_MESSAGES_MAX, VISIBILITY_SECONDS_MAX, WAIT_SECONDS_MAX};
use crate::model::attributes::Encryption;
use crate::model::batch::absent_if_empty;
use crate::model::envelope::Envelope;
use crate::model::handle;
use crate::model::message::check_token;
use crate::model::message_attributes::{Attribute, Value, hex, md5};

pub async fn receive_message(
    sqs: &Sqs,
    call: &Call,
    input: ReceiveMessageInput,
) -> Result<ReceiveMessageOutput, Error> {
    let max =
        within(input.max_number_of_messages, 1..=RECEIVE_MESSAGES_MAX, "MaxNumberOfMessages")?.unwrap_or(1);
    let wait = within(input.wait_time_seconds, 0..=WAIT_SECONDS_MAX, "WaitTimeSeconds")?;
    let visibility = within(input.visibility_timeout, 0..=VISIBILITY_SECONDS_MAX, "VisibilityTimeout")?;
    if let Some(attempt) = &input.receive_request_attempt_id {
        check_token(attempt, "ReceiveRequestAttemptId")?;
    }
    let queue = open(sqs, call, &input.queue_url).await?;
    let settings = &queue.record.attributes;
    let seconds = |given: Option<u32>, of_queue: u32| Duration::from_secs(given.unwrap_or(of_queue).into());
    let wait = seconds(wait, settings.receive_wait);
    let options = ReceiveOptions {
        max: max as usize,
        visibility: seconds(visibility, settings.visibility_timeout),
        wait,
        attempt: input.receive_request_attempt_id.clone().filter(|_| queue.is_fifo()),
        dead_letter: dead_letter(sqs, &queue).await?,
    };
    if matches!(settings.encryption, Encryption::Kms(_))
        && let Some(next) = sqs.engine.peek(queue.id()).await?
    {
        // Who may not decrypt does not hide messages from those who may.
        sqs.encryption.admit_receiver(call, &queue, &next).await?;
    }
    let received = sqs.engine.receive(queue.id(), &options);
    let received = if wait.is_zero() {
        received.await
    } else {
        tokio::select! {
            received = received => received,
            // A shutdown ends long polls at once; the client asks again.
            () = sqs.tasks.stopped() => Ok(Vec::new()),
        }
    };
    let received = match received.map_err(Error::from) {
        // A long poll never tells that too many are in flight; it finds nothing.
        Err(Error::OverLimit(_)) if !wait.is_zero() => Vec::new(),
        other => other?,
    };

    let messages = Reader { sqs, call, queue: &queue, wanted: Wanted::new(input) }.read(received).await?;
    Ok(ReceiveMessageOutput { messages: absent_if_empty(messages) })
}

/// A whole number that must lie in a range, if it is there.
fn within(
    given: Option<i32>,
    range: std::ops::RangeInclusive<i32>,
    parameter: &str,
) -> Result<Option<u32>, Error> {
    match given {
        Some(number) if !range.contains(&number) => {
            let (low, high) = (range.start(), range.end());
            // AWS words this one parameter in a way of its own.
            let reason = if parameter == "WaitTimeSeconds" {
                format!("Must be >= {low} and <= {high}, if provided.")
            } else {
                format!("Must be between {low} and {high}, if provided.")
            };
            Err(Error::invalid_value(number, parameter, &reason))
        }
        other => Ok(other.map(i32::unsigned_abs)),
    }
}

/// Where messages received too often go, if that queue still exists.
async fn dead_letter(sqs: &Sqs, queue: &Queue) -> Result<Option<DeadLetter>, Error> {
    let Some(redrive) = &queue.record.attributes.redrive else {
        return Ok(None);
    };
    let target = sqs.directory.find_arn(&redrive.target).await?;
    Ok(target.map(|target| DeadLetter { receive_count_max: redrive.receives_max, target: target.id() }))
}

/// What a receiver asked to be told about each message.
struct Wanted {
    system: Vec<String>,
    user: Vec<String>,
}

impl Wanted {
    fn new(input: ReceiveMessageInput) -> Wanted {
        let old = input.attribute_names.into_iter().flatten().map(|name| name.as_str().to_owned());
        let new = input.message_system_attribute_names.into_iter().flatten();
        let new = new.map(|name| name.as_str().to_owned());
        Wanted { system: old.chain(new).collect(), user: input.message_attribute_names.unwrap_or_default() }
    }

    fn wants_system(&self, name: &str) -> bool {
        self.system.iter().any(|wanted| wanted == "All" || wanted == name)
    }

    /// By exact name, all, or by what stands before `.*`.
    fn wants_user(&self, name: &str) -> bool {
        self.user.iter().any(|wanted| match wanted.strip_suffix(".*") {
            Some(prefix) => name.starts_with(prefix),
            None => wanted == "All" || wanted == name,
        })
    }
}

/// Makes what the engine gave into what a receiver is told.
struct Reader<'a> {
    sqs: &'a Sqs,
    call: &'a Call,
    queue: &'a Queue,
    wanted: Wanted,
}

impl Reader<'_> {
    /// What can be read. Messages that the caller may not decrypt are visible again at once; only where nothing else
    /// is there, the receive fails.
    async fn read(&self, received: Vec<Received>) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::with_capacity(received.len());
        let (mut back, mut first_failure) = (Vec::new(), None);
        for received in received {
            let receipt = received.receipt;
            // In a FIFO queue nothing overtakes a message that stays.
            if first_failure.is_some() && self.queue.is_fifo() {
                back.push((receipt, Duration::ZERO));
                continue;
            }
            match message(self, received).await {
                Ok(message) => messages.push(message),
                Err(error) => {
                    if error.is_senders() {
                        back.push((receipt, Duration::ZERO));
                    } else {
                        tracing::error!(queue = self.queue.name, %error, "a message cannot be read");
                    }
                    first_failure.get_or_insert(error);
                }
            }
        }
        if !back.is_empty() {
            self.sqs.engine.change_visibility_batch(self.queue.id(), &back).await?;
        }
        match first_failure {
            Some(error) if messages.is_empty() => Err(error),
            _ => Ok(messages),
        }
    }
}

async fn message(reader: &Reader<'_>, received: Received) -> Result<Message, Error> {
    let Reader { sqs, call, queue, wanted } = reader;
    let opened = sqs.encryption.open(call, queue, &received.body).await?;
    let envelope = Envelope::decode(&opened)
        .ok_or_else(|| Error::Internal(format!("message {} is damaged", received.id).into()))?;
    let attributes: Vec<Attribute<'_>> =
        envelope.attributes.iter().filter(|attribute| wanted.wants_user(attribute.name)).cloned().collect();
    let user: BTreeMap<String, MessageAttributeValue> =
        attributes.iter().map(|attribute| (attribute.name.to_owned(), to_value(attribute))).collect();
    let system = system_attributes(sqs, queue, wanted, &received, &envelope).await?;
    Ok(Message {
        message_id: Some(received.id.to_string()),
        receipt_handle: Some(handle::to_text(received.receipt)),
        md5_of_body: Some(hex(&envelope.md5_of_body)),
        body: Some(envelope.body.to_owned()),
        attributes: (!system.is_empty()).then_some(system),
        md5_of_message_attributes: md5(attributes.into_iter()),
        message_attributes: (!user.is_empty()).then_some(user),
    })
}

async fn system_attributes(
    sqs: &Sqs,
    queue: &Queue,
    wanted: &Wanted,
    received: &Received,
    envelope: &Envelope<'_>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut map = BTreeMap::new();
    if wanted.system.is_empty() {
        return Ok(map);
    }
    let mut put = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|_| wanted.wants_system(name)) {
            map.insert(name.to_owned(), value);
        }
    };
    put("SenderId", Some(envelope.sender_id.to_owned()));
    put("SentTimestamp", Some(received.sent_at.as_millis().to_string()));
    put("ApproximateReceiveCount", Some(received.receive_count.to_string()));
    put("ApproximateFirstReceiveTimestamp", Some(received.first_received_at.as_millis().to_string()));
    put("MessageGroupId", received.group.clone());
    put("AWSTraceHeader", envelope.trace_header.map(str::to_owned));
    if queue.is_fifo() {
        put("SequenceNumber", Some(sequence_number(received.sequence)));
        // A message that came to a dead-letter queue is known by its own id there.
        let id = match received.dead_letter_source {
            Some(_) => Some(received.id.to_string()),
            None => envelope.deduplication_id.map(str::to_owned),
        };
        put("MessageDeduplicationId", id);
    }
    if let Some(source) =
        received.dead_letter_source.filter(|_| wanted.wants_system("DeadLetterQueueSourceArn"))
    {
        put("DeadLetterQueueSourceArn", sqs.directory.arn_of(source).await?.map(|arn| arn.to_string()));
    }
    Ok(map)
}

fn to_value(attribute: &Attribute<'_>) -> MessageAttributeValue {
    let (text, binary) = match attribute.value {
        Value::Text(text) => (Some(text.to_owned()), None),
        Value::Binary(bytes) => (None, Some(Bytes::copy_from_slice(bytes))),
    };
    MessageAttributeValue {
        data_type: attribute.data_type.to_owned(),
        string_value: text,
        binary_value: binary,
        ..MessageAttributeValue::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_wanted_by_name_prefix_or_all() {
        let wants = |patterns: &[&str], name: &str| {
            let user = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            Wanted { system: Vec::new(), user }.wants_user(name)
        };
        assert!(wants(&["All"], "x") && wants(&[".*"], "x") && wants(&["foo.*"], "foo.bar"));
        assert!(wants(&["foo.*"], "food") && wants(&["a", "x"], "x"));
        assert!(!wants(&[], "x") && !wants(&["bar.*", "foo"], "foo.bar"));
    }

    #[test]
    fn numbers_out_of_range_are_refused_in_sqs_words() {
        for (number, range, parameter, reason) in [
            (11, 1..=10, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."),
            (21, 0..=20, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided."),
            (-1, 0..=43_200, "VisibilityTimeout", "Must be between 0 and 43200, if provided."),
        ] {
            let expected = Err(Error::invalid_value(number, parameter, reason));
            assert_eq!(within(Some(number), range, parameter), expected);
        }
        assert_eq!(within(Some(0), 0..=20, "WaitTimeSeconds"), Ok(Some(0)));
        assert_eq!(within(None, 0..=20, "WaitTimeSeconds"), Ok(None));
    }
}
