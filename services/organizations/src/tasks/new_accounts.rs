//! The steps by which an account comes into being: a number and a place in the organisation, in one transaction; then
//! its roles, which are IAM's; then the good news.

use base::{AccountId, Region, Timestamp};
use iam_api::{
    AttachRolePolicy, AttachRolePolicyInput, CreateRole, CreateRoleInput, CreateServiceLinkedRole,
    CreateServiceLinkedRoleInput,
};
use schema::Fault;
use service::{AsService, Call};
use store::Tx;

use crate::Organizations;
use crate::error::Error;
use crate::limits::ACCOUNTS_MAX;
use crate::model::{ids, roles};
use crate::operations::accounts::{join, owner_of_email};
use crate::operations::standing::Standing;
use crate::records::{
    AccountState, CREATIONS, CreationRecord, CreationState, EMAILS, EmailRecord, FeatureSet, MEMBERS,
    MEMBERSHIPS, MemberRecord, PENDING, PROFILES, PendingRecord, ProfileRecord, Work,
};

/// What the first step came to.
enum Placed {
    /// The request failed or is gone.
    Settled,
    Account {
        account: AccountId,
        request: CreationRecord,
        all_features: bool,
    },
    /// The number that was drawn is somebody's.
    Taken,
}

pub async fn create(
    organizations: &Organizations,
    management: AccountId,
    request: &str,
) -> Result<(), Fault> {
    let (account, record, all_features) = loop {
        let drawn = ids::account(&organizations.ids);
        match place(organizations, management, request, drawn).await? {
            Placed::Settled => return Ok(()),
            Placed::Taken => {}
            Placed::Account { account, request, all_features } => break (account, request, all_features),
        }
    };
    organizations.directory.forget();
    if all_features {
        link(organizations, account).await?;
    }
    make_role(organizations, management, account, &record.role).await?;
    Ok(succeed(organizations, management, request, account).await?)
}

/// Gives the account its number and takes it into the organisation, if nothing is in the way.
async fn place(
    organizations: &Organizations,
    management: AccountId,
    request: &str,
    drawn: AccountId,
) -> Result<Placed, Error> {
    let now = organizations.clock.now();
    organizations
        .store
        .transact(|tx| async move {
            let key = PendingRecord::key(&Work::Create { request: request.to_owned() });
            let found = CREATIONS.get(&tx, &management, request).await?;
            let standing = Standing::find(&tx, management).await?;
            let (Some(mut record), Some(mut standing)) = (found, standing) else {
                PENDING.delete(&tx, &(), &key).await?;
                return Ok(Placed::Settled);
            };
            let all_features = standing.organization.features == FeatureSet::All;
            if let Some(account) = record.account {
                return Ok(Placed::Account { account, request: record, all_features });
            }
            if let Some(reason) = obstacle(&tx, &standing, &record).await? {
                record.state = CreationState::Failed { reason: reason.to_owned() };
                record.completed = Some(now);
                CREATIONS.put(&tx, &management, request, &record).await?;
                PENDING.delete(&tx, &(), &key).await?;
                return Ok(Placed::Settled);
            }
            if is_taken(&tx, drawn).await? {
                return Ok(Placed::Taken);
            }
            record.account = Some(drawn);
            CREATIONS.put(&tx, &management, request, &record).await?;
            begin(&tx, &mut standing, drawn, &record, now).await?;
            Ok(Placed::Account { account: drawn, request: record, all_features })
        })
        .await
}

/// Why a request cannot be fulfilled, in AWS's words.
async fn obstacle(
    tx: &Tx,
    standing: &Standing,
    record: &CreationRecord,
) -> Result<Option<&'static str>, Error> {
    if owner_of_email(tx, &record.email).await?.is_some() {
        return Ok(Some("EMAIL_ALREADY_EXISTS"));
    }
    Ok((standing.organization.accounts >= ACCOUNTS_MAX).then_some("ACCOUNT_LIMIT_EXCEEDED"))
}

