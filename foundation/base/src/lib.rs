//! The vocabulary every layer shares: names of accounts and places, ARNs, time and chance.
//!
//! Knows no AWS service and no HTTP. Time and chance are values that are handed around ([`Clock`], [`Ids`]),
//! never globals, so that a test can turn the one and seed the other.

mod account;
mod arn;
mod clock;
mod cron;
mod duration;
mod ids;
mod region;
mod timestamp;

pub use account::{AccountId, AccountIdError};
pub use arn::{Arn, ArnError};
pub use clock::Clock;
pub use cron::Cron;
pub use duration::{DurationError, parse_duration};
pub use ids::Ids;
pub use region::{Partition, Region, Zone};
pub use timestamp::Timestamp;
