//! Values of every kind of shape come back as they were, through every protocol and in both directions.

#[path = "../dynamic/mod.rs"]
mod dynamic;
mod models;
mod strategies;

use dynamic::value::{Record, gathered};
use fogbank_wire::Request;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use schema::{Fault, Operation, Protocol};

const CASES: u32 = 64;

const PROTOCOLS: [Protocol; 7] = [
    Protocol::AwsJson1_0,
    Protocol::AwsJson1_1,
    Protocol::RestJson1,
    Protocol::RestXml,
    Protocol::AwsQuery,
    Protocol::Ec2Query,
    Protocol::RpcV2Cbor,
];

fn check(
    protocol: Protocol,
    op: &'static Operation,
    round: impl Fn(Protocol, &'static Operation, &Record) -> Record,
) {
    let shape = if op.input.is_unit() { op.output } else { op.input };
    let mut runner = TestRunner::new(ProptestConfig {
        cases: CASES,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let values = strategies::record(shape, strategies::Rules::of(protocol), 0);
    runner
        .run(&values, |value| {
            prop_assert_eq!(&round(protocol, op, &value), &value);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{protocol:?} {}: {error}", op.name));
}

fn round_input(protocol: Protocol, op: &'static Operation, value: &Record) -> Record {
    let written = fogbank_wire::write_input(protocol, op, value);
    let request = Request {
        path: &written.path,
        query: &written.query,
        headers: &written.headers,
        body: written.body.clone(),
        labels: None,
    };
    let mut read = Record::new(op.input);
    fogbank_wire::read_input(protocol, op, &request, &mut read)
        .unwrap_or_else(|error| panic!("{error} in {written:?}"));
    read
}

fn round_output(protocol: Protocol, op: &'static Operation, value: &Record) -> Record {
    let response = gathered(fogbank_wire::write_output(protocol, op, value, "id"));
    let mut read = Record::new(op.output);
    fogbank_wire::read_output(protocol, op, &response, &mut read)
        .unwrap_or_else(|error| panic!("{error} in {response:?}"));
    read
}

#[test]
fn inputs_of_all_kinds_come_back_as_they_were() {
    for protocol in PROTOCOLS {
        check(protocol, models::kinds(protocol, "input"), round_input);
    }
}

#[test]
fn outputs_of_all_kinds_come_back_as_they_were() {
    for protocol in PROTOCOLS {
        check(protocol, models::kinds(protocol, "output"), round_output);
    }
}

#[test]
fn members_come_back_from_all_places_of_a_request() {
    for protocol in [Protocol::RestJson1, Protocol::RestXml] {
        check(protocol, models::places(protocol, "input"), round_input);
        check(protocol, models::places(protocol, "output"), round_output);
        for payload in ["Blob", "Text", "Record", "Choice"] {
            check(protocol, models::payload(protocol, payload, "input"), round_input);
            check(protocol, models::payload(protocol, payload, "output"), round_output);
        }
    }
}

#[test]
fn events_come_back_as_they_were() {
    for protocol in [
        Protocol::AwsJson1_1,
        Protocol::RpcV2Cbor,
        Protocol::RestJson1,
        Protocol::RestXml,
        Protocol::AwsJson1_0,
    ] {
        check(protocol, models::events(protocol, "output"), round_output);
    }
}

#[test]
fn faults_come_back_with_their_details() {
    for protocol in PROTOCOLS {
        let op = models::kinds(protocol, "output");
        check(protocol, op, |protocol, op, value| {
            let fault =
                Fault::custom("SomethingWrong", 409, "It <is> \"wrong\" & bad").with_detail(value.clone());
            let response = fogbank_wire::write_fault(protocol, op.service, &fault, "id");
            let mut read = Record::new(op.output);
            let received = fogbank_wire::read_fault(protocol, &response, Some(&mut read)).unwrap();
            assert_eq!((received.name.as_str(), received.status), ("SomethingWrong", 409));
            assert_eq!(received.message, "It <is> \"wrong\" & bad");
            read
        });
    }
}
