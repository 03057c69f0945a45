//! Each protocol end to end, and each family of errors.

use crate::client::{Answer, Ask, exchange};
use crate::cloud::Cloud;

async fn ask(cloud: &Cloud, ask: Ask) -> Answer {
    exchange(&mut cloud.connect().await, &ask).await
}

#[tokio::test]
async fn json_calls_are_answered_in_json() {
    let cloud = Cloud::start().await;
    let answer = ask(&cloud, Ask::json("Echo", r#"{"Text":"grüß"}"#).signed()).await;
    answer.is(200, r#""Text":"grüß""#);
    answer.is(200, "000000000000 us-east-1");
    assert_eq!(answer.headers["content-type"], "application/x-amz-json-1.0");
    assert_eq!(answer.headers["x-amzn-requestid"].len(), 36);
    assert!(answer.headers["date"].ends_with(" GMT"));
    assert!(!answer.headers.contains_key("server"));
}

#[tokio::test]
async fn the_region_is_the_one_that_was_signed_for() {
    let cloud = Cloud::start().await;
    let abroad = Ask { region: "eu-west-1", ..Ask::json("Echo", "{}") };
    ask(&cloud, abroad.signed()).await.is(200, "000000000000 eu-west-1");
    let nowhere = Ask { region: "us-east-9", ..Ask::json("Echo", "{}") };
    ask(&cloud, nowhere.signed()).await.is(403, "valid region, not 'us-east-9'");
}

#[tokio::test]
async fn query_calls_are_answered_in_xml() {
    let cloud = Cloud::start().await;
    let answer = ask(&cloud, Ask::form("Action=Echo&Version=2012-11-05&Text=a%20b").signed()).await;
    answer.is(200, "<EchoResult><Text>a b</Text>");
    answer.is(200, &format!("<RequestId>{}</RequestId>", answer.headers["x-amzn-requestid"]));
    let in_url = Ask { query: "Action=Echo&Text=x".into(), ..Ask::new("post", "GET", "/", "") };
    ask(&cloud, in_url.signed()).await.is(200, "<Text>x</Text>");
}

#[tokio::test]
async fn a_path_stands_for_the_queue_url_in_query_calls() {
    let cloud = Cloud::start().await;
    let on_path = |body: &str| Ask { path: "/000000000000/orders".into(), ..Ask::form(body) };
    let url = "<QueueUrl>http://localhost:4566/000000000000/orders</QueueUrl>";
    ask(&cloud, on_path("Action=Echo").signed()).await.is(200, url);
    let given = on_path("Action=Echo&QueueUrl=http%3A%2F%2Felsewhere%2F1%2Fq").signed();
    ask(&cloud, given).await.is(200, "<QueueUrl>http://elsewhere/1/q</QueueUrl>");
}

#[tokio::test]
async fn cbor_calls_are_answered_in_cbor() {
    let cloud = Cloud::start().await;
    let call = Ask::new("post", "POST", "/service/AmazonPost/operation/Echo", b"\xa1\x64Text\x62hi".to_vec())
        .header("smithy-protocol", "rpc-v2-cbor")
        .header("content-type", "application/cbor");
    let answer = ask(&cloud, call.clone().signed()).await;
    assert_eq!((answer.status, answer.headers["smithy-protocol"].as_str()), (200, "rpc-v2-cbor"));
    assert!(answer.body.windows(7).any(|part| part == b"Text\x62hi"), "{answer:?}");
    let refused = ask(&cloud, call).await;
    assert_eq!((refused.status, refused.headers["content-type"].as_str()), (403, "application/cbor"));
}

#[tokio::test]
async fn rest_calls_are_routed_by_method_and_path() {
    let cloud = Cloud::start().await;
    let memo = Ask::new("desk", "POST", "/memos/to%20do", r#"{"Text":"milk"}"#)
        .header("content-type", "application/json");
    ask(&cloud, memo.signed()).await.is(200, r#"{"Text":"to do: milk"}"#);
    let book = Ask::new("shelf", "GET", "/top/a/b", "").signed();
    let answer = ask(&cloud, book).await;
    answer.is(200, "top a/b");
    let unknown = Ask::new("desk", "POST", "/nothing", "").signed();
    let answer = ask(&cloud, unknown).await;
    assert_eq!(
        (answer.status, answer.headers["x-amzn-errortype"].as_str()),
        (404, "UnknownOperationException")
    );
}

#[tokio::test]
async fn faults_of_a_service_are_written_in_the_protocol_of_the_call() {
    let cloud = Cloud::start().await;
    let json = ask(&cloud, Ask::json("Echo", r#"{"Mode":"fail"}"#).signed()).await;
    json.is(400, "#ThingDoesNotExist\"");
    assert_eq!(json.headers["x-amzn-query-error"], "AWS.Post.NonExistentThing;Sender");
    let query = ask(&cloud, Ask::form("Action=Echo&Mode=fail").signed()).await;
    query.is(400, "<Type>Sender</Type><Code>AWS.Post.NonExistentThing</Code>");
    let long =
        ask(&cloud, Ask::json("Echo", r#"{"Mode":"a mode of more than twenty letters"}"#).signed()).await;
    long.is(400, "1 validation error detected: Value 'a mode of more than twenty letters' at 'mode'");
}

#[tokio::test]
async fn requests_that_cannot_be_read_are_refused_in_the_words_of_their_protocol() {
    let cloud = Cloud::start().await;
    ask(&cloud, Ask::json("Echo", "{").signed()).await.is(400, "SerializationException");
    ask(&cloud, Ask::json("Echo", r#"{"Text":[1]}"#).signed()).await.is(400, "SerializationException");
    ask(&cloud, Ask::json("Fly", "{}").signed()).await.is(400, "UnknownOperationException");
    ask(&cloud, Ask::json("Unmade", "{}").signed())
        .await
        .is(501, "post:Unmade is not implemented by Fogbank");
    ask(&cloud, Ask::form("Action=Fly").signed())
        .await
        .is(400, "The action Fly is not valid for this endpoint.");
    ask(&cloud, Ask::form("Text=x").signed()).await.is(400, "<Code>MissingAction</Code>");
    ask(&cloud, Ask::form("Action=Unmade").signed()).await.is(501, "<Code>NotImplemented</Code>");
    ask(&cloud, Ask::form("Action=Echo&Version=1999-01-01").signed())
        .await
        .is(400, "Could not find operation Echo for version 1999-01-01");
}

#[tokio::test]
async fn a_service_that_is_not_here_is_named() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let rest = Ask::new("s9", "GET", "/bucket/key", "").signed();
    exchange(&mut stream, &rest).await.is(501, "The service s9 is not implemented by Fogbank");
    let json = Ask::new("tables", "POST", "/", "{}").header("x-amz-target", "Tables_2012.GetItem").signed();
    exchange(&mut stream, &json).await.is(501, "The service tables is not implemented by Fogbank");
}

#[tokio::test]
async fn a_panic_is_an_internal_failure_and_the_connection_goes_on() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let answer = exchange(&mut stream, &Ask::json("Echo", r#"{"Mode":"panic"}"#).signed()).await;
    answer.is(500, "InternalFailure");
    assert!(!answer.text().contains("told to"), "the cause stays in the log");
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}

#[tokio::test]
async fn older_and_odder_requests_are_answered_too() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    // A browser, or a health check of somebody else's.
    exchange(&mut stream, &Ask::new("post", "GET", "/", "")).await.is(404, "names no AWS service");
    exchange(&mut stream, &Ask::new("post", "HEAD", "/", "")).await.is(404, "");
    let signed = Ask::json("Echo", "{}").signed();
    let absolute = Ask { path: "http://localhost:4566/".into(), ..signed.clone() };
    exchange(&mut stream, &absolute).await.is(200, "");
    let old = String::from_utf8(signed.bytes()).unwrap().replace("HTTP/1.1", "HTTP/1.0");
    use tokio::io::AsyncWriteExt;
    stream.write_all(old.as_bytes()).await.unwrap();
    let answer = crate::client::read_answer(&mut stream, false).await.unwrap();
    answer.is(200, "Mode");
}

#[tokio::test]
async fn requests_may_be_sent_without_waiting_for_answers() {
    use tokio::io::AsyncWriteExt;
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let all: Vec<u8> =
        (0..20).flat_map(|n| Ask::json("Echo", &format!(r#"{{"Text":"n{n}"}}"#)).signed().bytes()).collect();
    stream.write_all(&all).await.unwrap();
    for n in 0..20 {
        let answer = crate::client::read_answer(&mut stream, false).await.unwrap();
        answer.is(200, &format!("\"n{n}\""));
    }
}
