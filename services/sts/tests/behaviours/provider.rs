//! An OpenID Connect provider on this machine: HTTPS with a certificate of its own, keys, and tokens.

use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base::Arn;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};
use service::IdentityProvider;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::cloud::ACCOUNT;

/// What signs tokens.
pub enum Signer {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

pub struct Provider {
    pub url: String,
    pub thumbprint: String,
    pub signer: Mutex<(String, Signer)>,
    state: Arc<Mutex<State>>,
    /// Ends with the test.
    _running: JoinSet<()>,
}

/// What the server answers, and how often it was asked for keys.
#[derive(Default)]
struct State {
    issuer: String,
    keys: Value,
    asked: usize,
}

impl Provider {
    pub async fn start() -> Provider {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
        let thumbprint = outbound::thumbprint(certificate.der());
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(
                    vec![certificate.der().clone()],
                    PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
                )
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://127.0.0.1:{}/tenant", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State { issuer: url.clone(), ..State::default() }));
        let mut running = JoinSet::new();
        running.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), state.clone()));
        let signer =
            Mutex::new((String::new(), Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())));
        let provider = Provider { url, thumbprint, signer, state, _running: running };
        provider.turn("first", Signer::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
        provider
    }

    /// From now on signs with another key, and publishes that one alone.
    pub fn turn(&self, kid: &str, signer: Signer) {
        self.state.lock().unwrap().keys = json!({ "keys": [signer.published(kid)] });
        *self.signer.lock().unwrap() = (kid.to_owned(), signer);
    }

    /// From now on says that it is somebody else.
    pub fn pretend(&self, issuer: &str) {
        self.state.lock().unwrap().issuer = issuer.to_owned();
    }

    pub fn asked(&self) -> usize {
        self.state.lock().unwrap().asked
    }

    /// As IAM knows it.
    pub fn known(&self, thumbprints: &[String]) -> IdentityProvider {
        let url = self.url.trim_start_matches("https://").to_owned();
        IdentityProvider::OpenIdConnect {
            arn: self.arn(),
            url,
            client_ids: vec!["client".to_owned()],
            thumbprints: thumbprints.to_vec(),
        }
    }

    pub fn arn(&self) -> Arn {
        let address = self.url.trim_start_matches("https://");
        format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{address}").parse().unwrap()
    }

    pub fn token(&self, claims: &Value) -> String {
        let signer = self.signer.lock().unwrap();
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": signer.1.algorithm(), "kid": signer.0, "typ": "JWT"});
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(signer.1.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<Mutex<State>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let Ok(mut stream) = acceptor.accept(socket).await else { continue };
        let mut read = [0; 4096];
        let count = stream.read(&mut read).await.unwrap_or_default();
        let request = String::from_utf8_lossy(&read[..count]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, body) = {
            let mut state = state.lock().unwrap();
            match path {
                "/tenant/.well-known/openid-configuration" => {
                    let host =
                        request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
                    ("200 OK", json!({"issuer": state.issuer, "jwks_uri": format!("https://{host}/keys")}))
                }
                "/keys" => {
                    state.asked += 1;
                    ("200 OK", state.keys.clone())
                }
                _ => ("404 Not Found", Value::Null),
            }
        };
        let body = body.to_string();
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

impl Signer {
    pub fn ec() -> Signer {
        Signer::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Signer::Rsa(_) => "RS256",
            Signer::Ec(_) => "ES256",
        }
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Signer::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).unwrap();
                signature
            }
            Signer::Ec(key) => key.sign(&random, text).unwrap().as_ref().to_vec(),
        }
    }

    fn published(&self, kid: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Signer::Rsa(key) => {
                let der = key.public_key().as_der().unwrap();
                let (_, info) = SubjectPublicKeyInfo::from_der(der.as_ref()).unwrap();
                let Ok(PublicKey::RSA(parts)) = info.parsed() else { panic!("an RSA key") };
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid,
                    "n": encode(parts.modulus), "e": encode(parts.exponent)})
            }
            Signer::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": kid,
                    "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
        }
    }
}
