//! A small HTTP client for the control calls of a running Fogbank. One connection a call; plain HTTP, but for what is
//! secret, which leaves this machine by TLS only.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::limits::{ANSWER_BYTES_MAX, ANSWER_TIME_MAX, CONNECT_TIME_MAX};
use crate::proof;

/// What is asked of a running Fogbank.
pub struct Question<'a> {
    pub method: Method,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    /// See [`proof`].
    pub proof: Option<String>,
    pub secrecy: Secrecy,
}

/// Whether others may read what is sent.
pub enum Secrecy {
    /// The port serves plain HTTP as well, so the endpoint's scheme does not matter.
    Open,
    /// Plain HTTP within this machine only. The authorities in this file vouch for others.
    Secret { authorities: Option<PathBuf> },
}

/// Calls `endpoint` and returns its JSON. An error tells people what is wrong, and how to go on.
pub fn call(endpoint: &str, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
    let question = Question { method, path, body, proof: None, secrecy: Secrecy::Open };
    let (status, answer) = ask(endpoint, &question)?;
    if status.is_success() { Ok(answer) } else { Err(refusal(endpoint, status, &answer)) }
}

/// Calls `endpoint` and returns what it says, also where that is a refusal.
pub fn ask(endpoint: &str, question: &Question<'_>) -> anyhow::Result<(StatusCode, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime did not start")?;
    let (status, text) = runtime.block_on(exchange(endpoint, question))?;
    let answer: Value = serde_json::from_slice(&text).map_err(|_| {
        anyhow!("{endpoint} answers, and is no Fogbank (or another server stands in between)")
    })?;
    Ok((status, answer))
}

/// A refusal as an error.
pub fn refusal(endpoint: &str, status: StatusCode, answer: &Value) -> anyhow::Error {
    let message = ["message", "Message", "error"].iter().find_map(|name| answer[*name].as_str());
    anyhow!("{endpoint} refuses: {}", message.unwrap_or(status.as_str()))
}

async fn exchange(endpoint: &str, question: &Question<'_>) -> anyhow::Result<(StatusCode, Bytes)> {
    let (host, port) = host_and_port(endpoint)?;
    let nobody = || format!("nobody listens at {endpoint}; start one with: fogbank up");
    let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect((host.as_str(), port)))
        .await
        .map_err(|_| anyhow!(nobody()))?
        .with_context(nobody)?;
    let exchange = async {
        match protection(endpoint, &host, &stream, &question.secrecy)? {
            None => speak(stream, &host, port, question).await,
            Some((tls, name)) => {
                let stream = tls.connect(name, stream).await;
                let stream = stream.with_context(|| {
                    format!("{endpoint} does not prove to be itself (AWS_CA_BUNDLE names who vouches for it)")
                })?;
                speak(stream, &host, port, question).await
            }
        }
    };
    let answer = timeout(ANSWER_TIME_MAX, exchange).await;
    answer.map_err(|_| anyhow!("{endpoint} took the connection and did not answer in time"))?
}

/// The TLS that a secret needs on its way; nothing for what stays on this machine or is no secret.
fn protection(
    endpoint: &str,
    host: &str,
    stream: &TcpStream,
    secrecy: &Secrecy,
) -> anyhow::Result<Option<(TlsConnector, ServerName<'static>)>> {
    let Secrecy::Secret { authorities } = secrecy else { return Ok(None) };
    let stays_here = stream.peer_addr()?.ip().to_canonical().is_loopback();
    match authorities {
        Some(file) if endpoint.starts_with("https:") => {
            let name = ServerName::try_from(host.to_owned());
            let name = name.map_err(|_| anyhow!("{host} is no name that a certificate could have"))?;
            Ok(Some((trusting(file)?, name)))
        }
        _ if stays_here => Ok(None),
        None if endpoint.starts_with("https:") => bail!(
            "nobody vouches for {endpoint}; put the certificate that its `fogbank ca --pem` prints into a file, and \
             the file's path into AWS_CA_BUNDLE"
        ),
        _ => bail!(
            "a password goes over the network by https only; the same port takes it: {}",
            secure(endpoint)
        ),
    }
}

fn secure(endpoint: &str) -> String {
    endpoint.replacen("http:", "https:", 1)
}

fn trusting(file: &PathBuf) -> anyhow::Result<TlsConnector> {
    let unreadable = || format!("{} holds no certificates that can be read", file.display());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
        roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("the TLS library has no protocol version")?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    host: &str,
    port: u16,
    question: &Question<'_>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let mut request = Request::builder()
        .method(&question.method)
        .uri(question.path)
        .header(header::HOST, format!("{host}:{port}"))
        .header(header::CONTENT_TYPE, "application/json");
    if let Some(proof) = &question.proof {
        request = request.header(proof::HEADER, proof);
    }
    let request =
        request.body(Full::new(Bytes::from(question.body.map(Value::to_string).unwrap_or_default())))?;
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
}

/// The host and port of an endpoint such as `http://127.0.0.1:4566`.
pub fn host_and_port(endpoint: &str) -> anyhow::Result<(String, u16)> {
    let uri: Uri =
        endpoint.parse().map_err(|_| anyhow!("{endpoint} is no URL, such as http://127.0.0.1:4566"))?;
    match uri.scheme_str() {
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
