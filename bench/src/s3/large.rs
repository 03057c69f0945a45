//! Large objects: one of a gibibyte, written in parts and read at once; and many uploads at a time, for memory.

use std::fs::File;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use md5::{Digest, Md5};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::bucket::{BUCKET, Bucket};
use crate::http::{Connection, Prepared};
use crate::limits::{LARGE_BYTES, PART_BYTES, PARTS_AT_ONCE, UPLOADS_AT_ONCE};
use crate::machine::process::Server;

const KEY: &str = "large";

/// Bytes a second of a multipart upload with several parts under way, from the first request to the last answer.
pub async fn upload(bucket: &Bucket) -> anyhow::Result<f64> {
    let target = format!("/{BUCKET}/{KEY}");
    let answer = bucket.send(Method::POST, &format!("{target}?uploads="), Bytes::new()).await?;
    let id = between(&answer.body, "<UploadId>", "</UploadId>")?;
    let body = Bytes::from(vec![0x5a; PART_BYTES]);
    let prepare = |part: usize| {
        let target = format!("{target}?partNumber={part}&uploadId={id}");
        bucket.signer.prepare(Method::PUT, &target, body.clone())
    };
    let requests: Vec<Prepared> = (1..=LARGE_BYTES / PART_BYTES).map(prepare).collect();
    let parts = requests.len();
    let start = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..PARTS_AT_ONCE {
        let (address, mine) = (bucket.address, requests.iter().skip(worker).step_by(PARTS_AT_ONCE).cloned());
        let mine: Vec<Prepared> = mine.collect();
        workers.spawn(async move {
            let mut connection = Connection::new(address);
            for request in &mine {
                let answer = connection.send(request).await?;
                ensure!(answer.status.is_success(), "a part was refused: {}", answer.status);
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = workers.join_next().await {
        done.context("an upload panicked")??;
    }
    // All parts have the same content, and so the same tag.
    let tag = Md5::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let listed: String = (1..=parts)
        .map(|part| format!("<Part><PartNumber>{part}</PartNumber><ETag>{tag}</ETag></Part>"))
        .collect();
    let list = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>");
    bucket.send(Method::POST, &format!("{target}?uploadId={id}"), Bytes::from(list)).await?;
    Ok(LARGE_BYTES as f64 / start.elapsed().as_secs_f64())
}

/// Bytes a second of one GET of it.
pub async fn download(bucket: &Bucket) -> anyhow::Result<f64> {
    let request = bucket.signer.prepare(Method::GET, &format!("/{BUCKET}/{KEY}"), Bytes::new());
    read(bucket.address, request.to_request()).await
}

/// Bytes a second of one GET of a file as large from the bare server.
pub async fn download_bare(address: SocketAddr) -> anyhow::Result<f64> {
    let request = Request::get("/").header("host", address.to_string()).body(Full::default())?;
    read(address, request).await
}

async fn read(address: SocketAddr, request: Request<Full<Bytes>>) -> anyhow::Result<f64> {
    let start = Instant::now();
    let (mut body, _connection) = exchange(address, request).await?;
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, Bytes::len);
    }
    ensure!(bytes == LARGE_BYTES, "{bytes} bytes came instead of {LARGE_BYTES}");
    Ok(bytes as f64 / start.elapsed().as_secs_f64())
}

/// The answer's body, and the connection it comes on.
async fn exchange<B>(
    address: SocketAddr,
    request: Request<B>,
) -> anyhow::Result<(Incoming, JoinSet<hyper::Result<()>>)>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = response.into_body();
    if !status.is_success() {
        let text = body.collect().await?.to_bytes();
        bail!("a request was refused: {status} {}", String::from_utf8_lossy(&text));
    }
    Ok((body, driver))
}

/// The same on the disk alone: bytes a second of sequential writes of parts, each with MD5 and CRC-32C taken and synced.
/// Blocks.
pub fn write_file(path: &Path) -> anyhow::Result<f64> {
    let part = vec![0x5a; PART_BYTES];
    let mut file = File::create(path)?;
    let start = Instant::now();
    for _ in 0..LARGE_BYTES / PART_BYTES {
        std::hint::black_box((Md5::digest(&part), crc32c::crc32c(&part)));
        file.write_all(&part)?;
        rustix::fs::fdatasync(&file)?;
    }
    Ok(LARGE_BYTES as f64 / start.elapsed().as_secs_f64())
}

/// The most memory that the server takes, above `idle_bytes`, while many uploads of a gibibyte each are under way. They
/// are cut off when the time is over.
pub async fn memory_of_uploads(
    bucket: &Bucket,
    server: &Server,
    idle_bytes: u64,
    time: Duration,
) -> anyhow::Result<u64> {
    let mut uploads = JoinSet::new();
    for number in 0..UPLOADS_AT_ONCE {
        let target = format!("/{BUCKET}/memory/{number}");
        let prepared = bucket.signer.prepare_unsigned(Method::PUT, &target, LARGE_BYTES as u64);
        let piece = Bytes::from(vec![0x5a; 64 << 10]);
        let pieces = stream::repeat_with(move || anyhow::Ok(Frame::data(piece.clone())));
        let request = prepared.with_body(StreamBody::new(stream::StreamExt::boxed(pieces)));
        let address = bucket.address;
        uploads.spawn(async move { exchange(address, request).await.map(drop) });
    }
    let start = Instant::now();
    let mut most = 0;
    while start.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(50)).await;
        most = most.max(server.resident_bytes());
        if let Some(ended) = uploads.try_join_next() {
            ended.context("an upload panicked")??;
        }
    }
    uploads.shutdown().await;
    Ok(most.saturating_sub(idle_bytes))
}

fn between(body: &[u8], before: &str, after: &str) -> anyhow::Result<String> {
    let text = std::str::from_utf8(body)?;
    let found = text.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    Ok(found.with_context(|| format!("no {before} in {text}"))?.0.to_owned())
}
