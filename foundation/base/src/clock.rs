//! The only home of time.
//!
//! There are two times. *Cloud time* ([`Clock::now`]) is what every resource lives by, and `fogbank clock
//! advance` moves it. *Wall time* ([`Clock::wall`]) is what signatures and the HTTP Date header use, so that
//! real clients go on working after the cloud has been sent thirty days ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;

use crate::Timestamp;

/// A handle on time; clones share it.
#[derive(Clone)]
pub struct Clock(Arc<Inner>);

struct Inner {
    source: Source,
    /// Woken whenever time is turned by hand, so that sleepers look again. Holds how often that happened.
    turned: watch::Sender<u64>,
}

enum Source {
    /// Follows the machine's clock, ahead by some milliseconds, and never runs backwards.
    System { ahead_millis: AtomicI64, latest_millis: AtomicI64 },
    /// Stands still until it is advanced. Both times are the same.
    Manual { millis: AtomicI64 },
}

impl Clock {
    /// The machine's clock, with cloud time ahead of it by `ahead` (what an earlier run was advanced by).
    pub fn system(ahead: Duration) -> Clock {
        let ahead_millis = AtomicI64::new(i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX / 2));
        Clock::new(Source::System { ahead_millis, latest_millis: AtomicI64::new(i64::MIN) })
    }

    /// A clock for tests, that only [`Clock::advance`] moves.
    pub fn manual(start: Timestamp) -> Clock {
        Clock::new(Source::Manual { millis: AtomicI64::new(start.as_millis()) })
    }

    fn new(source: Source) -> Clock {
        Clock(Arc::new(Inner { source, turned: watch::Sender::new(0) }))
    }

    /// Cloud time. Monotonic: a later call never returns an earlier moment.
    pub fn now(&self) -> Timestamp {
        match &self.0.source {
            Source::System { ahead_millis, latest_millis } => {
                let millis = machine_millis().saturating_add(ahead_millis.load(Ordering::Relaxed));
                Timestamp::from_millis(latest_millis.fetch_max(millis, Ordering::Relaxed).max(millis))
            }
            Source::Manual { millis } => Timestamp::from_millis(millis.load(Ordering::Relaxed)),
        }
    }

    /// Wall time, which nothing but the machine moves.
    pub fn wall(&self) -> Timestamp {
        match &self.0.source {
            Source::System { .. } => Timestamp::from_millis(machine_millis()),
            Source::Manual { millis } => Timestamp::from_millis(millis.load(Ordering::Relaxed)),
        }
    }

    /// How far cloud time has been turned ahead of wall time.
    pub fn ahead(&self) -> Duration {
        match &self.0.source {
            Source::System { ahead_millis, .. } => {
                Duration::from_millis(ahead_millis.load(Ordering::Relaxed).max(0) as u64)
            }
            Source::Manual { .. } => Duration::ZERO,
        }
    }

    /// Turns cloud time forward and wakes every sleeper whose moment has come.
    pub fn advance(&self, by: Duration) {
        let by_millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX / 4);
        let moved = match &self.0.source {
            Source::System { ahead_millis, .. } => ahead_millis,
            Source::Manual { millis } => millis,
        };
        moved.fetch_add(by_millis, Ordering::Relaxed);
        self.0.turned.send_modify(|times| *times += 1);
    }

    /// Waits until cloud time has reached `moment`, by its own pace or by being turned.
    pub async fn sleep_until(&self, moment: Timestamp) {
        let mut turned = self.0.turned.subscribe();
        loop {
            let left = moment.since(self.now());
            if left.is_zero() {
                return;
            }
            match &self.0.source {
                Source::Manual { .. } => drop(turned.changed().await),
                Source::System { .. } => {
                    tokio::select! {
                        () = tokio::time::sleep(left) => {}
                        _ = turned.changed() => {}
                    }
                }
            }
        }
    }

    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(self.now() + duration).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the home of time")]
fn machine_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turning_the_clock_wakes_a_sleeper_at_once() {
        for clock in [Clock::manual(Timestamp::from_secs(1)), Clock::system(Duration::ZERO)] {
            let mut sleep = std::pin::pin!(clock.sleep(Duration::from_secs(3600)));
            let moment = Duration::from_millis(5);
            assert!(tokio::time::timeout(moment, &mut sleep).await.is_err());
            clock.advance(Duration::from_secs(1800));
            assert!(tokio::time::timeout(moment, &mut sleep).await.is_err(), "half the time is not the time");
            clock.advance(Duration::from_secs(1801));
            tokio::time::timeout(Duration::from_secs(5), sleep).await.unwrap();
        }
    }

    #[test]
    fn advancing_moves_cloud_time_and_leaves_wall_time() {
        let clock = Clock::system(Duration::ZERO);
        clock.advance(Duration::from_secs(86_400));
        let gap = clock.now().since(clock.wall());
        assert!(gap > Duration::from_secs(86_399) && gap <= Duration::from_secs(86_400), "{gap:?}");
        assert_eq!(clock.ahead(), Duration::from_secs(86_400));
    }
}
