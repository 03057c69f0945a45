//! Options of a launch: metadata, processors, user data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ec2_api::{
    CpuOptions, CpuOptionsRequest, HttpTokensState, InstanceMetadataEndpointState,
    InstanceMetadataOptionsRequest, InstanceMetadataOptionsResponse, InstanceMetadataOptionsState,
    InstanceMetadataProtocolState, InstanceMetadataTagsState, InstanceTypeInfo,
};

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::limits::{HOP_LIMIT_MAX, USER_DATA_BYTES_MAX};
use crate::model::tags::Tags;

/// What an account sets for launches that say nothing themselves, and what images ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    pub tokens: Option<HttpTokensState>,
    pub hop_limit: Option<i32>,
    pub endpoint: Option<InstanceMetadataEndpointState>,
    pub tags: Option<InstanceMetadataTagsState>,
}

/// The metadata options of a new instance: the launch's own, then the account's, then the image's, then AWS's ("Order of
/// precedence for instance metadata options").
///
/// # Errors
/// `InvalidParameterValue`
pub fn metadata_options(
    asked: Option<&InstanceMetadataOptionsRequest>,
    account: &Defaults,
    image_wants_tokens: bool,
) -> Result<InstanceMetadataOptionsResponse, Error> {
    let asked = asked.cloned().unwrap_or_default();
    check(&asked)?;
    let (tokens, hops) = match image_wants_tokens {
        true => (HttpTokensState::Required, 2),
        false => (HttpTokensState::Optional, 1),
    };
    Ok(InstanceMetadataOptionsResponse {
        state: Some(InstanceMetadataOptionsState::Applied),
        http_tokens: asked.http_tokens.or_else(|| account.tokens.clone()).or(Some(tokens)),
        http_put_response_hop_limit: asked.http_put_response_hop_limit.or(account.hop_limit).or(Some(hops)),
        http_endpoint: asked
            .http_endpoint
            .or_else(|| account.endpoint.clone())
            .or(Some(InstanceMetadataEndpointState::Enabled)),
        http_protocol_ipv6: asked.http_protocol_ipv6.or(Some(InstanceMetadataProtocolState::Disabled)),
        instance_metadata_tags: asked
            .instance_metadata_tags
            .or_else(|| account.tags.clone())
            .or(Some(InstanceMetadataTagsState::Disabled)),
    })
}

/// The options after a change that names some of them.
pub fn changed(
    options: InstanceMetadataOptionsResponse,
    asked: InstanceMetadataOptionsRequest,
) -> Result<InstanceMetadataOptionsResponse, Error> {
    check(&asked)?;
    Ok(InstanceMetadataOptionsResponse {
        state: options.state,
        http_tokens: asked.http_tokens.or(options.http_tokens),
        http_put_response_hop_limit: asked
            .http_put_response_hop_limit
            .or(options.http_put_response_hop_limit),
        http_endpoint: asked.http_endpoint.or(options.http_endpoint),
        http_protocol_ipv6: asked.http_protocol_ipv6.or(options.http_protocol_ipv6),
        instance_metadata_tags: asked.instance_metadata_tags.or(options.instance_metadata_tags),
    })
}

fn check(asked: &InstanceMetadataOptionsRequest) -> Result<(), Error> {
    if let Some(HttpTokensState::Unknown(other)) = &asked.http_tokens {
        return Err(Error::invalid_value(other, "HttpTokens", ""));
    }
    if let Some(InstanceMetadataEndpointState::Unknown(other)) = &asked.http_endpoint {
        return Err(Error::invalid_value(other, "HttpEndpoint", ""));
    }
    match asked.http_put_response_hop_limit {
        Some(hops) if !(1..=HOP_LIMIT_MAX).contains(&hops) => {
            let why = format!("It has to be between 1 and {HOP_LIMIT_MAX}.");
            Err(Error::invalid_value(hops, "HttpPutResponseHopLimit", &why))
        }
        _ => Ok(()),
    }
}

