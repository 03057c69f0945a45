//! Items in the crash test: a few clients read, put, count and transact on the same few keys, all at once, and remember
//! when each operation began, when it ended and what came of it. After every kill each history must be explained by one
//! order ([`super::linear`]), from what the history before it may have left.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base::Ids;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::linear::{Action, Answer, Event, KEYS, State, explain};
use crate::http::{Api, Connection, DYNAMODB};
use crate::limits::START_TIME_MAX;

const TABLE: &str = "crash";
/// Histories that have nothing to do with each other, and the clients of each.
const GROUPS: usize = 4;
const CLIENTS: usize = 3;

#[derive(Clone)]
pub struct Items {
    groups: Arc<Vec<Mutex<Group>>>,
    begun: Instant,
    explained: Arc<Mutex<u64>>,
}

struct Group {
    /// What the keys may hold before the first event.
    states: HashSet<State>,
    events: Vec<Event>,
    /// No two puts have the same value.
    next_value: u64,
}

impl Items {
    pub fn none() -> Items {
        let group = || {
            Mutex::new(Group {
                states: HashSet::from([[0; KEYS]]),
                events: Vec::new(),
                next_value: 1_000_000,
            })
        };
        let groups = (0..GROUPS).map(|_| group()).collect();
        Items { groups: Arc::new(groups), begun: Instant::now(), explained: Arc::default() }
    }

    /// Makes the table; it is there from the second round on.
    pub async fn create_table(&self, address: SocketAddr) -> anyhow::Result<()> {
        let api = Api::dev(DYNAMODB, address);
        let input = json!({
            "TableName": TABLE,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                { "AttributeName": "key", "AttributeType": "S" },
                { "AttributeName": "value", "AttributeType": "N" },
            ],
            "KeySchema": [{ "AttributeName": "key", "KeyType": "HASH" }],
            "GlobalSecondaryIndexes": [{
                "IndexName": "by-value",
                "KeySchema": [{ "AttributeName": "value", "KeyType": "HASH" }],
                "Projection": { "ProjectionType": "ALL" },
            }],
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES" },
        });
        if let Err(error) = api.call("CreateTable", &input).await {
            ensure!(format!("{error}").contains("ResourceInUseException"), "{error:#}");
        }
        let start = Instant::now();
        while start.elapsed() < START_TIME_MAX {
            let described = api.call("DescribeTable", &json!({ "TableName": TABLE })).await?;
            if described["Table"]["TableStatus"] == "ACTIVE" {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("the table does not become active")
    }

    pub fn start(&self, address: SocketAddr, workers: &mut JoinSet<()>, ids: &Ids) {
        for number in 0..GROUPS * CLIENTS {
            let client = Client {
                items: self.clone(),
                group: number % GROUPS,
                api: Api::dev(DYNAMODB, address),
                connection: Connection::new(address),
                last: [0; KEYS],
            };
            workers.spawn(client.work(ids.clone()));
        }
    }

    /// Explains what happened since the last time. The server is down: what has no answer was done by now, or never.
    pub fn explain(&self) -> anyhow::Result<()> {
        for (number, group) in self.groups.iter().enumerate() {
            let mut group = group.lock().expect("no worker panicked");
            let events = std::mem::take(&mut group.events);
            *self.explained.lock().expect("no worker panicked") += events.len() as u64;
            let ends = explain(&group.states, &events);
            if ends.is_empty() {
                let from = &group.states;
                bail!("group {number}: no order explains, from {from:?}:\n{}", told(&events));
            }
            group.states = ends;
        }
        Ok(())
    }

    /// Reads every key once more, from the table and from its index.
    pub async fn finish(&self, address: SocketAddr) -> anyhow::Result<String> {
        let api = Api::dev(DYNAMODB, address);
        for (number, group) in self.groups.iter().enumerate() {
            let states = group.lock().expect("no worker panicked").states.clone();
            let mut found = [0; KEYS];
            for (key, found) in found.iter_mut().enumerate() {
                let input = json!({ "TableName": TABLE, "Key": key_of(number, key), "ConsistentRead": true });
                *found = value_in(&api.call("GetItem", &input).await?["Item"]);
                if *found != 0 {
                    let query = json!({
                        "TableName": TABLE,
                        "IndexName": "by-value",
                        "KeyConditionExpression": "#value = :value",
                        "ExpressionAttributeNames": { "#value": "value" },
                        "ExpressionAttributeValues": { ":value": number_of(*found) },
                    });
                    let indexed = api.call("Query", &query).await?;
                    let key = key_of(number, key);
                    let items = indexed["Items"].as_array().context("Query answers items")?;
                    let is_there = items.iter().any(|item| item["key"] == key["key"]);
                    ensure!(is_there, "the index does not have {key} under {found}");
                }
            }
            ensure!(states.contains(&found), "group {number} holds {found:?}, and should one of {states:?}");
        }
        let explained = self.explained.lock().expect("no worker panicked");
        Ok(format!("items: {explained} operations of {GROUPS} histories are explained by one order each"))
    }
}

/// A history for the eye.
fn told(events: &[Event]) -> String {
    let mut lines: Vec<(u64, String)> = events
        .iter()
        .map(|event| {
            let Event { begin, end, action, answer } = event;
            (*begin, format!("{begin}..{end} {action:?} -> {answer:?}"))
        })
        .collect();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
}

struct Client {
    items: Items,
    group: usize,
    api: Api,
    connection: Connection,
    /// What this client saw last, so that its conditions hold often.
    last: State,
}

impl Client {
    /// Goes on until the connection breaks, which is how the kill looks from here.
    async fn work(mut self, ids: Ids) {
        while self.step(&ids).await {}
    }

