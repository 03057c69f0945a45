//! Health, metrics, controls, and pages in browsers.

use fogbank_gateway::{Cors, GatewayConfig};

use crate::client::{Ask, exchange};
use crate::cloud::{Cloud, open_controls};

fn get(path: &str) -> Ask {
    Ask::new("post", "GET", path, "")
}

#[tokio::test]
async fn health_lists_what_works() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    for path in ["/_localstack/health", "/_fogbank/health"] {
        let answer = exchange(&mut stream, &get(path)).await;
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(json["services"]["post"], "available");
        assert_eq!(json["services"].as_object().unwrap().len(), 3);
    }
    exchange(&mut stream, &Ask::new("post", "HEAD", "/_localstack/health", "")).await.is(200, "");
    exchange(&mut stream, &get("/_localstack/other")).await.is(404, "there is nothing here");
}

#[tokio::test]
async fn metrics_count_calls_and_refusals() {
    let cloud = Cloud::start().await;
    let mut stream = cloud.connect().await;
    exchange(&mut stream, &Ask::json("Echo", "{}").signed()).await.is(200, "");
    exchange(&mut stream, &Ask::json("Echo", "{}")).await.is(403, "");
    let answer = exchange(&mut stream, &get("/metrics")).await;
    answer.is(200, r#"fogbank_requests_total{service="post",operation="Echo",outcome="ok"} 1"#);
    answer.is(200, r#"fogbank_refused_total{code="MissingAuthenticationToken"} 1"#);
    answer.is(200, r#"fogbank_request_duration_seconds_count{operation="Echo",service="post"} 1"#);
    answer.is(200, "fogbank_connections 1");
    // A bucket of this name is another matter.
    let signed = Ask::new("shelf", "GET", "/metrics/x", "").signed();
    exchange(&mut stream, &signed).await.is(200, "metrics x");
}

#[tokio::test]
async fn controls_are_for_this_machine_and_turn_only_in_dev() {
    let post = |path: &str| Ask::new("post", "POST", path, "{}");
    let secure = Cloud::start().await;
    let mut stream = secure.connect().await;
    exchange(&mut stream, &get("/_fogbank/status")).await.is(200, "GET status");
    exchange(&mut stream, &post("/_fogbank/clock")).await.is(403, "--dev only");

    let dev = Cloud::with(open_controls(), |_| None).await;
    let mut stream = dev.connect().await;
    exchange(&mut stream, &post("/_fogbank/clock")).await.is(200, "POST clock");
    for foreign in [
        post("/_fogbank/clock").header("origin", "https://evil.example.com"),
        post("/_fogbank/clock").header("host", "rebound.example.com:4566"),
        get("/metrics").header("host", "rebound.example.com"),
    ] {
        exchange(&mut stream, &foreign).await.is(403, "for the machine itself only");
    }
    let page = post("/_fogbank/clock").header("origin", "http://localhost:3000");
    exchange(&mut stream, &page).await.is(200, "POST clock");
}

#[tokio::test]
async fn anybody_may_sign_in_by_json_but_no_foreign_page() {
    let post = || Ask::new("post", "POST", "/_fogbank/sign-in", "{}");
    let json = |ask: Ask| ask.header("content-type", "application/json; charset=utf-8");
    let secure = Cloud::start().await;
    let mut stream = secure.connect().await;
    exchange(&mut stream, &json(post())).await.is(200, "POST sign-in");
    let by_name = json(post()).header("host", "cloud.example.com:4566");
    exchange(&mut stream, &by_name).await.is(200, "POST sign-in");
    exchange(&mut stream, &post()).await.is(415, "application/json");
    exchange(&mut stream, &post().header("content-type", "text/plain")).await.is(415, "application/json");
    exchange(&mut stream, &get("/_fogbank/sign-in")).await.is(405, "another method");
    let page = json(post()).header("origin", "https://evil.example.com");
    exchange(&mut stream, &page).await.is(403, "this page may not sign in");
    let own_page = json(post()).header("origin", "http://localhost:3000");
    exchange(&mut stream, &own_page).await.is(200, "POST sign-in");
    exchange(&mut stream, &json(Ask::new("post", "POST", "/_fogbank/sign-in/x", "{}")))
        .await
        .is(403, "--dev only");
}

#[tokio::test]
async fn pages_of_this_machine_may_call_and_others_may_not() {
    let preflight = |origin: &str| {
        Ask::new("post", "OPTIONS", "/", "")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,x-amz-target")
    };
    let secure = Cloud::start().await;
    let mut stream = secure.connect().await;
    let local = exchange(&mut stream, &preflight("http://localhost:3000")).await;
    assert_eq!(
        (local.status, local.headers["access-control-allow-origin"].as_str()),
        (204, "http://localhost:3000")
    );
    assert_eq!(local.headers["access-control-allow-headers"], "authorization,x-amz-target");
    let foreign = exchange(&mut stream, &preflight("https://evil.example.com")).await;
    assert!(!foreign.headers.contains_key("access-control-allow-origin"));
    let call = Ask::json("Echo", "{}").header("origin", "http://localhost:3000").signed();
    let answer = exchange(&mut stream, &call).await;
    assert_eq!(answer.headers["access-control-allow-origin"], "http://localhost:3000");
    assert!(answer.headers["access-control-expose-headers"].contains("x-amzn-requestid"));

    let dev = Cloud::with(GatewayConfig { cors: Cors::Any, ..GatewayConfig::default() }, |_| None).await;
    let any = exchange(&mut dev.connect().await, &preflight("https://app.example.com")).await;
    assert_eq!(any.headers["access-control-allow-origin"], "https://app.example.com");
}
