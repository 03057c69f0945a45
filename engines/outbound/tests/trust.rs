//! Real handshakes with servers of this machine: whom the client believes, and what it puts up with.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::net::SocketAddr;
use std::sync::Arc;

use fogbank_outbound::{ANSWER_BYTES_MAX, Outbound, OutboundError, Roots, thumbprint};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

struct Server {
    address: SocketAddr,
    chain: Vec<CertificateDer<'static>>,
    /// Ends with the test.
    _running: JoinSet<()>,
}

impl Server {
    async fn start(chain: Vec<CertificateDer<'static>>, key: &KeyPair, answer: Vec<u8>) -> Server {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut running = JoinSet::new();
        running.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                let mut read = [0; 4096];
                let _ = stream.read(&mut read).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Server { address, chain, _running: running }
    }

    async fn get(&self, listed: &[String]) -> Result<bytes::Bytes, OutboundError> {
        let url = format!("https://127.0.0.1:{}/keys", self.address.port());
        Outbound::new(Roots::public()).get(&url, listed).await
    }
}

fn own(names: &[&str], authority: bool) -> (Vec<CertificateDer<'static>>, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    if authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    (vec![params.self_signed(&key).unwrap().der().clone()], key)
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn a_server_that_vouches_for_itself_is_believed_only_by_its_thumbprint() {
    for authority in [false, true] {
        let (chain, key) = own(&["127.0.0.1"], authority);
        let server = Server::start(chain, &key, ok("hello")).await;
        assert!(matches!(server.get(&[]).await, Err(OutboundError::Untrusted(_))), "{authority}");
        let others = ["0".repeat(40)];
        assert!(matches!(server.get(&others).await, Err(OutboundError::Untrusted(_))), "{authority}");
        let listed = [thumbprint(&server.chain[0])];
        assert_eq!(server.get(&listed).await.unwrap(), "hello", "{authority}");
    }
}

#[tokio::test]
async fn a_listed_certificate_serves_for_its_own_names_only() {
    let (chain, key) = own(&["idp.example.com"], false);
    let server = Server::start(chain, &key, ok("hello")).await;
    let listed = [thumbprint(&server.chain[0])];
    assert!(matches!(server.get(&listed).await, Err(OutboundError::Untrusted(_))));
}

#[tokio::test]
async fn a_listed_authority_vouches_for_its_server() {
    let authority_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, authority_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let server = Server::start(vec![leaf.der().clone(), authority.der().clone()], &key, ok("hello")).await;
    assert_eq!(server.get(&[thumbprint(authority.der())]).await.unwrap(), "hello");
    // Another's authority with that thumbprint in the list does not help a server it did not sign for.
    let (foreign, foreign_key) = own(&["127.0.0.1"], false);
    let chain = vec![foreign[0].clone(), authority.der().clone()];
    let impostor = Server::start(chain, &foreign_key, ok("hello")).await;
    assert!(matches!(impostor.get(&[thumbprint(authority.der())]).await, Err(OutboundError::Untrusted(_))));
}

#[tokio::test]
async fn answers_are_bounded_and_nothing_but_200_counts() {
    let (chain, key) = own(&["127.0.0.1"], false);
    let listed = [thumbprint(&chain[0])];
    let long = "a".repeat(ANSWER_BYTES_MAX + 1);
    let server = Server::start(chain.clone(), &key, ok(&long)).await;
    assert!(matches!(server.get(&listed).await, Err(OutboundError::Answer(_))));
    let moved = b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1/\r\nContent-Length: 0\r\n\r\n".to_vec();
    let server = Server::start(chain, &key, moved).await;
    assert_eq!(server.get(&listed).await, Err(OutboundError::Status(302)));
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let asked = Outbound::new(Roots::none()).get(&format!("https://{nobody}/"), &[]).await;
    assert!(matches!(asked, Err(OutboundError::Unreachable(_))));
}
