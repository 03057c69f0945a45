//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.
//!
//! Three files are for all of them: `directory` finds secrets, `envelope` asks KMS, `replication` brings replicas along.

pub mod batch;
pub mod conditions;
pub mod creation;
pub mod cross_account;
pub mod deletion;
pub mod description;
pub mod directory;
pub mod envelope;
pub mod lists;
pub mod passwords;
pub mod policies;
pub mod replicas;
pub mod replication;
pub mod rotation;
pub mod tags;
pub mod update;
pub mod values;
pub mod versions;

use base::Arn;
use bytes::Bytes;
use schema::Structure;
use service::{Ask, Call};
use zeroize::{Zeroize, Zeroizing};

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::VALUE_BYTES_MAX;
use crate::model::address::Address;
use crate::model::sealed::Value;

use directory::{Secret, load};
use replication::Prepared;

/// An input that names one secret.
pub trait OfSecret {
    fn secret_id(&self) -> &str;
}

macro_rules! of_secret {
    ($($input:ident)*) => { $(impl OfSecret for secretsmanager_api::$input {
        fn secret_id(&self) -> &str {
            &self.secret_id
        }
    })* };
}

of_secret! {
    AssociateCrossAccountReplicaInput CancelRotateSecretInput DeleteResourcePolicyInput DeleteSecretInput
    DescribeSecretInput DisassociateCrossAccountReplicaInput GetResourcePolicyInput GetSecretValueInput
    ListResourcePoliciesInput ListSecretVersionIdsInput PutResourcePolicyInput PutSecretValueInput
    RemoveRegionsFromReplicationInput ReplicateSecretToRegionsInput RestoreSecretInput RotateSecretInput
    StopReplicationToReplicaInput TagResourceInput UntagResourceInput UpdateSecretInput
    UpdateSecretVersionStageInput
}

/// What operations on one secret authorise.
pub fn by_id(_: &SecretsManager, call: &Call, input: &impl OfSecret) -> Result<Vec<Arn>, Error> {
    Ok(vec![directory::arn_of(call, input.secret_id())?])
}

/// For operations on no secret in particular.
pub fn nothing(_: &SecretsManager, _: &Call, _: &impl Structure) -> Result<Vec<Arn>, Error> {
    Ok(Vec::new())
}

/// Changes the record of a secret, and its replicas with it, in one transaction. `change` may run again and has no
/// other effects.
async fn change<T: Send>(
    service: &SecretsManager,
    call: &Call,
    id: &str,
    change: impl Fn(&mut Secret) -> Result<T, Error> + Send + Sync,
) -> Result<(Secret, T), Error> {
    let (address, change) = (&Address::parse(id)?, &change);
    service
        .store
        .transact(|tx| async move {
            let mut secret = load(&tx, call, address).await?;
            let answer = change(&mut secret)?;
            replication::save(&tx, call.now, &mut secret, &Prepared::default(), false).await?;
            Ok((secret, answer))
        })
        .await
}

/// Asks for one more permission of this service on a secret.
async fn require(
    service: &SecretsManager,
    call: &Call,
    action: &str,
    arn: &Arn,
    input: Option<&dyn Structure>,
) -> Result<(), Error> {
    let ask = Ask { prefix: "secretsmanager", action, resource: Some(arn), keys: &[], input };
    service.aws.require(call, &ask).await.map_err(Error::Refused)
}

/// The value of a request, if it brings one. What came in is wiped where nobody else holds it.
fn value(text: Option<String>, binary: Option<Bytes>) -> Result<Option<Value>, Error> {
    let value = match (text, binary) {
        (Some(_), Some(_)) => {
            return Err(Error::parameter(
                "You can't specify both a binary secret value and a string secret value in the same secret.",
            ));
        }
        (None, None) => return Ok(None),
        (Some(text), None) => Value::Text(Zeroizing::new(text)),
        (None, Some(binary)) => {
            let copy = Zeroizing::new(binary.to_vec());
            if let Ok(mut memory) = binary.try_into_mut() {
                memory.zeroize();
            }
            Value::Binary(copy)
        }
    };
    if value.bytes().len() > VALUE_BYTES_MAX {
        return Err(Error::parameter(format!("A secret value can have at most {VALUE_BYTES_MAX} bytes.")));
    }
    Ok(Some(value))
}

/// Another account's caller cannot use the key that this account's service made for itself.
fn check_foreign(call: &Call, secret: &Secret) -> Result<(), Error> {
    if secret.record.kms_key.is_none() && secret.place.0 != call.account {
        return Err(Error::request(
            "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS \
             service key.",
        ));
    }
    Ok(())
}
