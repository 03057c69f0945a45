//! Reads JSON straight into typed values: the tokens go from the parser to the members without a tree
//! between.
//!
//! The parser pushes values while a [`Reader`] is pulled, so each value is a visitor's call that hands a
//! reader to the waiting member. Wording of type errors follows what DynamoDB and SQS answer.

use std::fmt;
use std::marker::PhantomData;

use base::Timestamp;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Kind, Malformed, Member, Notes, Reader, Shape,
    TimestampFormat,
};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::shared::{Shared, Take};
use crate::text;

/// Reads one document and hands its value to `take`.
pub(crate) fn read(bytes: &[u8], shared: &mut Shared, take: Take<'_>) -> Result<(), Malformed> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    let read = Value { shared, take }.deserialize(&mut parser).and_then(|()| parser.end());
    read.map_err(|error| failure(shared, error))
}

/// What went wrong: a reader's failure that passed through the parser, or the parser's own.
fn failure(shared: &mut Shared, error: impl fmt::Display) -> Malformed {
    match shared.passing.take() {
        Some(malformed) => malformed,
        None => shared.syntax(error),
    }
}

/// The value that comes next, and who takes it.
struct Value<'a> {
    shared: &'a mut Shared,
    take: Take<'a>,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl Value<'_> {
    fn scalar<E: Error>(self, token: Token<'_, Never, Never>) -> Result<(), E> {
        let mut reader = JsonReader { token, shared: self.shared, parser: PhantomData };
        (self.take)(&mut reader).map_err(|malformed| pass(self.shared, malformed))
    }
}

