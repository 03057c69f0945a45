//! What one verification costs: a SendMessage of 1 KiB, with the hash of its body and the lookup of its key.
#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use base::Timestamp;
use criterion::{Criterion, criterion_group, criterion_main};
use fogbank_identity::sigv4::{
    AccessKeyId, Body, Credentials, PathRule, RequestParts, Rules, SecretAccessKey, SigningKeyCache,
    SigningScope, authorization, sign,
};
use http::{HeaderMap, HeaderValue};

const NOW: Timestamp = Timestamp::from_secs(1_795_301_453);

fn verify(bench: &mut Criterion) {
    let credentials = Credentials {
        access_key_id: AccessKeyId::parse("AKIAIOSFODNN7EXAMPLE").expect("a plain key"),
        secret_access_key: SecretAccessKey::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        session_token: None,
    };
    let queue = "http://localhost:4566/000000000000/orders";
    let body = format!("{{\"QueueUrl\": \"{queue}\", \"MessageBody\": \"{}\"}}", "x".repeat(1024));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "localhost:4566"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "AmazonSQS.SendMessage"),
        ("user-agent", "Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python#3.11"),
        ("x-amzn-query-mode", "true"),
        ("amz-sdk-invocation-id", "1b0a8e8e-4a3c-4b8c-9a0e-0a7c6f4d2b1e"),
        ("amz-sdk-request", "attempt=1"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let scope = SigningScope::new("sqs", "us-east-1", PathRule::Normalised);
    let unsigned = RequestParts { method: "POST", path: "/", query: "", headers: &headers, authority: None };
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, body.as_bytes());
    let payload: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let signed = sign(&unsigned, &credentials, &scope, &payload, NOW).expect("plain headers");
    let mut all = headers.clone();
    all.extend(signed.headers);
    let request = RequestParts { headers: &all, ..unsigned };

    let cache = SigningKeyCache::new();
    bench.bench_function("verify a SendMessage of 1 KiB", |bencher| {
        bencher.iter(|| {
            let presented = authorization::parse(black_box(request)).expect("signed").expect("not anonymous");
            let body = Body::Bytes(body.as_bytes());
            let secret = Some(&credentials.secret_access_key);
            presented.verify(secret, &cache, body, NOW, &Rules::SQS).expect("a good signature").region
        });
    });
    bench.bench_function("of that, the hash of the body", |bencher| {
        bencher.iter(|| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, black_box(body.as_bytes())));
    });
    bench.bench_function("of that, reading the headers", |bencher| {
        bencher.iter(|| authorization::parse(black_box(request)).expect("signed").is_some());
    });
}

criterion_group!(benches, verify);
criterion_main!(benches);
