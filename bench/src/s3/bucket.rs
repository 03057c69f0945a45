//! A bucket with small objects, and the requests that write and read them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use http::Method;

use crate::http::{Answer, Connection, Load, Measured, Prepared, S3Signer};
use crate::limits::{OBJECT_BYTES, POOL_OBJECTS, START_TIME_MAX};

pub const BUCKET: &str = "bench";

pub struct Bucket {
    pub address: SocketAddr,
    pub signer: S3Signer,
}

impl Bucket {
    pub async fn create(address: SocketAddr) -> anyhow::Result<Bucket> {
        let bucket = Bucket { address, signer: S3Signer::dev(address) };
        // Some peers listen before they can do anything.
        let start = Instant::now();
        loop {
            match bucket.send(Method::PUT, &format!("/{BUCKET}"), Bytes::new()).await {
                Ok(_) => return Ok(bucket),
                Err(error) if start.elapsed() > START_TIME_MAX => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    /// One request on a connection of its own; anything but a success is an error.
    pub async fn send(&self, method: Method, target: &str, body: Bytes) -> anyhow::Result<Answer> {
        let request = self.signer.prepare(method.clone(), target, body);
        let answer = Connection::new(self.address).send(&request).await?;
        let text = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]);
        ensure!(answer.status.is_success(), "{method} {target} was refused: {} {text}", answer.status);
        Ok(answer)
    }

    /// Puts of new objects: as many as are asked for, no key twice.
    pub fn puts(&self, first: usize, count: usize) -> Arc<Vec<Prepared>> {
        let prepare = |number| self.signer.prepare(Method::PUT, &target(number), body(number));
        Arc::new((first..first + count).map(prepare).collect())
    }

    /// Gets of the first objects.
    pub fn gets(&self) -> Arc<Vec<Prepared>> {
        let prepare = |number| self.signer.prepare(Method::GET, &target(number), Bytes::new());
        Arc::new((0..POOL_OBJECTS).map(prepare).collect())
    }

    /// The objects that are read later, each compared with what was put.
    pub async fn fill(&self, connections: usize) -> anyhow::Result<()> {
        let requests = self.puts(0, POOL_OBJECTS);
        let load = Load {
            connections,
            requests_max: requests.len(),
            ..Load::of(self.address, requests, crate::limits::FILL_TIME_MAX)
        };
        load.run("objects to read").await?.checked()?;
        for number in [0, POOL_OBJECTS / 2, POOL_OBJECTS - 1] {
            let answer = self.send(Method::GET, &target(number), Bytes::new()).await?;
            ensure!(answer.body == body(number), "object {number} reads back as something else");
        }
        Ok(())
    }

    /// As fast as so many connections are answered.
    pub async fn load(
        &self,
        what: &str,
        requests: Arc<Vec<Prepared>>,
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        let load = Load { connections, ..Load::of(self.address, requests, time) };
        load.run_warm(what).await
    }

    /// New objects, until the time or the requests are over.
    pub async fn load_puts(
        &self,
        first: usize,
        count: usize,
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        let requests = self.puts(first, count);
        let requests_max = requests.len();
        let load = Load { connections, requests_max, ..Load::of(self.address, requests, time) };
        load.run("PUT of 4 KiB").await?.checked()
    }
}

fn target(number: usize) -> String {
    format!("/{BUCKET}/objects/{:03}/{number:08}", number % 1000)
}

/// Different for each object, so that nothing can be found out to be the same.
fn body(number: usize) -> Bytes {
    let mut bytes = vec![0; OBJECT_BYTES];
    let mut state = number as u64 + 1;
    for byte in &mut bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = (state >> 56) as u8;
    }
    Bytes::from(bytes)
}