/// The processors of an instance: those of its type, unless fewer were asked for.
pub fn cpu_options(info: &InstanceTypeInfo, asked: Option<&CpuOptionsRequest>) -> Result<CpuOptions, Error> {
    let cpu = info.v_cpu_info.clone().unwrap_or_default();
    let Some(asked) = asked else {
        return Ok(CpuOptions {
            core_count: cpu.default_cores.or(cpu.default_v_cpus),
            threads_per_core: cpu.default_threads_per_core.or(Some(1)),
            ..CpuOptions::default()
        });
    };
    let refused = |what: &str, value: i32| {
        let name = info.instance_type.as_deref().unwrap_or_default();
        let message = format!("The specified {what} ({value}) is not valid for instance type {name}.");
        Error::new(&INVALID_PARAMETER_VALUE, message)
    };
    let cores = cpu.valid_cores.unwrap_or_else(|| cpu.default_cores.into_iter().collect());
    let threads =
        cpu.valid_threads_per_core.unwrap_or_else(|| cpu.default_threads_per_core.into_iter().collect());
    if let Some(count) = asked.core_count.filter(|count| !cores.contains(count)) {
        return Err(refused("CoreCount", count));
    }
    if let Some(count) = asked.threads_per_core.filter(|count| !threads.contains(count)) {
        return Err(refused("ThreadsPerCore", count));
    }
    Ok(CpuOptions {
        core_count: asked.core_count.or(cpu.default_cores),
        threads_per_core: asked.threads_per_core.or(cpu.default_threads_per_core),
        amd_sev_snp: asked.amd_sev_snp.clone(),
        nested_virtualization: asked.nested_virtualization.clone(),
    })
}

/// The bytes of user data.
///
/// # Errors
/// `InvalidParameterValue` for what is no base64, and for more than 16 KB.
pub fn user_data(base64: &str) -> Result<Vec<u8>, Error> {
    let compact: String = base64.split_whitespace().collect();
    let bytes = STANDARD
        .decode(compact)
        .map_err(|_| Error::new(&INVALID_PARAMETER_VALUE, "Invalid BASE64 encoding of user data."))?;
    if bytes.len() > USER_DATA_BYTES_MAX {
        let message = format!("User data is limited to {USER_DATA_BYTES_MAX} bytes");
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    Ok(bytes)
}

/// Tags that instances see in their metadata have keys that can stand in a path.
pub fn check_metadata_tags(tags: &Tags) -> Result<(), Error> {
    let fits = |key: &str| {
        !matches!(key, "." | ".." | "_index")
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+=,.@:".contains(&byte))
    };
    match tags.keys().find(|key| !fits(key)) {
        Some(key) => {
            let message = format!(
                "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and must not be a reserved name ('.', '..', '_index')"
            );
            Err(Error::new(&INVALID_PARAMETER_VALUE, message))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_launch_says_goes_before_the_account_and_that_before_the_image() {
        let account =
            Defaults { tokens: Some(HttpTokensState::Required), hop_limit: Some(3), ..Defaults::default() };
        let none = metadata_options(None, &Defaults::default(), false).unwrap();
        assert_eq!(
            (none.http_tokens, none.http_put_response_hop_limit),
            (Some(HttpTokensState::Optional), Some(1))
        );
        let image = metadata_options(None, &Defaults::default(), true).unwrap();
        assert_eq!(
            (image.http_tokens, image.http_put_response_hop_limit),
            (Some(HttpTokensState::Required), Some(2))
        );
        let asked = InstanceMetadataOptionsRequest {
            http_tokens: Some(HttpTokensState::Optional),
            ..InstanceMetadataOptionsRequest::default()
        };
        let own = metadata_options(Some(&asked), &account, true).unwrap();
        assert_eq!(
            (own.http_tokens, own.http_put_response_hop_limit),
            (Some(HttpTokensState::Optional), Some(3))
        );
    }

    #[test]
    fn user_data_is_base64_of_sixteen_kilobytes_at_most() {
        assert_eq!(user_data("IyEvYmluL3No\n").unwrap(), b"#!/bin/sh");
        assert!(user_data("no base64!").is_err());
        assert!(user_data(&STANDARD.encode(vec![0; 16 * 1024])).is_ok());
        assert!(user_data(&STANDARD.encode(vec![0; 16 * 1024 + 1])).is_err());
    }
}
