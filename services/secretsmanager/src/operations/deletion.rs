//! DeleteSecret and RestoreSecret.

use std::time::Duration;

use base::Timestamp;
use secretsmanager_api::{DeleteSecretInput, DeleteSecretOutput, RestoreSecretInput, RestoreSecretOutput};
use service::Call;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::{RECOVERY_DAYS_MAX, RECOVERY_DAYS_MIN};
use crate::model::address::Address;
use crate::records::{DUE, Deletion, DueRecord, ForeignState, SECRETS};

use super::directory::{Secret, load};
use super::replication::purge;
use super::{change, description::named};

const DAY: Duration = Duration::from_secs(86_400);

pub async fn delete_secret(
    service: &SecretsManager,
    call: &Call,
    input: DeleteSecretInput,
) -> Result<DeleteSecretOutput, Error> {
    let force = input.force_delete_without_recovery.unwrap_or_default();
    let days = match input.recovery_window_in_days {
        Some(_) if force => {
            return Err(Error::parameter(
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        Some(days) if !(RECOVERY_DAYS_MIN..=RECOVERY_DAYS_MAX).contains(&days) => {
            return Err(Error::parameter(
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        days => days.unwrap_or(RECOVERY_DAYS_MAX),
    };
    let at = if force { call.now } else { call.now + DAY * days.unsigned_abs() as u32 };
    let address = &Address::parse(&input.secret_id)?;
    let deleted = service
        .store
        .transact(|tx| async move {
            let secret = deletable(load(&tx, call, address).await?, force)?;
            delete(&tx, call, secret, at).await
        })
        .await;
    match deleted {
        Ok(secret) => {
            service.deletions.nudge();
            let (arn, name) = named(secret);
            Ok(DeleteSecretOutput { arn, name, deletion_date: Some(at) })
        }
        // To delete by force what is not there is fine.
        Err(Error::SecretNotFound) if force => Ok(DeleteSecretOutput {
            arn: Some(match input.secret_id.starts_with("arn:") {
                true => input.secret_id,
                false => call.arn("secretsmanager", format!("secret:{}", address.name)).to_string(),
            }),
            name: Some(address.name.clone()),
            deletion_date: Some(at),
        }),
        Err(error) => Err(error),
    }
}

/// Refuses what has replicas or is one, and what is being deleted already.
fn deletable(secret: Secret, force: bool) -> Result<Secret, Error> {
    let secret = secret.primary()?;
    if !secret.record.replicas.is_empty() {
        let regions: Vec<&str> = secret.record.replicas.keys().map(|region| region.as_str()).collect();
        return Err(Error::parameter(format!(
            "You can't delete secret {} that still has replica regions [{}].",
            secret.arn(),
            regions.join(", ")
        )));
    }
    let foreign = secret.record.foreign_replica.as_ref();
    if foreign.is_some_and(|replica| replica.state != ForeignState::Detached) {
        return Err(Error::request(format!(
            "You can't delete secret {} that is still associated with a cross-account replica.",
            secret.arn()
        )));
    }
    if secret.record.deletion.is_some() && !force {
        return Err(Error::request(
            "You can't perform this operation on the secret because it was already scheduled for deletion.",
        ));
    }
    Ok(secret)
}

async fn delete(tx: &store::Tx, call: &Call, mut secret: Secret, at: Timestamp) -> Result<Secret, Error> {
    if at <= call.now {
        purge(tx, &secret.place, &secret.name, &secret.record).await?;
        return Ok(secret);
    }
    let (account, region) = secret.place;
    secret.record.deletion = Some(Deletion { asked: call.now, at });
    SECRETS.put(tx, &secret.place, &secret.name, &secret.record).await?;
    let due = DueRecord { account, region, name: secret.name.clone() };
    DUE.put(tx, &(), &due_key(at, &due), &due).await?;
    Ok(secret)
}

/// Where a deletion stands in the order of what is due.
pub fn due_key(at: Timestamp, due: &DueRecord) -> String {
    let moment = store::ordered(at.as_millis().max(0).unsigned_abs());
    format!("{moment} {} {} {}", due.account, due.region, due.name)
}

pub async fn restore_secret(
    service: &SecretsManager,
    call: &Call,
    input: RestoreSecretInput,
) -> Result<RestoreSecretOutput, Error> {
    let (secret, ()) = change(service, call, &input.secret_id, |secret| {
        *secret = secret.clone().primary()?;
        // The entry of what is due finds nothing to do when its time has come.
        secret.record.deletion = None;
        Ok(())
    })
    .await?;
    let (arn, name) = named(secret);
    Ok(RestoreSecretOutput { arn, name })
}
