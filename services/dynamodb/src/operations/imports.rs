//! Imports of new tables from S3: asked for, shown, listed. A task reads the objects, as whoever asked.
//!
//! Surprising: the table is made at once and cannot be used before the import is over, and lines that are no items are
//! counted and left out. Reference: "DynamoDB data import from Amazon S3" of the developer guide.

use base::Arn;
use dynamodb_api as api;
use dynamodb_api::{
    DescribeImportInput, DescribeImportOutput, ImportTableInput, ImportTableOutput, ListImportsInput,
    ListImportsOutput,
};
use service::{Call, ClientTokens, Kept, Repetition};
use store::Select;

use super::exports::position;
use super::making::{self, Plan, below, put_work_of};
use super::tables::kms_key;
use crate::DynamoDB;
use crate::encryption::Protected;
use crate::error::Error;
use crate::limits::LIST_JOBS_MAX;
use crate::model::table_name::{TableAddress, check_name};
use crate::model::table_schema::{self, TableWish};
use crate::model::throughput::Capacity;
use crate::records::{IMPORTS, ImportRecord, JobState, Place, TableClass, TableStatus, Ttl};
use crate::tasks::IMPORT;

const TOKENS: ClientTokens = ClientTokens { operation: "dynamodb.ImportTable" };
const LIST: &str = "ListImports";

pub async fn import_table(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ImportTableInput,
) -> Result<ImportTableOutput, Error> {
    let parameters = &input.table_creation_parameters;
    let name = parameters.table_name.clone();
    check_name("tableCreationParameters.tableName", &name)?;
    refuse_unknown(&input)?;
    let wish = TableWish {
        attribute_definitions: parameters.attribute_definitions.clone(),
        key_schema: parameters.key_schema.clone(),
        local_indexes: None,
        global_indexes: parameters.global_secondary_indexes.clone(),
        capacity: Capacity {
            billing_mode: parameters.billing_mode.clone(),
            provisioned: parameters.provisioned_throughput.clone(),
            on_demand: parameters.on_demand_throughput.clone(),
            warm: None,
        },
    };
    let new = table_schema::parse(&wish, call.region)?;
    let kms_key = kms_key(parameters.sse_specification.as_ref())?;
    let place = call.scope();
    if let Some(known) = repeated(dynamodb, call, place, &input).await? {
        return Ok(ImportTableOutput { import_table_description: shown(&known) });
    }
    let table_id = dynamodb.ids.uuid();
    let what = Protected { place, table: &name, table_id: &table_id };
    let encryption = dynamodb.directory.keys.make(call, what, kms_key.as_deref()).await?;
    let plan = Plan {
        id: table_id.clone(),
        new,
        encryption,
        status: TableStatus::Creating,
        class: TableClass::Standard,
        deletion_protection: false,
        stream: None,
        tags: Default::default(),
        policy: None,
        restored: None,
        ttl: Ttl::Disabled,
        replication: None,
        work: None,
    };
    let view = making::make(dynamodb, place, &name, call.now, &plan).await?;
    let import = &ImportRecord {
        id: format!("{:014}-{}", call.now.as_millis(), dynamodb.ids.hex(8)),
        table: name,
        table_arn: view.arn.clone(),
        table_id,
        call: call.clone(),
        wish: Kept(input.clone()),
        started: call.now,
        state: JobState::InProgress,
        bytes: 0,
        processed: 0,
        imported: 0,
        errors: 0,
    };
    let (token, text) = (input.client_token.as_deref(), format!("{input:?}"));
    let text = text.as_str();
    dynamodb
        .store
        .transact(|tx| async move {
            if let Some(token) = token {
                TOKENS.remember(&tx, place, token, text, &key_of(import), call.now).await?;
            }
            IMPORTS.put(&tx, &place, &key_of(import), import).await?;
            put_work_of(&tx, IMPORT, place, &import.table, &import.table_id, &import.id).await?;
            Ok::<_, Error>(())
        })
        .await?;
    dynamodb.importing.nudge();
    Ok(ImportTableOutput { import_table_description: shown(import) })
}

fn refuse_unknown(input: &ImportTableInput) -> Result<(), Error> {
    let refused = |what: &str| Err(Error::NotImplemented(format!("{what} are not implemented by Fogbank")));
    if input.input_format == api::InputFormat::Ion {
        return refused("Imports of Amazon Ion");
    }
    if input.input_compression_type == Some(api::InputCompressionType::Zstd) {
        return refused("Imports of objects that are compressed by Zstandard");
    }
    if input.table_creation_parameters.vector_indexes.is_some() {
        return refused("Vector indexes");
    }
    let has_csv = input.input_format_options.as_ref().is_some_and(|options| options.csv.is_some());
    if has_csv && input.input_format != api::InputFormat::Csv {
        return Err(Error::Validation(format!(
            "Invalid Request: Unsupported InputFormatOptions for the given input format: {}.",
            input.input_format
        )));
    }
    Ok(())
}

