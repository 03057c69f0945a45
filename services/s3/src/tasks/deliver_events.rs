//! Sends event notifications to their destinations.
//!
//! What a destination refuses (it is gone, or its policy lets S3 not in) is dropped with a line in the log, as S3 drops
//! it; what fails otherwise is tried again, with longer and longer pauses, for a day.

use std::sync::Arc;
use std::time::Duration;

use service::{Delivery, Nudge, Task, deliver};
use store::outbox::Effect;

use crate::S3;
use crate::events::destinations::{Undelivered, is_final, send};
use crate::events::{EVENTS, Post};
use crate::limits::EVENT_AGE_MAX;
use crate::tasks::wake;

const PERIOD: Duration = Duration::from_secs(300);

pub fn task(s3: &Arc<S3>) -> Task {
    let nudge = Nudge::default();
    wake(s3, EVENTS.watch(&s3.store), nudge.clone());
    Task::of(s3, "s3.deliver-events", PERIOD, nudge, |s3| async move {
        deliver(&s3.store, &EVENTS, &s3.clock, |effect| attempt(&s3, effect)).await
    })
}

async fn attempt(s3: &S3, effect: Effect) -> Delivery {
    let Some(post) = Post::decode(&effect.payload) else {
        tracing::error!(id = ?effect.id, "an event cannot be read and is dropped");
        return Delivery::Over;
    };
    let (bucket, destination) = (post.bucket.as_str(), &post.destination);
    match send(s3, (bucket, post.account, post.region), destination, post.body.clone()).await {
        Ok(()) => Delivery::Over,
        Err(Undelivered::Unsupported) => {
            tracing::warn!(bucket, %destination, "an event is dropped: there is no such service to send it to");
            Delivery::Over
        }
        Err(Undelivered::Refused(fault)) if is_final(&fault) => {
            tracing::warn!(bucket, %destination, %fault, "an event is dropped: its destination refuses it");
            Delivery::Over
        }
        Err(Undelivered::Refused(fault)) if s3.clock.now().since(post.recorded) > EVENT_AGE_MAX => {
            tracing::warn!(bucket, %destination, %fault, "an event is dropped: it was tried for a day");
            Delivery::Over
        }
        Err(Undelivered::Refused(fault)) => {
            tracing::warn!(bucket, %destination, %fault, "an event will be sent again");
            Delivery::Later
        }
    }
}
