//! Exports of a table to S3: asked for, shown, listed. A task writes them, as whoever asked.
//!
//! Surprising: what is wrong with the bucket is found later and fails the export, not the request; everything about the
//! table and the time is refused at once. Reference: "DynamoDB data export to Amazon S3" of the developer guide.

use base::{Arn, Timestamp};
use dynamodb_api as api;
use dynamodb_api::{
    DescribeExportInput, DescribeExportOutput, ExportTableToPointInTimeInput, ExportTableToPointInTimeOutput,
    ListExportsInput, ListExportsOutput,
};
use service::{Call, ClientTokens, Kept, Repetition};
use store::Select;

use super::continuous_backups::window;
use super::making::{below, put_work_of};
use super::restore::no_recovery;
use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::limits::{EXPORT_WINDOW_MAX, EXPORT_WINDOW_MIN, LIST_JOBS_MAX};
use crate::model::table_name::TableAddress;
use crate::records::{EXPORTS, ExportRecord, Exported, JobState};
use crate::tasks::EXPORT;

const TOKENS: ClientTokens = ClientTokens { operation: "dynamodb.ExportTableToPointInTime" };
const LIST: &str = "ListExports";

pub async fn export_table_to_point_in_time(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ExportTableToPointInTimeInput,
) -> Result<ExportTableToPointInTimeOutput, Error> {
    if !input.table_arn.starts_with("arn:") {
        return Err(Error::invalid_values("tableArn is not a valid ARN"));
    }
    let address = TableAddress::parse(call.scope(), &input.table_arn)?;
    refuse_unknown(&input)?;
    let view = dynamodb.directory.find((address.account, address.region), &address.name).await?;
    let view = view.ok_or_else(|| Error::TableNotFound(format!("Table not found: {}", input.table_arn)))?;
    let what = what(&view, &input, call.now)?;
    let id = format!("{:014}-{}", call.now.as_millis(), dynamodb.ids.hex(8));
    let fresh = &ExportRecord {
        id,
        table: view.name.clone(),
        table_arn: view.arn.clone(),
        table_id: view.record.id.clone(),
        call: call.clone(),
        what,
        wish: Kept(input.clone()),
        started: call.now,
        state: JobState::InProgress,
        manifest: None,
        items: 0,
        bytes: 0,
    };
    let (place, token) = (view.place(), input.client_token.as_deref());
    let parameters = format!("{input:?}");
    let parameters = parameters.as_str();
    let export = dynamodb
        .store
        .transact(|tx| async move {
            if let Some(token) = token {
                match TOKENS.check(&tx, place, token, parameters, call.now).await? {
                    Repetition::First => {}
                    Repetition::Again(key) => {
                        let known = EXPORTS.get(&tx, &place, &key).await?;
                        return known.ok_or_else(|| Error::internal("an export was forgotten"));
                    }
                    Repetition::Mismatch | Repetition::TooLong => {
                        return Err(Error::ExportConflict(
                            "Export conflict: Duplicate request detected with conflicting parameters"
                                .to_owned(),
                        ));
                    }
                }
                TOKENS.remember(&tx, place, token, parameters, &key_of(fresh), call.now).await?;
            }
            EXPORTS.put(&tx, &place, &key_of(fresh), fresh).await?;
            put_work_of(&tx, EXPORT, place, &fresh.table, &fresh.table_id, &fresh.id).await?;
            Ok(fresh.clone())
        })
        .await?;
    dynamodb.exporting.nudge();
    Ok(ExportTableToPointInTimeOutput { export_description: Some(shown(&export)) })
}

