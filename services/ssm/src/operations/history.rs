//! GetParameterHistory: all versions that are kept, oldest first.

use service::Call;
use ssm_api::{GetParameterHistoryInput, GetParameterHistoryOutput, ParameterHistory};
use store::{Select, Tx};

use super::describe::to_inline;
use super::sealing::show;
use super::{not_found, page_position, page_size};
use crate::Ssm;
use crate::error::Error;
use crate::limits::RESULTS_MAX;
use crate::model::address::Address;
use crate::model::labels::{self, Labels};
use crate::records::{PARAMETERS, VERSIONS, VersionRecord, version_key, version_prefix};

const OPERATION: &str = "GetParameterHistory";

/// A page of versions.
struct Page {
    name: String,
    versions: Vec<VersionRecord>,
    labels: Labels,
    /// The version after which to go on, if there are more.
    next: Option<u64>,
}

pub async fn get_parameter_history(
    ssm: &Ssm,
    call: &Call,
    input: GetParameterHistoryInput,
) -> Result<GetParameterHistoryOutput, Error> {
    let address = Address::parse(&input.name, call.region, call.account)?;
    let limit = page_size(input.max_results, RESULTS_MAX);
    let after = page_position(ssm, call, OPERATION, input.next_token.as_deref())?;
    let after: Option<u64> =
        after.map(|after| after.parse()).transpose().map_err(|_| Error::InvalidNextToken)?;
    if address.selector.is_some() || address.name.is_public() || address.name.secret().is_some() {
        return Err(not_found());
    }
    let wanted = &address;
    let page = ssm.store.read(|tx| async move { load(&tx, wanted, after, limit).await }).await?;
    let decrypt = input.with_decryption.unwrap_or(false);
    let arn = address.arn();
    let mut parameters = Vec::with_capacity(page.versions.len());
    for version in page.versions {
        let labels = labels::of(&page.labels, version.version);
        parameters.push(ParameterHistory {
            name: Some(page.name.clone()),
            r#type: Some(version.kind.into()),
            key_id: version.key_id,
            last_modified_date: Some(version.modified),
            last_modified_user: Some(version.user),
            description: version.description,
            value: Some(show(ssm, call, arn.as_str(), version.value, decrypt).await?),
            allowed_pattern: version.allowed_pattern,
            version: Some(version.version.cast_signed()),
            labels: Some(labels),
            tier: Some(version.tier.into()),
            policies: Some(to_inline(version.policies)),
            data_type: Some(version.data_type),
        });
    }
    let next_token = page.next.map(|next| ssm.pages.make(OPERATION, call.account, &next.to_string()));
    Ok(GetParameterHistoryOutput { parameters: Some(parameters), next_token })
}

async fn load(tx: &Tx, address: &Address, after: Option<u64>, limit: usize) -> Result<Page, Error> {
    let (scope, key) = ((address.account, address.region), address.name.key());
    let found = PARAMETERS.get(tx, &scope, &key).await?;
    let record = found.filter(|record| address.means(&record.name)).ok_or_else(not_found)?;
    let (prefix, after_key) = (version_prefix(&key), after.map(|after| version_key(&key, after)));
    let select = Select::prefix(&prefix).after(after_key.as_deref());
    let older = VERSIONS.scan(tx, &scope, select, limit).await?;
    let is_more = older.next.is_some();
    let mut versions: Vec<VersionRecord> = older.records.into_iter().map(|(_, version)| version).collect();
    let current = record.current.version;
    if !is_more && versions.len() < limit && after.is_none_or(|after| after < current) {
        versions.push(record.current);
    }
    let last = versions.last().map(|version| version.version);
    let next = last.filter(|last| *last < current);
    Ok(Page { name: record.name, versions, labels: record.labels, next })
}
