//! Finding queues quickly. Every message operation starts here, so what was found is remembered.

use std::collections::HashMap;
use std::sync::Arc;

use base::{AccountId, Arn, Region};
use identity::policy::{Kind, Named, Policy, pinned};
use parking_lot::RwLock;
use queue_engine::QueueId;
use service::ResourceFacts;
use store::Store;

use crate::Sqs;
use crate::error::Error;
use crate::model::name::QueueName;
use crate::records::{OWNERS, OwnerRecord, QUEUES, QueueRecord};

/// A queue that exists, as it was when it was looked up.
#[derive(Clone, Debug)]
pub struct Queue {
    pub account: AccountId,
    pub region: Region,
    pub name: String,
    pub record: QueueRecord,
    /// The queue's policy, ready to be asked.
    pub policy: Option<Arc<Named>>,
}

impl Queue {
    pub fn id(&self) -> QueueId {
        QueueId(self.record.id)
    }

    pub fn arn(&self) -> Arn {
        Arn::regional("sqs", self.region, self.account, &self.name)
    }

    pub fn is_fifo(&self) -> bool {
        self.record.attributes.fifo.is_some()
    }
}

/// What permissions need to know of a queue.
pub async fn facts(sqs: &Sqs, action: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    let queue = sqs.directory.find_arn(arn).await?;
    let known = queue.map(|queue| (queue.policy.clone(), queue.record.tags.clone()));
    let (policy, tags) = known.unwrap_or_default();
    // What it takes to see and to change a policy that denies everybody everything.
    let unlocked_for_root = matches!(action, "GetQueueAttributes" | "GetQueueUrl" | "SetQueueAttributes");
    Ok(ResourceFacts { policy, tags, takes_policy: true, unlocked_for_root, ..ResourceFacts::default() })
}

type Key = (AccountId, Region, String);

pub struct Directory {
    store: Store,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    queues: HashMap<Key, Arc<Queue>>,
    owners: HashMap<u64, Arc<OwnerRecord>>,
    /// Counts forgettings, so that a lookup that was overtaken by one is not remembered.
    forgotten: u64,
}

/// More than this many are not remembered; the memory begins anew.
const KNOWN_MAX: usize = 100_000;

impl Directory {
    pub fn new(store: Store) -> Directory {
        Directory { store, known: RwLock::default() }
    }

    pub async fn find(
        &self,
        account: AccountId,
        region: Region,
        name: &QueueName,
    ) -> Result<Option<Arc<Queue>>, Error> {
        let key = (account, region, name.as_str().to_owned());
        let forgotten = {
            let known = self.known.read();
            if let Some(queue) = known.queues.get(&key) {
                return Ok(Some(queue.clone()));
            }
            known.forgotten
        };
        let scope = (account, region);
        let (scope, text) = (&scope, name.as_str());
        let found = self.store.read(|tx| async move { QUEUES.get(&tx, scope, text).await }).await?;
        let Some(record) = found else {
            return Ok(None);
        };
        let policy =
            record.attributes.policy.as_deref().map(|text| compile(&pinned(text, &record.pins), name));
        let queue = Arc::new(Queue { account, region, name: key.2.clone(), record, policy });
        let mut known = self.known.write();
        if known.forgotten == forgotten {
            if known.queues.len() >= KNOWN_MAX {
                known.queues.clear();
            }
            known.queues.insert(key, queue.clone());
        }
        Ok(Some(queue))
    }

    /// Finds the queue that an ARN names; nothing if it names no queue.
    pub async fn find_arn(&self, arn: &Arn) -> Result<Option<Arc<Queue>>, Error> {
        let place = arn.account().zip(arn.region()).filter(|_| arn.service() == "sqs");
        match (place, QueueName::of_existing(arn.resource())) {
            (Some((account, region)), Some(name)) => self.find(account, region, &name).await,
            _ => Ok(None),
        }
    }

    /// The ARN of a queue that exists or existed.
    pub async fn arn_of(&self, id: QueueId) -> Result<Option<Arn>, Error> {
        let to_arn = |owner: &OwnerRecord| Arn::regional("sqs", owner.region, owner.account, &owner.name);
        if let Some(owner) = self.known.read().owners.get(&id.0) {
            return Ok(Some(to_arn(owner)));
        }
        let key = store::ordered(id.0);
        let key = key.as_str();
        let found = self.store.read(|tx| async move { OWNERS.get(&tx, &(), key).await }).await?;
        Ok(found.map(|owner| {
            let arn = to_arn(&owner);
            self.known.write().owners.insert(id.0, Arc::new(owner));
            arn
        }))
    }

    /// To be called after every change of a queue's record has been committed.
    pub fn forget(&self, account: AccountId, region: Region, name: &str) {
        let mut known = self.known.write();
        known.queues.remove(&(account, region, name.to_owned()));
        known.forgotten += 1;
    }
}

/// A policy was checked before it was stored. One that cannot be read all the same lets nobody do anything but replace
/// it, since what it forbade is not known.
fn compile(text: &str, queue: &QueueName) -> Arc<Named> {
    const UNREADABLE: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "NotAction": ["sqs:GetQueueAttributes", "sqs:SetQueueAttributes", "sqs:DeleteQueue"], "Resource": "*"}}"#;
    let policy = Policy::parse(Kind::Resource, text).unwrap_or_else(|error| {
        tracing::error!(queue = queue.as_str(), %error, "the policy of a queue cannot be read");
        Policy::parse(Kind::Resource, UNREADABLE).expect("it is well formed")
    });
    Arc::new(Named { id: format!("policy of queue {}", queue.as_str()), policy })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_cannot_be_read_still_compiles_to_one() {
        let queue = QueueName::of_existing("orders").unwrap();
        assert_eq!(compile("{", &queue).policy.statements(), 1);
    }
}
