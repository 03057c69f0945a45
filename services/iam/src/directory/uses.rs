//! Who used what last: noted in memory on every call, written down by background work, readable at once.
//!
//! What access keys, roles and the access advisor show comes from here. A crash loses what was noted since the last
//! pass; AWS promises no more precision than hours.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base::{AccountId, Arn, Region, Timestamp};
use parking_lot::Mutex;
use service::{Call, Principal, PrincipalKind};

use super::Directory;
use crate::error::Error;
use crate::limits::{ACTIONS_NOTED_MAX, PRINCIPALS_NOTED_MAX};
use crate::model::{arns, root_access};
use crate::records::{ActionUse, LastUsed, ROLES, ServiceUseRecord, USERS, key, service_uses};

/// The last use of one service by one user or role.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceUse {
    /// As in actions: `sqs`.
    pub service: String,
    pub at: Timestamp,
    pub region: Region,
    /// By the action's name without its service.
    pub actions: BTreeMap<String, ActionUse>,
}

#[derive(Default)]
pub(super) struct Uses(Mutex<Held>);

#[derive(Default)]
struct Held {
    fresh: Noted,
    /// What is being written down, and is not yet readable there.
    leaving: Option<Arc<Noted>>,
}

/// Uses that are not written down yet.
#[derive(Clone, Default)]
pub struct Noted {
    /// By access key id.
    pub keys: HashMap<String, LastUsed>,
    /// By unique id.
    pub principals: HashMap<String, NotedPrincipal>,
}

/// Uses by one user or role.
#[derive(Clone, Debug)]
pub struct NotedPrincipal {
    pub account: AccountId,
    /// The key of its record.
    pub name: String,
    pub is_role: bool,
    pub last: LastUsed,
    pub services: HashMap<&'static str, NotedService>,
}

#[derive(Clone, Debug)]
pub struct NotedService {
    pub last: ActionUse,
    pub actions: HashMap<&'static str, ActionUse>,
}

impl Uses {
    pub(super) fn note(&self, call: &Call, service: &'static str, action: &'static str) {
        let principal = &call.principal;
        let used = ActionUse { at: call.now, region: call.region };
        let mut held = self.0.lock();
        if let (None, Some(id)) = (&principal.session, &principal.access_key_id) {
            held.fresh.note_key(id, used, service);
        }
        if let Some((id, arn, is_role)) = entity(principal) {
            held.fresh.note_principal((id, principal.account), arn, is_role, used, service, action);
        }
    }

    fn each<T>(&self, mut find: impl FnMut(&Noted) -> Option<T>) -> Option<T> {
        let held = self.0.lock();
        find(&held.fresh).or_else(|| held.leaving.as_deref().and_then(find))
    }
}

/// The user or role behind a principal: its unique id, its ARN, and whether it is a role.
fn entity(principal: &Principal) -> Option<(&str, &str, bool)> {
    match principal.kind {
        PrincipalKind::User => Some((&principal.user_id, &principal.arn, false)),
        // A session of root has no role to note it at.
        PrincipalKind::AssumedRole if root_access::session(principal).is_none() => {
            let role = principal.session.as_deref()?.role.as_ref()?;
            Some((&role.id, &role.arn, true))
        }
        _ => None,
    }
}

impl Noted {
    fn note_key(&mut self, id: &str, used: ActionUse, service: &'static str) {
        if let Some(known) = self.keys.get_mut(id) {
            (known.at, known.region) = (used.at, used.region);
            if known.service != service {
                service.clone_into(&mut known.service);
            }
        } else if self.keys.len() < PRINCIPALS_NOTED_MAX {
            self.keys.insert(id.to_owned(), last_used(used, service));
        }
    }

    fn note_principal(
        &mut self,
        (id, account): (&str, AccountId),
        arn: &str,
        is_role: bool,
        used: ActionUse,
        service: &'static str,
        action: &'static str,
    ) {
        if !self.principals.contains_key(id) {
            if self.principals.len() >= PRINCIPALS_NOTED_MAX {
                return;
            }
            let name = key(arns::name(arn));
            let last = last_used(used, service);
            let noted = NotedPrincipal { account, name, is_role, last, services: HashMap::new() };
            self.principals.insert(id.to_owned(), noted);
        }
        let noted = self.principals.get_mut(id).expect("it was there or has just been put there");
        (noted.last.at, noted.last.region) = (used.at, used.region);
        let in_service = noted.services.entry(service);
        let in_service = in_service.or_insert_with(|| NotedService { last: used, actions: HashMap::new() });
        in_service.last = used;
        if in_service.actions.len() < ACTIONS_NOTED_MAX || in_service.actions.contains_key(action) {
            in_service.actions.insert(action, used);
        }
    }

    /// Takes in what an earlier attempt could not write down; what is here is later.
    fn take_back(&mut self, earlier: &Noted) {
        for (id, used) in &earlier.keys {
            self.keys.entry(id.clone()).or_insert_with(|| used.clone());
        }
        for (id, principal) in &earlier.principals {
            let Some(own) = self.principals.get_mut(id) else {
                self.principals.insert(id.clone(), principal.clone());
                continue;
            };
            for (service, noted) in &principal.services {
                let own = own.services.entry(service).or_insert_with(|| noted.clone());
                for (action, used) in &noted.actions {
                    own.actions.entry(action).or_insert(*used);
                }
            }
        }
    }
}

