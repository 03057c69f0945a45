//! YAML as cloud-init's users know it: what Python's safe loader makes of it, which is YAML 1.1.
//!
//! So `no` is false and `0644` is octal, if they are not quoted. The parser gives events; this builds a tree of them that
//! keeps texts as they were written, bounded in size and depth however often aliases repeat a part.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::content;
use crate::limits::{USER_DATA_BYTES_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX};

#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order of the text. Of two equal keys the last counts.
    Map(Map),
}

pub type Map = Vec<(String, Node)>;

#[derive(Clone, Debug, PartialEq)]
pub struct Scalar {
    text: String,
    /// Written without quotes, so that it may mean a number, a truth value or nothing.
    plain: bool,
    binary: bool,
}

impl Node {
    pub fn list(&self) -> Option<&[Node]> {
        match self {
            Node::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn map(&self) -> Option<&Map> {
        match self {
            Node::Map(map) => Some(map),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Node::Scalar(scalar)
            if scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text as it was written, whatever it means. None for lists, maps and null.
    pub fn text(&self) -> Option<&str> {
        match self {
            Node::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The bytes of a text, or of a `!!binary`.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        match self {
            Node::Scalar(scalar) if scalar.binary => content::base64(scalar.text.as_bytes()),
            other => Ok(other.text().unwrap_or_default().as_bytes().to_vec()),
        }
    }

    /// A truth value, also one in quotes, as cloud-init takes it.
    pub fn truth(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        }
    }

    /// Whether it is a truth value without quotes that says no.
    pub fn is_false(&self) -> bool {
        matches!(self, Node::Scalar(scalar) if scalar.plain)
            && self.truth() == Some(false)
            && self.text() != Some("0")
    }

    /// A number without quotes: octal with a leading zero, as in YAML 1.1.
    pub fn number(&self) -> Option<u32> {
        let Node::Scalar(Scalar { text, plain: true, .. }) = self else { return None };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_prefix('0') {
            Some(octal) if digits(octal) => u32::from_str_radix(octal, 8).ok(),
            _ if digits(text) => text.parse().ok(),
            _ => None,
        }
    }
}

/// The value of a key.
pub fn get<'a>(map: &'a Map, key: &str) -> Option<&'a Node> {
    map.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// The first document of a text; nothing is null. The error is a sentence without a full stop.
pub fn parse(text: &str) -> Result<Node, String> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            format!("it is not YAML: {} (line {}, column {})", error.info(), at.line(), at.col() + 1)
        })?;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let binary = tag.as_ref().is_some_and(|tag| tag.suffix.ends_with("binary"));
                let stated = tag.as_ref().is_some_and(|tag| tag.suffix.ends_with("str"));
                let plain = style == ScalarStyle::Plain && !stated;
                tree.add(Node::Scalar(Scalar { text: text.into_owned(), plain, binary }), anchor)?;
            }
            Event::SequenceStart(anchor, _) => tree.open(Open::List(Vec::new()), anchor)?,
            Event::MappingStart(anchor, _) => tree.open(Open::Map(Vec::new(), None), anchor)?,
            Event::SequenceEnd | Event::MappingEnd => tree.close()?,
            Event::Alias(anchor) => tree.alias(anchor, span.start.line())?,
            Event::DocumentEnd => break,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => {}
        }
    }
    Ok(tree.root.unwrap_or(Node::Scalar(Scalar { text: String::new(), plain: true, binary: false })))
}

enum Open {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Map, Option<String>),
}

#[derive(Default)]
struct Tree {
    /// What is begun, with its anchor, the outermost first.
    open: Vec<(Open, usize)>,
    root: Option<Node>,
    /// Anchors begin at one; zero is none.
    anchors: HashMap<usize, Node>,
    nodes: usize,
    bytes: usize,
}

impl Tree {
    fn open(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        if self.open.len() >= YAML_DEPTH_MAX {
            return Err(format!("it nests deeper than {YAML_DEPTH_MAX} levels"));
        }
        self.open.push((open, anchor));
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        match self.open.pop() {
            Some((Open::List(list), anchor)) => self.add(Node::List(list), anchor),
            Some((Open::Map(map, _), anchor)) => self.add(Node::Map(merged(map)), anchor),
            None => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<(), String> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(format!("an alias in line {line} refers to what encloses it"));
        };
        self.count(&node)?;
        self.place(node)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), String> {
        match &node {
            Node::Scalar(scalar) => self.charge(1, scalar.text.len())?,
            _ => self.charge(1, 0)?,
        }
        if anchor > 0 {
            self.count(&node)?;
            self.anchors.insert(anchor, node.clone());
        }
        self.place(node)
    }

