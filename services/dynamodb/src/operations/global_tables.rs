//! The operations on global tables of the version of 2017, which DynamoDB makes no more: making one is refused, and there
//! is none to be found. Replicas of the present version are UpdateTable's.

use dynamodb_api::{
    CreateGlobalTableInput, CreateGlobalTableOutput, DescribeGlobalTableInput, DescribeGlobalTableOutput,
    DescribeGlobalTableSettingsInput, DescribeGlobalTableSettingsOutput, ListGlobalTablesInput,
    ListGlobalTablesOutput, UpdateGlobalTableInput, UpdateGlobalTableOutput, UpdateGlobalTableSettingsInput,
    UpdateGlobalTableSettingsOutput,
};
use service::Call;

use crate::DynamoDB;
use crate::error::Error;

fn not_supported() -> Error {
    Error::invalid_values(
        "DynamoDB global tables version 2017.11.29 is not supported. We recommend using DynamoDB global tables version \
         2019.11.21, instead of version 2017.11.29 (Legacy).",
    )
}

fn not_found(name: &str) -> Error {
    Error::GlobalTableNotFound(format!("Global table with name: '{name}' does not exist."))
}

pub async fn create_global_table(
    _: &DynamoDB,
    _: &Call,
    _: CreateGlobalTableInput,
) -> Result<CreateGlobalTableOutput, Error> {
    Err(not_supported())
}

pub async fn update_global_table(
    _: &DynamoDB,
    _: &Call,
    _: UpdateGlobalTableInput,
) -> Result<UpdateGlobalTableOutput, Error> {
    Err(not_supported())
}

pub async fn describe_global_table(
    _: &DynamoDB,
    _: &Call,
    input: DescribeGlobalTableInput,
) -> Result<DescribeGlobalTableOutput, Error> {
    Err(not_found(&input.global_table_name))
}

pub async fn list_global_tables(
    _: &DynamoDB,
    _: &Call,
    _: ListGlobalTablesInput,
) -> Result<ListGlobalTablesOutput, Error> {
    Ok(ListGlobalTablesOutput { global_tables: Some(Vec::new()), last_evaluated_global_table_name: None })
}

pub async fn describe_global_table_settings(
    _: &DynamoDB,
    _: &Call,
    input: DescribeGlobalTableSettingsInput,
) -> Result<DescribeGlobalTableSettingsOutput, Error> {
    Err(not_found(&input.global_table_name))
}

pub async fn update_global_table_settings(
    _: &DynamoDB,
    _: &Call,
    input: UpdateGlobalTableSettingsInput,
) -> Result<UpdateGlobalTableSettingsOutput, Error> {
    Err(not_found(&input.global_table_name))
}
