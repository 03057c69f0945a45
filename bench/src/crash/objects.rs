//! Objects in the crash test. Every worker has keys of its own, so it knows what each must hold: what was acknowledged
//! last or, where the server was killed before it answered, that or what was under way. Whatever is read must be one of
//! the two, and whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use anyhow::{Context, ensure};
use base::Ids;
use bytes::Bytes;
use http::{Method, StatusCode};
use md5::{Digest, Md5};
use tokio::task::JoinSet;

use crate::http::{Connection, S3Signer};

const BUCKET: &str = "crash";
const WORKERS: usize = 6;
const KEYS: u64 = 40;

/// Of objects that are put: empty, packed with others, and in files of their own.
const SIZES: [usize; 6] = [0, 100, 4_096, 100_000, 700_000, 1_500_000];
/// Of the first part of an upload, the least that S3 takes.
const PART_BYTES: usize = 5 << 20;

/// What a key may hold: nothing, or the content that a number stands for.
type Value = Option<Content>;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Content {
    seed: u64,
    bytes: usize,
}

/// What a worker knows of its keys.
#[derive(Default)]
struct Known {
    keys: BTreeMap<u64, State>,
}

#[derive(Clone, Copy, Default)]
struct State {
    acknowledged: Value,
    /// What was asked for and not answered.
    under_way: Option<Value>,
}

/// The workers' knowledge, which outlives the server.
#[derive(Clone)]
pub struct Objects {
    known: Arc<Vec<Mutex<Known>>>,
    faults: Arc<Mutex<Vec<String>>>,
}

impl Objects {
    pub fn none() -> Objects {
        let known = (0..WORKERS).map(|_| Mutex::default()).collect();
        Objects { known: Arc::new(known), faults: Arc::default() }
    }

    pub fn fault(&self) -> Option<String> {
        self.faults.lock().expect("no worker panicked").first().cloned()
    }

    /// Makes the bucket; it is there from the second round on.
    pub async fn create_bucket(&self, address: SocketAddr) -> anyhow::Result<()> {
        let request = S3Signer::dev(address).prepare(Method::PUT, &format!("/{BUCKET}"), Bytes::new());
        let answer = Connection::new(address).send(&request).await?;
        ensure!(answer.status.is_success(), "the bucket cannot be made: {}", answer.status);
        Ok(())
    }

    pub fn start(&self, address: SocketAddr, workers: &mut JoinSet<()>, ids: &Ids) {
        for number in 0..WORKERS {
            let worker = Worker::new(self.clone(), number, address);
            workers.spawn(worker.work(ids.clone()));
        }
    }

    fn there(&self, worker: usize) -> usize {
        let known = self.known[worker].lock().expect("no worker panicked");
        known.keys.values().filter(|state| state.acknowledged.is_some()).count()
    }

    /// Reads every key once more, and compares what is listed with what is there.
    pub async fn finish(&self, address: SocketAddr) -> anyhow::Result<String> {
        let mut listed = 0;
        for number in 0..WORKERS {
            let mut worker = Worker::new(self.clone(), number, address);
            let keys: Vec<u64> =
                self.known[number].lock().expect("no worker panicked").keys.keys().copied().collect();
            for key in keys {
                worker.check(key).await?;
            }
            let there = self.there(number);
            let found = worker.list().await?;
            ensure!(found == there, "worker {number} has {there} objects, and {found} are listed");
            listed += found;
        }
        Ok(format!("objects: {listed} are there, each as it was acknowledged"))
    }
}

struct Worker {
    objects: Objects,
    number: usize,
    signer: S3Signer,
    connection: Connection,
}

impl Worker {
    fn new(objects: Objects, number: usize, address: SocketAddr) -> Worker {
        let (signer, connection) = (S3Signer::dev(address), Connection::new(address));
        Worker { objects, number, signer, connection }
    }

    /// Goes on until the connection breaks, which is how the kill looks from here.
    async fn work(mut self, ids: Ids) {
        while self.step(&ids).await.is_ok() {}
    }

    async fn step(&mut self, ids: &Ids) -> anyhow::Result<()> {
        let key = ids.below(KEYS);
        if self.state(key).under_way.is_some() || ids.below(4) == 0 {
            return self.check(key).await;
        }
        let content = Content { seed: ids.number(), bytes: SIZES[ids.below(SIZES.len() as u64) as usize] };
        match ids.below(30) {
            0..5 => self.change(key, None, |worker| Box::pin(worker.delete(key))).await,
            5 => {
                let content = Content { bytes: PART_BYTES + 1000, ..content };
                self.change(key, Some(content), |worker| Box::pin(worker.upload(key, content))).await
            }
            _ => self.change(key, Some(content), |worker| Box::pin(worker.put(key, content))).await,
        }
    }

