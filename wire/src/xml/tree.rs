//! A document as elements, their attributes and their text.
//!
//! Members may come in any order, and a list without a wrapper may be scattered among others, so the document
//! is gathered first. It takes memory in proportion to its length: nothing expands. Document types, and with
//! them entities, are refused, as AWS does.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use crate::limits::{NESTING_DEPTH_MAX, XML_ATTRIBUTES_MAX, XML_ELEMENTS_MAX};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ElementId(u32);

/// The first element is the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    elements: Vec<Element>,
    attributes: usize,
}

#[derive(Debug)]
struct Element {
    /// Without its prefix.
    name: Box<str>,
    text: String,
    attributes: Vec<(Box<str>, Box<str>)>,
    first_child: Option<ElementId>,
    next_sibling: Option<ElementId>,
}

impl Tree {
    /// Parses a document; the error is a sentence for the log.
    pub fn parse(bytes: &[u8]) -> Result<Tree, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "the document is not UTF-8".to_owned())?;
        let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
        let mut tree = Tree::default();
        // The open elements, and the last child of each.
        let mut open: Vec<(ElementId, Option<ElementId>)> = Vec::new();
        loop {
            match reader.read_event().map_err(|error| error.to_string())? {
                Event::Start(start) => {
                    let id = tree.add(&start, &mut open)?;
                    if open.len() == NESTING_DEPTH_MAX {
                        return Err(format!("elements are nested more than {NESTING_DEPTH_MAX} levels deep"));
                    }
                    open.push((id, None));
                }
                Event::Empty(start) => {
                    tree.add(&start, &mut open)?;
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Text(text) => {
                    tree.append(&open, &text.xml10_content().map_err(|error| error.to_string())?)?;
                }
                Event::CData(text) => {
                    tree.append(&open, &text.xml10_content().map_err(|error| error.to_string())?)?;
                }
                Event::GeneralRef(reference) => {
                    tree.append(&open, resolve(&reference)?.encode_utf8(&mut [0; 4]))?
                }
                Event::DocType(_) => return Err("a document type is not allowed".to_owned()),
                Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
                Event::Eof => break,
            }
        }
        match (tree.elements.is_empty(), open.is_empty()) {
            (false, true) => Ok(tree),
            (true, _) => Err("the document has no element".to_owned()),
            (_, false) => Err("the document ends early".to_owned()),
        }
    }

    fn add(
        &mut self,
        start: &BytesStart<'_>,
        open: &mut [(ElementId, Option<ElementId>)],
    ) -> Result<ElementId, String> {
        let id = ElementId(self.elements.len() as u32);
        match open.last_mut() {
            Some((parent, last)) => {
                match last {
                    Some(last) => self.elements[last.index()].next_sibling = Some(id),
                    None => self.elements[parent.index()].first_child = Some(id),
                }
                *last = Some(id);
            }
            None if self.elements.is_empty() => {}
            None => return Err("the document has more than one root".to_owned()),
        }
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value =
                attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| error.to_string())?;
            attributes.push((utf8(attribute.key.as_ref())?.into(), value.as_ref().into()));
            if attributes.len() > XML_ATTRIBUTES_MAX {
                return Err(format!("an element has at most {XML_ATTRIBUTES_MAX} attributes"));
            }
        }
        self.attributes += attributes.len();
        if self.elements.len() + self.attributes >= XML_ELEMENTS_MAX {
            return Err(format!("a document has at most {XML_ELEMENTS_MAX} elements and attributes"));
        }
        self.elements.push(Element {
            name: utf8(start.local_name().as_ref())?.into(),
            text: String::new(),
            attributes,
            first_child: None,
            next_sibling: None,
        });
        Ok(id)
    }

    fn append(&mut self, open: &[(ElementId, Option<ElementId>)], text: &str) -> Result<(), String> {
        match open.last() {
            // Whitespace between elements is for people, and only makes structures longer here.
            Some((id, last)) => {
                if last.is_none() {
                    self.elements[id.index()].text.push_str(text);
                }
                Ok(())
            }
            None if text.trim().is_empty() => Ok(()),
            None => Err("there is text outside of the root".to_owned()),
        }
    }

    pub fn root(&self) -> ElementId {
        ElementId(0)
    }

    pub fn name(&self, id: ElementId) -> &str {
        &self.elements[id.index()].name
    }

    pub fn text(&self, id: ElementId) -> &str {
        &self.elements[id.index()].text
    }

    pub fn is_leaf(&self, id: ElementId) -> bool {
        self.elements[id.index()].first_child.is_none()
    }

    pub fn children(&self, id: ElementId) -> impl Iterator<Item = ElementId> + '_ {
        self.from(self.elements[id.index()].first_child)
    }

    /// The element and its later siblings of the same name.
    pub fn namesakes(&self, id: ElementId) -> impl Iterator<Item = ElementId> + '_ {
        self.from(Some(id)).filter(move |other| self.name(*other) == self.name(id))
    }

    fn from(&self, first: Option<ElementId>) -> impl Iterator<Item = ElementId> + '_ {
        std::iter::successors(first, |id| self.elements[id.index()].next_sibling)
    }

    pub fn child(&self, id: ElementId, name: &str) -> Option<ElementId> {
        self.children(id).find(|child| self.name(*child) == name)
    }

    /// An attribute by its name with its prefix, or by what stands behind the prefix.
    pub fn attribute(&self, id: ElementId, name: &str) -> Option<&str> {
        let attributes = &self.elements[id.index()].attributes;
        let local = |name: &str| name.rsplit(':').next().map(str::to_owned);
        let exact = attributes.iter().find(|(key, _)| **key == *name);
        let found = exact.or_else(|| attributes.iter().find(|(key, _)| local(key) == local(name)));
        found.map(|(_, value)| value.as_ref())
    }
}

impl ElementId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a name is not UTF-8".to_owned())
}

/// The character behind `&amp;` and its like. There are no others than XML's own five and the numbered ones.
fn resolve(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Some(character) = reference.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character);
    }
    match reference.as_ref() {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        _ => Err("an entity is not defined".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_out_as_it_was_meant() {
        let tree = Tree::parse(b"<a> x &amp; &#x41;<![CDATA[<y>]]>\r\n</a>").unwrap();
        assert_eq!(tree.text(tree.root()), " x & A<y>\n");
    }

    #[test]
    fn siblings_of_one_name_are_found_among_others() {
        let tree = Tree::parse(b"<n:a xmlns:n='u'><b>1</b><c/><n:b>2</n:b></n:a>").unwrap();
        let first = tree.child(tree.root(), "b").unwrap();
        let texts: Vec<_> = tree.namesakes(first).map(|id| tree.text(id)).collect();
        assert_eq!(texts, ["1", "2"]);
    }

    #[test]
    fn what_is_no_plain_document_is_refused() {
        for bad in [
            "",
            "x",
            "<a>",
            "<a/><b/>",
            "<a></b>",
            "<a>&x;</a>",
            "<a/>x",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>",
        ] {
            assert!(Tree::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
        assert!(Tree::parse(deep.as_bytes()).is_err());
    }
}
