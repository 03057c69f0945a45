//! TLS on the same port as plain HTTP, with leaves that the local authority issues for the name a client asks for.
//!
//! AWS has hundreds of host names and wildcards cover one label, so a leaf is made when its name is first asked
//! for, and again before it ends. Only names of this cloud get one.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use parking_lot::Mutex;
use rcgen::KeyPair;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::ca::{Authority, AuthorityError};
use crate::limits::{LEAF_TIME, LEAVES_MAX};

/// Accepts TLS connections. Clones share their leaves.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Rustls(#[from] rustls::Error),
}

impl From<rcgen::Error> for TlsError {
    fn from(error: rcgen::Error) -> TlsError {
        TlsError::Authority(error.into())
    }
}

impl Tls {
    /// `own_names` are further names and addresses that clients use for this machine.
    pub fn new(authority: Authority, clock: Clock, own_names: Vec<String>) -> Result<Tls, TlsError> {
        let leaves = Leaves::new(authority, clock, own_names)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(leaves));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        self.0.accept(stream).await
    }
}

/// The leaves that were asked for. All have one key.
struct Leaves {
    authority: Authority,
    clock: Clock,
    own_names: Vec<String>,
    key: KeyPair,
    signing_key: Arc<dyn rustls::sign::SigningKey>,
    issued: Mutex<HashMap<String, Leaf>>,
}

struct Leaf {
    certified: Arc<CertifiedKey>,
    ends: Timestamp,
}

impl fmt::Debug for Leaves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leaves")
    }
}

/// For clients that name nobody: those that use an address.
const NAMELESS: &str = "";

impl Leaves {
    fn new(authority: Authority, clock: Clock, own_names: Vec<String>) -> Result<Leaves, TlsError> {
        let key = KeyPair::generate()?;
        let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let signing_key = aws_lc_rs::sign::any_supported_type(&der)?;
        let leaves = Leaves { authority, clock, own_names, key, signing_key, issued: Mutex::default() };
        // Whatever can fail fails now rather than in a handshake.
        leaves.leaf(NAMELESS)?;
        Ok(leaves)
    }

    fn leaf(&self, name: &str) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let now = self.clock.wall();
        let mut issued = self.issued.lock();
        if let Some(leaf) = issued.get(name)
            && leaf.ends.since(now) > Duration::from_secs(LEAF_TIME.as_secs() / 3)
        {
            return Ok(Arc::clone(&leaf.certified));
        }
        if issued.len() >= LEAVES_MAX {
            issued.clear();
        }
        let (certificate, ends) = self.authority.issue(&self.names_for(name), &self.key, now)?;
        let certified = Arc::new(CertifiedKey::new(vec![certificate], Arc::clone(&self.signing_key)));
        issued.insert(name.to_owned(), Leaf { certified: Arc::clone(&certified), ends });
        Ok(certified)
    }

    fn names_for(&self, name: &str) -> Vec<String> {
        let standard = [
            "localhost",
            "*.localhost",
            "localhost.localstack.cloud",
            "*.localhost.localstack.cloud",
            "127.0.0.1",
            "::1",
        ];
        let own = self.own_names.iter().map(String::as_str);
        let mut names: Vec<String> = Vec::new();
        for each in standard.into_iter().chain(own).chain((name != NAMELESS).then_some(name)) {
            if !names.iter().any(|known| known == each) {
                names.push(each.to_owned());
            }
        }
        names
    }

    /// Whether a name is one of this cloud's.
    fn is_ours(&self, name: &str) -> bool {
        const ENDS: &[&str] = &[
            ".localhost",
            ".localhost.localstack.cloud",
            ".amazonaws.com",
            ".amazonaws.com.cn",
            ".api.aws",
            ".on.aws",
        ];
        matches!(name, "localhost" | "localhost.localstack.cloud")
            || ENDS.iter().any(|end| name.ends_with(end))
            || self.own_names.iter().any(|own| own == name)
    }
}

impl ResolvesServerCert for Leaves {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().unwrap_or(NAMELESS).to_ascii_lowercase();
        // A stranger's name gets the leaf that does not hold it, and the client says what is wrong.
        let name = if self.is_ours(&asked) { asked.as_str() } else { NAMELESS };
        match self.leaf(name) {
            Ok(certified) => Some(certified),
            Err(error) => {
                tracing::error!(%error, name, "no certificate could be issued");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Ids;

    fn leaves(clock: &Clock) -> Leaves {
        let authority = Authority::in_memory(Ids::seeded(1), clock.wall()).unwrap();
        Leaves::new(authority, clock.clone(), vec!["cloud.example.com".into()]).unwrap()
    }

    #[test]
    fn a_leaf_is_kept_until_it_nears_its_end() {
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let leaves = leaves(&clock);
        let first = leaves.leaf("sqs.us-east-1.amazonaws.com").unwrap();
        assert!(Arc::ptr_eq(&first, &leaves.leaf("sqs.us-east-1.amazonaws.com").unwrap()));
        clock.advance(LEAF_TIME.mul_f32(0.7));
        assert!(!Arc::ptr_eq(&first, &leaves.leaf("sqs.us-east-1.amazonaws.com").unwrap()));
    }

    #[test]
    fn only_names_of_this_cloud_get_a_leaf_of_their_own_and_their_number_is_bounded() {
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let leaves = leaves(&clock);
        for (name, ours) in [
            ("localhost", true),
            ("sqs.us-east-1.localhost.localstack.cloud", true),
            ("bucket.s3.amazonaws.com", true),
            ("cloud.example.com", true),
            ("bank.example.com", false),
            ("amazonaws.com.evil.com", false),
        ] {
            assert_eq!(leaves.is_ours(name), ours, "{name}");
        }
        for number in 0..LEAVES_MAX + 10 {
            leaves.leaf(&format!("b{number}.s3.amazonaws.com")).unwrap();
        }
        assert!(leaves.issued.lock().len() <= LEAVES_MAX);
    }
}
