//! The binary's limits and defaults, unit last.

use std::time::Duration;

/// Where LocalStack made its home, so wrappers and test helpers find us there.
pub const PORT_DEFAULT: u16 = 4566;

/// The layout of the data folder. Raised when an older Fogbank could not read what this one writes.
pub const FOLDER_FORMAT: u32 = 1;

/// How long a command waits for a running Fogbank to take the connection, and to answer.
pub const CONNECT_TIME_MAX: Duration = Duration::from_secs(2);
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// The largest answer of a control call.
pub const ANSWER_BYTES_MAX: usize = 8 << 20;

/// The furthest the clock may be turned in one go: a century.
pub const CLOCK_ADVANCE_MAX: Duration = Duration::from_secs(100 * 365 * 86_400);

/// What the store's page cache takes unless the configuration says otherwise.
pub const STORE_CACHE_MIB_DEFAULT: usize = 8;

/// Connections served at once unless the configuration says otherwise.
pub const CONNECTIONS_MAX_DEFAULT: usize = gateway::limits::CONNECTIONS_MAX;

/// How long a host tool may take to say its version.
pub const TOOL_TIME_MAX: Duration = Duration::from_secs(10);
