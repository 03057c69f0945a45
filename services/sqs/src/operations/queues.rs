//! Queues themselves: create, find, list, purge, delete.

use std::collections::BTreeMap;

use base::{AccountId, Arn, Region};
use queue_engine::QueueId;
use schema::Fault;
use service::{Call, TagFault, check_tags};
use sqs_api::{
    CreateQueueInput, CreateQueueOutput, DeleteQueueInput, DeleteQueueOutput, GetQueueUrlInput,
    GetQueueUrlOutput, ListQueuesInput, ListQueuesOutput, PurgeQueueInput, PurgeQueueOutput,
};
use store::{Select, Tx, ordered};

use super::{config, open, update, url};
use crate::Sqs;
use crate::error::Error;
use crate::limits::{LIST_RESULTS_MAX, NAME_REUSE_DELAY, PURGE_INTERVAL};
use crate::model::address::QueueAddress;
use crate::model::attributes::{Attributes, wants_fifo};
use crate::model::batch::absent_if_empty;
use crate::model::name::QueueName;
use crate::operations::{attributes, dead_letters};
use crate::records::{DELETED, DeletedRecord, OWNERS, OwnerRecord, QUEUES, QueueRecord};

/// Inputs that name their queue by URL.
pub trait ByUrl {
    fn queue_url(&self) -> &str;
}

macro_rules! by_url {
    ($($input:ident)*) => { $(impl ByUrl for sqs_api::$input {
        fn queue_url(&self) -> &str {
            &self.queue_url
        }
    })* };
}

by_url! {
    AddPermissionInput ChangeMessageVisibilityInput ChangeMessageVisibilityBatchInput DeleteMessageInput
    DeleteMessageBatchInput DeleteQueueInput GetQueueAttributesInput ListDeadLetterSourceQueuesInput
    ListQueueTagsInput PurgeQueueInput ReceiveMessageInput RemovePermissionInput SendMessageInput
    SendMessageBatchInput SetQueueAttributesInput TagQueueInput UntagQueueInput
}

/// What operations on one queue authorise.
pub fn by_url(_: &Sqs, call: &Call, input: &impl ByUrl) -> Result<Vec<Arn>, Error> {
    let address = QueueAddress::parse(input.queue_url())?;
    let account = address.account.unwrap_or(call.account);
    Ok(vec![Arn::regional("sqs", call.region, account, address.name.as_str())])
}

/// What no policy grants to another account ("Cross-account permissions don't apply to…" in the API reference).
pub fn by_own_url(sqs: &Sqs, call: &Call, input: &impl ByUrl) -> Result<Vec<Arn>, Error> {
    let arns = by_url(sqs, call, input)?;
    let foreign = arns.iter().find(|arn| arn.account() != Some(call.account));
    match foreign {
        Some(arn) => {
            let caller = &call.principal.arn;
            let message =
                format!("User: {caller} is not authorized to perform this action on resource: {arn}");
            Err(Error::OwnersOnly(message))
        }
        None => Ok(arns),
    }
}

pub fn by_name(_: &Sqs, call: &Call, input: &CreateQueueInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("sqs", input.queue_name.as_str())])
}

pub fn by_owner(_: &Sqs, call: &Call, input: &GetQueueUrlInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![Arn::regional("sqs", call.region, owner(call, input)?, input.queue_name.as_str())])
}

pub fn all(_: &Sqs, call: &Call, _: &ListQueuesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("sqs", "*")])
}

pub async fn create_queue(
    sqs: &Sqs,
    call: &Call,
    input: CreateQueueInput,
) -> Result<CreateQueueOutput, Error> {
    if input.queue_name.is_empty() {
        return Err(Error::missing("QueueName"));
    }
    let changes = input.attributes.unwrap_or_default();
    let tags = input.tags.unwrap_or_default();
    let fifo = wants_fifo(&changes)?;
    let name = QueueName::parse(&input.queue_name, fifo)?;
    let mut initial = Attributes::defaults(fifo);
    initial.apply(&changes)?;
    check_tags(&tags).map_err(|fault| tag_error(fault, name.as_str()))?;
    let pins = attributes::pins(sqs, &changes).await?.unwrap_or_default();
    let fresh = QueueRecord {
        id: sqs.ids.number(),
        created: call.now,
        modified: call.now,
        attributes: initial,
        pins,
        tags,
        purged: None,
    };

    let scope = call.scope();
    let (scope, name_text, fresh, changes) = (&scope, name.as_str(), &fresh, &changes);
    let record = sqs
        .store
        .transact(|tx| async move {
            match QUEUES.get(&tx, scope, name_text).await? {
                Some(existing) => same_or_refused(existing, fresh, changes),
                None => {
                    add(&tx, *scope, name_text, fresh).await?;
                    Ok(fresh.clone())
                }
            }
        })
        .await?;
    sqs.directory.forget(call.account, call.region, name.as_str());
    // Of an existing queue the engine knows already, and says nothing.
    sqs.engine.create(QueueId(record.id), config(&record.attributes)).await?;
    Ok(CreateQueueOutput { queue_url: Some(url(call, call.account, name.as_str())) })
}

