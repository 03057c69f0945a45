//! Questions as instances ask them, over loopback by datagram and by connection.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::{Ids, Region};
use fogbank_metadata::{NamedAddresses, Names, PublicAddress, Resolver, ResolverSettings, VpcNames};
use futures_util::future::BoxFuture;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Two VPCs, one with DNS switched off, and one without names for its public addresses.
struct Cloud;

impl Names for Cloud {
    fn vpc<'a>(&'a self, vpc: &'a str) -> BoxFuture<'a, Option<Arc<VpcNames>>> {
        let names = VpcNames {
            region: if vpc == "vpc-west" { Region::parse("us-west-2").unwrap() } else { Region::US_EAST_1 },
            dns_support: vpc != "vpc-mute",
            dns_hostnames: vpc != "vpc-west",
            cidrs: vec!["10.0.0.0/16".parse().unwrap(), "2001:db8:1::/56".parse().unwrap()],
            service_addresses: vec![ip("198.18.255.1")],
        };
        Box::pin(async move { (vpc != "vpc-gone").then(|| Arc::new(names)) })
    }

    fn instance<'a>(&'a self, _: &'a str, id: &'a str) -> BoxFuture<'a, Vec<IpAddr>> {
        let known = id == "i-0123456789abcdef0";
        Box::pin(async move { if known { vec![ip("10.0.1.5"), ip("2001:db8:1:1::5")] } else { Vec::new() } })
    }

    fn public<'a>(&'a self, _: &'a str, address: IpAddr) -> BoxFuture<'a, PublicAddress> {
        Box::pin(async move {
            match address.to_string().as_str() {
                "198.18.0.5" => PublicAddress::Inside(ip("10.0.1.5")),
                "198.18.0.6" => PublicAddress::Outside,
                _ => PublicAddress::Nobody,
            }
        })
    }

    fn reverse<'a>(&'a self, _: &'a str, address: IpAddr) -> BoxFuture<'a, Option<String>> {
        let name = "i-0123456789abcdef0.ec2.internal".to_owned();
        Box::pin(async move { (address == ip("2001:db8:1:1::5")).then_some(name) })
    }

    fn dns64<'a>(&'a self, vpc: &'a str, source: IpAddr) -> BoxFuture<'a, bool> {
        assert!(source.is_loopback());
        Box::pin(async move { vpc == "vpc-six" })
    }

    fn named<'a>(&'a self, _: &'a str, name: &'a str) -> BoxFuture<'a, Option<NamedAddresses>> {
        let addresses = match name {
            "db.corp.example" => vec![ip("10.0.9.9")],
            // An interface endpoint comes before the cloud's own name.
            "kms.us-east-1.amazonaws.com" => vec![ip("10.0.9.8")],
            "many.corp.example" => (0..100).map(|host| IpAddr::from([10, 0, 8, host])).collect(),
            _ => return Box::pin(async { None }),
        };
        Box::pin(async move { Some(NamedAddresses { addresses, ttl_seconds: 7 }) })
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

