//! What the four kinds of configurations with ids of their own have in common: their ids, their number, their lists.

use std::collections::BTreeMap;

use service::Call;

use crate::S3;
use crate::directory::Bucket;
use crate::error::{
    Error, INVALID_ARGUMENT, INVALID_CONFIGURATION_ID, INVALID_S3_DESTINATION, NO_SUCH_CONFIGURATION,
    TOO_MANY_CONFIGURATIONS,
};
use crate::limits::{CONFIGURATION_ID_CHARS_MAX, CONFIGURATIONS_MAX, LIST_CONFIGURATIONS_MAX};

/// One page of a list.
pub struct Page<T> {
    pub found: Vec<T>,
    /// The token of the next page, if there is one.
    pub next: Option<String>,
}

/// Refuses an id that is none, or that the body does not repeat.
pub fn check_id(id: &str, repeated: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if id.is_empty() || id.chars().count() > CONFIGURATION_ID_CHARS_MAX || !id.chars().all(plain) {
        return Err(Error::new(&INVALID_CONFIGURATION_ID));
    }
    if id != repeated {
        let message = "The configuration ID in the request URI must match the one in the configuration";
        return Err(Error::argument(message, "id", id));
    }
    Ok(())
}

/// Adds a configuration or replaces one.
pub fn put<T>(all: &mut BTreeMap<String, T>, id: &str, configuration: T) -> Result<(), Error> {
    if all.len() >= CONFIGURATIONS_MAX && !all.contains_key(id) {
        return Err(Error::new(&TOO_MANY_CONFIGURATIONS));
    }
    all.insert(id.to_owned(), configuration);
    Ok(())
}

pub fn get<'a, T>(all: &'a BTreeMap<String, T>, id: &str) -> Result<&'a T, Error> {
    all.get(id).ok_or_else(|| Error::new(&NO_SUCH_CONFIGURATION))
}

pub fn remove<T>(all: &mut BTreeMap<String, T>, id: &str) -> Result<(), Error> {
    all.remove(id).map(drop).ok_or_else(|| Error::new(&NO_SUCH_CONFIGURATION))
}

/// The configurations after a token, by their ids.
pub fn page<T: Clone>(
    s3: &S3,
    call: &Call,
    operation: &str,
    all: &BTreeMap<String, T>,
    token: Option<&str>,
) -> Result<Page<T>, Error> {
    let after = match token {
        Some(token) => s3.pages.read(operation, call.account, token).map_err(|_| {
            let message = "The continuation token provided is incorrect";
            Error::worded(&INVALID_ARGUMENT, message).with("ArgumentName", "continuation-token")
        })?,
        None => String::new(),
    };
    let mut rest = all.iter().filter(|(id, _)| **id > after);
    let some: Vec<(&String, &T)> = rest.by_ref().take(LIST_CONFIGURATIONS_MAX).collect();
    let last = some.last().map(|(id, _)| s3.pages.make(operation, call.account, id));
    Ok(Page {
        next: last.filter(|_| rest.next().is_some()),
        found: some.into_iter().map(|(_, one)| one.clone()).collect(),
    })
}

/// A filter says one thing, or several with `And`.
pub fn check_filter(given: &[bool], and: Option<usize>) -> Result<(), Error> {
    let is_one = given.iter().filter(|is| **is).count() + usize::from(and.is_some()) == 1;
    if is_one && and.is_none_or(|parts| parts > 1) {
        return Ok(());
    }
    Err(Error::new(&crate::error::MALFORMED_XML))
}

/// Refuses a destination (`arn:aws:s3:::bucket`) that is no bucket of the same region.
pub async fn check_destination(s3: &S3, bucket: &Bucket, destination: &str) -> Result<(), Error> {
    let arn = destination.parse::<base::Arn>().ok().filter(|arn| arn.service() == "s3");
    let Some(arn) = arn else { return Err(Error::new(&INVALID_S3_DESTINATION)) };
    let found = s3.directory.find(arn.resource()).await?;
    match found {
        Some(found) if found.region() == bucket.region() => Ok(()),
        _ => {
            let message = "The destination bucket does not exist or is in another Region";
            Err(Error::worded(&INVALID_S3_DESTINATION, message).with("BucketName", arn.resource()))
        }
    }
}
