//! How much of everything an account has, and may have.

use std::collections::BTreeMap;

use base::AccountId;
use iam_api::{GetAccountSummaryInput, GetAccountSummaryOutput};
use service::Call;
use store::{Select, Table, Tx, Versioned};

use super::users::ACCOUNT;
use crate::Iam;
use crate::error::Error;
use crate::limits::*;
use crate::records::{
    ACCOUNTS, AccountRecord, GROUPS, INSTANCE_PROFILES, MFA_DEVICES, OIDC_PROVIDERS, POLICIES, ROLES,
    SAML_PROVIDERS, SERVER_CERTIFICATES, USERS,
};

/// How many records are read in one step.
const RECORDS_AT_ONCE_MAX: usize = 1_000;

pub async fn get(
    iam: &Iam,
    call: &Call,
    _: GetAccountSummaryInput,
) -> Result<GetAccountSummaryOutput, Error> {
    let account = call.account;
    let mut summary = quotas();
    let used = iam.store.read(|tx| async move { used(&tx, account).await }).await?;
    summary.extend(used);
    let shown = |(name, number): (&str, usize)| {
        (name.to_owned(), i32::try_from(number).expect("quotas keep every number small"))
    };
    let summary_map: BTreeMap<String, i32> = summary.into_iter().map(shown).collect();
    Ok(GetAccountSummaryOutput { summary_map: Some(summary_map) })
}

fn quotas() -> Vec<(&'static str, usize)> {
    vec![
        ("UsersQuota", USERS_MAX),
        ("GroupsQuota", GROUPS_MAX),
        ("RolesQuota", ROLES_MAX),
        ("PoliciesQuota", POLICIES_MAX),
        ("InstanceProfilesQuota", INSTANCE_PROFILES_MAX),
        ("ServerCertificatesQuota", SERVER_CERTIFICATES_MAX),
        ("UserPolicySizeQuota", USER_POLICIES_CHARS_MAX),
        ("GroupPolicySizeQuota", GROUP_POLICIES_CHARS_MAX),
        ("RolePolicySizeQuota", ROLE_POLICIES_CHARS_MAX),
        ("PolicySizeQuota", MANAGED_POLICY_CHARS_MAX),
        ("AssumeRolePolicySizeQuota", TRUST_POLICY_CHARS_MAX),
        ("GroupsPerUserQuota", GROUPS_PER_USER_MAX),
        ("AccessKeysPerUserQuota", ACCESS_KEYS_PER_USER_MAX),
        ("SigningCertificatesPerUserQuota", SIGNING_CERTIFICATES_PER_USER_MAX),
        ("AttachedPoliciesPerUserQuota", POLICIES_PER_IDENTITY_MAX),
        ("AttachedPoliciesPerGroupQuota", POLICIES_PER_IDENTITY_MAX),
        ("AttachedPoliciesPerRoleQuota", POLICIES_PER_IDENTITY_MAX),
        ("VersionsPerPolicyQuota", VERSIONS_PER_POLICY_MAX),
        ("PolicyVersionsInUseQuota", POLICY_VERSIONS_IN_USE_MAX),
    ]
}

async fn used(tx: &Tx, account: AccountId) -> Result<Vec<(&'static str, usize)>, Error> {
    let settings: AccountRecord = ACCOUNTS.get(tx, &account, ACCOUNT).await?.unwrap_or_default();
    let (mut versions, mut devices_in_use) = (0, 0);
    let policies = count(tx, account, &POLICIES, |policy| versions += policy.versions.len()).await?;
    let devices = count(tx, account, &MFA_DEVICES, |device| {
        devices_in_use += usize::from(device.enabled.is_some());
    });
    let devices = devices.await?;
    let providers = count(tx, account, &OIDC_PROVIDERS, |_| ()).await?
        + count(tx, account, &SAML_PROVIDERS, |_| ()).await?;
    // Tokens of the first version are what the global endpoint gives unless told otherwise.
    let token_version = if settings.global_token_version.as_deref() == Some("v2Token") { 2 } else { 1 };
    Ok(vec![
        ("Users", count(tx, account, &USERS, |_| ()).await?),
        ("Groups", count(tx, account, &GROUPS, |_| ()).await?),
        ("Roles", count(tx, account, &ROLES, |_| ()).await?),
        ("Policies", policies),
        ("PolicyVersionsInUse", versions),
        ("InstanceProfiles", count(tx, account, &INSTANCE_PROFILES, |_| ()).await?),
        ("ServerCertificates", count(tx, account, &SERVER_CERTIFICATES, |_| ()).await?),
        ("Providers", providers),
        ("MFADevices", devices),
        ("MFADevicesInUse", devices_in_use),
        ("AccountMFAEnabled", usize::from(!settings.root_mfa_devices.is_empty())),
        ("AccountAccessKeysPresent", usize::from(!settings.root_access_keys.is_empty())),
        ("AccountSigningCertificatesPresent", usize::from(!settings.root_signing_certificates.is_empty())),
        // The root of an account here has keys, and no password.
        ("AccountPasswordPresent", 0),
        ("GlobalEndpointTokenVersion", token_version),
    ])
}

async fn count<R: Versioned>(
    tx: &Tx,
    account: AccountId,
    table: &Table<AccountId, R>,
    mut each: impl FnMut(&R),
) -> Result<usize, Error> {
    let (mut number, mut after) = (0, None::<String>);
    loop {
        let page = table.scan(tx, &account, Select::ALL.after(after.as_deref()), RECORDS_AT_ONCE_MAX).await?;
        page.records.iter().for_each(|(_, record)| each(record));
        number += page.records.len();
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quotas_are_those_of_the_guide() {
        let quotas: BTreeMap<_, _> = quotas().into_iter().collect();
        for (name, number) in [
            ("UserPolicySizeQuota", 2_048),
            ("GroupPolicySizeQuota", 5_120),
            ("RolePolicySizeQuota", 10_240),
            ("PolicySizeQuota", 6_144),
            ("AssumeRolePolicySizeQuota", 2_048),
            ("PoliciesQuota", 1_500),
            ("RolesQuota", 1_000),
            ("VersionsPerPolicyQuota", 5),
        ] {
            assert_eq!(quotas[name], number, "{name}");
        }
    }
}
