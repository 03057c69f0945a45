//! A small HTTP client for the control calls of a running Fogbank. One connection a call, plain HTTP.

use anyhow::{Context, anyhow, bail};
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::limits::{ANSWER_BYTES_MAX, ANSWER_TIME_MAX, CONNECT_TIME_MAX};

/// Calls `endpoint` and returns its JSON. An error tells people what is wrong, and how to go on.
pub fn call(endpoint: &str, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime did not start")?;
    let (status, text) = runtime.block_on(exchange(endpoint, method, path, body))?;
    let answer: Value = serde_json::from_slice(&text).map_err(|_| {
        anyhow!("{endpoint} answers, and is no Fogbank (or another server stands in between)")
    })?;
    if status.is_success() {
        return Ok(answer);
    }
    let message = ["message", "Message", "error"].iter().find_map(|name| answer[*name].as_str());
    bail!("{endpoint} refuses: {}", message.unwrap_or(status.as_str()));
}

async fn exchange(
    endpoint: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (host, port) = host_and_port(endpoint)?;
    let nobody = || format!("nobody listens at {endpoint}; start one with: fogbank up");
    let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect((host.as_str(), port)))
        .await
        .map_err(|_| anyhow!(nobody()))?
        .with_context(nobody)?;
    let exchange = async {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.map(Value::to_string).unwrap_or_default())))?;
        let answered = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            let body = body.map_err(|error| anyhow!(error))?.to_bytes();
            anyhow::Ok((status, body))
        };
        tokio::pin!(answered);
        let mut connection = Box::pin(connection);
        tokio::select! {
            answer = &mut answered => return answer,
            _ = connection.as_mut() => {}
        }
        // The connection may end with the last byte of the answer, which is then buffered. If there is none, that
        // shows only once the connection is dropped.
        drop(connection);
        answered.await
    };
    let answer = timeout(ANSWER_TIME_MAX, exchange).await;
    answer.map_err(|_| anyhow!("{endpoint} took the connection and did not answer in time"))?
}

/// The host and port of an endpoint such as `http://127.0.0.1:4566`.
pub fn host_and_port(endpoint: &str) -> anyhow::Result<(String, u16)> {
    let uri: Uri =
        endpoint.parse().map_err(|_| anyhow!("{endpoint} is no URL, such as http://127.0.0.1:4566"))?;
    match uri.scheme_str() {
        // The same port serves both, and these calls carry no secret.
        Some("http" | "https") => {}
        _ => bail!("{endpoint} is no URL, such as http://127.0.0.1:4566"),
    }
    let host = uri.host().ok_or_else(|| anyhow!("{endpoint} names no host"))?;
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Ok((host.to_owned(), uri.port_u16().unwrap_or(default_port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_a_host_and_a_port() {
        for (endpoint, host, port) in [
            ("http://127.0.0.1:4566", "127.0.0.1", 4566),
            ("http://localhost", "localhost", 80),
            ("https://[::1]:9/", "::1", 9),
        ] {
            assert_eq!(host_and_port(endpoint).unwrap(), (host.to_owned(), port));
        }
        for bad in ["", "127.0.0.1:4566", "ftp://x", "http://"] {
            assert!(host_and_port(bad).is_err(), "{bad}");
        }
    }
}
