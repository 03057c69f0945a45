//! Asking a server for its certificates, without trusting any of them.
//!
//! The handshake only has to show that the server holds the key of the certificate it sent first. Whom to trust is
//! decided later, by the thumbprint that somebody writes down.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::trust::{self, Wanted};
use crate::{OutboundError, REQUEST_TIME_MAX, Roots, refused, unreachable};

/// The last certificate (DER) that the server at `host` and `port` sends: the one closest to the root.
pub async fn top_certificate(host: &str, port: u16) -> Result<Vec<u8>, OutboundError> {
    let ask = async {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| OutboundError::Address(host.to_owned()))?;
        let socket = TcpStream::connect((host, port)).await.map_err(unreachable)?;
        let stream = TlsConnector::from(Arc::new(trust::config(Arc::new(Roots::none()), Wanted::Anyone)))
            .connect(name, socket)
            .await
            .map_err(refused)?;
        let sent = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let top =
            sent.last().ok_or_else(|| OutboundError::Answer("the server sent no certificate".into()))?;
        Ok(top.to_vec())
    };
    let late = |_| Err(OutboundError::Unreachable("the time is up".to_owned()));
    timeout(REQUEST_TIME_MAX, ask).await.unwrap_or_else(late)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    #[tokio::test]
    async fn the_top_certificate_is_the_last_that_the_server_sends() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let other = rcgen::generate_simple_self_signed(vec!["top".to_owned()]).unwrap().cert;
        let chain = vec![certificate.der().clone(), other.der().clone()];
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, private)
                .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serve = async {
            let (socket, _) = listener.accept().await.unwrap();
            drop(TlsAcceptor::from(Arc::new(config)).accept(socket).await);
        };
        let (top, ()) = tokio::join!(top_certificate("127.0.0.1", port), serve);
        assert_eq!(top.unwrap(), other.der().to_vec());
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_unreachable() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let refused = top_certificate("127.0.0.1", port).await;
        assert!(matches!(refused, Err(OutboundError::Unreachable(_))));
    }
}
