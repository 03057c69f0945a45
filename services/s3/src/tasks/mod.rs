//! Background work of S3: what is told to others, given back, checked, moved on and copied elsewhere.

pub mod access_logs;
pub mod deliver_events;
pub mod garbage;
pub mod inventories;
pub mod lifecycle;
pub mod replicate;
pub mod restores;
pub mod scrub;
pub mod sweep;

use std::sync::Arc;

use service::Nudge;
use store::Watch;

use crate::S3;

/// Nudges a task whenever a transaction has left something for it.
fn wake(s3: &Arc<S3>, mut watch: Watch, nudge: Nudge) {
    let tasks = s3.tasks.clone();
    s3.tasks.spawn(async move {
        loop {
            tokio::select! {
                changed = watch.changed() => match changed {
                    Ok(()) => nudge.nudge(),
                    // The store is closed.
                    Err(_) => return,
                },
                () = tasks.stopped() => return,
            }
        }
    });
}
