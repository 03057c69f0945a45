//! Which message is received next: the two disciplines, standard and FIFO.

use std::collections::{HashMap, VecDeque};

use crate::index::ledger::{Ledger, Stage};
use crate::log::Key;

pub enum Order {
    Standard(Standard),
    Fifo(Fifo),
}

/// Roughly the order of sending. Messages that came back (their visibility timeout ran out) take turns with fresh
/// ones: neither a long backlog nor a message that fails again and again keeps the others waiting.
#[derive(Default)]
pub struct Standard {
    fresh: VecDeque<u64>,
    returned: VecDeque<u64>,
    returned_next: bool,
}

impl Standard {
    pub fn arrive(&mut self, sequence: u64) {
        self.fresh.push_back(sequence);
    }

    pub fn come_back(&mut self, sequence: u64) {
        self.returned.push_back(sequence);
    }

    /// The next message; [`Standard::pop`] takes it.
    pub fn peek(&mut self, ledger: &Ledger) -> Option<u64> {
        for line in [&mut self.fresh, &mut self.returned] {
            while line.front().is_some_and(|sequence| ledger.get(*sequence).is_none()) {
                line.pop_front();
            }
        }
        let (first, second) = match self.returned_next {
            true => (&self.returned, &self.fresh),
            false => (&self.fresh, &self.returned),
        };
        first.front().or(second.front()).copied()
    }

    /// Takes what [`Standard::peek`] showed.
    pub fn pop(&mut self) {
        let from_returned =
            if self.returned_next { !self.returned.is_empty() } else { self.fresh.is_empty() };
        let line = if from_returned { &mut self.returned } else { &mut self.fresh };
        line.pop_front();
        self.returned_next = !self.returned_next;
    }

    /// Forgets messages that are gone, once they are most of what is listed.
    pub fn tidy(&mut self, ledger: &Ledger, ready: usize) {
        if self.fresh.len() + self.returned.len() > 2 * ready + 1024 {
            for line in [&mut self.fresh, &mut self.returned] {
                line.retain(|sequence| ledger.get(*sequence).is_some());
                line.shrink_to(line.len() * 2);
            }
        }
    }
}

/// Strict order within each message group; groups take turns.
///
/// While a message of a group is in flight, no other of that group is given out, except together with it.
#[derive(Default)]
pub struct Fifo {
    groups: Vec<Group>,
    numbers: HashMap<Key, u32>,
    unused: Vec<u32>,
    /// Groups with something to give, each once.
    ready: VecDeque<u32>,
}

#[derive(Default)]
struct Group {
    key: Key,
    /// All that are not in flight, oldest first.
    waiting: VecDeque<u64>,
    in_flight: u32,
    listed: bool,
}

impl Fifo {
    /// The group's number, for [`crate::index::ledger::Entry::group`]. Holds while it has messages.
    pub fn number(&mut self, key: Key) -> u32 {
        if let Some(number) = self.numbers.get(&key) {
            return *number;
        }
        let number = self.unused.pop().unwrap_or_else(|| {
            self.groups.push(Group::default());
            (self.groups.len() - 1) as u32
        });
        self.groups[number as usize].key = key;
        self.numbers.insert(key, number);
        number
    }

    /// A message waits in its group, in its place: at the end, or where it was when it was received.
    pub fn wait(&mut self, group: u32, sequence: u64) {
        let waiting = &mut self.groups[group as usize].waiting;
        if waiting.back().is_none_or(|last| *last < sequence) {
            waiting.push_back(sequence);
        } else {
            let place = waiting.partition_point(|held| *held < sequence);
            waiting.insert(place, sequence);
        }
    }

    /// Found in flight when the log was replayed.
    pub fn restore_in_flight(&mut self, group: u32) {
        self.groups[group as usize].in_flight += 1;
    }

    /// Lists the group if it has something to give now. To be called whenever that may have become so.
    pub fn list(&mut self, group: u32, ledger: &Ledger) {
        let held = &mut self.groups[group as usize];
        let ready = |sequence: &u64| ledger.get(*sequence).is_some_and(|entry| entry.stage == Stage::Ready);
        if held.in_flight == 0 && !held.listed && held.waiting.front().is_some_and(ready) {
            held.listed = true;
            self.ready.push_back(group);
        }
    }

    pub fn list_all(&mut self, ledger: &Ledger) {
        for group in 0..self.groups.len() as u32 {
            self.list(group, ledger);
        }
    }

    pub fn ready_groups(&self) -> usize {
        self.ready.len()
    }

    /// The next message that a receive with nothing in hand would take.
    pub fn peek(&mut self, ledger: &Ledger) -> Option<u64> {
        loop {
            let group = *self.ready.front()?;
            let held = &mut self.groups[group as usize];
            let front = held.waiting.front().copied();
            let ready = front.filter(|at| ledger.get(*at).is_some_and(|entry| entry.stage == Stage::Ready));
            if ready.is_some() && held.in_flight == 0 {
                return ready;
            }
            held.listed = false;
            self.ready.pop_front();
        }
    }

    /// After a message of the group was taken: the one behind it, if it may go along.
    pub fn peek_in(&self, group: u32, ledger: &Ledger) -> Option<u64> {
        let front = *self.groups[group as usize].waiting.front()?;
        (ledger.get(front)?.stage == Stage::Ready).then_some(front)
    }

    /// Takes the oldest waiting message of the group, which is in flight then and blocks its group.
    pub fn take(&mut self, group: u32) {
        let held = &mut self.groups[group as usize];
        held.waiting.pop_front();
        held.in_flight += 1;
        if !std::mem::take(&mut held.listed) {
            return;
        }
        if self.ready.front() == Some(&group) {
            self.ready.pop_front();
        } else {
            self.ready.retain(|listed| *listed != group);
        }
    }

    /// A message of the group is in flight no more: it came back (then it waits again) or is gone.
    pub fn landed(&mut self, group: u32) {
        self.groups[group as usize].in_flight -= 1;
    }

    /// A waiting message is gone.
    pub fn forget(&mut self, group: u32, sequence: u64) {
        let waiting = &mut self.groups[group as usize].waiting;
        if let Ok(place) = waiting.binary_search(&sequence) {
            waiting.remove(place);
        }
    }

    /// After a replay, which numbers groups that turn out to be empty.
    pub fn release_empty(&mut self) {
        for group in 0..self.groups.len() as u32 {
            self.release(group);
        }
    }

    /// Lets the group's number go, if it has no messages left.
    pub fn release(&mut self, group: u32) {
        let held = &mut self.groups[group as usize];
        if held.in_flight > 0 || !held.waiting.is_empty() {
            return;
        }
        if held.listed {
            self.ready.retain(|listed| *listed != group);
        }
        let held = std::mem::take(&mut self.groups[group as usize]);
        self.numbers.remove(&held.key);
        self.unused.push(group);
    }
}
