//! What permissions need to know of organisations: what holds for an account, and what a resource of ours is.
//!
//! Every call of every principal asks what holds for its account, so that is remembered, and forgotten as a whole the
//! moment anything changes: changes are rare, and a policy that was attached must hold for the very next call.
//! Compiled policies outlive the forgetting for as long as their text stays the same.

use std::collections::HashMap;
use std::sync::Arc;

use base::{AccountId, Arn};
use identity::policy::{Kind, Named, Policy};
use parking_lot::RwLock;
use schema::Fault;
use service::{BoxFuture, Guarded, Guardrails, ResourceFacts};
use store::{Store, Tx};

use crate::Organizations;
use crate::error::Error;
use crate::model::arns::Names;
use crate::model::ids::Entity;
use crate::model::managed::ManagedPolicy;
use crate::model::policy_document;
use crate::model::policy_type::PolicyType;
use crate::operations::attachments::attached;
use crate::operations::policies::{Found, find};
use crate::operations::standing::Standing;
use crate::operations::tags;
use crate::operations::tree::{lineage, path};
use crate::records::{HANDSHAKES, HandshakeAction, MEMBERS, PROFILES};

pub struct Directory {
    store: Store,
    known: RwLock<Known>,
    /// Lets members ask; what they are told is for the operations to decide.
    open: Arc<Named>,
    closed: Closed,
}

#[derive(Default)]
struct Known {
    accounts: HashMap<AccountId, Arc<Guarded>>,
    /// By ARN, with the text each was made from.
    compiled: HashMap<String, (String, Arc<Named>)>,
    /// Counts forgettings, so that a lookup that was overtaken by one is not remembered.
    forgotten: u64,
}

/// More than this many are not remembered; the memory begins anew.
const KNOWN_MAX: usize = 100_000;

/// What holds for accounts that were closed: nothing may be done there, nor with what is there.
struct Closed {
    service_control: Arc<Named>,
    resource_control: Arc<Named>,
}

/// What was read of an account, before it is compiled.
#[derive(Default)]
struct Raw {
    organization_id: Option<String>,
    path: String,
    service_control: Vec<Vec<Text>>,
    resource_control: Vec<Vec<Text>>,
    closed: bool,
}

struct Text {
    arn: String,
    content: String,
    managed: bool,
}

/// A policy that is a constant of this file.
fn constant(kind: Kind, id: &str, text: &str) -> Arc<Named> {
    let policy = Policy::parse(kind, text).expect("the constants are good policies, which a test sees to");
    Arc::new(Named { id: id.to_owned(), policy })
}

const OPEN: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Allow","Principal":"*","Action":"organizations:*","Resource":"*"}]}"#;
const DENY_ALL: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Deny","Action":"*","Resource":"*"}]}"#;
const DENY_ALL_TO_ALL: &str = r#"{"Version":"2012-10-17","Statement":[
    {"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;

impl Directory {
    pub fn new(store: Store) -> Directory {
        Directory {
            store,
            known: RwLock::default(),
            open: constant(Kind::Resource, "membership", OPEN),
            closed: Closed {
                service_control: constant(Kind::ServiceControl, "closed-account", DENY_ALL),
                resource_control: constant(Kind::Resource, "closed-account", DENY_ALL_TO_ALL),
            },
        }
    }

    /// To be called after every change that may matter has been committed, before it is answered.
    pub fn forget(&self) {
        let mut known = self.known.write();
        known.accounts.clear();
        known.forgotten += 1;
    }

    async fn guarded(&self, account: AccountId) -> Result<Arc<Guarded>, Error> {
        let forgotten = {
            let known = self.known.read();
            if let Some(guarded) = known.accounts.get(&account) {
                return Ok(guarded.clone());
            }
            known.forgotten
        };
        let raw = self.store.read(|tx| async move { read(&tx, account).await }).await?;
        let guarded = Arc::new(self.compile(raw)?);
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            if known.accounts.len() >= KNOWN_MAX {
                known.accounts.clear();
            }
            known.accounts.insert(account, guarded.clone());
        }
        Ok(guarded)
    }

    fn compile(&self, raw: Raw) -> Result<Guarded, Error> {
        let levels = |kind, levels: Vec<Vec<Text>>| {
            let level = |level: Vec<Text>| level.into_iter().map(|text| self.named(kind, text)).collect();
            levels.into_iter().map(level).collect::<Result<Vec<Vec<Arc<Named>>>, Error>>()
        };
        let mut guarded = Guarded {
            organization_id: raw.organization_id,
            path: raw.path,
            service_control: levels(PolicyType::SERVICE_CONTROL, raw.service_control)?,
            resource_control: levels(PolicyType::RESOURCE_CONTROL, raw.resource_control)?,
        };
        if raw.closed {
            guarded.service_control.push(vec![self.closed.service_control.clone()]);
            guarded.resource_control.push(vec![self.closed.resource_control.clone()]);
        }
        Ok(guarded)
    }

    /// The compiled policy of a text; made anew only if the text has changed.
    fn named(&self, kind: PolicyType, text: Text) -> Result<Arc<Named>, Error> {
        if let Some((content, named)) = self.known.read().compiled.get(&text.arn)
            && *content == text.content
        {
            return Ok(named.clone());
        }
        // AWS's own RCP allows, which nobody else's may.
        let policy = if text.managed && kind == PolicyType::RESOURCE_CONTROL {
            Policy::parse(Kind::Resource, &text.content).map_err(|_| Error::MalformedPolicy)
        } else {
            policy_document::compile(kind, &text.content)
        };
        let policy = policy.map_err(|_| Error::Internal(format!("{} is no policy", text.arn).into()))?;
        let named = Arc::new(Named { id: text.arn.clone(), policy });
        let mut known = self.known.write();
        if known.compiled.len() >= KNOWN_MAX {
            known.compiled.clear();
        }
        known.compiled.insert(text.arn, (text.content, named.clone()));
        Ok(named)
    }
}

