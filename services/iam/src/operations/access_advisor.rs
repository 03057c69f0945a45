//! Last accesses: which services a user, group, role or policy could use, and who made use of which when.
//!
//! AWS makes these reports in the background; here a report is made at once, and can be read from then on. Activity
//! is known at once as well, where AWS takes up to four hours.

use std::collections::{BTreeMap, BTreeSet};

use base::{AccountId, Arn, Timestamp};
use iam_api::{
    AccessAdvisorUsageGranularityType, EntityDetails, EntityInfo, GenerateServiceLastAccessedDetailsInput,
    GenerateServiceLastAccessedDetailsOutput, GetServiceLastAccessedDetailsInput,
    GetServiceLastAccessedDetailsOutput, GetServiceLastAccessedDetailsWithEntitiesInput,
    GetServiceLastAccessedDetailsWithEntitiesOutput, JobStatusType, PolicyOwnerEntityType,
    ServiceLastAccessed, TrackedActionLastAccessed,
};
use identity::policy::{Kind, Policy};
use service::Call;
use store::{Select, Tx};

use super::callers::second;
use super::held_policies::{self, Entity};
use super::pages;
use crate::Iam;
use crate::error::Error;
use crate::limits::{ACCESS_REPORT_AGE_MAX, ACCESS_TRACKING_TIME};
use crate::model::arns;
use crate::records::{
    ACCESS_REPORTS, AccessReportRecord, EntityAccess, MEMBERS, POLICY_USES, ROLES, ServiceAccess, USERS, key,
};

/// How many reports, members or users of a policy are read in one step.
const RECORDS_AT_ONCE_MAX: usize = 500;

/// What a report is about: who could use what.
struct Subject {
    /// Namespaces, sorted.
    services: BTreeSet<String>,
    /// ARNs of users and roles.
    entities: Vec<String>,
}

pub fn by_arn(_: &Iam, _: &Call, input: &GenerateServiceLastAccessedDetailsInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::parse(&input.arn)?])
}

pub async fn generate(
    iam: &Iam,
    call: &Call,
    input: GenerateServiceLastAccessedDetailsInput,
) -> Result<GenerateServiceLastAccessedDetailsOutput, Error> {
    let (account, arn) = (call.account, input.arn.as_str());
    let subject = iam.store.read(|tx| async move { subject(&tx, account, arn).await }).await?;
    let per_action = input.granularity == Some(AccessAdvisorUsageGranularityType::ActionLevel);
    let record = &AccessReportRecord {
        arn: arn.to_owned(),
        per_action,
        created: second(call),
        requested_by: requester(call),
        services: services(iam, call, &subject, per_action).await?,
    };
    let job_id = iam.ids.uuid();
    let id = job_id.as_str();
    iam.store
        .transact(|tx| async move {
            forget_old(&tx, account, call.now).await?;
            Ok::<_, Error>(ACCESS_REPORTS.put(&tx, &account, id, record).await?)
        })
        .await?;
    Ok(GenerateServiceLastAccessedDetailsOutput { job_id: Some(job_id) })
}

