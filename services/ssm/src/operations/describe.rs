//! DescribeParameters: everything about parameters but their values.

use service::Call;
use ssm_api::{DescribeParametersInput, DescribeParametersOutput, ParameterInlinePolicy, ParameterMetadata};

use super::listing::Search;
use super::{page_position, page_size};
use crate::Ssm;
use crate::error::Error;
use crate::limits::RESULTS_MAX;
use crate::model::filter::Filters;
use crate::model::name::ParameterName;
use crate::model::policies::ParameterPolicy;
use crate::records::ParameterRecord;

const OPERATION: &str = "DescribeParameters";

pub async fn describe_parameters(
    ssm: &Ssm,
    call: &Call,
    input: DescribeParametersInput,
) -> Result<DescribeParametersOutput, Error> {
    let filters = Filters::to_describe(input.parameter_filters, input.filters)?;
    let limit = page_size(input.max_results, RESULTS_MAX);
    let after = page_position(ssm, call, OPERATION, input.next_token.as_deref())?;
    if input.shared == Some(true) {
        // AWS lists what Resource Access Manager shares, and what a resource policy shares only once RAM has been told
        // to make it a share of its own. There is no RAM.
        return Ok(DescribeParametersOutput { parameters: Some(Vec::new()), next_token: None });
    }
    let ranges = filters.ranges();
    let search =
        Search { scope: call.scope(), ranges: &ranges, filters: &filters, after: after.as_deref(), limit };
    let search = &search;
    let found = ssm.store.read(|tx| async move { search.run(&tx).await }).await?;
    let parameters = found.records.into_iter().map(|(_, record)| to_metadata(call, record)).collect();
    Ok(DescribeParametersOutput {
        parameters: Some(parameters),
        next_token: found.next.map(|next| ssm.pages.make(OPERATION, call.account, &next)),
    })
}

fn to_metadata(call: &Call, record: ParameterRecord) -> ParameterMetadata {
    let ParameterRecord { name, current, .. } = record;
    let arn = ParameterName::parse(&name).ok().map(|name| name.arn(call.region, call.account));
    ParameterMetadata {
        name: Some(name),
        arn: arn.map(|arn| arn.to_string()),
        r#type: Some(current.kind.into()),
        key_id: current.key_id,
        last_modified_date: Some(current.modified),
        last_modified_user: Some(current.user),
        description: current.description,
        allowed_pattern: current.allowed_pattern,
        version: Some(current.version.cast_signed()),
        tier: Some(current.tier.into()),
        policies: Some(to_inline(current.policies)),
        data_type: Some(current.data_type),
    }
}

/// Policies as clients see them. One that deletes does so in its time and is gone with its parameter; one that tells
/// somebody waits for somebody who can be told. So all that are seen are pending.
pub fn to_inline(policies: Vec<ParameterPolicy>) -> Vec<ParameterInlinePolicy> {
    let inline = |policy: ParameterPolicy| ParameterInlinePolicy {
        policy_text: Some(policy.text),
        policy_type: Some(policy.kind),
        policy_status: Some("Pending".to_owned()),
    };
    policies.into_iter().map(inline).collect()
}
