//! How long one SendMessage takes to read and its answer to write, in awsJson and in awsQuery.
//!
//! The shapes are written out here as the generator writes them, since this crate knows no service.
//!
//! `cargo run --release -p fogbank-wire --example codec_rate`

#![allow(clippy::print_stdout, reason = "printing is what this is for")]

use std::any::Any;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use fogbank_wire::{Body, Request, read_input, write_output};
use http::HeaderMap;
use schema::{
    Auth, Kind, Malformed, Member, Operation, Protocol, ReadValue, Reader, Service, Shape, Structure,
    WriteValue,
};

const ROUNDS: u32 = 200_000;
const BODY_BYTES: usize = 1024;

fn main() {
    let text = "x".repeat(BODY_BYTES);
    let url = "http://localhost:4566/000000000000/orders";
    let json = format!(
        r#"{{"QueueUrl":"{url}","MessageBody":"{text}","DelaySeconds":0,"MessageAttributes":
           {{"kind":{{"DataType":"String","StringValue":"order"}}}}}}"#
    );
    let form = format!(
        "Action=SendMessage&Version=2012-11-05&QueueUrl={url}&MessageBody={text}&DelaySeconds=0&\
         MessageAttribute.1.Name=kind&MessageAttribute.1.Value.DataType=String&\
         MessageAttribute.1.Value.StringValue=order"
    );
    for (name, protocol, body) in
        [("awsJson1.0", Protocol::AwsJson1_0, json), ("awsQuery", Protocol::AwsQuery, form)]
    {
        measure(name, protocol, Bytes::from(body));
    }
}

fn measure(name: &str, protocol: Protocol, body: Bytes) {
    let headers = HeaderMap::new();
    let read = || {
        let body = Body::Bytes(body.clone());
        let request = Request { path: "/", query: "", headers: &headers, body, labels: None };
        let mut input = Input::default();
        let violations = read_input(protocol, &SEND_MESSAGE, &request, &mut input);
        assert!(violations.as_ref().is_ok_and(Vec::is_empty), "the request is a good one: {violations:?}");
        input
    };
    let output = Output {
        message_id: Some("5fea7756-0ea4-451a-a703-a558b933e274".into()),
        md5_of_body: Some("fafb00f5732ab283681e124bf8747ed1".into()),
    };
    let write = || write_output(protocol, &SEND_MESSAGE, &output, "27daac76-34dd-47df-bd01-1f6e873584a0");
    println!("{name}: read {:.0} ns, write {:.0} ns", nanos(read), nanos(write));
}

/// The least of five runs, since other work on the machine only ever adds.
fn nanos<T>(mut work: impl FnMut() -> T) -> f64 {
    let runs = (0..5).map(|_| {
        let start = Instant::now();
        for _ in 0..ROUNDS / 5 {
            black_box(work());
        }
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS / 5)
    });
    runs.fold(f64::INFINITY, f64::min)
}

static STRING: Shape = Shape::new("String", Kind::String);
static INTEGER: Shape = Shape::new("Integer", Kind::Integer);
static KEY: Member = Member { wire_name: "Name", ..Member::new("key", &STRING) };
static VALUE: Member = Member { wire_name: "Value", ..Member::new("value", &ATTRIBUTE) };
static ATTRIBUTES: Shape =
    Shape::new("Attributes", Kind::Map { key: &KEY, value: &VALUE, flattened: true, sparse: false });
static ATTRIBUTE_MEMBERS: [Member; 2] =
    [Member::new("StringValue", &STRING), Member { required: true, ..Member::new("DataType", &STRING) }];
static ATTRIBUTE: Shape = Shape::new("Attribute", Kind::Structure { members: &ATTRIBUTE_MEMBERS });
static INPUT_MEMBERS: [Member; 4] = [
    Member { required: true, ..Member::new("QueueUrl", &STRING) },
    Member { required: true, ..Member::new("MessageBody", &STRING) },
    Member::new("DelaySeconds", &INTEGER),
    Member { query_name: Some("MessageAttribute"), ..Member::new("MessageAttributes", &ATTRIBUTES) },
];
static INPUT: Shape = Shape::new("SendMessageRequest", Kind::Structure { members: &INPUT_MEMBERS });
static OUTPUT_MEMBERS: [Member; 2] =
    [Member::new("MessageId", &STRING), Member::new("MD5OfMessageBody", &STRING)];
static OUTPUT: Shape = Shape::new("SendMessageResult", Kind::Structure { members: &OUTPUT_MEMBERS });
static SERVICE: Service = Service { name: "sqs", query_compatible: true, ..Service::BLANK };
static SEND_MESSAGE: Operation = Operation {
    name: "SendMessage",
    service: &SERVICE,
    method: "POST",
    uri: "/",
    status: 200,
    input: &INPUT,
    output: &OUTPUT,
    errors: &[],
    input_root: None,
    result_wrapper: Some("SendMessageResult"),
    host_prefix: None,
    auth: Auth::SigV4,
    read_only: false,
};

#[derive(Default)]
struct Attribute {
    string_value: Option<String>,
    data_type: String,
}

#[derive(Default)]
struct Input {
    queue_url: String,
    message_body: String,
    delay_seconds: Option<i32>,
    message_attributes: Option<BTreeMap<String, Attribute>>,
}

struct Output {
    message_id: Option<String>,
    md5_of_body: Option<String>,
}

impl Structure for Attribute {
    fn shape(&self) -> &'static Shape {
        &ATTRIBUTE
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {
        if let Some(value) = &self.string_value {
            visitor(&ATTRIBUTE_MEMBERS[0], value);
        }
        visitor(&ATTRIBUTE_MEMBERS[1], &self.data_type);
    }

    fn set(&mut self, index: usize, from: &mut dyn Reader) -> Result<(), Malformed> {
        match index {
            0 => self.string_value = ReadValue::read(from, &ATTRIBUTE_MEMBERS[0])?,
            _ => self.data_type = ReadValue::read(from, &ATTRIBUTE_MEMBERS[1])?,
        }
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Structure for Input {
    fn shape(&self) -> &'static Shape {
        &INPUT
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {
        visitor(&INPUT_MEMBERS[0], &self.queue_url);
        visitor(&INPUT_MEMBERS[1], &self.message_body);
        if let Some(value) = &self.delay_seconds {
            visitor(&INPUT_MEMBERS[2], value);
        }
        if let Some(value) = &self.message_attributes {
            visitor(&INPUT_MEMBERS[3], value);
        }
    }

    fn set(&mut self, index: usize, from: &mut dyn Reader) -> Result<(), Malformed> {
        match index {
            0 => self.queue_url = ReadValue::read(from, &INPUT_MEMBERS[0])?,
            1 => self.message_body = ReadValue::read(from, &INPUT_MEMBERS[1])?,
            2 => self.delay_seconds = ReadValue::read(from, &INPUT_MEMBERS[2])?,
            _ => self.message_attributes = ReadValue::read(from, &INPUT_MEMBERS[3])?,
        }
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Structure for Output {
    fn shape(&self) -> &'static Shape {
        &OUTPUT
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {
        if let Some(value) = &self.message_id {
            visitor(&OUTPUT_MEMBERS[0], value);
        }
        if let Some(value) = &self.md5_of_body {
            visitor(&OUTPUT_MEMBERS[1], value);
        }
    }

    fn set(&mut self, _: usize, _: &mut dyn Reader) -> Result<(), Malformed> {
        unreachable!("outputs are only written here")
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
