//! Limits of the metadata service and the resolver, unit last. AWS's own are marked so.

use std::time::Duration;

/// The shortest and the longest life of a session token. AWS's.
pub const TOKEN_TTL_SECONDS_MIN: u32 = 1;
pub const TOKEN_TTL_SECONDS_MAX: u32 = 21_600;

/// How far a token's answer may travel. AWS's.
pub const HOP_LIMIT_MIN: u8 = 1;
pub const HOP_LIMIT_MAX: u8 = 64;

/// Connections to the metadata service of one VPC at the same time.
pub const CONNECTIONS_MAX: usize = 512;

/// Connections from one address at the same time. AWS limits them, and does not say how many.
pub const CONNECTIONS_PER_SOURCE_MAX: usize = 32;

/// From the first byte of a request to the last of its answer. There is one request on a connection.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_secs(10);

/// A request's head. Those that are longer are answered with a bare 431.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
pub const HEADERS_MAX: usize = 64;

/// How long accepting pauses when the process has no file handles left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What one interface may send to link-local services in a second. AWS's.
pub const PACKETS_PER_SECOND_MAX: u32 = 1024;

/// A request to the metadata service costs its caller this many packets: the handshake, the request, an
/// acknowledgement, the end.
pub const PACKETS_PER_REQUEST: u32 = 5;

/// How long a request beyond that waits for its turn before it is told to come again.
pub const THROTTLE_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Addresses whose rates are remembered at the same time; beyond that, those that asked least are forgotten.
pub const RATES_MAX: usize = 16 * 1024;

/// Questions of one socket that are answered at the same time. Those beyond are not answered, as if lost on the way.
pub const QUESTIONS_MAX: usize = 512;

/// Of these, those of one address.
pub const QUESTIONS_PER_SOURCE_MAX: usize = 64;

/// Without EDNS an answer over UDP has at most 512 bytes; with it, this many at most, so that no packet is split.
pub const UDP_ANSWER_BYTES_MAX: u16 = 1232;

/// The largest question, over UDP or TCP.
pub const QUESTION_BYTES_MAX: usize = 4096;

/// Connections to one resolver at the same time, in all and from one address, and how long one may idle.
pub const RESOLVER_CONNECTIONS_MAX: usize = 128;
pub const RESOLVER_CONNECTIONS_PER_SOURCE_MAX: usize = 16;
pub const RESOLVER_IDLE_TIME_MAX: Duration = Duration::from_secs(10);

/// Questions on one connection.
pub const QUESTIONS_PER_CONNECTION_MAX: usize = 128;

/// How long the resolver waits for the one it forwards to. Clients ask again after five seconds.
pub const FORWARD_TIME_MAX: Duration = Duration::from_secs(2);

/// Resolvers that are forwarded to; the rest of the list is not tried.
pub const FORWARDERS_MAX: usize = 3;

/// How long names may be kept. AWS's private names and public ones.
pub const PRIVATE_NAME_TTL_SECONDS: u32 = 60;
pub const PUBLIC_NAME_TTL_SECONDS: u32 = 20;
pub const SERVICE_NAME_TTL_SECONDS: u32 = 60;

/// How long it may be kept that a name does not exist.
pub const NEGATIVE_TTL_SECONDS: u32 = 60;
