//! Structures of an API inside records: a configuration that was accepted is kept as it came, and every field of it
//! reads back.
//!
//! They are kept by the names of the model, not by their order, so that a refreshed model with more members reads what
//! an older one wrote. For control-plane records in JSON; nothing here is for bulk.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use base::Timestamp;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Entries, EventStream, Items, Malformed, Member, Notes,
    Reader, Shape, Structure, WriteValue, Writer, read_members,
};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// A structure of an API, as a field of a record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept<T>(pub T);

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Structure> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        members_of(&self.0).serialize(to)
    }
}

impl<'de, T: Structure + Default> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Kept<T>, D::Error> {
        let value = Held::deserialize(from)?;
        let (mut into, mut notes) = (T::default(), Notes::default());
        let mut reader = ValueReader { value: &value, notes: &mut notes };
        // What the model asked of the input was checked when it came.
        read_members(&mut into, &mut reader, None).map_err(|Malformed(why)| D::Error::custom(why))?;
        Ok(Kept(into))
    }
}

fn members_of(value: &dyn Structure) -> Value {
    let mut members = Map::new();
    value.visit(&mut |member, value| {
        members.insert(member.name.to_owned(), written(value, member));
    });
    Value::Object(members)
}

/// Whether a member of this name is true.
pub(crate) fn is_set(input: &dyn Structure, name: &str) -> bool {
    let mut set = false;
    input.visit(&mut |member, value| {
        if member.name == name {
            set = written(value, member) == Value::Bool(true);
        }
    });
    set
}

fn written(value: &dyn WriteValue, at: &'static Member) -> Value {
    let mut writer = ValueWriter(Value::Null);
    value.write(&mut writer, at);
    writer.0
}

struct ValueWriter(Value);

impl Writer for ValueWriter {
    fn null(&mut self, _: &'static Member) {
        self.0 = Value::Null;
    }

    fn boolean(&mut self, _: &'static Member, value: bool) {
        self.0 = value.into();
    }

    fn integer(&mut self, _: &'static Member, value: i64) {
        self.0 = value.into();
    }

    fn float(&mut self, _: &'static Member, value: f32) {
        self.0 = value.into();
    }

    fn double(&mut self, _: &'static Member, value: f64) {
        self.0 = value.into();
    }

    fn string(&mut self, _: &'static Member, value: &str) {
        self.0 = value.into();
    }

    fn blob(&mut self, _: &'static Member, value: &[u8]) {
        self.0 = value.into();
    }

    fn timestamp(&mut self, _: &'static Member, value: Timestamp) {
        self.0 = value.as_millis().into();
    }

    fn document(&mut self, _: &'static Member, value: &Document) {
        self.0 = value.clone();
    }

    fn structure(&mut self, _: &'static Member, value: &dyn Structure) {
        self.0 = members_of(value);
    }

    fn list(&mut self, at: &'static Member, items: Items<'_>) {
        let element = at.shape.element();
        self.0 = items.each.map(|item| written(item, element)).collect();
    }

    fn map(&mut self, at: &'static Member, entries: Entries<'_>) {
        let (_, value_at) = at.shape.entry();
        self.0 = Value::Object(
            entries.each.map(|(key, value)| (key.to_owned(), written(value, value_at))).collect(),
        );
    }

    fn stream(&mut self, at: &'static Member, _: &ByteStream) {
        unreachable!("{} streams, and no configuration does", at.name);
    }

    fn events(&mut self, at: &'static Member, _: EventStream) {
        unreachable!("{} streams, and no configuration does", at.name);
    }
}

/// What lies in a record, before it is a structure: its texts are borrowed, since most are looked at once and records
/// are read by the thousand.
#[derive(Debug)]
enum Held<'a> {
    Null,
    Flag(bool),
    Whole(i64),
    Large(u64),
    Real(f64),
    Text(Cow<'a, str>),
    List(Vec<Held<'a>>),
    Members(Vec<(Cow<'a, str>, Held<'a>)>),
}

impl Held<'_> {
    fn as_bool(&self) -> Option<bool> {
        if let Held::Flag(flag) = self { Some(*flag) } else { None }
    }

    fn as_i64(&self) -> Option<i64> {
        if let Held::Whole(number) = self { Some(*number) } else { None }
    }

    fn as_f64(&self) -> Option<f64> {
        match self {
            Held::Whole(number) => Some(*number as f64),
            Held::Large(number) => Some(*number as f64),
            Held::Real(number) => Some(*number),
            _ => None,
        }
    }

    fn as_str(&self) -> Option<&str> {
        if let Held::Text(text) = self { Some(text) } else { None }
    }

    fn as_list(&self) -> Option<&[Self]> {
        if let Held::List(items) = self { Some(items) } else { None }
    }
}

impl<'a> Held<'a> {
    fn as_members(&self) -> Option<&[(Cow<'a, str>, Held<'a>)]> {
        if let Held::Members(members) = self { Some(members) } else { None }
    }
}

impl From<&Held<'_>> for Value {
    fn from(held: &Held<'_>) -> Value {
        match held {
            Held::Null => Value::Null,
            Held::Flag(flag) => (*flag).into(),
            Held::Whole(number) => (*number).into(),
            Held::Large(number) => (*number).into(),
            Held::Real(number) => (*number).into(),
            Held::Text(text) => text.as_ref().into(),
            Held::List(items) => items.iter().map(Value::from).collect(),
            Held::Members(members) => {
                let members = members.iter().map(|(name, value)| (name.to_string(), Value::from(value)));
                Value::Object(members.collect())
            }
        }
    }
}

