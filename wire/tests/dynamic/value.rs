//! A typed value whose shape is known only at run time.

use std::any::Any;

use base::Timestamp;
use bytes::Bytes;
use fogbank_wire::Response;
use futures_util::{FutureExt, StreamExt};
use schema::{
    ByteStream, Document, Entries, Items, Kind, Malformed, Member, Reader, Shape, Structure, WriteValue,
    Writer, read_members,
};
use serde_json::Value as Json;

#[derive(Clone, Debug)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f32),
    Double(f64),
    String(String),
    Blob(Bytes),
    Stream(Bytes),
    Timestamp(Timestamp),
    Document(Document),
    List(Vec<Value>),
    /// In the order in which the entries came.
    Map(Vec<(String, Value)>),
    Structure(Record),
    Events(Vec<Record>),
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        use Value::*;
        match (self, other) {
            (Null, Null) => true,
            (Boolean(one), Boolean(two)) => one == two,
            (Integer(one), Integer(two)) => one == two,
            (Float(one), Float(two)) => one == two || (one.is_nan() && two.is_nan()),
            (Double(one), Double(two)) => one == two || (one.is_nan() && two.is_nan()),
            (String(one), String(two)) => one == two,
            (Blob(one) | Stream(one), Blob(two) | Stream(two)) => one == two,
            (Timestamp(one), Timestamp(two)) => one == two,
            (Document(one), Document(two)) => one == two,
            (List(one), List(two)) => one == two,
            (Map(one), Map(two)) => one.len() == two.len() && one.iter().all(|entry| two.contains(entry)),
            (Structure(one), Structure(two)) => one == two,
            (Events(one), Events(two)) => one == two,
            _ => false,
        }
    }
}

/// A structure or a union, its values in the order of its members.
#[derive(Clone)]
pub struct Record {
    pub shape: &'static Shape,
    pub values: Vec<Option<Value>>,
}

impl PartialEq for Record {
    fn eq(&self, other: &Record) -> bool {
        self.values == other.values
    }
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let there = self.shape.members().iter().zip(&self.values);
        f.debug_map()
            .entries(there.filter_map(|(member, value)| Some((member.name, value.as_ref()?))))
            .finish()
    }
}

impl Record {
    pub fn new(shape: &'static Shape) -> Record {
        Record { shape, values: vec![None; shape.members().len()] }
    }

    /// The record that a vector's parameters or result mean.
    pub fn from_json(shape: &'static Shape, json: &Json) -> Record {
        let mut record = Record::new(shape);
        for (index, member) in shape.members().iter().enumerate() {
            if let Some(json) = json.get(member.name).filter(|json| !json.is_null()) {
                record.values[index] = Some(Value::from_json(member, json));
            }
        }
        record
    }
}

impl Value {
    /// A value that some protocols do not tell from one that is missing.
    pub fn is_empty(&self) -> bool {
        match self {
            Value::List(items) => items.is_empty(),
            Value::Map(entries) => entries.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        }
    }

    fn from_json(at: &'static Member, json: &Json) -> Value {
        let number = |json: &Json| match json {
            Json::String(text) => text.replace("Infinity", "inf").parse().expect("a number in words"),
            other => other.as_f64().expect("a number"),
        };
        match &at.shape.kind {
            _ if json.is_null() => Value::Null,
            Kind::Boolean => Value::Boolean(json.as_bool().expect("a boolean")),
            Kind::Integer | Kind::Long => Value::Integer(json.as_i64().expect("an integer")),
            Kind::Float => Value::Float(number(json) as f32),
            Kind::Double => Value::Double(number(json)),
            Kind::String | Kind::Enum(_) => Value::String(match json.as_str() {
                Some(text) => text.to_owned(),
                None => json.to_string(),
            }),
            Kind::Blob => {
                let bytes = Bytes::from(json.as_str().expect("a blob as text").to_owned());
                if at.streaming { Value::Stream(bytes) } else { Value::Blob(bytes) }
            }
            Kind::Timestamp(_) => Value::Timestamp(match json {
                Json::String(text) => Timestamp::parse_iso8601(text).expect("a timestamp"),
                other => Timestamp::from_millis((number(other) * 1000.0).round() as i64),
            }),
            Kind::Document => Value::Document(json.clone()),
            Kind::List { element, .. } => {
                let items = json.as_array().expect("a list").iter();
                Value::List(items.map(|item| Value::from_json(element, item)).collect())
            }
            Kind::Map { value, .. } => {
                let entries = json.as_object().expect("a map").iter();
                Value::Map(entries.map(|(key, json)| (key.clone(), Value::from_json(value, json))).collect())
            }
            Kind::Structure { .. } | Kind::Union { .. } => {
                Value::Structure(Record::from_json(at.shape, json))
            }
            Kind::Events { .. } => {
                let events = json.as_array().expect("events").iter();
                Value::Events(events.map(|event| Record::from_json(at.shape, event)).collect())
            }
        }
    }

