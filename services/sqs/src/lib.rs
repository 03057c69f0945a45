//! Amazon SQS, the model service: start with the table below, follow one row to its function.
//!
//! Queues are records in the store; messages are the queue engine's. Surprising in AWS's own behaviour, and kept:
//! two names for every error (see [`error`]), attributes that are all strings, empty lists that are left out of
//! answers, and an idempotent CreateQueue that compares only what is named. What AWS does, with sources, is in
//! `BEHAVIOURS.md` beside this crate.

mod directory;
mod encryption;
mod error;
mod limits;
mod model;
mod operations;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use queue_engine::QueueEngine;
use service::{Aws, Nudge, PageTokens, Task, Tasks, service};
use store::Store;
use vault::Vault;

use directory::Directory;
use encryption::Encryption;
use error::Error;
use operations::{
    attributes, batches, dead_letters, messages, move_tasks, permissions, queues, receive, settle, tags,
};

pub struct Sqs {
    store: Store,
    engine: QueueEngine,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    directory: Directory,
    encryption: Encryption,
    aws: Aws,
    tasks: Tasks,
    /// Wakes the task that works off message moves.
    moves: Nudge,
}

/// What the composition root gives this service.
pub struct SqsParts {
    pub store: Store,
    pub engine: QueueEngine,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub tasks: Tasks,
    /// Seals the data keys of queues that SQS encrypts with keys of its own.
    pub vault: Vault,
    /// For KMS, which makes the data keys of the others.
    pub aws: Aws,
}

service! { Sqs: sqs_api, principal "sqs.amazonaws.com", error Error, resources directory::facts;
    AddPermission => permissions::add_permission on queues::by_own_url,
    CancelMessageMoveTask => move_tasks::cancel_message_move_task on move_tasks::by_handle,
    ChangeMessageVisibility => settle::change_message_visibility on queues::by_url,
    ChangeMessageVisibilityBatch => batches::change_message_visibility_batch on queues::by_url
        as "ChangeMessageVisibility",
    CreateQueue => queues::create_queue on queues::by_name,
    DeleteMessage => settle::delete_message on queues::by_url,
    DeleteMessageBatch => batches::delete_message_batch on queues::by_url as "DeleteMessage",
    DeleteQueue => queues::delete_queue on queues::by_own_url,
    GetQueueAttributes => attributes::get_queue_attributes on queues::by_url,
    GetQueueUrl => queues::get_queue_url on queues::by_owner,
    ListDeadLetterSourceQueues => dead_letters::list_dead_letter_source_queues on queues::by_url,
    ListMessageMoveTasks => move_tasks::list_message_move_tasks on move_tasks::by_source,
    ListQueueTags => tags::list_queue_tags on queues::by_own_url,
    ListQueues => queues::list_queues on queues::all,
    PurgeQueue => queues::purge_queue on queues::by_url,
    ReceiveMessage => receive::receive_message on queues::by_url,
    RemovePermission => permissions::remove_permission on queues::by_own_url,
    SendMessage => messages::send_message on queues::by_url,
    SendMessageBatch => batches::send_message_batch on queues::by_url as "SendMessage",
    SetQueueAttributes => attributes::set_queue_attributes on queues::by_own_url,
    StartMessageMoveTask => move_tasks::start_message_move_task on move_tasks::by_start,
    TagQueue => tags::tag_queue on queues::by_own_url,
    UntagQueue => tags::untag_queue on queues::by_own_url,
}

impl Sqs {
    /// Opens the service: brings the engine's queues in line with the records, which a crash may have parted.
    pub async fn open(parts: SqsParts) -> Result<Arc<Sqs>, schema::Fault> {
        let SqsParts { store, engine, clock, ids, pages, tasks, vault, aws } = parts;
        let directory = Directory::new(store.clone());
        let encryption = Encryption::new(store.clone(), vault, ids.clone(), aws.clone());
        let moves = Nudge::default();
        let sqs =
            Arc::new(Sqs { store, engine, clock, ids, pages, directory, encryption, aws, tasks, moves });
        queues::reconcile(&sqs).await?;
        Ok(sqs)
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Sqs>) -> Vec<Task> {
        vec![tasks::move_messages::task(self), tasks::forget_deleted::task(self)]
    }
}
