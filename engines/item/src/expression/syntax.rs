//! What was written: trees as the parser leaves them, with placeholders still in place.

use super::condition::Comparator;
use super::update::Arithmetic;
use super::words::Keyword;

/// A condition or an operand; the grammar tells them apart only later, as DynamoDB does.
#[derive(Debug)]
pub(super) enum Node<'a> {
    And(Vec<Node<'a>>),
    Or(Vec<Node<'a>>),
    Not(Box<Node<'a>>),
    Compare(Comparator, Box<[Node<'a>; 2]>),
    /// The operand, the lower and the upper bound.
    Between(Box<[Node<'a>; 3]>),
    In(Box<Node<'a>>, Vec<Node<'a>>),
    Call(&'a str, Vec<Node<'a>>),
    Path(WrittenPath<'a>),
    /// `:value`
    Value(&'a str),
    Arithmetic(Arithmetic, Box<[Node<'a>; 2]>),
}

#[derive(Debug)]
pub(super) struct WrittenPath<'a> {
    /// Never empty.
    pub parts: Vec<Part<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    Word(&'a str),
    /// `#name`
    Name(&'a str),
    /// The digits between brackets.
    Index(&'a str),
}

/// SET, REMOVE, ADD or DELETE and what follows it.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub keyword: Keyword,
    pub actions: Vec<WrittenAction<'a>>,
}

#[derive(Debug)]
pub(super) struct WrittenAction<'a> {
    pub path: WrittenPath<'a>,
    /// All but REMOVE have one.
    pub value: Option<Node<'a>>,
}

impl<'a> Node<'a> {
    /// What lies directly within, in the order in which it was written.
    pub(super) fn children(&self) -> &[Node<'a>] {
        match self {
            Node::And(nodes) | Node::Or(nodes) | Node::Call(_, nodes) => nodes,
            Node::Not(node) => std::slice::from_ref(node),
            Node::Compare(_, nodes) | Node::Arithmetic(_, nodes) => nodes.as_slice(),
            Node::Between(nodes) => nodes.as_slice(),
            // The operand is not next to the options; who needs both asks for both.
            Node::In(_, options) => options,
            Node::Path(_) | Node::Value(_) => &[],
        }
    }
}
