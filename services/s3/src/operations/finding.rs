//! Finding the version of an object that a call means, with what AWS says where there is none.
//!
//! Surprising, and so at AWS: a key whose newest version is a delete marker is missing (404) for those who read, and
//! refuses the method (405) to those who change; a delete marker that is named by its id refuses both.

use base::Timestamp;
use service::Call;
use store::Tx;

use super::reach::{missing_key, missing_version};
use super::saving::{self, Newest};
use crate::S3;
use crate::directory::Bucket;
use crate::error::{Error, METHOD_NOT_ALLOWED, NO_SUCH_KEY, NO_SUCH_VERSION};
use crate::events::{self, Event, EventName};
use crate::model::version::VersionId;
use crate::records::{CURRENT, MarkerRecord, ObjectRecord, VersionRecord};

/// A version that has content.
#[derive(Clone, Debug)]
pub struct Found {
    pub object: Box<ObjectRecord>,
    pub is_current: bool,
}

impl Found {
    /// The id as answers give it; nothing in buckets that never had versioning.
    pub fn version_id(&self, bucket: &Bucket) -> Option<String> {
        saving::shown(bucket.record.versioning, self.object.version, self.object.order)
    }
}

/// The parameter `versionId`.
pub fn version_id(text: Option<&str>) -> Result<Option<VersionId>, Error> {
    let Some(text) = text else { return Ok(None) };
    if text.is_empty() {
        return Err(Error::argument("Version id cannot be the empty string", "versionId", ""));
    }
    let id = VersionId::parse(text);
    id.map(Some).ok_or_else(|| Error::argument("Invalid version id specified", "versionId", text))
}

/// The object that a call reads something of. `method` is the HTTP method, which some answers name.
pub async fn read(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    version: Option<VersionId>,
    method: &'static str,
) -> Result<Found, Error> {
    let found = s3.store.read(|tx| async move { find(&tx, bucket, key, version, method).await }).await;
    match found {
        Err(error) => Err(hide(s3, call, bucket, key, version, error).await),
        found => found,
    }
}

/// What is said of something that is missing to whoever may not list the bucket: that it is not theirs to know.
pub async fn hide(
    s3: &S3,
    call: &Call,
    bucket: &Bucket,
    key: &str,
    version: Option<VersionId>,
    error: Error,
) -> Error {
    let told = match version {
        None if error.is(&NO_SUCH_KEY) => missing_key(s3, call, bucket, key).await,
        Some(id) if error.is(&NO_SUCH_VERSION) => {
            missing_version(s3, call, bucket, key, &id.to_string()).await
        }
        _ => return error,
    };
    if told.is(&NO_SUCH_KEY) { error } else { told }
}

/// The same inside a transaction, for calls that change something.
pub async fn find(
    tx: &Tx,
    bucket: &Bucket,
    key: &str,
    version: Option<VersionId>,
    method: &'static str,
) -> Result<Found, Error> {
    match version {
        None => newest(tx, bucket, key, method).await,
        Some(id) => match saving::version(tx, bucket.id(), key, id).await? {
            Some((VersionRecord::Object(object), is_current)) => Ok(Found { object, is_current }),
            Some((VersionRecord::Marker(marker), _)) => {
                let modified = Timestamp::from_secs(marker.modified.as_secs()).to_http_date();
                Err(of_marker(not_allowed(method), &marker).with_header("Last-Modified", modified))
            }
            None => Err(Error::new(&NO_SUCH_VERSION).with("Key", key).with("VersionId", id.to_string())),
        },
    }
}

async fn newest(tx: &Tx, bucket: &Bucket, key: &str, method: &'static str) -> Result<Found, Error> {
    // What is there is there whatever the bucket's versioning is, and a bucket that holds it is there, too.
    if let Some(object) = CURRENT.get(tx, &bucket.id(), key).await? {
        return Ok(Found { object: Box::new(object), is_current: true });
    }
    let versioning = saving::versioning(tx, bucket).await?;
    match saving::newest(tx, bucket.id(), key, versioning).await? {
        Newest::Object(object) => Ok(Found { object, is_current: true }),
        Newest::Marker(marker) if matches!(method, "GET" | "HEAD") => {
            Err(of_marker(Error::new(&NO_SUCH_KEY).with("Key", key), &marker))
        }
        Newest::Marker(_) => Err(not_allowed(method)),
        Newest::Nothing => Err(Error::new(&NO_SUCH_KEY).with("Key", key)),
    }
}

fn not_allowed(method: &'static str) -> Error {
    let error = Error::new(&METHOD_NOT_ALLOWED).with("Method", method).with("ResourceType", "DeleteMarker");
    error.with_header("Allow", "DELETE")
}

/// Tells whoever asked that there is a delete marker, and which.
pub fn of_marker(error: Error, marker: &MarkerRecord) -> Error {
    let id = VersionId::of(marker.version, marker.order).to_string();
    error.with_header("x-amz-delete-marker", "true").with_header("x-amz-version-id", id)
}

/// A call that changes one version in place, and what that is called when others are told.
pub struct Change<'a> {
    pub bucket: &'a Bucket,
    pub key: &'a str,
    pub version: Option<VersionId>,
    /// The HTTP method.
    pub method: &'static str,
    pub event: Option<EventName>,
}

impl Change<'_> {
    /// Changes the version in one transaction. An error of `apply` leaves everything as it was.
    pub async fn make(
        &self,
        s3: &S3,
        call: &Call,
        apply: impl Fn(&mut ObjectRecord) -> Result<(), Error> + Send + Sync,
    ) -> Result<Found, Error> {
        let Change { bucket, key, version, .. } = *self;
        let apply = &apply;
        let made = s3.store.transact(|tx| async move { self.in_tx(&tx, call, apply).await }).await;
        match made {
            Err(error) => Err(hide(s3, call, bucket, key, version, error).await),
            made => made,
        }
    }

    /// The same inside a transaction that does more.
    pub async fn in_tx(
        &self,
        tx: &Tx,
        call: &Call,
        apply: impl Fn(&mut ObjectRecord) -> Result<(), Error>,
    ) -> Result<Found, Error> {
        let Change { bucket, key, version, method, event } = self;
        let mut found = find(tx, bucket, key, *version, method).await?;
        apply(&mut found.object)?;
        saving::rewrite(tx, bucket.id(), key, &found.object, found.is_current).await?;
        if let Some(name) = event.clone() {
            let version_id = found.version_id(bucket);
            let (size, etag) = (Some(found.object.size), Some(found.object.etag));
            let (version_id, order) = (version_id.as_deref(), events::order_of(call.now));
            let event = Event { name, key, size, etag, version_id, order };
            events::record(tx, bucket, call, event).await?;
        }
        Ok(found)
    }
}
