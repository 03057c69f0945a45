//! The parameters of a Query request, sorted, so that everything below a name is one run of neighbours.

use std::borrow::Cow;
use std::ops::Range;

use schema::Malformed;

use crate::limits::QUERY_PARAMETERS_MAX;
use crate::shared::Shared;
use crate::text;

pub(crate) type Parameter<'b> = (Cow<'b, str>, Cow<'b, str>);

/// Reads `a=1&b=2` from the URL and from the body into one sorted list.
pub(crate) fn parse<'b>(sources: [&'b str; 2], shared: &mut Shared) -> Result<Vec<Parameter<'b>>, Malformed> {
    let mut parameters = Vec::new();
    for piece in sources.into_iter().flat_map(|source| source.split('&')).filter(|piece| !piece.is_empty()) {
        if parameters.len() == QUERY_PARAMETERS_MAX {
            return Err(Malformed(format!("a request has at most {QUERY_PARAMETERS_MAX} parameters")));
        }
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        let decode = |text| text::percent_decode(text, true);
        let (Some(key), Some(value)) = (decode(key), decode(value)) else {
            return Err(shared.syntax("a parameter is not percent-encoded UTF-8"));
        };
        parameters.push((key, value));
    }
    parameters.sort_by(|one, two| one.0.as_bytes().cmp(two.0.as_bytes()));
    Ok(parameters)
}

/// The first value of a parameter in an undecoded query string or form. For routers that look for `Action`.
pub fn parameter<'t>(pairs: &'t str, name: &str) -> Option<Cow<'t, str>> {
    pairs.split('&').find_map(|piece| {
        let (key, value) = piece.split_once('=').unwrap_or((piece, ""));
        (text::percent_decode(key, true)? == name).then(|| text::percent_decode(value, true))?
    })
}

/// What stands at one name: a value, and the parameters below it, whose keys begin with the name and a dot.
#[derive(Clone, Copy)]
pub(crate) struct Node<'p> {
    pub value: Option<&'p str>,
    below: &'p [Parameter<'p>],
    /// How much of each key below is the name above it, with its dot.
    skip: usize,
}

impl<'p> Node<'p> {
    pub fn root(parameters: &'p [Parameter<'p>]) -> Node<'p> {
        Node { value: None, below: parameters, skip: 0 }
    }

    pub fn is_leaf(&self) -> bool {
        self.below.is_empty()
    }

    fn rest(&self, parameter: &'p Parameter<'p>) -> &'p str {
        &parameter.0[self.skip..]
    }

    /// The node one step down, if any parameter is at or below it.
    pub fn child(&self, name: &str) -> Option<Node<'p>> {
        let exact = self.below.partition_point(|parameter| self.rest(parameter) < name);
        let value = self.below.get(exact).filter(|parameter| self.rest(parameter) == name);
        let dotted = || name.bytes().chain([b'.']);
        let start = self.below.partition_point(|parameter| self.rest(parameter).bytes().lt(dotted()));
        let inside = |parameter: &Parameter<'_>| {
            let rest = &parameter.0[self.skip..];
            rest.len() > name.len() && rest.as_bytes()[name.len()] == b'.' && rest.starts_with(name)
        };
        let end = start + self.below[start..].partition_point(inside);
        let value = value.map(|parameter| parameter.1.as_ref());
        (value.is_some() || start < end).then(|| self.descend(value, start..end, name.len()))
    }

    /// The nodes at the numbers below this one, in the numbers' order. Gaps between them cost nothing.
    pub fn numbered(&self) -> Result<Vec<Node<'p>>, Malformed> {
        let mut nodes: Vec<(u32, &'p str, Node<'p>)> = Vec::new();
        for (index, parameter) in self.below.iter().enumerate() {
            let rest = self.rest(parameter);
            let (number, is_leaf) = rest.split_once('.').map_or((rest, true), |(number, _)| (number, false));
            if !matches!(nodes.last(), Some((_, last, _)) if *last == number) {
                let order = number
                    .parse()
                    .map_err(|_| Malformed("Key of a list item must be a positive integer".to_owned()))?;
                nodes.push((order, number, self.descend(None, index..index, number.len())));
            }
            let (_, _, node) = nodes.last_mut().expect("one was pushed if there was none");
            if is_leaf {
                node.value = node.value.or(Some(parameter.1.as_ref()));
                node.below = &self.below[index + 1..index + 1];
            } else {
                let start = index - node.below.len();
                node.below = &self.below[start..=index];
            }
        }
        nodes.sort_by_key(|(order, _, _)| *order);
        Ok(nodes.into_iter().map(|(_, _, node)| node).collect())
    }

    fn descend(&self, value: Option<&'p str>, below: Range<usize>, name: usize) -> Node<'p> {
        Node { value, below: &self.below[below], skip: self.skip + name + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, check: impl Fn(Node<'_>)) {
        let parameters = parse([text, ""], &mut Shared::default()).unwrap();
        check(Node::root(&parameters));
    }

    #[test]
    fn neighbours_that_share_letters_are_kept_apart() {
        with("A=1&A-b=2&A.c=3&AB=4&A.c.d=5", |root| {
            let a = root.child("A").unwrap();
            assert_eq!(a.value, Some("1"));
            assert_eq!(a.child("c").unwrap().value, Some("3"));
            assert_eq!(a.child("c").unwrap().child("d").unwrap().value, Some("5"));
            assert_eq!(root.child("AB").unwrap().value, Some("4"));
            assert!(root.child("AC").is_none() && a.child("d").is_none());
        });
    }

    #[test]
    fn items_come_in_the_order_of_their_numbers_whatever_the_gaps() {
        with("L.10=c&L.2=b&L.4000000000=d&L.1.x=a&L.1.y=a2", |root| {
            let items = root.child("L").unwrap().numbered().unwrap();
            let values: Vec<_> = items.iter().map(|item| item.value).collect();
            assert_eq!(values, [None, Some("b"), Some("c"), Some("d")]);
            assert_eq!(items[0].child("x").unwrap().value, Some("a"));
            assert_eq!(items[0].child("y").unwrap().value, Some("a2"));
        });
        with("L.x=1", |root| assert!(root.child("L").unwrap().numbered().is_err()));
    }

    #[test]
    fn a_parameter_is_found_without_decoding_all() {
        assert_eq!(parameter("Version=1&Action=Send%4Dessage", "Action").as_deref(), Some("SendMessage"));
        assert_eq!(parameter("Version=1", "Action"), None);
    }
}
