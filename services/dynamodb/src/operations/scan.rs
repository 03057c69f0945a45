//! Scan: everything in a table or an index, whole or one of several segments.

use dynamodb_api::{ScanInput, ScanOutput};
use item_engine::Item;
use item_engine::expression::{Condition, Projection};
use service::Call;
use table_engine::{Direction, KeyRange};

use super::query::{asking, count, shape, start_item};
use super::walking::{Shape, Walk, walk};
use crate::DynamoDB;
use crate::directory::{IndexView, TableView};
use crate::error::Error;
use crate::model::capacity::{self, Named, Shown};
use crate::model::expressions::Expressions;
use crate::model::parameters::{Styles, check_distinct};
use crate::model::reading::check_projected_keys;
use crate::model::selection::{Reader, Wanted, check_index_has, index_of, segment, start_key, wanted};
use crate::model::writing::check_condition_keys;
use crate::model::{older, values};

/// What a scan says, read but for its table.
struct Asked {
    filter: Option<Condition>,
    projection: Option<Projection>,
    wanted: Wanted,
    start: Option<Item>,
    /// The segment, and how many there are.
    segment: Option<(i32, i32)>,
}

pub async fn scan(dynamodb: &DynamoDB, call: &Call, mut input: ScanInput) -> Result<ScanOutput, Error> {
    let asked = read(&mut input)?;
    let view = dynamodb.directory.table(call, &input.table_name).await?;
    let consistent = input.consistent_read == Some(true);
    let index = input.index_name.as_deref().map(|name| index_of(&view, name, consistent)).transpose()?;
    let index_view = index.map(|place| &view.indexes[place]);
    let fetches = index_view.map_or(Ok(false), |index| {
        check_index_has(&view, index, asked.wanted, asked.projection.as_ref(), asked.filter.as_ref())
    })?;
    let range = range(&view, index_view, &asked)?;
    check_projected_keys(&view, asked.projection.as_ref())?;
    check_condition_keys(&view, asked.filter.as_ref())?;
    let plan = Walk {
        view: view.clone(),
        index,
        range,
        direction: Direction::Forward,
        limit: input.limit.and_then(|limit| usize::try_from(limit).ok()),
        filter: asked.filter,
        shape: shape(asked.wanted, asked.projection),
        fetches,
        consistent,
    };
    dynamodb.throughput.admit_read(&view, plan.index, call.now)?;
    let walked = walk(dynamodb, &plan).await?;
    dynamodb.throughput.note_read(&view, &walked.units, call.now);
    let shown = Shown::of(input.return_consumed_capacity.as_ref());
    Ok(ScanOutput {
        items: (!matches!(plan.shape, Shape::Count)).then_some(walked.items),
        count: Some(count(walked.count)),
        scanned_count: Some(count(walked.scanned)),
        last_evaluated_key: walked.last.map(values::attributes),
        consumed_capacity: capacity::shown(&view, &input.table_name, shown, &walked.units, Named::No),
    })
}

/// Everything that can be said without knowing the table.
fn read(input: &mut ScanInput) -> Result<Asked, Error> {
    let styles = Styles {
        expressions: &[
            ("ProjectionExpression", input.projection_expression.is_some()),
            ("FilterExpression", input.filter_expression.is_some()),
        ],
        older: &[
            ("AttributesToGet", input.attributes_to_get.is_some()),
            ("ScanFilter", input.scan_filter.is_some()),
            ("ConditionalOperator", input.conditional_operator.is_some()),
        ],
        has_names: input.expression_attribute_names.is_some(),
        has_values: input.expression_attribute_values.is_some(),
    };
    styles.check()?;
    let older_filter = older::filter(input.scan_filter.take(), input.conditional_operator.as_ref())?;
    let start = input.exclusive_start_key.take().map(start_item).transpose()?;
    check_distinct(input.attributes_to_get.as_deref())?;
    let segment = segments(input.segment, input.total_segments)?;
    let mut expressions =
        Expressions::new(input.expression_attribute_names.take(), input.expression_attribute_values.take())?;
    let filter = expressions.filter(input.filter_expression.as_deref())?.or(older_filter);
    let projection = expressions.projection(input.projection_expression.as_deref())?;
    expressions.finish()?;
    let asking = asking(input.projection_expression.is_some(), input.attributes_to_get.is_some());
    let wanted = wanted(Reader::Scan, input.select.as_ref(), asking, input.index_name.is_some())?;
    let projection = projection.or_else(|| input.attributes_to_get.take().map(older::projection));
    Ok(Asked { filter, projection, wanted, start, segment })
}

fn segments(segment: Option<i32>, total: Option<i32>) -> Result<Option<(i32, i32)>, Error> {
    match (segment, total) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err(Error::validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is \
             present",
        )),
        (Some(_), None) => Err(Error::validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is \
             present",
        )),
        (Some(segment), Some(total)) if segment >= total => Err(Error::validation(format!(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is \
             not less than TotalSegments: {total}"
        ))),
        (Some(segment), Some(total)) => Ok(Some((segment, total))),
    }
}

fn range(view: &TableView, index: Option<&IndexView>, asked: &Asked) -> Result<KeyRange, Error> {
    let range = asked.segment.map_or_else(KeyRange::all, |(own, total)| segment(own, total));
    let Some(start) = &asked.start else { return Ok(range) };
    let key = start_key(Reader::Scan, view, index, start)?;
    let is_outside = key[..] < range.start[..] || range.end.as_ref().is_some_and(|end| key[..] >= end[..]);
    match asked.segment {
        Some((segment, total)) if is_outside => Err(Error::validation(format!(
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct \
             Segment. TotalSegments: {total} Segment: {segment}"
        ))),
        _ => Ok(range.beyond(&key, Direction::Forward)),
    }
}
