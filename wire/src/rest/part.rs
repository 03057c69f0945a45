//! A value in a header, a label, a query parameter, or alone in the body.

use std::borrow::Cow;

use base::Timestamp;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, IncomingEvents, Malformed, Member, Notes, Reader, Shape,
    TimestampFormat,
};

use crate::events;
use crate::format::Format;
use crate::message::Body;
use crate::shared::{Shared, Take};
use crate::text;

pub(crate) enum Part<'r> {
    /// One text for a scalar, any number for a list.
    Texts(Vec<Cow<'r, str>>),
    Map(Vec<(String, Vec<Cow<'r, str>>)>),
    Body(&'r Body, Format),
}

pub(crate) struct PartReader<'r, 's> {
    pub part: Part<'r>,
    /// The format of timestamps that name none.
    pub timestamps: TimestampFormat,
    /// JSON values are base64 here.
    pub header: bool,
    pub shared: &'s mut Shared,
}

impl<'r> PartReader<'r, '_> {
    fn text(&self, at: &'static Member) -> Result<Cow<'r, str>, Malformed> {
        match &self.part {
            Part::Texts(texts) => Ok(texts.first().cloned().unwrap_or_default()),
            Part::Map(_) => Err(Malformed(format!("{} is a map", at.name))),
            Part::Body(body, _) => {
                let bytes = gathered(body, at)?;
                let text = String::from_utf8(bytes.into());
                text.map(Cow::Owned).map_err(|_| Malformed(format!("{} is not UTF-8", at.name)))
            }
        }
    }

    fn with(&mut self, texts: Vec<Cow<'r, str>>, read: Take<'_>) -> Result<(), Malformed> {
        let (timestamps, header) = (self.timestamps, self.header);
        read(&mut PartReader { part: Part::Texts(texts), timestamps, header, shared: self.shared })
    }
}

fn gathered(body: &Body, at: &'static Member) -> Result<Bytes, Malformed> {
    body.whole().ok_or_else(|| Malformed(format!("{} was not gathered before it was read", at.name)))
}

impl Reader for PartReader<'_, '_> {
    fn is_null(&self) -> bool {
        false
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        text::boolean(&self.text(at)?)
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        text::integer(&self.text(at)?)
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        text::double(&self.text(at)?)
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        let text = self.text(at)?;
        if !(self.header && at.json_value) {
            return Ok(text.into_owned());
        }
        let bytes = text::blob(&text)?;
        String::from_utf8(bytes.into()).map_err(|_| Malformed(format!("{} is not UTF-8", at.name)))
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        match &self.part {
            Part::Body(body, _) => gathered(body, at),
            _ => text::blob(&self.text(at)?),
        }
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        text::timestamp(&self.text(at)?, at.timestamp_format_or(self.timestamps))
    }

    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed> {
        serde_json::from_str(&self.text(at)?).map_err(|error| self.shared.syntax(error))
    }

    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed> {
        match &self.part {
            Part::Body(body, _) => Ok(body.to_stream()),
            _ => self.blob(at).map(ByteStream::from),
        }
    }

    fn structure(
        &mut self,
        shape: &'static Shape,
        _: Option<&'static Member>,
        _: Each<'_>,
    ) -> Result<(), Malformed> {
        Err(Malformed(format!("{} cannot stand outside of the body", shape.name)))
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        match std::mem::replace(&mut self.part, Part::Texts(Vec::new())) {
            Part::Texts(texts) => texts.into_iter().try_for_each(|text| self.with(vec![text], each)),
            _ => Err(Malformed(format!("{} is no list", at.name))),
        }
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        match std::mem::replace(&mut self.part, Part::Texts(Vec::new())) {
            Part::Map(entries) => entries.into_iter().try_for_each(|(key, texts)| {
                let mut key = Some(key);
                self.with(texts, &mut |from| each(key.take().expect("one value for one key"), from))
            }),
            _ => Err(Malformed(format!("{} is no map", at.name))),
        }
    }

    fn events(&mut self, at: &'static Member) -> Result<IncomingEvents, Malformed> {
        match &self.part {
            Part::Body(body, format) => Ok(events::read(*format, at.shape, body.to_stream())),
            _ => Err(Malformed(format!("{} is no stream of events", at.name))),
        }
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}
