//! Contributor insights: the setting of a table and of each of its global indexes.
//!
//! Surprising: what is not enabled is not listed, switching off what is off succeeds, and a local index has none. What
//! the insights would show is CloudWatch's, and there is nothing of it here.

use dynamodb_api as api;
use dynamodb_api::{
    DescribeContributorInsightsInput, DescribeContributorInsightsOutput, ListContributorInsightsInput,
    ListContributorInsightsOutput, UpdateContributorInsightsInput, UpdateContributorInsightsOutput,
};
use service::Call;
use store::Select;

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::LIST_TABLES_MAX;
use crate::records::{IndexKind, Insights, TABLES, TableRecord, TableStatus};

const OPERATION: &str = "ListContributorInsights";

/// The index must be there and a global one. The table's own setting is under the empty name.
fn check_index(view: &TableView, index: Option<&str>) -> Result<String, Error> {
    let Some(name) = index else { return Ok(String::new()) };
    let found = view.record.indexes.iter().find(|index| index.name == name);
    match found.filter(|index| index.kind == IndexKind::Global) {
        Some(_) => Ok(name.to_owned()),
        None => Err(Error::ResourceNotFound(format!(
            "Requested resource not found: Index: {name} not found for table: {}",
            view.name
        ))),
    }
}

fn status(insights: Option<&Insights>) -> api::ContributorInsightsStatus {
    match insights {
        Some(insights) if insights.enabled => api::ContributorInsightsStatus::Enabled,
        _ => api::ContributorInsightsStatus::Disabled,
    }
}

fn mode(insights: &Insights) -> api::ContributorInsightsMode {
    match insights.throttled_only {
        true => api::ContributorInsightsMode::ThrottledKeys,
        false => api::ContributorInsightsMode::AccessedAndThrottledKeys,
    }
}

pub async fn describe_contributor_insights(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeContributorInsightsInput,
) -> Result<DescribeContributorInsightsOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    let place = check_index(&view, input.index_name.as_deref())?;
    let insights = view.record.insights.get(&place);
    Ok(DescribeContributorInsightsOutput {
        table_name: Some(view.name.clone()),
        index_name: input.index_name,
        contributor_insights_rule_list: insights
            .filter(|insights| insights.enabled)
            .map(|insights| rules(&view, &place, insights)),
        contributor_insights_status: Some(status(insights)),
        last_update_date_time: insights.map(|insights| insights.changed),
        failure_exception: None,
        contributor_insights_mode: insights.map(mode),
    })
}

/// The names of the rules that CloudWatch has: two for the partition key, and two more with a sort key.
fn rules(view: &TableView, index: &str, insights: &Insights) -> Vec<String> {
    let key =
        view.record.indexes.iter().find(|known| known.name == index).map_or(&view.key, |found| &found.key);
    let kinds = ["PKC", "SKC", "PKT", "SKT"];
    let wanted = kinds.into_iter().filter(|kind| {
        (!kind.starts_with('S') || key.range.is_some()) && (!kind.ends_with('C') || !insights.throttled_only)
    });
    let what = if index.is_empty() { view.name.clone() } else { format!("{}-{index}", view.name) };
    wanted
        .map(|kind| format!("DynamoDBContributorInsights-{kind}-{what}-{}", insights.changed.as_millis()))
        .collect()
}

pub async fn update_contributor_insights(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UpdateContributorInsightsInput,
) -> Result<UpdateContributorInsightsOutput, Error> {
    let view = dynamodb.directory.described(call, &input.table_name).await?;
    let place = check_index(&view, input.index_name.as_deref())?;
    if view.record.status == TableStatus::Creating {
        return Err(Error::Validation(
            "Table or Index is not in a valid state to update Key Access Insights: TableStatus must be ACTIVE to enable \
             ContributorInsights."
                .to_owned(),
        ));
    }
    let enables = input.contributor_insights_action == api::ContributorInsightsAction::Enable;
    let throttled_only = input.contributor_insights_mode == Some(api::ContributorInsightsMode::ThrottledKeys);
    let wanted = Insights { enabled: enables, throttled_only, changed: call.now };
    let changed = dynamodb.directory.change(&view, |record| Ok(set(record, &place, &wanted))).await?;
    let settled = status(view.record.insights.get(&place));
    let shown = match (changed, enables) {
        (false, _) => settled,
        (true, true) => api::ContributorInsightsStatus::Enabling,
        (true, false) => api::ContributorInsightsStatus::Disabling,
    };
    Ok(UpdateContributorInsightsOutput {
        table_name: Some(view.name.clone()),
        index_name: input.index_name,
        contributor_insights_status: Some(shown),
        contributor_insights_mode: enables.then(|| mode(&wanted)),
    })
}

/// Whether anything changed.
fn set(record: &mut TableRecord, place: &str, wanted: &Insights) -> bool {
    let present = record.insights.get(place);
    let is_same = match present {
        None => !wanted.enabled,
        Some(present) if !wanted.enabled => !present.enabled,
        Some(present) => present.enabled && present.throttled_only == wanted.throttled_only,
    };
    if !is_same {
        record.insights.insert(place.to_owned(), wanted.clone());
    }
    !is_same
}

pub async fn list_contributor_insights(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ListContributorInsightsInput,
) -> Result<ListContributorInsightsOutput, Error> {
    if let Some(name) = &input.table_name {
        let view = dynamodb.directory.described(call, name).await?;
        let summaries = enabled(&view.name, &view.record).collect();
        return Ok(ListContributorInsightsOutput {
            contributor_insights_summaries: Some(summaries),
            next_token: None,
        });
    }
    let after = match input.next_token.as_deref() {
        None => None,
        Some(token) => Some(
            dynamodb
                .pages
                .read(OPERATION, call.account, token)
                .map_err(|_| Error::Validation("The NextToken provided is invalid".to_owned()))?,
        ),
    };
    // As in DynamoDB, a page may well be empty and have another behind it.
    let limit = input.max_results.filter(|max| *max > 0).map_or(LIST_TABLES_MAX, |max| max as usize);
    let (scope, position) = (call.scope(), after.as_deref());
    let select = Select::ALL.after(position);
    let page = dynamodb.store.read(|tx| async move { TABLES.scan(&tx, &scope, select, limit).await }).await?;
    let summaries = page.records.iter().flat_map(|(name, record)| enabled(name, record)).collect();
    Ok(ListContributorInsightsOutput {
        contributor_insights_summaries: Some(summaries),
        next_token: page.next.map(|next| dynamodb.pages.make(OPERATION, call.account, &next)),
    })
}

fn enabled(table: &str, record: &TableRecord) -> impl Iterator<Item = api::ContributorInsightsSummary> {
    record.insights.iter().filter(|(_, insights)| insights.enabled).map(move |(index, insights)| {
        api::ContributorInsightsSummary {
            table_name: Some(table.to_owned()),
            index_name: (!index.is_empty()).then(|| index.clone()),
            contributor_insights_status: Some(status(Some(insights))),
            contributor_insights_mode: Some(mode(insights)),
        }
    })
}
