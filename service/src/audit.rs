//! One event a call: who did what, to which resources, and how it ended.
//!
//! The latest are kept in memory; the trail service reads them from here. Inputs are not kept, so no secret is.

use std::collections::VecDeque;

use base::{AccountId, Arn, Region, Timestamp};
use identity::policy::Decision;
use parking_lot::Mutex;

use crate::AUDIT_EVENTS_MAX;

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
    /// What the policies said, resource by resource, up to the first refusal.
    pub decisions: Vec<Decision>,
    /// The error's code, or nothing for a success.
    pub error: Option<String>,
    pub read_only: bool,
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

    /// The event of a request, while it is among the latest.
    pub fn find(&self, request_id: &str) -> Option<AuditEvent> {
        self.0.lock().iter().rev().find(|event| event.request_id == request_id).cloned()
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
