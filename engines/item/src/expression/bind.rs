//! The second pass: placeholders are put in, and operands are checked for what they are.
//!
//! Types are known of values and sizes; a path may be anything until an item is there. DynamoDB goes through the
//! expression once, from left to right: operands of a node, then the node.

use std::sync::Arc;

use super::check::{Function, index};
use super::condition::{Comparator, Condition, Operand};
use super::syntax::{Node, Part, WrittenPath};
use super::{Kind, Path, Placeholders, Step};
use crate::error::ExpressionError;
use crate::limits::{IN_OPERANDS_MAX, PATH_DEPTH_MAX};
use crate::value::{Value, ValueType};

pub(super) type Bound<T> = Result<T, ExpressionError>;

/// What `attribute_type` takes, in the order in which DynamoDB lists it.
const TYPE_NAMES: &str = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}";
/// The types of an operand of `attribute_type` that is no value.
const ANY_TYPE: &str = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}";

const SCALARS: [ValueType; 3] = [ValueType::String, ValueType::Number, ValueType::Binary];

pub(super) struct Binder<'p> {
    pub kind: Kind,
    pub placeholders: &'p mut Placeholders,
}

impl Binder<'_> {
    pub(super) fn path(&mut self, written: &WrittenPath<'_>) -> Bound<Path> {
        let mut parts = written.parts.iter();
        let mut path = match parts.next() {
            Some(Part::Word(word)) => Path::attribute(*word),
            Some(Part::Name(placeholder)) => Path::attribute(self.name(placeholder)?),
            Some(Part::Index(_)) | None => unreachable!("the grammar starts a path with a name"),
        };
        for part in parts {
            path.steps.push(match part {
                Part::Word(word) => Step::Name((*word).to_owned()),
                Part::Name(placeholder) => Step::Name(self.name(placeholder)?),
                Part::Index(digits) => Step::Index(index(digits).expect("indexes were checked before")),
            });
        }
        if path.depth() > PATH_DEPTH_MAX {
            return Err(self.kind.invalid(format!(
                "The document path has too many nesting levels; nesting levels: {}",
                path.depth()
            )));
        }
        Ok(path)
    }

    fn name(&mut self, placeholder: &str) -> Bound<String> {
        match self.placeholders.name(placeholder) {
            Some(name) => Ok(name.to_owned()),
            None => Err(self.undefined_name(placeholder)),
        }
    }

    pub(super) fn undefined_name(&self, placeholder: &str) -> ExpressionError {
        self.kind.invalid(format!(
            "An expression attribute name used in the document path is not defined; attribute name: {placeholder}"
        ))
    }

    pub(super) fn value(&mut self, placeholder: &str) -> Bound<Arc<Value>> {
        self.placeholders.value(placeholder).ok_or_else(|| {
            self.kind.invalid(format!(
                "An expression attribute value used in expression is not defined; attribute value: {placeholder}"
            ))
        })
    }

    pub(super) fn condition(&mut self, node: &Node<'_>) -> Bound<Condition> {
        match node {
            Node::And(nodes) => Ok(Condition::And(self.conditions(nodes)?)),
            Node::Or(nodes) => Ok(Condition::Or(self.conditions(nodes)?)),
            Node::Not(node) => Ok(Condition::Not(Box::new(self.condition(node)?))),
            Node::Compare(comparator, operands) => self.compare(*comparator, operands),
            Node::Between(operands) => self.between(operands),
            Node::In(operand, options) => self.one_of(operand, options),
            Node::Call(name, arguments) => self.call(name, arguments),
            Node::Path(_) | Node::Value(_) | Node::Arithmetic(..) => {
                unreachable!("the grammar has no such condition")
            }
        }
    }

    fn conditions(&mut self, nodes: &[Node<'_>]) -> Bound<Vec<Condition>> {
        nodes.iter().map(|node| self.condition(node)).collect()
    }

    fn compare(&mut self, comparator: Comparator, operands: &[Node<'_>; 2]) -> Bound<Condition> {
        let left = self.operand(&operands[0])?;
        let right = self.operand(&operands[1])?;
        self.distinct(comparator.text(), &left, [&right])?;
        if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
            self.of_types(comparator.text(), [&left, &right], &SCALARS)?;
        }
        Ok(Condition::Compare { left, comparator, right })
    }

    fn between(&mut self, operands: &[Node<'_>; 3]) -> Bound<Condition> {
        let operand = self.operand(&operands[0])?;
        let low = self.operand(&operands[1])?;
        let high = self.operand(&operands[2])?;
        self.distinct("BETWEEN", &operand, [&low, &high])?;
        self.of_types("BETWEEN", [&operand, &low, &high], &SCALARS)?;
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high) {
            let rule = match low.compare(high) {
                None => Some("same data type for lower and upper bounds"),
                Some(std::cmp::Ordering::Greater) => {
                    Some("upper bound to be greater than or equal to lower bound")
                }
                Some(_) => None,
            };
            if let Some(rule) = rule {
                let (low, high) = (bound_text(low), bound_text(high));
                return Err(self.kind.invalid(format!(
                    "The BETWEEN operator requires {rule}; lower bound operand: AttributeValue: {low}, upper \
                     bound operand: AttributeValue: {high}"
                )));
            }
        }
        Ok(Condition::Between { operand, low, high })
    }

    fn one_of(&mut self, operand: &Node<'_>, options: &[Node<'_>]) -> Bound<Condition> {
        let operand = self.operand(operand)?;
        let options = options.iter().map(|option| self.operand(option)).collect::<Bound<Vec<_>>>()?;
        if options.len() > IN_OPERANDS_MAX {
            let count = options.len();
            return Err(self.kind.invalid(format!(
                "The IN operator is provided with too many operands; number of operands: {count}"
            )));
        }
        self.distinct("IN", &operand, &options)?;
        Ok(Condition::In { operand, options })
    }

    fn call(&mut self, name: &str, arguments: &[Node<'_>]) -> Bound<Condition> {
        let function = Function::of(name).expect("functions were checked before");
        let mut operands = arguments.iter().map(|node| self.operand(node)).collect::<Bound<Vec<_>>>()?;
        let second = (operands.len() > 1).then(|| operands.remove(1));
        let first = operands.remove(0);
        let needs_path = matches!(
            function,
            Function::AttributeExists | Function::AttributeNotExists | Function::AttributeType
        );
        if needs_path && !matches!(first, Operand::Path(_)) {
            return Err(self.needs_path(name));
        }
        self.distinct(name, &first, &second)?;
        match (function, first, second) {
            (Function::AttributeExists, Operand::Path(path), None) => Ok(Condition::Exists(path)),
            (Function::AttributeNotExists, Operand::Path(path), None) => Ok(Condition::NotExists(path)),
            (Function::AttributeType, Operand::Path(path), Some(named)) => {
                Ok(Condition::HasType { path, value_type: self.named_type(&named)? })
            }
            (Function::BeginsWith, operand, Some(prefix)) => {
                self.of_types(name, [&operand, &prefix], &[ValueType::String, ValueType::Binary])?;
                Ok(Condition::BeginsWith { operand, prefix })
            }
            (Function::Contains, operand, Some(element)) => Ok(Condition::Contains { operand, element }),
            _ => unreachable!("functions and their operands were checked before"),
        }
    }

    fn operand(&mut self, node: &Node<'_>) -> Bound<Operand> {
        match node {
            Node::Path(path) => Ok(Operand::Path(self.path(path)?)),
            Node::Value(placeholder) => Ok(Operand::Value(self.value(placeholder)?)),
            Node::Call(name, arguments) => {
                let operand = self.operand(&arguments[0])?;
                const SIZED: [ValueType; 7] = [
                    ValueType::String,
                    ValueType::Binary,
                    ValueType::StringSet,
                    ValueType::NumberSet,
                    ValueType::BinarySet,
                    ValueType::List,
                    ValueType::Map,
                ];
                self.of_types(name, [&operand], &SIZED)?;
                Ok(Operand::Size(Box::new(operand)))
            }
            _ => unreachable!("the grammar has no such operand"),
        }
    }

    /// The type that the second operand of `attribute_type` names.
    fn named_type(&self, named: &Operand) -> Bound<ValueType> {
        let wrong = |found: &str| Err(self.wrong_type("attribute_type", found));
        match named {
            Operand::Path(_) => wrong(ANY_TYPE),
            Operand::Size(_) => wrong(ValueType::Number.code()),
            Operand::Value(value) => match &**value {
                Value::String(name) => ValueType::from_code(name).ok_or_else(|| {
                    self.kind.invalid(format!(
                        "Invalid attribute type name found; type: {name}, valid types: {TYPE_NAMES}"
                    ))
                }),
                other => wrong(other.value_type().code()),
            },
        }
    }

    /// That an attribute is not held against itself.
    fn distinct<'o>(
        &self,
        operator: &str,
        first: &Operand,
        others: impl IntoIterator<Item = &'o Operand>,
    ) -> Bound<()> {
        let Operand::Path(path) = first else { return Ok(()) };
        if others.into_iter().any(|other| other == first) {
            return Err(self.same_operand(operator, path));
        }
        Ok(())
    }

    pub(super) fn same_operand(&self, operator: &str, path: &Path) -> ExpressionError {
        self.kind.invalid(format!(
            "The first operand must be distinct from the remaining operands for this operator or function; \
             operator: {operator}, first operand: {path}"
        ))
    }

    pub(super) fn needs_path(&self, function: &str) -> ExpressionError {
        self.kind.invalid(format!(
            "Operator or function requires a document path; operator or function: {function}"
        ))
    }

    pub(super) fn wrong_type(&self, operator: &str, found: &str) -> ExpressionError {
        self.kind.invalid(format!(
            "Incorrect operand type for operator or function; operator or function: {operator}, operand type: \
             {found}"
        ))
    }

    fn of_types<'o>(
        &self,
        operator: &str,
        operands: impl IntoIterator<Item = &'o Operand>,
        allowed: &[ValueType],
    ) -> Bound<()> {
        for found in operands.into_iter().filter_map(Operand::known_type) {
            if !allowed.contains(&found) {
                return Err(self.wrong_type(operator, found.code()));
            }
        }
        Ok(())
    }
}

/// As the messages about bounds have it. Binaries are shown as the service's own language shows them.
fn bound_text(value: &Value) -> String {
    let code = value.value_type().code();
    match value {
        Value::String(text) => format!("{{{code}:{text}}}"),
        Value::Number(number) => format!("{{{code}:{number}}}"),
        Value::Binary(bytes) => {
            let length = bytes.len();
            format!("{{{code}:java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]}}")
        }
        _ => format!("{{{code}}}"),
    }
}
