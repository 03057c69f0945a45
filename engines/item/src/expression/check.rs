//! The first pass over what was written: words, indexes, functions and where they stand.
//!
//! It goes from left to right and knows nothing of placeholders, so that a reserved word is told before a placeholder
//! that is not defined, wherever both are.

use super::Kind;
use super::syntax::{Node, Part, Section, WrittenPath};
use super::words::{Keyword, is_reserved};
use crate::error::ExpressionError;
use crate::limits::LIST_INDEX_MAX;

/// A function of one of the languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    AttributeExists,
    AttributeNotExists,
    AttributeType,
    BeginsWith,
    Contains,
    Size,
    IfNotExists,
    ListAppend,
}

impl Function {
    /// Names are in lower case, and only so.
    pub(super) fn of(name: &str) -> Option<Function> {
        Some(match name {
            "attribute_exists" => Function::AttributeExists,
            "attribute_not_exists" => Function::AttributeNotExists,
            "attribute_type" => Function::AttributeType,
            "begins_with" => Function::BeginsWith,
            "contains" => Function::Contains,
            "size" => Function::Size,
            "if_not_exists" => Function::IfNotExists,
            "list_append" => Function::ListAppend,
            _ => return None,
        })
    }

    pub(super) fn operands(self) -> usize {
        match self {
            Function::AttributeExists | Function::AttributeNotExists | Function::Size => 1,
            _ => 2,
        }
    }

    fn is_for_updates(self) -> bool {
        matches!(self, Function::IfNotExists | Function::ListAppend)
    }
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Where something true or false is expected.
    Condition,
    /// Where a value is expected.
    Operand,
    /// Within a function.
    Argument,
}

pub(super) fn check_condition(kind: Kind, node: &Node<'_>) -> Result<(), ExpressionError> {
    Checker { kind }.node(node, Place::Condition)
}

pub(super) fn check_paths(kind: Kind, paths: &[WrittenPath<'_>]) -> Result<(), ExpressionError> {
    paths.iter().try_for_each(|path| Checker { kind }.path(path))
}

/// Section by section, in the order in which each kind of section comes up first; a kind that comes twice is told
/// behind what is in it.
pub(super) fn check_update(sections: &[Section<'_>]) -> Result<(), ExpressionError> {
    let checker = Checker { kind: Kind::Update };
    let mut seen: Vec<Keyword> = Vec::new();
    for section in sections {
        if seen.contains(&section.keyword) {
            continue;
        }
        seen.push(section.keyword);
        let same: Vec<_> = sections.iter().filter(|other| other.keyword == section.keyword).collect();
        for action in same.iter().flat_map(|section| &section.actions) {
            checker.path(&action.path)?;
            action.value.iter().try_for_each(|value| checker.node(value, Place::Operand))?;
        }
        if same.len() > 1 {
            let keyword = section.keyword.text();
            return Err(Kind::Update.invalid(format!(
                "The \"{keyword}\" section can only be used once in an update expression;"
            )));
        }
    }
    Ok(())
}

struct Checker {
    kind: Kind,
}

impl Checker {
    fn node(&self, node: &Node<'_>, place: Place) -> Result<(), ExpressionError> {
        match node {
            Node::And(_) | Node::Or(_) | Node::Not(_) => self.nodes(node.children(), Place::Condition),
            Node::In(operand, options) => {
                self.node(operand, Place::Operand)?;
                self.nodes(options, Place::Operand)
            }
            Node::Compare(..) | Node::Between(_) | Node::Arithmetic(..) => {
                self.nodes(node.children(), Place::Operand)
            }
            Node::Call(name, arguments) => {
                self.call(name, arguments.len(), place)?;
                self.nodes(arguments, Place::Argument)
            }
            Node::Path(path) => self.path(path),
            Node::Value(_) => Ok(()),
        }
    }

    fn nodes(&self, nodes: &[Node<'_>], place: Place) -> Result<(), ExpressionError> {
        nodes.iter().try_for_each(|node| self.node(node, place))
    }

    fn call(&self, name: &str, operands: usize, place: Place) -> Result<(), ExpressionError> {
        let refuse = |why: &str| Err(self.kind.invalid(format!("{why}; function: {name}")));
        let Some(function) = Function::of(name) else { return refuse("Invalid function name") };
        if self.kind == Kind::Update {
            return match (function, place) {
                // Of the two functions only one may stand within a function.
                (Function::ListAppend, Place::Argument) => {
                    refuse("The function is not allowed to be used this way in an expression")
                }
                (Function::IfNotExists | Function::ListAppend, _) => Ok(()),
                _ => refuse("The function is not allowed in an update expression"),
            };
        }
        if function.is_for_updates() {
            return refuse("The function is not allowed in a condition expression");
        }
        // Only a size is a value, and it is no condition.
        if (place == Place::Condition) == (function == Function::Size) {
            return refuse("The function is not allowed to be used this way in an expression");
        }
        check_operands(self.kind, name, function, operands)
    }

    fn path(&self, path: &WrittenPath<'_>) -> Result<(), ExpressionError> {
        for part in &path.parts {
            match part {
                Part::Word(word) if is_reserved(word) => {
                    return Err(self
                        .kind
                        .invalid(format!("Attribute name is a reserved keyword; reserved keyword: {word}")));
                }
                Part::Index(digits) if index(digits).is_none() => {
                    return Err(self.kind.invalid(format!(
                        "List index is not within the allowable range; index: [{digits}]"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

pub(super) fn check_operands(
    kind: Kind,
    name: &str,
    function: Function,
    operands: usize,
) -> Result<(), ExpressionError> {
    if operands == function.operands() {
        return Ok(());
    }
    Err(kind.invalid(format!(
        "Incorrect number of operands for operator or function; operator or function: {name}, number of \
         operands: {operands}"
    )))
}

/// Unless it is out of range.
pub(super) fn index(digits: &str) -> Option<usize> {
    digits.parse::<u32>().ok().filter(|index| *index <= LIST_INDEX_MAX).map(|index| index as usize)
}
