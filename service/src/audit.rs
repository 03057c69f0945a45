//! One event a call: who did what, to which resources, and how it ended.
//!
//! The latest are kept in memory; the trail service reads them from here. Inputs are not kept, so no secret is.

use std::collections::VecDeque;
use std::sync::Arc;

use base::{AccountId, Arn, Region, Timestamp};
use identity::policy::Decision;
use parking_lot::Mutex;

use crate::{AUDIT_EVENTS_MAX, DECISIONS_MAX};

#[derive(Clone, Debug)]
pub struct AuditEvent {
    pub request_id: String,
    pub at: Timestamp,
    pub service: &'static str,
    pub operation: &'static str,
    pub principal_arn: String,
    pub account: AccountId,
    pub region: Region,
    pub resources: Vec<Arn>,
    /// What the policies said: of the operation's own action on each resource, up to the first refusal, and of what
    /// it asked for besides.
    pub decisions: Vec<Asked>,
    /// The error's code, or nothing for a success.
    pub error: Option<String>,
    pub read_only: bool,
}

/// One question put to the policies during a call, and their answer.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `sqs:SendMessage`
    pub action: String,
    /// Nothing for actions on no resource.
    pub resource: Option<Arn>,
    pub decision: Decision,
}

/// The questions of one call so far. Copies of a call write into the same notes, since they are about one event.
#[derive(Clone, Debug, Default)]
pub struct Notes(Arc<Mutex<Vec<Asked>>>);

/// Notes make no difference to who calls what.
impl PartialEq for Notes {
    fn eq(&self, _: &Notes) -> bool {
        true
    }
}

impl Notes {
    pub(crate) fn add(&self, asked: Asked) {
        let mut all = self.0.lock();
        if all.len() < DECISIONS_MAX {
            all.push(asked);
        }
    }

    pub(crate) fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// The latest events, oldest first.
#[derive(Default)]
pub struct Audit(Mutex<VecDeque<AuditEvent>>);

impl Audit {
    pub fn record(&self, event: AuditEvent) {
        let mut events = self.0.lock();
        let oldest = if events.len() == AUDIT_EVENTS_MAX { events.pop_front() } else { None };
        events.push_back(event);
        // Freeing its many strings takes longer than all the rest, and others wait for the lock.
        drop(events);
        drop(oldest);
    }

    /// The events of a request, while they are among the latest: its own first, then those of the calls that services
    /// made for it, the last one first.
    pub fn find(&self, request_id: &str) -> Vec<AuditEvent> {
        self.0.lock().iter().rev().filter(|event| event.request_id == request_id).cloned().collect()
    }

    /// The latest events, newest first.
    pub fn latest(&self, limit: usize) -> Vec<AuditEvent> {
        self.0.lock().iter().rev().take(limit).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_event_makes_room() {
        let audit = Audit::default();
        for number in 0..AUDIT_EVENTS_MAX + 3 {
            audit.record(AuditEvent {
                request_id: number.to_string(),
                at: Timestamp::EPOCH,
                service: "sqs",
                operation: "SendMessage",
                principal_arn: String::new(),
                account: AccountId::DEV,
                region: Region::US_EAST_1,
                resources: Vec::new(),
                decisions: Vec::new(),
                error: None,
                read_only: false,
            });
        }
        let latest = audit.latest(usize::MAX);
        assert_eq!(latest.len(), AUDIT_EVENTS_MAX);
        assert_eq!(latest[0].request_id, (AUDIT_EVENTS_MAX + 2).to_string());
    }
}
