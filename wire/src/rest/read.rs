//! Gathers the members of an input, or of an output, from all the places of a request or a response.

use std::borrow::Cow;

use http::HeaderMap;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Kind, Malformed, Member, Notes, Operation, Place,
    Reader, Shape, TimestampFormat,
};

use super::{Direction, Part, PartReader, header};
use crate::format::Format;
use crate::message::{Body, Request, Response};
use crate::shared::{Shared, Take};
use crate::text;
use crate::uri::{Labels, Template};

/// Everything that members may be in.
struct Message<'r> {
    labels: &'r Labels,
    query: Vec<(Cow<'r, str>, Cow<'r, str>)>,
    headers: &'r HeaderMap,
    status: u16,
    body: &'r Body,
}

pub(crate) fn read_request(
    format: Format,
    op: &'static Operation,
    request: &Request<'_>,
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), Malformed> {
    let matched;
    let labels = match request.labels {
        Some(labels) => labels,
        None => {
            matched = Template::parse(op.uri)
                .matches(request.path, request.query)
                .ok_or_else(|| Malformed(format!("the path is not that of {}", op.name)))?;
            &matched
        }
    };
    let query = parse_query(request.query).ok_or_else(|| shared.syntax("the query is not UTF-8"))?;
    let message = Message { labels, query, headers: request.headers, status: 0, body: &request.body };
    take(&mut RestReader { format, direction: Direction::Input, message: &message, shared })
}

pub(crate) fn read_response(
    format: Format,
    response: &Response,
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), Malformed> {
    let message = Message {
        labels: &Labels::default(),
        query: Vec::new(),
        headers: &response.headers,
        status: response.status.as_u16(),
        body: &response.body,
    };
    take(&mut RestReader { format, direction: Direction::Output, message: &message, shared })
}

fn parse_query(query: &str) -> Option<Vec<(Cow<'_, str>, Cow<'_, str>)>> {
    let pieces = query.split('&').filter(|piece| !piece.is_empty());
    let pairs = pieces.map(|piece| {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        Some((text::percent_decode(key, true)?, text::percent_decode(value, true)?))
    });
    pairs.collect()
}

/// Headers are ASCII by rule and UTF-8 by habit; other bytes are taken for Latin-1, so that nothing is lost.
fn header_text(value: &http::HeaderValue) -> Cow<'_, str> {
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => value.as_bytes().iter().map(|byte| *byte as char).collect(),
    }
}

/// The values of a header. A request has a dozen, and an input asks for forty that are not among them: that is faster
/// in a row than by hash.
fn named<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h http::HeaderValue> {
    let is_it = move |known: &http::HeaderName| known.as_str().eq_ignore_ascii_case(name);
    headers.iter().filter(move |(known, _)| is_it(known)).map(|(_, value)| value)
}

