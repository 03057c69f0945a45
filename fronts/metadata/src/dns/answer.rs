//! From one question to its answer, as bytes.
//!
//! Whatever cannot be read is answered with a bare error where there is somebody to answer, and nothing that is an answer
//! itself is ever answered: two resolvers would talk for ever.

use std::net::IpAddr;

use hickory_proto::op::{Edns, Header, Message, MessageType, Metadata, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, PTR, SOA};
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_proto::serialize::binary::{BinDecodable, BinDecoder};

use super::lookup::{Known, lookup};
use super::{Inner, dns64, forward};
use crate::limits::{NEGATIVE_TTL_SECONDS, UDP_ANSWER_BYTES_MAX};

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// Answers a question, or does not: what is no question is dropped, and so is everything where DNS is switched off.
pub(super) async fn answer(
    inner: &Inner,
    vpc_id: &str,
    question: &[u8],
    (source, transport): (IpAddr, Transport),
) -> Option<Vec<u8>> {
    let head = Header::read(&mut BinDecoder::new(question)).ok()?;
    if head.metadata.message_type != MessageType::Query {
        return None;
    }
    let vpc = inner.names.vpc(vpc_id).await.filter(|vpc| vpc.dns_support)?;
    // Before the rest is read: a head that promises thousands of questions would have room made for them.
    if head.counts.queries != 1 || head.counts.answers > 0 {
        return bare(&head.metadata, ResponseCode::FormErr);
    }
    if head.metadata.op_code != OpCode::Query {
        return bare(&head.metadata, ResponseCode::NotImp);
    }
    let Ok(asked) = Message::from_vec(question) else {
        return bare(&head.metadata, ResponseCode::FormErr);
    };
    let query = asked.queries.first()?;
    let code = refusal(query, asked.edns.as_ref());
    if code != ResponseCode::NoError {
        return encode(&asked, &reply(&asked, code), transport);
    }
    let name = query.name().to_ascii().to_ascii_lowercase();
    let name = name.trim_end_matches('.');
    let known = lookup(inner, vpc_id, &vpc, name).await;
    let maps = query.query_type() == RecordType::AAAA && inner.names.dns64(vpc_id, source).await;
    if known == Known::Elsewhere && !inner.settings.forwarders.is_empty() {
        let answer = match maps {
            true => dns64::forward(inner, question, &asked, transport).await,
            false => forward::forward(inner, question, &asked, transport).await,
        };
        return match answer {
            Some(answer) => Some(answer),
            None => encode(&asked, &reply(&asked, ResponseCode::ServFail), transport),
        };
    }
    let known = if maps { dns64::mapped(known) } else { known };
    encode(&asked, &complete(&asked, query, known), transport)
}

/// What the resolver does not do at all.
fn refusal(query: &Query, edns: Option<&Edns>) -> ResponseCode {
    if edns.is_some_and(|edns| edns.version() > 0) {
        return ResponseCode::BADVERS;
    }
    match (query.query_class(), query.query_type()) {
        (DNSClass::IN, RecordType::AXFR | RecordType::IXFR) => ResponseCode::Refused,
        (DNSClass::IN, RecordType::ANY) => ResponseCode::NotImp,
        (DNSClass::IN, _) => ResponseCode::NoError,
        _ => ResponseCode::Refused,
    }
}

/// Fills in what is known.
fn complete(asked: &Message, query: &Query, known: Known) -> Message {
    let mut message = reply(asked, ResponseCode::NoError);
    let name = query.name();
    let mut denial = None;
    match known {
        Known::Addresses { addresses, ttl_seconds } => {
            let data = addresses.into_iter().filter_map(|address| record_data(address, query.query_type()));
            message.answers.extend(data.map(|data| Record::from_rdata(name.clone(), ttl_seconds, data)));
            if message.answers.is_empty() {
                denial = Some(parent(name));
            }
        }
        Known::Pointer { name: target, ttl_seconds } => match Name::from_ascii(format!("{target}.")) {
            Ok(target) if query.query_type() == RecordType::PTR => {
                let data = RData::PTR(PTR(target));
                message.answers.push(Record::from_rdata(name.clone(), ttl_seconds, data));
            }
            _ => denial = Some(parent(name)),
        },
        Known::Nothing { zone } => {
            message.metadata.response_code = ResponseCode::NXDomain;
            denial = Name::from_ascii(format!("{zone}.")).ok();
        }
        // Nobody to ask: it does not exist, and no zone can say so.
        Known::Elsewhere => message.metadata.response_code = ResponseCode::NXDomain,
    }
    message.authorities.extend(denial.and_then(start_of_authority));
    message
}

fn record_data(address: IpAddr, asked: RecordType) -> Option<RData> {
    match (address, asked) {
        (IpAddr::V4(address), RecordType::A) => Some(RData::A(A(address))),
        (IpAddr::V6(address), RecordType::AAAA) => Some(RData::AAAA(AAAA(address))),
        _ => None,
    }
}

fn parent(name: &Name) -> Name {
    if name.is_root() { Name::root() } else { name.base_name() }
}

/// Says for how long a denial may be kept.
fn start_of_authority(zone: Name) -> Option<Record> {
    let server = zone.prepend_label("ns0").ok()?;
    let mailbox = zone.prepend_label("hostmaster").ok()?;
    let data = SOA::new(server, mailbox, 1, 3600, 3600, 3600, NEGATIVE_TTL_SECONDS);
    Some(Record::from_rdata(zone, NEGATIVE_TTL_SECONDS, RData::SOA(data)))
}

/// An answer with nothing in it yet but the question.
pub(super) fn reply(asked: &Message, code: ResponseCode) -> Message {
    let mut message = Message::response(asked.metadata.id, asked.metadata.op_code);
    message.metadata = head(&asked.metadata, code);
    message.queries.clone_from(&asked.queries);
    if asked.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(UDP_ANSWER_BYTES_MAX).set_version(0);
        message.edns = Some(edns);
    }
    message
}

fn head(asked: &Metadata, code: ResponseCode) -> Metadata {
    let mut metadata = Metadata::new(asked.id, MessageType::Response, asked.op_code);
    metadata.recursion_desired = asked.recursion_desired;
    metadata.recursion_available = true;
    metadata.checking_disabled = asked.checking_disabled;
    metadata.response_code = code;
    metadata
}

/// An error for somebody whose question could not be read.
fn bare(asked: &Metadata, code: ResponseCode) -> Option<Vec<u8>> {
    let mut message = Message::response(asked.id, asked.op_code);
    message.metadata = head(asked, code);
    message.to_vec().ok()
}

/// As bytes, within what the asker can take: what does not fit is to be asked for over TCP.
pub(super) fn encode(asked: &Message, message: &Message, transport: Transport) -> Option<Vec<u8>> {
    let bytes_max = match transport {
        Transport::Udp => payload_max(asked),
        Transport::Tcp => u16::MAX,
    };
    let bytes = message.to_vec().ok()?;
    if bytes.len() <= usize::from(bytes_max) { Some(bytes) } else { message.truncate().to_vec().ok() }
}

/// The largest datagram this asker takes.
pub(super) fn payload_max(asked: &Message) -> u16 {
    asked.max_payload().min(UDP_ANSWER_BYTES_MAX)
}
