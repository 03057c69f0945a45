//! What the vault costs on top of the cryptographic library itself: keys are found by the hash of their sealed form, and
//! must not be opened and parsed for every use.

use std::hint::black_box;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair,
    RsaSignatureEncoding,
};
use criterion::{Criterion, criterion_group, criterion_main};
use fogbank_vault::{KeySpec, MasterKey, Message, SealedKey, SigningAlgorithm, Vault};

const MESSAGE: &[u8] = &[7; 1024];

fn vault() -> Vault {
    Vault::new(MasterKey::generate())
}

fn rsa(c: &mut Criterion) {
    let vault = vault();
    let (private, _) = vault.key_pair(KeySpec::Rsa2048).expect("a key pair can be made");
    let new = vault.import(KeySpec::Rsa2048, b"bench", &private).expect("a key pair can be imported");
    let key = SealedKey { spec: KeySpec::Rsa2048, sealed: &new.sealed, bound_to: b"bench" };
    let bare = RsaKeyPair::from_pkcs8(&private).expect("a key pair is PKCS #8");
    let random = SystemRandom::new();
    let mut group = c.benchmark_group("RSA-2048 sign");
    let algorithms: [(&str, SigningAlgorithm, &'static RsaSignatureEncoding); 2] = [
        ("PKCS1", SigningAlgorithm::RsassaPkcs1V15Sha256, &RSA_PKCS1_SHA256),
        ("PSS", SigningAlgorithm::RsassaPssSha256, &RSA_PSS_SHA256),
    ];
    for (name, algorithm, encoding) in algorithms {
        group.bench_function(format!("{name} vault"), |b| {
            b.iter(|| vault.sign(black_box(&key), algorithm, Message::Raw(MESSAGE)).expect("it signs"));
        });
        group.bench_function(format!("{name} library"), |b| {
            b.iter(|| {
                let mut signature = vec![0; bare.public_modulus_len()];
                bare.sign(encoding, &random, black_box(MESSAGE), &mut signature).expect("it signs");
                signature
            });
        });
    }
    group.bench_function("PKCS1 vault, key not ready", |b| {
        b.iter(|| {
            vault.forget(&key);
            vault.sign(&key, SigningAlgorithm::RsassaPkcs1V15Sha256, Message::Raw(MESSAGE)).expect("it signs")
        });
    });
    group.finish();
}

fn ecdsa(c: &mut Criterion) {
    let vault = vault();
    let (private, _) = vault.key_pair(KeySpec::EccNistP256).expect("a key pair can be made");
    let new = vault.import(KeySpec::EccNistP256, b"bench", &private).expect("a key pair can be imported");
    let key = SealedKey { spec: KeySpec::EccNistP256, sealed: &new.sealed, bound_to: b"bench" };
    let bare = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &private).expect("PKCS #8");
    let random = SystemRandom::new();
    let mut group = c.benchmark_group("ECDSA P-256 sign");
    group.bench_function("vault", |b| {
        b.iter(|| {
            vault
                .sign(black_box(&key), SigningAlgorithm::EcdsaSha256, Message::Raw(MESSAGE))
                .expect("it signs")
        });
    });
    group.bench_function("library", |b| {
        b.iter(|| bare.sign(&random, black_box(MESSAGE)).expect("it signs"));
    });
    group.finish();
}

fn aes(c: &mut Criterion) {
    let vault = vault();
    let material = vault.random(32);
    let new = vault.import(KeySpec::SymmetricDefault, b"bench", &material).expect("32 bytes can be imported");
    let key = SealedKey { spec: KeySpec::SymmetricDefault, sealed: &new.sealed, bound_to: b"bench" };
    let bare = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &material).expect("32 bytes are a key"));
    let mut group = c.benchmark_group("AES-256-GCM 1 KiB");
    group.bench_function("encrypt vault", |b| {
        b.iter(|| vault.encrypt(black_box(&key), b"context", MESSAGE).expect("it encrypts"));
    });
    group.bench_function("encrypt library", |b| {
        b.iter(|| {
            let mut nonce = [0; 12];
            aws_lc_rs::rand::fill(&mut nonce).expect("there is randomness");
            let mut message = MESSAGE.to_vec();
            let nonce = Nonce::assume_unique_for_key(nonce);
            bare.seal_in_place_append_tag(nonce, Aad::from(b"context"), &mut message).expect("it encrypts");
            message
        });
    });
    let ciphertext = vault.encrypt(&key, b"context", MESSAGE).expect("it encrypts");
    group.bench_function("decrypt vault", |b| {
        b.iter(|| vault.decrypt(black_box(&key), b"context", &ciphertext).expect("it decrypts"));
    });
    let sealed = vault.seal("bench", b"context", MESSAGE);
    group.bench_function("seal vault", |b| b.iter(|| vault.seal("bench", b"context", black_box(MESSAGE))));
    group.bench_function("open vault", |b| {
        b.iter(|| vault.open("bench", b"context", black_box(&sealed)).expect("it opens"));
    });
    group.finish();
}

criterion_group!(benches, rsa, ecdsa, aes);
criterion_main!(benches);