    async fn step(&mut self, ids: &Ids) -> bool {
        let action = self.choose(ids);
        let begin = self.now();
        let answer = self.send(&action).await;
        let end = self.now();
        let goes_on = answer.is_some();
        // A conflict with another transaction: nothing was done, and nothing is learnt.
        if answer != Some(None) {
            let answer = answer.flatten().unwrap_or(Answer::Unknown);
            self.learn(&action, &answer);
            let mut group = self.items.groups[self.group].lock().expect("no worker panicked");
            group.events.push(Event { begin, end, action, answer });
        }
        goes_on
    }

    fn now(&self) -> u64 {
        self.items.begun.elapsed().as_nanos() as u64
    }

    fn choose(&self, ids: &Ids) -> Action {
        let key = ids.below(KEYS as u64) as usize;
        let other = (key + 1) % KEYS;
        let value = || {
            let mut group = self.items.groups[self.group].lock().expect("no worker panicked");
            // Room for being counted up.
            group.next_value += 1_000;
            group.next_value
        };
        match ids.below(10) {
            0 | 1 => Action::Get(key),
            2 => Action::GetAll,
            3 => Action::Put(key, value()),
            4 => Action::Delete(key),
            5 | 6 => Action::PutIf(vec![(key, self.last[key], value())]),
            7 => Action::PutIf(vec![(key, self.last[key], value()), (other, self.last[other], value())]),
            _ => Action::Add(key, 1),
        }
    }

    fn learn(&mut self, action: &Action, answer: &Answer) {
        match (action, answer) {
            (Action::Get(key) | Action::Add(key, _), Answer::Value(value)) => self.last[*key] = *value,
            (_, Answer::Values(values)) => self.last = *values,
            (Action::Put(key, value), Answer::Done) => self.last[*key] = *value,
            (Action::Delete(key), Answer::Done) => self.last[*key] = 0,
            (Action::PutIf(puts), Answer::Done) => {
                puts.iter().for_each(|(key, _, value)| self.last[*key] = *value);
            }
            _ => {}
        }
    }

