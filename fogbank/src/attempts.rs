//! How often somebody may try to sign in: after some failures the next attempt has to wait, longer each time.
//!
//! Failures are counted for the user name that was given and for the address it came from. The wait is bounded, since
//! whoever knows a user's name could otherwise lock that user out for good. Time is wall time: turning the cloud's
//! clock must not let anybody guess faster.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use base::Timestamp;

use crate::limits::{
    SIGN_IN_ADDRESS_FAILURES_FREE, SIGN_IN_DELAY_MAX, SIGN_IN_DELAY_MIN, SIGN_IN_FAILURE_TIME,
    SIGN_IN_TRACKED_MAX, SIGN_IN_USER_FAILURES_FREE,
};

/// Who tries: what failures are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// As given, in lower case; such a user need not exist.
    User { account: String, name: String },
    /// An IPv6 network of 64 bits is one client's, so its lower half is zero here.
    Address(IpAddr),
}

/// What is remembered of one who failed.
#[derive(Clone, Copy)]
struct Failures {
    /// When all of them are forgotten; each failure moves it on by [`SIGN_IN_FAILURE_TIME`].
    forgotten: Timestamp,
    latest: Timestamp,
}

/// The failures of all.
#[derive(Default)]
pub struct Attempts(HashMap<Who, Failures>);

/// One attempt under way, to say how it ended.
pub struct Attempt([Who; 2]);

impl Attempts {
    /// Lets an attempt begin, or says how long to wait. It counts as a failure until it is known to be none, so that
    /// many at the same time are no way around.
    pub fn begin(
        &mut self,
        account: &str,
        user: &str,
        address: IpAddr,
        wall: Timestamp,
    ) -> Result<Attempt, Duration> {
        let user = Who::User { account: account.to_lowercase(), name: user.to_lowercase() };
        let both = [user, Who::Address(network(address))];
        let wait = both.iter().map(|who| self.wait(who, wall)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        for who in &both {
            self.make_room(who, wall);
            let failures = self.0.entry(who.clone()).or_insert(Failures { forgotten: wall, latest: wall });
            failures.forgotten = failures.forgotten.max(wall) + SIGN_IN_FAILURE_TIME;
            failures.latest = wall;
        }
        Ok(Attempt(both))
    }

    /// The attempt was right. The user's failures are forgotten; the address keeps its other ones, or somebody with
    /// one good password could guess those of others without end.
    pub fn succeeded(&mut self, attempt: &Attempt) {
        let Attempt([user, address]) = attempt;
        self.0.remove(user);
        self.take_back(address);
    }

    /// The attempt was neither wrong nor complete.
    pub fn undecided(&mut self, attempt: &Attempt) {
        attempt.0.iter().for_each(|who| self.take_back(who));
    }

    fn take_back(&mut self, who: &Who) {
        if let Some(failures) = self.0.get_mut(who) {
            failures.forgotten = failures.forgotten - SIGN_IN_FAILURE_TIME;
        }
    }

    fn wait(&self, who: &Who, wall: Timestamp) -> Duration {
        let Some(failures) = self.0.get(who) else { return Duration::ZERO };
        let Some(beyond) = failures.left(wall).checked_sub(who.failures_free()) else {
            return Duration::ZERO;
        };
        let delay = SIGN_IN_DELAY_MIN.saturating_mul(1 << beyond.min(16)).min(SIGN_IN_DELAY_MAX);
        delay.saturating_sub(wall.since(failures.latest))
    }

    /// Forgets what has run out, or else the one with the fewest failures: whoever floods us with names that were never
    /// tried before must not push out the one that is being guessed at.
    fn make_room(&mut self, who: &Who, wall: Timestamp) {
        if self.0.len() < SIGN_IN_TRACKED_MAX || self.0.contains_key(who) {
            return;
        }
        self.0.retain(|_, failures| failures.left(wall) > 0);
        if self.0.len() < SIGN_IN_TRACKED_MAX {
            return;
        }
        let least = self.0.iter().min_by_key(|(_, failures)| (failures.left(wall), failures.latest));
        if let Some(least) = least.map(|(who, _)| who.clone()) {
            self.0.remove(&least);
        }
    }
}

impl Who {
    fn failures_free(&self) -> u32 {
        match self {
            Who::User { .. } => SIGN_IN_USER_FAILURES_FREE,
            Who::Address(_) => SIGN_IN_ADDRESS_FAILURES_FREE,
        }
    }
}

impl Failures {
    /// How many still count.
    fn left(self, wall: Timestamp) -> u32 {
        let left = self.forgotten.since(wall).as_millis().div_ceil(SIGN_IN_FAILURE_TIME.as_millis());
        u32::try_from(left).unwrap_or(u32::MAX)
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_000_000);

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        START + Duration::from_secs(seconds)
    }

