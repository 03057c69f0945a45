//! JSON as policies need it: an element that is there twice is an error, and the order is kept.
//!
//! `serde_json::Value` keeps the last of two equal keys, so that `"Effect": "Deny"` could be overruled by a second
//! `Effect` further down. "Individual elements must not contain multiple instances of the same key" (grammar of
//! the IAM JSON policy language).

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::limits::DEPTH_MAX;

#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Null,
    /// Strings, and also numbers and Booleans: policies take `true` for `"true"`.
    Scalar {
        text: String,
        quoted: bool,
    },
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Reads one JSON text, or nothing if it is none.
pub(super) fn read(text: &str) -> Option<Json> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let json = Depth(DEPTH_MAX).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(json)
}

/// How much deeper the text may go.
#[derive(Clone, Copy)]
struct Depth(usize);

impl Depth {
    fn deeper<E: de::Error>(self) -> Result<Depth, E> {
        self.0.checked_sub(1).map(Depth).ok_or_else(|| E::custom("too deep"))
    }
}

fn bare<E>(text: impl ToString) -> Result<Json, E> {
    Ok(Json::Scalar { text: text.to_string(), quoted: false })
}

impl<'de> DeserializeSeed<'de> for Depth {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Json, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Depth {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        bare(value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        bare(value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        bare(value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        bare(value)
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Scalar { text: value.to_owned(), quoted: true })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(deeper)? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Json, A::Error> {
        let deeper = self.deeper()?;
        let mut members: Vec<(String, Json)> = Vec::new();
        while let Some(name) = from.next_key::<String>()? {
            members.push((name, from.next_value_seed(deeper)?));
        }
        let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(de::Error::custom("a key is there twice"));
        }
        Ok(Json::Object(members))
    }
}
