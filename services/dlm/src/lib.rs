//! Data Lifecycle Manager: policies that make snapshots of volumes by the clock, and delete them again. Start with the
//! table below, follow one row to its function; what the policies do is in `tasks/`.
//!
//! What AWS does, with sources, is in `BEHAVIOURS.md` beside this crate.

mod error;
mod limits;
mod model;
mod operations;
mod records;
mod tasks;

use std::sync::Arc;

use base::{Clock, Ids};
use service::{Aws, Nudge, Task, service};
use store::Store;

use error::Error;
use operations::{authorise, create, policies, tags};

pub struct Dlm {
    store: Store,
    clock: Clock,
    ids: Ids,
    aws: Aws,
    /// Wakes the task that does what is due.
    due: Nudge,
}

/// What the composition root gives this service.
pub struct DlmParts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub aws: Aws,
}

service! { Dlm: dlm_api, principal "dlm.amazonaws.com", error Error, resources authorise::facts;
    CreateLifecyclePolicy => create::create_lifecycle_policy on authorise::everything,
    DeleteLifecyclePolicy => policies::delete_lifecycle_policy on authorise::by_id,
    GetLifecyclePolicies => policies::get_lifecycle_policies on authorise::everything,
    GetLifecyclePolicy => policies::get_lifecycle_policy on authorise::by_id,
    ListTagsForResource => tags::list_tags_for_resource on authorise::by_arn,
    TagResource => tags::tag_resource on authorise::by_arn,
    UntagResource => tags::untag_resource on authorise::by_arn,
    UpdateLifecyclePolicy => create::update_lifecycle_policy on authorise::by_id,
}

impl Dlm {
    pub fn new(parts: DlmParts) -> Arc<Dlm> {
        let DlmParts { store, clock, ids, aws } = parts;
        Arc::new(Dlm { store, clock, ids, aws, due: Nudge::default() })
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Dlm>) -> Vec<Task> {
        vec![tasks::task(self)]
    }
}
