//! Which certificates are trusted: those of known authorities, and those whose thumbprint was listed.
//!
//! The rule is IAM's for identity providers ("Obtain the thumbprint for an OpenID Connect identity provider" of the
//! IAM guide): thumbprints matter only where no known authority vouches for the server. A listed certificate is an
//! authority for its chain; the server's own may be listed as well, since local providers sign their own.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The authorities that are known.
pub struct Roots {
    provider: Arc<CryptoProvider>,
    known: Option<Arc<WebPkiServerVerifier>>,
}

impl Roots {
    /// Those of Mozilla's list.
    pub fn public() -> Roots {
        Roots::of(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }

    /// Nobody, so that only listed certificates are trusted.
    pub fn none() -> Roots {
        Roots::of(RootCertStore::empty())
    }

    fn of(store: RootCertStore) -> Roots {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let known = verifier(store, &provider).ok();
        Roots { provider, known }
    }
}

/// The SHA-1 of a certificate (DER) as lower-case hexadecimal, which IAM calls its thumbprint.
pub fn thumbprint(certificate: &[u8]) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn verifier(
    store: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, rustls::client::VerifierBuilderError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone()).build()
}

/// Which server will do.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// One that is trusted, by a known authority or by one of these thumbprints.
    Trusted(Vec<String>),
    /// Whoever answers, so long as it holds the key of the certificate it sends.
    Anyone,
}

/// Decides about one server.
pub(crate) struct Verifier {
    roots: Arc<Roots>,
    wanted: Wanted,
}

impl Verifier {
    fn is_listed(&self, certificate: &CertificateDer<'_>) -> bool {
        let Wanted::Trusted(thumbprints) = &self.wanted else { return false };
        let own = thumbprint(certificate);
        thumbprints.iter().any(|listed| listed.eq_ignore_ascii_case(&own))
    }
}

/// How a connection to such a server is made.
pub(crate) fn config(roots: Arc<Roots>, wanted: Wanted) -> ClientConfig {
    ClientConfig::builder_with_provider(roots.provider.clone())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the cipher suites of TLS 1.2 and 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier { roots, wanted }))
        .with_no_client_auth()
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({:?})", self.wanted)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if matches!(self.wanted, Wanted::Anyone) {
            return Ok(ServerCertVerified::assertion());
        }
        let by_known = match &self.roots.known {
            Some(known) => known.verify_server_cert(end_entity, intermediates, name, ocsp, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        let refusal = match by_known {
            Ok(verified) => return Ok(verified),
            Err(refusal) => refusal,
        };
        if self.is_listed(end_entity) {
            return pinned(end_entity, name, now);
        }
        let mut store = RootCertStore::empty();
        for listed in intermediates.iter().filter(|sent| self.is_listed(sent)) {
            store.add(listed.clone())?;
        }
        if store.is_empty() {
            return Err(refusal);
        }
        let listed = verifier(store, &self.roots.provider).map_err(|_| refusal)?;
        listed.verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.roots.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.roots.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// A server's own certificate that was listed: nobody need vouch for it, but its name and its time must fit.
fn pinned(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if seconds < parsed.validity().not_before.timestamp() {
        return Err(CertificateError::NotValidYet.into());
    }
    if seconds > parsed.validity().not_after.timestamp() {
        return Err(CertificateError::Expired.into());
    }
    Ok(ServerCertVerified::assertion())
}
