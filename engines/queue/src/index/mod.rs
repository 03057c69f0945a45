//! What is known of a queue's messages, in memory: pure rules over the present moment, without log or clock.

mod ledger;
mod memory;
mod order;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub use ledger::{Entry, Ledger, Stage};
pub use memory::{Attempt, Attempts, Dedup, Original};
pub use order::{Fifo, Order, Standard};

use crate::log::{Key, Location};
use crate::message::{Counts, Kind};

/// Moments at which something happens to a message; outdated ones are skipped when they come up.
type Moments = BinaryHeap<Reverse<(i64, u64)>>;

pub struct Index {
    ledger: Ledger,
    order: Order,
    /// Ends of delays and visibility timeouts.
    timers: Moments,
    in_flight: usize,
    delayed: usize,
    /// When the newest message was sent, to notice those that are older than their place says.
    newest_sent_at: i64,
    /// Messages sent earlier than one before them (they were moved here), by when they were sent.
    early: Moments,
    pub dedup: Dedup,
    pub attempts: Attempts,
}

/// Messages that are gone, as runs of sequence numbers, and where their records are.
#[derive(Default)]
pub struct Gone {
    pub runs: Vec<(u64, u64)>,
    pub locations: Vec<Location>,
}

impl Index {
    pub fn new(kind: Kind) -> Index {
        let order = match kind {
            Kind::Standard => Order::Standard(Standard::default()),
            Kind::Fifo => Order::Fifo(Fifo::default()),
        };
        Index::over(order, Dedup::default())
    }

    /// From what a replay found.
    pub fn restore(order: Order, ledger: Ledger, dedup: Dedup) -> Index {
        let mut index = Index::over(order, dedup);
        for entry in ledger.iter() {
            index.enlist(entry);
        }
        index.ledger = ledger;
        if let Order::Fifo(fifo) = &mut index.order {
            fifo.release_empty();
            fifo.list_all(&index.ledger);
        }
        index
    }

    fn over(order: Order, dedup: Dedup) -> Index {
        Index {
            ledger: Ledger::default(),
            order,
            timers: Moments::new(),
            in_flight: 0,
            delayed: 0,
            newest_sent_at: i64::MIN,
            early: Moments::new(),
            dedup,
            attempts: Attempts::default(),
        }
    }

    pub fn counts(&self) -> Counts {
        let visible = self.ledger.len() - self.in_flight - self.delayed;
        Counts { visible, in_flight: self.in_flight, delayed: self.delayed }
    }

    pub fn get(&self, sequence: u64) -> Option<&Entry> {
        self.ledger.get(sequence)
    }

    pub fn oldest_sent_at(&mut self) -> Option<i64> {
        self.skip_gone_early();
        let early = self.early.peek().map(|Reverse((sent_at, _))| *sent_at);
        let first = self.ledger.first().map(|entry| entry.sent_at);
        early.into_iter().chain(first).min()
    }

    fn skip_gone_early(&mut self) {
        while let Some(Reverse((_, sequence))) = self.early.peek() {
            if self.ledger.get(*sequence).is_some() {
                break;
            }
            self.early.pop();
        }
    }

    /// The number of a FIFO queue's group; zero in standard queues.
    pub fn group_number(&mut self, key: Option<Key>) -> u32 {
        match (&mut self.order, key) {
            (Order::Fifo(fifo), Some(key)) => fifo.number(key),
            _ => 0,
        }
    }

    /// A message is here, ready or delayed.
    pub fn add(&mut self, entry: Entry) {
        self.enlist(&entry);
        self.ledger.insert(entry);
        self.list(entry.group);
    }

    fn enlist(&mut self, entry: &Entry) {
        let sequence = entry.sequence;
        if entry.sent_at < self.newest_sent_at {
            self.early.push(Reverse((entry.sent_at, sequence)));
        }
        self.newest_sent_at = self.newest_sent_at.max(entry.sent_at);
        match entry.stage {
            Stage::Ready => {}
            Stage::Delayed => self.delayed += 1,
            Stage::InFlight => self.in_flight += 1,
        }
        if entry.stage != Stage::Ready {
            self.timers.push(Reverse((entry.deadline, sequence)));
        }
        match (&mut self.order, entry.stage) {
            (Order::Standard(standard), Stage::Ready) => standard.arrive(sequence),
            (Order::Standard(_), _) => {}
            (Order::Fifo(fifo), Stage::InFlight) => fifo.restore_in_flight(entry.group),
            (Order::Fifo(fifo), _) => fifo.wait(entry.group, sequence),
        }
    }

