//! A queue at one of the candidates, and the requests that the figures are made of.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::http::{Api, Prepared, SQS};
use crate::limits::{BATCH_MESSAGES, MESSAGE_BYTES, POOL_REQUESTS};

#[derive(Clone)]
pub struct Queue {
    pub api: Api,
    pub url: String,
}

impl Queue {
    pub async fn create(address: SocketAddr, name: &str, attributes: Value) -> anyhow::Result<Queue> {
        let api = Api::dev(SQS, address);
        let input = json!({ "QueueName": name, "Attributes": attributes });
        let answer = api.call("CreateQueue", &input).await?;
        let url = answer["QueueUrl"].as_str().context("CreateQueue answers a QueueUrl")?.to_owned();
        Ok(Queue { api, url })
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
        Arc::new(vec![self.api.prepare("ReceiveMessage", &input)])
    }

    /// DeleteMessage for each message in the answers to ReceiveMessage.
    pub fn deletes(&self, received: &[Bytes]) -> Arc<Vec<Prepared>> {
        let handles = received.iter().filter_map(|answer| {
            let answer: Value = serde_json::from_slice(answer).ok()?;
            answer["Messages"][0]["ReceiptHandle"].as_str().map(str::to_owned)
        });
        let delete = |handle: String| {
            self.api.prepare("DeleteMessage", &json!({ "QueueUrl": self.url, "ReceiptHandle": handle }))
        };
        Arc::new(handles.map(delete).collect())
    }

    fn pool(&self, make: impl Fn(usize) -> (&'static str, Value)) -> Arc<Vec<Prepared>> {
        let prepare = |number| {
            let (operation, input) = make(number);
            self.api.prepare(operation, &input)
        };
        Arc::new((0..POOL_REQUESTS).map(prepare).collect())
    }
}

/// Text of exactly the size of a message, different for each number.
fn body(number: usize) -> String {
    format!("{number:0MESSAGE_BYTES$}")
}
