//! GetServiceSetting, UpdateServiceSetting and ResetServiceSetting, for the settings of the Parameter Store.

use service::Call;
use ssm_api::{
    GetServiceSettingInput, GetServiceSettingOutput, ResetServiceSettingInput, ResetServiceSettingOutput,
    ServiceSetting, UpdateServiceSettingInput, UpdateServiceSettingOutput,
};
use store::{StoreError, Tx};

use super::OF_OLD;
use crate::Ssm;
use crate::error::Error;
use crate::model::setting::Setting;
use crate::records::{Place, SETTINGS, SettingRecord};

/// What a setting is now.
pub async fn current_value(tx: &Tx, scope: &Place, setting: Setting) -> Result<String, StoreError> {
    let found = SETTINGS.get(tx, scope, setting.id()).await?;
    Ok(found.map_or_else(|| setting.default_value().to_owned(), |record| record.value))
}

fn to_setting(call: &Call, setting: Setting, record: Option<SettingRecord>) -> ServiceSetting {
    let status = if record.is_some() { "Customized" } else { "Default" };
    let record = record.unwrap_or_else(|| SettingRecord {
        value: setting.default_value().to_owned(),
        modified: OF_OLD,
        user: "System".to_owned(),
    });
    ServiceSetting {
        setting_id: Some(setting.id().to_owned()),
        setting_value: Some(record.value),
        last_modified_date: Some(record.modified),
        last_modified_user: Some(record.user),
        arn: Some(call.arn("ssm", format!("servicesetting{}", setting.id())).to_string()),
        status: Some(status.to_owned()),
    }
}

pub async fn get_service_setting(
    ssm: &Ssm,
    call: &Call,
    input: GetServiceSettingInput,
) -> Result<GetServiceSettingOutput, Error> {
    let setting = Setting::parse(&input.setting_id)?;
    let scope = &call.scope();
    let found = ssm.store.read(|tx| async move { SETTINGS.get(&tx, scope, setting.id()).await }).await?;
    Ok(GetServiceSettingOutput { service_setting: Some(to_setting(call, setting, found)) })
}

pub async fn update_service_setting(
    ssm: &Ssm,
    call: &Call,
    input: UpdateServiceSettingInput,
) -> Result<UpdateServiceSettingOutput, Error> {
    let setting = Setting::parse(&input.setting_id)?;
    setting.check(&input.setting_value)?;
    let record =
        SettingRecord { value: input.setting_value, modified: call.now, user: call.principal.arn.clone() };
    let (scope, record) = (&call.scope(), &record);
    ssm.store.transact(|tx| async move { SETTINGS.put(&tx, scope, setting.id(), record).await }).await?;
    Ok(UpdateServiceSettingOutput {})
}

pub async fn reset_service_setting(
    ssm: &Ssm,
    call: &Call,
    input: ResetServiceSettingInput,
) -> Result<ResetServiceSettingOutput, Error> {
    let setting = Setting::parse(&input.setting_id)?;
    let scope = &call.scope();
    ssm.store.transact(|tx| async move { SETTINGS.delete(&tx, scope, setting.id()).await }).await?;
    Ok(ResetServiceSettingOutput { service_setting: Some(to_setting(call, setting, None)) })
}
