//! Recycle Bin: the rules that say what is retained when it is deleted, and for how long. Start with the table below,
//! follow one row to its function. What lies in the bin is EC2's: it asks for the rules as it deletes something.
//!
//! What AWS does, with sources, is in `BEHAVIOURS.md` beside this crate.

mod error;
mod limits;
mod model;
mod operations;
mod records;

use std::sync::Arc;

use base::Ids;
use service::{PageTokens, service};
use store::Store;

use error::Error;
use operations::{authorise, locks, making, rules, tags};

pub struct Rbin {
    store: Store,
    ids: Ids,
    pages: PageTokens,
}

/// What the composition root gives this service.
pub struct RbinParts {
    pub store: Store,
    pub ids: Ids,
    pub pages: PageTokens,
}

service! { Rbin: rbin_api, principal "rbin.amazonaws.com", error Error, resources authorise::facts;
    CreateRule => making::create_rule on authorise::new_rule keys authorise::requested_type,
    DeleteRule => rules::delete_rule on authorise::by_id,
    GetRule => rules::get_rule on authorise::by_id,
    ListRules => rules::list_rules on authorise::every_rule keys authorise::requested_type,
    ListTagsForResource => tags::list_tags_for_resource on authorise::by_arn,
    LockRule => locks::lock_rule on authorise::by_id,
    TagResource => tags::tag_resource on authorise::by_arn,
    UnlockRule => locks::unlock_rule on authorise::by_id,
    UntagResource => tags::untag_resource on authorise::by_arn,
    UpdateRule => making::update_rule on authorise::by_id,
}

impl Rbin {
    pub fn new(parts: RbinParts) -> Arc<Rbin> {
        let RbinParts { store, ids, pages } = parts;
        Arc::new(Rbin { store, ids, pages })
    }
}
