//! Query: the items of one partition, of a table or an index, in the order of the sort key.

use std::sync::Arc;

use dynamodb_api::{QueryInput, QueryOutput};
use item_engine::Item;
use item_engine::expression::{Condition, KeyCondition, KeySchema, KeySelection, Projection};
use item_engine::legacy::KeyConditions;
use service::Call;
use table_engine::{Direction, KeyRange};

use super::walking::{Shape, Walk, walk};
use crate::DynamoDB;
use crate::directory::{IndexView, TableView};
use crate::error::Error;
use crate::model::capacity::{self, Named, Shown};
use crate::model::expressions::Expressions;
use crate::model::parameters::{Styles, check_distinct};
use crate::model::reading::check_projected_keys;
use crate::model::selection::{
    Asking, Reader, Wanted, behind, check_index_has, engine_range, index_of, start_key, wanted, with_parts,
};
use crate::model::writing::check_condition_keys;
use crate::model::{older, values};

/// What a query says, read but for its table.
struct Asked {
    key: AskedKey,
    filter: Option<Condition>,
    /// Filters of the older kind complain under their own name.
    filter_is_older: bool,
    projection: Option<Projection>,
    wanted: Wanted,
    start: Option<Item>,
}

/// The conditions on the key, in whichever style.
enum AskedKey {
    Expression(KeyCondition),
    Older(KeyConditions),
}

impl AskedKey {
    fn check(&self, schema: KeySchema<'_>) -> Result<KeySelection, Error> {
        Ok(match self {
            AskedKey::Expression(condition) => condition.check(schema)?,
            AskedKey::Older(conditions) => conditions.check(schema)?,
        })
    }
}

pub async fn query(dynamodb: &DynamoDB, call: &Call, mut input: QueryInput) -> Result<QueryOutput, Error> {
    let asked = read(&mut input)?;
    let view = dynamodb.directory.table(call, &input.table_name).await?;
    let plan = plan(view.clone(), &input, asked)?;
    dynamodb.throughput.admit_read(&view, plan.index, call.now)?;
    let walked = walk(dynamodb, &plan).await?;
    dynamodb.throughput.note_read(&view, &walked.units, call.now);
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    Ok(QueryOutput {
        items: (!matches!(plan.shape, Shape::Count)).then_some(walked.items),
        count: Some(count(walked.count)),
        scanned_count: Some(count(walked.scanned)),
        last_evaluated_key: walked.last.map(values::attributes),
        consumed_capacity: capacity::shown(&view, &input.table_name, shown, &walked.units, Named::No),
    })
}

pub fn count(found: usize) -> i32 {
    i32::try_from(found).expect("a page holds no more than its bytes")
}

/// Everything that can be said without knowing the table.
fn read(input: &mut QueryInput) -> Result<Asked, Error> {
    check_styles(input)?;
    let filter_is_older = input.query_filter.is_some();
    let older_filter = older::filter(input.query_filter.take(), input.conditional_operator.as_ref())?;
    let start = input.exclusive_start_key.take().map(start_item).transpose()?;
    check_distinct(input.attributes_to_get.as_deref())?;
    let mut expressions =
        Expressions::new(input.expression_attribute_names.take(), input.expression_attribute_values.take())?;
    let key = expressions.key_condition(input.key_condition_expression.as_deref())?;
    let filter = expressions.filter(input.filter_expression.as_deref())?.or(older_filter);
    let projection = expressions.projection(input.projection_expression.as_deref())?;
    expressions.finish()?;
    let key = match (key, input.key_conditions.take()) {
        (Some(key), _) => AskedKey::Expression(key),
        (None, Some(conditions)) => AskedKey::Older(older::key_conditions(conditions)?),
        (None, None) => {
            return Err(Error::validation(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
            ));
        }
    };
    let asking = asking(input.projection_expression.is_some(), input.attributes_to_get.is_some());
    let wanted = wanted(Reader::Query, input.select.as_ref(), asking, input.index_name.is_some())?;
    let projection = projection.or_else(|| input.attributes_to_get.take().map(older::projection));
    Ok(Asked { key, filter, filter_is_older, projection, wanted, start })
}