fn refuse_unknown(input: &ExportTableToPointInTimeInput) -> Result<(), Error> {
    let refused = |what: &str| Err(Error::NotImplemented(format!("{what} are not implemented by Fogbank")));
    if input.export_format == Some(api::ExportFormat::Ion) {
        return refused("Exports in Amazon Ion");
    }
    if input.filter_specification.is_some() {
        return refused("Exports of a part of the items");
    }
    let is_kms = input.s3_sse_algorithm == Some(api::S3SseAlgorithm::Kms);
    if input.s3_sse_kms_key_id.is_some() && !is_kms {
        return Err(Error::Validation(
            "Invalid Request: KMS Key Id is not supported for this encryption type".to_owned(),
        ));
    }
    Ok(())
}

fn key_of(export: &ExportRecord) -> String {
    format!("{}/{}", export.table, export.id)
}

fn what(view: &TableView, input: &ExportTableToPointInTimeInput, now: Timestamp) -> Result<Exported, Error> {
    let recovery = view.record.recovery.as_ref();
    let outside = |message: String| Err(Error::InvalidExportTime(message));
    if input.export_type != Some(api::ExportType::IncrementalExport) {
        let recovery = recovery.ok_or_else(|| no_recovery(&view.name))?;
        let (earliest, _) = window(recovery, now);
        // The window begins with a whole second, which may be to come yet; the present can be exported anyway.
        let at = input.export_time.unwrap_or(now);
        if input.export_time.is_some() && (at < earliest || at > now) {
            return outside(format!(
                "The specified ExportTime is outside of the point in time recovery window. It must be between '{}' and \
                 '{}'",
                earliest.to_iso8601(),
                now.to_iso8601()
            ));
        }
        return Ok(Exported::Full { at });
    }
    let specification = input.incremental_export_specification.clone().unwrap_or_default();
    let from = specification.export_from_time.ok_or_else(|| {
        Error::Validation(
            "Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification".to_owned(),
        )
    })?;
    let to = specification.export_to_time.unwrap_or(now);
    if from < view.record.created {
        return outside(format!(
            "Incremental export period from time cannot be less than the table creation time : {}",
            Timestamp::from_secs(view.record.created.as_secs()).to_iso8601()
        ));
    }
    let recovery = recovery.ok_or_else(|| no_recovery(&view.name))?;
    if from < window(recovery, now).0 || to > now {
        return outside(
            "Incremental export period is outside of the point in time recovery window".to_owned(),
        );
    }
    let length = to.since(from);
    if to <= from || length < EXPORT_WINDOW_MIN || length > EXPORT_WINDOW_MAX {
        return Err(Error::Validation(
            "Invalid Request: Difference between ExportFromTime and ExportToTime must be between 15 minutes and 24 \
             hours"
                .to_owned(),
        ));
    }
    let old_images = specification.export_view_type != Some(api::ExportViewType::NewImage);
    Ok(Exported::Changes { from, to, old_images })
}

pub fn arn(export: &ExportRecord) -> Arn {
    below(&export.table_arn, "export", &export.id)
}

fn status(state: &JobState) -> api::ExportStatus {
    match state {
        JobState::InProgress => api::ExportStatus::InProgress,
        JobState::Completed { .. } => api::ExportStatus::Completed,
        JobState::Failed { .. } => api::ExportStatus::Failed,
    }
}

