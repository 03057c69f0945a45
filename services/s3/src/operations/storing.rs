//! The last step of everything that makes a version with content: the transaction that lets the version be there, and
//! what goes with it.

use service::Call;

use super::saving::{self, Newest, Saved, Stamp};
use crate::S3;
use crate::content::Received;
use crate::directory::Bucket;
use crate::error::Error;
use crate::events::{self, Event, EventName};
use crate::model::conditions::WriteCondition;
use crate::records::{ObjectRecord, VersionTail};

/// Makes `object` the newest version of its key, with the content that was received for it, if the condition holds.
/// Its `content` is set here, and so are its version and order.
pub async fn store(
    s3: &S3,
    call: &Call,
    (bucket, key): (&Bucket, &str),
    mut object: ObjectRecord,
    mut received: Received,
    condition: &WriteCondition,
    event: EventName,
) -> Result<Saved, Error> {
    let stamp = Stamp { tail: VersionTail(s3.ids.bytes()), now: call.now };
    received.keep();
    object.content = received.content.clone();
    let (object, event) = (&object, &event);
    let saved = s3
        .store
        .transact(|tx| async move {
            let check = |newest: &Newest| condition.check(key, newest.etag());
            let saved = saving::put(&tx, bucket, key, object.clone(), stamp, check).await?;
            let event = Event {
                name: event.clone(),
                key,
                size: Some(object.size),
                etag: Some(object.etag),
                version_id: saved.version_id.as_deref(),
                order: saved.order,
            };
            events::record(&tx, bucket, call, event).await?;
            Ok(saved)
        })
        .await;
    match &saved {
        Ok(saved) if saved.has_garbage => s3.garbage.nudge(),
        // What a transaction refuses it has not done; of other failures that is not known, and the sweep looks.
        Err(Error::Refused { .. }) => received.free(s3).await,
        _ => {}
    }
    saved
}

impl Newest {
    /// Of the object, if that is what is newest.
    pub fn etag(&self) -> Option<&crate::model::etag::ETag> {
        match self {
            Newest::Object(object) => Some(&object.etag),
            Newest::Marker(_) | Newest::Nothing => None,
        }
    }
}
