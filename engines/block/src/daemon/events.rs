//! What happened, for whoever watches. Nobody has to: what is still so is told to each who begins to watch.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::Event;
use crate::limits::EVENTS_MAX;
use crate::store::StoreError;

#[derive(Default)]
pub struct Events {
    state: Mutex<State>,
    something: Condvar,
}

#[derive(Default)]
struct State {
    full: BTreeSet<String>,
    /// The last ones, and the number of the first.
    last: VecDeque<Event>,
    first: u64,
}

impl Events {
    pub fn full(&self, volume: &str) {
        self.state.lock().full.insert(volume.to_owned());
        self.tell(Event::Full { volume: volume.to_owned() });
    }

    pub fn full_no_more(&self, volume: &str) {
        self.state.lock().full.remove(volume);
        self.tell(Event::FullNoMore { volume: volume.to_owned() });
    }

    pub fn failed(&self, volume: &str, error: StoreError) {
        self.tell(match error {
            StoreError::Damaged { snapshot, block } => Event::Rot { snapshot, block },
            other => Event::Failed { volume: volume.to_owned(), cause: other.to_string() },
        });
    }

    pub fn tell(&self, event: Event) {
        let mut state = self.state.lock();
        // The same again is no news; a volume that fails fails often.
        if state.last.back() == Some(&event) && matches!(event, Event::Failed { .. } | Event::Rot { .. }) {
            return;
        }
        if state.last.len() == EVENTS_MAX {
            state.last.pop_front();
            state.first += 1;
        }
        state.last.push_back(event);
        self.something.notify_all();
    }

    /// Where a new watcher begins, and what is so by then.
    pub fn begin(&self) -> (u64, Vec<Event>) {
        let state = self.state.lock();
        let full = state.full.iter().map(|volume| Event::Full { volume: volume.clone() }).collect();
        (state.first + state.last.len() as u64, full)
    }

    /// What happened from a number on, after waiting for it, and the number after.
    pub fn after(&self, number: u64, wait: Duration) -> (u64, Vec<Event>) {
        let mut state = self.state.lock();
        if state.first + state.last.len() as u64 <= number {
            self.something.wait_for(&mut state, wait);
        }
        let skip = number.saturating_sub(state.first) as usize;
        (state.first + state.last.len() as u64, state.last.iter().skip(skip).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_watcher_is_told_what_is_so_and_what_comes() {
        let events = Events::default();
        events.full("vol-1");
        let (number, now) = events.begin();
        assert_eq!(now, [Event::Full { volume: "vol-1".to_owned() }]);
        assert_eq!(events.after(number, Duration::ZERO), (number, vec![]));
        events.full_no_more("vol-1");
        for _ in 0..2 * EVENTS_MAX {
            events.tell(Event::Settled { snapshot: "snap-1".to_owned() });
        }
        assert_eq!(events.after(number, Duration::ZERO).1.len(), EVENTS_MAX);
        assert_eq!(events.begin().1, []);
    }
}
