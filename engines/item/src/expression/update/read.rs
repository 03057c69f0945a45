//! Update expressions: from text to the tree.
//!
//! Behind the first pass the written paths are held against each other, before any value is looked at; then all names
//! and at last values and types, both from the last action back to the first.

use super::{Action, SetValue, Update};
use crate::error::ExpressionError;
use crate::expression::bind::{Binder, Bound};
use crate::expression::check::{self, Function, check_operands};
use crate::expression::syntax::{Node, Part, Section, WrittenAction, WrittenPath};
use crate::expression::words::Keyword;
use crate::expression::{Kind, Path, Placeholders, overlap, parser};
use crate::value::ValueType;

impl Update {
    /// Reads an `UpdateExpression`.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Update, ExpressionError> {
        placeholders.check_size()?;
        let sections = parser::parse_update(text)?;
        check::check_update(&sections)?;
        let mut binder = Binder { kind: Kind::Update, placeholders };
        let written: Vec<(Keyword, &WrittenAction<'_>)> = all_actions(&sections).collect();
        let mut paths = Vec::with_capacity(written.len());
        for (_, action) in &written {
            paths.push(binder.path(&action.path)?);
        }
        overlap::check(Kind::Update, &paths.iter().collect::<Vec<_>>())?;
        for (_, action) in written.iter().rev() {
            action.value.iter().try_for_each(|value| check_names(&binder, value))?;
        }
        let mut actions = Vec::with_capacity(written.len());
        for ((keyword, action), path) in written.iter().zip(paths).rev() {
            actions.push(binder.action(*keyword, path, action.value.as_ref())?);
        }
        actions.reverse();
        Ok(Update { actions })
    }
}

fn all_actions<'s, 'a>(
    sections: &'s [Section<'a>],
) -> impl Iterator<Item = (Keyword, &'s WrittenAction<'a>)> + use<'s, 'a> {
    sections.iter().flat_map(|section| section.actions.iter().map(|action| (section.keyword, action)))
}

/// That every `#name` within a value is defined.
fn check_names(binder: &Binder<'_>, node: &Node<'_>) -> Bound<()> {
    if let Node::Path(WrittenPath { parts }) = node {
        for part in parts {
            if let Part::Name(placeholder) = part
                && !binder.placeholders.has_name(placeholder)
            {
                return Err(binder.undefined_name(placeholder));
            }
        }
    }
    node.children().iter().try_for_each(|child| check_names(binder, child))
}

impl Binder<'_> {
    fn action(&mut self, keyword: Keyword, path: Path, value: Option<&Node<'_>>) -> Bound<Action> {
        let Some(value) = value else { return Ok(Action::Remove { path }) };
        if keyword == Keyword::Set {
            return Ok(Action::Set { path, value: self.set_value(value)? });
        }
        let Node::Value(placeholder) = value else { unreachable!("the grammar takes values only") };
        let value = self.value(placeholder)?;
        let found = value.value_type();
        let number = keyword == Keyword::Add && found == ValueType::Number;
        if !number && !found.is_set() {
            let (keyword, word) = (keyword.text(), found.word());
            return Err(self.kind.invalid(format!(
                "Incorrect operand type for operator or function; operator: {keyword}, operand type: {word}, \
                 typeSet: ALLOWED_FOR_{keyword}_OPERAND"
            )));
        }
        Ok(match keyword {
            Keyword::Add => Action::Add { path, value },
            _ => Action::Delete { path, value },
        })
    }

    fn set_value(&mut self, node: &Node<'_>) -> Bound<SetValue> {
        match node {
            Node::Path(path) => Ok(SetValue::Path(self.path(path)?)),
            Node::Value(placeholder) => Ok(SetValue::Value(self.value(placeholder)?)),
            Node::Arithmetic(operator, operands) => {
                let [left, right] = [self.set_value(&operands[0])?, self.set_value(&operands[1])?];
                self.operands_of(operator.text(), ValueType::Number, [&left, &right])?;
                Ok(SetValue::Arithmetic(*operator, Box::new(left), Box::new(right)))
            }
            Node::Call(name, arguments) => self.function(name, arguments),
            _ => unreachable!("the grammar has no such value"),
        }
    }

    fn function(&mut self, name: &str, arguments: &[Node<'_>]) -> Bound<SetValue> {
        let function = Function::of(name).expect("functions were checked before");
        check_operands(self.kind, name, function, arguments.len())?;
        let [first, second] = [self.set_value(&arguments[0])?, self.set_value(&arguments[1])?];
        if function == Function::ListAppend {
            self.operands_of(name, ValueType::List, [&first, &second])?;
            return Ok(SetValue::ListAppend(Box::new(first), Box::new(second)));
        }
        let SetValue::Path(path) = first else { return Err(self.needs_path(name)) };
        if matches!(&second, SetValue::Path(other) if *other == path) {
            return Err(self.same_operand(name, &path));
        }
        Ok(SetValue::IfNotExists(path, Box::new(second)))
    }

    fn operands_of(&self, operator: &str, allowed: ValueType, operands: [&SetValue; 2]) -> Bound<()> {
        for operand in operands {
            if let SetValue::Value(value) = operand
                && value.value_type() != allowed
            {
                return Err(self.wrong_type(operator, value.value_type().code()));
            }
        }
        Ok(())
    }
}