    fn list(&mut self, group: u32) {
        if let Order::Fifo(fifo) = &mut self.order {
            fifo.list(group, &self.ledger);
        }
    }

    /// Lets delays and visibility timeouts end that have ended by `now`.
    pub fn promote(&mut self, now: i64) {
        while let Some(Reverse((deadline, sequence))) = self.timers.peek().copied() {
            if deadline > now {
                break;
            }
            self.timers.pop();
            match self.ledger.get_mut(sequence) {
                Some(entry) if entry.deadline == deadline && entry.stage == Stage::InFlight => {
                    self.come_back(sequence);
                }
                Some(entry) if entry.deadline == deadline && entry.stage == Stage::Delayed => {
                    (entry.stage, entry.deadline) = (Stage::Ready, 0);
                    let group = entry.group;
                    self.delayed -= 1;
                    if let Order::Standard(standard) = &mut self.order {
                        standard.arrive(sequence);
                    }
                    self.list(group);
                }
                _ => {}
            }
        }
        self.tidy();
    }

    /// Keeps outdated entries from outnumbering the others.
    fn tidy(&mut self) {
        if self.timers.len() > 2 * (self.in_flight + self.delayed) + 1024 {
            let ledger = &self.ledger;
            self.timers.retain(|Reverse((deadline, sequence))| {
                ledger.get(*sequence).is_some_and(|entry| entry.deadline == *deadline)
            });
        }
        let ready = self.counts().visible;
        if let Order::Standard(standard) = &mut self.order {
            standard.tidy(&self.ledger, ready);
        }
    }

    /// When the next delay or visibility timeout ends.
    pub fn next_moment(&mut self) -> Option<i64> {
        while let Some(Reverse((deadline, sequence))) = self.timers.peek().copied() {
            let entry = self.ledger.get(sequence);
            if entry.is_some_and(|entry| entry.deadline == deadline && entry.stage != Stage::Ready) {
                return Some(deadline);
            }
            self.timers.pop();
        }
        None
    }

    /// How many receives could find something now; at most that.
    pub fn receivable(&self) -> usize {
        match &self.order {
            Order::Standard(_) => self.counts().visible,
            Order::Fifo(fifo) => fifo.ready_groups(),
        }
    }

    /// What is to be received next. `after` is the group of the message taken just before by the same receive:
    /// SQS gives as many of one group as it can.
    pub fn next(&mut self, after: Option<u32>) -> Option<Entry> {
        let sequence = match &mut self.order {
            Order::Standard(standard) => standard.peek(&self.ledger)?,
            Order::Fifo(fifo) => {
                let same_group = after.and_then(|group| fifo.peek_in(group, &self.ledger));
                match same_group {
                    Some(sequence) => sequence,
                    None => fifo.peek(&self.ledger)?,
                }
            }
        };
        self.ledger.get(sequence).copied()
    }

    /// Receives what [`Index::next`] showed.
    pub fn take(&mut self, sequence: u64, now: i64, deadline: i64, nonce: u32) -> Entry {
        let entry = self.ledger.get_mut(sequence).expect("it was just shown");
        entry.count = entry.count.saturating_add(1);
        if entry.first_at == 0 {
            entry.first_at = now;
        }
        (entry.last_at, entry.deadline, entry.nonce, entry.stage) = (now, deadline, nonce, Stage::InFlight);
        let entry = *entry;
        self.in_flight += 1;
        self.timers.push(Reverse((deadline, sequence)));
        match &mut self.order {
            Order::Standard(standard) => standard.pop(),
            Order::Fifo(fifo) => fifo.take(entry.group),
        }
        entry
    }

