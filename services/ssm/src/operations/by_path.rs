//! GetParametersByPath, of the caller's own parameters and of AWS's.

use service::Call;
use ssm_api::{GetParametersByPathInput, GetParametersByPathOutput};
use store::Tx;

use super::listing::{Found, Search};
use super::read::{Version, to_parameter};
use super::{page_position, page_size, public};
use crate::Ssm;
use crate::error::Error;
use crate::limits::PATH_RESULTS_MAX;
use crate::model::filter::{Filters, Keys};
use crate::model::name::{ParameterName, ParameterPath};
use crate::records::{ParameterRecord, Place, VERSIONS, version_key};

const OPERATION: &str = "GetParametersByPath";

pub async fn get_parameters_by_path(
    ssm: &Ssm,
    call: &Call,
    input: GetParametersByPathInput,
) -> Result<GetParametersByPathOutput, Error> {
    let path = ParameterPath::parse(&input.path)?;
    let recursive = input.recursive.unwrap_or(false);
    let filters = Filters::by_path(input.parameter_filters)?;
    let limit = page_size(input.max_results, PATH_RESULTS_MAX);
    let after = page_position(ssm, call, OPERATION, input.next_token.as_deref())?;
    let token = |next: Option<String>| next.map(|next| ssm.pages.make(OPERATION, call.account, &next));
    if path.is_of_aws() {
        let request = public::Listing { path: path.as_str(), recursive, filters: &filters, limit };
        let (parameters, next) = public::list(ssm, call.region, &request, after.as_deref()).await?;
        return Ok(GetParametersByPathOutput { parameters: Some(parameters), next_token: token(next) });
    }
    let ranges: Vec<Keys> = path.prefixes(recursive).into_iter().map(Keys::BeginningWith).collect();
    let is_within = |after: &str| {
        ranges.iter().any(|range| matches!(range, Keys::BeginningWith(prefix) if after.starts_with(prefix)))
    };
    if after.as_deref().is_some_and(|after| !is_within(after)) {
        return Err(Error::InvalidNextToken);
    }
    let scope = call.scope();
    let search = Search { scope, ranges: &ranges, filters: &filters, after: after.as_deref(), limit };
    let (search, filters) = (&search, &filters);
    let (versions, next) = ssm
        .store
        .read(|tx| async move {
            let Found { records, next, .. } = search.run(&tx).await?;
            let mut versions = Vec::with_capacity(records.len());
            for (key, record) in records {
                versions.push(meant(&tx, &scope, &key, record, filters).await?);
            }
            Ok::<_, Error>((versions, next))
        })
        .await?;
    let decrypt = input.with_decryption.unwrap_or(false);
    let mut parameters = Vec::with_capacity(versions.len());
    for version in versions {
        let arn = ParameterName::parse(&version.name)?.arn(call.region, call.account);
        parameters.push(to_parameter(ssm, call, arn.as_str(), version, decrypt).await?);
    }
    Ok(GetParametersByPathOutput { parameters: Some(parameters), next_token: token(next) })
}

/// The version that the listing shows: the current one, or that with the label that is asked for.
async fn meant(
    tx: &Tx,
    scope: &Place,
    key: &str,
    record: ParameterRecord,
    filters: &Filters,
) -> Result<Version, Error> {
    let labels = filters.labels().unwrap_or_default();
    let labelled = labels.iter().find_map(|label| record.labels.get(label).copied());
    let older = match labelled {
        Some(version) if version != record.current.version => {
            VERSIONS.get(tx, scope, &version_key(key, version)).await?
        }
        _ => None,
    };
    Ok(Version { name: record.name, record: older.unwrap_or(record.current) })
}
