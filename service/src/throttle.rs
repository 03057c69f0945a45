//! A token bucket an account and service. Without a configured rate nothing is held back.

use std::collections::HashMap;

use base::{AccountId, Region, Timestamp};
use parking_lot::Mutex;

/// Calls a second that one account may make to one service in one region, and as many at once.
pub struct Throttle {
    rate_per_second: Option<u32>,
    buckets: Mutex<HashMap<(AccountId, Region, &'static str), Bucket>>,
}

struct Bucket {
    tokens: f64,
    filled: Timestamp,
}

impl Throttle {
    pub fn new(rate_per_second: Option<u32>) -> Throttle {
        Throttle { rate_per_second, buckets: Mutex::new(HashMap::new()) }
    }

    /// Takes a token, and says whether there was one.
    pub fn admit(&self, account: AccountId, region: Region, service: &'static str, now: Timestamp) -> bool {
        let Some(rate) = self.rate_per_second.map(f64::from) else {
            return true;
        };
        let mut buckets = self.buckets.lock();
        let bucket =
            buckets.entry((account, region, service)).or_insert(Bucket { tokens: rate, filled: now });
        let passed_seconds = now.since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed_seconds * rate).min(rate);
        bucket.filled = bucket.filled.max(now);
        let admitted = bucket.tokens >= 1.0;
        bucket.tokens -= if admitted { 1.0 } else { 0.0 };
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_empties_and_fills_with_time() {
        let throttle = Throttle::new(Some(2));
        let now = Timestamp::from_secs(100);
        let admit = |now| throttle.admit(AccountId::DEV, Region::US_EAST_1, "sqs", now);
        assert_eq!([admit(now), admit(now), admit(now)], [true, true, false]);
        assert!(admit(now + Duration::from_millis(500)));
        assert!(!admit(now + Duration::from_millis(500)));
    }
}