pub async fn get(
    iam: &Iam,
    call: &Call,
    input: GetServiceLastAccessedDetailsInput,
) -> Result<GetServiceLastAccessedDetailsOutput, Error> {
    let record = report(iam, call, &input.job_id).await?;
    let of = "GetServiceLastAccessedDetails";
    let all: Vec<ServiceLastAccessed> =
        record.services.iter().map(|service| shown(service, &record)).collect();
    let page = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(GetServiceLastAccessedDetailsOutput {
        job_status: JobStatusType::Completed,
        job_type: Some(match record.per_action {
            true => AccessAdvisorUsageGranularityType::ActionLevel,
            false => AccessAdvisorUsageGranularityType::ServiceLevel,
        }),
        job_creation_date: record.created,
        services_last_accessed: page.items,
        job_completion_date: record.created,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}

pub async fn get_with_entities(
    iam: &Iam,
    call: &Call,
    input: GetServiceLastAccessedDetailsWithEntitiesInput,
) -> Result<GetServiceLastAccessedDetailsWithEntitiesOutput, Error> {
    let record = report(iam, call, &input.job_id).await?;
    let (account, arn) = (call.account, record.arn.as_str());
    let subject = iam.store.read(|tx| async move { subject(&tx, account, arn).await }).await?;
    let namespace = input.service_namespace.to_ascii_lowercase();
    let mut all = Vec::new();
    if subject.services.contains(&namespace) {
        for entity in &subject.entities {
            all.extend(details(iam, call, entity, &namespace).await?);
        }
    }
    all.sort_by_key(|entity| std::cmp::Reverse(entity.last_authenticated));
    let of = "GetServiceLastAccessedDetailsWithEntities";
    let page = pages::cut(iam, call, of, input.marker.as_deref(), input.max_items, all)?;
    Ok(GetServiceLastAccessedDetailsWithEntitiesOutput {
        job_status: JobStatusType::Completed,
        job_creation_date: record.created,
        job_completion_date: record.created,
        entity_details_list: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}

/// Reports are read by whoever asked for them: the same user, or the same role in any session.
fn requester(call: &Call) -> String {
    let role = call.principal.session.as_deref().and_then(|session| session.role.as_ref());
    role.map_or_else(|| call.principal.arn.clone(), |role| role.arn.clone())
}

async fn report(iam: &Iam, call: &Call, job_id: &str) -> Result<AccessReportRecord, Error> {
    let account = &call.account;
    let found = iam.store.read(|tx| async move { ACCESS_REPORTS.get(&tx, account, job_id).await }).await?;
    let is_readable = |record: &AccessReportRecord| {
        record.requested_by == requester(call) && call.now.since(record.created) < ACCESS_REPORT_AGE_MAX
    };
    found
        .filter(is_readable)
        .ok_or_else(|| Error::NoSuchEntity(format!("The report with job id {job_id} cannot be found.")))
}

/// Each new report makes room where old ones were.
async fn forget_old(tx: &Tx, account: AccountId, now: Timestamp) -> Result<(), Error> {
    let page = ACCESS_REPORTS.scan(tx, &account, Select::ALL, RECORDS_AT_ONCE_MAX).await?;
    for (id, record) in page.records {
        if now.since(record.created) >= ACCESS_REPORT_AGE_MAX {
            ACCESS_REPORTS.delete(tx, &account, &id).await?;
        }
    }
    Ok(())
}

async fn subject(tx: &Tx, account: AccountId, arn: &str) -> Result<Subject, Error> {
    if arns::parse(arn)?.resource().starts_with("policy/") {
        let document = held_policies::managed_document(tx, account, arn).await?;
        let document = document.ok_or_else(|| Error::NoSuchEntity(format!("Policy {arn} was not found.")))?;
        return Ok(Subject {
            services: accessible([&document]),
            entities: users_of(tx, account, arn).await?,
        });
    }
    let entity = held_policies::entity(tx, account, arn).await?;
    let held = held_policies::policies(tx, account, &entity).await?;
    let services = accessible(held.iter().map(|held| &held.document));
    let entities = match &entity {
        Entity::Group(group) => members(tx, account, &key(&group.name)).await?,
        Entity::User(_) | Entity::Role(_) => vec![arn.to_owned()],
    };
    Ok(Subject { services, entities })
}

/// The services that policies allow something of.
fn accessible<'a>(documents: impl IntoIterator<Item = &'a String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for document in documents {
        // It was valid when it came in; a policy that cannot be read allows nothing.
        let Ok(policy) = Policy::parse(Kind::Identity, document) else { continue };
        for service in policy.services() {
            match service {
                "*" => found.extend(iam_facts::services().map(str::to_owned)),
                service => drop(found.insert(service.to_ascii_lowercase())),
            }
        }
    }
    found
}

/// Everyone a managed policy is attached to, by way of a group or not.
async fn users_of(tx: &Tx, account: AccountId, arn: &str) -> Result<Vec<String>, Error> {
    let prefix = format!("{arn}|permissions|");
    let (mut found, mut after) = (BTreeSet::new(), None::<String>);
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = POLICY_USES.scan(tx, &account, select, RECORDS_AT_ONCE_MAX).await?;
        for (use_key, _) in &page.records {
            match use_key[prefix.len()..].split_once('|') {
                Some(("user", name)) => found.extend(user_arn(tx, account, name).await?),
                Some(("role", name)) => {
                    let role = ROLES.get(tx, &account, name).await?;
                    found.extend(role.map(|role| role.arn(account).to_string()));
                }
                Some((_, group)) => found.extend(members(tx, account, group).await?),
                None => {}
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found.into_iter().collect()),
        }
    }
}

async fn members(tx: &Tx, account: AccountId, group: &str) -> Result<Vec<String>, Error> {
    let prefix = format!("{group}|");
    let (mut found, mut after) = (Vec::new(), None::<String>);
    loop {
        let select = Select::prefix(&prefix).after(after.as_deref());
        let page = MEMBERS.scan(tx, &account, select, RECORDS_AT_ONCE_MAX).await?;
        for (member, _) in &page.records {
            found.extend(user_arn(tx, account, &member[prefix.len()..]).await?);
        }
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(found),
        }
    }
}

async fn user_arn(tx: &Tx, account: AccountId, name: &str) -> Result<Option<String>, Error> {
    Ok(USERS.get(tx, &account, name).await?.map(|user| user.arn(account).to_string()))
}

/// What a report says: every service that could be used, with what was made of it.
async fn services(
    iam: &Iam,
    call: &Call,
    subject: &Subject,
    per_action: bool,
) -> Result<Vec<ServiceAccess>, Error> {
    let unused = |namespace: &String| {
        let service =
            ServiceAccess { namespace: namespace.clone(), last: None, entities: 0, actions: BTreeMap::new() };
        (namespace.clone(), service)
    };
    let mut services: BTreeMap<String, ServiceAccess> = subject.services.iter().map(unused).collect();
    for entity in &subject.entities {
        for used in iam.directory.last_uses(call.account, &arns::parse(entity)?).await? {
            let Some(service) = services.get_mut(&used.service) else { continue };
            if call.now.since(used.at) > ACCESS_TRACKING_TIME {
                continue;
            }
            let access = |at, region: base::Region| EntityAccess {
                at: whole_second(at),
                region: region.to_string(),
                entity: entity.clone(),
            };
            service.entities += 1;
            keep_later(&mut service.last, access(used.at, used.region));
            for (action, last) in used.actions.into_iter().filter(|_| per_action) {
                let mut latest = service.actions.remove(&action);
                keep_later(&mut latest, access(last.at, last.region));
                service.actions.extend(latest.map(|latest| (action, latest)));
            }
        }
    }
    Ok(services.into_values().collect())
}

/// Reports have whole seconds, as all dates of IAM.
fn whole_second(moment: Timestamp) -> Timestamp {
    Timestamp::from_secs(moment.as_secs())
}

fn keep_later(kept: &mut Option<EntityAccess>, other: EntityAccess) {
    if kept.as_ref().is_none_or(|kept| kept.at < other.at) {
        *kept = Some(other);
    }
}

fn shown(service: &ServiceAccess, record: &AccessReportRecord) -> ServiceLastAccessed {
    let last = service.last.as_ref();
    let action = |(name, last): (&String, &EntityAccess)| TrackedActionLastAccessed {
        action_name: Some(name.clone()),
        last_accessed_entity: Some(last.entity.clone()),
        last_accessed_time: Some(last.at),
        last_accessed_region: Some(last.region.clone()),
    };
    ServiceLastAccessed {
        service_name: iam_facts::service_name(&service.namespace).unwrap_or(&service.namespace).to_owned(),
        last_authenticated: last.map(|last| last.at),
        service_namespace: service.namespace.clone(),
        last_authenticated_entity: last.map(|last| last.entity.clone()),
        last_authenticated_region: last.map(|last| last.region.clone()),
        total_authenticated_entities: Some(i32::try_from(service.entities).unwrap_or(i32::MAX)),
        tracked_actions_last_accessed: (record.per_action && !service.actions.is_empty())
            .then(|| service.actions.iter().map(action).collect()),
    }
}

/// A user or role with its last use of a service; nothing if it is there no more.
async fn details(iam: &Iam, call: &Call, arn: &str, namespace: &str) -> Result<Option<EntityDetails>, Error> {
    let account = call.account;
    let found = iam.store.read(|tx| async move { held_policies::entity(&tx, account, arn).await }).await;
    let (r#type, name, id, path) = match found {
        Ok(Entity::User(user)) => (PolicyOwnerEntityType::User, user.name, user.id, user.path),
        Ok(Entity::Role(role)) => (PolicyOwnerEntityType::Role, role.name, role.id, role.path),
        Ok(Entity::Group(_)) | Err(Error::NoSuchEntity(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let uses = iam.directory.last_uses(account, &arns::parse(arn)?).await?;
    let last = uses.iter().find(|used| used.service == namespace).map(|used| whole_second(used.at));
    Ok(Some(EntityDetails {
        entity_info: EntityInfo { arn: arn.to_owned(), name, r#type, id, path: Some(path) },
        last_authenticated: last.filter(|at| call.now.since(*at) <= ACCESS_TRACKING_TIME),
    }))
}
