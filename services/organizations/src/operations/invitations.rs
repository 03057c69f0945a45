//! Inviting an account that exists already.

use organizations_api::{
    HandshakeConstraintViolationExceptionReason as Constraint, HandshakeParty, HandshakePartyType,
    InvalidInputExceptionReason as Reason, InviteAccountToOrganizationInput,
    InviteAccountToOrganizationOutput,
};
use service::Call;
use store::Tx;

use super::accounts::{self, join, owner_of_email};
use super::handshakes::{send, to_handshake};
use super::leaving;
use super::organization::link;
use super::standing::Standing;
use crate::Organizations;
use crate::error::Error;
use crate::limits::{ACCOUNTS_MAX, INVITATION_TIME};
use crate::model::{ids, tags};
use crate::records::{
    AccountState, FeatureSet, HANDSHAKE_LINKS, HANDSHAKES, HandshakeAction, HandshakeLinkRecord,
    HandshakeRecord, HandshakeState, MEMBERS, MemberRecord, PROFILES, Party,
};

/// Who is meant.
async fn party(tx: &Tx, target: &HandshakeParty) -> Result<Party, Error> {
    match target.r#type {
        HandshakePartyType::Account => target.id.parse().map(Party::Account).map_err(|_| Error::pattern()),
        HandshakePartyType::Email => {
            let (name, host) = target.id.split_once('@').unwrap_or_default();
            if name.is_empty() || !host.contains('.') || target.id.contains(char::is_whitespace) {
                let message = "You specified an invalid email address for the invited account owner.";
                return Err(Error::invalid(Reason::InvalidEmailAddressTarget, message));
            }
            Ok(Party::Email { email: target.id.clone(), account: owner_of_email(tx, &target.id).await? })
        }
        _ => {
            let message =
                "You specified the wrong type of entity (account, organization, or email) as a party.";
            Err(Error::invalid(Reason::InvalidPartyTypeTarget, message))
        }
    }
}

pub async fn invite_account_to_organization(
    organizations: &Organizations,
    call: &Call,
    input: InviteAccountToOrganizationInput,
) -> Result<InviteAccountToOrganizationOutput, Error> {
    let tags = tags::of_new(input.tags)?;
    let id = ids::handshake(&organizations.ids);
    let (id, tags, target, notes) = (id.as_str(), &tags, &input.target, &input.notes);
    let record = organizations
        .store
        .transact(|tx| async move {
            let standing = Standing::managing(&tx, call).await?;
            let party = party(&tx, target).await?;
            check(&tx, &standing, &party, call).await?;
            let invited = format!("invited/{}", target.id.to_lowercase());
            if let Some(earlier) = HANDSHAKE_LINKS.get(&tx, &standing.management, &invited).await? {
                let earlier = HANDSHAKES.get(&tx, &(), &earlier.id).await?;
                if earlier.is_some_and(|record| record.is_open(call.now)) {
                    return Err(Error::DuplicateHandshake);
                }
            }
            let sender = accounts::profile(&tx, standing.management).await?;
            let record = HandshakeRecord {
                action: HandshakeAction::Invite,
                management: standing.management,
                organization: standing.organization.id.clone(),
                management_name: sender.name,
                management_email: sender.email,
                features: standing.organization.features.clone(),
                party,
                notes: notes.clone(),
                tags: tags.clone(),
                parent: None,
                requested: call.now,
                expires: call.now + INVITATION_TIME,
                state: HandshakeState::Open,
            };
            send(&tx, id, &record).await?;
            let link = HandshakeLinkRecord { id: id.to_owned() };
            HANDSHAKE_LINKS.put(&tx, &standing.management, &invited, &link).await?;
            Ok(record)
        })
        .await?;
    Ok(InviteAccountToOrganizationOutput { handshake: Some(to_handshake(id, &record, call.now)) })
}

async fn check(tx: &Tx, standing: &Standing, party: &Party, call: &Call) -> Result<(), Error> {
    let organization = &standing.organization;
    if let FeatureSet::Enabling { handshake } = &organization.features {
        let parent = HANDSHAKES.get(tx, &(), handshake).await?;
        if parent.is_some_and(|record| record.is_open(call.now)) {
            let message = "You can't issue new invitations to join an organization while it's in the process of \
                           enabling all features.";
            let reason = Constraint::InviteDisabledDuringEnableAllFeatures;
            return Err(Error::HandshakeConstraint(reason, message));
        }
    }
    if organization.accounts >= ACCOUNTS_MAX {
        let message = "You have exceeded the allowed number of AWS accounts.";
        return Err(Error::HandshakeConstraint(Constraint::AccountNumberLimitExceeded, message));
    }
    let account = match party {
        Party::Account(account) => Some(*account),
        Party::Email { account, .. } => *account,
        Party::Organization => None,
    };
    if let Some(account) = account
        && MEMBERS.get(tx, &standing.management, &account.to_string()).await?.is_some()
    {
        let message = "The provided account is already a member of your organization.";
        return Err(Error::HandshakeConstraint(Constraint::AlreadyInAnOrganization, message));
    }
    Ok(())
}

/// What follows from an accepted invitation: the account leaves the organisation it is in, if any, and joins.
pub async fn accepted(tx: &Tx, call: &Call, record: &HandshakeRecord) -> Result<(), Error> {
    if let Some(mut former) = Standing::find(tx, call.account).await? {
        if former.management == record.management {
            let message = "The provided account is already a member of your organization.";
            return Err(Error::HandshakeConstraint(Constraint::AlreadyInAnOrganization, message));
        }
        leaving::release(tx, &mut former, call.account, call.now).await?;
    }
    let mut standing = Standing::of(tx, record.management).await?;
    if standing.organization.accounts >= ACCOUNTS_MAX {
        let message = "You have exceeded the allowed number of AWS accounts.";
        return Err(Error::HandshakeConstraint(Constraint::AccountNumberLimitExceeded, message));
    }
    let profile = accounts::profile(tx, call.account).await?;
    let member = MemberRecord {
        name: profile.name.clone(),
        email: profile.email.clone(),
        parent: standing.organization.root.clone(),
        invited: true,
        joined: call.now,
        state: AccountState::Active,
        tags: record.tags.clone(),
    };
    PROFILES.put(tx, &(), &call.account.to_string(), &profile).await?;
    join(tx, &mut standing, call.account, &member, call.now).await?;
    if standing.organization.features == FeatureSet::All {
        link(tx, &standing, call.account).await?;
    }
    Ok(())
}
