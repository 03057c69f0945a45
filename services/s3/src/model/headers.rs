//! What headers say of an object besides its content: the system's metadata, the user's, and the storage class.
//! Reference: "Working with object metadata" of the S3 guide.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use s3_api as api;

use super::storage_class::StorageClass;
use crate::error::{
    Error, INVALID_REDIRECT_LOCATION, INVALID_STORAGE_CLASS, KEY_TOO_LONG, METADATA_TOO_LARGE,
};
use crate::limits::{KEY_BYTES_MAX, USER_METADATA_BYTES_MAX};
use crate::records::Described;

/// What an object without a `Content-Type` is served as.
pub const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

pub const CACHE_CONTROL: &str = "cache-control";
pub const CONTENT_DISPOSITION: &str = "content-disposition";
pub const CONTENT_ENCODING: &str = "content-encoding";
pub const CONTENT_LANGUAGE: &str = "content-language";
pub const CONTENT_TYPE: &str = "content-type";
pub const EXPIRES: &str = "expires";
pub const WEBSITE_REDIRECT: &str = "x-amz-website-redirect-location";

/// The headers of a request that describe what it writes, as they came.
#[derive(Debug, Default)]
pub struct ObjectHeaders {
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<String>,
    pub website_redirect: Option<String>,
    pub user: Option<BTreeMap<String, String>>,
}

impl ObjectHeaders {
    /// Without storage class, tags, ACL and lock, which have rules of their own.
    pub fn into_described(self) -> Result<Described, Error> {
        if let Some(location) = &self.website_redirect {
            check_redirect(location)?;
        }
        let content_encoding = self.content_encoding.as_deref().and_then(without_chunked);
        let mut system = BTreeMap::new();
        for (name, value) in [
            (CACHE_CONTROL, self.cache_control),
            (CONTENT_DISPOSITION, self.content_disposition),
            (CONTENT_ENCODING, content_encoding),
            (CONTENT_LANGUAGE, self.content_language),
            (CONTENT_TYPE, self.content_type),
            (EXPIRES, self.expires),
            (WEBSITE_REDIRECT, self.website_redirect),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                system.insert(name.to_owned(), value);
            }
        }
        let user = self.user.map(user_metadata).transpose()?.unwrap_or_default();
        Ok(Described { system, user, ..Described::default() })
    }
}

