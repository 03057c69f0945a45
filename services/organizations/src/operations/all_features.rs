//! From consolidated billing to all features.
//!
//! The management account asks, which makes a handshake of its own that is REQUESTED; every invited member gets one to
//! accept. When all have, the first becomes OPEN and a final one (APPROVE_ALL_FEATURES) goes to the management account.
//! AWS's documentation names now the one, now the other as what ends the process; either does, and answers both.
//! Accounts that were created here are not asked.

use base::{AccountId, Timestamp};
use organizations_api::{
    EnableAllFeaturesInput, EnableAllFeaturesOutput,
    HandshakeConstraintViolationExceptionReason as Constraint,
};
use service::Call;
use store::{Select, Tx};

use super::accounts;
use super::handshakes::{send, sent, to_handshake};
use super::organization::link;
use super::standing::Standing;
use crate::Organizations;
use crate::error::Error;
use crate::limits::ALL_FEATURES_TIME;
use crate::model::ids;
use crate::records::{
    FeatureSet, HANDSHAKES, HandshakeAction, HandshakeRecord, HandshakeState, MEMBERS, MemberRecord,
    ORGANIZATION, ORGANIZATIONS, Party,
};

const MEMBERS_AT_ONCE_MAX: usize = 500;

async fn members(tx: &Tx, standing: &Standing) -> Result<Vec<(AccountId, MemberRecord)>, Error> {
    let mut found: Vec<(AccountId, MemberRecord)> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::ALL.after(after.as_deref());
        let listing = MEMBERS.scan(tx, &standing.management, select, MEMBERS_AT_ONCE_MAX).await?;
        for (id, record) in listing.records {
            found.push((super::tree::account_id(&id)?, record));
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

pub async fn enable_all_features(
    organizations: &Organizations,
    call: &Call,
    _: EnableAllFeaturesInput,
) -> Result<EnableAllFeaturesOutput, Error> {
    let (id, stem) = (ids::handshake(&organizations.ids), ids::unique(&organizations.ids));
    let (id, stem) = (id.as_str(), stem.as_str());
    let record = organizations
        .store
        .transact(|tx| async move {
            let mut standing = Standing::managing(&tx, call).await?;
            match &standing.organization.features {
                FeatureSet::ConsolidatedBilling => {}
                FeatureSet::All => {
                    let message = "The organization already has all features enabled.";
                    let reason = Constraint::OrganizationAlreadyHasAllFeatures;
                    return Err(Error::HandshakeConstraint(reason, message));
                }
                FeatureSet::Enabling { handshake } => {
                    let earlier = HANDSHAKES.get(&tx, &(), handshake).await?;
                    if earlier.is_some_and(|record| record.is_open(call.now)) {
                        let message =
                            "The organization has already started the process to enable all features.";
                        let reason = Constraint::OrganizationIsAlreadyPendingAllFeaturesMigration;
                        return Err(Error::HandshakeConstraint(reason, message));
                    }
                }
            }
            let sender = accounts::profile(&tx, standing.management).await?;
            let own = HandshakeRecord {
                action: HandshakeAction::EnableAllFeatures,
                management: standing.management,
                organization: standing.organization.id.clone(),
                management_name: sender.name,
                management_email: sender.email,
                features: standing.organization.features.clone(),
                party: Party::Organization,
                notes: None,
                tags: Default::default(),
                parent: None,
                requested: call.now,
                expires: call.now + ALL_FEATURES_TIME,
                state: HandshakeState::Requested,
            };
            send(&tx, id, &own).await?;
            let asked = members(&tx, &standing).await?.into_iter().filter(|(account, member)| {
                member.invited && *account != call.account && !member.state.is_closed()
            });
            for (account, _) in asked {
                // An id of its own for each, the same in every run of this transaction.
                let child = HandshakeRecord {
                    party: Party::Account(account),
                    parent: Some(id.to_owned()),
                    state: HandshakeState::Open,
                    ..own.clone()
                };
                send(&tx, &format!("h-{stem}{account}"), &child).await?;
            }
            standing.organization.features = FeatureSet::Enabling { handshake: id.to_owned() };
            ORGANIZATIONS.put(&tx, &standing.management, ORGANIZATION, &standing.organization).await?;
            proceed(&tx, &standing, &format!("h-{stem}final"), call.now).await?;
            Ok(own)
        })
        .await?;
    Ok(EnableAllFeaturesOutput { handshake: Some(to_handshake(id, &record, call.now)) })
}

/// The handshakes of the process an organisation is in: the management account's own, and those that hang on it.
async fn process(
    tx: &Tx,
    standing: &Standing,
) -> Result<Option<(String, HandshakeRecord, Vec<(String, HandshakeRecord)>)>, Error> {
    let FeatureSet::Enabling { handshake } = &standing.organization.features else {
        return Ok(None);
    };
    let Some(own) = HANDSHAKES.get(tx, &(), handshake).await? else {
        return Ok(None);
    };
    let mut all = sent(tx, standing.management).await?;
    all.retain(|(_, record)| record.parent.as_ref() == Some(handshake));
    Ok(Some((handshake.clone(), own, all)))
}

/// Lets the management account confirm, if everybody has accepted.
pub async fn proceed(tx: &Tx, standing: &Standing, final_id: &str, now: Timestamp) -> Result<(), Error> {
    let Some((id, mut own, children)) = process(tx, standing).await? else {
        return Ok(());
    };
    let accepted = |record: &HandshakeRecord| matches!(record.state, HandshakeState::Accepted { .. });
    if own.state != HandshakeState::Requested
        || !own.is_open(now)
        || !children.iter().all(|(_, child)| accepted(child))
    {
        return Ok(());
    }
    own.state = HandshakeState::Open;
    HANDSHAKES.put(tx, &(), &id, &own).await?;
    let last = HandshakeRecord {
        action: HandshakeAction::ApproveAllFeatures,
        parent: Some(id),
        requested: now,
        state: HandshakeState::Open,
        ..own
    };
    send(tx, final_id, &last).await
}

/// A member that was to be asked is gone; the rest may be enough.
pub async fn without(tx: &Tx, standing: &Standing, account: AccountId, now: Timestamp) -> Result<(), Error> {
    let Some((_, _, children)) = process(tx, standing).await? else {
        return Ok(());
    };
    let of_account = children.into_iter().find(|(_, child)| child.party == Party::Account(account));
    if let Some((id, mut child)) = of_account {
        // It neither stands in the way any longer nor can it be answered.
        child.state = HandshakeState::Canceled { at: now };
        child.parent = None;
        HANDSHAKES.put(tx, &(), &id, &child).await?;
        proceed(tx, standing, &format!("{id}final"), now).await?;
    }
    Ok(())
}

/// The management account confirmed: all features are enabled.
pub async fn confirmed(tx: &Tx, call: &Call, record: &HandshakeRecord) -> Result<(), Error> {
    let mut standing = Standing::managing(tx, call).await?;
    if let Some((id, own, children)) = process(tx, &standing).await? {
        for (id, mut other) in std::iter::once((id, own)).chain(children) {
            if other.is_open(call.now) {
                other.state = record.state.clone();
                HANDSHAKES.put(tx, &(), &id, &other).await?;
            }
        }
    }
    standing.organization.features = FeatureSet::All;
    ORGANIZATIONS.put(tx, &standing.management, ORGANIZATION, &standing.organization).await?;
    for (account, _) in members(tx, &standing).await? {
        link(tx, &standing, account).await?;
    }
    Ok(())
}

/// The management account took its request back.
pub async fn given_up(tx: &Tx, call: &Call) -> Result<(), Error> {
    let mut standing = Standing::managing(tx, call).await?;
    if let Some((id, own, children)) = process(tx, &standing).await? {
        for (id, mut other) in std::iter::once((id, own)).chain(children) {
            if other.is_open(call.now) {
                other.state = HandshakeState::Canceled { at: call.now };
                HANDSHAKES.put(tx, &(), &id, &other).await?;
            }
        }
    }
    standing.organization.features = FeatureSet::ConsolidatedBilling;
    ORGANIZATIONS.put(tx, &standing.management, ORGANIZATION, &standing.organization).await?;
    Ok(())
}
