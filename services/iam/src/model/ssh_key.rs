//! SSH public keys for Git: RSA of at least 2048 bits, as `ssh-rsa …` or as PEM, and each as the other.
//!
//! Reference: UploadSSHPublicKey; RFC 4253, section 6.6, for the bytes behind `ssh-rsa`.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKeyComponents;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::error::Error;

/// An RSA key's modulus and exponent, big-endian and without zeros before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Ssh,
    Pem,
}

impl Encoding {
    pub fn of(body: &str) -> Encoding {
        if body.trim_start().starts_with(PEM_BEGIN) { Encoding::Pem } else { Encoding::Ssh }
    }
}

const PEM_BEGIN: &str = "-----BEGIN";
const SSH_RSA: &str = "ssh-rsa";
const PEM_LABEL: &str = "PUBLIC KEY";
const PEM_LINE_CHARS: usize = 64;
const MODULUS_BITS_MIN: usize = 2048;
const MODULUS_BITS_MAX: usize = 16_384;

impl SshKey {
    pub fn parse(body: &str) -> Result<SshKey, Error> {
        let body = body.trim();
        let key = if Encoding::of(body) == Encoding::Pem {
            SshKey::from_pem(body).ok_or_else(invalid)?
        } else if let Some((SSH_RSA, rest)) = body.split_once([' ', '\t']) {
            SshKey::from_ssh(rest.split_whitespace().next().unwrap_or_default()).ok_or_else(invalid)?
        } else {
            let message = "The public key encoding is not recognized. Please use ssh-rsa or PEM format.";
            return Err(Error::UnrecognizedPublicKeyEncoding(message.to_owned()));
        };
        if !(MODULUS_BITS_MIN..=MODULUS_BITS_MAX).contains(&key.bits()) || key.exponent.is_empty() {
            return Err(invalid());
        }
        Ok(key)
    }

    fn from_ssh(base64: &str) -> Option<SshKey> {
        let blob = STANDARD.decode(base64).ok()?;
        let mut rest = blob.as_slice();
        let (kind, exponent, modulus) = (field(&mut rest)?, field(&mut rest)?, field(&mut rest)?);
        let is_whole = kind == SSH_RSA.as_bytes() && rest.is_empty();
        is_whole.then(|| SshKey { modulus: plain(modulus), exponent: plain(exponent) })
    }

    fn from_pem(body: &str) -> Option<SshKey> {
        let (rest, pem) = parse_x509_pem(body.as_bytes()).ok()?;
        if pem.label != PEM_LABEL || !rest.iter().all(u8::is_ascii_whitespace) {
            return None;
        }
        let (rest, info) = SubjectPublicKeyInfo::from_der(&pem.contents).ok()?;
        match info.parsed().ok()? {
            PublicKey::RSA(key) if rest.is_empty() => {
                Some(SshKey { modulus: plain(key.modulus), exponent: plain(key.exponent) })
            }
            _ => None,
        }
    }

    fn bits(&self) -> usize {
        let first = self.modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
        self.modulus.len() * 8 - first
    }

    pub fn encode(&self, encoding: Encoding) -> Result<String, Error> {
        match encoding {
            Encoding::Ssh => Ok(self.to_ssh()),
            Encoding::Pem => self.to_pem(),
        }
    }

    /// `ssh-rsa AAAA…`, without a comment.
    fn to_ssh(&self) -> String {
        format!("{SSH_RSA} {}", STANDARD.encode(self.blob()))
    }

    fn to_pem(&self) -> Result<String, Error> {
        let components = PublicKeyComponents { n: &self.modulus, e: &self.exponent };
        let der = components.as_der().map_err(|_| invalid())?;
        let base64 = STANDARD.encode(der.as_ref());
        let lines = base64.as_bytes().chunks(PEM_LINE_CHARS);
        let mut pem = format!("-----BEGIN {PEM_LABEL}-----\n");
        for line in lines {
            pem.extend(line.iter().map(|byte| char::from(*byte)));
            pem.push('\n');
        }
        pem.push_str(&format!("-----END {PEM_LABEL}-----"));
        Ok(pem)
    }

    /// MD5 of the key as SSH writes it: `c9:e2:…`.
    pub fn fingerprint(&self) -> String {
        let digest = Md5::digest(self.blob());
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
    }

    fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        for (bytes, is_number) in [(SSH_RSA.as_bytes(), false), (&self.exponent, true), (&self.modulus, true)]
        {
            // A number whose first bit is set gets a zero before it, since the first bit is the sign.
            let sign = is_number && bytes.first().is_some_and(|byte| byte & 0x80 != 0);
            let length =
                u32::try_from(bytes.len() + usize::from(sign)).expect("keys have a few thousand bytes");
            blob.extend(length.to_be_bytes());
            blob.extend(sign.then_some(0));
            blob.extend(bytes);
        }
        blob
    }
}

fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (value, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    *rest = after;
    Some(value)
}

fn plain(number: &[u8]) -> Vec<u8> {
    number.iter().skip_while(|byte| **byte == 0).copied().collect()
}

fn invalid() -> Error {
    Error::InvalidPublicKey("The public key is malformed or otherwise invalid.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(bits: usize) -> SshKey {
        let mut modulus = vec![0xa5; bits / 8];
        modulus[0] = 0xc1;
        SshKey { modulus, exponent: vec![1, 0, 1] }
    }

    #[test]
    fn a_key_reads_back_from_both_encodings() {
        let key = key(2048);
        for body in [key.to_ssh(), format!(" {} bob@example.com\n", key.to_ssh()), key.to_pem().unwrap()] {
            assert_eq!(SshKey::parse(&body).unwrap(), key, "{body}");
        }
        assert!(key.to_ssh().starts_with("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ"));
        assert_eq!(key.fingerprint().len(), 47);
    }

    #[test]
    fn what_is_no_long_enough_rsa_key_is_refused() {
        let refused = |body: &str| SshKey::parse(body).unwrap_err();
        assert!(matches!(refused("ssh-ed25519 AAAAC3Nz"), Error::UnrecognizedPublicKeyEncoding(_)));
        assert!(matches!(refused("rubbish"), Error::UnrecognizedPublicKeyEncoding(_)));
        let whole = key(2048).to_ssh();
        for bad in
            [&key(1024).to_ssh(), "ssh-rsa A", "ssh-rsa !!!!", &whole[..whole.len() - 8], "-----BEGIN X-----"]
        {
            assert!(matches!(refused(bad), Error::InvalidPublicKey(_)), "{bad}");
        }
    }
}
