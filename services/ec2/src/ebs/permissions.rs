//! What calls act on, and the condition keys with the prefix `ebs:`.

use base::Arn;
use ebs_api::*;
use service::Call;

use super::Ebs;
use super::error::Refusal;
use crate::operations::snapshot_finding::arn;

/// Inputs that name one snapshot.
pub trait BySnapshot {
    fn snapshot_id(&self) -> &str;
}

macro_rules! by_snapshot {
    ($($input:ident)*) => {
        $(impl BySnapshot for $input {
            fn snapshot_id(&self) -> &str {
                &self.snapshot_id
            }
        })*
    };
}

by_snapshot! { CompleteSnapshotInput GetSnapshotBlockInput ListSnapshotBlocksInput PutSnapshotBlockInput }

pub fn by_id(_: &Ebs, call: &Call, input: &impl BySnapshot) -> Result<Vec<Arn>, Refusal> {
    Ok(vec![arn(call, input.snapshot_id())])
}

/// Both snapshots are read.
pub fn by_both(_: &Ebs, call: &Call, input: &ListChangedBlocksInput) -> Result<Vec<Arn>, Refusal> {
    let ids = input.first_snapshot_id.iter().chain([&input.second_snapshot_id]);
    Ok(ids.map(|id| arn(call, id)).collect())
}

/// The new snapshot has no id yet.
pub fn to_start(_: &Ebs, call: &Call, _: &StartSnapshotInput) -> Result<Vec<Arn>, Refusal> {
    Ok(vec![arn(call, "*")])
}

/// `ebs:Description`, `ebs:ParentSnapshot`, `ebs:VolumeSize`
pub fn keys(_: &Ebs, call: &Call, input: &StartSnapshotInput) -> Vec<(String, Vec<String>)> {
    let parent = input.parent_snapshot_id.as_deref().map(|id| arn(call, id).to_string());
    let all = [
        ("ebs:Description", input.description.clone()),
        ("ebs:ParentSnapshot", parent),
        ("ebs:VolumeSize", Some(input.volume_size.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), vec![value?]))).collect()
}
