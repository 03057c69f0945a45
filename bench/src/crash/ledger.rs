//! What was asked, what was acknowledged, and what may therefore be seen. Pure rules: time arrives as argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// Everything the clients know of both queues.
#[derive(Default)]
pub struct Ledger {
    messages: BTreeMap<u64, Fate>,
    groups: BTreeMap<usize, Group>,
    counts: Counts,
    faults: Vec<String>,
}

/// A message of the standard queue.
#[derive(Default)]
struct Fate {
    sent: bool,
    delete_asked: bool,
    deleted_at: Option<Instant>,
    seen: bool,
}

/// A message group of the FIFO queue. Its messages are numbered from 0, and number n + 1 is sent only after
/// number n was acknowledged.
#[derive(Default)]
struct Group {
    /// How many are acknowledged. The next one may be in the queue as well.
    sent: u64,
    /// All below are deleted for certain.
    deleted: u64,
    /// When `deleted` last grew.
    deleted_at: Option<Instant>,
    /// Numbers at or above `deleted` whose deletion was asked for, or acknowledged out of order.
    delete_asked: BTreeSet<u64>,
    delete_acknowledged: BTreeSet<u64>,
}

#[derive(Default)]
struct Counts {
    sends: u64,
    deletes: u64,
    receives: u64,
}

impl Ledger {
    /// A message is about to be sent.
    pub fn sending(&mut self, number: u64) {
        self.messages.entry(number).or_default();
    }

    pub fn sent(&mut self, number: u64) {
        self.counts.sends += 1;
        self.messages.entry(number).or_default().sent = true;
    }

    /// A message came, in the answer to a receive that was sent at `asked`.
    pub fn received(&mut self, number: u64, asked: Instant) {
        self.counts.receives += 1;
        let Some(fate) = self.messages.get_mut(&number) else {
            self.faults.push(format!("message {number} was received and never sent"));
            return;
        };
        fate.seen = true;
        if fate.deleted_at.is_some_and(|deleted_at| deleted_at < asked) {
            self.faults.push(format!("message {number} came back after it was deleted"));
        }
    }

    pub fn deleting(&mut self, number: u64) {
        self.messages.entry(number).or_default().delete_asked = true;
    }

    pub fn deleted(&mut self, number: u64, now: Instant) {
        self.counts.deletes += 1;
        self.messages.entry(number).or_default().deleted_at = Some(now);
    }

    /// The number that a group's sender sends next: again the same, until it is acknowledged.
    pub fn next_of_group(&mut self, group: usize) -> u64 {
        self.groups.entry(group).or_default().sent
    }

    pub fn sent_to_group(&mut self, group: usize, number: u64) {
        self.counts.sends += 1;
        self.groups.entry(group).or_default().sent = number + 1;
    }