fn same_or_refused(
    existing: QueueRecord,
    asked: &QueueRecord,
    changes: &BTreeMap<String, String>,
) -> Result<QueueRecord, Error> {
    if let Some(attribute) = existing.attributes.first_difference(changes)? {
        return Err(Error::QueueNameExists { attribute });
    }
    if !asked.tags.is_empty() && asked.tags != existing.tags {
        return Err(Error::QueueNameExists { attribute: "Tags".to_owned() });
    }
    Ok(existing)
}

async fn add(tx: &Tx, scope: (AccountId, Region), name: &str, record: &QueueRecord) -> Result<(), Error> {
    if let Some(deleted) = DELETED.get(tx, &scope, name).await? {
        if record.created.since(deleted.at) < NAME_REUSE_DELAY {
            return Err(Error::QueueDeletedRecently);
        }
        DELETED.delete(tx, &scope, name).await?;
    }
    dead_letters::link(tx, scope, name, None, &record.attributes).await?;
    QUEUES.put(tx, &scope, name, record).await?;
    let owner = OwnerRecord { account: scope.0, region: scope.1, name: name.to_owned() };
    OWNERS.put(tx, &(), &ordered(record.id), &owner).await?;
    Ok(())
}

pub async fn delete_queue(
    sqs: &Sqs,
    call: &Call,
    input: DeleteQueueInput,
) -> Result<DeleteQueueOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    let scope = (queue.account, queue.region);
    let (scope, name) = (&scope, queue.name.as_str());
    sqs.store
        .transact(|tx| async move {
            let record = QUEUES.get(&tx, scope, name).await?.ok_or(Error::QueueDoesNotExist)?;
            dead_letters::unlink(&tx, *scope, name, &record.attributes).await?;
            QUEUES.delete(&tx, scope, name).await?;
            DELETED.put(&tx, scope, name, &DeletedRecord { at: call.now }).await?;
            Ok::<_, Error>(())
        })
        .await?;
    sqs.directory.forget(queue.account, queue.region, name);
    sqs.encryption.forget(&queue);
    sqs.engine.drop_queue(queue.id()).await?;
    Ok(DeleteQueueOutput {})
}

fn owner(call: &Call, input: &GetQueueUrlInput) -> Result<AccountId, Error> {
    match input.queue_owner_aws_account_id.as_deref().filter(|id| !id.is_empty()) {
        None => Ok(call.account),
        Some(id) => id.parse().map_err(|_| {
            let reason = "An account id has twelve digits.";
            Error::invalid_value(id, "QueueOwnerAWSAccountId", reason)
        }),
    }
}

pub async fn get_queue_url(
    sqs: &Sqs,
    call: &Call,
    input: GetQueueUrlInput,
) -> Result<GetQueueUrlOutput, Error> {
    let account = owner(call, &input)?;
    let name = QueueName::of_existing(&input.queue_name).ok_or(Error::QueueDoesNotExist)?;
    let queue = sqs.directory.find(account, call.region, &name).await?.ok_or(Error::QueueDoesNotExist)?;
    Ok(GetQueueUrlOutput { queue_url: Some(url(call, account, &queue.name)) })
}

pub async fn list_queues(sqs: &Sqs, call: &Call, input: ListQueuesInput) -> Result<ListQueuesOutput, Error> {
    let limit = page_size(input.max_results)?;
    let after = page_position(sqs, call, "ListQueues", input.next_token.as_deref())?;
    let prefix = input.queue_name_prefix.unwrap_or_default();
    let scope = call.scope();
    let (scope, prefix, after) = (&scope, prefix.as_str(), after.as_deref());
    let listing = sqs
        .store
        .read(|tx| async move { QUEUES.scan(&tx, scope, Select::prefix(prefix).after(after), limit).await })
        .await?;
    let urls = listing.records.iter().map(|(name, _)| url(call, call.account, name)).collect();
    // Without a page size SQS gives the first thousand and never a token.
    let next = listing.next.filter(|_| input.max_results.is_some());
    Ok(ListQueuesOutput {
        queue_urls: absent_if_empty(urls),
        next_token: next.map(|next| sqs.pages.make("ListQueues", call.account, &next)),
    })
}

