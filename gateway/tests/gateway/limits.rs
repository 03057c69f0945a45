//! Slow clients, large requests, many connections, and the end.

use std::time::{Duration, Instant};

use fogbank_gateway::{GatewayConfig, TimeLimits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Ask, exchange, read_answer, read_one};
use crate::cloud::Cloud;

fn hasty() -> GatewayConfig {
    let short = Duration::from_millis(300);
    let times =
        TimeLimits { head_max: short, body_pause_max: short, keep_alive_max: short, ..TimeLimits::default() };
    GatewayConfig { times, ..GatewayConfig::default() }
}

#[tokio::test]
async fn a_client_that_drips_its_head_is_cut_off_while_others_are_served() {
    let cloud = Cloud::with(hasty(), |_| None).await;
    let mut slow = cloud.connect().await;
    let began = Instant::now();
    let mut ended = false;
    for byte in Ask::json("Echo", "{}").signed().bytes() {
        if slow.write_all(&[byte]).await.is_err() {
            ended = true;
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        if began.elapsed() > Duration::from_secs(5) {
            break;
        }
    }
    assert!(ended, "five seconds are more than enough");
    exchange(&mut cloud.connect().await, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}

#[tokio::test]
async fn a_body_that_stops_coming_is_answered() {
    let cloud = Cloud::with(hasty(), |_| None).await;
    let mut slow = cloud.connect().await;
    slow.write_all(&Ask::json("Echo", "{}").header("content-length", "1000").signed().bytes()).await.unwrap();
    read_answer(&mut slow, false).await.unwrap().is(408, "RequestTimeoutException");
}

#[tokio::test]
async fn an_idle_connection_ends_and_a_slow_call_does_not() {
    let cloud = Cloud::with(hasty(), |_| None).await;
    let mut stream = cloud.connect().await;
    exchange(&mut stream, &Ask::json("Echo", r#"{"Mode":"wait"}"#).signed()).await.is(200, "");
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
    assert!(matches!(ended, Ok(Ok(0))), "{ended:?}");
}

#[tokio::test]
async fn more_connections_than_are_served_are_told_so() {
    let config = GatewayConfig { connections_max: 3, ..GatewayConfig::default() };
    let cloud = Cloud::with(config, |_| None).await;
    let call = Ask::json("Echo", "{}").signed();
    let mut served = Vec::new();
    for _ in 0..3 {
        let mut stream = cloud.connect().await;
        exchange(&mut stream, &call).await.is(200, "");
        served.push(stream);
    }
    for _ in 0..20 {
        let mut stream = cloud.connect().await;
        let busy = exchange(&mut stream, &call).await;
        busy.is(503, "ServiceUnavailableException");
        assert_eq!(busy.headers["connection"], "close");
        let mut rest = Vec::new();
        assert_eq!(stream.read_to_end(&mut rest).await.unwrap(), 0, "the end is orderly");
    }
    let mut query = cloud.connect().await;
    exchange(&mut query, &Ask::form("Action=Echo").signed()).await.is(503, "<Code>ServiceUnavailable</Code>");
    exchange(&mut served[0], &call).await.is(200, "");
    drop(served);
    // The places become free as soon as the ends are seen.
    for attempt in 0.. {
        let answer = exchange(&mut cloud.connect().await, &call).await;
        if answer.status == 200 {
            break;
        }
        assert!(attempt < 100, "no place became free");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn headers_that_are_too_large_are_refused_in_aws_form() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let large = Ask::json("Echo", "{}").header("x-large", &"x".repeat(40_000));
    exchange(&mut stream, &large).await.is(431, "RequestHeaderSectionTooLarge");
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
    let huge = Ask::json("Echo", "{}").header("x-huge", &"x".repeat(400_000));
    stream.write_all(&huge.bytes()).await.ok();
    assert_eq!(read_answer(&mut stream, false).await.map(|answer| answer.status), Some(431));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let config = GatewayConfig { body_bytes_max: 100_000, ..GatewayConfig::default() };
    let cloud = Cloud::with(config, |_| None).await;
    let mut stream = cloud.connect().await;
    let large = Ask::json("Echo", &"x".repeat(3_000_000)).signed();
    exchange(&mut stream, &large).await.is(413, "RequestEntityTooLargeException");
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
    // Without a length, it is noticed on the way.
    let head = Ask::json("Echo", "").header("transfer-encoding", "chunked").signed().head();
    stream.write_all(&head).await.unwrap();
    for _ in 0..20 {
        stream.write_all(b"4000\r\n").await.unwrap();
        stream.write_all(&vec![b'x'; 0x4000]).await.unwrap();
        stream.write_all(b"\r\n").await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    read_answer(&mut stream, false).await.unwrap().is(413, "RequestEntityTooLargeException");
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_drained_and_the_connection_goes_on() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let put = Ask::new("shelf", "PUT", "/closed/book", "x".repeat(3_000_000)).signed();
    let refused = exchange(&mut stream, &put).await;
    refused.is(400, "<Error><Code>AWS.Post.NonExistentThing</Code>");
    assert!(
        refused.headers.contains_key("x-amz-request-id") && !refused.headers.contains_key("x-amzn-requestid")
    );
    exchange(&mut stream, &Ask::new("shelf", "GET", "/top/book", "").signed()).await.is(200, "top book");
}

#[tokio::test]
async fn a_large_unsigned_body_is_refused_before_it_is_held() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let unsigned = Ask::json("Echo", &"x".repeat(8_000_000));
    stream.write_all(&unsigned.head()).await.unwrap();
    read_answer(&mut stream, false).await.unwrap().is(403, "MissingAuthenticationTokenException");
    stream.write_all(&unsigned.body).await.unwrap();
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}

#[tokio::test]
async fn a_chunked_transfer_is_gathered() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    let ask = Ask::json("Echo", r#"{"Text":"in pieces"}"#).signed();
    let head = ask.header("transfer-encoding", "chunked").head();
    stream.write_all(&head).await.unwrap();
    stream.write_all(b"8\r\n{\"Text\":\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stream.write_all(b"c\r\n\"in pieces\"}\r\n0\r\n\r\n").await.unwrap();
    read_answer(&mut stream, false).await.unwrap().is(200, "in pieces");
}

#[tokio::test]
async fn a_client_that_waits_for_leave_gets_it_only_if_its_headers_are_right() {
    let cloud = Cloud::start().await;
    let ask = Ask::json("Echo", r#"{"Text":"later"}"#).header("expect", "100-continue").signed();
    let mut stream = cloud.connect().await;
    stream.write_all(&ask.head()).await.unwrap();
    assert_eq!(read_one(&mut stream, false).await.unwrap().status, 100);
    stream.write_all(&ask.body).await.unwrap();
    read_answer(&mut stream, false).await.unwrap().is(200, "later");

    let unsigned = Ask::json("Echo", r#"{"Text":"later"}"#).header("expect", "100-continue");
    let mut stream = cloud.connect().await;
    stream.write_all(&unsigned.head()).await.unwrap();
    let first = read_one(&mut stream, false).await.unwrap();
    first.is(403, "MissingAuthenticationTokenException");

    let stranger =
        Ask { credentials: crate::client::temporary("AKIAAAAAAAAAAAAAAAAA", "x", "y"), ..unsigned };
    let mut stream = cloud.connect().await;
    stream.write_all(&stranger.signed().head()).await.unwrap();
    read_one(&mut stream, false).await.unwrap().is(403, "UnrecognizedClientException");
}

#[tokio::test]
async fn calls_under_way_are_finished_when_the_gateway_stops() {
    let cloud = Cloud::start().await;
    let (mut busy, mut idle) = (cloud.connect().await, cloud.connect().await);
    exchange(&mut idle, &Ask::json("Echo", "{}").signed()).await.is(200, "");
    busy.write_all(&Ask::json("Echo", r#"{"Mode":"wait"}"#).signed().bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let began = Instant::now();
    let tasks = cloud.tasks.clone();
    let (answer, ()) = tokio::join!(read_answer(&mut busy, false), tasks.shutdown());
    answer.unwrap().is(200, "Mode");
    assert!(began.elapsed() < Duration::from_secs(4), "nothing waits longer than the calls do");
    let mut rest = Vec::new();
    assert_eq!(idle.read_to_end(&mut rest).await.unwrap(), 0);
    assert!(tokio::net::TcpStream::connect(cloud.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn calls_that_do_not_end_are_answered_before_the_gateway_stops() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    stream.write_all(&Ask::json("Echo", r#"{"Mode":"hang"}"#).signed().bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let tasks = cloud.tasks.clone();
    let (answer, ()) = tokio::join!(read_answer(&mut stream, false), tasks.shutdown());
    answer.unwrap().is(503, "ServiceUnavailableException");
}
