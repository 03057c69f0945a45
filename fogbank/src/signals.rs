//! SIGINT and SIGTERM: the first asks to end after draining, the second ends at once.

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Listens from when it is made, so that a signal during the start is not lost.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub fn listen() -> anyhow::Result<Signals> {
        let on = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Signals { interrupt: on(SignalKind::interrupt())?, terminate: on(SignalKind::terminate())? })
    }

    /// Waits for the next signal, and returns the exit code that names it by convention.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            _ = self.interrupt.recv() => 130,
            _ = self.terminate.recv() => 143,
        }
    }
}
