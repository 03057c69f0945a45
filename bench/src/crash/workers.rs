//! The clients of the crash test. Each goes on until its connection breaks, which is how the kill looks to them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use base::Ids;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::crash::ledger::Ledger;
use crate::http::Connection;
use crate::limits::{CRASH_GROUPS, EMPTY_RECEIVES};
use crate::sqs::Queue;

/// How long a received message is hidden.
pub const VISIBILITY_SECONDS: u32 = 20;

const SENDERS: usize = 6;
const BATCH_SENDERS: usize = 2;
const RECEIVERS: usize = 4;
const FIFO_RECEIVERS: usize = 3;

/// Workers of the last drain, a third of them for the FIFO queue.
const DRAINERS: usize = 48;

/// While the server is being killed, not every message that is received is deleted.
pub const DELETED_OF_TEN: u64 = 7;

/// Message numbers are unique over all rounds.
static NEXT_MESSAGE: AtomicU64 = AtomicU64::new(0);

#[derive(Clone)]
pub struct Crew {
    pub standard: Queue,
    pub fifo: Queue,
    pub ledger: Arc<Mutex<Ledger>>,
    pub round: u32,
    /// Of ten messages that are received, so many are deleted; the others come again.
    pub deleted_of_ten: u64,
}

impl Crew {
    pub fn start(&self, workers: &mut JoinSet<()>, ids: &Ids) {
        for _ in 0..SENDERS {
            workers.spawn(self.clone().send(1));
        }
        for _ in 0..BATCH_SENDERS {
            workers.spawn(self.clone().send(10));
        }
        for _ in 0..RECEIVERS {
            workers.spawn(self.clone().receive(ids.clone()));
        }
        for group in 0..CRASH_GROUPS {
            workers.spawn(self.clone().send_to_group(group));
        }
        for _ in 0..FIFO_RECEIVERS {
            workers.spawn(self.clone().receive_groups(ids.clone()));
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no worker panicked")
    }

    async fn send(self, at_once: u64) {
        let mut connection = Connection::new(self.standard.api.address);
        loop {
            let first = NEXT_MESSAGE.fetch_add(at_once, Ordering::Relaxed);
            let numbers: Vec<u64> = (first..first + at_once).collect();
            numbers.iter().for_each(|number| self.ledger().sending(*number));
            let (operation, input) = if at_once == 1 {
                ("SendMessage", json!({ "QueueUrl": self.standard.url, "MessageBody": first.to_string() }))
            } else {
                let entry =
                    |number: &u64| json!({ "Id": number.to_string(), "MessageBody": number.to_string() });
                let entries: Vec<Value> = numbers.iter().map(entry).collect();
                ("SendMessageBatch", json!({ "QueueUrl": self.standard.url, "Entries": entries }))
            };
            let Some(answer) = self.ask(&self.standard, &mut connection, operation, &input).await else {
                return;
            };
            if at_once > 1 && answer["Successful"].as_array().map_or(0, Vec::len) != numbers.len() {
                self.ledger().fault(format!("a batch was refused in part: {answer}"));
                return;
            }
            numbers.iter().for_each(|number| self.ledger().sent(*number));
        }
    }

    async fn receive(self, ids: Ids) {
        let mut connection = Connection::new(self.standard.api.address);
        while let Some(found) = self.receive_once(&mut connection, &ids).await {
            if found == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    /// Receives and deletes some. Returns how many were received, or nothing once the connection broke.
    async fn receive_once(&self, connection: &mut Connection, ids: &Ids) -> Option<usize> {
        let asked = Instant::now();
        let input = json!({ "QueueUrl": self.standard.url, "MaxNumberOfMessages": 10 });
        let answer = self.ask(&self.standard, connection, "ReceiveMessage", &input).await?;
        let messages = received(&answer);
        for message in &messages {
            self.ledger().received(message.number, asked);
        }
        for message in &messages {
            if ids.below(10) >= self.deleted_of_ten {
                continue;
            }
            self.ledger().deleting(message.number);
            let input = json!({ "QueueUrl": self.standard.url, "ReceiptHandle": message.handle });
            self.ask(&self.standard, connection, "DeleteMessage", &input).await?;
            self.ledger().deleted(message.number, Instant::now());
        }
        Some(messages.len())
    }

    async fn send_to_group(self, group: usize) {
        let mut connection = Connection::new(self.fifo.api.address);
        loop {
            let number = self.ledger().next_of_group(group);
            let input = json!({
                "QueueUrl": self.fifo.url,
                "MessageBody": number.to_string(),
                "MessageGroupId": group.to_string(),
                "MessageDeduplicationId": format!("{group}-{number}"),
            });
            if self.ask(&self.fifo, &mut connection, "SendMessage", &input).await.is_none() {
                return;
            }
            self.ledger().sent_to_group(group, number);
        }
    }

    async fn receive_groups(self, ids: Ids) {
        let mut connection = Connection::new(self.fifo.api.address);
        while let Some(found) = self.receive_groups_once(&mut connection, &ids).await {
            if found == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }

    async fn receive_groups_once(&self, connection: &mut Connection, ids: &Ids) -> Option<usize> {
        let asked = Instant::now();
        let input = json!({
            "QueueUrl": self.fifo.url,
            "MaxNumberOfMessages": 10,
            "MessageSystemAttributeNames": ["MessageGroupId"],
        });
        let answer = self.ask(&self.fifo, connection, "ReceiveMessage", &input).await?;
        let messages = received(&answer);
        for group in 0..CRASH_GROUPS {
            let of_group = messages.iter().filter(|message| message.group == Some(group));
            let numbers: Vec<u64> = of_group.map(|message| message.number).collect();
            self.ledger().received_of_group(group, &numbers, asked);
        }
        // Whoever gives up in the middle leaves the rest of the group for later.
        let deleted = if ids.below(10) < self.deleted_of_ten { messages.len() } else { messages.len() / 2 };
        for message in &messages[..deleted] {
            let group = message.group?;
            self.ledger().deleting_of_group(group, message.number);
            let input = json!({ "QueueUrl": self.fifo.url, "ReceiptHandle": message.handle });
            self.ask(&self.fifo, connection, "DeleteMessage", &input).await?;
            self.ledger().deleted_of_group(group, message.number, Instant::now());
        }
        Some(messages.len())
    }

    /// Receives and deletes everything that is left, in both queues, until a whole pass finds nothing; the clock is
    /// turned between passes, so that what was hidden comes back.
    pub async fn drain(mut self) -> anyhow::Result<()> {
        self.ledger().before_drain();
        self.deleted_of_ten = 10;
        loop {
            let mut workers = JoinSet::new();
            for number in 0..DRAINERS {
                workers.spawn(self.clone().drain_once(number % 3 == 0));
            }
            let mut found = 0;
            while let Some(worker) = workers.join_next().await {
                found += worker.context("a worker panicked")?.context("the connection broke")?;
            }
            if found == 0 {
                return Ok(());
            }
            let hidden = Duration::from_secs(u64::from(VISIBILITY_SECONDS) + 1);
            turn_clock(self.standard.api.address, hidden).await?;
        }
    }

    async fn drain_once(self, fifo: bool) -> Option<usize> {
        let address = if fifo { self.fifo.api.address } else { self.standard.api.address };
        let (mut connection, ids) = (Connection::new(address), Ids::system());
        let (mut all, mut empty) = (0, 0);
        while empty < EMPTY_RECEIVES {
            let found = if fifo {
                self.receive_groups_once(&mut connection, &ids).await?
            } else {
                self.receive_once(&mut connection, &ids).await?
            };
            all += found;
            empty = if found == 0 { empty + 1 } else { 0 };
        }
        Some(all)
    }

    /// The answer, or nothing once the connection broke. A refusal is a fault: nothing here is refused.
    async fn ask(
        &self,
        queue: &Queue,
        connection: &mut Connection,
        operation: &str,
        input: &Value,
    ) -> Option<Value> {
        let answer = connection.send(&queue.api.prepare(operation, input)).await.ok()?;
        if !answer.status.is_success() {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            self.ledger()
                .fault(format!("round {}: {operation} was refused: {} {body}", self.round, answer.status));
            return None;
        }
        if answer.body.is_empty() {
            return Some(Value::Null);
        }
        serde_json::from_slice(&answer.body).ok()
    }
}

struct Message {
    number: u64,
    handle: String,
    group: Option<usize>,
}

fn received(answer: &Value) -> Vec<Message> {
    let message = |message: &Value| {
        Some(Message {
            number: message["Body"].as_str()?.parse().ok()?,
            handle: message["ReceiptHandle"].as_str()?.to_owned(),
            group: message["Attributes"]["MessageGroupId"].as_str().and_then(|group| group.parse().ok()),
        })
    };
    answer["Messages"].as_array().into_iter().flatten().filter_map(message).collect()
}

/// Turns the cloud's clock forward.
pub async fn turn_clock(address: SocketAddr, by: Duration) -> anyhow::Result<()> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let body = json!({ "advance_millis": by.as_millis() as u64 }).to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri("/_fogbank/clock")
        .header(header::HOST, address.to_string())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(bytes::Bytes::from(body)))?;
    let answering = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        anyhow::Ok((status, body))
    };
    tokio::pin!(answering);
    let mut connection = Box::pin(connection);
    let answered = tokio::select! {
        biased;
        answer = &mut answering => Some(answer?),
        _ = connection.as_mut() => None,
    };
    drop(connection);
    let (status, body) = match answered {
        Some(answered) => answered,
        None => answering.await?,
    };
    if !status.is_success() {
        bail!("the clock cannot be turned: {status} {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}
