//! Whatever comes in at the socket, the gateway neither panics nor stops serving others.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::client::{Ask, exchange};
use crate::cloud::Cloud;

/// Requests that are nearly right, so that more than the HTTP parser is met.
fn nearly_right() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        Just(Ask::json("Echo", r#"{"Text":"x"}"#).signed().bytes()),
        Just(Ask::form("Action=Echo&Version=2012-11-05&Text=%41").signed().bytes()),
        Just(Ask::new("shelf", "PUT", "/top/book", "content").signed().bytes()),
        Just(Ask::new("desk", "POST", "/memos/x", "{}").signed().bytes()),
        Just(Ask::new("post", "GET", "/_fogbank/status", "").bytes()),
        Just(
            Ask::new("post", "POST", "/service/AmazonPost/operation/Echo", b"\xa1\x64Text\x62hi".to_vec())
                .header("smithy-protocol", "rpc-v2-cbor")
                .signed()
                .bytes()
        ),
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<bool>()), 0..6);
    (good, changes).prop_map(|(mut bytes, changes)| {
        for (at, byte, insert) in changes {
            let at = at.index(bytes.len());
            if insert {
                bytes.insert(at, byte);
            } else {
                bytes[at] = byte;
            }
        }
        bytes
    })
}

#[test]
fn arbitrary_bytes_do_no_harm() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cloud = runtime.block_on(Cloud::start());
    let anything = prop_oneof![prop::collection::vec(any::<u8>(), 0..600), nearly_right()];
    let mut runner = TestRunner::new(Config { cases: 400, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&anything, |bytes| {
        runtime.block_on(async {
            let mut stream = cloud.connect().await;
            stream.write_all(&bytes).await.ok();
            stream.shutdown().await.ok();
            let mut answer = Vec::new();
            let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
            prop_assert!(read.is_ok(), "the connection neither answers nor ends");
            let text = String::from_utf8_lossy(&answer);
            prop_assert!(!text.starts_with("HTTP/1.1 500"), "{text}");
            Ok(())
        })
    });
    outcome.unwrap();
    runtime.block_on(async {
        exchange(&mut cloud.connect().await, &Ask::json("Echo", "{}").signed()).await.is(200, "");
    });
}
