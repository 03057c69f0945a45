//! SSM's Parameter Store: start with the table below, follow one row to its function.
//!
//! Surprising in AWS's own behaviour, and kept: `name` and `/name` have one ARN; a listing by path is authorised on the
//! path alone, and shows what lies below it even if that is denied; GetParameters has no error for names that are not
//! there; a SecureString that is not decrypted is shown as its ciphertext. What AWS does, with sources, is in
//! `BEHAVIOURS.md` beside this crate. The rest of Systems Manager is not here.

mod error;
mod limits;
mod model;
mod operations;
mod records;
mod tasks;

use std::sync::{Arc, OnceLock};

use base::{Clock, Ids};
use service::{Aws, Nudge, PageTokens, Task, service};
use store::Store;

use error::Error;
use model::global::Global;
pub use operations::public::Images;
use operations::{authorise, by_path, delete, describe, history, labels, put, read, settings, sharing, tags};

pub struct Ssm {
    store: Store,
    clock: Clock,
    ids: Ids,
    pages: PageTokens,
    aws: Aws,
    /// What AWS tells everyone about its regions and services.
    global: Global,
    /// Images and their aliases, once there is somebody who has any.
    images: OnceLock<Arc<dyn Images>>,
    /// Wakes the task that deletes what has expired.
    expiry: Nudge,
}

/// What the composition root gives this service.
pub struct SsmParts {
    pub store: Store,
    pub clock: Clock,
    pub ids: Ids,
    pub pages: PageTokens,
    pub aws: Aws,
}

service! { Ssm: ssm_api, principal "ssm.amazonaws.com", error Error, resources authorise::facts;
    AddTagsToResource => tags::add_tags_to_resource on authorise::by_tagged,
    DeleteParameter => delete::delete_parameter on authorise::by_name,
    DeleteParameters => delete::delete_parameters on authorise::by_names,
    DeleteResourcePolicy => sharing::delete_resource_policy on authorise::by_resource_arn,
    DescribeParameters => describe::describe_parameters on authorise::everything,
    GetParameter => read::get_parameter on authorise::by_name,
    GetParameterHistory => history::get_parameter_history on authorise::by_name,
    GetParameters => read::get_parameters on authorise::by_names,
    GetParametersByPath => by_path::get_parameters_by_path on authorise::by_path keys authorise::path_keys,
    GetResourcePolicies => sharing::get_resource_policies on authorise::by_resource_arn,
    GetServiceSetting => settings::get_service_setting on authorise::by_setting,
    LabelParameterVersion => labels::label_parameter_version on authorise::by_name,
    ListTagsForResource => tags::list_tags_for_resource on authorise::by_tagged,
    PutParameter => put::put_parameter on authorise::by_name keys authorise::put_keys,
    PutResourcePolicy => sharing::put_resource_policy on authorise::by_resource_arn,
    RemoveTagsFromResource => tags::remove_tags_from_resource on authorise::by_tagged,
    ResetServiceSetting => settings::reset_service_setting on authorise::by_setting,
    UnlabelParameterVersion => labels::unlabel_parameter_version on authorise::by_name,
    UpdateServiceSetting => settings::update_service_setting on authorise::by_setting,
}

impl Ssm {
    pub fn new(parts: SsmParts) -> Arc<Ssm> {
        let SsmParts { store, clock, ids, pages, aws } = parts;
        let (global, images, expiry) = (Global::new(), OnceLock::new(), Nudge::default());
        Arc::new(Ssm { store, clock, ids, pages, aws, global, images, expiry })
    }

    /// Names who has the images behind the public aliases (`/aws/service/ami-amazon-linux-latest/…`), once.
    pub fn images_of(&self, images: Arc<dyn Images>) {
        assert!(self.images.set(images).is_ok(), "images come from one place");
    }

    /// The background work of this service.
    pub fn background(self: &Arc<Ssm>) -> Vec<Task> {
        vec![tasks::expire::task(self)]
    }
}
