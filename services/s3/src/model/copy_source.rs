//! `x-amz-copy-source`: which version of which object is copied. Also `x-amz-rename-source`, which has no bucket.

use percent_encoding::percent_decode_str;

use crate::error::Error;

/// As the client named it, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
}

impl CopySource {
    /// `bucket/key` or `/bucket/key`, encoded as in a URL, with `?versionId=…` after it or not. An access point's ARN
    /// stands in a bucket's place with `/object/` behind it.
    pub fn parse(text: &str) -> Result<CopySource, Error> {
        let (path, version_id) = match text.split_once("?versionId=") {
            Some((path, id)) => (path, Some(id.to_owned())),
            None => (text, None),
        };
        let path = decode(path).ok_or_else(|| argument("Invalid copy source encoding.", text))?;
        let path = path.strip_prefix('/').unwrap_or(&path);
        let separator = if path.starts_with("arn:") { "/object/" } else { "/" };
        match path.split_once(separator) {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
                Ok(CopySource { bucket: bucket.to_owned(), key: key.to_owned(), version_id })
            }
            _ => Err(argument(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                text,
            )),
        }
    }
}

/// The key in a rename's source, which may begin with a slash and the bucket's name.
pub fn rename_source(text: &str, bucket: &str) -> Option<String> {
    let path = decode(text)?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let key = path.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
    (!key.is_empty()).then(|| key.to_owned())
}

/// A plus is a space here, as in forms.
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn argument(message: &'static str, value: &str) -> Error {
    Error::argument(message, "x-amz-copy-source", value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_names_bucket_key_and_perhaps_a_version() {
        let arn = "arn:aws:s3:us-east-1:123456789012:accesspoint/p";
        for (text, bucket, key, version_id) in [
            ("b/k", "b", "k", None),
            ("/b/a/b%20c", "b", "a/b c", None),
            ("b/a+b%2Bc", "b", "a b+c", None),
            ("b/%2Fk%3FversionId=1", "b", "/k?versionId=1", None),
            ("b/k?versionId=null", "b", "k", Some("null")),
            ("b%2Fk?versionId=", "b", "k", Some("")),
            (&format!("{arn}/object/a/b"), arn, "a/b", None),
        ] {
            let source = CopySource::parse(text).unwrap();
            assert_eq!((source.bucket.as_str(), source.key.as_str()), (bucket, key), "{text}");
            assert_eq!(source.version_id.as_deref(), version_id, "{text}");
        }
    }

    #[test]
    fn what_names_no_object_is_refused() {
        for text in ["", "/", "b", "b/", "/b/", "//k", "b/%ff"] {
            assert!(CopySource::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rename_names_a_key_of_the_same_bucket() {
        assert_eq!(rename_source("a%20b", "x").as_deref(), Some("a b"));
        assert_eq!(rename_source("/x/a/b", "x").as_deref(), Some("a/b"));
        assert_eq!(rename_source("x/a", "x").as_deref(), Some("a"));
        assert_eq!(rename_source("/", "x"), None);
    }
}
