//! What operations authorise: tables by name or ARN, and what belongs to tables by its own ARN.

use base::Arn;
use dynamodb_api as api;
use service::Call;

use crate::DynamoDB;
use crate::error::Error;
use crate::model::resource_arn;
use crate::model::table_name::{TableAddress, table_arn};
use crate::operations::backups::is_aws_backup;

/// Inputs that name a table, by name or ARN.
pub trait OfTable {
    fn table_name(&self) -> &str;
}

macro_rules! of_table {
    ($($input:ident $(. $member:ident)?,)*) => { $(impl OfTable for api::$input {
        fn table_name(&self) -> &str {
            of_table!(@member self $(, $member)?)
        }
    })* };
    (@member $input:expr) => { &$input.table_name };
    (@member $input:expr, $member:ident) => { &$input.$member };
}

of_table! {
    CreateBackupInput,
    CreateTableInput,
    DeleteItemInput,
    DeleteTableInput,
    DescribeContinuousBackupsInput,
    DescribeKinesisStreamingDestinationInput,
    DescribeTableInput,
    DescribeTableReplicaAutoScalingInput,
    DescribeTimeToLiveInput,
    DisableKinesisStreamingDestinationInput,
    EnableKinesisStreamingDestinationInput,
    ExportTableToPointInTimeInput.table_arn,
    GetItemInput,
    PutItemInput,
    UpdateContinuousBackupsInput,
    UpdateItemInput,
    UpdateKinesisStreamingDestinationInput,
    UpdateTableInput,
    UpdateTableReplicaAutoScalingInput,
    UpdateTimeToLiveInput,
}

pub fn by_table(_: &DynamoDB, call: &Call, input: &impl OfTable) -> Result<Vec<Arn>, Error> {
    Ok(vec![TableAddress::parse(call.scope(), input.table_name())?.arn()])
}

/// Inputs about a table or one of its indexes.
pub trait OfIndex {
    fn table_name(&self) -> &str;
    fn index_name(&self) -> Option<&str>;
}

macro_rules! of_index {
    ($($input:ident)*) => { $(impl OfIndex for api::$input {
        fn table_name(&self) -> &str {
            &self.table_name
        }

        fn index_name(&self) -> Option<&str> {
            self.index_name.as_deref()
        }
    })* };
}

of_index! { DescribeContributorInsightsInput QueryInput ScanInput UpdateContributorInsightsInput }

pub fn by_index(_: &DynamoDB, call: &Call, input: &impl OfIndex) -> Result<Vec<Arn>, Error> {
    let table = TableAddress::parse(call.scope(), input.table_name())?.arn();
    let index = input.index_name().map(|index| below(&table, "index", index));
    Ok(vec![index.unwrap_or(table)])
}

fn below(table: &Arn, kind: &str, name: &str) -> Arn {
    format!("{table}/{kind}/{name}").parse().expect("an ARN stays one with more at its end")
}

/// Actions on no resource.
pub fn nothing<I>(_: &DynamoDB, _: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

/// Inputs about something that has an ARN of its own.
pub trait OfArn {
    fn arn(&self) -> &str;
}

macro_rules! of_arn {
    ($($input:ident . $member:ident,)*) => { $(impl OfArn for api::$input {
        fn arn(&self) -> &str {
            &self.$member
        }
    })* };
}

of_arn! {
    DeleteBackupInput.backup_arn,
    DeleteResourcePolicyInput.resource_arn,
    DescribeBackupInput.backup_arn,
    DescribeExportInput.export_arn,
    DescribeImportInput.import_arn,
    GetResourcePolicyInput.resource_arn,
    ListTagsOfResourceInput.resource_arn,
    PutResourcePolicyInput.resource_arn,
    TagResourceInput.resource_arn,
    UntagResourceInput.resource_arn,
}

/// A table, or a table's stream.
pub fn by_resource(_: &DynamoDB, call: &Call, input: &impl OfArn) -> Result<Vec<Arn>, Error> {
    resource_arn::parse(call.region, input.arn()).map(|arn| vec![arn])
}

/// A backup, an export or an import, whose wrong ARNs each operation words itself: they name nothing to authorise.
pub fn by_arn(_: &DynamoDB, _: &Call, input: &impl OfArn) -> Result<Vec<Arn>, Error> {
    Ok(input.arn().parse().ok().into_iter().collect())
}

/// Of AWS Backup, which asks for `RestoreTableFromAwsBackup` on the new table itself, the backup alone.
pub fn by_restored(
    _: &DynamoDB,
    call: &Call,
    input: &api::RestoreTableFromBackupInput,
) -> Result<Vec<Arn>, Error> {
    let backup = input.backup_arn.parse().ok();
    let table = (!is_aws_backup(call)).then(|| table_arn(call.scope(), &input.target_table_name));
    Ok(backup.into_iter().chain(table).collect())
}

pub fn by_recovered(
    _: &DynamoDB,
    call: &Call,
    input: &api::RestoreTableToPointInTimeInput,
) -> Result<Vec<Arn>, Error> {
    let named = input.source_table_name.as_deref().or(input.source_table_arn.as_deref());
    let source = named.map(|name| TableAddress::parse(call.scope(), name).map(|table| table.arn()));
    let target = table_arn(call.scope(), &input.target_table_name);
    Ok(source.transpose()?.into_iter().chain([target]).collect())
}

pub fn by_imported(_: &DynamoDB, call: &Call, input: &api::ImportTableInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![table_arn(call.scope(), &input.table_creation_parameters.table_name)])
}

/// Inputs about a global table of the version of 2017.
pub trait OfGlobalTable {
    fn global_table_name(&self) -> &str;
}

macro_rules! of_global_table {
    ($($input:ident)*) => { $(impl OfGlobalTable for api::$input {
        fn global_table_name(&self) -> &str {
            &self.global_table_name
        }
    })* };
}

of_global_table! {
    CreateGlobalTableInput DescribeGlobalTableInput DescribeGlobalTableSettingsInput UpdateGlobalTableInput
    UpdateGlobalTableSettingsInput
}

/// `arn:aws:dynamodb::123456789012:global-table/Music`
pub fn by_global_table(_: &DynamoDB, call: &Call, input: &impl OfGlobalTable) -> Result<Vec<Arn>, Error> {
    let name = input.global_table_name();
    Ok(vec![Arn::global("dynamodb", call.region, call.account, format!("global-table/{name}"))])
}

/// Lists of what belongs to one table or to all.
pub trait OfAnyTable {
    fn table_arn(&self) -> Option<&str>;
}

impl OfAnyTable for api::ListExportsInput {
    fn table_arn(&self) -> Option<&str> {
        self.table_arn.as_deref()
    }
}

impl OfAnyTable for api::ListImportsInput {
    fn table_arn(&self) -> Option<&str> {
        self.table_arn.as_deref()
    }
}

pub fn by_exported(_: &DynamoDB, call: &Call, input: &impl OfAnyTable) -> Result<Vec<Arn>, Error> {
    let table = input.table_arn().map(|arn| TableAddress::parse(call.scope(), arn)).transpose()?;
    Ok(table.map(|table| table.arn()).into_iter().collect())
}
