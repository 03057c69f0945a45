//! Whether a history of operations on a few keys can be explained by doing them one after the other, each at some moment
//! between its beginning and its end.
//!
//! The search of Wing and Gong ("Testing and Verifying Concurrent Objects", 1993), which tries what could have been first,
//! then what could have been next, with the memory of Lowe ("Testing for linearizability", 2017) of what has been tried.
//! An operation without an answer may have been done, until the moment the server was killed, or never.

use std::collections::HashSet;

/// The keys of one history.
pub const KEYS: usize = 3;

/// What each key holds; 0 is nothing.
pub type State = [u64; KEYS];

/// What was asked for. Conditions name what a key must hold.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Get(usize),
    /// All keys at one moment.
    GetAll,
    Put(usize, u64),
    Delete(usize),
    /// Puts if all conditions hold, or nothing.
    PutIf(Vec<(usize, u64, u64)>),
    /// Counts up, and answers what is there then.
    Add(usize, u64),
}

/// What was answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Refused,
    Value(u64),
    Values(State),
    /// None came.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Event {
    /// Of a clock that all who take part share.
    pub begin: u64,
    pub end: u64,
    pub action: Action,
    pub answer: Answer,
}

impl Action {
    fn apply(&self, state: &mut State) -> Answer {
        match self {
            Action::Get(key) => Answer::Value(state[*key]),
            Action::GetAll => Answer::Values(*state),
            Action::Put(key, value) => {
                state[*key] = *value;
                Answer::Done
            }
            Action::Delete(key) => {
                state[*key] = 0;
                Answer::Done
            }
            Action::PutIf(puts) => {
                if puts.iter().any(|(key, expected, _)| state[*key] != *expected) {
                    return Answer::Refused;
                }
                for (key, _, value) in puts {
                    state[*key] = *value;
                }
                Answer::Done
            }
            Action::Add(key, more) => {
                state[*key] += more;
                Answer::Value(state[*key])
            }
        }
    }
}

/// The states that the history may have ended in, from those that it may have begun in; none if it cannot be explained.
pub fn explain(from: &HashSet<State>, events: &[Event]) -> HashSet<State> {
    let mut events: Vec<&Event> = events.iter().collect();
    events.sort_by_key(|event| event.begin);
    let search =
        Search { known: events.iter().filter(|event| event.answer != Answer::Unknown).count(), events };
    let mut ends = HashSet::new();
    let mut seen = HashSet::new();
    let none = vec![0; search.events.len().div_ceil(64)].into_boxed_slice();
    let mut open: Vec<Place> =
        from.iter().map(|state| Place { done: none.clone(), known: 0, first: 0, state: *state }).collect();
    while let Some(place) = open.pop() {
        if place.known == search.known {
            ends.insert(place.state);
        }
        for next in search.next(&place) {
            if seen.insert((next.done.clone(), next.state)) {
                open.push(next);
            }
        }
    }
    ends
}

struct Search<'a> {
    events: Vec<&'a Event>,
    known: usize,
}

/// What has been done, in some order.
struct Place {
    done: Box<[u64]>,
    /// How many of those have answers.
    known: usize,
    /// All before it are done.
    first: usize,
    state: State,
}

impl Place {
    fn is_done(&self, nth: usize) -> bool {
        self.done[nth / 64] & (1 << (nth % 64)) != 0
    }
}

