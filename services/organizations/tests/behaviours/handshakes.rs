//! Invitations and the way to all features.

use std::time::Duration;

use base::AccountId;
use organizations_api::*;
use schema::Fault;
use testkit::Cloud;

use crate::support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn other(number: u64) -> AccountId {
    AccountId::new(number).expect("it has twelve digits at most")
}

async fn invite(cloud: &Cloud, account: AccountId) -> Result<Handshake, Fault> {
    let input = InviteAccountToOrganizationInput {
        target: HandshakeParty { id: account.to_string(), r#type: HandshakePartyType::Account },
        notes: Some("Come in".to_owned()),
        tags: None,
    };
    cloud.call(InviteAccountToOrganization, input).await.map(|output| output.handshake.expect("there is one"))
}

async fn accept(cloud: &Cloud, account: AccountId, id: &str) -> Result<Handshake, Fault> {
    let input = AcceptHandshakeInput { handshake_id: id.to_owned() };
    by(cloud, account, AcceptHandshake, input).await.map(|output| output.handshake.expect("there is one"))
}

/// Invites an account and has it accept.
pub async fn join(cloud: &Cloud, account: AccountId) {
    let id = invite(cloud, account).await.expect("it can be invited").id.expect("a handshake has an id");
    accept(cloud, account, &id).await.expect("it is open");
}

#[tokio::test]
async fn an_invited_account_joins_when_it_accepts() {
    let (cloud, root) = organized(31).await;
    let guest = other(222_222_222_222);
    let handshake = invite(&cloud, guest).await.unwrap();
    let id = handshake.id.clone().unwrap();
    assert_eq!((handshake.state, handshake.action), (Some(HandshakeState::Open), Some(ActionType::Invite)));
    assert_eq!(invite(&cloud, guest).await.unwrap_err().name(), "DuplicateHandshakeException");
    let seen =
        by(&cloud, guest, ListHandshakesForAccount, ListHandshakesForAccountInput::default()).await.unwrap();
    assert_eq!(seen.handshakes.unwrap()[0].id.as_ref(), Some(&id));
    // The sender can take it back and not answer it, the recipient the other way round.
    assert_eq!(accept(&cloud, AccountId::DEV, &id).await.unwrap_err().name(), "AccessDeniedException");
    let cancel = CancelHandshakeInput { handshake_id: id.clone() };
    assert_eq!(by(&cloud, guest, CancelHandshake, cancel).await.unwrap_err().name(), "AccessDeniedException");
    let stranger = accept(&cloud, other(3), &id).await.unwrap_err();
    assert_ne!(stranger.status(), 200);

    let accepted = accept(&cloud, guest, &id).await.unwrap();
    assert_eq!(accepted.state, Some(HandshakeState::Accepted));
    assert_eq!(accept(&cloud, guest, &id).await.unwrap_err().name(), "HandshakeAlreadyInStateException");
    let decline = DeclineHandshakeInput { handshake_id: id };
    let fault = by(&cloud, guest, DeclineHandshake, decline).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidHandshakeTransitionException");
    let member = describe(&cloud, guest).await.unwrap();
    assert_eq!(member.joined_method, Some(AccountJoinedMethod::Invited));
    assert!(member.paths.unwrap()[0].contains(&root));
    assert_eq!(reason(&invite(&cloud, guest).await.unwrap_err()), "ALREADY_IN_AN_ORGANIZATION");
}

#[tokio::test]
async fn an_invitation_expires_by_the_clock_and_is_forgotten() {
    let (cloud, _) = organized(32).await;
    let guest = other(222_222_222_222);
    let id = invite(&cloud, guest).await.unwrap().id.unwrap();
    let describe = || DescribeHandshakeInput { handshake_id: id.clone() };
    cloud.advance(DAY * 15).await;
    let found = by(&cloud, guest, DescribeHandshake, describe()).await.unwrap().handshake.unwrap();
    assert_eq!(found.state, Some(HandshakeState::Expired));
    let fault = accept(&cloud, guest, &id).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidHandshakeTransitionException");
    invite(&cloud, guest).await.unwrap();
    cloud.advance(DAY * 30).await;
    let fault = by(&cloud, guest, DescribeHandshake, describe()).await.unwrap_err();
    assert_eq!(fault.name(), "HandshakeNotFoundException");
}

#[tokio::test]
async fn an_address_is_as_good_as_a_number() {
    let (cloud, _) = organized(33).await;
    let input = InviteAccountToOrganizationInput {
        target: HandshakeParty {
            id: "root@222222222222.invalid".to_owned(),
            r#type: HandshakePartyType::Email,
        },
        ..InviteAccountToOrganizationInput::default()
    };
    let sent = cloud.call(InviteAccountToOrganization, input).await.unwrap().handshake.unwrap();
    accept(&cloud, other(222_222_222_222), &sent.id.unwrap()).await.unwrap();
    let wrong = InviteAccountToOrganizationInput {
        target: HandshakeParty { id: "o-1234567890".to_owned(), r#type: HandshakePartyType::Organization },
        ..InviteAccountToOrganizationInput::default()
    };
    let fault = cloud.call(InviteAccountToOrganization, wrong).await.unwrap_err();
    assert_eq!(reason(&fault), "INVALID_PARTY_TYPE_TARGET");
}

#[tokio::test]
async fn an_account_that_accepts_leaves_the_organisation_it_was_in() {
    let (cloud, _) = organized(34).await;
    let (guest, rival) = (other(222_222_222_222), other(333_333_333_333));
    join(&cloud, guest).await;
    by(&cloud, rival, CreateOrganization, CreateOrganizationInput::default()).await.unwrap();
    let input = InviteAccountToOrganizationInput {
        target: HandshakeParty { id: guest.to_string(), r#type: HandshakePartyType::Account },
        ..InviteAccountToOrganizationInput::default()
    };
    let sent = by(&cloud, rival, InviteAccountToOrganization, input).await.unwrap().handshake.unwrap();
    accept(&cloud, guest, &sent.id.unwrap()).await.unwrap();
    assert_eq!(describe(&cloud, guest).await.unwrap_err().name(), "AccountNotFoundException");
    let seen = by(&cloud, guest, DescribeOrganization, DescribeOrganizationInput {}).await.unwrap();
    assert_eq!(seen.organization.unwrap().master_account_id, Some(rival.to_string()));
}

#[tokio::test]
async fn all_features_are_enabled_when_every_invited_member_agrees() {
    let cloud = Cloud::new(35).await;
    let features = Some(OrganizationFeatureSet::ConsolidatedBilling);
    cloud.call(CreateOrganization, CreateOrganizationInput { feature_set: features }).await.unwrap();
    let members = [other(222_222_222_222), other(333_333_333_333)];
    for member in members {
        join(&cloud, member).await;
    }
    let own = cloud.call(EnableAllFeatures, EnableAllFeaturesInput {}).await.unwrap().handshake.unwrap();
    assert_eq!(own.state, Some(HandshakeState::Requested));
    let fault = cloud.call(EnableAllFeatures, EnableAllFeaturesInput {}).await.unwrap_err();
    assert_eq!(reason(&fault), "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION");
    let fault = invite(&cloud, other(4)).await.unwrap_err();
    assert_eq!(reason(&fault), "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES");
    let own = own.id.unwrap();
    let fault = accept(&cloud, AccountId::DEV, &own).await.unwrap_err();
    assert_eq!(fault.name(), "InvalidHandshakeTransitionException");
    for member in members {
        let filter =
            HandshakeFilter { action_type: Some(ActionType::EnableAllFeatures), parent_handshake_id: None };
        let input = ListHandshakesForAccountInput { filter: Some(filter), ..Default::default() };
        let received = by(&cloud, member, ListHandshakesForAccount, input).await.unwrap().handshakes.unwrap();
        accept(&cloud, member, received[0].id.as_ref().unwrap()).await.unwrap();
    }
    let filter =
        HandshakeFilter { action_type: Some(ActionType::ApproveAllFeatures), parent_handshake_id: None };
    let input = ListHandshakesForAccountInput { filter: Some(filter), ..Default::default() };
    let last = cloud.call(ListHandshakesForAccount, input).await.unwrap().handshakes.unwrap();
    accept(&cloud, AccountId::DEV, last[0].id.as_ref().unwrap()).await.unwrap();
    let found = cloud.call(DescribeOrganization, DescribeOrganizationInput {}).await.unwrap();
    assert_eq!(found.organization.unwrap().feature_set, Some(OrganizationFeatureSet::All));
    let fault = cloud.call(EnableAllFeatures, EnableAllFeaturesInput {}).await.unwrap_err();
    assert_eq!(reason(&fault), "ORGANIZATION_ALREADY_HAS_ALL_FEATURES");
}