/// Sends a failure of ours out through the parser.
fn pass<E: Error>(shared: &mut Shared, malformed: Malformed) -> E {
    shared.passing = Some(malformed);
    E::custom("refused")
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(Token::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(Token::Boolean(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(Token::Unsigned(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(Token::Signed(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(Token::Double(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(Token::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<(), A::Error> {
        self.shared.enter().map_err(|malformed| pass(self.shared, malformed))?;
        let mut reader: JsonReader<'_, '_, 'de, A, Never> =
            JsonReader { token: Token::List(items), shared: self.shared, parser: PhantomData };
        let taken = (self.take)(&mut reader);
        // Whoever takes a value may leave it unread, but the parser must get past it.
        if let (Ok(()), Token::List(mut rest)) = (&taken, reader.token) {
            while rest.next_element::<IgnoredAny>()?.is_some() {}
        }
        self.shared.leave();
        taken.map_err(|malformed| pass(self.shared, malformed))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<(), A::Error> {
        self.shared.enter().map_err(|malformed| pass(self.shared, malformed))?;
        let mut reader: JsonReader<'_, '_, 'de, Never, A> =
            JsonReader { token: Token::Object(entries), shared: self.shared, parser: PhantomData };
        let taken = (self.take)(&mut reader);
        if let (Ok(()), Token::Object(mut rest)) = (&taken, reader.token) {
            while rest.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        }
        self.shared.leave();
        taken.map_err(|malformed| pass(self.shared, malformed))
    }
}

enum Token<'t, S, M> {
    Null,
    Boolean(bool),
    Unsigned(u64),
    Signed(i64),
    Double(f64),
    Text(&'t str),
    List(S),
    Object(M),
    /// A list or an object that was read.
    Spent,
}

struct JsonReader<'a, 't, 'de, S, M> {
    token: Token<'t, S, M>,
    shared: &'a mut Shared,
    parser: PhantomData<&'de ()>,
}

impl<'de, S: SeqAccess<'de>, M: MapAccess<'de>> JsonReader<'_, '_, 'de, S, M> {
    /// The value has a type that the member has not. The names are those of AWS's parser.
    fn mismatch(&self, at: &'static Member) -> Malformed {
        let wanted = match at.shape.kind {
            Kind::Boolean => "Boolean",
            Kind::Integer => "Integer",
            Kind::Long => "Long",
            Kind::Float => "Float",
            Kind::Double => "Double",
            Kind::Blob => "ByteBuffer",
            Kind::Timestamp(_) => "Date",
            _ => "String",
        };
        let structured = at.shape.is_structured();
        let token = match self.token {
            Token::List(_) | Token::Spent if structured => {
                return Malformed("Unexpected field type".to_owned());
            }
            Token::List(_) | Token::Spent => {
                return Malformed(format!("Unrecognized collection type class java.lang.{wanted}"));
            }
            Token::Object(_) => {
                return Malformed("Start of structure or map found where not expected.".to_owned());
            }
            _ if structured => return Malformed("Unexpected field type".to_owned()),
            Token::Null => "NULL_VALUE",
            Token::Boolean(true) => "TRUE_VALUE",
            Token::Boolean(false) => "FALSE_VALUE",
            Token::Unsigned(_) | Token::Signed(_) | Token::Double(_) => "NUMBER_VALUE",
            Token::Text(_) => "STRING_VALUE",
        };
        Malformed(format!("{token} cannot be converted to {wanted}"))
    }
}

impl<'de, S: SeqAccess<'de>, M: MapAccess<'de>> Reader for JsonReader<'_, '_, 'de, S, M> {
    fn is_null(&self) -> bool {
        matches!(self.token, Token::Null)
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        match self.token {
            Token::Boolean(value) => Ok(value),
            _ => Err(self.mismatch(at)),
        }
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        let number = match self.token {
            Token::Unsigned(value) => i64::try_from(value).ok(),
            Token::Signed(value) => Some(value),
            // 1e3 is a whole number; what a double cannot hold exactly is none.
            Token::Double(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => Some(value as i64),
            _ => None,
        };
        number.ok_or_else(|| self.mismatch(at))
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        match self.token {
            Token::Unsigned(value) => Ok(value as f64),
            Token::Signed(value) => Ok(value as f64),
            Token::Double(value) => Ok(value),
            Token::Text("NaN") => Ok(f64::NAN),
            Token::Text("Infinity") => Ok(f64::INFINITY),
            Token::Text("-Infinity") => Ok(f64::NEG_INFINITY),
            _ => Err(self.mismatch(at)),
        }
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        match self.token {
            Token::Text(text) => Ok(text.to_owned()),
            _ => Err(self.mismatch(at)),
        }
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        match self.token {
            Token::Text(text) => text::blob(text),
            _ => Err(self.mismatch(at)),
        }
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        let moment = match self.token {
            Token::Unsigned(value) => i64::try_from(value).ok().map(Timestamp::from_secs),
            Token::Signed(value) => Some(Timestamp::from_secs(value)),
            Token::Double(value) => text::epoch_double(value),
            Token::Text(text) => {
                Some(text::timestamp(text, at.timestamp_format_or(TimestampFormat::EpochSeconds))?)
            }
            _ => None,
        };
        moment.ok_or_else(|| self.mismatch(at))
    }

    fn document(&mut self, _: &'static Member) -> Result<Document, Malformed> {
        use serde::Deserialize;
        use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
        Ok(match std::mem::replace(&mut self.token, Token::Spent) {
            Token::Null => Document::Null,
            Token::Boolean(value) => value.into(),
            Token::Unsigned(value) => value.into(),
            Token::Signed(value) => value.into(),
            Token::Double(value) => value.into(),
            Token::Text(text) => text.into(),
            Token::List(items) => Document::deserialize(SeqAccessDeserializer::new(items))
                .map_err(|error| failure(self.shared, error))?,
            Token::Object(entries) => Document::deserialize(MapAccessDeserializer::new(entries))
                .map_err(|error| failure(self.shared, error))?,
            Token::Spent => unreachable!("a reader is read once"),
        })
    }

    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed> {
        self.blob(at).map(ByteStream::from)
    }

    fn structure(
        &mut self,
        shape: &'static Shape,
        _: Option<&'static Member>,
        each: Each<'_>,
    ) -> Result<(), Malformed> {
        let mut entries = match std::mem::replace(&mut self.token, Token::Spent) {
            Token::Object(entries) => entries,
            Token::List(_) => return Err(Malformed("Start of list found where not expected".to_owned())),
            _ => return Err(Malformed("Unexpected field type".to_owned())),
        };
        while let Some(key) =
            entries.next_key_seed(MemberKey(shape)).map_err(|error| failure(self.shared, error))?
        {
            let read = match key {
                Some(index) => {
                    let take: Take<'_> = &mut |from| if from.is_null() { Ok(()) } else { each(index, from) };
                    entries.next_value_seed(Value { shared: self.shared, take })
                }
                None => entries.next_value::<IgnoredAny>().map(drop),
            };
            read.map_err(|error| failure(self.shared, error))?;
        }
        Ok(())
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        let mut items = match std::mem::replace(&mut self.token, Token::Spent) {
            Token::List(items) => items,
            other => {
                self.token = other;
                return Err(self.mismatch(at));
            }
        };
        loop {
            let value = Value { shared: self.shared, take: each };
            match items.next_element_seed(value) {
                Ok(Some(())) => {}
                Ok(None) => return Ok(()),
                Err(error) => return Err(failure(self.shared, error)),
            }
        }
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        let mut entries = match std::mem::replace(&mut self.token, Token::Spent) {
            Token::Object(entries) => entries,
            other => {
                self.token = other;
                return Err(self.mismatch(at));
            }
        };
        while let Some(key) = entries.next_key::<String>().map_err(|error| failure(self.shared, error))? {
            let mut key = Some(key);
            let take: Take<'_> =
                &mut |from| each(key.take().expect("the parser hands out each value once"), from);
            entries
                .next_value_seed(Value { shared: self.shared, take })
                .map_err(|error| failure(self.shared, error))?;
        }
        Ok(())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}

/// Finds the member that a key names, without keeping the key.
struct MemberKey(&'static Shape);

impl<'de> DeserializeSeed<'de> for MemberKey {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<usize>, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberKey {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0.member_by_wire_name(key))
    }
}

/// The list or object inside a scalar: there is none.
enum Never {}

impl<'de> SeqAccess<'de> for Never {
    type Error = serde::de::value::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, _: T) -> Result<Option<T::Value>, Self::Error> {
        match *self {}
    }
}

impl<'de> MapAccess<'de> for Never {
    type Error = serde::de::value::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, _: K) -> Result<Option<K::Value>, Self::Error> {
        match *self {}
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, _: V) -> Result<V::Value, Self::Error> {
        match *self {}
    }
}
