//! GetParameter and GetParameters.

use std::collections::BTreeMap;

use service::Call;
use ssm_api::{GetParameterInput, GetParameterOutput, GetParametersInput, GetParametersOutput, Parameter};
use store::Tx;

use super::sealing::show;
use super::{not_found, public, secrets, version_not_found};
use crate::Ssm;
use crate::error::Error;
use crate::model::address::{Address, Selector};
use crate::records::{PARAMETERS, ParameterRecord, VERSIONS, VersionRecord, version_key};

/// A version of a parameter.
pub struct Version {
    pub name: String,
    pub record: VersionRecord,
}

/// The version that an address means.
pub async fn find(tx: &Tx, address: &Address) -> Result<Version, Error> {
    let (scope, key) = ((address.account, address.region), address.name.key());
    let found = PARAMETERS.get(tx, &scope, &key).await?;
    let found = found.filter(|record| address.means(&record.name)).ok_or_else(not_found)?;
    let name = found.name.clone();
    let wanted = match address.selector() {
        None => found.current.version,
        Some(Selector::Version(version)) if (found.oldest..=found.current.version).contains(&version) => {
            version
        }
        Some(Selector::Version(version)) => return Err(version_not_found(version, &name)),
        Some(Selector::Label(label)) => match found.labels.get(&label) {
            Some(version) => *version,
            None => {
                let message = format!(
                    "Systems Manager could not find label {label} for parameter {name}. Verify the label and try again."
                );
                return Err(Error::ParameterVersionNotFound(message));
            }
        },
    };
    let record = version(tx, address, &key, found, wanted).await?;
    Ok(Version { name, record })
}

async fn version(
    tx: &Tx,
    address: &Address,
    key: &str,
    found: ParameterRecord,
    wanted: u64,
) -> Result<VersionRecord, Error> {
    if wanted == found.current.version {
        return Ok(found.current);
    }
    let older = VERSIONS.get(tx, &(address.account, address.region), &version_key(key, wanted)).await?;
    older.ok_or_else(|| Error::Internal(format!("version {wanted} of {} is missing", found.name).into()))
}

/// A version as clients see it.
pub async fn to_parameter(
    ssm: &Ssm,
    call: &Call,
    arn: &str,
    version: Version,
    decrypt: bool,
) -> Result<Parameter, Error> {
    let Version { name, record } = version;
    Ok(Parameter {
        name: Some(name),
        r#type: Some(record.kind.into()),
        value: Some(show(ssm, call, arn, record.value, decrypt).await?),
        version: Some(record.version.cast_signed()),
        last_modified_date: Some(record.modified),
        arn: Some(arn.to_owned()),
        data_type: Some(record.data_type),
        ..Parameter::default()
    })
}

pub async fn get_parameter(
    ssm: &Ssm,
    call: &Call,
    input: GetParameterInput,
) -> Result<GetParameterOutput, Error> {
    let address = Address::parse(&input.name, call.region, call.account)?;
    let decrypt = input.with_decryption.unwrap_or(false);
    let parameter = match elsewhere(ssm, call, &address, decrypt).await? {
        Some(parameter) => parameter,
        None => {
            let wanted = &address;
            let version = ssm.store.read(|tx| async move { find(&tx, wanted).await }).await?;
            shown(ssm, call, &address, version, decrypt).await?
        }
    };
    Ok(GetParameterOutput { parameter: Some(parameter) })
}

/// Parameters that are not kept here: AWS's own, and secrets.
async fn elsewhere(
    ssm: &Ssm,
    call: &Call,
    address: &Address,
    decrypt: bool,
) -> Result<Option<Parameter>, Error> {
    if let Some(secret) = address.name.secret() {
        return secrets::get(ssm, call, address, secret, decrypt).await.map(Some);
    }
    if address.name.is_public() {
        return public::get(ssm, address).await.map(Some);
    }
    Ok(None)
}

async fn shown(
    ssm: &Ssm,
    call: &Call,
    address: &Address,
    version: Version,
    decrypt: bool,
) -> Result<Parameter, Error> {
    let parameter = to_parameter(ssm, call, address.arn().as_str(), version, decrypt).await?;
    Ok(Parameter { selector: address.selector.as_ref().map(|selector| format!(":{selector}")), ..parameter })
}

/// What makes a name one of the invalid ones rather than the whole request wrong.
fn is_absence(error: &Error) -> bool {
    matches!(error, Error::ParameterNotFound(_) | Error::ParameterVersionNotFound(_))
}

pub async fn get_parameters(
    ssm: &Ssm,
    call: &Call,
    input: GetParametersInput,
) -> Result<GetParametersOutput, Error> {
    let decrypt = input.with_decryption.unwrap_or(false);
    let mut addresses = BTreeMap::new();
    let mut invalid = Vec::new();
    for name in input.names {
        match Address::parse(&name, call.region, call.account) {
            Ok(address) => drop(addresses.insert(name, address)),
            Err(_) => invalid.push(name),
        }
    }
    // All that is kept here is seen as it is at one moment.
    let here: Vec<(&String, &Address)> = addresses
        .iter()
        .filter(|(_, address)| !address.name.is_public() && address.name.secret().is_none())
        .collect();
    let here = here.as_slice();
    let mut versions = ssm
        .store
        .read(|tx| async move {
            let mut found = BTreeMap::new();
            for (name, address) in here {
                match find(&tx, address).await {
                    Ok(version) => drop(found.insert((*name).clone(), version)),
                    Err(error) if is_absence(&error) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
        .await?;
    let mut parameters = Vec::new();
    for (name, address) in &addresses {
        let parameter = match versions.remove(name) {
            Some(version) => shown(ssm, call, address, version, decrypt).await.map(Some),
            None => elsewhere(ssm, call, address, decrypt).await,
        };
        match parameter {
            Ok(Some(parameter)) => parameters.push(parameter),
            Ok(None) => invalid.push(name.clone()),
            Err(error) if is_absence(&error) => invalid.push(name.clone()),
            Err(error) => return Err(error),
        }
    }
    parameters.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(GetParametersOutput { parameters: Some(parameters), invalid_parameters: Some(invalid) })
}
