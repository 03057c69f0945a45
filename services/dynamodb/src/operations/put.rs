//! PutItem.

use dynamodb_api::{PutItemInput, PutItemOutput, ReturnValue};
use item_engine::expression::Condition;
use item_engine::{Item, size};
use service::Call;

use super::saving::{Saved, Stamp, Wants, save};
use crate::DynamoDB;
use crate::error::Error;
use crate::limits::ITEM_BYTES_MAX;
use crate::model::action::Action;
use crate::model::capacity::{self, Named, Shown};
use crate::model::expressions::Expressions;
use crate::model::parameters::{Styles, in_envelope};
use crate::model::primary_key::{self, IndexKeyWords, check_index_keys};
use crate::model::writing::{check_condition_keys, shows_failed};
use crate::model::{collection_metrics, older, values};

pub async fn put_item(
    dynamodb: &DynamoDB,
    call: &Call,
    mut input: PutItemInput,
) -> Result<PutItemOutput, Error> {
    let (item, condition) = read(&mut input).map_err(in_envelope)?;
    let wants_old = returns_old(input.return_values.as_ref())?;
    check_size(&item)?;
    let table_name = input.table_name;
    let view = dynamodb.directory.table(call, &table_name).await?;
    let key = primary_key::of_item(&view.key, &item)?;
    check_index_keys(&view.indexes, None, &item, IndexKeyWords::Put)?;
    check_condition_keys(&view, condition.as_ref())?;
    let mut action = Action::put(view.clone(), key.into(), item);
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
    Ok(PutItemOutput { attributes, consumed_capacity, item_collection_metrics })
}

/// The item and its condition, in whichever style.
fn read(input: &mut PutItemInput) -> Result<(Item, Option<Condition>), Error> {
    let styles = Styles {
        expressions: &[("ConditionExpression", input.condition_expression.is_some())],
        older: &[
            ("Expected", input.expected.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        has_names: input.expression_attribute_names.is_some(),
        has_values: input.expression_attribute_values.is_some(),
    };
    styles.check()?;
    let item = values::item(std::mem::take(&mut input.item))?;
    let condition = match input.condition_expression.take() {
        None => older::expected(input.expected.take(), input.conditional_operator.take())?,
        Some(text) => {
            let (names, values) =
                (input.expression_attribute_names.take(), input.expression_attribute_values.take());
            let mut expressions = Expressions::new(names, values)?;
            let condition = expressions.condition(Some(&text))?;
            expressions.finish()?;
            condition
        }
    };
    Ok((item, condition))
}

/// What PutItem and DeleteItem can return is what was there, or nothing.
pub fn returns_old(wanted: Option<&ReturnValue>) -> Result<bool, Error> {
    match wanted {
        None | Some(ReturnValue::None) => Ok(false),
        Some(ReturnValue::AllOld) => Ok(true),
        Some(_) => Err(Error::validation("ReturnValues can only be ALL_OLD or NONE")),
    }
}

pub fn check_size(item: &Item) -> Result<(), Error> {
    if size::item_bytes(item) > ITEM_BYTES_MAX {
        return Err(Error::validation("Item size has exceeded the maximum allowed size"));
    }
    Ok(())
}