/// The import that a request with the same token began.
async fn repeated(
    dynamodb: &DynamoDB,
    call: &Call,
    place: Place,
    input: &ImportTableInput,
) -> Result<Option<ImportRecord>, Error> {
    let Some(token) = input.client_token.as_deref() else { return Ok(None) };
    let text = format!("{input:?}");
    let text = text.as_str();
    dynamodb
        .store
        .read(|tx| async move {
            match TOKENS.check(&tx, place, token, text, call.now).await? {
                Repetition::First => Ok(None),
                Repetition::Again(key) => Ok(IMPORTS.get(&tx, &place, &key).await?),
                Repetition::Mismatch | Repetition::TooLong => Err(Error::ImportConflict(
                    "Import conflict: Duplicate request detected with conflicting parameters".to_owned(),
                )),
            }
        })
        .await
}

fn key_of(import: &ImportRecord) -> String {
    format!("{}/{}", import.table, import.id)
}

fn arn(import: &ImportRecord) -> Arn {
    below(&import.table_arn, "import", &import.id)
}

fn status(state: &JobState) -> api::ImportStatus {
    match state {
        JobState::InProgress => api::ImportStatus::InProgress,
        JobState::Completed { .. } => api::ImportStatus::Completed,
        JobState::Failed { .. } => api::ImportStatus::Failed,
    }
}

fn shown(import: &ImportRecord) -> api::ImportTableDescription {
    let Kept(wish) = &import.wish;
    let (end_time, failure) = match &import.state {
        JobState::InProgress => (None, None),
        JobState::Completed { at } => (Some(*at), None),
        JobState::Failed { at, code, message } => (Some(*at), Some((code.clone(), message.clone()))),
    };
    api::ImportTableDescription {
        import_arn: Some(arn(import).to_string()),
        import_status: Some(status(&import.state)),
        table_arn: Some(import.table_arn.to_string()),
        table_id: Some(import.table_id.clone()),
        client_token: wish.client_token.clone(),
        s3_bucket_source: Some(wish.s3_bucket_source.clone()),
        error_count: Some(import.errors as i64),
        cloud_watch_log_group_arn: None,
        input_format: Some(wish.input_format.clone()),
        input_format_options: wish.input_format_options.clone(),
        input_compression_type: Some(
            wish.input_compression_type.clone().unwrap_or(api::InputCompressionType::None),
        ),
        table_creation_parameters: Some(wish.table_creation_parameters.clone()),
        start_time: Some(import.started),
        end_time,
        processed_size_bytes: Some(import.bytes as i64),
        processed_item_count: Some(import.processed as i64),
        imported_item_count: Some(import.imported as i64),
        failure_code: failure.as_ref().map(|(code, _)| code.clone()),
        failure_message: failure.map(|(_, message)| message),
    }
}

pub async fn describe_import(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeImportInput,
) -> Result<DescribeImportOutput, Error> {
    let invalid = || Error::Validation("Invalid Import ARN".to_owned());
    let arn: Arn = input.import_arn.parse().map_err(|_| invalid())?;
    let path = arn.resource().strip_prefix("table/").and_then(|path| path.split_once("/import/"));
    let (table, id) = path.ok_or_else(invalid)?;
    let (place, key) = (call.scope(), format!("{table}/{id}"));
    let key = key.as_str();
    let found = dynamodb.store.read(|tx| async move { IMPORTS.get(&tx, &place, key).await }).await?;
    let found = found.filter(|_| arn.account() == Some(call.account) && arn.region() == Some(call.region));
    let import =
        found.ok_or_else(|| Error::ImportNotFound(format!("Import not found: {}", input.import_arn)))?;
    Ok(DescribeImportOutput { import_table_description: shown(&import) })
}

pub async fn list_imports(
    dynamodb: &DynamoDB,
    call: &Call,
    input: ListImportsInput,
) -> Result<ListImportsOutput, Error> {
    let prefix = match &input.table_arn {
        Some(arn) => format!("{}/", TableAddress::parse(call.scope(), arn)?.name),
        None => String::new(),
    };
    let limit = input.page_size.map_or(LIST_JOBS_MAX, |max| max as usize);
    let after = position(dynamodb, call, LIST, input.next_token.as_deref())?;
    let (place, prefix, after) = (call.scope(), prefix.as_str(), after.as_deref());
    let select = Select::prefix(prefix).after(after);
    let page =
        dynamodb.store.read(|tx| async move { IMPORTS.scan(&tx, &place, select, limit).await }).await?;
    let summaries = page.records.iter().map(|(_, import)| {
        let shown = shown(import);
        api::ImportSummary {
            import_arn: shown.import_arn,
            import_status: shown.import_status,
            table_arn: shown.table_arn,
            s3_bucket_source: shown.s3_bucket_source,
            cloud_watch_log_group_arn: None,
            input_format: shown.input_format,
            start_time: shown.start_time,
            end_time: shown.end_time,
        }
    });
    Ok(ListImportsOutput {
        import_summary_list: Some(summaries.collect()),
        next_token: page.next.map(|next| dynamodb.pages.make(LIST, call.account, &next)),
    })
}