/// How many results a listing gives at most.
pub fn page_size(max_results: Option<i32>) -> Result<usize, Error> {
    match max_results {
        None => Ok(LIST_RESULTS_MAX as usize),
        Some(max) if (1..=LIST_RESULTS_MAX).contains(&max) => Ok(max as usize),
        Some(max) => {
            let reason = "MaxResults must be an integer between 1 and 1000.";
            Err(Error::invalid_value(max, "MaxResults", reason))
        }
    }
}

/// What a listing continues after.
pub fn page_position(
    sqs: &Sqs,
    call: &Call,
    operation: &str,
    token: Option<&str>,
) -> Result<Option<String>, Error> {
    let position = token.filter(|token| !token.is_empty()).map(|token| {
        let refused = |_| Error::InvalidParameter("Invalid or expired next token.".to_owned());
        sqs.pages.read(operation, call.account, token).map_err(refused)
    });
    position.transpose()
}

pub async fn purge_queue(sqs: &Sqs, call: &Call, input: PurgeQueueInput) -> Result<PurgeQueueOutput, Error> {
    let queue = open(sqs, call, &input.queue_url).await?;
    update(sqs, &queue, |record| {
        match record.purged {
            // The same moment is this very call, whose transaction is being run again.
            Some(at) if call.now.since(at) < PURGE_INTERVAL && at != call.now => {
                Err(Error::PurgeQueueInProgress { queue: queue.name.clone() })
            }
            _ => {
                record.purged = Some(call.now);
                Ok(())
            }
        }
    })
    .await?;
    sqs.engine.purge(queue.id()).await?;
    Ok(PurgeQueueOutput {})
}

pub fn tag_error(fault: TagFault, queue: &str) -> Error {
    match fault {
        TagFault::TooMany => Error::InvalidParameter(format!("Too many tags added for queue {queue}.")),
        TagFault::KeyLength(_) => {
            Error::InvalidParameter("Tag keys must be between 1 and 128 characters in length.".to_owned())
        }
        TagFault::ValueLength(_) => {
            Error::InvalidParameter("Tag values must be between 0 and 256 characters in length.".to_owned())
        }
        TagFault::Reserved(_) => {
            Error::InvalidParameter("Tag keys that start with aws: are reserved.".to_owned())
        }
        TagFault::Characters(_) => Error::InvalidParameter(
            "Tags can only include Unicode letters, digits, white space and _ . : / = + - @".to_owned(),
        ),
    }
}

/// How many queues one step of the reconciliation looks at.
const RECONCILED_AT_ONCE_MAX: usize = 500;

/// Makes the engine's queues those that have records. A crash between the two leaves a record without a queue
/// (created again, empty, as it was) or a queue without a record (dropped, as it was about to be).
pub async fn reconcile(sqs: &Sqs) -> Result<(), Fault> {
    let mut after: Option<String> = None;
    let mut owned = std::collections::HashSet::new();
    loop {
        let position = after.as_deref();
        let page = sqs
            .store
            .read(|tx| async move {
                let select = Select::ALL.after(position);
                let owners = OWNERS.scan(&tx, &(), select, RECONCILED_AT_ONCE_MAX).await?;
                let mut found = Vec::new();
                for (id, owner) in &owners.records {
                    let record = QUEUES.get(&tx, &(owner.account, owner.region), &owner.name).await?;
                    // The name may belong to a later queue by now.
                    found.extend(record.filter(|record| ordered(record.id) == *id));
                }
                Ok::<_, Error>((found, owners.next))
            })
            .await?;
        for record in page.0 {
            sqs.engine.create(QueueId(record.id), config(&record.attributes)).await.map_err(Error::from)?;
            owned.insert(record.id);
        }
        match page.1 {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    for orphan in sqs.engine.queues().into_iter().filter(|id| !owned.contains(&id.0)) {
        sqs.engine.drop_queue(orphan).await.map_err(Error::from)?;
    }
    Ok(())
}
