//! One connection: TLS if its first byte says so, HTTP/1.1 or HTTP/2, and a watch over clients that are slow.
//!
//! The HTTP library's own timer for heads would be set anew for each request; this watch is woken about once in
//! half a minute and costs a request two loads.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ProtocolVersion;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::Inner;
use crate::config::TimeLimits;
use crate::limits::{BUSY_CONNECTION_TIME_MAX, HEAD_BUFFER_BYTES_MAX, HEADER_BYTES_MAX, STREAMS_MAX};
use crate::path;
use crate::tls::Tls;

/// The other end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub address: SocketAddr,
    pub tls: bool,
    /// `1.2` or `1.3`.
    pub tls_version: Option<&'static str>,
    /// There are more connections than we serve; say so and close.
    pub busy: bool,
    /// The number of the way that it came by, if that is somebody's.
    pub way: Option<u64>,
}

impl Peer {
    pub fn is_loopback(&self) -> bool {
        self.address.ip().to_canonical().is_loopback()
    }
}

/// Serves one connection to its end.
pub(crate) async fn serve(inner: Arc<Inner>, stream: TcpStream, peer: Peer, tls: Option<Tls>) {
    // Without it, a small answer waits for the client's acknowledgement of the one before.
    drop(stream.set_nodelay(true));
    let times = inner.config.times;
    let Some(tls) = tls else {
        return speak(inner, stream, peer).await;
    };
    let mut first = [0];
    match tokio::time::timeout(times.head_max, stream.peek(&mut first)).await {
        // 0x16 begins a TLS handshake and no HTTP method.
        Ok(Ok(1)) if first[0] == 0x16 => {
            match tokio::time::timeout(times.handshake_max, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let tls_version = match stream.get_ref().1.protocol_version() {
                        Some(ProtocolVersion::TLSv1_2) => Some("1.2"),
                        Some(ProtocolVersion::TLSv1_3) => Some("1.3"),
                        _ => None,
                    };
                    speak(inner, stream, Peer { tls: true, tls_version, ..peer }).await;
                }
                Ok(Err(error)) => tracing::debug!(%error, peer = %peer.address, "the TLS handshake failed"),
                Err(_) => tracing::debug!(peer = %peer.address, "the TLS handshake took too long"),
            }
        }
        Ok(Ok(1)) => speak(inner, stream, peer).await,
        _ => {}
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(inner: Arc<Inner>, stream: S, peer: Peer) {
    let activity = Arc::new(Activity::new());
    let io = TokioIo::new(Watched { stream, activity: Arc::clone(&activity) });
    let service = {
        let (inner, activity) = (Arc::clone(&inner), Arc::clone(&activity));
        service_fn(move |request| {
            let in_flight = Activity::begin(&activity);
            let inner = Arc::clone(&inner);
            async move { Ok::<_, std::convert::Infallible>(path::answer(&inner, peer, request, in_flight).await) }
        })
    };
    let connection = inner.http.serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);
    let stopped = inner.tasks.stopped();
    let mut stopped = std::pin::pin!(stopped);
    let mut times = inner.config.times;
    if peer.busy {
        times.keep_alive_max = BUSY_CONNECTION_TIME_MAX;
        times.head_max = BUSY_CONNECTION_TIME_MAX;
    }
    let mut watch: Pin<Box<Sleep>> = Box::pin(tokio::time::sleep(times.shortest()));
    let (mut stopping, mut closing) = (false, false);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, peer = %peer.address, "a connection broke off");
                }
                return;
            }
            () = stopped.as_mut(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = watch.as_mut() => match activity.judge(&times) {
                Judgement::Fine(for_now) => watch.as_mut().reset(Instant::now() + for_now),
                Judgement::Stalled => return,
                Judgement::Idle if closing => return,
                Judgement::Idle => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                    watch.as_mut().reset(Instant::now() + GOODBYE_TIME);
                }
            },
        }
    }
}

/// How long a client has to take note that an idle connection ends.
const GOODBYE_TIME: Duration = Duration::from_secs(1);

/// The settings of the HTTP library.
pub(crate) fn http() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_buf_size(HEAD_BUFFER_BYTES_MAX).header_read_timeout(None).timer(TokioTimer::new());
    builder
        .http2()
        .max_header_list_size(HEADER_BYTES_MAX as u32)
        .max_concurrent_streams(STREAMS_MAX)
        .timer(TokioTimer::new());
    builder
}

