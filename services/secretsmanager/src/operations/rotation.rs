//! RotateSecret and CancelRotateSecret.
//!
//! A rotation calls a Lambda function four times, and there is no Lambda on this cloud yet. So a schedule can be set and
//! read back, but to start a rotation is refused, before anything is changed.

use secretsmanager_api::{
    CancelRotateSecretInput, CancelRotateSecretOutput, ExternalSecretRotationMetadataItem, RotateSecretInput,
    RotateSecretOutput,
};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::model::labels::{CURRENT, PENDING};
use crate::model::schedule::Rules;
use crate::records::Rotation;

use super::directory::Secret;
use super::{change, description::named};

const NO_FUNCTION: &str = "No Lambda rotation function ARN is associated with this secret.";
const NOT_COMPLETE: &str = "A previous rotation isn't complete. That rotation will be reattempted.";
const NO_LAMBDA: &str = "Secrets Manager cannot invoke the specified Lambda function: this cloud has no Lambda service \
                         yet, so no rotation can be started. With RotateImmediately set to false, the function and the \
                         schedule are kept.";
const NO_PARTNER: &str = "Secrets Manager cannot rotate this secret: this cloud does not reach the partners that hold \
                          external secrets, so no rotation can be started. With RotateImmediately set to false, the \
                          schedule is kept.";

pub async fn rotate_secret(
    service: &SecretsManager,
    call: &Call,
    input: RotateSecretInput,
) -> Result<RotateSecretOutput, Error> {
    let asked = Asked {
        rules: input.rotation_rules.as_ref().map(Rules::parse).transpose()?,
        function: input.rotation_lambda_arn.filter(|arn| !arn.is_empty()),
        external_role: input.external_secret_rotation_role_arn,
        external_metadata: input.external_secret_rotation_metadata.map(metadata).transpose()?,
        at_once: input.rotate_immediately.unwrap_or(true),
    };
    let token = input.client_request_token.unwrap_or_else(|| service.ids.uuid());
    let (secret, ()) = change(service, call, &input.secret_id, |secret| {
        *secret = secret.clone().primary()?.active()?;
        asked.apply(call, secret)
    })
    .await?;
    let (arn, name) = named(secret);
    Ok(RotateSecretOutput { arn, name, version_id: Some(token) })
}

/// How a secret is to be rotated.
struct Asked {
    rules: Option<Rules>,
    function: Option<String>,
    external_role: Option<String>,
    external_metadata: Option<Vec<(String, String)>>,
    at_once: bool,
}

impl Asked {
    fn apply(&self, call: &Call, secret: &mut Secret) -> Result<(), Error> {
        let record = &mut secret.record;
        let mut rotation: Rotation = record.rotation.clone().unwrap_or_default();
        rotation.function = self.function.clone().or(rotation.function);
        rotation.external_role = self.external_role.clone().or(rotation.external_role);
        rotation.external_metadata = self.external_metadata.clone().unwrap_or(rotation.external_metadata);
        rotation.rules = self.rules.clone().or(rotation.rules);
        let is_external = rotation.external_role.is_some();
        if rotation.function.is_none() && !is_external {
            return Err(Error::request(NO_FUNCTION));
        }
        if record.labelled(PENDING).is_some_and(|pending| record.labelled(CURRENT) != Some(pending)) {
            return Err(Error::request(NOT_COMPLETE));
        }
        if self.at_once {
            return Err(Error::request(if is_external { NO_PARTNER } else { NO_LAMBDA }));
        }
        rotation.enabled = true;
        rotation.next = rotation.rules.as_ref().and_then(|rules| rules.next(call.now));
        record.rotation = Some(rotation);
        record.changed = call.now;
        Ok(())
    }
}

fn metadata(items: Vec<ExternalSecretRotationMetadataItem>) -> Result<Vec<(String, String)>, Error> {
    let pair = |item: ExternalSecretRotationMetadataItem| item.key.zip(item.value);
    let pairs: Option<Vec<_>> = items.into_iter().map(pair).collect();
    pairs.ok_or_else(|| Error::parameter("ExternalSecretRotationMetadata must have keys and values."))
}

pub async fn cancel_rotate_secret(
    service: &SecretsManager,
    call: &Call,
    input: CancelRotateSecretInput,
) -> Result<CancelRotateSecretOutput, Error> {
    let (secret, ()) = change(service, call, &input.secret_id, |secret| {
        *secret = secret.clone().primary()?.active()?;
        // What was configured stays, for the next RotateSecret.
        if let Some(rotation) = &mut secret.record.rotation {
            rotation.enabled = false;
            rotation.next = None;
            secret.record.changed = call.now;
        }
        Ok(())
    })
    .await?;
    let version_id = secret.record.labelled(PENDING).map(str::to_owned);
    let (arn, name) = named(secret);
    Ok(CancelRotateSecretOutput { arn, name, version_id })
}
