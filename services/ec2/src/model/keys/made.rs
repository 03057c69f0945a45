//! Key pairs that EC2 makes: the private half in the file formats of OpenSSH and PuTTY.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::encoding::{AsBigEndian, AsDer, Curve25519SeedBin, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use x509_parser::der_parser::der::parse_der_sequence;

use super::wire::{plain, push_integer, push_string};
use super::{Algorithm, PublicKey, SSH_ED25519, colons};

const PEM_LINE_CHARS: usize = 64;
const OPENSSH_LINE_CHARS: usize = 70;
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";
const OPENSSH_BLOCK_BYTES: usize = 8;
const PUTTY_MAC_SALT: &[u8] = b"putty-private-key-file-mac-key";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pem,
    Ppk,
}

/// A pair as it leaves this cloud; the private half is not kept.
#[derive(Clone)]
pub struct Made {
    pub public: PublicKey,
    pub material: String,
    pub fingerprint: String,
}

impl std::fmt::Debug for Made {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Made").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// A new pair; nothing where the library cannot make one. Takes up to some tenths of a second for RSA.
pub fn make(algorithm: Algorithm, format: Format, name: &str) -> Option<Made> {
    match algorithm {
        Algorithm::Rsa => rsa(format, name),
        Algorithm::Ed25519 => ed25519(format, name),
    }
}

fn rsa(format: Format, name: &str) -> Option<Made> {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
    let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).ok()?;
    let fingerprint = colons(digest(&SHA1_FOR_LEGACY_USE_ONLY, pkcs8.as_ref()).as_ref());
    let (_, outer) = parse_der_sequence(pkcs8.as_ref()).ok()?;
    let pkcs1 = outer.as_sequence().ok()?.get(2)?.as_slice().ok()?;
    let (_, inner) = parse_der_sequence(pkcs1).ok()?;
    let numbers = inner.as_sequence().ok()?;
    let number = |at: usize| Some(plain(numbers.get(at)?.as_slice().ok()?));
    let public = PublicKey::Rsa { exponent: number(2)?, modulus: number(1)? };
    let material = match format {
        Format::Pem => pem("RSA PRIVATE KEY", pkcs1, PEM_LINE_CHARS),
        Format::Ppk => {
            let mut private = Vec::new();
            for at in [3, 4, 5, 8] {
                push_integer(&mut private, &number(at)?);
            }
            putty(&public, &private, name)
        }
    };
    Some(Made { public, material, fingerprint })
}

fn ed25519(format: Format, name: &str) -> Option<Made> {
    let pair = Ed25519KeyPair::generate().ok()?;
    let seed: Curve25519SeedBin<'_> = pair.seed().ok()?.as_be_bytes().ok()?;
    let key = pair.public_key().as_ref().to_vec();
    let public = PublicKey::Ed25519(key.clone());
    let fingerprint = public.fingerprint();
    let material = match format {
        Format::Pem => openssh(&public, seed.as_ref(), &key, name),
        Format::Ppk => {
            // PuTTY takes the seed for a number with its least byte first, and leaves out zeros at its end.
            let zeros = seed.as_ref().iter().rev().take_while(|byte| **byte == 0).count();
            let mut private = Vec::new();
            push_string(&mut private, &seed.as_ref()[..seed.as_ref().len() - zeros]);
            putty(&public, &private, name)
        }
    };
    Some(Made { public, material, fingerprint })
}

/// OpenSSH's own format (PROTOCOL.key), not encrypted.
fn openssh(public: &PublicKey, seed: &[u8], key: &[u8], comment: &str) -> String {
    let mut private = Vec::new();
    // The same number twice shows that the decryption was right; here is none.
    let check = &key[..4];
    private.extend_from_slice(check);
    private.extend_from_slice(check);
    push_string(&mut private, SSH_ED25519.as_bytes());
    push_string(&mut private, key);
    push_string(&mut private, &[seed, key].concat());
    push_string(&mut private, comment.as_bytes());
    for padding in 1.. {
        if private.len().is_multiple_of(OPENSSH_BLOCK_BYTES) {
            break;
        }
        private.push(padding);
    }
    let mut file = OPENSSH_MAGIC.to_vec();
    for part in ["none", "none", ""] {
        push_string(&mut file, part.as_bytes());
    }
    file.extend_from_slice(&1_u32.to_be_bytes());
    push_string(&mut file, &public.blob());
    push_string(&mut file, &private);
    pem("OPENSSH PRIVATE KEY", &file, OPENSSH_LINE_CHARS)
}

/// PuTTY's format 2, which every version reads, not encrypted ("PPK file format" in PuTTY's manual).
fn putty(public: &PublicKey, private: &[u8], comment: &str) -> String {
    let blob = public.blob();
    let mut covered = Vec::new();
    for part in [public.kind().as_bytes(), b"none", comment.as_bytes(), &blob, private] {
        push_string(&mut covered, part);
    }
    let salt = digest(&SHA1_FOR_LEGACY_USE_ONLY, PUTTY_MAC_SALT);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt.as_ref()), &covered);
    let mac: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let (public_lines, private_lines) = (lines(&blob, PEM_LINE_CHARS), lines(private, PEM_LINE_CHARS));
    format!(
        "PuTTY-User-Key-File-2: {}\nEncryption: none\nComment: {comment}\nPublic-Lines: {}\n{}\nPrivate-Lines: {}\n{}\nPrivate-MAC: {mac}\n",
        public.kind(),
        public_lines.len(),
        public_lines.join("\n"),
        private_lines.len(),
        private_lines.join("\n"),
    )
}

fn pem(label: &str, der: &[u8], line_chars: usize) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines(der, line_chars).join("\n"))
}

fn lines(bytes: &[u8], line_chars: usize) -> Vec<String> {
    let base64 = STANDARD.encode(bytes);
    base64
        .as_bytes()
        .chunks(line_chars)
        .map(|line| line.iter().map(|byte| char::from(*byte)).collect())
        .collect()
}
