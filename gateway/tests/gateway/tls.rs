//! TLS on the port of plain HTTP, with certificates of the local authority.

use std::sync::Arc;

use base::{Clock, Ids};
use fogbank_gateway::{Authority, GatewayConfig, Tls};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::{Ask, exchange};
use crate::cloud::Cloud;

async fn cloud() -> (Cloud, String) {
    let mut pem = String::new();
    let tls = |clock: &Clock| {
        let authority = Authority::in_memory(Ids::seeded(3), clock.wall()).unwrap();
        authority.certificate_pem().clone_into(&mut pem);
        Some(Tls::new(authority, clock.clone(), vec!["cloud.example.com".into()]).unwrap())
    };
    let cloud = Cloud::with(GatewayConfig::default(), tls).await;
    (cloud, pem)
}

async fn connect(
    cloud: &Cloud,
    pem: &str,
    name: &'static str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<tokio::net::TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let connector = TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name).unwrap(), cloud.connect().await).await
}

#[tokio::test]
async fn one_port_speaks_tls_and_plain_http() {
    let (cloud, pem) = cloud().await;
    let call = Ask::json("Echo", "{}").signed();
    exchange(&mut cloud.connect().await, &call).await.is(200, "");
    for name in [
        "localhost",
        "127.0.0.1",
        "sqs.us-east-1.localhost.localstack.cloud",
        "bucket.s3.eu-west-1.amazonaws.com",
        "cloud.example.com",
    ] {
        let mut stream = connect(&cloud, &pem, name, &[b"http/1.1"]).await.expect(name);
        exchange(&mut stream, &call).await.is(200, "");
    }
    let endpoint = Ask { path: "/0/q".into(), ..Ask::form("Action=Echo") }.signed();
    let mut stream = connect(&cloud, &pem, "localhost", &[]).await.unwrap();
    exchange(&mut stream, &endpoint).await.is(200, "<QueueUrl>https://localhost:4566/0/q</QueueUrl>");
    assert!(
        connect(&cloud, &pem, "bank.example.com", &[]).await.is_err(),
        "strangers' names get no certificate"
    );
}

/// Sends requests over HTTP/2, all at once.
async fn over_h2<S>(stream: S)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let mut background = tokio::task::JoinSet::new();
    background.spawn(connection);
    let mut calls = Vec::new();
    for n in 0..20 {
        // There is no Host header in HTTP/2, but `:authority` is signed as if it were one.
        let ask = Ask::json("Echo", &format!(r#"{{"Text":"n{n}"}}"#)).signed();
        let mut request = http::Request::post("http://localhost:4566/");
        for (name, value) in ask.headers.iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        calls.push(sender.send_request(request.body(Full::<bytes::Bytes>::from(ask.body)).unwrap()));
    }
    for (n, call) in calls.into_iter().enumerate() {
        let response = call.await.unwrap();
        assert_eq!((response.status(), response.version()), (http::StatusCode::OK, http::Version::HTTP_2));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains(&format!("\"n{n}\"")));
    }
}

#[tokio::test]
async fn http_2_is_spoken_with_tls_and_without() {
    let (cloud, pem) = cloud().await;
    let stream = connect(&cloud, &pem, "localhost", &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    over_h2(stream).await;
    over_h2(cloud.connect().await).await;
}

#[tokio::test]
async fn a_broken_handshake_harms_nobody_else() {
    use tokio::io::AsyncWriteExt;
    let (cloud, _) = cloud().await;
    let mut broken = cloud.connect().await;
    broken.write_all(b"\x16\x03\x01\xff\xffrubbish").await.unwrap();
    exchange(&mut cloud.connect().await, &Ask::json("Echo", "{}").signed()).await.is(200, "");
}
