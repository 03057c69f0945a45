//! A table at one of the candidates, and the requests that the figures are made of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use crate::http::{Api, DYNAMODB, Load, Measured, Prepared};
use crate::limits::{BATCH_ITEMS, FILL_TIME_MAX, ITEM_BYTES, PAGE_ITEMS, PAGES, POOL_ITEMS, START_TIME_MAX};

pub struct Table {
    pub api: Api,
    pub name: &'static str,
}

impl Table {
    /// A table with a partition key of strings and a sort key of numbers, when it can be used.
    pub async fn create(address: SocketAddr, name: &'static str) -> anyhow::Result<Table> {
        let table = Table { api: Api::dev(DYNAMODB, address), name };
        let input = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                { "AttributeName": "owner", "AttributeType": "S" },
                { "AttributeName": "number", "AttributeType": "N" },
            ],
            "KeySchema": [
                { "AttributeName": "owner", "KeyType": "HASH" },
                { "AttributeName": "number", "KeyType": "RANGE" },
            ],
        });
        // Some peers listen before they can do anything.
        let start = Instant::now();
        while let Err(error) = table.api.call("CreateTable", &input).await {
            if start.elapsed() > START_TIME_MAX {
                return Err(error);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        while !table.is_active().await? {
            if start.elapsed() > START_TIME_MAX {
                bail!("the table does not become active");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(table)
    }

    async fn is_active(&self) -> anyhow::Result<bool> {
        let described = self.api.call("DescribeTable", &json!({ "TableName": self.name })).await?;
        Ok(described["Table"]["TableStatus"] == "ACTIVE")
    }

    /// Puts of new items.
    pub fn puts(&self, first: usize, count: usize) -> Arc<Vec<Prepared>> {
        let put = |nth| ("PutItem", json!({ "TableName": self.name, "Item": item(nth, ITEM_BYTES) }));
        self.prepare((first..first + count).map(put))
    }

    /// Gets of the first items.
    pub fn gets(&self) -> Arc<Vec<Prepared>> {
        self.gets_of((0..POOL_ITEMS).map(|nth| nth * 7919 % POOL_ITEMS))
    }

    pub fn gets_of(&self, numbers: impl Iterator<Item = usize>) -> Arc<Vec<Prepared>> {
        self.prepare(numbers.map(|nth| ("GetItem", json!({ "TableName": self.name, "Key": key(nth) }))))
    }

    /// Counts one up in each of the first items, on a condition that holds.
    pub fn updates(&self) -> Arc<Vec<Prepared>> {
        let update = |nth| {
            let input = json!({
                "TableName": self.name,
                "Key": key(nth),
                "UpdateExpression": "SET visits = visits + :one",
                "ConditionExpression": "attribute_exists(#owner) AND visits >= :none",
                "ExpressionAttributeNames": { "#owner": "owner" },
                "ExpressionAttributeValues": { ":one": { "N": "1" }, ":none": { "N": "0" } },
            });
            ("UpdateItem", input)
        };
        self.prepare((0..POOL_ITEMS).map(|nth| update(nth * 7919 % POOL_ITEMS)))
    }

    /// Queries of one partition each, which has a page of items.
    pub fn queries(&self) -> Arc<Vec<Prepared>> {
        let query = |nth| {
            let input = json!({
                "TableName": self.name,
                "KeyConditionExpression": "#owner = :owner",
                "ExpressionAttributeNames": { "#owner": "owner" },
                "ExpressionAttributeValues": { ":owner": { "S": page_owner(nth) } },
            });
            ("Query", input)
        };
        self.prepare((0..PAGES).map(query))
    }

    /// BatchWriteItem of items of a size, each batch the next so many.
    pub fn batches(&self, first: usize, batches: usize, bytes: usize) -> Arc<Vec<Prepared>> {
        let batch = |nth: usize| {
            let start = first + nth * BATCH_ITEMS;
            let put = |nth| json!({ "PutRequest": { "Item": item(nth, bytes) } });
            let puts: Vec<Value> = (start..start + BATCH_ITEMS).map(put).collect();
            ("BatchWriteItem", json!({ "RequestItems": { self.name: puts } }))
        };
        self.prepare((0..batches).map(batch))
    }

    /// The items that are read later, some of them compared with what was put; and the pages.
    pub async fn fill(&self, connections: usize) -> anyhow::Result<()> {
        self.all(self.batches(0, POOL_ITEMS / BATCH_ITEMS, ITEM_BYTES), connections, "items to read").await?;
        let batch = |nth: usize| {
            let (page, start) = (nth * BATCH_ITEMS / PAGE_ITEMS, nth * BATCH_ITEMS % PAGE_ITEMS);
            let put = |number: usize| {
                let mut item = item(number, ITEM_BYTES);
                item["owner"] = json!({ "S": page_owner(page) });
                json!({ "PutRequest": { "Item": item } })
            };
            let puts: Vec<Value> = (start..start + BATCH_ITEMS).map(put).collect();
            ("BatchWriteItem", json!({ "RequestItems": { self.name: puts } }))
        };
        let pages = self.prepare((0..PAGES * PAGE_ITEMS / BATCH_ITEMS).map(batch));
        self.all(pages, connections, "pages to read").await?;
        for nth in [0, POOL_ITEMS / 2, POOL_ITEMS - 1] {
            let input = json!({ "TableName": self.name, "Key": key(nth) });
            let read = self.api.call("GetItem", &input).await?;
            ensure!(read["Item"] == item(nth, ITEM_BYTES), "item {nth} reads back as something else");
        }
        Ok(())
    }

    /// Sends all of them, once.
    pub async fn all(
        &self,
        requests: Arc<Vec<Prepared>>,
        connections: usize,
        what: &str,
    ) -> anyhow::Result<Measured> {
        let requests_max = requests.len();
        let load = Load { connections, requests_max, ..Load::of(self.api.address, requests, FILL_TIME_MAX) };
        load.run(what).await?.checked()
    }

    /// As fast as so many connections are answered.
    pub async fn load(
        &self,
        what: &str,
        requests: Arc<Vec<Prepared>>,
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        let load = Load { connections, ..Load::of(self.api.address, requests, time) };
        load.run_warm(what).await
    }

    /// New items, until the time or the requests are over.
    pub async fn load_puts(
        &self,
        first: usize,
        count: usize,
        connections: usize,
        time: Duration,
    ) -> anyhow::Result<Measured> {
        let requests = self.puts(first, count);
        let requests_max = requests.len();
        let load = Load { connections, requests_max, ..Load::of(self.api.address, requests, time) };
        load.run("PutItem of 1 KiB").await?.checked()
    }

    /// The length of the answer to a request.
    pub async fn answer_bytes(&self, request: &Prepared) -> anyhow::Result<usize> {
        let answer = self.api.connect().send(request).await?;
        ensure!(answer.status.is_success(), "refused: {}", String::from_utf8_lossy(&answer.body));
        Ok(answer.body.len())
    }

    pub async fn page_items(&self) -> anyhow::Result<usize> {
        let requests = self.queries();
        let answer = self.api.connect().send(&requests[0]).await?;
        let answer: Value = serde_json::from_slice(&answer.body).context("Query answers JSON")?;
        Ok(answer["Items"].as_array().map_or(0, Vec::len))
    }

    fn prepare(&self, requests: impl Iterator<Item = (&'static str, Value)>) -> Arc<Vec<Prepared>> {
        Arc::new(requests.map(|(operation, input)| self.api.prepare(operation, &input)).collect())
    }
}

fn page_owner(nth: usize) -> String {
    format!("page {nth:08}")
}

fn key(nth: usize) -> Value {
    json!({ "owner": { "S": format!("owner {nth:08}") }, "number": { "N": nth.to_string() } })
}

/// An item of about a size, by DynamoDB's rules; its text differs from that of the others.
fn item(nth: usize, bytes: usize) -> Value {
    const REST_BYTES: usize = 60;
    let mut item = key(nth);
    item["visits"] = json!({ "N": "0" });
    item["active"] = json!({ "BOOL": true });
    item["text"] = json!({ "S": format!("{nth:0width$}", width = bytes - REST_BYTES) });
    item
}
