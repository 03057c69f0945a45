//! Old and new parameters do not mix, and an operator without conditions means nothing.

use super::ConditionalOperator;
use crate::error::ExpressionError;

/// Refuses a request with parameters of both kinds. Each is a name and whether the request has it, in DynamoDB's
/// order; `KeyConditions` is left out by a Query without a `KeyConditionExpression`.
pub fn check_mixture(older: &[(&str, bool)], expressions: &[(&str, bool)]) -> Result<(), ExpressionError> {
    let given = |parameters: &[(&str, bool)]| {
        let names: Vec<&str> = parameters.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
        names.join(", ")
    };
    let (older, expressions) = (given(older), given(expressions));
    if older.is_empty() || expressions.is_empty() {
        return Ok(());
    }
    Err(ExpressionError::new(format!(
        "Can not use both expression and non-expression parameters in the same request: \
         Non-expression parameters: {{{older}}} Expression parameters: {{{expressions}}}"
    )))
}

/// `conditions`: of Expected, QueryFilter or ScanFilter; `None` without any of them.
pub fn check_conditional_operator(
    operator: Option<ConditionalOperator>,
    conditions: Option<usize>,
) -> Result<(), ExpressionError> {
    match (operator, conditions) {
        (None, _) | (Some(_), Some(2..)) => Ok(()),
        (Some(_), None) => {
            Err(ExpressionError::new("ConditionalOperator cannot be used without Filter or Expected"))
        }
        (Some(_), Some(_)) => Err(ExpressionError::new(
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        )),
    }
}
