//! How many signed calls of an operation that does nothing the gateway answers in a second, and how many requests
//! a bare server of the same HTTP library answers to the same client in the same process.
//!
//! Run with `cargo run --release -p fogbank-gateway --example noop_rate [connections] [seconds]`. Each connection
//! sends its next request when the last one was answered. The client shares the machine, so that the ratio is what
//! counts. The log is off, as it is at the level `warn`.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a tool for developers")]
#![allow(clippy::disallowed_methods, reason = "it measures, and has nothing to drain")]
#![allow(dead_code, reason = "the modules of the tests hold more than is used here")]

#[path = "../tests/gateway/apis.rs"]
mod apis;
#[path = "../tests/gateway/client.rs"]
mod client;
#[path = "../tests/gateway/cloud.rs"]
mod cloud;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use client::Ask;
use cloud::Cloud;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<u64>().unwrap());
    let connections = arguments.next().unwrap_or(64) as usize;
    let seconds = arguments.next().unwrap_or(5);
    let text = "x".repeat(1024);
    let json = Ask::json("Echo", &format!("{{\"Text\":\"{text}\"}}")).signed().bytes();
    let query = Ask::form(&format!("Action=Echo&Version=2012-11-05&Text={text}")).signed().bytes();
    let cloud = Cloud::start().await;
    let bare = bare().await;
    let mut rates = Vec::new();
    // Twice, since the first round also warms up.
    for _ in 0..2 {
        rates.clear();
        for (name, address, request) in [
            ("bare hyper", bare, &json),
            ("signed JSON", cloud.address, &json),
            ("signed Query", cloud.address, &query),
        ] {
            let (rate, cpu) = measure(address, request, connections, Duration::from_secs(seconds)).await;
            rates.push((name, rate, cpu));
        }
    }
    for (name, rate, cpu) in &rates {
        let share = 100.0 * rate / rates[0].1;
        println!(
            "{name:<14} {rate:>8.0} requests/s  {share:>4.0} %  {cpu:>5.1} µs of CPU each, client included"
        );
    }
}

/// A server that reads the body and answers with as many bytes.
async fn bare() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            tokio::spawn(async move {
                let answer = service_fn(|request: http::Request<hyper::body::Incoming>| async {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    Ok::<_, Infallible>(http::Response::new(Full::<Bytes>::from(body)))
                });
                let server = hyper::server::conn::http1::Builder::new();
                server.serve_connection(TokioIo::new(stream), answer).await.ok();
            });
        }
    });
    address
}

/// Requests a second, and microseconds of CPU a request.
async fn measure(address: SocketAddr, request: &[u8], connections: usize, time: Duration) -> (f64, f64) {
    let answered = Arc::new(AtomicU64::new(0));
    let (began, cpu_before) = (Instant::now(), cpu_seconds());
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (request, answered) = (request.to_vec(), Arc::clone(&answered));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await.unwrap();
                stream.set_nodelay(true).unwrap();
                stream.write_all(&request).await.unwrap();
                // All answers have one length, so that the client need not read them closely.
                let mut buffer = vec![0; 16 * 1024];
                let length = first_answer(&mut stream, &mut buffer).await;
                while began.elapsed() < time {
                    stream.write_all(&request).await.unwrap();
                    stream.read_exact(&mut buffer[..length]).await.unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let count = answered.load(Ordering::Relaxed) as f64;
    (count / began.elapsed().as_secs_f64(), (cpu_seconds() - cpu_before) * 1e6 / count)
}

async fn first_answer(stream: &mut TcpStream, buffer: &mut [u8]) -> usize {
    let mut length = 0;
    loop {
        length += stream.read(&mut buffer[length..]).await.unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            assert!(head.starts_with("HTTP/1.1 200"), "{text}");
            let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == announced.parse::<usize>().unwrap() {
                return length;
            }
        }
    }
}

/// User and system time of this process.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // The kernel counts in hundredths of a second.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