    async fn change(
        &mut self,
        key: u64,
        value: Value,
        change: impl for<'w> FnOnce(&'w mut Worker) -> futures_util::future::BoxFuture<'w, anyhow::Result<()>>,
    ) -> anyhow::Result<()> {
        let before = self.state(key).acknowledged;
        self.know(key, State { acknowledged: before, under_way: Some(value) });
        change(self).await?;
        self.know(key, State { acknowledged: value, under_way: None });
        Ok(())
    }

    async fn put(&mut self, key: u64, content: Content) -> anyhow::Result<()> {
        self.send(Method::PUT, &self.target(key), content.body()).await.map(drop)
    }

    async fn delete(&mut self, key: u64) -> anyhow::Result<()> {
        self.send(Method::DELETE, &self.target(key), Bytes::new()).await.map(drop)
    }

    async fn upload(&mut self, key: u64, content: Content) -> anyhow::Result<()> {
        let (target, body) = (self.target(key), content.body());
        let answer = self.send(Method::POST, &format!("{target}?uploads="), Bytes::new()).await?;
        let text = String::from_utf8(answer.to_vec())?;
        let id = text.split_once("<UploadId>").and_then(|(_, rest)| rest.split_once("</UploadId>"));
        let id = id.with_context(|| format!("no upload id in {text}"))?.0;
        let mut listed = String::new();
        for (part, piece) in [(1, body.slice(..PART_BYTES)), (2, body.slice(PART_BYTES..))] {
            let tag: String = Md5::digest(&piece).iter().map(|byte| format!("{byte:02x}")).collect();
            self.send(Method::PUT, &format!("{target}?partNumber={part}&uploadId={id}"), piece).await?;
            listed += &format!("<Part><PartNumber>{part}</PartNumber><ETag>{tag}</ETag></Part>");
        }
        let list = format!("<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>");
        self.send(Method::POST, &format!("{target}?uploadId={id}"), Bytes::from(list)).await.map(drop)
    }

    /// Reads a key, and holds it against what it may be. From then on it is that.
    async fn check(&mut self, key: u64) -> anyhow::Result<()> {
        let request = self.signer.prepare(Method::GET, &self.target(key), Bytes::new());
        let answer = self.connection.send(&request).await?;
        let State { acknowledged, under_way } = self.state(key);
        let found = match answer.status {
            StatusCode::OK => Some(&answer.body),
            StatusCode::NOT_FOUND => None,
            status => {
                let text = String::from_utf8_lossy(&answer.body);
                self.fault(format!("reading key {key} gave {status}: {text}"));
                return Ok(());
            }
        };
        let is = |value: &Value| match (value, found) {
            (Some(content), Some(body)) => content.body() == *body,
            (None, None) => true,
            _ => false,
        };
        match [Some(acknowledged), under_way].into_iter().flatten().find(is) {
            Some(value) => self.know(key, State { acknowledged: value, under_way: None }),
            None => {
                let found = found.map(Bytes::len);
                self.fault(format!(
                    "key {key} holds {found:?} bytes that are not {acknowledged:?} nor {under_way:?}"
                ));
            }
        }
        Ok(())
    }

    async fn list(&mut self) -> anyhow::Result<usize> {
        let target = format!("/{BUCKET}?list-type=2&prefix={}%2F", self.number);
        let text = String::from_utf8(self.send(Method::GET, &target, Bytes::new()).await?.to_vec())?;
        Ok(text.matches("<Key>").count())
    }

    async fn send(&mut self, method: Method, target: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let answer = self.connection.send(&self.signer.prepare(method.clone(), target, body)).await?;
        if !answer.status.is_success() {
            let text = String::from_utf8_lossy(&answer.body);
            self.fault(format!("{method} {target} was refused: {} {text}", answer.status));
        }
        ensure!(answer.status.is_success(), "refused");
        Ok(answer.body)
    }

    fn target(&self, key: u64) -> String {
        format!("/{BUCKET}/{}/{key:03}", self.number)
    }

    fn state(&self, key: u64) -> State {
        let known = self.objects.known[self.number].lock().expect("no worker panicked");
        known.keys.get(&key).copied().unwrap_or_default()
    }

    fn know(&self, key: u64, state: State) {
        self.objects.known[self.number].lock().expect("no worker panicked").keys.insert(key, state);
    }

    fn fault(&self, what: String) {
        let fault = format!("worker {}: {what}", self.number);
        self.objects.faults.lock().expect("no worker panicked").push(fault);
    }
}

impl Content {
    fn body(&self) -> Bytes {
        let mut state = self.seed | 1;
        let mut bytes = Vec::with_capacity(self.bytes + 8);
        while bytes.len() < self.bytes {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            bytes.extend_from_slice(&state.to_le_bytes());
        }
        bytes.truncate(self.bytes);
        Bytes::from(bytes)
    }
}
