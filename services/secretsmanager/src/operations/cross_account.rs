//! Replicas in other accounts: the replica's account creates them, the primary's account associates them.
//!
//! Replication happens with the credentials of whoever changes the primary, as AWS does where no role is named; a role
//! is refused, since nothing here would assume it.

use base::Arn;
use secretsmanager_api::{
    AssociateCrossAccountReplicaInput, AssociateCrossAccountReplicaOutput, CreateSecretInput,
    DisassociateCrossAccountReplicaInput, DisassociateCrossAccountReplicaOutput, ReplicaRestrictionType,
};
use service::Call;
use store::Tx;

use crate::SecretsManager;
use crate::error::Error;
use crate::model::address::Address;
use crate::records::{ForeignPrimary, ForeignReplica, ForeignState, Place, SECRETS};

use super::directory::{Secret, find, load};
use super::replication::{self, Prepared};
use super::{description::foreign_status, require, values::same_keys};

/// The policy that every cross-account replica has. AWS's name for it is not documented.
pub const POLICY: &str = "CrossAccountReplication";

/// What that policy says: the primary's account may replicate to this secret.
pub fn policy(link: &ForeignPrimary) -> String {
    let principal = link
        .arn
        .account()
        .and_then(|account| Some(Arn::global("iam", link.arn.region()?, account, "root").to_string()));
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "AllowReplicationFromPrimary",
            "Effect": "Allow",
            "Principal": { "AWS": principal },
            "Action": "secretsmanager:AcceptCrossAccountReplication",
            "Resource": "*",
        }],
    })
    .to_string()
}