fn shown(export: &ExportRecord) -> api::ExportDescription {
    let Kept(wish) = &export.wish;
    let (end_time, failure) = match &export.state {
        JobState::InProgress => (None, None),
        JobState::Completed { at } => (Some(*at), None),
        JobState::Failed { at, code, message } => (Some(*at), Some((code.clone(), message.clone()))),
    };
    let is_complete = matches!(export.state, JobState::Completed { .. });
    api::ExportDescription {
        export_arn: Some(arn(export).to_string()),
        export_status: Some(status(&export.state)),
        start_time: Some(export.started),
        end_time,
        export_manifest: export.manifest.clone(),
        table_arn: Some(export.table_arn.to_string()),
        table_id: Some(export.table_id.clone()),
        export_time: match export.what {
            Exported::Full { at } => Some(at),
            Exported::Changes { .. } => None,
        },
        client_token: wish.client_token.clone(),
        s3_bucket: Some(wish.s3_bucket.clone()),
        s3_bucket_owner: wish.s3_bucket_owner.clone(),
        s3_prefix: wish.s3_prefix.clone(),
        s3_sse_algorithm: Some(wish.s3_sse_algorithm.clone().unwrap_or(api::S3SseAlgorithm::Aes256)),
        s3_sse_kms_key_id: wish.s3_sse_kms_key_id.clone(),
        failure_code: failure.as_ref().map(|(code, _)| code.clone()),
        failure_message: failure.map(|(_, message)| message),
        export_format: Some(api::ExportFormat::DynamodbJson),
        billed_size_bytes: is_complete.then_some(export.bytes as i64),
        item_count: is_complete.then_some(export.items as i64),
        export_type: wish.export_type.clone(),
        incremental_export_specification: match export.what {
            Exported::Full { .. } => None,
            Exported::Changes { from, to, old_images } => Some(api::IncrementalExportSpecification {
                export_from_time: Some(from),
                export_to_time: Some(to),
                export_view_type: Some(match old_images {
                    true => api::ExportViewType::NewAndOldImages,
                    false => api::ExportViewType::NewImage,
                }),
            }),
        },
        filter_specification: None,
    }
}

pub async fn describe_export(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeExportInput,
) -> Result<DescribeExportOutput, Error> {
    let invalid = || Error::Validation("Invalid Export ARN".to_owned());
    let arn: Arn = input.export_arn.parse().map_err(|_| invalid())?;
    let path = arn.resource().strip_prefix("table/").and_then(|path| path.split_once("/export/"));
    let (table, id) = path.ok_or_else(invalid)?;
    let (place, key) = (call.scope(), format!("{table}/{id}"));
    let key = key.as_str();
    let found = dynamodb.store.read(|tx| async move { EXPORTS.get(&tx, &place, key).await }).await?;
    let found = found.filter(|_| arn.account() == Some(call.account) && arn.region() == Some(call.region));
    let export =
        found.ok_or_else(|| Error::ExportNotFound(format!("Export not found: {}", input.export_arn)))?;
    Ok(DescribeExportOutput { export_description: Some(shown(&export)) })
}

pub async fn list_exports(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ListExportsInput,
) -> Result<ListExportsOutput, Error> {
    let prefix = match &input.table_arn {
        Some(arn) => format!("{}/", TableAddress::parse(call.scope(), arn)?.name),
        None => String::new(),
    };
    let limit = input.max_results.map_or(LIST_JOBS_MAX, |max| max as usize);
    let after = position(dynamodb, call, LIST, input.next_token.as_deref())?;
    let (place, prefix, after) = (call.scope(), prefix.as_str(), after.as_deref());
    let select = Select::prefix(prefix).after(after);
    let page =
        dynamodb.store.read(|tx| async move { EXPORTS.scan(&tx, &place, select, limit).await }).await?;
    let summaries = page.records.iter().map(|(_, export)| api::ExportSummary {
        export_arn: Some(arn(export).to_string()),
        export_status: Some(status(&export.state)),
        export_type: Some(match export.what {
            Exported::Full { .. } => api::ExportType::FullExport,
            Exported::Changes { .. } => api::ExportType::IncrementalExport,
        }),
    });
    Ok(ListExportsOutput {
        export_summaries: Some(summaries.collect()),
        next_token: page.next.map(|next| dynamodb.pages.make(LIST, call.account, &next)),
    })
}

/// What a list of exports or imports goes on after.
pub fn position(
    dynamodb: &DynamoDB,
    call: &Call,
    operation: &str,
    token: Option<&str>,
) -> Result<Option<String>, Error> {
    let read = |token: &str| {
        dynamodb.pages.read(operation, call.account, token).map_err(|_| {
            Error::Validation(format!("Invalid Request: Provided nextToken is invalid: {token}"))
        })
    };
    token.map(read).transpose()
}
