//! Requests to servers outside of the cloud, over HTTPS alone.
//!
//! Whom to ask is said by users of the cloud (an identity provider's address), so nothing is taken on trust: answers
//! are bounded in time and size, redirections are not followed, and every connection is new, so that what one user's
//! server did cannot matter to another's.

mod certificates;
mod limits;
mod trust;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub use certificates::top_certificate;
pub use limits::*;
pub use trust::{Roots, thumbprint};

use trust::Wanted;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    #[error("the address is not one of HTTPS: {0}")]
    Address(String),
    /// No such host, nobody listens, or the time was up.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// The certificate is neither by a known authority nor one that was listed.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    #[error("the server answered with status {0}")]
    Status(u16),
    #[error("the server's answer is too long or broke off: {0}")]
    Answer(String),
}

/// The client. Clones share what it trusts.
#[derive(Clone)]
pub struct Outbound {
    roots: Arc<Roots>,
}

impl Outbound {
    pub fn new(roots: Roots) -> Outbound {
        Outbound { roots: Arc::new(roots) }
    }

    /// The body of a `200` answer to GET. A certificate that no known authority vouches for is accepted if the SHA-1
    /// of it, or of one of those sent with it that vouch for it, is in `thumbprints` (lower-case hexadecimal).
    pub async fn get(&self, url: &str, thumbprints: &[String]) -> Result<Bytes, OutboundError> {
        let uri = address(url)?;
        match tokio::time::timeout(REQUEST_TIME_MAX, self.exchange(&uri, thumbprints)).await {
            Ok(answer) => answer,
            Err(_) => Err(OutboundError::Unreachable("the time is up".to_owned())),
        }
    }

    async fn exchange(&self, uri: &Uri, thumbprints: &[String]) -> Result<Bytes, OutboundError> {
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| OutboundError::Address(uri.to_string()))?;
        let socket = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await.map_err(unreachable)?;
        let wanted = Wanted::Trusted(thumbprints.to_vec());
        let connector = TlsConnector::from(Arc::new(trust::config(self.roots.clone(), wanted)));
        let stream = connector.connect(name, socket).await.map_err(refused)?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        let asked = async {
            let answer = sender.send_request(request(uri)).await.map_err(unreachable)?;
            if answer.status() != http::StatusCode::OK {
                return Err(OutboundError::Status(answer.status().as_u16()));
            }
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok(body.map_err(|error| OutboundError::Answer(error.to_string()))?.to_bytes())
        };
        // The connection is driven only as long as its one answer is awaited; there is nothing to leave behind.
        tokio::pin!(asked, connection);
        tokio::select! {
            answer = &mut asked => answer,
            // A server may end the connection with its last byte, before that byte was looked at.
            ended = &mut connection => match asked.await {
                Ok(answer) => Ok(answer),
                Err(error) => Err(ended.err().map_or(error, unreachable)),
            },
        }
    }
}

fn address(url: &str) -> Result<Uri, OutboundError> {
    let wrong = || OutboundError::Address(url.chars().take(200).collect());
    if url.len() > URL_BYTES_MAX {
        return Err(wrong());
    }
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let authority = uri.authority().ok_or_else(wrong)?;
    let fits = uri.scheme_str() == Some("https") && !authority.as_str().contains('@');
    if fits { Ok(uri) } else { Err(wrong()) }
}

fn request(uri: &Uri) -> Request<Empty<Bytes>> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    Request::get(path)
        .header(header::HOST, authority)
        .header(header::ACCEPT, "application/json")
        .header(header::USER_AGENT, "fogbank")
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .expect("a parsed address makes a request")
}

fn unreachable(error: impl std::fmt::Display) -> OutboundError {
    OutboundError::Unreachable(error.to_string())
}

/// A handshake fails for the certificate or for the connection.
fn refused(error: std::io::Error) -> OutboundError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(why)) => OutboundError::Untrusted(format!("{why:?}")),
        _ => unreachable(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_https_are_asked() {
        for good in ["https://idp.example.com", "https://127.0.0.1:8443/keys?a=b", "https://[::1]/"] {
            assert!(address(good).is_ok(), "{good}");
        }
        let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
        for bad in
            ["http://example.com", "https://user@example.com", "file:///etc/passwd", "/keys", "", &long]
        {
            assert!(matches!(address(bad), Err(OutboundError::Address(_))), "{bad}");
        }
    }
}
