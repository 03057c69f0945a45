//! DeleteObjects: up to a thousand keys, each permitted, deleted and answered by itself.
//!
//! A bounded number of them shares a transaction. Surprising, and so at AWS: a key that is named twice is deleted once;
//! a version id that cannot be one is an error of its key alone.

use std::collections::HashSet;
use std::sync::Arc;

use s3_api::{DeleteObjectsInput, DeleteObjectsOutput, DeletedObject, Error as KeyError, ObjectIdentifier};
use service::Call;

use super::delete::{Conditions, Removal, action_of, remove};
use super::saving::{Saved, Stamp};
use super::{guard, reach};
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, MALFORMED_XML, NO_SUCH_VERSION};
use crate::limits::{DELETE_KEYS_AT_ONCE, DELETE_KEYS_MAX};
use crate::model::version::VersionId;

/// What becomes of one key of the request: an error found before, or what was deleted.
struct Line {
    key: String,
    version_id: Option<String>,
    outcome: Result<Outcome, Error>,
}

enum Outcome {
    Waits(Removal),
    Done(Saved),
}

pub async fn delete_objects(
    s3: &S3,
    call: &Call,
    input: DeleteObjectsInput,
) -> Result<DeleteObjectsOutput, Error> {
    let bucket = reach::reach(s3, call, &input.bucket, input.expected_bucket_owner.as_deref()).await?;
    let request_charged = guard::requester_pays(&bucket, call, input.request_payer.as_ref())?;
    let objects = input.delete.objects;
    if objects.is_empty() || objects.len() > DELETE_KEYS_MAX {
        return Err(Error::new(&MALFORMED_XML));
    }
    let names_versions = objects.iter().any(|object| object.version_id.is_some());
    if bucket.record.mfa_delete && (names_versions || input.mfa.is_some()) {
        guard::mfa(s3, call, &bucket, input.mfa.as_deref()).await?;
    }
    let mut lines = Vec::with_capacity(objects.len());
    let mut seen = HashSet::new();
    for object in objects {
        if !seen.insert((object.key.clone(), object.version_id.clone())) {
            continue;
        }
        let (key, version_id) = (object.key.clone(), object.version_id.clone());
        let outcome = prepare(s3, call, &bucket, object, input.bypass_governance_retention).await;
        lines.push(Line { key, version_id, outcome: outcome.map(Outcome::Waits) });
    }
    for batch in lines.chunks_mut(DELETE_KEYS_AT_ONCE) {
        delete_batch(s3, call, &bucket, batch).await;
    }
    Ok(answer(lines, input.delete.quiet == Some(true), request_charged))
}

/// Asks for what the deletion of one key needs.
async fn prepare(
    s3: &S3,
    call: &Call,
    bucket: &Arc<Bucket>,
    object: ObjectIdentifier,
    wants_bypass: Option<bool>,
) -> Result<Removal, Error> {
    let ObjectIdentifier { key, version_id, e_tag, last_modified_time, size } = object;
    let action = action_of(version_id.is_some());
    let one = |name: &str, value: &Option<String>| Some((name.to_owned(), vec![value.clone()?]));
    let keys: Vec<_> =
        [one("s3:VersionId", &version_id), one("s3:if-match", &e_tag)].into_iter().flatten().collect();
    guard::permitted_with(s3, call, bucket, &key, action, &keys).await?;
    let version = match version_id.as_deref() {
        Some(text) => Some(VersionId::parse(text).ok_or_else(|| Error::new(&NO_SUCH_VERSION))?),
        None => None,
    };
    let size = size.and_then(|size| u64::try_from(size).ok());
    let conditions = Conditions { if_match: e_tag, last_modified: last_modified_time, size };
    conditions.permitted(s3, call, bucket, &key).await?;
    let bypass = guard::bypass(s3, call, bucket, &key, wants_bypass).await?;
    Ok(Removal { key, version, conditions, bypass, stamp: Stamp::draw(&s3.ids, call.now) })
}

/// Deletes what waits in one transaction. What one key is refused does not keep the others; if the transaction itself
/// fails, nothing was deleted, and each says so.
async fn delete_batch(s3: &S3, call: &Call, bucket: &Bucket, batch: &mut [Line]) {
    let removals: Vec<(usize, Removal)> = batch
        .iter()
        .enumerate()
        .filter_map(|(at, line)| match &line.outcome {
            Ok(Outcome::Waits(removal)) => Some((at, removal.clone())),
            _ => None,
        })
        .collect();
    let asked = &removals;
    let done = s3
        .store
        .transact(|tx| async move {
            let mut done = Vec::with_capacity(asked.len());
            for (_, removal) in asked {
                match remove(&tx, bucket, call, removal).await {
                    Err(Error::Internal(cause)) => return Err(Error::Internal(cause)),
                    outcome => done.push(outcome),
                }
            }
            Ok(done)
        })
        .await;
    let done = done.unwrap_or_else(|error| {
        tracing::error!(bucket = bucket.name, %error, "a batch of keys could not be deleted");
        let failed = || Err(Error::Internal("the batch failed".into()));
        removals.iter().map(|_| failed()).collect()
    });
    for ((at, _), outcome) in removals.iter().zip(done) {
        if outcome.as_ref().is_ok_and(|saved| saved.has_garbage) {
            s3.garbage.nudge();
        }
        batch[*at].outcome = outcome.map(Outcome::Done);
    }
}

fn answer(
    lines: Vec<Line>,
    quiet: bool,
    request_charged: Option<s3_api::RequestCharged>,
) -> DeleteObjectsOutput {
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for Line { key, version_id, outcome } in lines {
        match outcome {
            Ok(Outcome::Done(_)) if quiet => {}
            Ok(Outcome::Done(saved)) => deleted.push(shown(key, version_id, saved)),
            Ok(Outcome::Waits(_)) => unreachable!("every batch was worked off"),
            Err(error) => {
                let (code, message) = error.told();
                let (code, message) = (Some(code), Some(message));
                errors.push(KeyError { key: Some(key), version_id, code, message });
            }
        }
    }
    let some = |list: &Vec<_>| !list.is_empty();
    DeleteObjectsOutput {
        deleted: Some(deleted).filter(some),
        errors: (!errors.is_empty()).then_some(errors),
        request_charged,
    }
}

fn shown(key: String, version_id: Option<String>, saved: Saved) -> DeletedObject {
    DeletedObject {
        key: Some(key),
        version_id,
        delete_marker: saved.is_delete_marker.then_some(true),
        delete_marker_version_id: saved.version_id.filter(|_| saved.is_delete_marker),
    }
}
