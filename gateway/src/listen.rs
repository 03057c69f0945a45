//! Accepting connections, within limits.
//!
//! Up to `connections_max` are served. Some more are accepted and told that we are busy, each request with a 503
//! that clients know how to retry. Beyond those nothing is accepted, so that connections wait in the kernel's
//! backlog; none is reset.

use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;

use crate::Inner;
use crate::connection::{self, Peer};
use crate::limits::{ACCEPT_PAUSE, BUSY_CONNECTIONS_MAX, DRAIN_TIME_MAX};
use crate::tls::Tls;

pub(crate) async fn accept(inner: &Arc<Inner>, listener: TcpListener, tls: Option<Tls>, way: Option<u64>) {
    let stopped = inner.tasks.stopped();
    let mut stopped = std::pin::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped.as_mut() => break,
            accepted = next(inner, &listener) => accepted,
        };
        let (stream, address, slot) = accepted;
        let busy = inner.slots.available_permits() < BUSY_CONNECTIONS_MAX;
        inner.metrics.connections_total.inc();
        inner.metrics.connections_busy.inc_by(u64::from(busy));
        inner.metrics.connections.inc();
        let (shared, tls) = (Arc::clone(inner), tls.clone());
        inner.tasks.spawn(async move {
            let open = Open { inner: Arc::clone(&shared), _slot: slot };
            let peer = Peer { address, tls: false, tls_version: None, busy, way };
            connection::serve(shared, stream, peer, tls).await;
            drop(open);
        });
    }
    drop(listener);
    let shared = Arc::clone(inner);
    inner.tasks.spawn(async move {
        let all_slots = (shared.config.connections_max + BUSY_CONNECTIONS_MAX) as u32;
        tokio::select! {
            // All connections have ended.
            _ = shared.slots.acquire_many(all_slots) => {}
            () = tokio::time::sleep(DRAIN_TIME_MAX) => drop(shared.late.send_replace(true)),
        }
    });
}

/// Waits for a slot, then for a connection.
async fn next(
    inner: &Inner,
    listener: &TcpListener,
) -> (TcpStream, std::net::SocketAddr, OwnedSemaphorePermit) {
    let slot = Arc::clone(&inner.slots).acquire_owned().await.expect("the slots are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, slot),
            // A connection that ended before it was taken is no trouble, a lack of file handles passes.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One open connection.
struct Open {
    inner: Arc<Inner>,
    _slot: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.inner.metrics.connections.dec();
    }
}
