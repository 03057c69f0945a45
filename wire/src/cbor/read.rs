//! Reads CBOR straight into typed values.
//!
//! A length that the input claims is only ever counted down, never allocated. Readers accept what RFC 8949
//! allows and not only what AWS's clients send: indefinite lengths, half floats, tags other than 1.

use base::Timestamp;
use bytes::Bytes;
use minicbor::Decoder;
use minicbor::data::Type;
use schema::{ByteStream, Document, Each, EachEntry, EachItem, Malformed, Member, Notes, Reader, Shape};

use crate::shared::{Shared, Take};
use crate::text;

/// Reads one value and hands it to `take`. Bytes behind it are an error.
pub(crate) fn read(bytes: &[u8], shared: &mut Shared, take: Take<'_>) -> Result<(), Malformed> {
    let mut decoder = Decoder::new(bytes);
    CborReader { decoder: &mut decoder, shared, is_read: false }.hand_to(take)?;
    if decoder.position() == bytes.len() {
        Ok(())
    } else {
        Err(shared.syntax("there are bytes behind the value"))
    }
}

struct CborReader<'a, 'b> {
    decoder: &'a mut Decoder<'b>,
    shared: &'a mut Shared,
    /// The value was read, so that the decoder stands behind it.
    is_read: bool,
}

type Decoded<T> = Result<T, minicbor::decode::Error>;

