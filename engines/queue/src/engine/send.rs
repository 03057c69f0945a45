//! Sending.

use aws_lc_rs::digest::{Context, SHA256};

use crate::engine::{Inner, QueueEngine, Shared};
use crate::error::EngineError;
use crate::index::{Entry, Original};
use crate::limits::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, RECORD_BYTES_MAX};
use crate::log::{Appender, Key, MessageHead, RECORD_OVERHEAD_BYTES, Reserve};
use crate::message::{DedupScope, Kind, MessageId, NewMessage, QueueId, Sent};

impl QueueEngine {
    /// Sends messages, in order and all or none; answers in the same order, once all are on disk.
    pub async fn send_batch(
        &self,
        id: QueueId,
        messages: &[NewMessage<'_>],
    ) -> Result<Vec<Sent>, EngineError> {
        let inner = &self.0.inner;
        let bytes = checked_size(messages, inner.log.segment_bytes())?;
        let queue = inner.queue(id)?;
        let mut chance = vec![0; 16 * messages.len()];
        inner.ids.fill(&mut chance);
        let (sent, position) = {
            let (mut shared, now) = inner.enter(&queue)?;
            let groupless = |message: &NewMessage<'_>| message.group.is_none_or(str::is_empty);
            if shared.config.kind == Kind::Fifo && messages.iter().any(groupless) {
                return Err(EngineError::GroupMissing);
            }
            let mut log = inner.log.append();
            log.admit(bytes, Reserve::ForReceives)?;
            let sent: Vec<Sent> = messages
                .iter()
                .zip(chance.chunks_exact(16))
                .map(|(message, chance)| {
                    let id_bytes = chance.try_into().expect("chunks of sixteen");
                    inner.send_one(id, &mut shared, &mut log, now, message, MessageId::from_chance(id_bytes))
                })
                .collect();
            // A duplicate waits too: its original may not be on disk yet.
            let position = log.position();
            drop(log);
            shared.wake();
            (sent, position)
        };
        inner.log.durable.wait(position).await?;
        Ok(sent)
    }
}

fn checked_size(messages: &[NewMessage<'_>], segment_bytes: u32) -> Result<usize, EngineError> {
    if messages.len() > BATCH_MESSAGES_MAX {
        return Err(EngineError::TooMany { count: messages.len() });
    }
    let bytes_max = BATCH_BYTES_MAX.min(segment_bytes as usize / 4);
    let mut total = 0;
    for message in messages {
        let group = message.group.map_or(0, str::len);
        let bytes = message.body.len() + group + RECORD_OVERHEAD_BYTES;
        total += bytes;
        if bytes > RECORD_BYTES_MAX || total > bytes_max || group > usize::from(u8::MAX) {
            return Err(EngineError::TooLarge { bytes: message.body.len() });
        }
    }
    Ok(total)
}

impl Inner {
    fn send_one(
        &self,
        queue: QueueId,
        shared: &mut Shared,
        log: &mut Appender<'_>,
        now: i64,
        message: &NewMessage<'_>,
        id: MessageId,
    ) -> Sent {
        let fifo = shared.config.kind == Kind::Fifo;
        let group_name = message.group.unwrap_or_default();
        let group = fifo.then(|| group_key(group_name));
        let dedup = message.dedup.filter(|_| fifo).map(|dedup| match shared.config.dedup_scope {
            DedupScope::Queue => key(&[b"queue", dedup.as_bytes()]),
            DedupScope::MessageGroup => key(&[b"group", group_name.as_bytes(), dedup.as_bytes()]),
        });
        if let Some(key) = &dedup {
            shared.index.dedup.forget_old(now);
            if let Some(original) = shared.index.dedup.find(key, now) {
                return Sent { id: original.id, sequence: original.sequence, duplicate: true };
            }
        }
        let delay = i64::try_from(message.delay.as_millis()).unwrap_or(i64::MAX / 4);
        let head = MessageHead {
            queue,
            id,
            sequence: self.log.next_sequence(),
            sent_at: now,
            deadline: if delay == 0 { 0 } else { now + delay },
            receipt: None,
            group,
            dedup,
            from: None,
            dead_letter: false,
            group_length: group_name.len() as u8,
        };
        let at = log.message(&head, group_name.as_bytes(), message.body);
        if let Some(key) = dedup {
            shared.index.dedup.remember(key, Original { sent_at: now, sequence: head.sequence, id });
        }
        let number = shared.index.group_number(group);
        shared.index.add(Entry::from_head(&head, number, at));
        Sent { id, sequence: head.sequence, duplicate: false }
    }
}

pub fn group_key(name: &str) -> Key {
    key(&[name.as_bytes()])
}

/// 128 bits of SHA-256 over the parts, each with its length, so that no two lists of parts read the same.
pub fn key(parts: &[&[u8]]) -> Key {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_le_bytes());
        context.update(part);
    }
    *context.finish().as_ref().first_chunk().expect("SHA-256 has 32 bytes")
}