fn check_styles(input: &QueryInput) -> Result<(), Error> {
    // Without an expression for the key, `KeyConditions` goes with either style.
    let is_older_key = input.key_conditions.is_some() && input.key_condition_expression.is_some();
    let styles = Styles {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
            ("KeyConditionExpression", input.key_condition_expression.is_some()),
        ],
        older: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("QueryFilter", input.query_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
            ("KeyConditions", is_older_key),
        ],
        has_names: input.expression_attribute_names.is_some(),
        has_values: input.expression_attribute_values.is_some(),
    };
    styles.check()
}

pub fn asking(has_expression: bool, has_older: bool) -> Asking {
    match (has_expression, has_older) {
        (true, _) => Asking::Expression,
        (_, true) => Asking::Older,
        (false, false) => Asking::Nothing,
    }
}

/// `ExclusiveStartKey`, whose values complain with more words.
pub fn start_item(given: values::Attributes) -> Result<Item, Error> {
    values::item(given).map_err(|error| match error {
        Error::Validation(message) => {
            Error::validation(format!("The provided starting key is invalid: {message}"))
        }
        other => other,
    })
}

fn plan(view: Arc<TableView>, input: &QueryInput, asked: Asked) -> Result<Walk, Error> {
    let consistent = input.consistent_read == Some(true);
    let index = input.index_name.as_deref().map(|name| index_of(&view, name, consistent)).transpose()?;
    let index_view = index.map(|place| &view.indexes[place]);
    let direction = match input.scan_index_forward {
        Some(false) => Direction::Backward,
        _ => Direction::Forward,
    };
    let range = range(&view, index_view, &asked, direction)?;
    check_projected_keys(&view, asked.projection.as_ref())?;
    check_filter(&view, index_view, &asked)?;
    let fetches = index_view.map_or(Ok(false), |index| {
        check_index_has(&view, index, asked.wanted, asked.projection.as_ref(), asked.filter.as_ref())
    })?;
    Ok(Walk {
        index,
        range,
        direction,
        limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
        filter: asked.filter,
        shape: shape(asked.wanted, asked.projection),
        fetches,
        consistent,
        view,
    })
}

pub fn shape(wanted: Wanted, projection: Option<Projection>) -> Shape {
    match (wanted, projection) {
        (Wanted::Count, _) => Shape::Count,
        (_, Some(projection)) => Shape::Projected(projection),
        (_, None) => Shape::Whole,
    }
}

fn range(
    view: &TableView,
    index: Option<&IndexView>,
    asked: &Asked,
    direction: Direction,
) -> Result<KeyRange, Error> {
    let schema = index.map_or(&view.key, |index| &index.key);
    let start = asked
        .start
        .as_ref()
        .map(|start| Ok::<_, Error>((start, start_key(Reader::Query, view, index, start)?)))
        .transpose()?;
    let selection = with_parts(schema, |schema| asked.key.check(schema))?;
    let range = engine_range(selection.key_range());
    match start {
        None => Ok(range),
        Some((item, key)) => {
            let hash = schema.hash_attributes().map(|attribute| item.get(&attribute.name));
            let is_in_partition = hash.eq(selection.hash.iter().map(Some));
            behind(&range, &key, is_in_partition, selection.range.is_some(), direction)
        }
    }
}

/// What a key condition can say, a filter may not.
fn check_filter(view: &TableView, index: Option<&IndexView>, asked: &Asked) -> Result<(), Error> {
    let Some(filter) = &asked.filter else { return Ok(()) };
    let schema = index.map_or(&view.key, |index| &index.key);
    let attributes = filter.attributes();
    if let Some(key) = schema.attributes().find(|key| attributes.contains(key.name.as_str())) {
        let parameter = if asked.filter_is_older { "QueryFilter" } else { "Filter Expression" };
        return Err(Error::validation(format!(
            "{parameter} can only contain non-primary key attributes: Primary key attribute: {}",
            key.name
        )));
    }
    check_condition_keys(view, Some(filter))
}