impl<'r> Message<'r> {
    /// The member's value where it is outside of the body, if it is there.
    fn part(&self, place: Place, member: &'static Member) -> Option<Part<'r>> {
        match place {
            Place::Label => {
                let text = self.labels.get(member.wire_name)?;
                Some(Part::Texts(vec![Cow::Borrowed(text)]))
            }
            Place::Query => {
                let values = self.query.iter().filter(|(key, _)| key == member.wire_name);
                let values: Vec<_> = values.map(|(_, value)| value.clone()).collect();
                (!values.is_empty()).then_some(Part::Texts(values))
            }
            // The map gets all parameters, even those that other members are bound to.
            Place::QueryMap => {
                let mut entries: Vec<(String, Vec<Cow<'r, str>>)> = Vec::new();
                for (key, value) in &self.query {
                    match entries.iter_mut().find(|(known, _)| known == key) {
                        Some((_, values)) => values.push(value.clone()),
                        None => entries.push((key.clone().into_owned(), vec![value.clone()])),
                    }
                }
                (!entries.is_empty()).then_some(Part::Map(entries))
            }
            Place::Header => {
                let mut values = named(self.headers, member.wire_name).map(header_text);
                let Kind::List { element, .. } = &member.shape.kind else {
                    return values.next().map(|value| Part::Texts(vec![value]));
                };
                let mut values = values.peekable();
                values.peek()?;
                let items = values.flat_map(|value| match value {
                    Cow::Borrowed(value) => header::split(value, element),
                    Cow::Owned(value) => header::split(&value, element)
                        .into_iter()
                        .map(|item| Cow::Owned(item.into_owned()))
                        .collect(),
                });
                Some(Part::Texts(items.collect()))
            }
            Place::HeaderPrefix => {
                let prefix = member.wire_name.to_ascii_lowercase();
                let with_prefix = self.headers.iter().filter_map(|(name, value)| {
                    let key = name.as_str().strip_prefix(&prefix)?;
                    Some((key.to_owned(), vec![header_text(value)]))
                });
                let entries: Vec<_> = with_prefix.collect();
                (!entries.is_empty()).then_some(Part::Map(entries))
            }
            Place::Status => Some(Part::Texts(vec![Cow::Owned(self.status.to_string())])),
            Place::Body => None,
        }
    }
}

struct RestReader<'r, 's> {
    format: Format,
    direction: Direction,
    message: &'r Message<'r>,
    shared: &'s mut Shared,
}

impl<'r> RestReader<'r, '_> {
    fn hand(&mut self, part: Part<'r>, place: Place, read: Take<'_>) -> Result<(), Malformed> {
        let header = matches!(place, Place::Header | Place::HeaderPrefix);
        let timestamps = if header { TimestampFormat::HttpDate } else { TimestampFormat::Iso8601 };
        read(&mut PartReader { part, timestamps, header, shared: self.shared })
    }

    /// The member that is the whole body.
    fn payload(&mut self, member: &'static Member, read: Take<'_>) -> Result<(), Malformed> {
        let body = self.message.body;
        let is_empty = body.whole().is_some_and(|bytes| bytes.is_empty());
        match member.shape.kind {
            _ if member.streaming => self.hand(Part::Body(body, self.format), Place::Body, read),
            Kind::Events { .. } => self.hand(Part::Body(body, self.format), Place::Body, read),
            // Nothing was sent; a blob that must be there is then an empty one.
            _ if is_empty && !(member.required && matches!(member.shape.kind, Kind::Blob)) => Ok(()),
            Kind::Blob | Kind::String | Kind::Enum(_) => {
                self.hand(Part::Body(body, self.format), Place::Body, read)
            }
            _ => match body.whole() {
                Some(bytes) => self.format.read(&bytes, self.shared, &mut |from| {
                    if from.is_null() { Ok(()) } else { read(from) }
                }),
                None => Err(Malformed("the body was not gathered before it was read".to_owned())),
            },
        }
    }

    /// The members that make up the body together.
    fn document_members(&mut self, shape: &'static Shape, each: Each<'_>) -> Result<(), Malformed> {
        let in_document = self.direction.in_document();
        let body = self.message.body.whole();
        let body =
            body.ok_or_else(|| Malformed("the body was not gathered before it was read".to_owned()))?;
        if body.is_empty() {
            return Ok(());
        }
        self.format.read(&body, self.shared, &mut |from| {
            from.structure(shape, None, &mut |index, from| {
                if in_document(&shape.members()[index]) { each(index, from) } else { Ok(()) }
            })
        })
    }
}

impl Reader for RestReader<'_, '_> {
    fn structure(
        &mut self,
        shape: &'static Shape,
        _: Option<&'static Member>,
        each: Each<'_>,
    ) -> Result<(), Malformed> {
        for (index, member) in shape.members().iter().enumerate() {
            let place = self.direction.place(member);
            if member.payload {
                self.payload(member, &mut |from| each(index, from))?;
            } else if let Some(part) = self.message.part(place, member) {
                self.hand(part, place, &mut |from| each(index, from))?;
            }
        }
        if shape.members().iter().any(self.direction.in_document()) {
            self.document_members(shape, each)?;
        }
        Ok(())
    }

    fn is_null(&self) -> bool {
        false
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        Err(no_value(at))
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        Err(no_value(at))
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        Err(no_value(at))
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        Err(no_value(at))
    }

    fn blob(&mut self, at: &'static Member) -> Result<bytes::Bytes, Malformed> {
        Err(no_value(at))
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<base::Timestamp, Malformed> {
        Err(no_value(at))
    }

    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed> {
        Err(no_value(at))
    }

    fn stream(&mut self, at: &'static Member) -> Result<ByteStream, Malformed> {
        Err(no_value(at))
    }

    fn list(&mut self, at: &'static Member, _: EachItem<'_>) -> Result<(), Malformed> {
        Err(no_value(at))
    }

    fn map(&mut self, at: &'static Member, _: EachEntry<'_>) -> Result<(), Malformed> {
        Err(no_value(at))
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}

/// A whole message is a structure and nothing else.
fn no_value(at: &'static Member) -> Malformed {
    Malformed(format!("{} is not a whole message", at.name))
}
