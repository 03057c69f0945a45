//! Connections to the metadata service: one request each, within limits of number and time.
//!
//! AWS closes every connection after its answer, and so do we. That makes one limit of time enough for clients that are
//! slow to ask and for those that are slow to listen.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Inner;
use super::answer::{self, Answer};
use crate::limits::{
    ACCEPT_PAUSE, CONNECTION_TIME_MAX, CONNECTIONS_MAX, CONNECTIONS_PER_SOURCE_MAX, HEAD_BYTES_MAX,
    HEADERS_MAX, PACKETS_PER_REQUEST, THROTTLE_PAUSE_MAX,
};
use crate::rate::Rates;
use crate::sources::Sources;

/// What the connections of one socket share.
struct Served {
    inner: Arc<Inner>,
    vpc: String,
    rates: Arc<Rates>,
}

pub(super) async fn serve(
    inner: &Arc<Inner>,
    listener: std::net::TcpListener,
    vpc: &str,
    rates: Arc<Rates>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let served = Arc::new(Served { inner: Arc::clone(inner), vpc: vpc.to_owned(), rates });
    let sources = Sources::default();
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS_MAX {
            // The rest waits in the kernel's backlog.
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                let source = peer.ip().to_canonical();
                // One instance more than its share: its connection ends here, the others' do not wait for it.
                let Some(place) = sources.take(source, CONNECTIONS_PER_SOURCE_MAX) else { continue };
                let served = Arc::clone(&served);
                connections.spawn(async move {
                    if timeout(CONNECTION_TIME_MAX, connection(&served, stream, source)).await.is_err() {
                        tracing::debug!(%source, vpc = served.vpc, "a metadata request took too long");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, vpc, "a metadata connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no instance has this address")]
struct Nobody;

async fn connection(served: &Served, stream: TcpStream, source: IpAddr) {
    drop(stream.set_nodelay(true));
    // A second handle on the socket, to say how far an answer may travel while the HTTP library holds the first.
    let socket = match stream.as_fd().try_clone_to_owned() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::warn!(%error, "a metadata connection could not be served");
            return;
        }
    };
    let socket = &socket;
    let service = service_fn(move |request| request_on(served, socket, source, request));
    let mut builder = http1::Builder::new();
    // Scripts look for headers as AWS writes them.
    builder.title_case_headers(true).keep_alive(false).max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    if let Err(error) = builder.serve_connection(TokioIo::new(stream), service).await {
        tracing::debug!(%error, %source, vpc = served.vpc, "a metadata connection broke off");
    }
}

async fn request_on(
    served: &Served,
    socket: &OwnedFd,
    source: IpAddr,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Nobody> {
    let view = served.inner.instances.by_address(&served.vpc, source).await.ok_or(Nobody)?;
    if !turn(served, source).await {
        return Ok(answer::refusal(StatusCode::SERVICE_UNAVAILABLE));
    }
    // Nothing here reads a body.
    let (parts, _) = request.into_parts();
    let Answer { response, hop_limit } = answer::answer(&served.inner, &view, source, &parts).await;
    if let Some(hop_limit) = hop_limit
        && let Err(error) = limit_hops(socket.as_fd(), source, hop_limit)
    {
        // A token that travels further than it may is worse than none.
        tracing::warn!(%error, "the hop limit of a token could not be set");
        return Ok(answer::refusal(StatusCode::SERVICE_UNAVAILABLE));
    }
    Ok(response)
}

/// Waits until this address may ask, and says whether it came to that.
async fn turn(served: &Served, source: IpAddr) -> bool {
    let end = Instant::now() + THROTTLE_PAUSE_MAX;
    loop {
        let now = Instant::now();
        match served.rates.take(source, PACKETS_PER_REQUEST, now) {
            Ok(()) => return true,
            Err(wait) if now + wait < end => sleep(wait).await,
            Err(_) => return false,
        }
    }
}

fn limit_hops(socket: BorrowedFd<'_>, source: IpAddr, hops: u8) -> io::Result<()> {
    match source {
        IpAddr::V4(_) => rustix::net::sockopt::set_ip_ttl(socket, u32::from(hops))?,
        IpAddr::V6(_) => rustix::net::sockopt::set_ipv6_unicast_hops(socket, Some(hops))?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hop_limit_is_that_of_the_packets() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address).await else { continue };
            let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            let source = stream.local_addr().unwrap().ip();
            limit_hops(stream.as_fd(), source, 2).unwrap();
            let set = match source {
                IpAddr::V4(_) => rustix::net::sockopt::ip_ttl(&stream).unwrap(),
                IpAddr::V6(_) => u32::from(rustix::net::sockopt::ipv6_unicast_hops(&stream).unwrap()),
            };
            assert_eq!(set, 2, "{address}");
        }
    }
}