    /// None if the connection broke; none within if nothing was done.
    async fn send(&mut self, action: &Action) -> Option<Option<Answer>> {
        let (operation, input) = request(self.group, action);
        let answer = self.connection.send(&self.api.prepare(operation, &input)).await.ok()?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.is_success() {
            return Some(Some(read_answer(action, &body)));
        }
        let code =
            body["__type"].as_str().unwrap_or_default().rsplit('#').next().unwrap_or_default().to_owned();
        let reasons = body["CancellationReasons"].as_array().cloned().unwrap_or_default();
        let failed = reasons.iter().any(|reason| reason["Code"] == "ConditionalCheckFailed");
        match code.as_str() {
            "ConditionalCheckFailedException" => Some(Some(Answer::Refused)),
            "TransactionCanceledException" if failed => Some(Some(Answer::Refused)),
            "TransactionCanceledException" | "TransactionConflictException" => Some(None),
            // A server that is being killed may still say something else.
            _ => None,
        }
    }
}

fn key_of(group: usize, key: usize) -> Value {
    json!({ "key": { "S": format!("group {group} key {key}") } })
}

fn number_of(value: u64) -> Value {
    json!({ "N": value.to_string() })
}

fn value_in(item: &Value) -> u64 {
    item["value"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn request(group: usize, action: &Action) -> (&'static str, Value) {
    let item = |key: usize, value: u64| {
        let mut item = key_of(group, key);
        item["value"] = number_of(value);
        item
    };
    let put_if = |(key, expected, value): &(usize, u64, u64)| {
        let mut put = json!({
            "TableName": TABLE,
            "Item": item(*key, *value),
            "ConditionExpression": "attribute_not_exists(#key)",
            "ExpressionAttributeNames": { "#key": "key" },
        });
        if *expected != 0 {
            put["ConditionExpression"] = json!("#value = :expected");
            put["ExpressionAttributeNames"] = json!({ "#value": "value" });
            put["ExpressionAttributeValues"] = json!({ ":expected": number_of(*expected) });
        }
        put
    };
    match action {
        Action::Get(key) => {
            ("GetItem", json!({ "TableName": TABLE, "Key": key_of(group, *key), "ConsistentRead": true }))
        }
        Action::GetAll => {
            let get = |key| json!({ "Get": { "TableName": TABLE, "Key": key_of(group, key) } });
            ("TransactGetItems", json!({ "TransactItems": (0..KEYS).map(get).collect::<Vec<_>>() }))
        }
        Action::Put(key, value) => ("PutItem", json!({ "TableName": TABLE, "Item": item(*key, *value) })),
        Action::Delete(key) => ("DeleteItem", json!({ "TableName": TABLE, "Key": key_of(group, *key) })),
        Action::PutIf(puts) => match &puts[..] {
            [put] => ("PutItem", put_if(put)),
            puts => {
                let puts: Vec<Value> = puts.iter().map(|put| json!({ "Put": put_if(put) })).collect();
                ("TransactWriteItems", json!({ "TransactItems": puts }))
            }
        },
        Action::Add(key, more) => {
            let input = json!({
                "TableName": TABLE,
                "Key": key_of(group, *key),
                "UpdateExpression": "ADD #value :more",
                "ExpressionAttributeNames": { "#value": "value" },
                "ExpressionAttributeValues": { ":more": number_of(*more) },
                "ReturnValues": "UPDATED_NEW",
            });
            ("UpdateItem", input)
        }
    }
}

fn read_answer(action: &Action, body: &Value) -> Answer {
    match action {
        Action::Get(_) => Answer::Value(value_in(&body["Item"])),
        Action::GetAll => {
            let mut values = [0; KEYS];
            for (key, value) in values.iter_mut().enumerate() {
                *value = value_in(&body["Responses"][key]["Item"]);
            }
            Answer::Values(values)
        }
        Action::Add(..) => Answer::Value(value_in(&body["Attributes"])),
        _ => Answer::Done,
    }
}
