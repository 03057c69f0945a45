//! How long objects take to be put, got and headed without network and disk, for profilers:
//! `cargo run --profile dist -p fogbank-s3 --example put_get -- 4096 100000`.

use std::time::Instant;

use bytes::Bytes;
use s3_api::{
    CreateBucket, CreateBucketInput, GetObject, GetObjectInput, HeadObject, HeadObjectInput, PutObject,
    PutObjectInput,
};
use schema::ByteStream;
use testkit::Cloud;

const BUCKET: &str = "profiled";
/// Keys are used again, so that memory stays as it is.
const KEYS: usize = 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse::<usize>().ok());
    let (bytes, rounds) = (arguments.next().unwrap_or(4096), arguments.next().unwrap_or(10_000));
    let cloud = Cloud::new(1).await;
    let bucket = CreateBucketInput { bucket: BUCKET.to_owned(), ..CreateBucketInput::default() };
    cloud.call(CreateBucket, bucket).await.expect("an empty cloud has room for a bucket");
    let content = Bytes::from(vec![7; bytes]);
    let key = |round: usize| format!("folder/key-{:04}", round % KEYS);

    let begin = Instant::now();
    for round in 0..rounds.max(KEYS) {
        let body = Some(ByteStream::from(content.clone()));
        let input =
            PutObjectInput { bucket: BUCKET.to_owned(), key: key(round), body, ..PutObjectInput::default() };
        cloud.call(PutObject, input).await.expect("memory takes it");
    }
    report("put", begin, rounds.max(KEYS));

    let begin = Instant::now();
    for round in 0..rounds {
        let input =
            GetObjectInput { bucket: BUCKET.to_owned(), key: key(round), ..GetObjectInput::default() };
        let output = cloud.call(GetObject, input).await.expect("it was put");
        assert_eq!(output.content_length, i64::try_from(bytes).ok());
    }
    report("get", begin, rounds);

    let begin = Instant::now();
    for round in 0..rounds {
        let input =
            HeadObjectInput { bucket: BUCKET.to_owned(), key: key(round), ..HeadObjectInput::default() };
        cloud.call(HeadObject, input).await.expect("it was put");
    }
    report("head", begin, rounds);
}

#[expect(clippy::print_stdout, reason = "it is what the example is for")]
fn report(what: &str, begin: Instant, rounds: usize) {
    println!("{what}: {:.2} µs", begin.elapsed().as_secs_f64() * 1e6 / rounds as f64);
}
