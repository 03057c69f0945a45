//! Questions by datagram and by connection, within limits of rate, number, size and time.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Inner;
use super::answer::{Transport, answer};
use crate::limits::{
    ACCEPT_PAUSE, QUESTION_BYTES_MAX, QUESTIONS_MAX, QUESTIONS_PER_CONNECTION_MAX, QUESTIONS_PER_SOURCE_MAX,
    RESOLVER_CONNECTIONS_MAX, RESOLVER_CONNECTIONS_PER_SOURCE_MAX, RESOLVER_IDLE_TIME_MAX,
};
use crate::rate::Rates;
use crate::sources::Sources;

pub(super) async fn datagrams(
    inner: &Arc<Inner>,
    socket: std::net::UdpSocket,
    vpc: &str,
    rates: Arc<Rates>,
) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let socket = Arc::new(UdpSocket::from_std(socket)?);
    let vpc: Arc<str> = vpc.into();
    let (mut under_way, sources) = (JoinSet::new(), Sources::default());
    let mut buffer = vec![0; QUESTION_BYTES_MAX];
    loop {
        while under_way.try_join_next().is_some() {}
        let (length, peer) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // An earlier answer could not be delivered; that is nothing to those who ask now.
                tracing::debug!(%error, %vpc, "a question could not be received");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let source = peer.ip().to_canonical();
        let packets = rates.take(source, 1, Instant::now());
        // As on AWS, what is too much is lost without a word. A question that fills the buffer was cut off.
        if packets.is_err() || under_way.len() >= QUESTIONS_MAX || length == QUESTION_BYTES_MAX {
            continue;
        }
        let Some(place) = sources.take(source, QUESTIONS_PER_SOURCE_MAX) else { continue };
        let question = buffer[..length].to_vec();
        let (inner, socket, vpc) = (Arc::clone(inner), Arc::clone(&socket), Arc::clone(&vpc));
        under_way.spawn(async move {
            let answer = answer(&inner, &vpc, &question, (source, Transport::Udp)).await;
            drop(place);
            let Some(answer) = answer else { return };
            if let Err(error) = socket.send_to(&answer, peer).await {
                tracing::debug!(%error, %peer, %vpc, "an answer could not be sent");
            }
        });
    }
}

pub(super) async fn connections(
    inner: &Arc<Inner>,
    listener: std::net::TcpListener,
    vpc: &str,
    rates: Arc<Rates>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let vpc: Arc<str> = vpc.into();
    let (mut connections, sources) = (JoinSet::new(), Sources::default());
    loop {
        while connections.try_join_next().is_some() {}
        if connections.len() >= RESOLVER_CONNECTIONS_MAX {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => {
                let source = peer.ip().to_canonical();
                let place = sources.take(source, RESOLVER_CONNECTIONS_PER_SOURCE_MAX);
                let Some(place) = place else { continue };
                let (inner, vpc, rates) = (Arc::clone(inner), Arc::clone(&vpc), Arc::clone(&rates));
                connections.spawn(async move {
                    if let Err(error) = connection(&inner, &vpc, &rates, stream, source).await {
                        tracing::debug!(%error, %peer, %vpc, "a connection to the resolver broke off");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, %vpc, "a connection to the resolver could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Answers questions one after the other, each within the time that a connection may idle.
async fn connection(
    inner: &Inner,
    vpc: &str,
    rates: &Rates,
    mut stream: TcpStream,
    source: IpAddr,
) -> io::Result<()> {
    drop(stream.set_nodelay(true));
    for _ in 0..QUESTIONS_PER_CONNECTION_MAX {
        let exchange = async {
            let length = match stream.read_u16().await {
                Ok(length) => usize::from(length),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(error),
            };
            if length > QUESTION_BYTES_MAX || rates.take(source, 1, Instant::now()).is_err() {
                return Ok(false);
            }
            let mut question = vec![0; length];
            stream.read_exact(&mut question).await?;
            let answer = answer(inner, vpc, &question, (source, Transport::Tcp)).await;
            let Some(answer) = answer else { return Ok(false) };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes(), answer.as_slice()].concat()).await?;
            Ok(true)
        };
        match timeout(RESOLVER_IDLE_TIME_MAX, exchange).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) | Err(_) => return Ok(()),
            Ok(Err(error)) => return Err(error),
        }
    }
    Ok(())
}