/// `aws-chunked` is about the request, not about the object.
fn without_chunked(encoding: &str) -> Option<String> {
    if !encoding.contains("aws-chunked") {
        return Some(encoding.to_owned());
    }
    let kept: Vec<&str> =
        encoding.split(',').map(str::trim).filter(|coding| *coding != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

fn check_redirect(location: &str) -> Result<(), Error> {
    let is_known = ["/", "http://", "https://"].iter().any(|prefix| location.starts_with(prefix));
    if is_known { Ok(()) } else { Err(Error::new(&INVALID_REDIRECT_LOCATION)) }
}

/// Names are kept in lower case. They and their values together have a limit.
fn user_metadata(given: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    let bytes: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > USER_METADATA_BYTES_MAX {
        let error = Error::new(&METADATA_TOO_LARGE).with("Size", bytes.to_string());
        return Err(error.with("MaxSizeAllowed", USER_METADATA_BYTES_MAX.to_string()));
    }
    if given.keys().all(|name| !name.bytes().any(|byte| byte.is_ascii_uppercase())) {
        return Ok(given);
    }
    Ok(given.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// The user's metadata as answers give it.
pub fn shown_metadata(user: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    user.iter().map(|(name, value)| (name.clone(), shown_value(value))).collect()
}

/// A header can hold ASCII alone, so anything else is wrapped as RFC 2047 has it. What clients sent as UTF-8 comes back
/// as if each of its bytes had been a Latin-1 character: that is what S3's own example shows.
fn shown_value(value: &str) -> String {
    if value.is_ascii() {
        return value.to_owned();
    }
    let text: String = value.bytes().map(char::from).collect();
    let others = text.chars().filter(|c| !c.is_ascii()).count();
    if others * 2 >= text.chars().count() {
        return format!("=?UTF-8?B?{}?=", STANDARD.encode(&text));
    }
    let mut quoted = String::from("=?UTF-8?Q?");
    for byte in text.bytes() {
        match byte {
            b' ' => quoted.push('_'),
            b'=' | b'?' | b'_' | 0..=0x20 | 0x7f.. => quoted.push_str(&format!("={byte:02X}")),
            _ => quoted.push(char::from(byte)),
        }
    }
    quoted.push_str("?=");
    quoted
}

/// The storage class of what is written: that of its bucket's kind unless another is named.
pub fn storage_class(given: Option<&api::StorageClass>, is_directory: bool) -> Result<StorageClass, Error> {
    let class = match given {
        None if is_directory => return Ok(StorageClass::ExpressOnezone),
        None => return Ok(StorageClass::Standard),
        Some(given) => StorageClass::parse(given.as_str()),
    };
    let is_written = |class: &StorageClass| match class {
        StorageClass::ExpressOnezone => is_directory,
        StorageClass::OnezoneIa => true,
        StorageClass::Outposts | StorageClass::Snow => false,
        _ => !is_directory,
    };
    let invalid = || {
        let error = Error::new(&INVALID_STORAGE_CLASS);
        error.with("StorageClassRequested", given.map_or("", api::StorageClass::as_str))
    };
    class.filter(is_written).ok_or_else(invalid)
}

/// Keys are text of a limited length, in which every character is what it is: dots and slashes, too.
pub fn check_key(key: &str) -> Result<(), Error> {
    if key.len() <= KEY_BYTES_MAX {
        return Ok(());
    }
    let error = Error::new(&KEY_TOO_LONG).with("Size", key.len().to_string());
    Err(error.with("MaxSizeAllowed", KEY_BYTES_MAX.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(pairs: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn what_is_given_is_kept_but_for_what_is_about_the_request() {
        let headers = ObjectHeaders {
            content_type: Some("text/plain".to_owned()),
            content_encoding: Some("aws-chunked, gzip".to_owned()),
            cache_control: Some(String::new()),
            user: user(&[("Colour", "grey"), ("smell", "none")]),
            ..ObjectHeaders::default()
        };
        let described = headers.into_described().unwrap();
        let system: Vec<_> = described.system.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(system, [("content-encoding", "gzip"), ("content-type", "text/plain")]);
        assert_eq!(Some(described.user), user(&[("colour", "grey"), ("smell", "none")]));
        for (encoding, kept) in
            [("aws-chunked", None), ("gzip", Some("gzip")), ("br,aws-chunked", Some("br"))]
        {
            assert_eq!(without_chunked(encoding).as_deref(), kept);
        }
    }

    #[test]
    fn metadata_has_two_kibibytes() {
        let with = |bytes: usize| {
            let headers =
                ObjectHeaders { user: user(&[("abcd", &"v".repeat(bytes - 4))]), ..Default::default() };
            headers.into_described()
        };
        assert!(with(2048).is_ok());
        assert!(with(2049).unwrap_err().is(&METADATA_TOO_LARGE));
    }

    #[test]
    fn redirects_go_somewhere() {
        for (location, is_taken) in [
            ("/a", true),
            ("http://x", true),
            ("https://x", true),
            ("ftp://x", false),
            ("a", false),
            ("", false),
        ] {
            let headers = ObjectHeaders { website_redirect: Some(location.to_owned()), ..Default::default() };
            assert_eq!(headers.into_described().is_ok(), is_taken, "{location}");
        }
    }

    #[test]
    fn values_that_are_no_ascii_are_wrapped() {
        for (value, shown) in [
            ("plain", "plain"),
            ("ÄMÄZÕÑ S3", "=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?="),
            ("a long text with one ü", "=?UTF-8?Q?a_long_text_with_one_=C3=83=C2=BC?="),
        ] {
            assert_eq!(shown_value(value), shown);
        }
    }

    #[test]
    fn a_storage_class_is_one_of_its_bucket() {
        let of =
            |name: &str, is_directory| storage_class(Some(&api::StorageClass::from(name)), is_directory).ok();
        assert_eq!(of("GLACIER_IR", false), Some(StorageClass::GlacierIr));
        assert_eq!(of("EXPRESS_ONEZONE", true), Some(StorageClass::ExpressOnezone));
        for (name, is_directory) in
            [("EXPRESS_ONEZONE", false), ("STANDARD", true), ("COLD", false), ("SNOW", false)]
        {
            assert_eq!(of(name, is_directory), None, "{name}");
        }
        assert_eq!(storage_class(None, true).ok(), Some(StorageClass::ExpressOnezone));
    }
}