impl Guardrails for Organizations {
    fn of<'a>(&'a self, account: AccountId) -> BoxFuture<'a, Result<Arc<Guarded>, Fault>> {
        Box::pin(async move { Ok(self.directory.guarded(account).await?) })
    }
}

async fn read(tx: &Tx, account: AccountId) -> Result<Raw, Error> {
    let id = account.to_string();
    let Some(standing) = Standing::find(tx, account).await? else {
        let gone = PROFILES.get(tx, &(), &id).await?.is_some_and(|profile| profile.gone);
        return Ok(Raw { closed: gone, ..Raw::default() });
    };
    let member = MEMBERS.get(tx, &standing.management, &id).await?;
    let member = member.ok_or_else(|| Error::Internal("a membership without a member".into()))?;
    let mut line = lineage(tx, &standing, &member.parent).await?;
    let path = path(&standing, &line);
    line.push(id);
    let mut raw = Raw {
        organization_id: Some(standing.organization.id.clone()),
        path,
        closed: member.state.is_closed(),
        ..Raw::default()
    };
    // The management account is bound by no policy of its organisation.
    if !standing.is_management() {
        raw.service_control = levels(tx, &standing, PolicyType::SERVICE_CONTROL, &line).await?;
        raw.resource_control = levels(tx, &standing, PolicyType::RESOURCE_CONTROL, &line).await?;
    }
    Ok(raw)
}

/// The policies of a type on each level of a line; nothing while the type is not enabled.
async fn levels(
    tx: &Tx,
    standing: &Standing,
    kind: PolicyType,
    line: &[String],
) -> Result<Vec<Vec<Text>>, Error> {
    let mut levels = Vec::new();
    if !standing.organization.enabled_types.contains(&kind) {
        return Ok(levels);
    }
    for target in line {
        let mut level = Vec::new();
        for (policy, _) in attached(tx, &standing.names(), kind, target).await? {
            let found = find(tx, standing, &policy).await?;
            level.extend(found.map(|found| Text {
                arn: found.arn(standing, &policy),
                content: found.content().to_owned(),
                managed: matches!(found, Found::Managed(..)),
            }));
        }
        levels.push(level);
    }
    Ok(levels)
}

/// What is known of a resource: the ARN that `authorise` could not complete, and its tags. To members of an
/// organisation its parts belong to another account, and to the invited its handshakes do.
pub fn facts<'a>(
    organizations: &'a Organizations,
    _action: &'a str,
    arn: &'a Arn,
) -> BoxFuture<'a, Result<ResourceFacts, Error>> {
    Box::pin(async move {
        let Some(account) = arn.account() else {
            return Ok(ResourceFacts::default());
        };
        let (kind, id) = match arn.resource().split_once('/') {
            // Complete ARNs have the organisation's id, and more, in between.
            Some((kind, rest)) => (kind, rest.rsplit('/').next().expect("a split has a last part")),
            None => return Ok(ResourceFacts::default()),
        };
        let found = organizations
            .directory
            .store
            .read(|tx| async move { resource(&tx, account, kind, id).await })
            .await?;
        let Some((owner, arn, tags)) = found else {
            return Ok(ResourceFacts::default());
        };
        let policy = (owner != account).then(|| organizations.directory.open.clone());
        Ok(ResourceFacts { arn: arn.parse().ok(), policy, tags, ..ResourceFacts::default() })
    })
}

/// Owner, ARN and tags.
type Described = (AccountId, String, crate::model::tags::Tags);

/// What an id means to an account.
async fn resource(tx: &Tx, account: AccountId, kind: &str, id: &str) -> Result<Option<Described>, Error> {
    if kind == "handshake" {
        let found = HANDSHAKES.get(tx, &(), id).await?;
        return Ok(found.map(|record| {
            let names = Names { management: record.management, organization: record.organization };
            let action = match record.action {
                HandshakeAction::Invite => "invite",
                HandshakeAction::EnableAllFeatures => "enable_all_features",
                HandshakeAction::ApproveAllFeatures => "approve_all_features",
            };
            (record.management, names.handshake(action, id), Default::default())
        }));
    }
    let Some(standing) = Standing::find(tx, account).await? else {
        return Ok(None);
    };
    let names = standing.names();
    let arn = match (Entity::parse(id), ManagedPolicy::find(id)) {
        (Some(Entity::Root(root)), _) => names.root(&root),
        (Some(Entity::Unit(unit)), _) => names.unit(&unit),
        (Some(Entity::Account(account)), _) => names.account(account),
        (None, Some((kind, managed))) => managed.arn(kind),
        (None, None) if kind == "resourcepolicy" => names.resource_policy(id),
        (None, None) => match find(tx, &standing, id).await? {
            Some(found) => found.arn(&standing, id),
            None => return Ok(None),
        },
    };
    let tags = match tags::read(tx, &standing, id).await {
        Ok(tags) => tags,
        Err(Error::TargetNotFound) => Default::default(),
        Err(other) => return Err(other),
    };
    Ok(Some((standing.management, arn, tags)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_account_in_no_organisation_is_free() {
        let store = Store::embedded_in_memory(store::Options::default()).unwrap();
        let directory = Directory::new(store);
        let guarded = directory.guarded(AccountId::DEV).await.unwrap();
        assert_eq!(guarded.organization_id, None);
        assert!(guarded.service_control.is_empty() && guarded.resource_control.is_empty());
    }
}
