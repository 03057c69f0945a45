//! Reads the parameters of awsQuery and ec2Query into typed values.

use std::borrow::Cow;

use base::Timestamp;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Malformed, Member, Notes, Reader, Shape, TimestampFormat,
};

use super::parameters::{self, Node};
use crate::names::{Naming, ec2_parameter};
use crate::shared::{Shared, Take};
use crate::text;

/// Reads the parameters of the URL and of the body, and hands the structure they make to `take`.
pub(crate) fn read(
    query: &str,
    body: &[u8],
    ec2: bool,
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), Malformed> {
    let body = std::str::from_utf8(body).map_err(|_| shared.syntax("the body is not UTF-8"))?;
    // A form may end in a line break when it was typed by hand.
    let parameters = parameters::parse([query, body.trim_end_matches(['\r', '\n'])], shared)?;
    take(&mut QueryReader { node: Node::root(&parameters), ec2, shared })
}

struct QueryReader<'p, 's> {
    node: Node<'p>,
    ec2: bool,
    shared: &'s mut Shared,
}

impl<'p> QueryReader<'p, '_> {
    fn text(&self, at: &'static Member) -> Result<&'p str, Malformed> {
        self.node
            .value
            .ok_or_else(|| Malformed(format!("Unexpected complex element termination at {}", at.name)))
    }

    fn name(&self, at: &'static Member) -> Cow<'static, str> {
        if self.ec2 { ec2_parameter(at) } else { Cow::Borrowed(Naming::Query.in_structure(at)) }
    }

    /// Where the items of a list or map stand, `None` if the collection is there and empty.
    fn collection(&self, at: &'static Member, wrapper: &str) -> Result<Option<Node<'p>>, Malformed> {
        match self.node.value {
            None | Some("") if self.node.is_leaf() => Ok(None),
            Some(text) if self.node.is_leaf() && !text.is_empty() => {
                Err(Malformed(format!("Unexpected list element termination at {}", at.name)))
            }
            _ if self.ec2 || at.is_flattened() => Ok(Some(self.node)),
            _ => Ok(self.node.child(wrapper)),
        }
    }

    fn with(&mut self, node: Node<'p>, read: Take<'_>) -> Result<(), Malformed> {
        self.shared.enter()?;
        read(&mut QueryReader { node, ec2: self.ec2, shared: self.shared })?;
        self.shared.leave();
        Ok(())
    }
}

impl Reader for QueryReader<'_, '_> {
    fn is_null(&self) -> bool {
        false
    }

    fn boolean(&mut self, at: &'static Member) -> Result<bool, Malformed> {
        text::boolean(self.text(at)?)
    }

    fn integer(&mut self, at: &'static Member) -> Result<i64, Malformed> {
        text::integer(self.text(at)?)
    }

    fn double(&mut self, at: &'static Member) -> Result<f64, Malformed> {
        text::double(self.text(at)?)
    }

    fn string(&mut self, at: &'static Member) -> Result<String, Malformed> {
        self.text(at).map(str::to_owned)
    }

    fn blob(&mut self, at: &'static Member) -> Result<Bytes, Malformed> {
        text::blob(self.text(at)?)
    }

    fn timestamp(&mut self, at: &'static Member) -> Result<Timestamp, Malformed> {
        text::timestamp(self.text(at)?, at.timestamp_format_or(TimestampFormat::Iso8601))
    }

    /// No model of these protocols has documents; JSON as text is what a test of all shapes gets.
    fn document(&mut self, at: &'static Member) -> Result<Document, Malformed> {
        serde_json::from_str(self.text(at)?).map_err(|error| Malformed(error.to_string()))
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
        for (index, member) in shape.members().iter().enumerate() {
            if let Some(node) = self.node.child(&self.name(member)) {
                self.with(node, &mut |from| each(index, from))?;
            }
        }
        Ok(())
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        let wrapper = Naming::Query.of(at.shape.element());
        // Some old clients leave the number away where there is one item.
        let bare = self.node.is_leaf() && self.node.value.is_some_and(|value| !value.is_empty());
        if bare && at.is_flattened() && !self.ec2 {
            return self.with(self.node, each);
        }
        if let Some(items) = self.collection(at, wrapper)? {
            for node in items.numbered()? {
                self.with(node, each)?;
            }
        }
        Ok(())
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        let (key_at, value_at) = at.shape.entry();
        if let Some(entries) = self.collection(at, "entry")? {
            for entry in entries.numbered()? {
                let key = entry.child(Naming::Query.of(key_at)).and_then(|node| node.value);
                let (Some(key), Some(value)) = (key, entry.child(Naming::Query.of(value_at))) else {
                    return Err(Malformed(format!("an entry of {} lacks its key or its value", at.name)));
                };
                self.with(value, &mut |from| each(key.to_owned(), from))?;
            }
        }
        Ok(())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}
