//! What bounds a run, in time, count and size, unit last. Nothing here runs for ever.

use std::time::Duration;

/// Before each measured stretch, and not counted.
pub const WARM_UP_TIME: Duration = Duration::from_secs(1);

/// How long each figure is measured in a quick run (of which keys have more), and the disk in any.
pub const QUICK_TIME: Duration = Duration::from_secs(2);
pub const QUICK_KEYS_TIME: Duration = Duration::from_secs(1);
pub const DISK_TIME_MAX: Duration = Duration::from_secs(3);

/// Different requests that are signed in advance and sent in turn.
pub const POOL_REQUESTS: usize = 256;

/// What a message carries.
pub const MESSAGE_BYTES: usize = 1024;

/// What SendMessage answers, and so the bare server beside it.
pub const SEND_ANSWER_BYTES: usize = 106;

/// Messages of one batch.
pub const BATCH_MESSAGES: usize = 10;

/// Messages that the pairs of ReceiveMessage and DeleteMessage go through at most: below SQS's 120,000 in flight.
pub const PAIRS_MAX: usize = 100_000;

/// Connections to the peers that are tried, each for a while, to find how many they answer most with.
pub const PEER_CONNECTIONS: [usize; 4] = [1, 4, 16, 64];
pub const PROBE_TIME: Duration = Duration::from_secs(2);

/// Messages that the pairs go through at the peers, which get slower with each message that is queued.
pub const PEER_PAIRS_MAX: usize = 2_000;

/// Messages that are queued in a quick run.
pub const QUICK_MESSAGES: u64 = 50_000;

/// Memory is read after this, when what the start or the load left over is put away.
pub const REST_TIME: Duration = Duration::from_secs(2);

/// Long polls that are woken, one after the other.
pub const WAKES: usize = 200;

/// What is encrypted, and what a parameter holds.
pub const PLAINTEXT_BYTES: usize = 1024;
pub const PARAMETER_BYTES: usize = 1024;

/// Parameters: as many as AWS lets an account have in a region, of the advanced tier; in a quick run; and at the peer,
/// which looks at all of them for each page.
pub const PARAMETERS_MAX: usize = 100_000;
pub const QUICK_PARAMETERS: usize = 2_000;
pub const PEER_PARAMETERS: usize = 2_000;

/// Folders under the path that is listed, and parameters that are signed and put at a time.
pub const PARAMETER_FOLDERS: usize = 1_000;
pub const PUTS_AT_ONCE: usize = 10_000;

/// Parameters on a page, AWS's most; and pages at either end of the listing that are compared.
pub const PAGE_PARAMETERS: usize = 10;
pub const COMPARED_PAGES: usize = 500;
pub const LEVEL_LISTINGS: usize = 100;

/// How long putting all parameters may take.
pub const FILL_TIME_MAX: Duration = Duration::from_secs(600);

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

/// A small object, the objects that are read in turn, those that a peer is given at most in one figure, and what its PUT
/// answers.
pub const OBJECT_BYTES: usize = 4096;
pub const POOL_OBJECTS: usize = 10_000;
pub const PEER_OBJECTS: usize = 100_000;
pub const OBJECT_ANSWER_BYTES: usize = 0;

/// More PUTs than this are not prepared for each second.
pub const PUTS_PER_SECOND_MAX: f64 = 25_000.0;

/// A large object, the parts it is uploaded in, and how many of them are under way.
pub const LARGE_BYTES: usize = 1 << 30;
pub const PART_BYTES: usize = 8 << 20;
pub const PARTS_AT_ONCE: usize = 4;
pub const LARGE_RUNS: usize = 3;

/// Uploads under way when the memory for them is looked at.
pub const UPLOADS_AT_ONCE: usize = 64;

/// Instances that are launched one after the other, that are waited for by SSH, and that are launched at once.
pub const LAUNCHES: usize = 20;
pub const SSH_LAUNCHES: usize = 9;
pub const QUICK_SSH_LAUNCHES: usize = 3;
pub const DEBIAN_LAUNCHES: usize = 3;
pub const MANY_INSTANCES: usize = 100;
pub const QUICK_INSTANCES: usize = 10;

/// How long an image may take to be made on its first use, an instance to be reached, and all to be gone.
pub const IMAGE_TIME_MAX: Duration = Duration::from_secs(900);
pub const REACHED_TIME_MAX: Duration = Duration::from_secs(60);
pub const GONE_TIME_MAX: Duration = Duration::from_secs(120);

/// An item; those that are read and updated in turn, and those that a peer is given at most in one figure.
pub const ITEM_BYTES: usize = 1024;
pub const POOL_ITEMS: usize = 10_000;
pub const PEER_ITEMS: usize = 50_000;

/// Items of one BatchWriteItem, DynamoDB's most.
pub const BATCH_ITEMS: usize = 25;

/// Partitions that are queried in turn, the items of each, and the connections that do it.
pub const PAGES: usize = 100;
pub const PAGE_ITEMS: usize = 100;
pub const QUERY_CONNECTIONS: usize = 16;

/// Items of a large table and of the small one beside it, batches that are prepared at a time, connections that send
/// them, and different items that are read.
pub const SMALL_ITEM_BYTES: usize = 200;
pub const SMALL_TABLE_ITEMS: usize = 10_000;
pub const QUICK_ITEMS: usize = 100_000;
pub const BATCHES_AT_ONCE: usize = 4_000;
pub const LOAD_CONNECTIONS: usize = 64;
pub const LARGE_READS: usize = 50_000;

/// What a volume is measured with beside a bare loop device, and how often; blocks whose first read is measured, a power of
/// two; how often a device is made and taken away; how often a volume is attached; volumes in use whose memory is looked at.
pub const MEASURED_BYTES: u64 = 2 << 30;
pub const QUICK_MEASURED_BYTES: u64 = 256 << 20;
pub const QUICK_DISK_TIME: Duration = Duration::from_secs(1);
pub const DISK_ROUNDS: usize = 3;
pub const BLOCK_BYTES: u64 = 512 << 10;
pub const FIRST_READS: u64 = 512;
pub const QUICK_FIRST_READS: u64 = 64;
pub const SERVES: usize = 50;
pub const QUICK_SERVES: usize = 5;
pub const ATTACHES: usize = 20;
pub const ATTACH_TIME_MAX: Duration = Duration::from_secs(60);
pub const VOLUMES: u64 = 8;
pub const QUICK_VOLUMES: u64 = 2;

/// A volume of which snapshots are taken, what of it changes in between, and who writes on meanwhile.
pub const SNAPSHOT_BYTES: u64 = 10 << 30;
pub const CHANGED_BYTES: u64 = 1 << 30;
pub const QUICK_SNAPSHOT_BYTES: u64 = 1 << 30;
pub const QUICK_CHANGED_BYTES: u64 = 128 << 20;
pub const SNAPSHOT_TIME_MAX: Duration = Duration::from_secs(300);
pub const WRITER_BYTES: u64 = 16 << 20;
pub const WRITER_TIME: Duration = Duration::from_secs(8);
pub const QUICK_WRITER_TIME: Duration = Duration::from_secs(3);