fn last_used(used: ActionUse, service: &str) -> LastUsed {
    LastUsed { at: used.at, region: used.region, service: service.to_owned() }
}

/// Adds what was noted to what is written down.
pub fn merge(record: Option<ServiceUseRecord>, noted: &NotedService) -> ServiceUseRecord {
    let ActionUse { at, region } = noted.last;
    let mut merged = record.unwrap_or(ServiceUseRecord { at, region, actions: BTreeMap::new() });
    if at >= merged.at {
        (merged.at, merged.region) = (at, region);
    }
    merged.actions.extend(noted.actions.iter().map(|(action, used)| ((*action).to_owned(), *used)));
    merged
}

impl Directory {
    /// When and how an access key was used last, if later than its record says.
    pub fn key_last_used(&self, access_key_id: &str) -> Option<LastUsed> {
        self.uses.each(|noted| noted.keys.get(access_key_id).cloned())
    }

    /// When and where a role was used last, if later than its record says.
    pub fn role_last_used(&self, role_id: &str) -> Option<LastUsed> {
        self.uses.each(|noted| noted.principals.get(role_id).map(|principal| principal.last.clone()))
    }

    /// Every service that a user or role has used, sorted; nothing for one that does not exist.
    pub async fn last_uses(&self, account: AccountId, principal_arn: &Arn) -> Result<Vec<ServiceUse>, Error> {
        let name = key(arns::name(principal_arn.resource()));
        let (name, is_role) = (name.as_str(), principal_arn.resource().starts_with("role/"));
        let (id, written) = self
            .store
            .read(|tx| async move {
                let id = match is_role {
                    true => ROLES.get(&tx, &account, name).await?.map(|role| role.id),
                    false => USERS.get(&tx, &account, name).await?.map(|user| user.id),
                };
                let Some(id) = id else { return Ok::<_, Error>((String::new(), Vec::new())) };
                let written = service_uses(&tx, account, &id).await?;
                Ok((id, written))
            })
            .await?;
        let mut uses: BTreeMap<String, ServiceUseRecord> = written.into_iter().collect();
        let held = self.uses.0.lock();
        for noted in held.leaving.as_deref().into_iter().chain([&held.fresh]) {
            let services = noted.principals.get(&id).into_iter().flat_map(|noted| &noted.services);
            for (service, noted) in services {
                let merged = merge(uses.remove(*service), noted);
                uses.insert((*service).to_owned(), merged);
            }
        }
        let to_use = |(service, record): (String, ServiceUseRecord)| {
            let ServiceUseRecord { at, region, actions } = record;
            ServiceUse { service, at, region, actions }
        };
        Ok(uses.into_iter().map(to_use).collect())
    }

    /// What is to be written down now. It stays readable until [`Directory::notes_written`].
    pub fn notes_to_write(&self) -> Arc<Noted> {
        let mut held = self.uses.0.lock();
        let fresh = Arc::new(std::mem::take(&mut held.fresh));
        held.leaving = Some(fresh.clone());
        fresh
    }

    /// Whether what [`Directory::notes_to_write`] gave is in the store; if not, it is noted again.
    pub fn notes_written(&self, is_written: bool) {
        let mut held = self.uses.0.lock();
        let leaving = held.leaving.take();
        if let (false, Some(leaving)) = (is_written, leaving) {
            held.fresh.take_back(&leaving);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(second: i64) -> ActionUse {
        ActionUse { at: Timestamp::from_secs(second), region: Region::US_EAST_1 }
    }

    fn note(noted: &mut Noted, second: i64, service: &'static str, action: &'static str) {
        let arn = "arn:aws:iam::000000000000:user/team/Bob";
        noted.note_principal(("AIDA1", AccountId::DEV), arn, false, used(second), service, action);
    }

    #[test]
    fn the_latest_use_of_each_action_is_held() {
        let mut noted = Noted::default();
        for (second, service, action) in
            [(1, "sqs", "SendMessage"), (2, "sqs", "ReceiveMessage"), (3, "sqs", "SendMessage")]
        {
            note(&mut noted, second, service, action);
        }
        let principal = &noted.principals["AIDA1"];
        assert_eq!((principal.name.as_str(), principal.last.at), ("bob", Timestamp::from_secs(3)));
        let sqs = &principal.services["sqs"];
        assert_eq!((sqs.actions["SendMessage"], sqs.actions["ReceiveMessage"]), (used(3), used(2)));
    }

    #[test]
    fn what_could_not_be_written_down_yields_to_what_is_later() {
        let (mut earlier, mut later) = (Noted::default(), Noted::default());
        note(&mut earlier, 1, "sqs", "SendMessage");
        note(&mut earlier, 1, "s3", "GetObject");
        note(&mut later, 2, "sqs", "SendMessage");
        later.take_back(&earlier);
        let principal = &later.principals["AIDA1"];
        assert_eq!(principal.services["sqs"].actions["SendMessage"], used(2));
        assert_eq!(principal.services["s3"].last, used(1));
    }

    #[test]
    fn merging_never_goes_back_in_time() {
        let noted = NotedService { last: used(5), actions: HashMap::from([("GetObject", used(5))]) };
        let newer = ServiceUseRecord { at: Timestamp::from_secs(9), ..merge(None, &noted) };
        assert_eq!(merge(Some(newer), &noted).at, Timestamp::from_secs(9));
    }
}
