//! Data keys of encrypted volumes and snapshots: KMS makes and opens them, and nothing keeps them in plain text.
//!
//! As on AWS, whoever makes a volume has to be allowed to use the KMS key through EC2, and gives EC2 a grant on it, by
//! which EC2 has the data key opened whenever the volume is attached. A snapshot has its volume's data key.
//! Reference: "How Amazon EBS encryption works", "Amazon EBS encryption requirements".

use std::collections::BTreeMap;

use bytes::Bytes;
use kms_api::{
    CreateGrant, CreateGrantInput, DataKeySpec, Decrypt, DecryptInput, DescribeKey, DescribeKeyInput,
    GenerateDataKeyWithoutPlaintext, GenerateDataKeyWithoutPlaintextInput, GrantConstraints, GrantOperation,
};
use schema::Fault;
use service::{AsService, Call};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_DEPENDENCY, INVALID_PARAMETER_VALUE, UNAUTHORIZED_OPERATION};
use crate::ground::disks::DataKey;
use crate::records::Place;
use crate::records::settings::{ACCOUNT_SETTINGS, OWN};
use crate::records::snapshots::SealedKey;

const PRINCIPAL: &str = "ec2.amazonaws.com";
/// The key that AWS manages for EBS in each account.
pub const DEFAULT_KEY: &str = "alias/aws/ebs";