    /// Whether an attempt from an address of its own has to wait.
    fn wait(attempts: &mut Attempts, user: &str, from: &str, seconds: u64) -> u64 {
        attempts
            .begin("123456789012", user, address(from), at(seconds))
            .err()
            .map_or(0, |wait| wait.as_secs())
    }

    #[test]
    fn after_some_failures_each_one_waits_twice_as_long() {
        let mut attempts = Attempts::default();
        for from in 0..SIGN_IN_USER_FAILURES_FREE {
            assert_eq!(wait(&mut attempts, "bob", &format!("192.0.2.{from}"), 0), 0);
        }
        let mut now = 0;
        for expected in [1, 2, 4, 8, 16, 32, 32, 60, 60] {
            assert_eq!(
                wait(&mut attempts, "BOB", "198.51.100.1", now),
                expected,
                "the name's case is no way around"
            );
            now += expected;
            assert_eq!(wait(&mut attempts, "bob", &format!("203.0.113.{now}"), now), 0);
        }
        assert_eq!(wait(&mut attempts, "alice", "198.51.100.1", now), 0, "others need not wait");
    }

    #[test]
    fn an_address_waits_whatever_names_it_tries() {
        let mut attempts = Attempts::default();
        for user in 0..SIGN_IN_ADDRESS_FAILURES_FREE {
            assert_eq!(wait(&mut attempts, &format!("user{user}"), "192.0.2.1", 0), 0);
        }
        assert_eq!(wait(&mut attempts, "another", "192.0.2.1", 0), 1);
        assert_eq!(wait(&mut attempts, "another", "::ffff:192.0.2.1", 0), 1, "the same in IPv6");
        assert_eq!(wait(&mut attempts, "another", "192.0.2.2", 0), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let mut attempts = Attempts::default();
        for host in 0..SIGN_IN_ADDRESS_FAILURES_FREE {
            assert_eq!(wait(&mut attempts, &format!("user{host}"), &format!("2001:db8::{host}"), 0), 0);
        }
        assert_eq!(wait(&mut attempts, "another", "2001:db8::ffff", 0), 1);
        assert_eq!(wait(&mut attempts, "another", "2001:db8:0:1::1", 0), 0);
    }

    #[test]
    fn a_success_forgives_the_user_and_not_the_address() {
        let mut attempts = Attempts::default();
        let home = address("192.0.2.1");
        for user in 1..SIGN_IN_ADDRESS_FAILURES_FREE {
            attempts.begin("a", &format!("user{user}"), home, START).ok().unwrap();
        }
        for _ in 0..10 {
            let good = attempts.begin("a", "eve", home, START).ok().unwrap();
            attempts.succeeded(&good);
        }
        attempts.begin("a", "last", home, START).ok().unwrap();
        assert!(attempts.begin("a", "eve", home, START).is_err());
        assert!(attempts.begin("a", "eve", address("192.0.2.2"), START).is_ok());
    }

    #[test]
    fn an_incomplete_attempt_counts_for_nothing_and_forgives_nothing() {
        let mut attempts = Attempts::default();
        for number in 1..SIGN_IN_USER_FAILURES_FREE {
            assert_eq!(wait(&mut attempts, "bob", &format!("192.0.2.{number}"), 0), 0);
        }
        for _ in 0..50 {
            let half = attempts.begin("123456789012", "bob", address("198.51.100.1"), START).ok().unwrap();
            attempts.undecided(&half);
        }
        assert_eq!(wait(&mut attempts, "bob", "198.51.100.2", 0), 0);
        assert_eq!(wait(&mut attempts, "bob", "198.51.100.3", 0), 1);
    }

    #[test]
    fn failures_are_forgotten_one_by_one() {
        let mut attempts = Attempts::default();
        for number in 0..SIGN_IN_USER_FAILURES_FREE {
            assert_eq!(wait(&mut attempts, "bob", &format!("192.0.2.{number}"), 0), 0);
        }
        assert_eq!(wait(&mut attempts, "bob", "198.51.100.1", 60), 0);
        assert_eq!(wait(&mut attempts, "bob", "198.51.100.1", 60), 1);
        assert_eq!(wait(&mut attempts, "bob", "198.51.100.1", 3600), 0);
    }

    #[test]
    fn a_flood_of_new_names_does_not_push_out_the_one_that_is_guessed_at() {
        let mut attempts = Attempts::default();
        for number in 0..SIGN_IN_USER_FAILURES_FREE {
            assert_eq!(wait(&mut attempts, "bob", &format!("192.0.2.{number}"), 0), 0);
        }
        for number in 0..(SIGN_IN_TRACKED_MAX as u32 * 6 / 10) {
            let from = IpAddr::from((0x0a00_0000 + number).to_be_bytes());
            attempts.begin("a", &format!("user{number}"), from, START).ok().unwrap();
        }
        assert!(attempts.0.len() <= SIGN_IN_TRACKED_MAX);
        assert_eq!(wait(&mut attempts, "bob", "198.51.100.1", 0), 1);
    }
}
