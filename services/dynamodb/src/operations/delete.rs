//! DeleteItem. Deleting what is not there is no error, unless a condition says so.

use dynamodb_api::{DeleteItemInput, DeleteItemOutput};
use service::Call;

use super::put::returns_old;
use super::saving::{Saved, Stamp, Wants, save};
use crate::DynamoDB;
use crate::error::Error;
use crate::model::action::{Action, Verb};
use crate::model::capacity::{self, Named, Shown};
use crate::model::expressions::Expressions;
use crate::model::parameters::Styles;
use crate::model::writing::{check_condition_keys, shows_failed};
use crate::model::{collection_metrics, older, primary_key, values};

pub async fn delete_item(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DeleteItemInput,
) -> Result<DeleteItemOutput, Error> {
    let DeleteItemInput { table_name, key, expected, conditional_operator, condition_expression, .. } = input;
    let styles = Styles {
        expressions: &[("ConditionExpression", condition_expression.is_some())],
        older: &[("Expected", expected.is_some()), ("ConditionalOperator", conditional_operator.is_some())],
        has_names: input.expression_attribute_names.is_some(),
        has_values: input.expression_attribute_values.is_some(),
    };
    styles.check()?;
    let key = values::item(key)?;
    let wants_old = returns_old(input.return_values.as_ref())?;
    let condition = match condition_expression {
        None => older::expected(expected, conditional_operator)?,
        Some(text) => {
            let mut expressions =
                Expressions::new(input.expression_attribute_names, input.expression_attribute_values)?;
            let condition = expressions.condition(Some(&text))?;
            expressions.finish()?;
            condition
        }
    };
    let view = dynamodb.directory.table(call, &table_name).await?;
    let key = primary_key::of_key(&view.key, &key)?;
    check_condition_keys(&view, condition.as_ref())?;
    let mut action = Action::new(view.clone(), key.into(), Verb::Delete);
    action.condition = condition;
    action.shows_failed = shows_failed(input.return_values_on_condition_check_failure.as_ref());

    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let counted = dynamodb.throughput.counts(&view);
    dynamodb.throughput.admit_write(&view, call.now)?;
    let wants = Wants { old: wants_old, units: shown.is_wanted() || counted };
    let saved = save(dynamodb, Stamp::caller(call.now), action, wants).await?;
    dynamodb.throughput.note_write(&view, &saved.units, call.now);
    let consumed_capacity = capacity::shown(&view, &table_name, shown, &saved.units, Named::No);
    let item_collection_metrics =
        collection_metrics::of(&view, saved.collection(), input.return_item_collection_metrics.as_ref());
    let Saved { decided, .. } = saved;
    let attributes = decided.old.filter(|_| wants_old).map(values::attributes);
    Ok(DeleteItemOutput { attributes, consumed_capacity, item_collection_metrics })
}
