//! The binary's limits and defaults, unit last.

use std::time::Duration;

/// Where LocalStack made its home, so wrappers and test helpers find us there.
pub const PORT_DEFAULT: u16 = 4566;

/// The layout of the data folder. Raised when an older Fogbank could not read what this one writes.
pub const FOLDER_FORMAT: u32 = 1;

/// How long a command waits for a running Fogbank to take the connection, and to answer.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
/// Of whoever holds the port that is wanted.
pub const HOLDER_ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// The largest answer of a control call.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;

/// The furthest the clock may be turned in one go: a century.
pub const CLOCK_ADVANCE_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A flow log's file that is larger is put aside, in place of the one put aside before.
pub const FLOW_FILE_BYTES_MAX: u64 = 64 << 20;

/// What the store's page cache takes unless the configuration says otherwise.
pub const STORE_CACHE_MIB_DEFAULT: usize = 8;

/// What the tables' cache takes unless the configuration says otherwise.
pub const TABLE_CACHE_MIB_DEFAULT: u64 = 128;

/// Connections served at once unless the configuration says otherwise.
pub const CONNECTIONS_MAX_DEFAULT: usize = gateway::limits::CONNECTIONS_MAX;

/// How long the user's command may take to give the master key, and how much it may print.
pub const MASTER_KEY_COMMAND_TIME_MAX: Duration = Duration::from_secs(60);
pub const MASTER_KEY_COMMAND_BYTES_MAX: usize = 4096;

/// How long a host tool may take to say its version.
pub const TOOL_TIME_MAX: Duration = Duration::from_secs(10);

/// Sign-ins with one user name, or from one address, that may fail before the next one has to wait.
pub const SIGN_IN_USER_FAILURES_FREE: u32 = 5;
pub const SIGN_IN_ADDRESS_FAILURES_FREE: u32 = 20;

/// How long the next one waits then; doubled by each further failure, up to the last.
pub const SIGN_IN_DELAY_MIN: Duration = Duration::from_secs(1);
pub const SIGN_IN_DELAY_MAX: Duration = Duration::from_secs(60);

/// One failure is forgotten each time that this has passed.
pub const SIGN_IN_FAILURE_TIME: Duration = Duration::from_secs(60);

/// User names and addresses with failures that are remembered.
pub const SIGN_IN_TRACKED_MAX: usize = 10_000;

/// Passwords that are hashed at the same time, and how long others wait for their turn. A hash takes a tenth of a
/// second, so strangers could otherwise keep all processors busy.
pub const SIGN_IN_CHECKS_MAX: usize = 2;
pub const SIGN_IN_TURN_TIME_MAX: Duration = Duration::from_secs(5);

/// No failure is answered sooner, so that the time it takes does not tell what was wrong.
pub const SIGN_IN_FAILURE_ANSWER_TIME_MIN: Duration = Duration::from_millis(500);

/// How long the credentials of a sign-in live: as long as a session of AWS's console unless less is asked for.
pub const SIGN_IN_SECONDS_MIN: u64 = 900;
pub const SIGN_IN_SECONDS_MAX: u64 = 12 * 3600;

/// What a sign-in may give, in characters: IAM's own limits, and some room.
pub const SIGN_IN_NAME_CHARS_MAX: usize = 128;
pub const SIGN_IN_PASSWORD_CHARS_MAX: usize = 128;

/// How far apart the clocks of a command and its cloud may be: both are on one machine.
pub const PROOF_AGE_MAX: Duration = Duration::from_secs(60);

/// Damaged blocks, lost volumes and the like that `fsck` names, of each kind; the rest is counted.
pub const FSCK_DISKS_LISTED_MAX: usize = 100;

/// Blocks of an image's disk that are written at once, and how long it may take to complete its snapshot then.
pub const FILLED_AT_ONCE: usize = 8;
pub const FILLING_LOOK_TIME: Duration = Duration::from_millis(10);
pub const FILLING_LOOKS_MAX: usize = 6_000;
