//! GetKeyLastUsage: which cryptographic operation a key did last, and when.

use base::{AccountId, Region};
use kms_api::{GetKeyLastUsageInput, GetKeyLastUsageOutput, KeyLastUsageData};
use service::Call;

use super::key;
use crate::Kms;
use crate::error::Error;
use crate::records::{LAST_USES, LastUse};

pub async fn get_key_last_usage(
    kms: &Kms,
    call: &Call,
    input: GetKeyLastUsageInput,
) -> Result<GetKeyLastUsageOutput, Error> {
    let key = key(kms, call, &input.key_id).await?;
    let last = of(kms, key.place(), &key.id).await?;
    let usage = last.map(|last| KeyLastUsageData {
        operation: Some(last.operation.as_str().into()),
        timestamp: Some(last.at),
        cloud_trail_event_id: Some(last.request_id.clone()),
        kms_request_id: Some(last.request_id),
    });
    Ok(GetKeyLastUsageOutput {
        key_id: Some(key.id.clone()),
        key_last_usage: Some(usage.unwrap_or_default()),
        // Uses are noted from the first one on.
        tracking_start_date: Some(key.record.created),
        key_creation_date: Some(key.record.created),
    })
}

/// The last use, whether or not it has been written down.
pub async fn of(kms: &Kms, place: (AccountId, Region), key: &str) -> Result<Option<LastUse>, Error> {
    if let Some(noted) = kms.uses.of(place, key) {
        return Ok(Some(noted));
    }
    Ok(kms.store.read(|tx| async move { LAST_USES.get(&tx, &place, key).await }).await?)
}
