//! The EBS direct APIs: snapshots are read and written block by block, without a volume or an instance. A second table
//! of EC2, since snapshots are EC2's.
//!
//! Surprising: every permission is asked for on the snapshot's ARN of EC2 (`arn:aws:ec2:region::snapshot/snap-…`), a
//! page may be empty and still have another behind it, and public snapshots are not there at all. References: "Use EBS
//! direct APIs to access the contents of an EBS snapshot" and the API reference.

mod changes;
mod encryption;
mod error;
mod finding;
mod permissions;
mod reading;
pub mod records;
mod starting;
mod tokens;
mod writers;
mod writing;

use std::sync::Arc;

use base::Arn;
use schema::Structure;
use service::{ResourceFacts, service};

use crate::Ec2;
use error::Refusal;
pub use writers::Writers;

/// The other table of EC2.
pub struct Ebs {
    ec2: Arc<Ec2>,
}

service! { Ebs: ebs_api, principal "ebs.amazonaws.com", error Refusal, resources facts of input;
    CompleteSnapshot => writing::complete_snapshot on permissions::by_id,
    GetSnapshotBlock => reading::get_snapshot_block on permissions::by_id,
    ListChangedBlocks => changes::list_changed_blocks on permissions::by_both,
    ListSnapshotBlocks => reading::list_snapshot_blocks on permissions::by_id,
    PutSnapshotBlock => writing::put_snapshot_block on permissions::by_id,
    StartSnapshot => starting::start_snapshot on permissions::to_start keys permissions::keys,
}

impl Ebs {
    pub fn new(ec2: Arc<Ec2>) -> Arc<Ebs> {
        Arc::new(Ebs { ec2 })
    }
}

/// Resources are EC2's, and this table is never asked about its own.
async fn facts(
    ebs: &Ebs,
    action: &str,
    arn: &Arn,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Refusal> {
    Ok(crate::operations::authorise::facts(&ebs.ec2, action, arn, input).await?)
}
