//! What a SELECT shows: attributes and document paths, each under a name of its own.
//!
//! Unlike a projection expression, which keeps a path's place in the item, `SELECT a.b[0]` answers an attribute `b[0]`:
//! a path is called by its last name and the indexes behind it.

use super::error::unsupported;
use super::literal;
use super::tree;
use super::tree::{Node, Term};
use crate::error::ExpressionError;
use crate::expression::{Path, Step};
use crate::value::{Item, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Columns {
    /// `*`
    All,
    Listed(Vec<Column>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub path: Path,
}

impl Columns {
    /// What is shown of an item; of paths that lead nowhere, nothing.
    pub fn apply(&self, item: Item) -> Item {
        let Columns::Listed(columns) = self else { return item };
        columns
            .iter()
            .filter_map(|column| Some((column.name.clone(), column.path.resolve(&item)?.clone())))
            .collect()
    }

    /// The attributes that are read; `None` for all.
    pub fn attributes(&self) -> Option<Vec<&str>> {
        match self {
            Columns::All => None,
            Columns::Listed(columns) => {
                Some(columns.iter().map(|column| column.path.root.as_str()).collect())
            }
        }
    }
}

pub(super) fn columns(tree: &tree::Columns) -> Result<Columns, ExpressionError> {
    let tree::Columns::Listed(nodes) = tree else { return Ok(Columns::All) };
    nodes.iter().map(column).collect::<Result<_, _>>().map(Columns::Listed)
}

fn column(node: &Node) -> Result<Column, ExpressionError> {
    let path = match &node.term {
        Term::Name(_) | Term::Path(_, _) => path(node)?,
        Term::CallOfAll(name) | Term::Call(name, _) => {
            return Err(unsupported(format_args!("Unsupported function in projection: {name}"), node.span));
        }
        _ => return Err(unsupported("Unexpected expression in projection", node.span)),
    };
    Ok(Column { name: name_of(&path), path })
}

fn name_of(path: &Path) -> String {
    let mut name = path.root.clone();
    for step in &path.steps {
        match step {
            Step::Name(last) => name.clone_from(last),
            Step::Index(index) => name.push_str(&format!("[{index}]")),
        }
    }
    name
}

/// A path into an item, of names and of indexes that are whole numbers.
pub(super) fn path(node: &Node) -> Result<Path, ExpressionError> {
    let refused = |node: &Node| unsupported("Unexpected path component", node.span);
    match &node.term {
        Term::Name(name) => Ok(Path::attribute(name.as_str())),
        Term::Path(root, steps) => {
            let Term::Name(name) = &root.term else { return Err(refused(root)) };
            let mut path = Path::attribute(name.as_str());
            for step in steps {
                path.steps.push(match step {
                    tree::Step::Name(name) => Step::Name(name.clone()),
                    tree::Step::Wildcard => return Err(refused(node)),
                    tree::Step::Index(index) => Step::Index(place(index)?),
                });
            }
            Ok(path)
        }
        _ => Err(refused(node)),
    }
}

fn place(node: &Node) -> Result<usize, ExpressionError> {
    match literal::value(node) {
        Ok(Value::Number(number)) if !number.is_negative() => {
            number.to_i64().and_then(|place| usize::try_from(place).ok())
        }
        _ => None,
    }
    .ok_or_else(|| unsupported("Unexpected path component", node.span))
}
