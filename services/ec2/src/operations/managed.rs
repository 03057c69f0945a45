//! Snapshots that AWS Backup makes: they carry its tag, and only Backup deletes them.

use base::Arn;
use service::Call;
use store::Tx;

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER_VALUE;
use crate::model::tags::Tags;
use crate::records::Place;
use crate::resources;

const BACKUP: &str = "backup.amazonaws.com";
const SOURCE: &str = "aws:backup:source-resource";
const REFUSAL: &str = "This snapshot is managed by the AWS Backup service and cannot be deleted via EC2 APIs. If you wish \
                       to delete this snapshot, please do so via the Backup console.";

/// Whether Backup calls, by itself or in the role of a job.
fn is_backup(call: &Call) -> bool {
    call.source.via_service.as_deref() == Some(BACKUP)
}

/// Marks a new snapshot, if Backup makes it.
pub fn mark(call: &Call, tags: &mut Tags, source: &Arn) {
    if is_backup(call) {
        tags.insert(SOURCE.to_owned(), source.to_string());
    }
}

/// Refuses to delete what Backup keeps.
///
/// # Errors
/// `InvalidParameterValue`
pub async fn check_free(tx: &Tx, call: &Call, place: &Place, id: &str) -> Result<(), Error> {
    if is_backup(call) || !resources::tags(tx, place, id).await?.contains_key(SOURCE) {
        return Ok(());
    }
    Err(Error::new(&INVALID_PARAMETER_VALUE, REFUSAL))
}
