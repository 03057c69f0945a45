//! DeleteParameter and DeleteParameters, and what goes with a parameter.

use service::Call;
use ssm_api::{DeleteParameterInput, DeleteParameterOutput, DeleteParametersInput, DeleteParametersOutput};
use store::Tx;

use super::not_found;
use crate::Ssm;
use crate::error::Error;
use crate::model::name::ParameterName;
use crate::records::{
    COUNTS, COUNTS_KEY, EXPIRIES, PARAMETERS, ParameterRecord, Place, VERSIONS, expiry_key, version_key,
};

pub async fn delete_parameter(
    ssm: &Ssm,
    call: &Call,
    input: DeleteParameterInput,
) -> Result<DeleteParameterOutput, Error> {
    let name = &ParameterName::parse(&input.name)?;
    let deleted = ssm.store.transact(|tx| async move { delete(&tx, call, name).await }).await?;
    if deleted { Ok(DeleteParameterOutput {}) } else { Err(not_found()) }
}

pub async fn delete_parameters(
    ssm: &Ssm,
    call: &Call,
    input: DeleteParametersInput,
) -> Result<DeleteParametersOutput, Error> {
    let names = &input.names;
    let (deleted, invalid) = ssm
        .store
        .transact(|tx| async move {
            let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
            for text in names {
                let gone = match ParameterName::parse(text) {
                    Ok(name) => delete(&tx, call, &name).await?,
                    Err(_) => false,
                };
                let list = if gone { &mut deleted } else { &mut invalid };
                list.push(text.clone());
            }
            Ok::<_, Error>((deleted, invalid))
        })
        .await?;
    Ok(DeleteParametersOutput { deleted_parameters: Some(deleted), invalid_parameters: Some(invalid) })
}

/// Deletes a parameter of the caller's. Returns whether there was one.
async fn delete(tx: &Tx, call: &Call, name: &ParameterName) -> Result<bool, Error> {
    let (scope, key) = (call.scope(), name.key());
    let found = PARAMETERS.get(tx, &scope, &key).await?;
    match found.filter(|record| record.name == name.as_str()) {
        None => Ok(false),
        Some(record) => remove(tx, scope, &key, &record).await.map(|()| true),
    }
}

/// Takes away a parameter with all its versions.
pub async fn remove(tx: &Tx, scope: Place, key: &str, record: &ParameterRecord) -> Result<(), Error> {
    for version in record.oldest..record.current.version {
        VERSIONS.delete(tx, &scope, &version_key(key, version)).await?;
    }
    if let Some(at) = record.expires {
        EXPIRIES.delete(tx, &(), &expiry_key(at, scope, key)).await?;
    }
    let mut counts = COUNTS.get(tx, &scope, COUNTS_KEY).await?.unwrap_or_default();
    counts.counts.move_out(record.current.tier);
    COUNTS.put(tx, &scope, COUNTS_KEY, &counts).await?;
    PARAMETERS.delete(tx, &scope, key).await?;
    Ok(())
}
