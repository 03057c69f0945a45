//! A queue at one of the candidates, and the requests that the figures are made of.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::http::{Connection, Prepared, Signer};
use crate::limits::{BATCH_MESSAGES, MESSAGE_BYTES, POOL_REQUESTS};

#[derive(Clone)]
pub struct Queue {
    pub address: SocketAddr,
    pub url: String,
    pub signer: Signer,
}

impl Queue {
    pub async fn create(address: SocketAddr, name: &str, attributes: Value) -> anyhow::Result<Queue> {
        let signer = Signer::dev(address);
        let mut queue = Queue { address, url: String::new(), signer };
        let input = json!({ "QueueName": name, "Attributes": attributes });
        let answer = queue.call("CreateQueue", &input).await?;
        queue.url = answer["QueueUrl"].as_str().context("CreateQueue answers a QueueUrl")?.to_owned();
        Ok(queue)
    }

    /// One call on a connection of its own.
    pub async fn call(&self, operation: &str, input: &Value) -> anyhow::Result<Value> {
        self.call_on(&mut Connection::new(self.address), operation, input).await
    }

    pub async fn call_on(
        &self,
        connection: &mut Connection,
        operation: &str,
        input: &Value,
    ) -> anyhow::Result<Value> {
        let answer = connection.send(&self.signer.prepare(operation, input)).await?;
        if !answer.status.is_success() {
            bail!("{operation} was refused: {} {}", answer.status, String::from_utf8_lossy(&answer.body));
        }
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer.body).with_context(|| format!("{operation} did not answer JSON"))
    }

    /// SendMessage of 1 KiB.
    pub fn sends(&self) -> Arc<Vec<Prepared>> {
        self.pool(|number| ("SendMessage", json!({ "QueueUrl": self.url, "MessageBody": body(number) })))
    }

    /// SendMessageBatch of ten times 1 KiB.
    pub fn batches(&self) -> Arc<Vec<Prepared>> {
        self.pool(|number| {
            let entry = |at: usize| json!({ "Id": at.to_string(), "MessageBody": body(number + at) });
            let entries: Vec<Value> = (0..BATCH_MESSAGES).map(entry).collect();
            ("SendMessageBatch", json!({ "QueueUrl": self.url, "Entries": entries }))
        })
    }

    /// ReceiveMessage of one message, which is then hidden for as long as AWS allows.
    pub fn receives(&self) -> Arc<Vec<Prepared>> {
        let input = json!({ "QueueUrl": self.url, "MaxNumberOfMessages": 1, "VisibilityTimeout": 43_200 });
        Arc::new(vec![self.signer.prepare("ReceiveMessage", &input)])
    }

    /// DeleteMessage for each message in the answers to ReceiveMessage.
    pub fn deletes(&self, received: &[Bytes]) -> Arc<Vec<Prepared>> {
        let handles = received.iter().filter_map(|answer| {
            let answer: Value = serde_json::from_slice(answer).ok()?;
            answer["Messages"][0]["ReceiptHandle"].as_str().map(str::to_owned)
        });
        let delete = |handle: String| {
            self.signer.prepare("DeleteMessage", &json!({ "QueueUrl": self.url, "ReceiptHandle": handle }))
        };
        Arc::new(handles.map(delete).collect())
    }

    fn pool(&self, make: impl Fn(usize) -> (&'static str, Value)) -> Arc<Vec<Prepared>> {
        let prepare = |number| {
            let (operation, input) = make(number);
            self.signer.prepare(operation, &input)
        };
        Arc::new((0..POOL_REQUESTS).map(prepare).collect())
    }
}

/// Text of exactly the size of a message, different for each number.
fn body(number: usize) -> String {
    format!("{number:0MESSAGE_BYTES$}")
}