impl Search<'_> {
    /// What may have been done next: whatever began before the first end of what is not done.
    fn next(&self, place: &Place) -> Vec<Place> {
        let mut nexts = Vec::new();
        let left = || (place.first..self.events.len()).filter(|nth| !place.is_done(*nth));
        let mut end = u64::MAX;
        for nth in left() {
            let event = self.events[nth];
            if event.begin > end {
                break;
            }
            if event.answer != Answer::Unknown {
                end = end.min(event.end);
            }
        }
        for nth in left().take_while(|nth| self.events[*nth].begin <= end) {
            let event = self.events[nth];
            let mut state = place.state;
            let answer = event.action.apply(&mut state);
            let known = event.answer != Answer::Unknown;
            if known && answer != event.answer {
                continue;
            }
            // Without an answer and without an effect it may as well not have been done.
            if !known && state == place.state {
                continue;
            }
            let mut next = Place {
                done: place.done.clone(),
                known: place.known + usize::from(known),
                first: place.first,
                state,
            };
            next.done[nth / 64] |= 1 << (nth % 64);
            while next.first < self.events.len() && next.is_done(next.first) {
                next.first += 1;
            }
            nexts.push(next);
        }
        nexts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(begin: u64, end: u64, action: Action, answer: Answer) -> Event {
        Event { begin, end, action, answer }
    }

    fn ends(events: &[Event]) -> Vec<State> {
        let mut ends: Vec<State> = explain(&HashSet::from([[0; KEYS]]), events).into_iter().collect();
        ends.sort_unstable();
        ends
    }

    #[test]
    fn what_is_done_one_after_the_other_is_explained_and_a_stale_read_is_not() {
        let put = event(0, 1, Action::Put(0, 5), Answer::Done);
        let read = |value| event(2, 3, Action::Get(0), Answer::Value(value));
        assert_eq!(ends(&[put.clone(), read(5)]), [[5, 0, 0]]);
        assert!(ends(&[put, read(0)]).is_empty());
    }

    #[test]
    fn what_overlaps_may_be_seen_or_not_but_not_come_and_go() {
        let put = event(0, 10, Action::Put(0, 5), Answer::Done);
        let read = |begin, value| event(begin, begin + 1, Action::Get(0), Answer::Value(value));
        assert_eq!(ends(&[put.clone(), read(1, 0), read(3, 5)]), [[5, 0, 0]]);
        assert!(ends(&[put, read(1, 5), read(3, 0)]).is_empty());
    }

    #[test]
    fn one_of_two_conditional_puts_wins() {
        let put_if = |value, answer| event(0, 10, Action::PutIf(vec![(0, 0, value)]), answer);
        assert_eq!(ends(&[put_if(1, Answer::Done), put_if(2, Answer::Refused)]), [[1, 0, 0]]);
        assert!(ends(&[put_if(1, Answer::Done), put_if(2, Answer::Done)]).is_empty());
        assert!(ends(&[put_if(1, Answer::Refused), put_if(2, Answer::Refused)]).is_empty());
    }

    #[test]
    fn a_transaction_is_seen_whole() {
        let both = event(0, 10, Action::PutIf(vec![(0, 0, 1), (1, 0, 2)]), Answer::Done);
        let seen = |state| event(1, 9, Action::GetAll, Answer::Values(state));
        for whole in [[0, 0, 0], [1, 2, 0]] {
            assert_eq!(ends(&[both.clone(), seen(whole)]), [[1, 2, 0]]);
        }
        assert!(ends(&[both, seen([1, 0, 0])]).is_empty());
    }

    #[test]
    fn what_was_not_answered_may_have_been_done_or_never() {
        let lost = event(0, 10, Action::Add(0, 1), Answer::Unknown);
        assert_eq!(ends(std::slice::from_ref(&lost)), [[0, 0, 0], [1, 0, 0]]);
        let counted = event(2, 3, Action::Add(0, 1), Answer::Value(2));
        assert_eq!(ends(&[lost.clone(), counted.clone()]), [[2, 0, 0]]);
        let deleted = event(4, 5, Action::Delete(0), Answer::Done);
        assert_eq!(ends(&[lost, counted, deleted]), [[0, 0, 0]]);
    }

    #[test]
    fn long_histories_of_a_few_who_overlap_are_explained_quickly() {
        // Four clients count up; each sees its own place in the order.
        let events: Vec<Event> = (0..2000)
            .map(|nth| event(nth * 10, nth * 10 + 35, Action::Add(1, 1), Answer::Value(nth + 1)))
            .collect();
        assert_eq!(ends(&events), [[0, 2000, 0]]);
        let mut wrong = events;
        wrong[1500].answer = Answer::Value(7);
        assert!(ends(&wrong).is_empty());
    }
}
