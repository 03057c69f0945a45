//! DNS64: IPv6 addresses for names that have IPv4 ones only, for subnets that reach those through NAT64 (RFC 6147, and
//! "Configure DNS64 and NAT64" of the VPC guide).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::AAAA;
use hickory_proto::rr::{RData, Record, RecordType};

use super::Inner;
use super::answer::{Transport, encode, reply};
use super::forward;
use super::lookup::Known;

/// The well-known prefix of RFC 6052, which AWS's resolver uses.
const PREFIX: u128 = 0x0064_ff9b << 96;

/// An IPv4 address as IPv6 hosts know it. Link-local ones are not reached through anybody.
fn map(address: Ipv4Addr) -> Option<Ipv6Addr> {
    let is_near = address.is_link_local() || address.is_loopback();
    (!is_near).then(|| Ipv6Addr::from(PREFIX | u128::from(address.to_bits())))
}

/// What is known of a name, with addresses that were made where it has no IPv6 ones.
pub(super) fn mapped(known: Known) -> Known {
    let Known::Addresses { addresses, ttl_seconds } = known else { return known };
    if addresses.iter().any(IpAddr::is_ipv6) {
        return Known::Addresses { addresses, ttl_seconds };
    }
    let made = addresses.iter().filter_map(|address| match address {
        IpAddr::V4(address) => map(*address).map(IpAddr::V6),
        IpAddr::V6(_) => None,
    });
    Known::Addresses { addresses: made.collect(), ttl_seconds }
}

/// Asks the world for IPv6 addresses, and for IPv4 ones where there are none.
pub(super) async fn forward(
    inner: &Inner,
    question: &[u8],
    asked: &Message,
    transport: Transport,
) -> Option<Vec<u8>> {
    let answer = forward::forward(inner, question, asked, transport).await?;
    let known = Message::from_vec(&answer).ok()?;
    let is_there = |record: &Record| record.record_type() == RecordType::AAAA;
    if known.metadata.response_code != ResponseCode::NoError || known.answers.iter().any(is_there) {
        return Some(answer);
    }
    let mut other = asked.clone();
    other.queries.first_mut()?.set_query_type(RecordType::A);
    let found = forward::forward(inner, &other.to_vec().ok()?, &other, transport).await?;
    let found = Message::from_vec(&found).ok()?;
    let made: Vec<Record> = found.answers.into_iter().filter_map(translated).collect();
    if !made.iter().any(is_there) {
        return Some(answer);
    }
    let mut message = reply(asked, ResponseCode::NoError);
    message.answers = made;
    encode(asked, &message, transport)
}

/// Other names on the way to the address stay.
fn translated(record: Record) -> Option<Record> {
    match &record.data {
        RData::A(address) => {
            let data = RData::AAAA(AAAA(map(address.0)?));
            Some(Record::from_rdata(record.name.clone(), record.ttl, data))
        }
        RData::CNAME(_) => Some(record),
        _ => None,
    }
}
