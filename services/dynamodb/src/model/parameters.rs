//! Which parameters go together: expressions and what was there before them do not.
//!
//! DynamoDB looks at this before anything else in a request, and names all that are there, in its own order.

use std::collections::BTreeMap;

use dynamodb_api::AttributeValue;
use item_engine::Value;
use item_engine::expression::Placeholders;
use item_engine::legacy::check_mixture;

use crate::error::Error;
use crate::model::values;

pub type Names = BTreeMap<String, String>;
pub type Values = BTreeMap<String, Value>;

/// A parameter and whether the request has it.
pub type Given = (&'static str, bool);

/// The parameters of a request that are about expressions.
pub struct Styles<'a> {
    pub expressions: &'a [Given],
    pub older: &'a [Given],
    pub has_names: bool,
    pub has_values: bool,
}

const PROJECTION: &str = "ProjectionExpression";

impl Styles<'_> {
    pub fn check(&self) -> Result<(), Error> {
        check_mixture(self.older, self.expressions)?;
        let has_expression = self.expressions.iter().any(|(_, there)| *there);
        if self.has_names && !has_expression {
            let message = "ExpressionAttributeNames can only be specified when using expressions";
            return Err(Error::validation(message));
        }
        // Projections have no values.
        let with_values: Vec<Given> =
            self.expressions.iter().copied().filter(|(name, _)| *name != PROJECTION).collect();
        if self.has_values && with_values.iter().all(|(_, there)| !there) {
            let names: Vec<&str> = with_values.iter().map(|(name, _)| *name).collect();
            let verb = if names.len() > 1 { "are" } else { "is" };
            return Err(Error::validation(format!(
                "ExpressionAttributeValues can only be specified when using expressions: {} {verb} null",
                names.join(" and ")
            )));
        }
        Ok(())
    }
}

/// The values of placeholders; one that is none is told with its name.
pub fn expression_values(given: Option<BTreeMap<String, AttributeValue>>) -> Result<Option<Values>, Error> {
    let Some(given) = given else { return Ok(None) };
    let read = |(name, value): (String, AttributeValue)| match values::value(value) {
        Ok(value) => Ok((name, value)),
        Err(Error::Validation(message)) => Err(Placeholders::invalid_value(&name, &message).into()),
        Err(other) => Err(other),
    };
    given.into_iter().map(read).collect::<Result<Values, Error>>().map(Some)
}

/// PutItem and UpdateItem say of what is wrong with their parameters that it is one error; what they meet at the table or
/// at a limit they say bare.
pub fn in_envelope(error: Error) -> Error {
    match error {
        Error::Validation(message) if message != values::TOO_DEEP => {
            Error::Validation(format!("1 validation error detected: {message}"))
        }
        other => other,
    }
}

/// Names of `AttributesToGet`: each once.
pub fn check_distinct(names: Option<&[String]>) -> Result<(), Error> {
    let names = names.unwrap_or_default();
    let repeated = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
    repeated.map_or(Ok(()), |(_, name)| {
        Err(Error::invalid_values(format_args!("Duplicate value in attribute name: {name}")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(styles: &Styles<'_>) -> String {
        match styles.check() {
            Ok(()) => String::new(),
            Err(Error::Validation(message)) => message,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn expressions_and_what_was_before_them_do_not_mix() {
        let styles = Styles {
            expressions: &[("UpdateExpression", false), ("ConditionExpression", true)],
            older: &[("AttributeUpdates", true), ("Expected", true)],
            has_names: false,
            has_values: false,
        };
        assert_eq!(
            message(&styles),
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \
             {AttributeUpdates, Expected} Expression parameters: {ConditionExpression}"
        );
    }

    #[test]
    fn placeholders_need_an_expression() {
        let expressions = [("UpdateExpression", false), ("ConditionExpression", false)];
        let styles = Styles { expressions: &expressions, older: &[], has_names: true, has_values: true };
        assert_eq!(message(&styles), "ExpressionAttributeNames can only be specified when using expressions");
        let styles = Styles { has_names: false, ..styles };
        assert_eq!(
            message(&styles),
            "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and \
             ConditionExpression are null"
        );
        let expressions = [("ProjectionExpression", true), ("FilterExpression", false)];
        let styles = Styles { expressions: &expressions, ..styles };
        assert_eq!(
            message(&styles),
            "ExpressionAttributeValues can only be specified when using expressions: FilterExpression is null"
        );
    }

    #[test]
    fn an_attribute_is_asked_for_once() {
        let names = ["a", "b", "a"].map(str::to_owned);
        assert!(check_distinct(Some(&names[..2])).is_ok());
        assert_eq!(
            check_distinct(Some(&names)),
            Err(Error::invalid_values("Duplicate value in attribute name: a"))
        );
    }
}
