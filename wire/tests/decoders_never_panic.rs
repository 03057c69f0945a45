//! The bodies of the fuzz targets, over inputs broken in ways that a fixed seed chooses.
//!
//! A decoder may refuse anything, but it must not panic, and it must not recurse without end.

#[path = "dynamic/mod.rs"]
mod dynamic;
#[path = "round_trip/models.rs"]
mod models;
#[path = "../../fuzz/src/wire.rs"]
mod targets;

use base::Ids;
use dynamic::value::Record;
use fogbank_wire::{Body, Request};
use http::HeaderMap;
use schema::Protocol;

const INPUTS_PER_SEED: usize = 400;

/// Inputs that a decoder understands, for a start.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = match target {
        "json" => &[
            r#"{"Flag":true,"Small":1,"Big":-9223372036854775808,"Single":"NaN","Double":1e308,"Text":"a\u00e9\n",
               "Data":"AAEC","Plain":1398796238.5,"Iso":"2014-04-29T18:30:38Z","Any":{"a":[1,null]},"Strings":["a"],
               "Map":{"k":"v"},"Nulls":[null,"x"],"Lists":[[1],[2]],"Maps":{"a":{"b":"c"}},"Choice":{"Text":"t"},
               "Again":{"Again":{"Flag":false}},"Unknown":[{"deep":{}}]}"#,
            "[]",
            "null",
            "\"x\"",
            "{\"Choice\":{\"Text\":\"a\",\"Number\":1}}",
        ],
        "query" | "ec2" => &[
            "Action=RoundTrip&Version=1&Flag=true&Small=1&Text=a%20b+c&Data=AAEC&Iso=2014-04-29T18%3A30%3A38Z&\
             Strings.member.1=a&Strings.member.2=b&Strings.7=c&Flat.1=x&Map.entry.1.key=k&Map.entry.1.value=v&\
             Map.1.Key=k&Map.1.Value=v&Maps.entry.1.key=a&Maps.entry.1.value.entry.1.key=b&Choice.Text=t&\
             Choices.1.Number=5&Again.Again.Flag=false&Again.Lists.member.3.item.4=5",
            "Strings.member.99999999999=1&Strings.member.x=2&Strings=&Map=&Again=",
        ],
        "xml" => &[
            "<?xml version=\"1.0\"?><Kinds xmlns=\"urn:a\"><Flag>true</Flag><Small>1</Small><Text>a &amp; &#x41;\
             <![CDATA[<b>]]></Text><Strings><member>a</member></Strings><Flat>x</Flat><Flat>y</Flat><Map><entry>\
             <key>k</key><value>v</value></entry></Map><FlatMap><Name>a</Name><Value>1</Value></FlatMap>\
             <Choice><Number>3</Number></Choice><Attributed xsi:type='x' a:b=\"c\"><x:Id>1</x:Id></Attributed></Kinds>",
            "<ErrorResponse><Error><Type>Sender</Type><Code>C</Code><Message>M</Message></Error></ErrorResponse>",
        ],
        "rest" => &[
            "/a/x%20y/b/c//d/\nfixed=1&text=a+b&time=2014-04-29T18:30:38Z&list=1&list=2\nx-text: a\nx-flag: true\n\
             x-list: a, \"b,c\", \"d\\\"\"\nx-times: Mon, 16 Dec 2019 23:48:18 GMT, Mon, 16 Dec 2019 23:48:18 GMT\n\
             x-pre-k: v\nx-json: e30=\n\n{\"Body\":\"x\",\"More\":{\"a\":\"b\"}}",
            "/a/b/c\n\n\n<Places><Body>x</Body><More><entry><key>a</key><value>b</value></entry></More></Places>",
        ],
        "uri_router" => &["/a/b/c/d\nfixed=1&x=y", "/payload/\n", "/a/%zz//%2F\nfixed"],
        "eventstream" => &["\u{0}{\"Text\":\"x\"}", "\u{4}data", "\u{1}{\"message\":\"m\"}", "\u{10}{}"],
        _ => &[],
    };
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    if target == "cbor" {
        seeds.extend([
            b"\xa3dFlag\xf5eSmall\x19\x01\x00gStrings\x9faaab\xff".to_vec(),
            b"\xbfePlain\xc1\xfbA\xd4\xd7\xd0\x0a\x3d\x70\xa4dText\x7fabac\xffdData\x5f\x41\x01\x41\x02\xff\xff".to_vec(),
            b"\xa2cAny\xa1aa\x82\x01\xf6fNulls\x82\xf6axgUnknown\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
        ]);
    }
    seeds
}