    fn read(from: &mut dyn Reader, at: &'static Member) -> Result<Value, Malformed> {
        Ok(match &at.shape.kind {
            _ if from.is_null() => Value::Null,
            _ if at.streaming => {
                Value::Stream(from.stream(at)?.whole().expect("the bodies of tests are at hand"))
            }
            Kind::Boolean => Value::Boolean(from.boolean(at)?),
            Kind::Integer | Kind::Long => Value::Integer(from.integer(at)?),
            Kind::Float => Value::Float(from.double(at)? as f32),
            Kind::Double => Value::Double(from.double(at)?),
            Kind::String | Kind::Enum(_) => Value::String(from.string(at)?),
            Kind::Blob => Value::Blob(from.blob(at)?),
            Kind::Timestamp(_) => Value::Timestamp(from.timestamp(at)?),
            Kind::Document => Value::Document(from.document(at)?),
            Kind::List { element, sparse, .. } => {
                let mut items = Vec::new();
                from.list(at, &mut |from| {
                    if *sparse || !from.is_null() {
                        items.push(Value::read(from, element)?);
                    }
                    Ok(())
                })?;
                Value::List(items)
            }
            Kind::Map { value, sparse, .. } => {
                let mut entries = Vec::new();
                from.map(at, &mut |key, from| {
                    if *sparse || !from.is_null() {
                        entries.push((key, Value::read(from, value)?));
                    }
                    Ok(())
                })?;
                Value::Map(entries)
            }
            Kind::Structure { .. } | Kind::Union { .. } => {
                let mut record = Record::new(at.shape);
                read_members(&mut record, from, Some(at))?;
                Value::Structure(record)
            }
            Kind::Events { .. } => {
                let events = from.events(at)?;
                Value::Events(
                    read_events(at, events).now_or_never().expect("the bodies of tests are at hand")?,
                )
            }
        })
    }
}

async fn read_events(at: &'static Member, events: schema::IncomingEvents) -> Result<Vec<Record>, Malformed> {
    let read: Vec<_> = events
        .map(|event| {
            let mut record = Record::new(at.shape);
            event.and_then(|event| event(&mut record)).map(|()| record)
        })
        .collect()
        .await;
    read.into_iter().map(|event| event.map_err(|fault| Malformed(fault.to_string()))).collect()
}

impl Structure for Record {
    fn shape(&self) -> &'static Shape {
        self.shape
    }

    fn visit<'a>(&'a self, visitor: &mut dyn FnMut(&'static Member, &'a dyn WriteValue)) {
        for (member, value) in self.shape.members().iter().zip(&self.values) {
            if let Some(value) = value {
                visitor(member, value);
            }
        }
    }

    fn set(&mut self, index: usize, from: &mut dyn Reader) -> Result<(), Malformed> {
        self.values[index] = Some(Value::read(from, &self.shape.members()[index])?);
        Ok(())
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send + Sync> {
        self
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl WriteValue for Value {
    fn write(&self, to: &mut dyn Writer, at: &'static Member) {
        match self {
            Value::Null => to.null(at),
            Value::Boolean(value) => to.boolean(at, *value),
            Value::Integer(value) => to.integer(at, *value),
            Value::Float(value) => to.float(at, *value),
            Value::Double(value) => to.double(at, *value),
            Value::String(value) => to.string(at, value),
            Value::Blob(value) => to.blob(at, value),
            Value::Stream(value) => to.stream(at, &ByteStream::from(value.clone())),
            Value::Timestamp(value) => to.timestamp(at, *value),
            Value::Document(value) => to.document(at, value),
            Value::List(items) => {
                let mut each = items.iter().map(|item| item as &dyn WriteValue);
                to.list(at, Items { len: items.len(), each: &mut each });
            }
            Value::Map(entries) => {
                let mut each = entries.iter().map(|(key, value)| (key.as_str(), value as &dyn WriteValue));
                to.map(at, Entries { len: entries.len(), each: &mut each });
            }
            Value::Structure(record) => to.structure(at, record),
            Value::Events(events) => {
                let events: Vec<_> =
                    events.iter().map(|event| Ok(Box::new(event.clone()) as Box<dyn Structure>)).collect();
                to.events(at, Ok(futures_util::stream::iter(events).boxed()));
            }
        }
    }
}

/// A response whose body is at hand, which that of an event stream is not.
pub fn gathered(response: Response) -> Response {
    let chunks = response.body.to_stream().take();
    let chunks = chunks.map(|chunk| chunk.expect("nothing fails here").to_vec()).concat();
    let body = chunks.now_or_never().expect("the bodies of tests are at hand");
    Response { body: body.into(), ..response }
}
