//! Key pairs for SSH: the public half as it is imported, shown and given to instances; the private half as it is handed
//! out once, when EC2 makes the pair.
//!
//! Surprising: fingerprints differ by origin. A made RSA key is known by the SHA-1 of its private half (PKCS#8), an
//! imported one by the MD5 of its public half, ED25519 keys by SSH's own SHA-256 ("Verify the fingerprint of your key
//! pair").

mod made;
mod wire;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::PublicKeyComponents;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;

pub use made::{Format, make};

use crate::limits::{KEY_MATERIAL_BYTES_MAX, KEY_NAME_CHARS_MAX};
use wire::{field, plain, push_integer, push_string};

const SSH_RSA: &str = "ssh-rsa";
const SSH_ED25519: &str = "ssh-ed25519";
const RFC4716_BEGIN: &str = "---- BEGIN SSH2 PUBLIC KEY ----";
const RFC4716_END: &str = "---- END SSH2 PUBLIC KEY ----";
/// "Supported lengths: 1024, 2048, and 4096", and what lies between them works too.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Rsa,
    Ed25519,
}

/// The half that may be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// Big-endian, without zeros before.
    Rsa {
        exponent: Vec<u8>,
        modulus: Vec<u8>,
    },
    Ed25519(Vec<u8>),
}

impl PublicKey {
    /// What ImportKeyPair takes: a line of OpenSSH's, the file of RFC 4716, or DER in base64.
    pub fn parse(material: &[u8]) -> Option<PublicKey> {
        if material.len() > KEY_MATERIAL_BYTES_MAX {
            return None;
        }
        let text = std::str::from_utf8(material).ok()?.trim();
        let key = if text.starts_with(RFC4716_BEGIN) {
            PublicKey::from_blob(&STANDARD.decode(rfc4716_body(text)?).ok()?)?
        } else if let Some((_, rest)) = text.split_once([' ', '\t']).filter(|(kind, _)| is_ssh_kind(kind)) {
            PublicKey::from_blob(&STANDARD.decode(rest.split_whitespace().next()?).ok()?)?
        } else {
            let compact: String = text.split_whitespace().collect();
            PublicKey::from_der(&STANDARD.decode(compact).ok()?)?
        };
        key.is_supported().then_some(key)
    }

    fn from_blob(blob: &[u8]) -> Option<PublicKey> {
        let mut rest = blob;
        let kind = field(&mut rest)?;
        let key = if kind == SSH_RSA.as_bytes() {
            let (exponent, modulus) = (field(&mut rest)?, field(&mut rest)?);
            PublicKey::Rsa { exponent: plain(exponent), modulus: plain(modulus) }
        } else if kind == SSH_ED25519.as_bytes() {
            PublicKey::Ed25519(field(&mut rest)?.to_vec())
        } else {
            return None;
        };
        rest.is_empty().then_some(key)
    }

    fn from_der(der: &[u8]) -> Option<PublicKey> {
        let (rest, info) = SubjectPublicKeyInfo::from_der(der).ok()?;
        match info.parsed().ok()? {
            Parsed::RSA(key) if rest.is_empty() => {
                Some(PublicKey::Rsa { exponent: plain(key.exponent), modulus: plain(key.modulus) })
            }
            _ => None,
        }
    }

    fn is_supported(&self) -> bool {
        match self {
            PublicKey::Rsa { exponent, modulus } => {
                let unused = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
                !exponent.is_empty() && RSA_BITS.contains(&(modulus.len() * 8 - unused))
            }
            PublicKey::Ed25519(key) => key.len() == 32,
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        match self {
            PublicKey::Rsa { .. } => Algorithm::Rsa,
            PublicKey::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            PublicKey::Rsa { .. } => SSH_RSA,
            PublicKey::Ed25519(_) => SSH_ED25519,
        }
    }

    /// As SSH sends it (RFC 4253, section 6.6; RFC 8709).
    fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        push_string(&mut blob, self.kind().as_bytes());
        match self {
            PublicKey::Rsa { exponent, modulus } => {
                push_integer(&mut blob, exponent);
                push_integer(&mut blob, modulus);
            }
            PublicKey::Ed25519(key) => push_string(&mut blob, key),
        }
        blob
    }

