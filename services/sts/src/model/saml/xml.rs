//! XML as far as signatures need it: a strictly bounded tree, and its exclusive canonical form
//! (<https://www.w3.org/TR/xml-exc-c14n/>, without comments).
//!
//! Surprising: a text may be split by comments, which the canonical form leaves out. Whoever reads only the first part
//! reads something else than what was signed, so [`text`] joins all parts.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use crate::limits::{XML_DEPTH_MAX, XML_NODES_MAX};

pub const SAML: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
pub const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
pub const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";

/// Reads a document without a document type definition, so without entities of its own.
pub fn parse(text: &str) -> Option<Document<'_>> {
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: XML_NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let mut depths = vec![0_usize; document.descendants().count()];
    for node in document.descendants().filter(|node| !node.is_root()) {
        let parent = node.parent()?.id().get_usize();
        let depth = depths.get(parent)? + 1;
        *depths.get_mut(node.id().get_usize())? = depth;
        if depth > XML_DEPTH_MAX {
            return None;
        }
    }
    Some(document)
}

/// The children of that name.
pub fn children<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'input>> {
    node.children().filter(move |child| child.has_tag_name((namespace, name)))
}

/// The one child of that name; nothing if there are several, of which nobody could say which is meant.
pub fn only_child<'a, 'input>(
    node: Node<'a, 'input>,
    namespace: &'static str,
    name: &'static str,
) -> Option<Node<'a, 'input>> {
    let mut found = children(node, namespace, name);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// All of an element's own text, trimmed. Nothing if it has elements within.
pub fn text(node: Node<'_, '_>) -> Option<String> {
    if node.children().any(|child| child.is_element()) {
        return None;
    }
    let parts = node.children().filter(|child| child.is_text()).filter_map(|part| part.text());
    Some(parts.collect::<String>().trim().to_owned())
}

/// Namespaces by prefix; the default one has the empty prefix.
type Namespaces<'a> = BTreeMap<&'a str, &'a str>;

/// The exclusive canonical form of an element, one of its descendants left out. `inclusive` lists the prefixes that
/// are treated as in the inclusive form, with `#default` for the default namespace.
pub fn canonical(element: Node<'_, '_>, without: Option<Node<'_, '_>>, inclusive: &[&str]) -> String {
    let mut writer = Canonical { out: String::new(), without, inclusive };
    writer.element(element, &Namespaces::new());
    writer.out
}

struct Canonical<'a, 'input> {
    out: String,
    without: Option<Node<'a, 'input>>,
    inclusive: &'a [&'a str],
}

impl Canonical<'_, '_> {
    /// Recursion is bounded by the depth that [`parse`] allows.
    fn element(&mut self, node: Node<'_, '_>, written: &Namespaces<'_>) {
        let name = qualified_name(node);
        let mut attributes: Vec<_> = node
            .attributes()
            .map(|attribute| {
                let source = node.document().input_text();
                (
                    attribute.namespace().unwrap_or_default(),
                    attribute.name(),
                    &source[attribute.range_qname()],
                    attribute,
                )
            })
            .collect();
        attributes.sort_by_key(|(namespace, local, ..)| (*namespace, *local));

        let mut wanted: Vec<&str> = vec![prefix(name).unwrap_or_default()];
        wanted.extend(attributes.iter().filter_map(|(_, _, name, _)| prefix(name)));
        let listed = self.inclusive.iter().map(|listed| if *listed == "#default" { "" } else { listed });
        wanted.extend(
            listed.filter(|listed| listed.is_empty() || node.lookup_namespace_uri(Some(listed)).is_some()),
        );
        wanted.sort_unstable();
        wanted.dedup();
        let mut now_written = written.clone();
        self.out.push('<');
        self.out.push_str(name);
        for prefix in wanted.into_iter().filter(|prefix| *prefix != "xml") {
            let uri = node.lookup_namespace_uri((!prefix.is_empty()).then_some(prefix)).unwrap_or_default();
            if written.get(prefix).copied().unwrap_or_default() == uri {
                continue;
            }
            self.out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.out.push_str(prefix);
            self.value(uri);
            now_written.insert(prefix, uri);
        }
        for (_, _, name, attribute) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.value(attribute.value());
        }
        self.out.push('>');
        for child in node.children() {
            if Some(child) == self.without {
                continue;
            }
            if child.is_element() {
                self.element(child, &now_written);
            } else if child.is_text() {
                self.text(child.text().unwrap_or_default());
            } else if let Some(instruction) = child.pi() {
                let value = instruction.value.map(|value| format!(" {value}")).unwrap_or_default();
                self.out.extend(["<?", instruction.target, &value, "?>"]);
            }
        }
        self.out.extend(["</", name, ">"]);
    }

    fn value(&mut self, value: &str) {
        self.out.push_str("=\"");
        for c in value.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '"' => self.out.push_str("&quot;"),
                '\t' => self.out.push_str("&#x9;"),
                '\n' => self.out.push_str("&#xA;"),
                '\r' => self.out.push_str("&#xD;"),
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '\r' => self.out.push_str("&#xD;"),
                other => self.out.push(other),
            }
        }
    }
}

