//! Long polls: who waits for a queue's messages, in order.
//!
//! Only the first in line watches the clock for the next delay or timeout to end; when it leaves, the next is
//! woken and takes over. So a thousand waiting receives cost one timer.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Notify;

use crate::engine::Queue;

#[derive(Default)]
pub struct Waiters {
    line: VecDeque<(u64, Arc<Notify>)>,
    next_ticket: u64,
    /// What the first in line sleeps until.
    armed_for: Option<i64>,
}

impl Waiters {
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// Wakes as many as could find something, and the first if its alarm is set too late.
    pub fn wake(&mut self, receivable: usize, next_moment: Option<i64>) {
        for (_, notify) in self.line.iter().take(receivable) {
            notify.notify_one();
        }
        let too_late = match (next_moment, self.armed_for) {
            (Some(next), Some(armed)) => next < armed,
            (Some(_), None) => true,
            (None, _) => false,
        };
        if too_late && let Some((_, first)) = self.line.front() {
            first.notify_one();
        }
    }

    pub fn wake_all(&mut self) {
        for (_, notify) in &self.line {
            notify.notify_one();
        }
    }

    fn enter(&mut self) -> (u64, Arc<Notify>) {
        let (ticket, notify) = (self.next_ticket, Arc::new(Notify::new()));
        self.next_ticket += 1;
        self.line.push_back((ticket, Arc::clone(&notify)));
        (ticket, notify)
    }

    fn is_first(&self, ticket: u64) -> bool {
        self.line.front().is_some_and(|(first, _)| *first == ticket)
    }

    fn leave(&mut self, ticket: u64) {
        if let Ok(place) = self.line.binary_search_by_key(&ticket, |(held, _)| *held) {
            self.line.remove(place);
            if place == 0 {
                self.armed_for = None;
            }
        }
    }
}

/// A place in line, given up when dropped: also when the waiting client has gone.
pub struct Place {
    queue: Arc<Queue>,
    ticket: u64,
    pub notify: Arc<Notify>,
}

impl Place {
    /// Takes the last place. The queue's lock is held by the caller, as `waiters` shows.
    pub fn take(queue: &Arc<Queue>, waiters: &mut Waiters) -> Place {
        let (ticket, notify) = waiters.enter();
        Place { queue: Arc::clone(queue), ticket, notify }
    }

    /// Until when to sleep: for the first in line, the next moment at which something happens by itself.
    pub fn arm(&self, waiters: &mut Waiters, next_moment: Option<i64>) -> Option<i64> {
        if !waiters.is_first(self.ticket) {
            return None;
        }
        waiters.armed_for = next_moment;
        next_moment
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut shared = self.queue.shared.lock();
        shared.waiters.leave(self.ticket);
        // A wake-up meant for this one must not be lost.
        shared.wake();
    }
}
