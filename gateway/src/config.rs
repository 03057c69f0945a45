//! What the composition root decides about the gateway.

use std::time::Duration;

use crate::limits;

/// The gateway's part of the configuration.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    pub connections_max: usize,
    /// The largest body of an operation that takes it whole.
    pub body_bytes_max: usize,
    pub times: TimeLimits,
    pub cors: Cors,
    /// Open the clock and other controls to loopback clients: only in `--dev`.
    pub controls: Controls,
}

/// How slow a client may be.
#[derive(Clone, Copy, Debug)]
pub struct TimeLimits {
    /// From the first byte of a request's head to its last.
    pub head_max: Duration,
    /// Between two pieces of a body.
    pub body_pause_max: Duration,
    /// How long a client may leave us waiting to write.
    pub write_pause_max: Duration,
    /// Between requests.
    pub keep_alive_max: Duration,
    pub handshake_max: Duration,
}

/// Which web pages may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cors {
    /// Pages of this machine, and these origins (`https://app.example.com`).
    Origins(Vec<String>),
    /// Any page: only in `--dev`.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    Closed,
    Open,
}

impl Default for GatewayConfig {
    fn default() -> GatewayConfig {
        GatewayConfig {
            connections_max: limits::CONNECTIONS_MAX,
            body_bytes_max: limits::BODY_BYTES_MAX,
            times: TimeLimits::default(),
            cors: Cors::Origins(Vec::new()),
            controls: Controls::Closed,
        }
    }
}

impl Default for TimeLimits {
    fn default() -> TimeLimits {
        TimeLimits {
            head_max: limits::HEAD_TIME_MAX,
            body_pause_max: limits::BODY_PAUSE_MAX,
            write_pause_max: limits::WRITE_PAUSE_MAX,
            keep_alive_max: limits::KEEP_ALIVE_TIME_MAX,
            handshake_max: limits::TLS_HANDSHAKE_TIME_MAX,
        }
    }
}

impl TimeLimits {
    /// How often a connection must be looked at.
    pub(crate) fn shortest(&self) -> Duration {
        self.head_max.min(self.write_pause_max).min(self.keep_alive_max)
    }
}