    fn place(&mut self, node: Node) -> Result<(), String> {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(list), _)) => list.push(node),
            Some((Open::Map(map, key), _)) => match key.take() {
                Some(key) => map.push((key, node)),
                None => match node {
                    Node::Scalar(scalar) => *key = Some(scalar.text),
                    _ => return Err("a key is a list or a map".to_owned()),
                },
            },
        }
        Ok(())
    }

    /// Charges a node that is copied.
    fn count(&mut self, node: &Node) -> Result<(), String> {
        match node {
            Node::Scalar(scalar) => self.charge(1, scalar.text.len()),
            Node::List(list) => {
                self.charge(1, 0)?;
                list.iter().try_for_each(|node| self.count(node))
            }
            Node::Map(map) => {
                self.charge(1, 0)?;
                map.iter().try_for_each(|(key, node)| {
                    self.charge(0, key.len())?;
                    self.count(node)
                })
            }
        }
    }

    fn charge(&mut self, nodes: usize, bytes: usize) -> Result<(), String> {
        self.nodes += nodes;
        self.bytes += bytes;
        if self.nodes > YAML_NODES_MAX || self.bytes > USER_DATA_BYTES_MAX {
            return Err("it is too large when its aliases are followed".to_owned());
        }
        Ok(())
    }
}

/// Follows merge keys: `<<` gives a map what it lacks.
fn merged(map: Map) -> Map {
    if !map.iter().any(|(key, _)| key == "<<") {
        return map;
    }
    let (sources, mut own): (Map, Map) = map.into_iter().partition(|(key, _)| key == "<<");
    for (_, source) in sources {
        let maps = match source {
            Node::List(list) => list,
            other => vec![other],
        };
        for (key, value) in maps.into_iter().filter_map(|node| node.map().cloned()).flatten() {
            if get(&own, &key).is_none() {
                own.push((key, value));
            }
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Node {
        let node = parse(&format!("key: {text}\n")).unwrap();
        get(node.map().unwrap(), "key").unwrap().clone()
    }

    #[test]
    fn plain_words_mean_what_yaml_1_1_says() {
        for (text, truth, number) in [
            ("yes", Some(true), None),
            ("Off", Some(false), None),
            ("'no'", Some(false), None),
            ("0644", None, Some(0o644)),
            ("644", None, Some(644)),
            ("'0644'", None, None),
            ("0888", None, None),
            ("~", None, None),
            ("fog", None, None),
        ] {
            assert_eq!((value(text).truth(), value(text).number()), (truth, number), "{text}");
        }
        assert!(value("no").is_false() && !value("'no'").is_false() && !value("0").is_false());
        assert!(value("").is_null() && value("~").is_null() && !value("''").is_null());
    }

    #[test]
    fn aliases_and_merge_keys_are_followed() {
        let node = parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: *a\n").unwrap();
        let map = node.map().unwrap();
        let b = get(map, "b").unwrap().map().unwrap();
        assert_eq!(get(b, "x").unwrap().text(), Some("1"));
        assert_eq!(get(b, "y").unwrap().text(), Some("3"));
        assert_eq!(get(map, "a"), get(map, "c"));
    }

    #[test]
    fn what_would_not_fit_is_refused() {
        let laughs = "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n\
            c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n\
            e: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n";
        assert_eq!(parse(laughs), Err("it is too large when its aliases are followed".to_owned()));
        assert_eq!(parse(&"[".repeat(40)), Err("it nests deeper than 32 levels".to_owned()));
        assert!(parse(&"[".repeat(10_000)).is_err());
        assert!(parse("a: [").unwrap_err().starts_with("it is not YAML: "));
        assert!(parse("? [a]\n: b\n").is_err());
        assert!(parse("a: &a [*a]\n").is_err());
    }

    #[test]
    fn binary_is_decoded_and_an_empty_text_is_null() {
        assert_eq!(value("!!binary Zm9n").bytes(), Ok(b"fog".to_vec()));
        assert!(parse("").unwrap().is_null());
        assert!(parse("# nothing\n").unwrap().is_null());
    }
}
