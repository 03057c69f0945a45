//! Reads the elements of a document into typed values.

use base::Timestamp;
use bytes::Bytes;
use schema::{
    ByteStream, Document, Each, EachEntry, EachItem, Malformed, Member, Notes, Reader, Shape, TimestampFormat,
};

use super::tree::{ElementId, Tree};
use crate::names::Naming;
use crate::shared::{Shared, Take};
use crate::text;

/// Reads one document and hands its root to `take`.
pub(crate) fn read(
    bytes: &[u8],
    naming: Naming,
    shared: &mut Shared,
    take: Take<'_>,
) -> Result<(), Malformed> {
    let tree = Tree::parse(bytes).map_err(|error| shared.syntax(error))?;
    take(&mut XmlReader { tree: &tree, at: Place::Element(tree.root()), naming, shared })
}

/// One element, or one attribute, as a value.
pub(crate) struct XmlReader<'t, 's> {
    pub tree: &'t Tree,
    pub at: Place<'t>,
    pub naming: Naming,
    pub shared: &'s mut Shared,
}

#[derive(Clone, Copy)]
pub(crate) enum Place<'t> {
    Element(ElementId),
    Attribute(&'t str),
}

impl<'t> XmlReader<'t, '_> {
    fn text(&self, at: &'static Member) -> Result<&'t str, Malformed> {
        match self.at {
            Place::Attribute(text) => Ok(text),
            Place::Element(id) if self.tree.is_leaf(id) => Ok(self.tree.text(id)),
            Place::Element(_) => Err(Malformed(format!("{} has elements where text belongs", at.name))),
        }
    }

    fn element(&self) -> Result<ElementId, Malformed> {
        match self.at {
            Place::Element(id) => Ok(id),
            Place::Attribute(_) => Err(Malformed("an attribute has no members".to_owned())),
        }
    }

    fn with(&mut self, at: Place<'t>, read: Take<'_>) -> Result<(), Malformed> {
        self.shared.enter()?;
        read(&mut XmlReader { tree: self.tree, at, naming: self.naming, shared: self.shared })?;
        self.shared.leave();
        Ok(())
    }

    /// Reads each part of a list or map: the namesakes of an element without a wrapper, else its children.
    fn parts(&mut self, at: &'static Member, wrapped: &str, read: Take<'_>) -> Result<(), Malformed> {
        let (tree, element) = (self.tree, self.element()?);
        if at.is_flattened() {
            for part in tree.namesakes(element) {
                self.with(Place::Element(part), read)?;
            }
            return Ok(());
        }
        for part in tree.children(element).filter(|part| tree.name(*part) == wrapped) {
            self.with(Place::Element(part), read)?;
        }
        Ok(())
    }
}

impl Reader for XmlReader<'_, '_> {
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
        let (tree, element) = (self.tree, self.element()?);
        for (index, member) in shape.members().iter().enumerate().filter(|(_, member)| member.xml_attribute) {
            if let Some(text) = tree.attribute(element, self.naming.of(member)) {
                self.with(Place::Attribute(text), &mut |from| each(index, from))?;
            }
        }
        // An element that comes again belongs to a list without a wrapper, which reads all of them at once.
        let mut seen = vec![false; shape.members().len()];
        for child in tree.children(element) {
            if let Some(index) = self.naming.find(shape, tree.name(child))
                && !std::mem::replace(&mut seen[index], true)
            {
                self.with(Place::Element(child), &mut |from| each(index, from))?;
            }
        }
        Ok(())
    }

    fn list(&mut self, at: &'static Member, each: EachItem<'_>) -> Result<(), Malformed> {
        self.parts(at, self.naming.of(at.shape.element()), each)
    }

    fn map(&mut self, at: &'static Member, each: EachEntry<'_>) -> Result<(), Malformed> {
        let (key_at, value_at) = at.shape.entry();
        let (key_name, value_name) = (self.naming.of(key_at), self.naming.of(value_at));
        let (tree, naming, flattened) = (self.tree, self.naming, at.is_flattened());
        let element = self.element()?;
        let entries: &mut dyn Iterator<Item = ElementId> = if flattened {
            &mut tree.namesakes(element)
        } else {
            &mut tree.children(element).filter(|entry| tree.name(*entry) == "entry")
        };
        for entry in entries {
            let (Some(key), Some(value)) = (tree.child(entry, key_name), tree.child(entry, value_name))
            else {
                return Err(Malformed(format!("an entry of {} lacks its key or its value", at.name)));
            };
            self.shared.enter()?;
            let place = Place::Element(value);
            each(tree.text(key).to_owned(), &mut XmlReader { tree, at: place, naming, shared: self.shared })?;
            self.shared.leave();
        }
        Ok(())
    }

    fn notes(&mut self) -> &mut Notes {
        &mut self.shared.notes
    }
}
