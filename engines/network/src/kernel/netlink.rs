//! A route netlink socket: many requests in one send, each acknowledged; and dumps.
//!
//! Synchronous on purpose: a socket belongs to the namespace it was opened in, an answer takes microseconds, and a batch
//! of a hundred requests is one system call.

use std::io;
use std::os::fd::OwnedFd;

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::limits::{NETLINK_BATCH_MAX, NETLINK_READ_BYTES};

pub struct Netlink {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

/// One request: what it is about (for errors), its flags, and the errors that mean it is done already.
#[derive(Clone, Debug)]
pub struct Request {
    pub about: String,
    /// About IPv6, which the host may be without.
    pub v6: bool,
    pub message: RouteNetlinkMessage,
    pub flags: u16,
    pub fine: &'static [i32],
}

pub const EXISTS: &[i32] = &[17];
/// EOPNOTSUPP, EAFNOSUPPORT: a kernel without IPv6. Then there is none inside either.
const NO_SUCH_FAMILY: &[i32] = &[95, 97];
/// ENOENT, ESRCH, ENODEV, EADDRNOTAVAIL: it is not there.
pub const ABSENT: &[i32] = &[2, 3, 19, 99];

impl Netlink {
    /// A socket in the namespace the thread is in. Protocol 0 of netlink is routing.
    pub fn open() -> io::Result<Netlink> {
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        Ok(Netlink { socket, sequence: 0, buffer: vec![0; NETLINK_READ_BYTES] })
    }

    /// Sends all requests in order. The first error that is not fine is returned, after all were tried.
    pub fn send(&mut self, requests: Vec<Request>) -> io::Result<()> {
        let mut first = Ok(());
        let mut requests = requests.into_iter().peekable();
        while requests.peek().is_some() {
            let batch: Vec<Request> = requests.by_ref().take(NETLINK_BATCH_MAX).collect();
            let outcome = self.send_batch(batch);
            if first.is_ok() {
                first = outcome;
            }
        }
        first
    }

    fn send_batch(&mut self, batch: Vec<Request>) -> io::Result<()> {
        let from = self.sequence.wrapping_add(1);
        let count = batch.len();
        let mut bytes = Vec::new();
        let mut told = Vec::with_capacity(count);
        for request in batch {
            self.put(&mut bytes, request.message, request.flags | NLM_F_REQUEST | NLM_F_ACK);
            told.push((request.about, request.fine, request.v6));
        }
        rustix::net::send(&self.socket, &bytes, SendFlags::empty())?;
        let mut first = Ok(());
        let mut answered = 0;
        while answered < count {
            for message in self.receive()? {
                let NetlinkPayload::Error(answer) = message.payload else { continue };
                let at = message.header.sequence_number.wrapping_sub(from) as usize;
                let Some((about, fine, v6)) = told.get(at) else { continue };
                answered += 1;
                let code = -answer.raw_code();
                let fine = fine.contains(&code) || (*v6 && NO_SUCH_FAMILY.contains(&code));
                if code != 0 && !fine && first.is_ok() {
                    let cause = io::Error::from_raw_os_error(code);
                    first = Err(io::Error::new(cause.kind(), format!("{about}: {cause}")));
                }
            }
        }
        first
    }

    /// All objects that a request for a listing yields.
    pub fn dump(&mut self, message: RouteNetlinkMessage) -> io::Result<Vec<RouteNetlinkMessage>> {
        let mut bytes = Vec::new();
        self.put(&mut bytes, message, NLM_F_REQUEST | NLM_F_DUMP);
        let sequence = self.sequence;
        rustix::net::send(&self.socket, &bytes, SendFlags::empty())?;
        let mut all = Vec::new();
        loop {
            for message in self.receive()? {
                if message.header.sequence_number != sequence {
                    continue;
                }
                match message.payload {
                    NetlinkPayload::InnerMessage(inner) => all.push(inner),
                    NetlinkPayload::Done(_) => return Ok(all),
                    NetlinkPayload::Error(error) => return Err(error.to_io()),
                    _ => {}
                }
            }
        }
    }

    fn put(&mut self, bytes: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16) {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        let at = bytes.len();
        bytes.resize(at + message.buffer_len().next_multiple_of(4), 0);
        message.serialize(&mut bytes[at..]);
    }

    fn receive(&mut self) -> io::Result<Vec<NetlinkMessage<RouteNetlinkMessage>>> {
        let (length, _) = rustix::net::recv(&self.socket, &mut self.buffer[..], RecvFlags::empty())?;
        let mut rest = &self.buffer[..length];
        let mut messages = Vec::new();
        while rest.len() >= 16 {
            let size = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
            if size < 16 || size > rest.len() {
                break;
            }
            match NetlinkMessage::deserialize(&rest[..size]) {
                Ok(message) => messages.push(message),
                // A kind of object newer than the library: not one of ours.
                Err(error) => tracing::debug!(%error, "a netlink message that cannot be read"),
            }
            rest = &rest[size.next_multiple_of(4).min(rest.len())..];
        }
        Ok(messages)
    }
}
