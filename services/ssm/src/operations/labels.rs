//! LabelParameterVersion and UnlabelParameterVersion.

use service::Call;
use ssm_api::{
    LabelParameterVersionInput, LabelParameterVersionOutput, UnlabelParameterVersionInput,
    UnlabelParameterVersionOutput,
};

use super::{not_found, update, version_not_found};
use crate::Ssm;
use crate::error::Error;
use crate::model::labels::{attach, detach};
use crate::model::name::ParameterName;
use crate::records::ParameterRecord;

pub async fn label_parameter_version(
    ssm: &Ssm,
    call: &Call,
    input: LabelParameterVersionInput,
) -> Result<LabelParameterVersionOutput, Error> {
    let name = ParameterName::parse(&input.name)?;
    let (version, invalid) = update(ssm, &call.scope(), &name, not_found, |record| {
        let version = match input.parameter_version {
            None => record.current.version,
            Some(version) => kept(record, version)?,
        };
        let invalid = attach(&mut record.labels, version, input.labels.clone())?;
        Ok((version, invalid))
    })
    .await?;
    Ok(LabelParameterVersionOutput {
        invalid_labels: Some(invalid),
        parameter_version: Some(version.cast_signed()),
    })
}

pub async fn unlabel_parameter_version(
    ssm: &Ssm,
    call: &Call,
    input: UnlabelParameterVersionInput,
) -> Result<UnlabelParameterVersionOutput, Error> {
    let name = ParameterName::parse(&input.name)?;
    let (removed, invalid) = update(ssm, &call.scope(), &name, not_found, |record| {
        let version = kept(record, input.parameter_version)?;
        Ok(detach(&mut record.labels, version, input.labels.clone()))
    })
    .await?;
    Ok(UnlabelParameterVersionOutput { removed_labels: Some(removed), invalid_labels: Some(invalid) })
}

/// A version that there still is.
fn kept(record: &ParameterRecord, version: i64) -> Result<u64, Error> {
    let found = u64::try_from(version).ok();
    found
        .filter(|version| (record.oldest..=record.current.version).contains(version))
        .ok_or_else(|| version_not_found(version, &record.name))
}
