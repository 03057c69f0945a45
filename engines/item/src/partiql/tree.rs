//! What a statement says, before anything is known of what DynamoDB makes of it.

use super::error::malformed;
use super::lexer::Span;
use super::limits::STATEMENT_DEPTH_MAX;
use crate::error::ExpressionError;
use crate::value::Value;

/// An expression, where it stands, and how deep it is: what walks over trees calls itself.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub term: Term,
    pub span: Span,
    depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Term {
    /// Also a parameter, which is known by now.
    Literal(Value),
    Missing,
    Name(String),
    Path(Box<Node>, Vec<Step>),
    List(Vec<Node>),
    Bag(Vec<Node>),
    Struct(Vec<(Node, Node)>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// Of `=`, `<>`, `<`, `<=`, `>`, `>=`, `+`, `-`, `*`, `/`, `%` and `||`.
    Binary(&'static str, Box<Node>, Box<Node>),
    /// A sign before what is no number.
    Sign(Box<Node>),
    Between {
        operand: Box<Node>,
        low: Box<Node>,
        high: Box<Node>,
        negated: bool,
    },
    In {
        operand: Box<Node>,
        list: Box<Node>,
        negated: bool,
    },
    Like {
        operand: Box<Node>,
        pattern: Box<Node>,
    },
    Is {
        operand: Box<Node>,
        type_name: String,
        negated: bool,
    },
    Call(String, Vec<Node>),
    /// `count(*)`.
    CallOfAll(String),
    Select(Box<SelectTree>),
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Name(String),
    Index(Box<Node>),
    /// `.*` and `[*]`.
    Wildcard,
}

/// Where rows come from, and what was said of it that is no part of DynamoDB's language.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub node: Node,
    pub alias: Option<(String, Span)>,
}

#[derive(Debug, Clone)]
pub(super) enum Columns {
    All,
    Listed(Vec<Node>),
}

#[derive(Debug, Clone)]
pub(super) struct SelectTree {
    pub columns: Columns,
    pub source: Source,
    pub condition: Option<Node>,
    pub order: Option<(Vec<SortSpec>, Span)>,
    /// The first clause or alias that DynamoDB has not.
    pub foreign: Option<(&'static str, Span)>,
}

#[derive(Debug, Clone)]
pub(super) struct SortSpec {
    pub node: Node,
    pub descending: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Set(Node, Node),
    Remove(Node),
}

#[derive(Debug, Clone)]
pub(super) enum StatementTree {
    Select(SelectTree),
    Insert { target: Node, item: Node, returning: Option<ReturningTree> },
    Update { source: Source, changes: Vec<Change>, condition: Option<Node>, returning: Option<ReturningTree> },
    Delete { source: Source, condition: Option<Node>, returning: Option<ReturningTree> },
    Exists { arguments: Vec<Node>, span: Span },
}

#[derive(Debug, Clone)]
pub(super) struct ReturningTree {
    pub what: &'static str,
    pub span: Span,
}

impl Node {
    /// Refuses what is nested too deep.
    pub(super) fn new(term: Term, span: Span) -> Result<Node, ExpressionError> {
        let depth = 1 + term.children_depth();
        if depth > STATEMENT_DEPTH_MAX {
            return Err(malformed(format_args!("Nesting deeper than {STATEMENT_DEPTH_MAX} levels")));
        }
        Ok(Node { term, span, depth })
    }

    pub(super) fn literal(value: Value, span: Span) -> Node {
        Node { term: Term::Literal(value), span, depth: 1 }
    }

    /// Chains of AND, as of OR, are one node: a long one is no deep one.
    pub(super) fn and(self, other: Node) -> Term {
        match self.term {
            Term::And(mut nodes) => {
                nodes.push(other);
                Term::And(nodes)
            }
            term => Term::And(vec![Node { term, ..self }, other]),
        }
    }

    pub(super) fn or(self, other: Node) -> Term {
        match self.term {
            Term::Or(mut nodes) => {
                nodes.push(other);
                Term::Or(nodes)
            }
            term => Term::Or(vec![Node { term, ..self }, other]),
        }
    }
}

impl Term {
    fn children_depth(&self) -> usize {
        let deepest = |nodes: &[Node]| nodes.iter().map(|node| node.depth).max().unwrap_or_default();
        match self {
            Term::Literal(_) | Term::Missing | Term::Name(_) | Term::CallOfAll(_) => 0,
            Term::Path(root, steps) => steps.iter().map(Step::depth).fold(root.depth, usize::max),
            Term::List(nodes)
            | Term::Bag(nodes)
            | Term::And(nodes)
            | Term::Or(nodes)
            | Term::Call(_, nodes) => deepest(nodes),
            Term::Struct(members) => {
                members.iter().map(|(name, value)| name.depth.max(value.depth)).max().unwrap_or_default()
            }
            Term::Not(node) | Term::Sign(node) | Term::Is { operand: node, .. } => node.depth,
            Term::Binary(_, left, right) => left.depth.max(right.depth),
            Term::Between { operand, low, high, .. } => operand.depth.max(low.depth).max(high.depth),
            Term::In { operand, list: other, .. } | Term::Like { operand, pattern: other } => {
                operand.depth.max(other.depth)
            }
            Term::Select(select) => select.depth(),
        }
    }
}

impl Step {
    fn depth(&self) -> usize {
        match self {
            Step::Index(node) => node.depth,
            Step::Name(_) | Step::Wildcard => 0,
        }
    }
}

impl SelectTree {
    fn depth(&self) -> usize {
        let columns = match &self.columns {
            Columns::All => 0,
            Columns::Listed(nodes) => nodes.iter().map(|node| node.depth).max().unwrap_or_default(),
        };
        let condition = self.condition.as_ref().map_or(0, |node| node.depth);
        columns.max(condition).max(self.source.node.depth)
    }
}
