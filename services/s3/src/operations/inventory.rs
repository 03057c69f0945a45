//! Inventories: which lists of a bucket are to be made, and where they go. A task makes them.

use s3_api::{
    DeleteBucketInventoryConfigurationInput, DeleteBucketInventoryConfigurationOutput,
    GetBucketInventoryConfigurationInput, GetBucketInventoryConfigurationOutput, InventoryConfiguration,
    ListBucketInventoryConfigurationsInput, ListBucketInventoryConfigurationsOutput,
    PutBucketInventoryConfigurationInput, PutBucketInventoryConfigurationOutput,
};
use service::{Call, Kept};

use super::configurations::{check_destination, check_id, get, page, put, remove};
use super::reach_bucket;
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, MALFORMED_XML, NOT_IMPLEMENTED};
use crate::model::inventory::{is_known, is_made};

pub async fn put_bucket_inventory_configuration(
    s3: &S3,
    call: &Call,
    input: PutBucketInventoryConfigurationInput,
) -> Result<PutBucketInventoryConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let configuration = input.inventory_configuration;
    check_id(&input.id, &configuration.id)?;
    check(s3, &bucket, &configuration).await?;
    let (id, configuration) = (input.id.as_str(), Kept(configuration));
    s3.directory
        .change(&bucket, |record| put(&mut record.settings.inventory, id, configuration.clone()))
        .await?;
    Ok(PutBucketInventoryConfigurationOutput {})
}

async fn check(s3: &S3, bucket: &Bucket, configuration: &InventoryConfiguration) -> Result<(), Error> {
    let destination = &configuration.destination.s3_bucket_destination;
    if let Some(encryption) = &destination.encryption
        && encryption.sses3.is_some() == encryption.ssekms.is_some()
    {
        return Err(Error::new(&MALFORMED_XML));
    }
    if !is_made(&destination.format) {
        let message = "Inventory reports in ORC are not made here; choose CSV or Parquet.";
        return Err(Error::worded(&NOT_IMPLEMENTED, message));
    }
    let fields = configuration.optional_fields.as_deref().unwrap_or_default();
    if let Some(field) = fields.iter().find(|field| !is_known(field)) {
        let message = format!("Inventory reports have no field {} here.", field.as_str());
        return Err(Error::worded(&NOT_IMPLEMENTED, message));
    }
    check_destination(s3, bucket, &destination.bucket).await
}

pub async fn get_bucket_inventory_configuration(
    s3: &S3,
    call: &Call,
    input: GetBucketInventoryConfigurationInput,
) -> Result<GetBucketInventoryConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let found = get(&bucket.record.settings.inventory, &input.id)?;
    Ok(GetBucketInventoryConfigurationOutput { inventory_configuration: Some(found.0.clone()) })
}

pub async fn list_bucket_inventory_configurations(
    s3: &S3,
    call: &Call,
    input: ListBucketInventoryConfigurationsInput,
) -> Result<ListBucketInventoryConfigurationsOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let (all, token) = (&bucket.record.settings.inventory, input.continuation_token.as_deref());
    let page = page(s3, call, "ListBucketInventoryConfigurations", all, token)?;
    let found: Vec<_> = page.found.into_iter().map(|kept| kept.0).collect();
    Ok(ListBucketInventoryConfigurationsOutput {
        is_truncated: Some(page.next.is_some()),
        continuation_token: input.continuation_token,
        next_continuation_token: page.next,
        inventory_configuration_list: (!found.is_empty()).then_some(found),
    })
}

pub async fn delete_bucket_inventory_configuration(
    s3: &S3,
    call: &Call,
    input: DeleteBucketInventoryConfigurationInput,
) -> Result<DeleteBucketInventoryConfigurationOutput, Error> {
    let bucket = reach_bucket(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    s3.directory.change(&bucket, |record| remove(&mut record.settings.inventory, &input.id)).await?;
    Ok(DeleteBucketInventoryConfigurationOutput {})
}