/// Changes a few bytes, cuts, repeats, or puts in what is special to some format.
fn broken(seed: &[u8], ids: &Ids) -> Vec<u8> {
    const SPECIAL: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b"&",
        b"=",
        b".",
        b"%",
        b"<",
        b">",
        b"/",
        b"&#0;",
        b"]]>",
        b"\xff",
        b"\x00",
        b"\x9f",
        b"\xbf",
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"1e999",
        b"-",
        b"null",
        b"\xc3\xa9",
        b"<!DOCTYPE a>",
        b"\n",
        b",",
    ];
    let mut bytes = seed.to_vec();
    for _ in 0..=ids.below(6) {
        let at = ids.below(bytes.len() as u64 + 1) as usize;
        match ids.below(5) {
            0 if at < bytes.len() => bytes[at] = ids.number() as u8,
            1 => bytes.truncate(at),
            2 => {
                let special = SPECIAL[ids.below(SPECIAL.len() as u64) as usize];
                bytes.splice(at..at, special.iter().copied());
            }
            3 => {
                let end = at + ids.below((bytes.len() - at) as u64 + 1) as usize;
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let end = at + ids.below((bytes.len() - at) as u64 + 1) as usize;
                bytes.drain(at..end);
            }
        }
    }
    bytes
}

#[test]
fn broken_inputs_are_refused_or_read_and_nothing_else() {
    let ids = Ids::seeded(0x0f09);
    for (name, target) in targets::TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no inputs to start from");
        for seed in &seeds {
            target(seed);
            for _ in 0..INPUTS_PER_SEED {
                target(&broken(seed, &ids));
            }
        }
    }
}

#[test]
fn inputs_that_a_fuzzer_found_stay_harmless() {
    let found: &[(&str, &[u8])] = &[];
    for (name, bytes) in found {
        let (_, target) = targets::TARGETS.iter().find(|(known, _)| known == name).expect("a known target");
        target(bytes);
    }
}

#[test]
fn nesting_is_refused_before_it_becomes_dangerous() {
    const LEVELS: usize = 50_000;
    let nested =
        |open: &str, close: &str| format!("{}{}", open.repeat(LEVELS), close.repeat(LEVELS)).into_bytes();
    let inputs = [
        (Protocol::AwsJson1_0, nested("{\"a\":", "}")),
        (Protocol::RestXml, nested("<a>", "</a>")),
        (Protocol::AwsQuery, format!("{}=1", vec!["a"; LEVELS].join(".")).into_bytes()),
        (Protocol::Ec2Query, format!("{}=1", vec!["A"; LEVELS].join(".")).into_bytes()),
        (Protocol::RpcV2Cbor, b"\xa1aa".repeat(LEVELS)),
    ];
    for (protocol, bytes) in inputs {
        let op = models::nested(protocol);
        let headers = HeaderMap::new();
        let body = Body::Bytes(bytes.into());
        let request = Request { path: "/", query: "", headers: &headers, body, labels: None };
        let read = fogbank_wire::read_input(protocol, op, &request, &mut Record::new(op.input));
        assert!(read.is_err(), "{protocol:?}");
    }
}

#[test]
fn documents_cannot_nest_without_end_either() {
    for (protocol, bytes) in [
        (Protocol::AwsJson1_0, [b"{\"Any\":".to_vec(), b"[".repeat(50_000)].concat()),
        (Protocol::RpcV2Cbor, [b"\xa1cAny".to_vec(), b"\x81".repeat(50_000)].concat()),
        (Protocol::RpcV2Cbor, [b"\xa1cAny".to_vec(), b"\xc1".repeat(50_000)].concat()),
    ] {
        let op = models::kinds(protocol, "input");
        let headers = HeaderMap::new();
        let body = Body::Bytes(bytes.into());
        let request = Request { path: "/", query: "", headers: &headers, body, labels: None };
        assert!(fogbank_wire::read_input(protocol, op, &request, &mut Record::new(op.input)).is_err());
    }
}
