//! Asking the resolvers of the host for names that are not the cloud's, where that is allowed.
//!
//! A question goes out with an id and a port of its own, and only an answer to that very question comes back in: a guest
//! that guesses ids gains nothing by it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Header, Message, MessageType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use super::Inner;
use super::answer::{Transport, payload_max};
use crate::limits::{FORWARD_TIME_MAX, FORWARDERS_MAX};

/// The resolvers in a `resolv.conf`, for [`crate::ResolverSettings::forwarders`]. Loopback ones count: a host's stub
/// resolver is asked from the host.
pub fn nameservers(resolv_conf: &str) -> Vec<SocketAddr> {
    let lines = resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next()?.parse::<IpAddr>().ok()).flatten()
    });
    lines.map(|address| SocketAddr::new(address, 53)).take(FORWARDERS_MAX).collect()
}

/// Asks one resolver after another; nothing if none of them answers.
pub(super) async fn forward(
    inner: &Inner,
    question: &[u8],
    asked: &Message,
    transport: Transport,
) -> Option<Vec<u8>> {
    for resolver in inner.settings.forwarders.iter().take(FORWARDERS_MAX) {
        let id = inner.ids.number() as u16;
        let mut outgoing = question.to_vec();
        outgoing.get_mut(..2)?.copy_from_slice(&id.to_be_bytes());
        let exchange = async {
            match transport {
                Transport::Udp => over_udp(*resolver, &outgoing, asked).await,
                Transport::Tcp => over_tcp(*resolver, &outgoing, asked).await,
            }
        };
        match timeout(FORWARD_TIME_MAX, exchange).await {
            Ok(Ok(mut answer)) => {
                answer.get_mut(..2)?.copy_from_slice(&asked.metadata.id.to_be_bytes());
                return Some(answer);
            }
            Ok(Err(error)) => tracing::debug!(%error, %resolver, "a resolver cannot be asked"),
            Err(_) => tracing::debug!(%resolver, "a resolver does not answer"),
        }
    }
    None
}

async fn over_udp(resolver: SocketAddr, question: &[u8], asked: &Message) -> io::Result<Vec<u8>> {
    let any = match resolver {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(resolver).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = &buffer[..length];
        if !answers(answer, question, asked) {
            continue;
        }
        // The asker may take less than the resolver, which saw the asker's own EDNS, thought.
        if length > usize::from(payload_max(asked)) {
            return truncated(answer);
        }
        return Ok(answer.to_vec());
    }
}

async fn over_tcp(resolver: SocketAddr, question: &[u8], asked: &Message) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(resolver).await?;
    let length = u16::try_from(question.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    if answers(&answer, question, asked) {
        Ok(answer)
    } else {
        Err(io::Error::other("the answer is to another question"))
    }
}

/// Whether these bytes answer that question.
fn answers(answer: &[u8], question: &[u8], asked: &Message) -> bool {
    let mut decoder = BinDecoder::new(answer);
    let Ok(head) = Header::read(&mut decoder) else { return false };
    let same_question = head.counts.queries == 1
        && Message::read_queries(&mut decoder, 1).is_ok_and(|queries| queries == asked.queries);
    head.metadata.message_type == MessageType::Response
        && answer.get(..2) == question.get(..2)
        && same_question
}

fn truncated(answer: &[u8]) -> io::Result<Vec<u8>> {
    Message::from_vec(answer).map_err(io::Error::other)?.truncate().to_vec().map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameservers_are_read_from_resolv_conf() {
        let text = "# made by hand\nsearch example.com\nnameserver 10.1.2.3\n nameserver  ::1 \nnameserver nonsense\n\
                    options edns0\nnameserver\nnameserver 10.1.2.4\nnameserver 10.1.2.5\n";
        let expected: Vec<SocketAddr> =
            ["10.1.2.3:53", "[::1]:53", "10.1.2.4:53"].iter().map(|text| text.parse().unwrap()).collect();
        assert_eq!(nameservers(text), expected);
        assert!(nameservers("").is_empty());
    }
}
