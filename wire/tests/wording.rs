//! What clients are told, letter for letter: faults in each protocol, and inputs that cannot be read.

#[path = "dynamic/mod.rs"]
mod dynamic;
#[path = "round_trip/models.rs"]
mod models;

use dynamic::value::Record;
use fogbank_wire::{Body, Request, Response, malformed_fault, read_input, write_fault, write_output};
use http::HeaderMap;
use schema::{ErrorCode, Fault, Protocol, Service, Side};

static SERVICE: Service = Service {
    name: "sqs",
    xml_namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
    query_compatible: true,
    ..Service::BLANK
};

static NO_QUEUE: ErrorCode = ErrorCode {
    name: "QueueDoesNotExist",
    code: "AWS.SimpleQueueService.NonExistentQueue",
    status: 400,
    side: Side::Sender,
};

fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body.whole().expect("faults are at hand")).into_owned()
}

fn header<'r>(response: &'r Response, name: &str) -> &'r str {
    response.headers.get(name).map_or("", |value| value.to_str().expect("headers are text"))
}

fn no_queue(protocol: Protocol) -> Response {
    let fault = Fault::new(&NO_QUEUE, "The specified queue does not exist.");
    let response = write_fault(protocol, &SERVICE, &fault, "req-1");
    assert_eq!(response.status, 400);
    assert_eq!(header(&response, "x-amzn-requestid"), "req-1");
    response
}

#[test]
fn json_names_the_error_with_its_namespace_and_query_clients_find_their_code() {
    let response = no_queue(Protocol::AwsJson1_0);
    assert_eq!(
        text(&response),
        r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#
    );
    assert_eq!(header(&response, "content-type"), "application/x-amz-json-1.0");
    assert_eq!(header(&response, "x-amzn-query-error"), "AWS.SimpleQueueService.NonExistentQueue;Sender");
    let response = no_queue(Protocol::RestJson1);
    assert_eq!(text(&response), r#"{"message":"The specified queue does not exist."}"#);
    assert_eq!(header(&response, "x-amzn-errortype"), "QueueDoesNotExist");
}

#[test]
fn query_and_ec2_have_envelopes_of_their_own() {
    assert_eq!(
        text(&no_queue(Protocol::AwsQuery)),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ErrorResponse \
         xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\"><Error><Type>Sender</Type>\
         <Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist.</Message>\
         </Error><RequestId>req-1</RequestId></ErrorResponse>"
    );
    assert_eq!(
        text(&no_queue(Protocol::Ec2Query)),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>\
         <Code>AWS.SimpleQueueService.NonExistentQueue</Code><Message>The specified queue does not exist.</Message>\
         </Error></Errors><RequestID>req-1</RequestID></Response>"
    );
}

#[test]
fn query_outputs_are_wrapped_twice_and_carry_the_request_id() {
    let op = models::kinds(Protocol::AwsQuery, "output");
    let response = write_output(Protocol::AwsQuery, op, &Record::new(op.output), "req-1");
    assert_eq!(
        text(&response),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<RoundTripResponse><RoundTripResult></RoundTripResult>\
         <ResponseMetadata><RequestId>req-1</RequestId></ResponseMetadata></RoundTripResponse>"
    );
    assert_eq!(header(&response, "content-type"), "text/xml");
}

/// Reads a body that cannot be read, and returns the code and the message of the fault.
fn refused(protocol: Protocol, body: &str) -> (String, String) {
    let op = models::kinds(protocol, "input");
    let headers = HeaderMap::new();
    let body = Body::Bytes(body.as_bytes().to_vec().into());
    let request = Request { path: "/", query: "", headers: &headers, body, labels: None };
    let malformed = read_input(protocol, op, &request, &mut Record::new(op.input)).expect_err("a bad body");
    let fault = malformed_fault(protocol, &malformed);
    (fault.code().to_owned(), fault.message().to_owned())
}

#[test]
fn inputs_that_cannot_be_read_are_refused_in_the_words_of_their_protocol() {
    let json = Protocol::AwsJson1_0;
    for (protocol, body, code, message) in [
        // DynamoDB and SQS send no message with a syntax error.
        (json, "{", "SerializationException", ""),
        (json, "", "SerializationException", ""),
        (json, r#"{"Text":1}"#, "SerializationException", "NUMBER_VALUE cannot be converted to String"),
        (json, r#"{"Small":"1"}"#, "SerializationException", "STRING_VALUE cannot be converted to Integer"),
        (json, r#"{"Flag":"true"}"#, "SerializationException", "STRING_VALUE cannot be converted to Boolean"),
        (
            json,
            r#"{"Text":{}}"#,
            "SerializationException",
            "Start of structure or map found where not expected.",
        ),
        (json, r#"{"Strings":"x"}"#, "SerializationException", "Unexpected field type"),
        (json, r#"{"Data":"%"}"#, "SerializationException", "only base-64-encoded data is expected"),
        (Protocol::AwsQuery, "Small=x", "MalformedInput", "'x' is not a valid integer"),
        (
            Protocol::AwsQuery,
            "Text=%zz",
            "MalformedQueryString",
            "The query string contains a syntax error or does not adhere to AWS standards.",
        ),
        (Protocol::Ec2Query, "Small=x", "InvalidParameterValue", "'x' is not a valid integer"),
        (
            Protocol::RestXml,
            "<a>",
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        ),
        (Protocol::RpcV2Cbor, "\u{1}", "SerializationException", "a structure or map cannot be a CBOR u8"),
    ] {
        assert_eq!(refused(protocol, body), (code.to_owned(), message.to_owned()), "{protocol:?} {body}");
    }
}

#[test]
fn a_later_key_wins_and_unknown_ones_and_nulls_are_skipped() {
    let op = models::kinds(Protocol::AwsJson1_0, "input");
    let headers = HeaderMap::new();
    let body = br#"{"Text":"a","Nope":[{"x":[]}],"Big":null,"Text":"b"}"#;
    let body = Body::Bytes(body.to_vec().into());
    let request = Request { path: "/", query: "", headers: &headers, body, labels: None };
    let mut record = Record::new(op.input);
    read_input(Protocol::AwsJson1_0, op, &request, &mut record).expect("it can be read");
    assert_eq!(format!("{record:?}"), r#"{"Text": String("b")}"#);
}
