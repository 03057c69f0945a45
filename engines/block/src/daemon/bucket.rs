//! How fast a volume may be: operations and bytes a second, with a little saved; and for types that burst, the credits
//! that a pace beyond the baseline is paid with.

use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::Pace;

/// What a volume that rested may do at once, in parts of a second.
const SAVED_SECONDS_MAX: f64 = 0.1;
/// A longer request counts as several operations ("I/O size and volume throughput limits" of EBS, SSD volumes).
const OPERATION_BYTES: u64 = 256 << 10;
/// The longest sleep, after which it is looked whether the pace was changed.
const NAP: Duration = Duration::from_millis(20);

pub struct Bucket(Mutex<State>);

struct State {
    pace: Option<Pace>,
    operations: f64,
    bytes: f64,
    credits: f64,
    filled: Instant,
}

impl Bucket {
    pub fn new(pace: Option<Pace>) -> Self {
        Self(Mutex::new(State::new(pace, Instant::now())))
    }

    pub fn set(&self, pace: Option<Pace>) {
        let mut state = self.0.lock();
        let saved = state.pace.and_then(|pace| pace.credits).map(|_| state.credits);
        let fresh = State::new(pace, Instant::now());
        // What was spent stays spent.
        *state = State { credits: fresh.credits.min(saved.unwrap_or(f64::MAX)), ..fresh };
    }

    /// Waits until a request of so many bytes may be done. `stop` ends the waiting.
    pub fn take(&self, bytes: usize, stop: impl Fn() -> bool) {
        loop {
            let wait = self.0.lock().take(bytes as u64, Instant::now());
            let Some(wait) = wait else { return };
            if stop() {
                return;
            }
            std::thread::sleep(wait.min(NAP));
        }
    }
}

impl State {
    fn new(pace: Option<Pace>, now: Instant) -> Self {
        let credits = pace.and_then(|pace| pace.credits).map_or(0.0, |credits| credits.most as f64);
        Self { pace, operations: 0.0, bytes: 0.0, credits, filled: now }
    }

    /// Takes it, or says how long to wait. Whoever finds something takes all that it needs, and the next ones wait
    /// until that is made good.
    fn take(&mut self, bytes: u64, now: Instant) -> Option<Duration> {
        let pace = self.pace?;
        let (operations_a_second, bytes_a_second) =
            (f64::from(pace.operations_a_second.max(1)), (pace.bytes_a_second.max(1)) as f64);
        let seconds = now.duration_since(self.filled).as_secs_f64();
        self.filled = now;
        self.operations = (self.operations + seconds * operations_a_second)
            .min((operations_a_second * SAVED_SECONDS_MAX).max(1.0));
        self.bytes = (self.bytes + seconds * bytes_a_second).min(bytes_a_second * SAVED_SECONDS_MAX);
        let mut lacking = (-self.operations / operations_a_second).max(-self.bytes / bytes_a_second);
        if let Some(credits) = pace.credits {
            let earned_a_second = credits.earned_a_second.max(1) as f64;
            self.credits = (self.credits + seconds * earned_a_second).min(credits.most as f64);
            lacking = lacking.max(-self.credits / earned_a_second);
        }
        if lacking >= 0.0 {
            return Some(Duration::from_secs_f64(lacking.min(1.0)).max(Duration::from_micros(100)));
        }
        let operations = bytes.div_ceil(OPERATION_BYTES).max(1) as f64;
        self.operations -= operations;
        self.bytes -= bytes as f64;
        if let Some(credits) = pace.credits {
            self.credits -= if credits.are_bytes { bytes as f64 } else { operations };
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Credits;

    /// How many requests of this size pass in so many seconds.
    fn passed(pace: Pace, bytes: u64, seconds: u64) -> u64 {
        let start = Instant::now();
        let mut state = State::new(Some(pace), start);
        let mut now = start;
        let mut count = 0;
        while now < start + Duration::from_secs(seconds) {
            match state.take(bytes, now) {
                None => count += 1,
                Some(wait) => now += wait,
            }
        }
        count
    }

    #[test]
    fn operations_and_bytes_are_held_to_the_pace() {
        let pace = Pace { operations_a_second: 100, bytes_a_second: 1 << 20, credits: None };
        let operations = passed(pace, 4096, 10);
        assert!((980..=1020).contains(&operations), "{operations}");
        let large = passed(pace, 128 << 10, 10);
        assert!((78..=84).contains(&large), "{large}");
        let counted_as_four = passed(Pace { bytes_a_second: u64::MAX >> 8, ..pace }, 1 << 20, 10);
        assert!((248..=256).contains(&counted_as_four), "{counted_as_four}");
    }

    #[test]
    fn who_bursts_pays_and_is_as_slow_as_it_earns_when_nothing_is_left() {
        let credits = Credits { are_bytes: false, earned_a_second: 100, most: 9_000 };
        let pace = Pace { operations_a_second: 1_000, bytes_a_second: u64::MAX >> 8, credits: Some(credits) };
        // 9,000 and what is earned meanwhile are spent in ten seconds.
        let burst = passed(pace, 4096, 5);
        assert!((4_950..=5_050).contains(&burst), "{burst}");
        let then = passed(pace, 4096, 30) - passed(pace, 4096, 20);
        assert!((990..=1_010).contains(&then), "{then}");
        let credits = Credits { are_bytes: true, earned_a_second: 1 << 20, most: 20 << 20 };
        let pace = Pace { operations_a_second: 1_000, bytes_a_second: 5 << 20, credits: Some(credits) };
        let then = passed(pace, 128 << 10, 30) - passed(pace, 128 << 10, 20);
        assert!((78..=82).contains(&then), "{then}");
    }

    #[test]
    fn a_change_of_the_pace_gives_no_credits() {
        let credits = |most| Credits { are_bytes: false, earned_a_second: 1, most };
        let pace = |most| Pace {
            operations_a_second: 1_000,
            bytes_a_second: u64::MAX >> 8,
            credits: Some(credits(most)),
        };
        let bucket = Bucket::new(Some(pace(100)));
        std::thread::sleep(Duration::from_millis(20));
        bucket.take(4096, || false);
        let left = || bucket.0.lock().credits;
        assert!(left() < 100.0);
        bucket.set(Some(pace(200)));
        assert!(left() < 100.0);
        bucket.set(Some(pace(10)));
        assert!(left() <= 10.0);
        bucket.set(None);
        bucket.set(Some(pace(50)));
        assert!(left() <= 50.0);
    }

    #[test]
    fn without_a_pace_nothing_waits() {
        let bucket = Bucket::new(None);
        bucket.take(1 << 20, || panic!("it waited"));
    }
}
