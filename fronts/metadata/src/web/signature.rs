//! Signatures of identity documents, which anybody can verify against one certificate.
//!
//! AWS signs `signature` and `rsa2048` with RSA and `pkcs7` with DSA. Nobody makes DSA signatures any more; ours are all
//! RSA with 2,048 bits and SHA-256, and the certificate is this cloud's.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use x509_parser::prelude::{FromDer, X509Certificate};
use yasna::models::ObjectIdentifier;
use yasna::{DERWriter, DERWriterSeq, Tag};

/// The key that identity documents are signed with, and its certificate.
pub struct IdentityKey {
    key: RsaKeyPair,
    certificate: Vec<u8>,
    /// As they stand in the certificate, DER.
    issuer: Vec<u8>,
    serial: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum IdentityKeyError {
    #[error("the key that signs identity documents is none: {0}")]
    Key(String),
    #[error("the certificate of identity documents is none: {0}")]
    Certificate(String),
}

impl IdentityKey {
    /// Makes a key and its certificate: PKCS #8 and X.509, both DER. Takes up to a second; call it where blocking is
    /// allowed, once, and keep what it gives. The key is to be kept sealed.
    pub fn make() -> Result<(Vec<u8>, Vec<u8>), IdentityKeyError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)
            .map_err(|error| IdentityKeyError::Key(error.to_string()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Fogbank");
        params.distinguished_name.push(DnType::CommonName, "Fogbank instance identity");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2200, 1, 1);
        let certificate =
            params.self_signed(&key).map_err(|error| IdentityKeyError::Certificate(error.to_string()))?;
        Ok((key.serialize_der(), certificate.der().to_vec()))
    }

    /// Takes what [`IdentityKey::make`] gave.
    pub fn load(pkcs8: &[u8], certificate: &[u8]) -> Result<IdentityKey, IdentityKeyError> {
        let key = RsaKeyPair::from_pkcs8(pkcs8).map_err(|error| IdentityKeyError::Key(error.to_string()))?;
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|error| IdentityKeyError::Certificate(error.to_string()))?;
        let issuer = parsed.issuer().as_raw().to_vec();
        let serial = parsed.raw_serial().to_vec();
        Ok(IdentityKey { key, certificate: certificate.to_vec(), issuer, serial })
    }

    /// The certificate that documents are verified against, as PEM.
    pub fn certificate_pem(&self) -> String {
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines(&self.certificate))
    }

    /// The bare signature: 256 bytes in base64.
    pub(super) fn bare(&self, document: &str) -> String {
        lines(&self.sign(document))
    }

    /// The document with its signature, as PKCS #7 in base64 without the lines around it, as AWS sends it. The
    /// certificate is not in it: whoever verifies it has to have that already.
    pub(super) fn pkcs7(&self, document: &str) -> String {
        let signature = self.sign(document);
        let der = yasna::construct_der(|writer| {
            writer.write_sequence(|content_info| {
                oid(content_info, SIGNED_DATA);
                explicit(content_info, |writer| self.signed_data(writer, document, &signature));
            });
        });
        lines(&der)
    }

    /// SignedData of RFC 2315, version 1, with one signer and no attributes: the signature is over the content itself.
    fn signed_data(&self, writer: DERWriter<'_>, document: &str, signature: &[u8]) {
        writer.write_sequence(|data| {
            data.next().write_u8(1);
            data.next().write_set(|algorithms| algorithm(algorithms.next(), SHA256));
            data.next().write_sequence(|content_info| {
                oid(content_info, DATA);
                explicit(content_info, |writer| writer.write_bytes(document.as_bytes()));
            });
            data.next().write_set(|signers| {
                signers.next().write_sequence(|signer| {
                    signer.next().write_u8(1);
                    signer.next().write_sequence(|issuer_and_serial| {
                        issuer_and_serial.next().write_der(&self.issuer);
                        issuer_and_serial.next().write_bigint_bytes(&self.serial, true);
                    });
                    algorithm(signer.next(), SHA256);
                    algorithm(signer.next(), RSA);
                    signer.next().write_bytes(signature);
                });
            });
        });
    }

    fn sign(&self, document: &str) -> Vec<u8> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), document.as_bytes(), &mut signature)
            .expect("the buffer is as long as the modulus");
        signature
    }
}

impl fmt::Debug for IdentityKey {
    /// Never the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey")
    }
}

const SIGNED_DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 2];
const DATA: &[u64] = &[1, 2, 840, 113_549, 1, 7, 1];
const SHA256: &[u64] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
const RSA: &[u64] = &[1, 2, 840, 113_549, 1, 1, 1];

fn oid(sequence: &mut DERWriterSeq<'_>, numbers: &[u64]) {
    sequence.next().write_oid(&ObjectIdentifier::from_slice(numbers));
}

fn algorithm(writer: DERWriter<'_>, numbers: &[u64]) {
    writer.write_sequence(|algorithm| {
        oid(algorithm, numbers);
        algorithm.next().write_null();
    });
}

fn explicit(sequence: &mut DERWriterSeq<'_>, content: impl FnOnce(DERWriter<'_>)) {
    sequence.next().write_tagged(Tag::context(0), content);
}

/// Base64 in lines of 64 characters, the last without an end.
fn lines(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("base64 is ASCII")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    use super::*;

    #[test]
    fn a_document_and_its_signature_fit_the_certificate() {
        let (pkcs8, certificate) = IdentityKey::make().unwrap();
        let key = IdentityKey::load(&pkcs8, &certificate).unwrap();
        let (_, parsed) = X509Certificate::from_der(&certificate).unwrap();
        let of_certificate = parsed.public_key().subject_public_key.data.as_ref();
        assert_eq!(of_certificate, key.key.public_key().as_ref());
        let signature = STANDARD.decode(key.bare("{}").replace('\n', "")).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, of_certificate);
        public.verify(b"{}", &signature).unwrap();
        assert!(public.verify(b"{ }", &signature).is_err());

        let der = STANDARD.decode(key.pkcs7("{}").replace('\n', "")).unwrap();
        // Ends with the same signature, and holds the document and who signed it.
        assert_eq!(&der[der.len() - 256..], signature);
        assert!(der.windows(4).any(|bytes| bytes == b"\x04\x02{}"));
        assert!(der.windows(key.issuer.len()).any(|bytes| bytes == key.issuer));
        assert!(key.certificate_pem().starts_with("-----BEGIN CERTIFICATE-----\nMII"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let (pkcs8, certificate) = IdentityKey::make().unwrap();
        assert!(matches!(IdentityKey::load(b"nothing", &certificate), Err(IdentityKeyError::Key(_))));
        assert!(matches!(IdentityKey::load(&pkcs8, b"nothing"), Err(IdentityKeyError::Certificate(_))));
    }
}