impl<'b> CborReader<'_, 'b> {
    /// Lets the value be read, and gets past it if it was not.
    fn hand_to(mut self, take: Take<'_>) -> Result<(), Malformed> {
        take(&mut self)?;
        if self.is_read { Ok(()) } else { self.decode(Decoder::skip) }
    }

    fn child(&mut self, take: Take<'_>) -> Result<(), Malformed> {
        self.shared.enter()?;
        CborReader { decoder: self.decoder, shared: self.shared, is_read: false }.hand_to(take)?;
        self.shared.leave();
        Ok(())
    }

    fn decode<T>(&mut self, decode: impl FnOnce(&mut Decoder<'b>) -> Decoded<T>) -> Result<T, Malformed> {
        self.is_read = true;
        decode(self.decoder).map_err(|error| self.shared.syntax(error))
    }

    fn datatype(&mut self) -> Result<Type, Malformed> {
        self.decoder.datatype().map_err(|error| self.shared.syntax(error))
    }

    fn mismatch(&mut self, at: &'static Member) -> Malformed {
        match self.decoder.datatype() {
            Ok(found) => Malformed(format!("{} cannot be a CBOR {found}", at.name)),
            Err(error) => self.shared.syntax(error),
        }
    }

    /// The text that comes next, in one piece or in several.
    fn text(&mut self) -> Result<String, Malformed> {
        self.decode(|decoder| {
            let mut text = String::new();
            for piece in decoder.str_iter()? {
                text.push_str(piece?);
            }
            Ok(text)
        })
    }

    /// Whether another item comes, given how many are left of those that were announced.
    fn another(&mut self, left: &mut Option<u64>) -> Result<bool, Malformed> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None if self.datatype()? == Type::Break => {
                self.decode(|decoder| {
                    decoder.set_position(decoder.position() + 1);
                    Ok(())
                })?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn begin_map(&mut self) -> Result<Option<u64>, Malformed> {
        match self.datatype()? {
            Type::Map | Type::MapIndef => self.decode(Decoder::map),
            other => Err(Malformed(format!("a structure or map cannot be a CBOR {other}"))),
        }
    }

    fn number(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        match self.datatype()? {
            Type::F16 => self.decode(Decoder::f16).map(f64::from),
            Type::F32 => self.decode(Decoder::f32).map(f64::from),
            Type::F64 => self.decode(Decoder::f64),
            found if is_integer(found) => self.decode(Decoder::int).map(|int| i128::from(int) as f64),
            _ => Err(self.mismatch(at)),
        }
    }
}

fn is_integer(found: Type) -> bool {
    use Type::{I8, I16, I32, I64, Int, U8, U16, U32, U64};
    matches!(found, U8 | U16 | U32 | U64 | I8 | I16 | I32 | I64 | Int)
}

impl Reader for CborReader<'_, '_> {
    fn is_null(&self) -> bool {
        !self.is_read && matches!(self.decoder.datatype(), Ok(Type::Null | Type::Undefined))
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        match self.datatype()? {
            Type::Bool => self.decode(Decoder::bool),
            _ => Err(self.mismatch(at)),
        }
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        if !is_integer(self.datatype()?) {
            return Err(self.mismatch(at));
        }
        let number = i128::from(self.decode(Decoder::int)?);
        i64::try_from(number).map_err(|_| Malformed(format!("{number} is not a 64-bit integer")))
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        self.number(at)
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        match self.datatype()? {
            Type::String | Type::StringIndef => self.text(),
            _ => Err(self.mismatch(at)),
        }
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        match self.datatype()? {
            Type::Bytes => self.decode(Decoder::bytes).map(Bytes::copy_from_slice),
            Type::BytesIndef => self.decode(|decoder| {
                let pieces: Decoded<Vec<&[u8]>> = decoder.bytes_iter()?.collect();
                Ok(pieces?.concat().into())
            }),
            _ => Err(self.mismatch(at)),
        }
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        if self.datatype()? == Type::Tag {
            self.decode(Decoder::tag)?;
        }
        if is_integer(self.datatype()?) {
            return self.integer(at).map(Timestamp::from_secs);
        }
        let seconds = self.number(at)?;
        text::epoch_double(seconds).ok_or_else(|| Malformed(format!("{seconds} is not a timestamp")))
    }

    /// No model of this protocol has documents yet; their JSON has an obvious form here all the same.
    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed> {
        while self.datatype()? == Type::Tag {
            self.decode(Decoder::tag)?;
        }
        Ok(match self.datatype()? {
            Type::Bytes | Type::BytesIndef => text::base64(&self.blob(at)?).into(),
            Type::Null | Type::Undefined => self.decode(Decoder::skip).map(|()| Document::Null)?,
            Type::Bool => self.decode(Decoder::bool)?.into(),
            Type::String | Type::StringIndef => self.text()?.into(),
            Type::F16 | Type::F32 | Type::F64 => self.number(at)?.into(),
            Type::Array | Type::ArrayIndef => {
                let mut items = Vec::new();
                self.items(&mut |from| {
                    items.push(from.document(at)?);
                    Ok(())
                })?;
                items.into()
            }
            Type::Map | Type::MapIndef => {
                let mut entries = serde_json::Map::new();
                self.map(at, &mut |key, from| {
                    entries.insert(key, from.document(at)?);
                    Ok(())
                })?;
                entries.into()
            }
            found if is_integer(found) => self.integer(at)?.into(),
            _ => return Err(self.mismatch(at)),
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
        let mut left = self.begin_map()?;
        while self.another(&mut left)? {
            let index = match self.datatype()? {
                Type::String => member(shape, self.decode(Decoder::str)?),
                Type::StringIndef => member(shape, &self.text()?),
                other => return Err(Malformed(format!("a key cannot be a CBOR {other}"))),
            };
            match index {
                Some(index) => {
                    self.child(&mut |from| if from.is_null() { Ok(()) } else { each(index, from) })?;
                }
                None => self.decode(Decoder::skip)?,
            }
        }
        Ok(())
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        match self.datatype()? {
            Type::Array | Type::ArrayIndef => self.items(each),
            _ => Err(self.mismatch(at)),
        }
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        let mut left = self.begin_map()?;
        while self.another(&mut left)? {
            if !matches!(self.datatype()?, Type::String | Type::StringIndef) {
                return Err(Malformed(format!("a key of {} is no text", at.name)));
            }
            let mut key = Some(self.text()?);
            self.child(&mut |from| each(key.take().expect("a child is handed out once"), from))?;
        }
        Ok(())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}

impl CborReader<'_, '_> {
    fn items(&mut self, each: EachItem<'_>) -> Result<(), Malformed> {
        let mut left = self.decode(Decoder::array)?;
        while self.another(&mut left)? {
            self.child(each)?;
        }
        Ok(())
    }
}

/// The protocol names members as the model does; botocore sends the name on the wire where that differs.
fn member(shape: &'static Shape, key: &str) -> Option<usize> {
    let named = shape.members().iter().position(|member| member.name == key);
    named.or_else(|| shape.member_by_wire_name(key))
}