/// What happens on a connection, as the watch sees it. Times are milliseconds since it began; zero is "not".
pub(crate) struct Activity {
    began: Instant,
    in_flight: AtomicUsize,
    /// Some bytes of a head have come, but not all.
    in_head: AtomicBool,
    head_since: AtomicU64,
    idle_since: AtomicU64,
    write_stalled_since: AtomicU64,
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    /// Look again after this time.
    Fine(Duration),
    /// Nothing was asked for a long time.
    Idle,
    /// The client neither finishes its head nor reads its answer.
    Stalled,
}

/// One request under way.
pub(crate) struct InFlight(Arc<Activity>);

impl Activity {
    fn new() -> Activity {
        Activity {
            began: Instant::now(),
            in_flight: AtomicUsize::new(0),
            in_head: AtomicBool::new(false),
            head_since: AtomicU64::new(0),
            idle_since: AtomicU64::new(0),
            write_stalled_since: AtomicU64::new(0),
        }
    }

    fn begin(activity: &Arc<Activity>) -> InFlight {
        activity.in_flight.fetch_add(1, Ordering::Relaxed);
        activity.in_head.store(false, Ordering::Relaxed);
        InFlight(Arc::clone(activity))
    }

    fn millis(&self) -> u64 {
        self.began.elapsed().as_millis() as u64 + 1
    }

    fn bytes_came(&self) {
        let idle = self.in_flight.load(Ordering::Relaxed) == 0;
        if idle && !self.in_head.load(Ordering::Relaxed) {
            self.head_since.store(self.millis(), Ordering::Relaxed);
            self.in_head.store(true, Ordering::Relaxed);
        }
    }

    fn wrote(&self, stalled: bool) {
        let since = self.write_stalled_since.load(Ordering::Relaxed);
        match (stalled, since) {
            (true, 0) => self.write_stalled_since.store(self.millis(), Ordering::Relaxed),
            (false, 1..) => self.write_stalled_since.store(0, Ordering::Relaxed),
            _ => {}
        }
    }

    fn judge(&self, times: &TimeLimits) -> Judgement {
        let now = self.millis();
        let left =
            |since: u64, max: Duration| max.saturating_sub(Duration::from_millis(now.saturating_sub(since)));
        let stalled_since = self.write_stalled_since.load(Ordering::Relaxed);
        if stalled_since > 0 && left(stalled_since, times.write_pause_max).is_zero() {
            return Judgement::Stalled;
        }
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            return Judgement::Fine(times.shortest());
        }
        let (left, over) = match self.in_head.load(Ordering::Relaxed) {
            true => (left(self.head_since.load(Ordering::Relaxed), times.head_max), Judgement::Stalled),
            false => (left(self.idle_since.load(Ordering::Relaxed), times.keep_alive_max), Judgement::Idle),
        };
        if left.is_zero() { over } else { Judgement::Fine(left.min(times.shortest())) }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.millis(), Ordering::Relaxed);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that tells the watch what happens on it.
struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = into.filled().len();
        let polled = Pin::new(&mut this.stream).poll_read(cx, into);
        if into.filled().len() > before {
            this.activity.bytes_came();
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(cx, from);
        this.activity.wrote(polled.is_pending());
        polled
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(cx, from);
        this.activity.wrote(polled.is_pending());
        polled
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: TimeLimits = TimeLimits {
        head_max: Duration::from_secs(30),
        body_pause_max: Duration::from_secs(20),
        write_pause_max: Duration::from_secs(60),
        keep_alive_max: Duration::from_secs(75),
        handshake_max: Duration::from_secs(10),
    };

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_ends_and_a_busy_one_does_not() {
        let activity = Arc::new(Activity::new());
        assert!(matches!(activity.judge(&TIMES), Judgement::Fine(_)));
        let request = Activity::begin(&activity);
        tokio::time::advance(Duration::from_secs(500)).await;
        assert!(matches!(activity.judge(&TIMES), Judgement::Fine(_)), "a long poll is under way");
        drop(request);
        tokio::time::advance(Duration::from_secs(74)).await;
        assert!(matches!(activity.judge(&TIMES), Judgement::Fine(_)));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(activity.judge(&TIMES), Judgement::Idle);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_drips_is_cut_off() {
        let activity = Arc::new(Activity::new());
        for _ in 0..31 {
            activity.bytes_came();
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(activity.judge(&TIMES), Judgement::Stalled);
        let _request = Activity::begin(&activity);
        assert!(matches!(activity.judge(&TIMES), Judgement::Fine(_)), "the head is complete");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_is_cut_off() {
        let activity = Arc::new(Activity::new());
        let _request = Activity::begin(&activity);
        activity.wrote(true);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(activity.judge(&TIMES), Judgement::Stalled);
        activity.wrote(false);
        assert!(matches!(activity.judge(&TIMES), Judgement::Fine(_)));
    }
}
