//! RenameObject: another key for an object in a directory bucket, in one step and without touching its content.
//! Reference: RenameObject of the API reference.

use base::Timestamp;
use s3_api::{RenameObjectInput, RenameObjectOutput};
use service::{Call, ClientTokens, Repetition};
use store::Tx;

use super::reach;
use super::saving::{self, Newest, Stamp};
use crate::S3;
use crate::directory::Bucket;
use crate::error::{
    Error, IDEMPOTENCY_PARAMETER_MISMATCH, INVALID_REQUEST, KEY_TOO_LONG, NO_SUCH_KEY, NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
};
use crate::limits::KEY_BYTES_MAX;
use crate::model::copy_source::rename_source;
use crate::records::ObjectRecord;

const TOKENS: ClientTokens = ClientTokens { operation: "s3.RenameObject" };

pub async fn rename_object(
    s3: &S3,
    call: &Call,
    input: RenameObjectInput,
) -> Result<RenameObjectOutput, Error> {
    let bucket = &*reach::reach(s3, call, &input.bucket, None).await?;
    if !bucket.record.is_directory() {
        let message = "RenameObject is only supported for objects in directory buckets.";
        return Err(Error::worded(&NOT_IMPLEMENTED, message));
    }
    if input.key.len() > KEY_BYTES_MAX {
        return Err(Error::new(&KEY_TOO_LONG));
    }
    let from = &rename_source(&input.rename_source, &bucket.name).ok_or_else(|| {
        Error::argument("The rename source is not valid.", "x-amz-rename-source", &input.rename_source)
    })?;
    if *from == input.key {
        let message = "The source and the destination of a rename must be different.";
        return Err(Error::worded(&INVALID_REQUEST, message));
    }
    let (input, stamp) = (&input, Stamp::draw(&s3.ids, call.now));
    let renamed =
        s3.store.transact(|tx| async move { rename(&tx, call, bucket, from, input, stamp).await }).await?;
    if renamed {
        s3.garbage.nudge();
    }
    Ok(RenameObjectOutput {})
}

/// Tells whether there may be garbage.
async fn rename(
    tx: &Tx,
    call: &Call,
    bucket: &Bucket,
    from: &str,
    input: &RenameObjectInput,
    stamp: Stamp,
) -> Result<bool, Error> {
    let parameters = format!("{}\n{from}\n{}", bucket.name, input.key);
    if let Some(token) = &input.client_token {
        match TOKENS.check(tx, call.scope(), token, &parameters, call.now).await? {
            Repetition::First => {}
            Repetition::Again(_) => return Ok(false),
            Repetition::Mismatch => return Err(Error::new(&IDEMPOTENCY_PARAMETER_MISMATCH)),
            Repetition::TooLong => {
                let message = "The client token is too long.";
                return Err(Error::argument(message, "x-amz-client-token", token));
            }
        }
        TOKENS.remember(tx, call.scope(), token, &parameters, "", call.now).await?;
    }
    let check = |source: Option<&ObjectRecord>, destination: &Newest| {
        let source = source.ok_or_else(|| Error::new(&NO_SUCH_KEY).with("Key", from))?;
        of_source(input).check(Some(source), "x-amz-rename-source-")?;
        let there = match destination {
            Newest::Object(object) => Some(&**object),
            Newest::Marker(_) | Newest::Nothing => None,
        };
        of_destination(input).check(there, "")
    };
    Ok(saving::rename(tx, bucket, from, &input.key, stamp, check).await?.has_garbage)
}

/// What one of the two objects has to be like.
struct Conditions<'a> {
    if_match: Option<&'a str>,
    if_none_match: Option<&'a str>,
    if_modified_since: Option<Timestamp>,
    if_unmodified_since: Option<Timestamp>,
}

fn of_source(input: &RenameObjectInput) -> Conditions<'_> {
    Conditions {
        if_match: input.source_if_match.as_deref(),
        if_none_match: input.source_if_none_match.as_deref(),
        if_modified_since: input.source_if_modified_since,
        if_unmodified_since: input.source_if_unmodified_since,
    }
}

fn of_destination(input: &RenameObjectInput) -> Conditions<'_> {
    Conditions {
        if_match: input.destination_if_match.as_deref(),
        if_none_match: input.destination_if_none_match.as_deref(),
        if_modified_since: input.destination_if_modified_since,
        if_unmodified_since: input.destination_if_unmodified_since,
    }
}

impl Conditions<'_> {
    fn check(&self, object: Option<&ObjectRecord>, prefix: &str) -> Result<(), Error> {
        let is = |tag: &str| object.is_some_and(|object| tag.trim() == "*" || object.etag.is(tag));
        let modified = object.map(|object| object.modified.as_secs());
        let failed = if self.if_match.is_some_and(|tag| !is(tag)) {
            "If-Match"
        } else if self.if_none_match.is_some_and(is) {
            "If-None-Match"
        } else if self.if_modified_since.is_some_and(|time| modified.is_none_or(|at| at <= time.as_secs())) {
            "If-Modified-Since"
        } else if self.if_unmodified_since.is_some_and(|time| modified.is_some_and(|at| at > time.as_secs()))
        {
            "If-Unmodified-Since"
        } else {
            return Ok(());
        };
        Err(Error::new(&PRECONDITION_FAILED).with("Condition", format!("{prefix}{failed}")))
    }
}
