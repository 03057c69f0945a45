//! UpdateItem. An item that is not there is made, out of its key and the update.

use dynamodb_api::{ReturnValue, UpdateItemInput, UpdateItemOutput};
use item_engine::Item;
use item_engine::expression::{Condition, Projection, Update};
use service::Call;

use super::saving::{Saved, Stamp, Wants, save};
use crate::DynamoDB;
use crate::error::Error;
use crate::model::action::{Action, Verb, Words};
use crate::model::capacity::{self, Named, Shown};
use crate::model::expressions::Expressions;
use crate::model::parameters::{Styles, in_envelope};
use crate::model::values::Attributes;
use crate::model::writing::{check_condition_keys, check_update_keys, shows_failed};
use crate::model::{collection_metrics, older, primary_key, values};

pub async fn update_item(
    dynamodb: &DynamoDB,
    call: &Call,
    mut input: UpdateItemInput,
) -> Result<UpdateItemOutput, Error> {
    let (key_item, update, condition) = read(&mut input).map_err(in_envelope)?;
    let view = dynamodb.directory.table(call, &input.table_name).await?;
    let key = primary_key::of_key(&view.key, &key_item)?;
    check_update_keys(&view, &update)?;
    check_condition_keys(&view, condition.as_ref())?;
    let targets = update.targets();
    let words = if input.update_expression.is_some() { Words::Expressions } else { Words::Older };
    let verb = Verb::Update { key: key_item, update, words };
    let mut action = Action::new(view.clone(), key.into(), verb);
    action.condition = condition;
    action.shows_failed = shows_failed(input.return_values_on_condition_check_failure.as_ref());

    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let counted = dynamodb.throughput.counts(&view);
    dynamodb.throughput.admit_write(&view, call.now)?;
    let wants_old = matches!(input.return_values, Some(ReturnValue::AllOld | ReturnValue::UpdatedOld));
    let wants = Wants { old: wants_old, units: shown.is_wanted() || counted };
    let saved = save(dynamodb, Stamp::caller(call.now), action, wants).await?;
    dynamodb.throughput.note_write(&view, &saved.units, call.now);
    let consumed_capacity = capacity::shown(&view, &input.table_name, shown, &saved.units, Named::No);
    let item_collection_metrics =
        collection_metrics::of(&view, saved.collection(), input.return_item_collection_metrics.as_ref());
    let attributes = returned(saved, &targets, input.return_values.as_ref());
    Ok(UpdateItemOutput { attributes, consumed_capacity, item_collection_metrics })
}

fn check_styles(input: &UpdateItemInput) -> Result<(), Error> {
    let styles = Styles {
        expressions: &[
            ("UpdateExpression", input.update_expression.is_some()),
            ("ConditionExpression", input.condition_expression.is_some()),
        ],
        older: &[
            ("AttributeUpdates", input.attribute_updates.is_some()),
            ("Expected", input.expected.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        has_names: input.expression_attribute_names.is_some(),
        has_values: input.expression_attribute_values.is_some(),
    };
    styles.check()
}

/// The key, the update and its condition, in whichever style they are given. An update of nothing makes the item, if need be.
fn read(input: &mut UpdateItemInput) -> Result<(Item, Update, Option<Condition>), Error> {
    check_styles(input)?;
    let key = values::item(std::mem::take(&mut input.key))?;
    if input.update_expression.is_none() && input.condition_expression.is_none() {
        let update = older::updates(input.attribute_updates.take())?;
        let condition = older::expected(input.expected.take(), input.conditional_operator.take())?;
        return Ok((key, update, condition));
    }
    let (names, values) = (input.expression_attribute_names.take(), input.expression_attribute_values.take());
    let mut expressions = Expressions::new(names, values)?;
    let update = expressions.update(input.update_expression.as_deref())?;
    let condition = expressions.condition(input.condition_expression.as_deref())?;
    expressions.finish()?;
    Ok((key, update.unwrap_or_default(), condition))
}

/// What the answer shows of the item. Nothing is shown of what is not there, not even that there is nothing.
fn returned(saved: Saved, targets: &Projection, wanted: Option<&ReturnValue>) -> Option<Attributes> {
    let decided = saved.decided;
    let shown = match wanted {
        Some(ReturnValue::AllOld) => decided.old,
        Some(ReturnValue::AllNew) => decided.into_new_item(),
        Some(ReturnValue::UpdatedOld) => decided.old.map(|old| targets.take(old)),
        Some(ReturnValue::UpdatedNew) => decided.into_new_item().map(|new| targets.take(new)),
        _ => None,
    };
    shown.filter(|item: &Item| !item.is_empty()).map(values::attributes)
}
