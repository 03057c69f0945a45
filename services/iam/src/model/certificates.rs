//! X.509 certificates and private keys, as PEM texts, and whether they belong together.
//!
//! IAM takes PEM and nothing beside it: text around the blocks, which `openssl x509 -text` prints, is refused.
//! Reference: "Manage server certificates in IAM" in the user guide.

use base::Timestamp;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;

use crate::error::Error;

/// What is kept of a certificate that was read.
#[derive(Debug, PartialEq)]
pub struct Certificate {
    pub expires: Timestamp,
    der: Vec<u8>,
}

/// Reads a text with exactly one certificate.
pub fn certificate(pem: &str) -> Result<Certificate, Error> {
    let unreadable = || {
        let message = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
        Error::MalformedCertificate(message.to_owned())
    };
    match <[Vec<u8>; 1]>::try_from(blocks(pem).ok_or_else(unreadable)?) {
        Ok([der]) => from_der(der).ok_or_else(unreadable),
        Err(_) => Err(unreadable()),
    }
}

/// Reads one certificate from base64 alone, as XML documents have it.
pub fn certificate_from_base64(text: &str) -> Option<Certificate> {
    use base64::Engine;
    let compact: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    from_der(base64::engine::general_purpose::STANDARD.decode(compact).ok()?)
}

/// Checks that each certificate of a chain signed the one before it, from `leaf` on.
pub fn check_chain(leaf: &Certificate, chain: &str) -> Result<(), Error> {
    let unreadable = || {
        let message =
            "Unable to parse certificate chain. Please ensure the certificate chain is in PEM format.";
        Error::MalformedCertificate(message.to_owned())
    };
    let links = blocks(chain).ok_or_else(unreadable)?;
    let links: Option<Vec<Certificate>> = links.into_iter().map(from_der).collect();
    let links = links.filter(|links| !links.is_empty()).ok_or_else(unreadable)?;
    let mut below = leaf;
    for (at, link) in links.iter().enumerate() {
        if !signed_by(below, link) {
            // The leaf is at -1: the index is that of the certificate whose issuer does not follow.
            let message = format!(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing \
                 certificate, followed by any intermediaries in order. The index within the chain of the invalid \
                 certificate is: {}",
                at as i64 - 1
            );
            return Err(Error::MalformedCertificate(message));
        }
        below = link;
    }
    Ok(())
}

/// Checks that a private key can be used.
pub fn check_private_key(pem: &str) -> Result<(), Error> {
    public_half(pem).map(drop)
}

pub fn check_pair(certificate: &Certificate, key: &str) -> Result<(), Error> {
    let public = public_half(key)?;
    let parsed = parsed(&certificate.der);
    if parsed.public_key().raw != public {
        let message = "Private key doesn't match certificate.";
        return Err(Error::KeyPairMismatch(message.to_owned()));
    }
    Ok(())
}

/// The DER of the public key that belongs to a private one.
fn public_half(pem: &str) -> Result<Vec<u8>, Error> {
    let unreadable = || Error::MalformedCertificate("Invalid Private Key.".to_owned());
    if !pem.trim_start().starts_with("-----BEGIN ") || pem.contains("ENCRYPTED") {
        return Err(unreadable());
    }
    let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| unreadable())?;
    let key = any_supported_type(&der).map_err(|_| unreadable())?;
    key.public_key().map(|public| public.to_vec()).ok_or_else(unreadable)
}

/// The contents of all blocks, if the text has nothing but certificates.
fn blocks(text: &str) -> Option<Vec<Vec<u8>>> {
    let mut rest = text.trim();
    let mut found = Vec::new();
    while !rest.is_empty() {
        const END: &str = "-----END CERTIFICATE-----";
        if !rest.starts_with("-----BEGIN CERTIFICATE-----") {
            return None;
        }
        let (block, after) = rest.split_at(rest.find(END)? + END.len());
        let (pem, _) = Pem::read(std::io::Cursor::new(block.as_bytes())).ok()?;
        found.push(pem.contents);
        rest = after.trim_start();
    }
    Some(found)
}

fn from_der(der: Vec<u8>) -> Option<Certificate> {
    let (rest, parsed) = X509Certificate::from_der(&der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let expires = Timestamp::from_secs(parsed.validity().not_after.timestamp());
    Some(Certificate { expires, der })
}

fn parsed(der: &[u8]) -> X509Certificate<'_> {
    X509Certificate::from_der(der).expect("it was read when it came in").1
}

fn signed_by(one: &Certificate, issuer: &Certificate) -> bool {
    let (one, issuer) = (parsed(&one.der), parsed(&issuer.der));
    one.issuer() == issuer.subject() && one.verify_signature(Some(issuer.public_key())).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    struct Pki {
        leaf: String,
        key: String,
        intermediate: String,
        root: String,
    }

    fn authority(name: &str) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
    }

    fn pki() -> Pki {
        let root = CertifiedIssuer::self_signed(authority("root"), KeyPair::generate().unwrap()).unwrap();
        let middle =
            CertifiedIssuer::signed_by(authority("middle"), KeyPair::generate().unwrap(), &root).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf =
            CertificateParams::new(vec!["a.example".to_owned()]).unwrap().signed_by(&key, &middle).unwrap();
        Pki { leaf: leaf.pem(), key: key.serialize_pem(), intermediate: middle.pem(), root: root.pem() }
    }

    #[test]
    fn a_certificate_its_key_and_its_chain_belong_together() {
        let Pki { leaf, key, intermediate, root } = pki();
        let certificate = certificate(&leaf).unwrap();
        assert!(check_pair(&certificate, &key).is_ok());
        assert!(check_chain(&certificate, &intermediate).is_ok());
        assert!(check_chain(&certificate, &format!("{intermediate}\n{root}")).is_ok());
    }

    #[test]
    fn a_chain_out_of_order_names_the_place() {
        let Pki { leaf, intermediate, root, .. } = pki();
        let certificate = certificate(&leaf).unwrap();
        for (chain, place) in [
            (root.clone(), "is: -1"),
            (format!("{root}{intermediate}"), "is: -1"),
            (format!("{intermediate}{intermediate}"), "is: 0"),
        ] {
            let Err(Error::MalformedCertificate(message)) = check_chain(&certificate, &chain) else {
                panic!("the chain is out of order");
            };
            assert!(message.ends_with(place), "{message}");
        }
    }

    #[test]
    fn another_key_does_not_match() {
        let certificate = certificate(&pki().leaf).unwrap();
        assert!(matches!(check_pair(&certificate, &pki().key), Err(Error::KeyPairMismatch(_))));
        let rubbish = check_pair(&certificate, "rubbish");
        assert!(matches!(rubbish, Err(Error::MalformedCertificate(_))));
    }

    #[test]
    fn only_one_certificate_in_pem_and_nothing_around_it_is_a_certificate() {
        let leaf = pki().leaf;
        for bad in [String::new(), "x".to_owned(), format!("Certificate:\n{leaf}"), format!("{leaf}{leaf}")] {
            assert!(certificate(&bad).is_err(), "{bad}");
        }
        let cut = leaf.replace("MII", "AAA");
        assert!(certificate(&cut).is_err());
    }
}