    /// Changes the visibility timeout of a message in flight.
    pub fn hide(&mut self, sequence: u64, deadline: i64, now: i64) {
        if deadline <= now {
            self.come_back(sequence);
        } else if let Some(entry) = self.ledger.get_mut(sequence) {
            entry.deadline = deadline;
            self.timers.push(Reverse((deadline, sequence)));
        }
    }

    /// The messages that are still delayed, with when they were sent.
    pub fn delayed(&self) -> Vec<(u64, i64)> {
        let is_delayed = |entry: &&Entry| entry.stage == Stage::Delayed;
        self.ledger.iter().filter(is_delayed).map(|entry| (entry.sequence, entry.sent_at)).collect()
    }

    /// Gives the delay of a message another end, past or future; [`Index::promote`] lets it happen.
    pub fn delay_until(&mut self, sequence: u64, deadline: i64) {
        self.ledger.get_mut(sequence).expect("only a message that exists is delayed").deadline = deadline;
        self.timers.push(Reverse((deadline, sequence)));
    }

    fn come_back(&mut self, sequence: u64) {
        let entry = self.ledger.get_mut(sequence).expect("only a message that exists comes back");
        (entry.stage, entry.deadline) = (Stage::Ready, 0);
        let group = entry.group;
        self.in_flight -= 1;
        match &mut self.order {
            Order::Standard(standard) => standard.come_back(sequence),
            Order::Fifo(fifo) => {
                fifo.landed(group);
                fifo.wait(group, sequence);
            }
        }
        self.list(group);
    }

    pub fn remove(&mut self, sequence: u64) -> Option<Entry> {
        let entry = self.ledger.remove(sequence)?;
        match entry.stage {
            Stage::Ready => {}
            Stage::Delayed => self.delayed -= 1,
            Stage::InFlight => self.in_flight -= 1,
        }
        if let Order::Fifo(fifo) = &mut self.order {
            match entry.stage {
                Stage::InFlight => fifo.landed(entry.group),
                _ => fifo.forget(entry.group, sequence),
            }
            fifo.list(entry.group, &self.ledger);
            fifo.release(entry.group);
        }
        Some(entry)
    }

    pub fn relocate(&mut self, sequence: u64, to: Location) {
        self.ledger.get_mut(sequence).expect("only a message that exists is rewritten").relocate(to);
    }

    /// Whether anything sent at `before` or earlier is still here.
    pub fn has_expired(&mut self, before: i64) -> bool {
        self.oldest_sent_at().is_some_and(|sent_at| sent_at <= before)
    }

    /// Removes what was sent at `before` or earlier.
    pub fn expire(&mut self, before: i64) -> Gone {
        let mut gone = Gone::default();
        while let Some(first) = self.ledger.first().filter(|entry| entry.sent_at <= before) {
            let sequence = first.sequence;
            gone.locations.push(first.location());
            match gone.runs.last_mut() {
                // Whatever lay between them is gone already.
                Some(run) => run.1 = sequence,
                None => gone.runs.push((sequence, sequence)),
            }
            self.remove(sequence);
        }
        while let Some(Reverse((sent_at, sequence))) = self.early.peek().copied() {
            if sent_at > before {
                break;
            }
            self.early.pop();
            if let Some(entry) = self.remove(sequence) {
                gone.runs.push((sequence, sequence));
                gone.locations.push(entry.location());
            }
        }
        gone
    }

    /// Removes everything; what is remembered of deduplication ids stays.
    pub fn clear(&mut self) -> Gone {
        let mut gone = Gone::default();
        if let (Some(first), Some(last)) = (self.ledger.first(), self.ledger.iter().last()) {
            gone.runs.push((first.sequence, last.sequence));
        }
        gone.locations = self.ledger.iter().map(Entry::location).collect();
        let kind = match self.order {
            Order::Standard(_) => Kind::Standard,
            Order::Fifo(_) => Kind::Fifo,
        };
        let emptied = Index::new(kind);
        let before = std::mem::replace(self, emptied);
        (self.dedup, self.attempts) = (before.dedup, before.attempts);
        gone
    }
}
