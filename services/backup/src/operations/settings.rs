//! What an account says of all its backups, and of those in a region.

use std::collections::BTreeMap;

use backup_api::*;
use service::Call;

use crate::Backup;
use crate::error::Error;
use crate::model::arns::Kind;
use crate::records::{GLOBAL_SETTINGS, GlobalSettings, REGION_SETTINGS, RegionSettings, SETTINGS};

const CROSS_ACCOUNT: &str = "isCrossAccountBackupEnabled";

fn checked(kind: &str) -> Result<Kind, Error> {
    Kind::parse(kind)
        .ok_or_else(|| Error::Invalid(format!("Resource type {kind} is not supported by this cloud")))
}

pub async fn describe_region_settings(
    backup: &Backup,
    call: &Call,
    _: DescribeRegionSettingsInput,
) -> Result<DescribeRegionSettingsOutput, Error> {
    let scope = &call.scope();
    let found =
        backup.store.read(|tx| async move { REGION_SETTINGS.get(&tx, scope, SETTINGS).await }).await?;
    let settings = found.unwrap_or_default();
    let opted = |kind: Kind| (kind.as_str().to_owned(), settings.opts_in(kind));
    Ok(DescribeRegionSettingsOutput {
        resource_type_opt_in_preference: Some(Kind::ALL.map(opted).into()),
        // Tables' backups are DynamoDB's own.
        resource_type_management_preference: Some(BTreeMap::from([("DynamoDB".to_owned(), false)])),
    })
}

impl RegionSettings {
    /// Types are switched on unless they were switched off.
    pub fn opts_in(&self, kind: Kind) -> bool {
        self.opted.get(kind.as_str()).copied().unwrap_or(true)
    }
}

pub async fn update_region_settings(
    backup: &Backup,
    call: &Call,
    input: UpdateRegionSettingsInput,
) -> Result<UpdateRegionSettingsOutput, Error> {
    let managed = input.resource_type_management_preference.unwrap_or_default();
    if let Some((kind, _)) = managed.iter().find(|(_, is_managed)| **is_managed) {
        return Err(Error::NotImplemented(format!("full management of {kind} (advanced backup)")));
    }
    let opted = &input.resource_type_opt_in_preference.unwrap_or_default();
    opted.keys().try_for_each(|kind| checked(kind).map(drop))?;
    let scope = &call.scope();
    let changed = backup.store.transact(|tx| async move {
        let mut settings = REGION_SETTINGS.get(&tx, scope, SETTINGS).await?.unwrap_or_default();
        settings.opted.extend(opted.clone());
        Ok::<_, Error>(REGION_SETTINGS.put(&tx, scope, SETTINGS, &settings).await?)
    });
    changed.await?;
    Ok(UpdateRegionSettingsOutput {})
}

pub async fn describe_global_settings(
    backup: &Backup,
    call: &Call,
    _: DescribeGlobalSettingsInput,
) -> Result<DescribeGlobalSettingsOutput, Error> {
    let account = &call.account;
    let found =
        backup.store.read(|tx| async move { GLOBAL_SETTINGS.get(&tx, account, SETTINGS).await }).await?;
    let enabled = found.as_ref().is_some_and(|settings| settings.cross_account);
    Ok(DescribeGlobalSettingsOutput {
        global_settings: Some(BTreeMap::from([(CROSS_ACCOUNT.to_owned(), enabled.to_string())])),
        last_update_time: found.map(|settings| settings.changed),
    })
}

/// Copies go to no other account here, so that cannot be switched on.
pub async fn update_global_settings(
    backup: &Backup,
    call: &Call,
    input: UpdateGlobalSettingsInput,
) -> Result<UpdateGlobalSettingsOutput, Error> {
    let given = input.global_settings.ok_or(Error::Missing("GlobalSettings"))?;
    for (name, value) in &given {
        match (name.as_str(), value.as_str()) {
            (CROSS_ACCOUNT, "false") => {}
            (CROSS_ACCOUNT, "true") => {
                return Err(Error::NotImplemented(
                    "backup across accounts (isCrossAccountBackupEnabled)".to_owned(),
                ));
            }
            _ => return Err(Error::Invalid(format!("Invalid global setting: {name}"))),
        }
    }
    let (account, record) = (&call.account, &GlobalSettings { cross_account: false, changed: call.now });
    let put =
        backup.store.transact(|tx| async move { GLOBAL_SETTINGS.put(&tx, account, SETTINGS, record).await });
    put.await?;
    Ok(UpdateGlobalSettingsOutput {})
}

pub async fn get_supported_resource_types(
    _: &Backup,
    _: &Call,
    _: GetSupportedResourceTypesInput,
) -> Result<GetSupportedResourceTypesOutput, Error> {
    let kinds = Kind::ALL.map(|kind| kind.as_str().to_owned());
    Ok(GetSupportedResourceTypesOutput { resource_types: Some(kinds.into()) })
}
