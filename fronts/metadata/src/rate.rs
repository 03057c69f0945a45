//! How often each address asks, and when it is too often.
//!
//! One moment per address is all that is kept: when what it has sent so far would have been sent at the allowed pace.
//! Who is a second ahead of that pace has to wait.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::limits::{PACKETS_PER_SECOND_MAX, RATES_MAX};

/// How far ahead of the pace a burst may be.
const BURST: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<IpAddr, Instant>>);

impl Rates {
    /// Counts `packets` of an address, or says how long it has to wait until it may send them.
    pub fn take(&self, source: IpAddr, packets: u32, now: Instant) -> Result<(), Duration> {
        let mut paces = self.0.lock();
        if paces.len() >= RATES_MAX && !paces.contains_key(&source) {
            paces.retain(|_, pace| *pace > now);
            if paces.len() >= RATES_MAX {
                paces.clear();
            }
        }
        let pace = paces.entry(source).or_insert(now);
        let next = (*pace).max(now) + Duration::from_secs(1) * packets / PACKETS_PER_SECOND_MAX;
        let ahead = next.saturating_duration_since(now);
        if ahead > BURST {
            return Err(ahead - BURST);
        }
        *pace = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 5));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 6));

    #[tokio::test(start_paused = true)]
    async fn a_second_of_packets_passes_at_once_and_more_at_the_pace() {
        let rates = Rates::default();
        let passed = (0..2000).filter(|_| rates.take(ONE, 1, Instant::now()).is_ok()).count();
        assert_eq!(passed, 1024);
        assert!(rates.take(OTHER, 1, Instant::now()).is_ok(), "every address has its own pace");
        tokio::time::advance(Duration::from_millis(500)).await;
        let passed = (0..2000).filter(|_| rates.take(ONE, 1, Instant::now()).is_ok()).count();
        assert_eq!(passed, 512);
        let wait = rates.take(ONE, 1024, Instant::now()).unwrap_err();
        assert!(wait > Duration::from_millis(990) && wait <= Duration::from_secs(1), "{wait:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_has_a_limit() {
        let rates = Rates::default();
        for number in 0..(RATES_MAX as u32 + 10) {
            rates.take(IpAddr::from(number.to_be_bytes()), 1, Instant::now()).unwrap();
        }
        assert!(rates.0.lock().len() <= RATES_MAX);
    }
}
