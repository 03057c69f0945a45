//! The parameters from before expressions, which become the same trees: see the item engine's `legacy`.

use std::collections::BTreeMap;

use dynamodb_api as api;
use item_engine::expression::{Condition, Projection, Update};
use item_engine::legacy::{
    self, AttributeAction, AttributeUpdate, Comparison, ConditionalOperator, Expected, Filter, KeyConditions,
};

use crate::error::Error;
use crate::model::values;

/// `AttributesToGet`, whose names were found to be different.
pub fn projection(names: Vec<String>) -> Projection {
    Projection::of_attributes(names)
}

/// `Expected`, and how its conditions belong together.
pub fn expected(
    given: Option<BTreeMap<String, api::ExpectedAttributeValue>>,
    operator: Option<api::ConditionalOperator>,
) -> Result<Option<Condition>, Error> {
    let operator = operator.as_ref().map(operator_of);
    let count = given.as_ref().map(BTreeMap::len);
    let Some(given) = given else {
        legacy::check_conditional_operator(operator, count)?;
        return Ok(None);
    };
    let read = |(name, expected)| Ok((name, expected_of(expected)?));
    let expected = given.into_iter().map(read).collect::<Result<BTreeMap<_, _>, Error>>()?;
    legacy::check_conditional_operator(operator, count)?;
    Ok(Some(legacy::expected(&expected, operator.unwrap_or_default())?))
}

fn expected_of(given: api::ExpectedAttributeValue) -> Result<Expected, Error> {
    Ok(Expected {
        comparison: given.comparison_operator.as_ref().map(comparison).transpose()?,
        values: given.attribute_value_list.map(values_of).transpose()?,
        value: given.value.map(values::value).transpose()?,
        exists: given.exists,
    })
}

/// `QueryFilter` and `ScanFilter`.
pub fn filter(
    given: Option<BTreeMap<String, api::Condition>>,
    operator: Option<&api::ConditionalOperator>,
) -> Result<Option<Condition>, Error> {
    let operator = operator.map(operator_of);
    let filters = given.map(filters).transpose()?;
    legacy::check_conditional_operator(operator, filters.as_ref().map(BTreeMap::len))?;
    let Some(filters) = filters else { return Ok(None) };
    Ok(Some(legacy::filter(&filters, operator.unwrap_or_default())?))
}

/// `KeyConditions`.
pub fn key_conditions(given: BTreeMap<String, api::Condition>) -> Result<KeyConditions, Error> {
    Ok(KeyConditions::new(filters(given)?)?)
}

/// `AttributeUpdates`.
pub fn updates(given: Option<BTreeMap<String, api::AttributeValueUpdate>>) -> Result<Update, Error> {
    let read = |(name, update): (String, api::AttributeValueUpdate)| {
        let action = update.action.as_ref().and_then(|action| AttributeAction::from_code(action.as_str()));
        let value = update.value.map(values::value).transpose()?;
        Ok((name, AttributeUpdate { action: action.unwrap_or_default(), value }))
    };
    let updates =
        given.unwrap_or_default().into_iter().map(read).collect::<Result<BTreeMap<_, _>, Error>>()?;
    Ok(legacy::attribute_updates(&updates)?)
}

fn filters(given: BTreeMap<String, api::Condition>) -> Result<BTreeMap<String, Filter>, Error> {
    let read = |(name, condition): (String, api::Condition)| {
        let comparison = comparison(&condition.comparison_operator)?;
        let values = values_of(condition.attribute_value_list.unwrap_or_default())?;
        Ok((name, Filter { comparison, values }))
    };
    given.into_iter().map(read).collect()
}

fn values_of(given: Vec<api::AttributeValue>) -> Result<Vec<item_engine::Value>, Error> {
    given.into_iter().map(values::value).collect()
}

fn comparison(given: &api::ComparisonOperator) -> Result<Comparison, Error> {
    let unknown = || Error::validation("Unsupported ComparisonOperator");
    Comparison::from_code(given.as_str()).ok_or_else(unknown)
}

fn operator_of(given: &api::ConditionalOperator) -> ConditionalOperator {
    match given {
        api::ConditionalOperator::Or => ConditionalOperator::Or,
        _ => ConditionalOperator::And,
    }
}