struct Served {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "the test ends it")]
fn serve(vpc: &'static str, settings: ResolverSettings) -> Served {
    let (udp, tcp) = loop {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        if let Ok(tcp) = std::net::TcpListener::bind(udp.local_addr().unwrap()) {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    let resolver = Resolver::new(Arc::new(Cloud), settings, Ids::seeded(1));
    Served { address, serving: tokio::spawn(async move { resolver.serve(udp, tcp, vpc).await.unwrap() }) }
}

fn start(vpc: &'static str) -> Served {
    serve(vpc, ResolverSettings::default())
}

fn question(name: &str, kind: RecordType) -> Message {
    let mut message = Message::new(4711, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message
}

impl Served {
    /// Sends a datagram and waits a moment for one.
    async fn raw(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.send_to(bytes, self.address).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let (length, _) =
            timeout(Duration::from_millis(1500), socket.recv_from(&mut buffer)).await.ok()?.unwrap();
        buffer.truncate(length);
        Some(buffer)
    }

    async fn ask(&self, message: &Message) -> Message {
        let answer = self.raw(&message.to_vec().unwrap()).await.expect("an answer");
        Message::from_vec(&answer).unwrap()
    }

    async fn ask_over_tcp(&self, message: &Message) -> Message {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let bytes = message.to_vec().unwrap();
        stream.write_all(&(bytes.len() as u16).to_be_bytes()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await.unwrap();
        Message::from_vec(&answer).unwrap()
    }

    /// What is answered, in words: the records' data, or the code.
    async fn say(&self, name: &str, kind: RecordType) -> String {
        let answer = self.ask(&question(name, kind)).await;
        match (answer.metadata.response_code, answer.answers.as_slice()) {
            (ResponseCode::NoError, []) => "-".to_owned(),
            (ResponseCode::NoError, records) => {
                records.iter().map(|record| record.data.to_string()).collect::<Vec<_>>().join(" ")
            }
            (code, _) => code.to_string(),
        }
    }
}

#[tokio::test]
async fn names_lead_where_they_should() {
    use RecordType::{A, AAAA, MX, PTR};
    let rows = [
        ("ip-10-0-1-5.ec2.internal.", A, "10.0.1.5"),
        ("IP-10-0-1-5.EC2.Internal.", A, "10.0.1.5"),
        ("ip-10-0-200-200.ec2.internal.", A, "10.0.200.200"),
        ("ip-10-0-1-5.ec2.internal.", AAAA, "-"),
        ("ip-10-0-1-5.ec2.internal.", MX, "-"),
        ("ip-10-9-1-5.ec2.internal.", A, "Non-Existent Domain"),
        ("ip-10-0-1.ec2.internal.", A, "Non-Existent Domain"),
        ("nothing.ec2.internal.", A, "Non-Existent Domain"),
        ("ec2.internal.", A, "-"),
        ("i-0123456789abcdef0.ec2.internal.", A, "10.0.1.5"),
        ("i-0123456789abcdef0.ec2.internal.", AAAA, "2001:db8:1:1::5"),
        ("i-0123456789abcdef1.ec2.internal.", A, "Non-Existent Domain"),
        ("instance-data.ec2.internal.", A, "169.254.169.254"),
        ("ec2-198-18-0-5.compute-1.amazonaws.com.", A, "10.0.1.5"),
        ("ec2-198-18-0-6.compute-1.amazonaws.com.", A, "198.18.0.6"),
        ("ec2-198-18-0-7.compute-1.amazonaws.com.", A, "Non-Existent Domain"),
        ("sqs.us-east-1.amazonaws.com.", A, "198.18.255.1"),
        ("my.bucket.s3.us-east-1.amazonaws.com.", A, "198.18.255.1"),
        ("s3.us-east-1.api.aws.", A, "198.18.255.1"),
        ("sqs.us-east-1.amazonaws.com.", AAAA, "-"),
        ("kms.us-east-1.amazonaws.com.", A, "10.0.9.8"),
        ("db.corp.example.", A, "10.0.9.9"),
        ("localhost.", A, "127.0.0.1"),
        ("localhost.", AAAA, "::1"),
        ("example.org.", A, "Non-Existent Domain"),
        ("org.", A, "Non-Existent Domain"),
        (".", A, "Non-Existent Domain"),
        ("5.1.0.10.in-addr.arpa.", PTR, "ip-10-0-1-5.ec2.internal."),
        ("5.1.0.10.in-addr.arpa.", A, "-"),
        ("5.1.9.10.in-addr.arpa.", PTR, "Non-Existent Domain"),
        ("5.0.18.198.in-addr.arpa.", PTR, "ec2-198-18-0-5.compute-1.amazonaws.com."),
        ("7.0.18.198.in-addr.arpa.", PTR, "Non-Existent Domain"),
        ("1.0.0.127.in-addr.arpa.", PTR, "localhost."),
        ("254.169.254.169.in-addr.arpa.", PTR, "instance-data.ec2.internal."),
        (
            "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
            PTR,
            "i-0123456789abcdef0.ec2.internal.",
        ),
    ];
    let resolver = start("vpc-east");
    for (name, kind, expected) in rows {
        assert_eq!(resolver.say(name, kind).await, expected, "{name} {kind}");
    }
}

#[tokio::test]
async fn where_a_subnet_says_so_ipv6_addresses_are_made_of_ipv4_ones() {
    use RecordType::{A, AAAA};
    let (address, serving) = outside().await;
    let settings = ResolverSettings { forwarders: vec![address], ..ResolverSettings::default() };
    let resolver = serve("vpc-six", settings);
    for (name, kind, expected) in [
        ("sqs.us-east-1.amazonaws.com.", AAAA, "64:ff9b::c612:ff01"),
        ("sqs.us-east-1.amazonaws.com.", A, "198.18.255.1"),
        ("ip-10-0-1-5.ec2.internal.", AAAA, "64:ff9b::a00:105"),
        ("i-0123456789abcdef0.ec2.internal.", AAAA, "2001:db8:1:1::5"),
        ("instance-data.ec2.internal.", AAAA, "-"),
        ("localhost.", AAAA, "::1"),
        ("nothing.ec2.internal.", AAAA, "Non-Existent Domain"),
        ("example.org.", AAAA, "64:ff9b::cb00:7109"),
        ("example.org.", A, "203.0.113.9"),
    ] {
        assert_eq!(resolver.say(name, kind).await, expected, "{name} {kind}");
    }
    serving.abort();
}

#[tokio::test]
async fn another_region_names_its_instances_after_itself() {
    let resolver = start("vpc-west");
    assert_eq!(resolver.say("ip-10-0-1-5.us-west-2.compute.internal.", RecordType::A).await, "10.0.1.5");
    let pointer = "ip-10-0-1-5.us-west-2.compute.internal.";
    assert_eq!(resolver.say("5.1.0.10.in-addr.arpa.", RecordType::PTR).await, pointer);
    // Without enableDnsHostnames a public name is what it is outside.
    let public = "ec2-198-18-0-5.us-west-2.compute.amazonaws.com.";
    assert_eq!(resolver.say(public, RecordType::A).await, "198.18.0.5");
}

#[tokio::test]
async fn a_vpc_without_dns_support_gets_no_answer() {
    let asked = question("ip-10-0-1-5.ec2.internal.", RecordType::A).to_vec().unwrap();
    assert!(start("vpc-mute").raw(&asked).await.is_none());
    assert!(start("vpc-gone").raw(&asked).await.is_none());
}

#[tokio::test]
async fn an_answer_fits_its_question() {
    let resolver = start("vpc-east");
    let answer = resolver.ask(&question("Ip-10-0-1-5.ec2.internal.", RecordType::A)).await;
    assert_eq!((answer.metadata.id, answer.metadata.message_type), (4711, MessageType::Response));
    assert!(answer.metadata.recursion_desired && answer.metadata.recursion_available);
    assert!(!answer.metadata.authoritative && !answer.metadata.truncation);
    assert!(answer.queries[0].name().eq_case(&Name::from_ascii("Ip-10-0-1-5.ec2.internal.").unwrap()));
    assert_eq!(answer.answers[0].ttl, 60);
    assert!(answer.edns.is_none());
    let denial = resolver.ask(&question("nothing.ec2.internal.", RecordType::A)).await;
    assert_eq!(denial.authorities[0].name.to_ascii(), "ec2.internal.");
    assert_eq!(denial.authorities[0].record_type(), RecordType::SOA);
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_is_truncated_and_whole_over_tcp() {
    let resolver = start("vpc-east");
    let mut asked = question("many.corp.example.", RecordType::A);
    let answer = resolver.ask(&asked).await;
    assert!(answer.metadata.truncation && answer.answers.is_empty());
    let answer = resolver.ask_over_tcp(&asked).await;
    assert!(!answer.metadata.truncation);
    assert_eq!(answer.answers.len(), 100);
    for (payload, length_max) in [(100, 512), (512, 512), (4096, 1232)] {
        let mut edns = Edns::new();
        edns.set_max_payload(payload).set_version(0);
        asked.edns = Some(edns);
        let answer = resolver.raw(&asked.to_vec().unwrap()).await.unwrap();
        assert!(answer.len() <= length_max, "{payload}: {}", answer.len());
        assert_eq!(Message::from_vec(&answer).unwrap().edns.unwrap().max_payload(), 1232);
    }
}

#[tokio::test]
async fn what_a_resolver_does_not_do_is_refused_by_name() {
    let resolver = start("vpc-east");
    let code = |message: Message| {
        let resolver = &resolver;
        async move { resolver.ask(&message).await.metadata.response_code }
    };
    assert_eq!(code(question("ec2.internal.", RecordType::AXFR)).await, ResponseCode::Refused);
    assert_eq!(code(question("ec2.internal.", RecordType::ANY)).await, ResponseCode::NotImp);
    let mut chaos = question("version.bind.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(code(chaos).await, ResponseCode::Refused);
    let mut two = question("a.example.", RecordType::A);
    two.add_query(Query::query(Name::from_ascii("b.example.").unwrap(), RecordType::A));
    assert_eq!(code(two).await, ResponseCode::FormErr);
    let mut notify = question("ec2.internal.", RecordType::SOA);
    notify.metadata.op_code = OpCode::Notify;
    assert_eq!(code(notify).await, ResponseCode::NotImp);
    let mut future = question("ec2.internal.", RecordType::A);
    let mut edns = Edns::new();
    edns.set_version(1).set_max_payload(1232);
    future.edns = Some(edns);
    // The library reads this number by its other meaning, BADSIG.
    assert_eq!(u16::from(code(future).await), u16::from(ResponseCode::BADVERS));
}

#[tokio::test]
async fn what_is_no_question_is_not_answered() {
    let resolver = start("vpc-east");
    let mut answer = question("ec2.internal.", RecordType::A);
    answer.metadata.message_type = MessageType::Response;
    assert!(resolver.raw(&answer.to_vec().unwrap()).await.is_none(), "answers are never answered");
    assert!(resolver.raw(b"").await.is_none());
    assert!(resolver.raw(b"short").await.is_none());
    assert_eq!(resolver.say("localhost.", RecordType::A).await, "127.0.0.1", "and it goes on");
    // A head that promises 65,535 questions.
    let promise = [0x12, 0x34, 1, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0];
    let answer = Message::from_vec(&resolver.raw(&promise).await.unwrap()).unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
}

#[tokio::test]
async fn more_than_1024_questions_a_second_are_lost() {
    let resolver = start("vpc-east");
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let asked = question("localhost.", RecordType::A).to_vec().unwrap();
    let began = tokio::time::Instant::now();
    let mut answered = 0;
    let mut buffer = vec![0; 512];
    // In small bursts, so that no socket's buffer is what loses them.
    for _ in 0..100 {
        for _ in 0..16 {
            socket.send_to(&asked, resolver.address).await.unwrap();
        }
        for _ in 0..16 {
            if timeout(Duration::from_millis(20), socket.recv_from(&mut buffer)).await.is_err() {
                break;
            }
            answered += 1;
        }
    }
    let allowed = 1024.0 * (1.0 + began.elapsed().as_secs_f64());
    assert!(f64::from(answered) <= allowed + 1.0, "{answered} of 1600, {allowed} allowed");
    let other = UdpSocket::bind("127.0.0.2:0").await.unwrap();
    other.send_to(&asked, resolver.address).await.unwrap();
    timeout(Duration::from_secs(1), other.recv_from(&mut buffer))
        .await
        .expect("others are not affected")
        .unwrap();
}

/// A resolver of the world outside: everything is at 203.0.113.9, after one answer that is not what was asked.
#[expect(clippy::disallowed_methods, reason = "the test ends it")]
async fn outside() -> (SocketAddr, JoinHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
            let asked = Message::from_vec(&buffer[..length]).unwrap();
            let mut answer = asked.clone().into_response();
            let name = answer.queries[0].name().clone();
            answer.add_answer(Record::from_rdata(name, 30, RData::A(A(Ipv4Addr::new(203, 0, 113, 9)))));
            let mut forged = answer.clone();
            forged.metadata.id = forged.metadata.id.wrapping_add(1);
            forged.answers[0].data = RData::A(A(Ipv4Addr::new(6, 6, 6, 6)));
            socket.send_to(&forged.to_vec().unwrap(), peer).await.unwrap();
            socket.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
        }
    });
    (address, serving)
}

#[tokio::test]
async fn other_names_are_asked_for_outside_only_where_that_is_allowed() {
    let (address, serving) = outside().await;
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let settings = ResolverSettings {
        forwarders: vec![address],
        endpoint_domains: vec!["localhost.localstack.cloud".to_owned()],
    };
    let resolver = serve("vpc-east", settings);
    assert_eq!(resolver.say("example.org.", RecordType::A).await, "203.0.113.9");
    let answer = resolver.ask(&question("example.org.", RecordType::A)).await;
    assert_eq!(answer.metadata.id, 4711);
    // What is the cloud's never leaves it.
    assert_eq!(resolver.say("sqs.us-east-1.amazonaws.com.", RecordType::A).await, "198.18.255.1");
    assert_eq!(resolver.say("sqs.localhost.localstack.cloud.", RecordType::A).await, "198.18.255.1");
    assert_eq!(resolver.say("nothing.ec2.internal.", RecordType::A).await, "Non-Existent Domain");
    assert_eq!(resolver.say("7.7.168.192.in-addr.arpa.", RecordType::PTR).await, "Non-Existent Domain");
    serving.abort();
    drop(silent);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Noise, and questions with some of their bytes changed: answered or not, and the next question is.
    #[test]
    fn noise_does_no_harm(
        noise in prop::collection::vec(any::<u8>(), 0..600),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let resolver = start("vpc-east");
            let mut changed = question("ip-10-0-1-5.ec2.internal.", RecordType::A).to_vec().unwrap();
            for (at, byte) in changes {
                let at = at.index(changed.len());
                changed[at] = byte;
            }
            let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            for bytes in [&noise, &changed] {
                socket.send_to(bytes, resolver.address).await.unwrap();
                if let Ok(mut stream) = TcpStream::connect(resolver.address).await {
                    drop(stream.write_all(&(bytes.len() as u16).to_be_bytes()).await);
                    drop(stream.write_all(bytes).await);
                }
            }
            assert_eq!(resolver.say("localhost.", RecordType::A).await, "127.0.0.1");
        });
    }
}
