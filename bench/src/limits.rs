//! What bounds a run, in time, count and size, unit last. Nothing here runs for ever.

use std::time::Duration;

/// Before each measured stretch, and not counted.
pub const WARM_UP_TIME: Duration = Duration::from_secs(1);

/// Different requests that are signed in advance and sent in turn.
pub const POOL_REQUESTS: usize = 256;

/// What a message carries.
pub const MESSAGE_BYTES: usize = 1024;

/// Messages of one batch.
pub const BATCH_MESSAGES: usize = 10;

/// Messages that the pairs of ReceiveMessage and DeleteMessage go through at most: below SQS's 120,000 in flight.
pub const PAIRS_MAX: usize = 100_000;

/// Connections to the peers that are tried, each for a while, to find how many they answer most with.
pub const PEER_CONNECTIONS: [usize; 4] = [1, 4, 16, 64];
pub const PROBE_TIME: Duration = Duration::from_secs(2);

/// Messages that the pairs go through at the peers, which get slower with each message that is queued.
pub const PEER_PAIRS_MAX: usize = 2_000;

/// Long polls that are woken, one after the other.
pub const WAKES: usize = 200;

/// How long a server may take to come up, or to end when asked.
pub const START_TIME_MAX: Duration = Duration::from_secs(60);
pub const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// How long one request may take, long polls included.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// What is still waited for when the time of a load is over.
pub const LATE_TIME_MAX: Duration = Duration::from_secs(5);

/// How long disk space may take to come back.
pub const SPACE_TIME_MAX: Duration = Duration::from_secs(60);

/// Histograms hold latencies up to this, with three digits.
pub const LATENCY_MICROS_MAX: u64 = 60_000_000;

/// The shortest and longest time that a crash round works before the process is killed.
pub const ROUND_MILLIS_MIN: u64 = 30;
pub const ROUND_MILLIS_MAX: u64 = 400;

/// Message groups of the FIFO queue in the crash test, each with one sender.
pub const CRASH_GROUPS: usize = 8;

/// Receives in a row that find nothing, after which a queue counts as drained.
pub const EMPTY_RECEIVES: usize = 5;
