//! Sending messages.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use queue_engine::{NewMessage, Sent};
use service::Call;
use sqs_api::{SendMessageInput, SendMessageOutput};

use super::open;
use crate::Sqs;
use crate::directory::Queue;
use crate::encryption::DataKey;
use crate::error::Error;
use crate::model::envelope::Envelope;
use crate::model::message::{check_body, check_size, check_tokens, delay};
use crate::model::message_attributes::{self, hex, md5, md5_of_body, size_bytes};

/// A checked message on its way to the engine, with the checksums its sender is told.
pub struct Outgoing {
    payload: Vec<u8>,
    group: Option<String>,
    deduplication_id: Option<String>,
    delay: Duration,
    md5_of_body: [u8; 16],
    md5_of_attributes: Option<String>,
    md5_of_system_attributes: Option<String>,
}

impl Outgoing {
    /// Checks a message against the rules and the queue's attributes, and encrypts it if there is a key.
    pub fn new(
        call: &Call,
        queue: &Queue,
        key: Option<&DataKey>,
        input: SendMessageInput,
    ) -> Result<Outgoing, Error> {
        let settings = &queue.record.attributes;
        let fifo = queue.is_fifo();
        check_body(&input.message_body)?;
        let attributes = message_attributes::check(input.message_attributes.as_ref())?;
        let system = message_attributes::check_system(input.message_system_attributes.as_ref())?;
        check_tokens(input.message_group_id.as_deref(), input.message_deduplication_id.as_deref(), fifo)?;
        let delay = delay(input.delay_seconds, settings.delay, fifo)?;
        check_size(input.message_body.len() + size_bytes(&attributes), settings.message_bytes_max)?;
        let deduplication_id = match (&settings.fifo, input.message_deduplication_id) {
            (Some(fifo), None) if fifo.content_based_deduplication => {
                Some(hex(digest(&SHA256, input.message_body.as_bytes()).as_ref()))
            }
            (Some(_), None) => {
                return Err(Error::InvalidParameter(
                    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId \
                     provided explicitly"
                        .to_owned(),
                ));
            }
            (_, given) => given,
        };
        let trace_header = system.iter().find_map(|attribute| match attribute.value {
            message_attributes::Value::Text(text) => Some(text),
            message_attributes::Value::Binary(_) => None,
        });
        let envelope = Envelope {
            body: &input.message_body,
            md5_of_body: md5_of_body(&input.message_body),
            sender_id: &call.principal.user_id,
            deduplication_id: deduplication_id.as_deref(),
            trace_header,
            attributes,
        };
        let payload = match key {
            Some(key) => key.seal(&envelope),
            None => envelope.encode(),
        };
        Ok(Outgoing {
            md5_of_body: envelope.md5_of_body,
            md5_of_attributes: md5(envelope.attributes.into_iter()),
            md5_of_system_attributes: md5(system.into_iter()),
            payload,
            group: input.message_group_id,
            deduplication_id,
            delay: Duration::from_secs(u64::from(delay)),
        })
    }

    pub fn message(&self) -> NewMessage<'_> {
        NewMessage {
            body: &self.payload,
            group: self.group.as_deref(),
            dedup: self.deduplication_id.as_deref(),
            delay: self.delay,
        }
    }

    /// What the sender is told.
    pub fn answer(self, queue: &Queue, sent: Sent) -> SendMessageOutput {
        SendMessageOutput {
            md5_of_message_body: Some(hex(&self.md5_of_body)),
            md5_of_message_attributes: self.md5_of_attributes,
            md5_of_message_system_attributes: self.md5_of_system_attributes,
            message_id: Some(sent.id.to_string()),
            sequence_number: queue.is_fifo().then(|| sequence_number(sent.sequence)),
        }
    }
}

/// Sequence numbers have twenty digits, of which AWS's begin with an 18.
pub fn sequence_number(sequence: u64) -> String {
    const FIRST: u64 = 18_000_000_000_000_000_000;
    (FIRST + sequence).to_string()
}

pub async fn send_message(
    sqs: &Sqs,
    call: &Call,
    input: SendMessageInput,
) -> Result<SendMessageOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    let key = sqs.encryption.for_sending(call, &queue).await?;
    let outgoing = Outgoing::new(call, &queue, key.as_deref(), input)?;
    let sent = sqs.engine.send_batch(queue.id(), &[outgoing.message()]).await?;
    let sent = *sent.first().expect("one message was sent");
    Ok(outgoing.answer(&queue, sent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_have_twenty_digits_and_keep_their_order() {
        for (low, high) in [(0, 1), (9, 10), (1 << 50, (1 << 50) + 1)] {
            assert_eq!(sequence_number(low).len(), 20);
            assert!(sequence_number(low) < sequence_number(high));
        }
    }
}
