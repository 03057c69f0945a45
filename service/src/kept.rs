//! Structures of an API inside records: a configuration that was accepted is kept as it came, and every field of it
//! reads back.
//!
//! They are kept by the names of the model, not by their order, so that a refreshed model with more members reads what
//! an older one wrote. For control-plane records in JSON; nothing here is for bulk.

use std::ops::Deref;

use base::Timestamp;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Entries, EventStream, Items, Malformed, Member, Notes,
    Reader, Shape, Structure, WriteValue, Writer, read_members,
};
use serde::de::Error as _;
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
        let value = Value::deserialize(from)?;
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

struct ValueReader<'a> {
    value: &'a Value,
    notes: &'a mut Notes,
}

impl ValueReader<'_> {
    fn found<T>(&self, value: Option<T>, at: &'static Member) -> Result<T, Malformed> {
        value.ok_or_else(|| Malformed(format!("{} was kept as {}", at.name, self.value)))
    }
}

impl Reader for ValueReader<'_> {
    fn is_null(&self) -> bool {
        self.value.is_null()
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
        let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
        let bytes =
            self.value.as_array().and_then(|bytes| bytes.iter().map(byte).collect::<Option<Vec<u8>>>());
        self.found(bytes.map(Bytes::from), at)
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        self.found(self.value.as_i64().map(Timestamp::from_millis), at)
    }

    fn document(&mut self, _: &'static Member) -> Result<Document, Malformed> {
        Ok(self.value.clone())
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
        let members = self.value.as_object();
        let members =
            members.ok_or_else(|| Malformed(format!("{} was kept as {}", shape.name, self.value)))?;
        for (name, value) in members {
            let index = shape.members().iter().position(|member| member.name == name);
            if let Some(index) = index.filter(|_| !value.is_null()) {
                each(index, &mut ValueReader { value, notes: self.notes })?;
            }
        }
        Ok(())
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        let items = self.found(self.value.as_array(), at)?;
        items.iter().try_for_each(|value| each(&mut ValueReader { value, notes: self.notes }))
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        let entries = self.found(self.value.as_object(), at)?;
        entries
            .iter()
            .try_for_each(|(key, value)| each(key.clone(), &mut ValueReader { value, notes: self.notes }))
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
    fn members_that_the_model_has_no_more_are_skipped_and_wrong_ones_refused() {
        let kept: Kept<Tag> = serde_json::from_str(r#"{"Key": "k", "Value": "v", "Gone": [1]}"#).unwrap();
        assert_eq!(kept.key, "k");
        assert!(serde_json::from_str::<Kept<Tag>>(r#"{"Key": 7, "Value": "v"}"#).is_err());
    }
}
