//! Where disk images lie: objects of S3, named by bucket and key or by a URL.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectPlace {
    pub bucket: String,
    pub key: String,
}

impl ObjectPlace {
    /// The object of a container: `UserBucket`, or `Url` ("It can either be a https URL (https://..) or an Amazon S3 URL
    /// (s3://..)"). A URL's signature is not looked at: the role reads the object.
    ///
    /// # Errors
    /// `InvalidParameter`
    pub fn of(
        bucket: Option<&str>,
        key: Option<&str>,
        url: Option<&str>,
    ) -> Result<Option<ObjectPlace>, Error> {
        let refused = |message: &str| Err(Error::new(&INVALID_PARAMETER, message));
        match (bucket, key, url) {
            (None, None, None) => Ok(None),
            (Some(bucket), Some(key), None) if !bucket.is_empty() && !key.is_empty() => {
                Ok(Some(ObjectPlace { bucket: bucket.to_owned(), key: key.to_owned() }))
            }
            (None, None, Some(url)) => match of_url(url) {
                Some(place) => Ok(Some(place)),
                None => refused("The URL has to name an object of S3 (s3://bucket/key, or its https URL)."),
            },
            (_, _, Some(_)) => refused("A disk container has a URL or a UserBucket, not both."),
            _ => refused("The UserBucket needs both S3Bucket and S3Key."),
        }
    }
}

fn of_url(url: &str) -> Option<ObjectPlace> {
    let (bucket, key) = match url.strip_prefix("s3://") {
        Some(rest) => (rest.split_once('/')?.0.to_owned(), rest.split_once('/')?.1.to_owned()),
        None => {
            let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
            let path = decoded(path.split(['?', '#']).next()?)?;
            let host = host.split(':').next()?;
            match host.strip_suffix(".amazonaws.com") {
                // By path: s3.amazonaws.com/bucket/key, s3.eu-west-1.amazonaws.com/bucket/key.
                Some(name) if is_s3(name) => {
                    let (bucket, key) = path.split_once('/')?;
                    (bucket.to_owned(), key.to_owned())
                }
                Some(name) => {
                    let at = name.match_indices(".s3").map(|(at, _)| at).find(|at| is_s3(&name[at + 1..]))?;
                    (name[..at].to_owned(), path)
                }
                None => return None,
            }
        }
    };
    (!bucket.is_empty() && !key.is_empty()).then_some(ObjectPlace { bucket, key })
}

/// `s3`, `s3.eu-west-1` or, as in old times, `s3-eu-west-1`.
fn is_s3(host: &str) -> bool {
    let region = host.strip_prefix("s3").map(|rest| rest.strip_prefix(['.', '-']).unwrap_or(rest));
    let is_region = |text: &str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    host == "s3" || (host.len() > 3 && region.is_some_and(|region| !region.is_empty() && is_region(region)))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_objects() {
        for (url, expected) in [
            ("s3://bucket/a/b.vmdk", Some(("bucket", "a/b.vmdk"))),
            ("https://bucket.s3.amazonaws.com/a%20b?X-Amz-Signature=1", Some(("bucket", "a b"))),
            ("https://my.bucket.s3.eu-west-1.amazonaws.com/a/b", Some(("my.bucket", "a/b"))),
            ("https://bucket.s3-us-west-2.amazonaws.com/a", Some(("bucket", "a"))),
            ("https://s3.eu-west-1.amazonaws.com/bucket/a/b", Some(("bucket", "a/b"))),
            ("https://s3.amazonaws.com/bucket/a", Some(("bucket", "a"))),
            ("https://example.com/bucket/a", None),
            ("https://bucket.ec2.amazonaws.com/a", None),
            ("s3://bucket", None),
            ("s3:///a", None),
            ("https://bucket.s3.amazonaws.com/%zz", None),
            ("http://bucket.s3.amazonaws.com/a", None),
            ("", None),
        ] {
            let found = of_url(url);
            let found = found.as_ref().map(|place| (place.bucket.as_str(), place.key.as_str()));
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn a_container_names_one_object() {
        assert_eq!(ObjectPlace::of(None, None, None).ok(), Some(None));
        assert!(ObjectPlace::of(Some("b"), Some("k"), Some("s3://b/k")).is_err());
        assert!(ObjectPlace::of(Some("b"), None, None).is_err());
        assert!(ObjectPlace::of(Some("b"), Some("k"), None).is_ok());
    }
}
