//! Event notifications: what happened to an object, told to whom the bucket's owner asked to tell.
//!
//! An operation records what it did in its own transaction ([`record`]), so that an event is sent if, and only if, the
//! thing happened. [`crate::tasks::deliver_events`] sends it, at least once, and in order for each key.
//! References: "Amazon S3 Event Notifications" and "Event message structure" of the S3 guide.

pub mod destinations;
pub mod follow_up;
mod post;

use base::Timestamp;
use service::Call;
use store::Tx;
use store::outbox::Outbox;

use crate::directory::Bucket;
use crate::error::Error;
use crate::model::event_record::{Happened, message};
use crate::model::notification::matching;
pub use crate::model::notification::{Event, EventName};
pub use post::Post;

/// Everything that S3 has to tell others.
pub const EVENTS: Outbox = Outbox::new("s3.events");

/// Events of one key stay in order; those of different keys may go through different queues of the outbox, so that
/// writers of one bucket do not all meet at one record. There are only so many queues, whatever the number of buckets.
const LANES: u64 = 64;

/// Notes an event: for every rule of the bucket that asks to be told of it, and for what follows from it ([`follow_up`]:
/// replication, the end of restores). To be called in the transaction that makes it happen, after its change; costs
/// nothing where the bucket has no rules.
pub async fn record(tx: &Tx, bucket: &Bucket, call: &Call, event: Event<'_>) -> Result<(), Error> {
    follow_up::note(tx, bucket, call.now, &event).await?;
    let Some(configuration) = &bucket.record.settings.notification else { return Ok(()) };
    for asked in matching(configuration, &event.name, event.key) {
        let body = message(&Happened {
            event: &event,
            call,
            bucket: &bucket.name,
            arn: &bucket.arn(),
            region: bucket.region(),
            owner: bucket.account(),
            configuration_id: &asked.id,
        });
        let post = Post {
            destination: asked.arn,
            bucket: bucket.name.clone(),
            account: bucket.account(),
            region: bucket.region(),
            recorded: call.now,
            body,
        };
        EVENTS.append(tx, &lane(bucket, event.key), post.encode()).await?;
    }
    Ok(())
}

/// Microseconds, for events that make no version.
pub fn order_of(now: Timestamp) -> u64 {
    u64::try_from(now.as_millis()).unwrap_or(0) * 1000
}

/// The queue of the outbox that a key's events go through (FNV-1a).
fn lane(bucket: &Bucket, key: &str) -> String {
    let bytes = bucket.id().0.to_be_bytes().into_iter().chain(key.bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{:02}", hash % LANES)
}