/// What a new volume or snapshot is to be encrypted with: a KMS key by id, alias or ARN; nothing for none.
///
/// # Errors
/// `InvalidParameterDependency`, `InvalidParameterValue`
pub async fn choose(
    ec2: &Ec2,
    call: &Call,
    encrypted: Option<bool>,
    kms_key: Option<&str>,
    from: Option<&SealedKey>,
) -> Result<Option<String>, Error> {
    let place = &call.scope();
    let settings = ec2.store.read(|tx| async move { ACCOUNT_SETTINGS.get(&tx, place, OWN).await }).await?;
    let settings = settings.unwrap_or_default();
    let kms_key = kms_key.filter(|key| !key.is_empty());
    if kms_key.is_some() && encrypted != Some(true) && !settings.encrypts_volumes {
        let message = "The parameter KmsKeyId requires the parameter Encrypted to be set.";
        return Err(Error::new(&INVALID_PARAMETER_DEPENDENCY, message));
    }
    if from.is_some() && encrypted == Some(false) {
        let message = "What is created from an encrypted snapshot is encrypted: Encrypted cannot be false.";
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    if encrypted != Some(true) && !settings.encrypts_volumes && from.is_none() {
        return Ok(None);
    }
    let own = from.filter(|key| key.owner == call.account).map(|key| key.key_arn.clone());
    let default = || settings.volume_key.clone().unwrap_or_else(|| DEFAULT_KEY.to_owned());
    Ok(Some(kms_key.map(str::to_owned).or(own).unwrap_or_else(default)))
}

/// Has KMS make a data key that is bound to this id, and lets EC2 use it.
///
/// # Errors
/// `UnauthorizedOperation` where the caller may not use the KMS key; `InvalidParameterValue` for one that cannot be used.
pub async fn seal(ec2: &Ec2, call: &Call, kms_key: &str, id: &str) -> Result<SealedKey, Error> {
    let kms = as_caller(ec2, call);
    let described = DescribeKeyInput { key_id: kms_key.to_owned(), ..DescribeKeyInput::default() };
    let described = kms.call(DescribeKey, described).await.map_err(refused)?;
    let key_arn =
        described.key_metadata.and_then(|key| key.arn).ok_or_else(|| nothing("a key without its ARN"))?;
    grant(&kms, call, &key_arn, id).await?;
    let made = GenerateDataKeyWithoutPlaintextInput {
        key_id: key_arn.clone(),
        key_spec: Some(DataKeySpec::Aes256),
        encryption_context: Some(context(id)),
        ..GenerateDataKeyWithoutPlaintextInput::default()
    };
    let made = kms.call(GenerateDataKeyWithoutPlaintext, made).await.map_err(refused)?;
    let sealed = made.ciphertext_blob.ok_or_else(|| nothing("no data key"))?.to_vec();
    Ok(SealedKey { key_arn, sealed, bound_to: id.to_owned(), owner: call.account })
}

/// Lets EC2 open a data key that is somebody's already: the caller has to be allowed to use it.
///
/// # Errors
/// As [`seal`].
pub async fn lend(ec2: &Ec2, call: &Call, key: &SealedKey) -> Result<(), Error> {
    open_as_caller(ec2, call, key).await?;
    grant(&as_caller(ec2, call), call, &key.key_arn, &key.bound_to).await
}

/// A grant of the same name and contents is made once.
async fn grant(kms: &AsService, call: &Call, key_arn: &str, id: &str) -> Result<(), Error> {
    let principal = format!("ec2.{}.amazonaws.com", call.region);
    let grant = CreateGrantInput {
        key_id: key_arn.to_owned(),
        name: Some(id.to_owned()),
        grantee_principal: Some(principal.clone()),
        retiring_principal: Some(principal),
        operations: vec![GrantOperation::Decrypt, GrantOperation::RetireGrant],
        constraints: Some(GrantConstraints {
            encryption_context_subset: Some(context(id)),
            ..GrantConstraints::default()
        }),
        ..CreateGrantInput::default()
    };
    kms.call(CreateGrant, grant).await.map(|_| ()).map_err(refused)
}

/// Whether the caller may decrypt what a key protects: asked of those who attach it or read another account's.
///
/// # Errors
/// `UnauthorizedOperation`, `InvalidParameterValue`
pub async fn open_as_caller(ec2: &Ec2, call: &Call, key: &SealedKey) -> Result<DataKey, Error> {
    opened(as_caller(ec2, call), key).await
}

/// The data key, opened by the grant that EC2 has.
pub async fn open(ec2: &Ec2, place: &Place, key: Option<&SealedKey>) -> Result<Option<DataKey>, Error> {
    let Some(key) = key else { return Ok(None) };
    let call = Call::of_service(PRINCIPAL, key.owner, place.1, &ec2.clock, &ec2.ids);
    opened(ec2.aws.as_service(PRINCIPAL, key.owner, place.1, &call), key).await.map(Some)
}

async fn opened(kms: AsService, key: &SealedKey) -> Result<DataKey, Error> {
    let input = DecryptInput {
        ciphertext_blob: Some(Bytes::copy_from_slice(&key.sealed)),
        encryption_context: Some(context(&key.bound_to)),
        key_id: Some(key.key_arn.clone()),
        ..DecryptInput::default()
    };
    let plain = kms.call(Decrypt, input).await.map_err(refused)?.plaintext;
    let plain = plain.ok_or_else(|| nothing("no plain text"))?;
    let bytes = plain.to_vec().try_into().map_err(|_| nothing("a data key of another length"))?;
    Ok(DataKey(bytes))
}

fn as_caller(ec2: &Ec2, call: &Call) -> AsService {
    ec2.aws.as_caller(call).via(PRINCIPAL).in_region(call.region)
}

fn context(id: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("aws:ebs:id".to_owned(), id.to_owned())])
}

fn nothing(what: &str) -> Error {
    Error::Internal(format!("KMS answered with {what}").into())
}

/// What KMS refused, in its own words. AWS finds out afterwards, and the volume fails.
fn refused(fault: Fault) -> Error {
    match (fault.name(), fault.status()) {
        ("AccessDeniedException", _) => {
            let message = format!("You are not authorized to perform this operation. {}", fault.message());
            Error::new(&UNAUTHORIZED_OPERATION, message)
        }
        (_, status) if status < 500 => {
            let message = format!("The KMS key cannot be used: {}", fault.message());
            Error::new(&INVALID_PARAMETER_VALUE, message)
        }
        _ => Error::Other(fault),
    }
}
