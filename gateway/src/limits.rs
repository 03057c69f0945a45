//! The gateway's limits, unit last. Those that a test or a configuration changes are defaults of
//! [`crate::GatewayConfig`].

use std::time::Duration;

/// Connections that are served at the same time.
pub const CONNECTIONS_MAX: usize = 4096;

/// Connections beyond those, which are told that we are busy. Any more wait in the kernel's backlog.
pub const BUSY_CONNECTIONS_MAX: usize = 256;

/// How long a connection that is told so may stay.
pub const BUSY_CONNECTION_TIME_MAX: Duration = Duration::from_secs(5);

/// The largest body of an operation that takes it whole. SQS takes 1 MiB, Lambda 6 MiB, DynamoDB 16 MiB.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// All large bodies together, while they are gathered and read. Beyond that, requests are told that we are busy.
pub const BODIES_KIB_MAX: usize = 512 * 1024;

/// All headers of one request with their names. Session tokens and S3 metadata are some KiB.
pub const HEADER_BYTES_MAX: usize = 32 * 1024;

/// What the HTTP library buffers of a head. Heads between the two limits are answered in AWS's form, larger ones
/// with a bare 431. It is also what is read of a body at once, so that each upload under way holds a few of these.
pub const HEAD_BUFFER_BYTES_MAX: usize = 2 * HEADER_BYTES_MAX;

/// From the first byte of a head to its last.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(30);

/// Between two pieces of a body. S3 waits twenty seconds.
pub const BODY_PAUSE_MAX: Duration = Duration::from_secs(20);

/// How long a client may leave us waiting to write.
pub const WRITE_PAUSE_MAX: Duration = Duration::from_secs(60);

/// How long a connection may idle between requests.
pub const KEEP_ALIVE_TIME_MAX: Duration = Duration::from_secs(75);

pub const TLS_HANDSHAKE_TIME_MAX: Duration = Duration::from_secs(10);

/// Requests at the same time on one HTTP/2 connection.
pub const STREAMS_MAX: u32 = 256;

/// What is read and thrown away of a body that was refused, so that the client gets to read the answer.
pub const DISCARDED_BYTES_MAX: u64 = 64 * 1024 * 1024;
pub const DISCARD_TIME_MAX: Duration = Duration::from_secs(10);

/// A body larger than this, or one announced with `Expect`, is refused on its headers alone where they suffice.
pub const EAGER_BODY_BYTES_MAX: u64 = 64 * 1024;

/// How long requests that are under way may go on when the server stops. Shorter than the frame's own limit, so
/// that those which are left get an answer.
pub const DRAIN_TIME_MAX: Duration = service::DRAIN_TIME_MAX.saturating_sub(Duration::from_secs(2));

/// How long a client may hold the answer to a preflight.
pub const PREFLIGHT_AGE_MAX: Duration = Duration::from_secs(2 * 3600);

/// How long the accepting of connections pauses when the process has no file handles left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Leaves live for this long and are replaced when less than a third is left.
pub const LEAF_TIME: Duration = Duration::from_secs(90 * 24 * 3600);

/// The certificate authority lives for ten years.
pub const AUTHORITY_TIME: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Names that hold a leaf of their own at the same time.
pub const LEAVES_MAX: usize = 256;

/// Headers that one presigned URL may carry as parameters.
pub const HOISTED_HEADERS_MAX: usize = 64;

/// Headers that one preflight may ask for.
pub const PREFLIGHT_HEADERS_MAX: usize = 128;

/// What may come of a form before its file begins: its fields, and the piece in which the file begins.
pub const FORM_HEAD_BYTES_MAX: usize = 1024 * 1024;
