//! Gives back the room of content that nobody refers to any more.
//!
//! A batch of garbage is taken down first, and freed once everybody has left who was reading at that moment: they may
//! have looked an object up before it was replaced. The records go last, so that a crash between frees again what is
//! free already, which does nothing.

use std::sync::Arc;
use std::time::Duration;

use base::Timestamp;
use object_engine::Extent;
use parking_lot::Mutex;
use service::{Pass, Task};
use store::{Select, Tx};

use crate::S3;
use crate::error::Error;
use crate::limits::{GARBAGE_AT_ONCE_MAX, READERS_WAIT_MAX};
use crate::readers::Earlier;
use crate::records::GARBAGE;

const PERIOD: Duration = Duration::from_secs(60);
/// How often those who still read are looked at again.
const PAUSE: Duration = Duration::from_millis(200);
const PAGE: usize = 1000;

/// Garbage that waits for readers.
struct Batch {
    names: Vec<String>,
    extents: Vec<Extent>,
    readers: Earlier,
    /// By the wall clock, since turning the cloud's makes nobody read faster.
    since: Timestamp,
}

pub fn task(s3: &Arc<S3>) -> Task {
    let waiting: Arc<Mutex<Option<Batch>>> = Arc::default();
    Task::of(s3, "s3.garbage", PERIOD, s3.garbage.clone(), move |s3| {
        let waiting = waiting.clone();
        async move { pass(&s3, &waiting).await }
    })
}

async fn pass(s3: &S3, waiting: &Mutex<Option<Batch>>) -> Result<Pass, Error> {
    let taken = waiting.lock().take();
    let batch = match taken {
        Some(batch) => batch,
        None => match collect(s3).await? {
            Some(batch) => batch,
            None => return Ok(Pass::Done),
        },
    };
    let waited = s3.clock.wall().since(batch.since) >= READERS_WAIT_MAX;
    if !batch.readers.have_left() && !waited {
        *waiting.lock() = Some(batch);
        return Ok(Pass::Again(PAUSE));
    }
    s3.engine.free(&batch.extents).await?;
    for names in batch.names.chunks(PAGE) {
        s3.store
            .transact(|tx: Tx| async move {
                for name in names {
                    GARBAGE.delete(&tx, &(), name).await?;
                }
                Ok::<_, Error>(())
            })
            .await?;
    }
    Ok(Pass::More)
}

/// What is known to be garbage now, and durably so: a snapshot shows nothing else.
async fn collect(s3: &S3) -> Result<Option<Batch>, Error> {
    let (mut names, mut extents) = (Vec::new(), Vec::new());
    let mut after: Option<String> = None;
    loop {
        let position = after.as_deref();
        let page = s3
            .store
            .read(|tx| async move { GARBAGE.scan(&tx, &(), Select::ALL.after(position), PAGE).await })
            .await?;
        for (name, record) in page.records {
            names.push(name);
            extents.extend(record.extents);
        }
        after = page.next;
        if after.is_none() || extents.len() >= GARBAGE_AT_ONCE_MAX {
            break;
        }
    }
    let (readers, since) = (s3.readers.so_far(), s3.clock.wall());
    Ok((!names.is_empty()).then_some(Batch { names, extents, readers, since }))
}