/// An element's name as it is written, with its prefix: the tree keeps the namespace, but two prefixes may stand for
/// the same one, and the canonical form keeps them apart.
fn qualified_name<'input>(node: Node<'_, 'input>) -> &'input str {
    let source = &node.document().input_text()[node.range()];
    let name = source.trim_start_matches('<');
    name.split(|c: char| c.is_ascii_whitespace() || c == '/' || c == '>').next().unwrap_or_default()
}

fn prefix(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str, name: &str, inclusive: &[&str]) -> String {
        let document = parse(text).unwrap();
        let element = document.descendants().find(|node| node.tag_name().name() == name).unwrap();
        canonical(element, None, inclusive)
    }

    #[test]
    fn the_canonical_form_is_that_of_the_standard() {
        for (source, expected) in [
            ("<a/>", "<a></a>"),
            ("<?xml version=\"1.0\"?>\n<a >x</a >\n<!-- c -->", "<a>x</a>"),
            ("<a b='1' a=\"2\"/>", "<a a=\"2\" b=\"1\"></a>"),
            ("<a>1<!-- c -->2<?p q?></a>", "<a>12<?p q?></a>"),
            ("<a><![CDATA[<&>]]>&#13;\r\n</a>", "<a>&lt;&amp;&gt;&#xD;\n</a>"),
            ("<a b='&quot;&apos;&#9;&#10;&lt;\n'/>", "<a b=\"&quot;'&#x9;&#xA;&lt; \"></a>"),
            // Unused namespaces are left out, used ones stand where they are first used.
            (
                "<a xmlns='u' xmlns:x='v' xmlns:y='w'><x:b y:c='1'/><d xmlns=''/></a>",
                "<a xmlns=\"u\"><x:b xmlns:x=\"v\" xmlns:y=\"w\" y:c=\"1\"></x:b><d xmlns=\"\"></d></a>",
            ),
            // Attributes go by namespace first, then by name; those without one lead.
            (
                "<a xmlns:z='1' xmlns:y='2' z:b='' y:a='' c=''/>",
                "<a xmlns:y=\"2\" xmlns:z=\"1\" c=\"\" z:b=\"\" y:a=\"\"></a>",
            ),
            (
                "<x:a xmlns:x='u'><x:b xmlns:x='u'/><x:c xmlns:x='w'/></x:a>",
                "<x:a xmlns:x=\"u\"><x:b></x:b><x:c xmlns:x=\"w\"></x:c></x:a>",
            ),
            ("<a xml:lang='en'/>", "<a xml:lang=\"en\"></a>"),
        ] {
            let name = if source.contains("<x:a") || source.contains("<a") { "a" } else { "" };
            assert_eq!(form(source, name, &[]), expected, "{source}");
        }
    }

    #[test]
    fn a_part_takes_along_what_it_uses_of_its_ancestors() {
        let source = "<r xmlns='d' xmlns:x='u' xmlns:y='v'><x:a><b y:c=''/></x:a></r>";
        assert_eq!(
            form(source, "a", &[]),
            "<x:a xmlns:x=\"u\"><b xmlns=\"d\" xmlns:y=\"v\" y:c=\"\"></b></x:a>"
        );
        let inclusive = ["y", "#default", "unknown"];
        assert_eq!(
            form(source, "a", &inclusive),
            "<x:a xmlns=\"d\" xmlns:x=\"u\" xmlns:y=\"v\"><b y:c=\"\"></b></x:a>"
        );
    }

    #[test]
    fn texts_are_read_whole() {
        let document = parse("<a> admin<!-- -->.evil <b/></a>").unwrap();
        assert_eq!(text(document.root_element()), None, "an element within");
        let document = parse("<a> admin<!-- -->.<![CDATA[evil]]> </a>").unwrap();
        assert_eq!(text(document.root_element()).as_deref(), Some("admin.evil"));
    }

    #[test]
    fn documents_are_bounded() {
        assert!(parse("<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>").is_none());
        let deep = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&deep(XML_DEPTH_MAX)).is_some());
        assert!(parse(&deep(XML_DEPTH_MAX + 1)).is_none());
        let many = format!("<a>{}</a>", "<b/>".repeat(XML_NODES_MAX as usize));
        assert!(parse(&many).is_none());
        assert!(parse("<a><b></a>").is_none());
    }
}