/// The name of a member.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Held<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Held<'de>, D::Error> {
        from.deserialize_any(HeldVisitor)
    }
}

struct HeldVisitor;

impl<'de> Visitor<'de> for HeldVisitor {
    type Value = Held<'de>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("what a structure is kept as")
    }

    fn visit_unit<E>(self) -> Result<Held<'de>, E> {
        Ok(Held::Null)
    }

    fn visit_none<E>(self) -> Result<Held<'de>, E> {
        Ok(Held::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Held<'de>, D::Error> {
        Held::deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Held<'de>, E> {
        Ok(Held::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Held<'de>, E> {
        Ok(Held::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Held<'de>, E> {
        Ok(i64::try_from(value).map_or(Held::Large(value), Held::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Held<'de>, E> {
        Ok(Held::Real(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Held<'de>, E> {
        Ok(Held::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Held<'de>, E> {
        Ok(Held::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Held<'de>, E> {
        Ok(Held::Text(Cow::Owned(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Held<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Held::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Held<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some((Name(name), value)) = from.next_entry()? {
            members.push((name, value));
        }
        Ok(Held::Members(members))
    }
}

struct ValueReader<'a> {
    value: &'a Held<'a>,
    notes: &'a mut Notes,
}

impl ValueReader<'_> {
    fn found<T>(&self, value: Option<T>, at: &'static Member) -> Result<T, Malformed> {
        value.ok_or_else(|| Malformed(format!("{} was kept as {}", at.name, Value::from(self.value))))
    }
}

impl Reader for ValueReader<'_> {
    fn is_null(&self) -> bool {
        matches!(self.value, Held::Null)
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        self.found(self.value.as_bool(), at)
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        self.found(self.value.as_i64(), at)
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        self.found(self.value.as_f64(), at)
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        self.found(self.value.as_str().map(str::to_owned), at)
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        let byte = |value: &Held<'_>| value.as_i64().and_then(|byte| u8::try_from(byte).ok());
        let bytes =
            self.value.as_list().and_then(|bytes| bytes.iter().map(byte).collect::<Option<Vec<u8>>>());
        self.found(bytes.map(Bytes::from), at)
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        self.found(self.value.as_i64().map(Timestamp::from_millis), at)
    }

    fn document(&mut self, _: &'static Member) -> Result<Document, Malformed> {
        Ok(Value::from(self.value))
    }

    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed> {
        self.found(None, at)
    }

    fn structure(
        &mut self,
        shape: &'static Shape,
        _: Option<&'static Member>,
        each: Each<'_>,
    ) -> Result<(), Malformed> {
        let members = self.value.as_members();
        let members = members
            .ok_or_else(|| Malformed(format!("{} was kept as {}", shape.name, Value::from(self.value))))?;
        for (name, value) in members {
            let index = shape.members().iter().position(|member| member.name == *name);
            if let Some(index) = index.filter(|_| !matches!(value, Held::Null)) {
                each(index, &mut ValueReader { value, notes: self.notes })?;
            }
        }
        Ok(())
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        let items = self.found(self.value.as_list(), at)?;
        items.iter().try_for_each(|value| each(&mut ValueReader { value, notes: self.notes }))
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        let entries = self.found(self.value.as_members(), at)?;
        entries
            .iter()
            .try_for_each(|(key, value)| each(key.to_string(), &mut ValueReader { value, notes: self.notes }))
    }

    fn notes(&mut self) -> &mut Notes {
        self.notes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iam_api::{ListUsersOutput, Tag, User};

    #[test]
    fn what_is_kept_reads_back_in_every_field() {
        let user = User {
            user_name: "ann".to_owned(),
            create_date: Timestamp::from_millis(1_800_000_000_123),
            tags: Some(vec![Tag { key: "team".to_owned(), value: String::new() }]),
            ..User::default()
        };
        let kept =
            Kept(ListUsersOutput { users: vec![user], is_truncated: Some(true), ..Default::default() });
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Kept<ListUsersOutput>>(&text).unwrap(), kept);
    }

    #[test]
    fn texts_with_escapes_and_records_that_are_values_read_back_too() {
        let kept = Kept(Tag { key: "a \"key\"\n".to_owned(), value: "schön".to_owned() });
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(serde_json::from_str::<Kept<Tag>>(&text).unwrap(), kept);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::from_value::<Kept<Tag>>(value).unwrap(), kept);
        let held: Held<'_> =
            serde_json::from_str(r#"[null, true, -1, 18446744073709551615, 0.5, {"a": "b"}]"#).unwrap();
        let expected = serde_json::json!([null, true, -1, u64::MAX, 0.5, { "a": "b" }]);
        assert_eq!(Value::from(&held), expected);
        assert_eq!(held.as_list().and_then(|all| all[3].as_f64()), Some(u64::MAX as f64));
    }

    #[test]
    fn members_that_the_model_has_no_more_are_skipped_and_wrong_ones_refused() {
        let kept: Kept<Tag> = serde_json::from_str(r#"{"Key": "k", "Value": "v", "Gone": [1]}"#).unwrap();
        assert_eq!(kept.key, "k");
        assert!(serde_json::from_str::<Kept<Tag>>(r#"{"Key": 7, "Value": "v"}"#).is_err());
    }
}
