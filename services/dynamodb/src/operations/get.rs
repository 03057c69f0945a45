//! GetItem.

use dynamodb_api::{GetItemInput, GetItemOutput};
use item_engine::expression::Projection;
use service::Call;

use crate::DynamoDB;
use crate::error::Error;
use crate::model::capacity::{self, Named, Shown, Units, read_units};
use crate::model::expressions::Expressions;
use crate::model::older;
use crate::model::parameters::{Names, Styles, check_distinct};
use crate::model::reading::{check_projected_keys, shown_item, stored_bytes};
use crate::model::{primary_key, values};

pub async fn get_item(dynamodb: &DynamoDB, call: &Call, input: GetItemInput) -> Result<GetItemOutput, Error> {
    let GetItemInput { table_name, key, attributes_to_get, consistent_read, .. } = input;
    let styles = Styles {
        expressions: &[("ProjectionExpression", input.projection_expression.is_some())],
        older: &[("AttributesToGet", attributes_to_get.is_some())],
        has_names: input.expression_attribute_names.is_some(),
        has_values: false,
    };
    styles.check()?;
    let key = values::item(key)?;
    check_distinct(attributes_to_get.as_deref())?;
    let projection = match input.projection_expression {
        None => attributes_to_get.map(older::projection),
        Some(text) => projection(&text, input.expression_attribute_names)?,
    };
    let view = dynamodb.directory.table(call, &table_name).await?;
    let key = primary_key::of_key(&view.key, &key)?;
    check_projected_keys(&view, projection.as_ref())?;
    let consistent = consistent_read == Some(true);
    dynamodb.throughput.admit_read(&view, None, call.now)?;
    let found = dynamodb.engine.get(view.items, &key).await?;
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    let consumed_capacity = if shown.is_wanted() || dynamodb.throughput.counts(&view) {
        let bytes = found.as_ref().map(|bytes| stored_bytes(bytes)).transpose()?.unwrap_or_default();
        let units = Units::of_table(read_units(bytes, consistent));
        dynamodb.throughput.note_read(&view, &units, call.now);
        capacity::shown(&view, &table_name, shown, &units, Named::No)
    } else {
        None
    };
    let item = found.map(|bytes| shown_item(&bytes, projection.as_ref())).transpose()?;
    Ok(GetItemOutput { item, consumed_capacity })
}

/// Of one item or of each of many.
pub fn projection(text: &str, names: Option<Names>) -> Result<Option<Projection>, Error> {
    let mut expressions = Expressions::new(names, None)?;
    let projection = expressions.projection(Some(text))?;
    expressions.finish()?;
    Ok(projection)
}
