//! Handshakes: what one account asks of another, and how both sides see and answer it.
//!
//! That a handshake expired is nowhere written down; it follows from the clock. Thirty days after its end it is shown
//! to nobody, and the background forgets it.

use base::{AccountId, Timestamp};
use organizations_api::{
    AcceptHandshakeInput, AcceptHandshakeOutput, ActionType, CancelHandshakeInput, CancelHandshakeOutput,
    DeclineHandshakeInput, DeclineHandshakeOutput, DescribeHandshakeInput, DescribeHandshakeOutput,
    Handshake, HandshakeFilter, HandshakeParty, HandshakePartyType, HandshakeResource, HandshakeResourceType,
    InvalidInputExceptionReason as Reason, ListHandshakesForAccountInput, ListHandshakesForAccountOutput,
    ListHandshakesForOrganizationInput, ListHandshakesForOrganizationOutput,
};
use service::Call;
use store::{Select, Tx};

use super::organization::{feature_set, require_link};
use super::pages::Page;
use super::standing::Standing;
use super::{all_features, invitations};
use crate::Organizations;
use crate::error::Error;
use crate::limits::HANDSHAKE_KEPT_TIME;
use crate::model::arns::Names;
use crate::records::{
    FeatureSet, HANDSHAKE_LINKS, HANDSHAKES, HandshakeAction, HandshakeLinkRecord, HandshakeRecord,
    HandshakeState, Party,
};

/// How many handshakes one step of a long change looks at.
const AT_ONCE_MAX: usize = 500;

impl HandshakeRecord {
    /// Whether it waits for an answer, or for what comes before it can be answered.
    pub fn is_open(&self, now: Timestamp) -> bool {
        matches!(self.state, HandshakeState::Open | HandshakeState::Requested) && now < self.expires
    }

    /// When it came to its end, if it did.
    pub fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        match self.state {
            HandshakeState::Accepted { at }
            | HandshakeState::Declined { at }
            | HandshakeState::Canceled { at } => Some(at),
            HandshakeState::Open | HandshakeState::Requested => (now >= self.expires).then_some(self.expires),
        }
    }

    pub fn is_shown(&self, now: Timestamp) -> bool {
        self.ended(now).is_none_or(|at| now.since(at) < HANDSHAKE_KEPT_TIME)
    }

    /// The account that is asked, where it is known.
    pub fn recipient(&self) -> Option<AccountId> {
        match &self.party {
            Party::Account(account) => Some(*account),
            Party::Email { account, .. } => *account,
            Party::Organization => Some(self.management),
        }
    }

    fn state(&self, now: Timestamp) -> organizations_api::HandshakeState {
        use organizations_api::HandshakeState as State;
        match self.state {
            HandshakeState::Open | HandshakeState::Requested if now >= self.expires => State::Expired,
            HandshakeState::Open => State::Open,
            HandshakeState::Requested => State::Requested,
            HandshakeState::Accepted { .. } => State::Accepted,
            HandshakeState::Declined { .. } => State::Declined,
            HandshakeState::Canceled { .. } => State::Canceled,
        }
    }
}

impl HandshakeAction {
    fn to_type(self) -> ActionType {
        match self {
            HandshakeAction::Invite => ActionType::Invite,
            HandshakeAction::EnableAllFeatures => ActionType::EnableAllFeatures,
            HandshakeAction::ApproveAllFeatures => ActionType::ApproveAllFeatures,
        }
    }
}