    /// Messages of one group came, in this order, in the answer to a receive that was sent at `asked`.
    pub fn received_of_group(&mut self, group: usize, numbers: &[u64], asked: Instant) {
        self.counts.receives += numbers.len() as u64;
        let state = self.groups.entry(group).or_default();
        for pair in numbers.windows(2) {
            let gap = (pair[0] + 1..pair[1]).all(|number| state.delete_asked.contains(&number));
            if pair[1] <= pair[0] || !gap {
                self.faults.push(format!("group {group}: {} came right after {}", pair[1], pair[0]));
            }
        }
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
            return;
        };
        if first < state.deleted && state.deleted_at.is_none_or(|deleted_at| deleted_at < asked) {
            self.faults
                .push(format!("group {group}: {first} came back, all below {} are deleted", state.deleted));
        }
        if let Some(skipped) = (state.deleted..first).find(|number| !state.delete_asked.contains(number)) {
            self.faults.push(format!("group {group}: {first} came before {skipped}"));
        }
        if last > state.sent {
            self.faults.push(format!("group {group}: {last} came, and only {} were sent", state.sent));
        }
    }

    pub fn deleting_of_group(&mut self, group: usize, number: u64) {
        self.groups.entry(group).or_default().delete_asked.insert(number);
    }

    pub fn deleted_of_group(&mut self, group: usize, number: u64, now: Instant) {
        self.counts.deletes += 1;
        let state = self.groups.entry(group).or_default();
        state.delete_acknowledged.insert(number);
        // Numbers whose deletion is uncertain stand still in the way; they are settled by what comes next.
        while state.delete_acknowledged.remove(&state.deleted) {
            state.delete_asked.remove(&state.deleted);
            state.deleted += 1;
            state.deleted_at = Some(now);
        }
    }

    /// What a worker found out about an answer, rather than about a message.
    pub fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    /// After everything that is left was received: what should have come and did not, is lost.
    pub fn finish(&mut self) {
        for (number, fate) in &self.messages {
            if fate.sent && !fate.delete_asked && !fate.seen {
                self.faults.push(format!("message {number} was acknowledged, and is lost"));
            }
        }
        for (group, state) in &self.groups {
            let settled = |number: &u64| {
                state.delete_asked.contains(number) || state.delete_acknowledged.contains(number)
            };
            if let Some(lost) = (state.deleted..state.sent).find(|number| !settled(number)) {
                self.faults.push(format!("group {group}: {lost} was acknowledged, and is lost"));
            }
        }
    }

    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    pub fn summary(&self) -> String {
        let Counts { sends, deletes, receives } = self.counts;
        format!(
            "{sends} sends and {deletes} deletes were acknowledged, {receives} messages received, {} faults",
            self.faults.len()
        )
    }

    /// Forgets what was seen, so that only what the last drain brings counts.
    pub fn before_drain(&mut self) {
        for fate in self.messages.values_mut() {
            fate.seen = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_lost_message_and_one_that_came_back_are_found() {
        let start = Instant::now();
        let later = start + Duration::from_secs(1);
        let mut ledger = Ledger::default();
        for number in 0..4 {
            ledger.sending(number);
        }
        for number in 0..3 {
            ledger.sent(number);
        }
        ledger.received(0, start);
        ledger.deleting(0);
        ledger.deleted(0, start);
        ledger.received(1, start);
        ledger.finish();
        assert_eq!(ledger.faults(), ["message 2 was acknowledged, and is lost"], "3 is uncertain");
        ledger.received(0, later);
        assert_eq!(ledger.faults().len(), 2);
    }

    #[test]
    fn a_receive_that_was_under_way_may_still_bring_a_deleted_message() {
        let start = Instant::now();
        let mut ledger = Ledger::default();
        ledger.sending(0);
        ledger.deleted(0, start + Duration::from_secs(1));
        ledger.received(0, start);
        assert!(ledger.faults().is_empty());
    }

    fn group(sent: u64) -> Ledger {
        let mut ledger = Ledger::default();
        for number in 0..sent {
            assert_eq!(ledger.next_of_group(0), number);
            ledger.sent_to_group(0, number);
        }
        ledger
    }

    #[test]
    fn a_group_is_received_in_order_without_gaps() {
        let now = Instant::now();
        for (numbers, faults) in [(&[0, 1, 2][..], 0), (&[1][..], 1), (&[0, 2][..], 1), (&[1, 0][..], 2)] {
            let mut ledger = group(3);
            ledger.received_of_group(0, numbers, now);
            assert_eq!(ledger.faults().len(), faults, "{numbers:?}: {:?}", ledger.faults());
        }
    }

    #[test]
    fn an_uncertain_delete_may_have_happened_or_not() {
        let now = Instant::now();
        for first in [0, 1] {
            let mut ledger = group(2);
            ledger.deleting_of_group(0, 0);
            ledger.received_of_group(0, &[first], now);
            assert!(ledger.faults().is_empty(), "{:?}", ledger.faults());
        }
        let mut ledger = group(2);
        ledger.deleting_of_group(0, 0);
        ledger.deleted_of_group(0, 0, now);
        ledger.received_of_group(0, &[0], now + Duration::from_secs(1));
        assert_eq!(ledger.faults().len(), 1);
    }

    #[test]
    fn the_message_whose_send_is_uncertain_may_come() {
        let mut ledger = group(1);
        ledger.received_of_group(0, &[0, 1], Instant::now());
        assert!(ledger.faults().is_empty());
        ledger.received_of_group(0, &[0, 1, 2], Instant::now());
        assert_eq!(ledger.faults().len(), 1);
    }
}