    /// One line for `authorized_keys`.
    pub fn to_line(&self, comment: &str) -> String {
        format!("{} {} {comment}", self.kind(), STANDARD.encode(self.blob()))
    }

    /// The fingerprint of a pair that was imported.
    pub fn fingerprint(&self) -> String {
        match self {
            PublicKey::Rsa { exponent, modulus } => {
                let components = PublicKeyComponents { n: modulus, e: exponent };
                let der = AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(&components);
                der.map(|der| colons(&Md5::digest(der.as_ref()))).unwrap_or_default()
            }
            PublicKey::Ed25519(_) => STANDARD.encode(digest(&SHA256, &self.blob())),
        }
    }
}

/// `c9:e2:…`
fn colons(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn is_ssh_kind(kind: &str) -> bool {
    kind == SSH_RSA || kind == SSH_ED25519
}

/// The base64 between the marks and after the headers, some of which go over several lines.
fn rfc4716_body(text: &str) -> Option<String> {
    let inner = text.strip_prefix(RFC4716_BEGIN)?.split(RFC4716_END).next()?;
    let mut body = String::new();
    let mut in_header = false;
    for line in inner.lines().map(str::trim) {
        if in_header || line.contains(':') {
            in_header = line.ends_with('\\');
        } else {
            body.push_str(line);
        }
    }
    Some(body)
}

/// Names have up to 255 ASCII characters, and no spaces at their ends.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= KEY_NAME_CHARS_MAX && name.is_ascii() && name.trim() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzvfE+qS09w+okgrO0gY7jryF0lSCxdEO/O0UaUhuZe algo@ssh";

    #[test]
    fn every_form_of_a_public_key_reads_as_the_same_key() {
        let key = PublicKey::parse(LINE.as_bytes()).unwrap();
        assert_eq!(key.algorithm(), Algorithm::Ed25519);
        assert_eq!(key.to_line("algo@ssh"), LINE);
        let body = LINE.split(' ').nth(1).unwrap();
        let file = format!(
            "{RFC4716_BEGIN}\nComment: \"a\\\nb\"\n{}\n{}\n{RFC4716_END}\n",
            &body[..40],
            &body[40..]
        );
        assert_eq!(PublicKey::parse(file.as_bytes()), Some(key));
    }

    #[test]
    fn what_is_no_public_key_is_refused() {
        for material in [
            "",
            "ssh-rsa",
            "ssh-rsa AAAA",
            "ssh-dss AAAAB3NzaC1kc3M=",
            "bm8=",
            "-----BEGIN RSA PRIVATE KEY-----",
        ] {
            assert_eq!(PublicKey::parse(material.as_bytes()), None, "{material}");
        }
    }

    #[test]
    fn a_made_key_reads_back_as_what_was_made() {
        for algorithm in [Algorithm::Rsa, Algorithm::Ed25519] {
            let made = make(algorithm, Format::Pem, "web").unwrap();
            let line = made.public.to_line("web");
            assert_eq!(PublicKey::parse(line.as_bytes()), Some(made.public.clone()));
            let putty = make(algorithm, Format::Ppk, "web").unwrap();
            assert!(putty.material.starts_with("PuTTY-User-Key-File-2: ssh-"), "{}", putty.material);
        }
        let rsa = make(Algorithm::Rsa, Format::Pem, "web").unwrap();
        assert!(rsa.material.starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        assert_eq!(rsa.fingerprint.len(), 59);
        let edwards = make(Algorithm::Ed25519, Format::Pem, "web").unwrap();
        assert!(edwards.material.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        assert_eq!(edwards.fingerprint.len(), 44);
    }

    #[test]
    fn names_are_ascii_and_end_without_spaces() {
        for (name, good) in [("web", true), ("a b", true), (" a", false), ("", false), ("ü", false)] {
            assert_eq!(is_name(name), good, "{name}");
        }
        assert!(!is_name(&"x".repeat(256)));
    }
}