fn resource(kind: HandshakeResourceType, value: &str) -> HandshakeResource {
    HandshakeResource { value: Some(value.to_owned()), r#type: Some(kind), resources: None }
}

pub fn to_handshake(id: &str, record: &HandshakeRecord, now: Timestamp) -> Handshake {
    let names = Names { management: record.management, organization: record.organization.clone() };
    let action = record.action.to_type();
    let organization =
        HandshakeParty { id: record.organization.clone(), r#type: HandshakePartyType::Organization };
    let about_sender = vec![
        resource(HandshakeResourceType::MasterEmail, &record.management_email),
        resource(HandshakeResourceType::MasterName, &record.management_name),
        resource(HandshakeResourceType::OrganizationFeatureSet, feature_set(&record.features).as_str()),
    ];
    let mut parties = vec![organization];
    let mut resources = vec![HandshakeResource {
        resources: Some(about_sender),
        ..resource(HandshakeResourceType::Organization, &record.organization)
    }];
    match &record.party {
        Party::Account(account) => {
            let id = account.to_string();
            resources.push(resource(HandshakeResourceType::Account, &id));
            parties.push(HandshakeParty { id, r#type: HandshakePartyType::Account });
        }
        Party::Email { email, .. } => {
            resources.push(resource(HandshakeResourceType::Email, email));
            parties.push(HandshakeParty { id: email.clone(), r#type: HandshakePartyType::Email });
        }
        Party::Organization => {}
    }
    resources.extend(record.notes.as_deref().map(|notes| resource(HandshakeResourceType::Notes, notes)));
    let parent = record.parent.as_deref();
    resources.extend(parent.map(|parent| resource(HandshakeResourceType::ParentHandshake, parent)));
    Handshake {
        id: Some(id.to_owned()),
        arn: Some(names.handshake(&action.as_str().to_lowercase(), id)),
        parties: Some(parties),
        state: Some(record.state(now)),
        requested_timestamp: Some(record.requested),
        expiration_timestamp: Some(record.expires),
        action: Some(action),
        resources: Some(resources),
    }
}

/// Saves a new handshake where both sides find it.
pub async fn send(tx: &Tx, id: &str, record: &HandshakeRecord) -> Result<(), Error> {
    let link = HandshakeLinkRecord { id: id.to_owned() };
    HANDSHAKES.put(tx, &(), id, record).await?;
    HANDSHAKE_LINKS.put(tx, &record.management, &format!("sent/{id}"), &link).await?;
    if let Some(recipient) = record.recipient() {
        HANDSHAKE_LINKS.put(tx, &recipient, &format!("received/{id}"), &link).await?;
    }
    Ok(())
}

/// Forgets a handshake on both sides.
pub async fn forget(tx: &Tx, id: &str, record: &HandshakeRecord) -> Result<(), Error> {
    HANDSHAKES.delete(tx, &(), id).await?;
    HANDSHAKE_LINKS.delete(tx, &record.management, &format!("sent/{id}")).await?;
    if let Some(recipient) = record.recipient() {
        HANDSHAKE_LINKS.delete(tx, &recipient, &format!("received/{id}")).await?;
    }
    Ok(())
}

/// The handshakes that an organisation sent and that are not forgotten.
pub async fn sent(tx: &Tx, management: AccountId) -> Result<Vec<(String, HandshakeRecord)>, Error> {
    let mut found = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let select = Select::prefix("sent/").after(after.as_deref());
        let listing = HANDSHAKE_LINKS.scan(tx, &management, select, AT_ONCE_MAX).await?;
        for (_, link) in listing.records {
            if let Some(record) = HANDSHAKES.get(tx, &(), &link.id).await? {
                found.push((link.id, record));
            }
        }
        match listing.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

/// Takes back whatever of an organisation's is still open, since it is about to be deleted.
pub async fn cancel_all(tx: &Tx, standing: &Standing, now: Timestamp) -> Result<(), Error> {
    for (id, mut record) in sent(tx, standing.management).await? {
        if record.is_open(now) {
            record.state = HandshakeState::Canceled { at: now };
            HANDSHAKES.put(tx, &(), &id, &record).await?;
        }
    }
    Ok(())
}

/// The handshake of an id, if the caller is one of its sides.
async fn own(tx: &Tx, call: &Call, id: &str) -> Result<HandshakeRecord, Error> {
    let found = HANDSHAKES.get(tx, &(), id).await?.filter(|record| record.is_shown(call.now));
    let sides = |record: &HandshakeRecord| [Some(record.management), record.recipient()];
    found.filter(|record| sides(record).contains(&Some(call.account))).ok_or(Error::HandshakeNotFound)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accept,
    Decline,
    Cancel,
}

/// Loads a handshake that is to be answered, and checks that the caller may and the handshake can.
async fn answerable(tx: &Tx, call: &Call, id: &str, answer: Answer) -> Result<HandshakeRecord, Error> {
    let record = own(tx, call, id).await?;
    let entitled = match answer {
        Answer::Accept | Answer::Decline => record.recipient(),
        Answer::Cancel => Some(record.management),
    };
    if entitled != Some(call.account) {
        return Err(Error::AccessDenied);
    }
    match (&record.state, answer) {
        (HandshakeState::Accepted { .. }, Answer::Accept)
        | (HandshakeState::Declined { .. }, Answer::Decline)
        | (HandshakeState::Canceled { .. }, Answer::Cancel) => Err(Error::HandshakeAlreadyInState),
        // What still waits for others can only be taken back.
        (HandshakeState::Requested, Answer::Accept | Answer::Decline) => Err(Error::HandshakeTransition),
        _ if !record.is_open(call.now) => Err(Error::HandshakeTransition),
        _ => Ok(record),
    }
}

pub async fn accept_handshake(
    organizations: &Organizations,
    call: &Call,
    input: AcceptHandshakeInput,
) -> Result<AcceptHandshakeOutput, Error> {
    let id = input.handshake_id.as_str();
    let unique = crate::model::ids::handshake(&organizations.ids);
    let unique = unique.as_str();
    let asked =
        organizations.store.read(|tx| async move { answerable(&tx, call, id, Answer::Accept).await }).await?;
    if asked.action == HandshakeAction::Invite && asked.features == FeatureSet::All {
        require_link(organizations, call).await?;
    }
    let record = organizations
        .store
        .transact(|tx| async move {
            let mut record = answerable(&tx, call, id, Answer::Accept).await?;
            record.state = HandshakeState::Accepted { at: call.now };
            HANDSHAKES.put(&tx, &(), id, &record).await?;
            match (record.action, &record.party) {
                (HandshakeAction::Invite, _) => invitations::accepted(&tx, call, &record).await?,
                (HandshakeAction::ApproveAllFeatures, _) | (_, Party::Organization) => {
                    all_features::confirmed(&tx, call, &record).await?;
                }
                (HandshakeAction::EnableAllFeatures, _) => {
                    let standing = Standing::of(&tx, record.management).await?;
                    all_features::proceed(&tx, &standing, unique, call.now).await?;
                }
            }
            Ok::<_, Error>(record)
        })
        .await?;
    organizations.directory.forget();
    organizations.work.nudge();
    Ok(AcceptHandshakeOutput { handshake: Some(to_handshake(id, &record, call.now)) })
}

pub async fn decline_handshake(
    organizations: &Organizations,
    call: &Call,
    input: DeclineHandshakeInput,
) -> Result<DeclineHandshakeOutput, Error> {
    let id = input.handshake_id.as_str();
    let record = organizations
        .store
        .transact(|tx| async move {
            let mut record = answerable(&tx, call, id, Answer::Decline).await?;
            record.state = HandshakeState::Declined { at: call.now };
            HANDSHAKES.put(&tx, &(), id, &record).await?;
            Ok::<_, Error>(record)
        })
        .await?;
    Ok(DeclineHandshakeOutput { handshake: Some(to_handshake(id, &record, call.now)) })
}

pub async fn cancel_handshake(
    organizations: &Organizations,
    call: &Call,
    input: CancelHandshakeInput,
) -> Result<CancelHandshakeOutput, Error> {
    let id = input.handshake_id.as_str();
    let record = organizations
        .store
        .transact(|tx| async move {
            let mut record = answerable(&tx, call, id, Answer::Cancel).await?;
            record.state = HandshakeState::Canceled { at: call.now };
            HANDSHAKES.put(&tx, &(), id, &record).await?;
            if record.party == Party::Organization {
                all_features::given_up(&tx, call).await?;
            }
            Ok::<_, Error>(record)
        })
        .await?;
    Ok(CancelHandshakeOutput { handshake: Some(to_handshake(id, &record, call.now)) })
}

pub async fn describe_handshake(
    organizations: &Organizations,
    call: &Call,
    input: DescribeHandshakeInput,
) -> Result<DescribeHandshakeOutput, Error> {
    let id = input.handshake_id.as_str();
    let record = organizations.store.read(|tx| async move { own(&tx, call, id).await }).await?;
    Ok(DescribeHandshakeOutput { handshake: Some(to_handshake(id, &record, call.now)) })
}

/// The handshakes of one side, a page of them. As with AWS, a filter may leave a page with fewer than there are.
async fn list(
    tx: &Tx,
    call: &Call,
    account: AccountId,
    prefix: &str,
    page: &Page,
    filter: Option<&HandshakeFilter>,
) -> Result<(Vec<Handshake>, Option<String>), Error> {
    let listing = HANDSHAKE_LINKS.scan(tx, &account, page.select(prefix), page.limit).await?;
    let mut found = Vec::new();
    for (_, link) in &listing.records {
        let Some(record) = HANDSHAKES.get(tx, &(), &link.id).await? else { continue };
        let action = filter.and_then(|filter| filter.action_type.as_ref());
        let parent = filter.and_then(|filter| filter.parent_handshake_id.as_ref());
        if record.is_shown(call.now)
            && action.is_none_or(|action| *action == record.action.to_type())
            && parent.is_none_or(|parent| record.parent.as_ref() == Some(parent))
        {
            found.push(to_handshake(&link.id, &record, call.now));
        }
    }
    Ok((found, listing.next))
}

fn check(filter: Option<&HandshakeFilter>) -> Result<(), Error> {
    match filter {
        Some(HandshakeFilter { action_type: Some(_), parent_handshake_id: Some(_) }) => {
            let message = "You can specify only one filter parameter for the operation.";
            Err(Error::invalid(Reason::MaxLimitExceededFilter, message))
        }
        _ => Ok(()),
    }
}

pub async fn list_handshakes_for_account(
    organizations: &Organizations,
    call: &Call,
    input: ListHandshakesForAccountInput,
) -> Result<ListHandshakesForAccountOutput, Error> {
    const OPERATION: &str = "ListHandshakesForAccount";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let (page, filter) = (&page, input.filter.as_ref());
    check(filter)?;
    let (handshakes, next) = organizations
        .store
        .read(|tx| async move { list(&tx, call, call.account, "received/", page, filter).await })
        .await?;
    Ok(ListHandshakesForAccountOutput {
        handshakes: Some(handshakes),
        next_token: page.token(organizations, call, next),
    })
}

pub async fn list_handshakes_for_organization(
    organizations: &Organizations,
    call: &Call,
    input: ListHandshakesForOrganizationInput,
) -> Result<ListHandshakesForOrganizationOutput, Error> {
    const OPERATION: &str = "ListHandshakesForOrganization";
    let page = Page::new(organizations, call, OPERATION, input.next_token.as_deref(), input.max_results)?;
    let (page, filter) = (&page, input.filter.as_ref());
    check(filter)?;
    let (handshakes, next) = organizations
        .store
        .read(|tx| async move {
            let standing = Standing::reading(&tx, call, OPERATION).await?;
            list(&tx, call, standing.management, "sent/", page, filter).await
        })
        .await?;
    Ok(ListHandshakesForOrganizationOutput {
        handshakes: Some(handshakes),
        next_token: page.token(organizations, call, next),
    })
}