async fn is_taken(tx: &Tx, account: AccountId) -> Result<bool, Error> {
    let id = account.to_string();
    Ok(PROFILES.get(tx, &(), &id).await?.is_some() || MEMBERSHIPS.get(tx, &(), &id).await?.is_some())
}

async fn begin(
    tx: &Tx,
    standing: &mut Standing,
    account: AccountId,
    record: &CreationRecord,
    now: Timestamp,
) -> Result<(), Error> {
    let profile = ProfileRecord {
        name: record.name.clone(),
        email: record.email.clone(),
        created: Some(now),
        gone: false,
    };
    PROFILES.put(tx, &(), &account.to_string(), &profile).await?;
    EMAILS.put(tx, &(), &record.email.to_lowercase(), &EmailRecord { account }).await?;
    let member = MemberRecord {
        name: record.name.clone(),
        email: record.email.clone(),
        parent: standing.organization.root.clone(),
        invited: false,
        joined: now,
        state: AccountState::PendingActivation,
        tags: record.tags.clone(),
    };
    join(tx, standing, account, &member, now).await
}

async fn succeed(
    organizations: &Organizations,
    management: AccountId,
    request: &str,
    account: AccountId,
) -> Result<(), Error> {
    let now = organizations.clock.now();
    organizations
        .store
        .transact(|tx| async move {
            let key = PendingRecord::key(&Work::Create { request: request.to_owned() });
            PENDING.delete(&tx, &(), &key).await?;
            if let Some(mut record) = CREATIONS.get(&tx, &management, request).await? {
                record.state = CreationState::Succeeded;
                record.completed = Some(now);
                CREATIONS.put(&tx, &management, request, &record).await?;
            }
            let id = account.to_string();
            if let Some(mut member) = MEMBERS.get(&tx, &management, &id).await?
                && member.state == AccountState::PendingActivation
            {
                member.state = AccountState::Active;
                MEMBERS.put(&tx, &management, &id, &member).await?;
            }
            Ok::<_, Error>(())
        })
        .await
}

/// IAM in another account, as this service.
fn in_account(organizations: &Organizations, account: AccountId) -> AsService {
    let region = Region::US_EAST_1;
    let cause = Call::of_service(roles::PRINCIPAL, account, region, &organizations.clock, &organizations.ids);
    organizations.aws.as_service(roles::PRINCIPAL, account, region, &cause)
}

/// The role by which the management account gets in.
async fn make_role(
    organizations: &Organizations,
    management: AccountId,
    account: AccountId,
    role: &str,
) -> Result<(), Fault> {
    let iam = in_account(organizations, account);
    let create = CreateRoleInput {
        role_name: role.to_owned(),
        assume_role_policy_document: roles::trust(management),
        ..CreateRoleInput::default()
    };
    already_there(iam.call(CreateRole, create).await.map(drop))?;
    let attach = AttachRolePolicyInput {
        role_name: role.to_owned(),
        policy_arn: roles::ADMINISTRATOR_POLICY.to_owned(),
    };
    iam.call(AttachRolePolicy, attach).await.map(drop)
}

/// The role by which Organizations itself gets in.
pub async fn link(organizations: &Organizations, account: AccountId) -> Result<(), Fault> {
    let create = CreateServiceLinkedRoleInput {
        aws_service_name: roles::PRINCIPAL.to_owned(),
        ..CreateServiceLinkedRoleInput::default()
    };
    already_there(in_account(organizations, account).call(CreateServiceLinkedRole, create).await.map(drop))
}

/// An earlier pass may have come this far. IAM says of a service-linked role that is there that the input is invalid.
fn already_there(outcome: Result<(), Fault>) -> Result<(), Fault> {
    match outcome {
        Err(fault) if fault.name().starts_with("EntityAlreadyExists") => Ok(()),
        Err(fault)
            if fault.name().starts_with("InvalidInput") && fault.message().contains("has been taken") =>
        {
            Ok(())
        }
        other => other,
    }
}