/// Checks the request for a new replica.
pub fn check_creation(
    call: &Call,
    primary: &str,
    input: &CreateSecretInput,
    has_value: bool,
) -> Result<(), Error> {
    let refused = [
        (has_value, "SecretString or SecretBinary"),
        (input.description.is_some(), "Description"),
        (input.add_replica_regions.is_some(), "AddReplicaRegions"),
        (input.r#type.is_some(), "Type"),
    ];
    if let Some((_, name)) = refused.into_iter().find(|(is_there, _)| *is_there) {
        return Err(Error::parameter(format!(
            "You can't specify {name} for a cross-account replica secret."
        )));
    }
    if input.kms_key_id.as_ref().is_none_or(String::is_empty) {
        return Err(Error::parameter(
            "You must specify a customer managed key in KmsKeyId for a cross-account replica secret.",
        ));
    }
    other_account(call, primary, "CrossAccountPrimaryARN").map(|_| ())
}

/// Reads the complete ARN of a secret in the same region of another account.
fn other_account(call: &Call, arn: &str, parameter: &str) -> Result<(Arn, Address), Error> {
    let invalid = |why: &str| Error::parameter(format!("Invalid {parameter}: {why}"));
    let address = Address::parse(arn).ok().filter(|address| address.suffix.is_some());
    let address = address.ok_or_else(|| invalid("it must be the complete ARN of a secret."))?;
    if address.region != Some(call.region) {
        return Err(invalid("primary and replica must be in the same Region."));
    }
    if address.account == Some(call.account) {
        return Err(invalid("primary and replica must be in different accounts."));
    }
    Ok((arn.parse().map_err(|_| invalid("it must be an ARN."))?, address))
}

/// The link of a replica that nobody has associated yet.
pub fn pending(primary: Option<&str>) -> Option<ForeignPrimary> {
    let arn: Arn = primary?.parse().ok()?;
    Some(ForeignPrimary { arn, state: ForeignState::Pending })
}

pub async fn associate_cross_account_replica(
    service: &SecretsManager,
    call: &Call,
    input: AssociateCrossAccountReplicaInput,
) -> Result<AssociateCrossAccountReplicaOutput, Error> {
    let (replica, replica_address) =
        other_account(call, &input.cross_account_replica_arn, "CrossAccountReplicaARN")?;
    if input.replication_role_arn.is_some() {
        return Err(Error::parameter(
            "ReplicationRoleARN is not supported on this cloud: replication uses the credentials of the caller who \
             updates the primary secret.",
        ));
    }
    let primary = find(service, call, &input.secret_id).await?.primary()?.active()?;
    check_free(&primary, &replica)?;
    require(service, call, "GetSecretValue", &primary.arn(), None).await?;
    require(service, call, "AcceptCrossAccountReplication", &replica, None).await?;
    if input.replica_restriction != Some(ReplicaRestrictionType::NoRestriction) {
        check_same_organization(service, call, &replica).await?;
    }
    let secret = associate(service, call, &input.secret_id, primary, &replica, &replica_address).await?;
    let state = secret.record.foreign_replica.as_ref().map(|link| foreign_status(&link.state));
    Ok(AssociateCrossAccountReplicaOutput {
        arn: Some(secret.arn().to_string()),
        cross_account_replica_arn: Some(replica.to_string()),
        replication_status: state,
    })
}

/// A primary has one replica in another account.
fn check_free(primary: &Secret, replica: &Arn) -> Result<(), Error> {
    let other = primary.record.foreign_replica.as_ref();
    if other.is_some_and(|other| other.arn != *replica && other.state != ForeignState::Detached) {
        return Err(Error::LimitExceeded("A secret can have at most one cross-account replica.".to_owned()));
    }
    Ok(())
}

/// By default a replica is in an account of the same organization.
async fn check_same_organization(service: &SecretsManager, call: &Call, replica: &Arn) -> Result<(), Error> {
    let account = replica.account().ok_or_else(|| Error::broken("a checked ARN has an account"))?;
    let own = organization(service, call, call.account).await?;
    if own.is_some() && own == organization(service, call, account).await? {
        return Ok(());
    }
    Err(Error::request(
        "The replica account must belong to the same organization as the primary account, unless ReplicaRestriction is \
         NoRestriction.",
    ))
}

async fn organization(
    service: &SecretsManager,
    call: &Call,
    account: base::AccountId,
) -> Result<Option<String>, Error> {
    let asking = service.aws.as_service("secretsmanager.amazonaws.com", account, call.region, call);
    let input = organizations_api::DescribeOrganizationInput::default();
    match asking.call(organizations_api::DescribeOrganization, input).await {
        Ok(answer) => Ok(answer.organization.and_then(|organization| organization.id)),
        Err(fault) if fault.name() == "AWSOrganizationsNotInUseException" => Ok(None),
        Err(fault) => Err(Error::Refused(fault)),
    }
}

/// Links the two secrets and brings all versions over, or changes nothing.
async fn associate(
    service: &SecretsManager,
    call: &Call,
    id: &str,
    primary: Secret,
    replica: &Arn,
    replica_address: &Address,
) -> Result<Secret, Error> {
    let address = &Address::parse(id)?;
    let place = place_of(replica_address)?;
    let link = || ForeignReplica { arn: replica.clone(), role: None, state: ForeignState::Pending };
    let mut with_link = primary.clone();
    with_link.record.foreign_replica = Some(link());
    check_replica(service, &with_link, &place, replica_address).await?;
    let prepared = &replication::prepare(service, call, &with_link, None).await?;
    if let Some(why) = prepared.failure(&place) {
        return Err(Error::request(why));
    }
    let before = &primary.record;
    let associated = service
        .store
        .transact(|tx| async move {
            let mut secret = load(&tx, call, address).await?.primary()?.active()?;
            let is_stale = !same_keys(before, &secret.record)
                || !before.versions.keys().eq(secret.record.versions.keys());
            if is_stale {
                return Ok(None);
            }
            secret.record.foreign_replica = Some(link());
            replication::save(&tx, call.now, &mut secret, prepared, false).await?;
            Ok::<_, Error>(Some(secret))
        })
        .await?;
    associated.ok_or_else(|| Error::request("The secret was changed meanwhile. Try again."))
}

fn place_of(address: &Address) -> Result<Place, Error> {
    let place = address.account.zip(address.region);
    place.ok_or_else(|| Error::broken("a checked ARN has an account and a region"))
}

/// The replica must have been created for this primary.
async fn check_replica(
    service: &SecretsManager,
    primary: &Secret,
    place: &Place,
    address: &Address,
) -> Result<(), Error> {
    let name = address.name.as_str();
    let found = service.store.read(|tx| async move { SECRETS.get(&tx, place, name).await }).await?;
    let found = found.filter(|found| Some(&found.suffix) == address.suffix.as_ref());
    let found = found.ok_or(Error::SecretNotFound)?;
    if found.foreign_primary.is_none_or(|link| link.arn != primary.arn()) {
        return Err(Error::request(
            "The replica secret was not created as a cross-account replica of this primary secret.",
        ));
    }
    Ok(())
}

pub async fn disassociate_cross_account_replica(
    service: &SecretsManager,
    call: &Call,
    input: DisassociateCrossAccountReplicaInput,
) -> Result<DisassociateCrossAccountReplicaOutput, Error> {
    let (replica, replica_address) =
        &other_account(call, &input.cross_account_replica_arn, "CrossAccountReplicaARN")?;
    let address = &Address::parse(&input.secret_id)?;
    let place = &place_of(replica_address)?;
    let secret = service
        .store
        .transact(|tx| async move {
            let mut secret = load(&tx, call, address).await?.primary()?.active()?;
            let link = secret.record.foreign_replica.take().filter(|link| link.arn == *replica);
            link.ok_or_else(|| {
                Error::request("The secret is not associated with that cross-account replica.")
            })?;
            if let Some(mut record) = SECRETS.get(&tx, place, &replica_address.name).await?
                && let Some(link) = record.foreign_primary.as_mut().filter(|link| link.arn == secret.arn())
            {
                link.state = ForeignState::Detached;
                SECRETS.put(&tx, place, &replica_address.name, &record).await?;
            }
            replication::save(&tx, call.now, &mut secret, &Prepared::default(), false).await?;
            Ok::<_, Error>(secret)
        })
        .await?;
    Ok(DisassociateCrossAccountReplicaOutput {
        arn: Some(secret.arn().to_string()),
        cross_account_replica_arn: Some(replica.to_string()),
    })
}

/// Tells a primary that its replica has become a secret of its own.
pub async fn detach_primary(tx: &Tx, primary: &Arn, replica: &Arn) -> Result<(), Error> {
    let address = Address::parse(primary.as_str())?;
    let place = place_of(&address)?;
    if let Some(mut record) = SECRETS.get(tx, &place, &address.name).await?
        && Some(&record.suffix) == address.suffix.as_ref()
        && let Some(link) = record.foreign_replica.as_mut().filter(|link| link.arn == *replica)
    {
        link.state = ForeignState::Detached;
        SECRETS.put(tx, &place, &address.name, &record).await?;
    }
    Ok(())
}
