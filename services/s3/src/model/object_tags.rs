//! Tags of objects: ten at most, from documents and from the header `x-amz-tagging`.
//! Reference: "Categorizing your objects using tags" of the S3 guide. Lengths are counted in UTF-16.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use s3_api::Tag;

use crate::error::{BAD_REQUEST, Error, INVALID_TAG};
use crate::limits::{OBJECT_TAGS_MAX, TAG_KEY_UNITS_MAX, TAG_VALUE_UNITS_MAX};

/// The tags of a document.
pub fn from_set(set: Vec<Tag>) -> Result<BTreeMap<String, String>, Error> {
    check_count(set.len())?;
    let mut tags = BTreeMap::new();
    for Tag { key, value } in set {
        check(&key, &value)?;
        if tags.contains_key(&key) {
            let error = Error::worded(&INVALID_TAG, "Cannot provide multiple Tags with the same key");
            return Err(error.with("TagKey", key));
        }
        tags.insert(key, value);
    }
    Ok(tags)
}

/// The tags of a header: `key1=value1&key2=value2`, encoded as in a URL. A key without `=` has the empty value.
pub fn from_header(header: &str) -> Result<BTreeMap<String, String>, Error> {
    let mut tags = BTreeMap::new();
    let pairs: Vec<&str> = header.split('&').filter(|pair| !pair.is_empty()).collect();
    for pair in &pairs {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decoded = (!value.contains('=')).then(|| Some((decode(key)?, decode(value)?))).flatten();
        let (key, value) = decoded.ok_or_else(|| not_a_query(header))?;
        check(&key, &value)?;
        if tags.insert(key, value).is_some() {
            return Err(not_a_query(header));
        }
    }
    check_count(pairs.len())?;
    Ok(tags)
}

/// As a document shows them.
pub fn to_set(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

fn check_count(count: usize) -> Result<(), Error> {
    if count > OBJECT_TAGS_MAX {
        return Err(Error::worded(&BAD_REQUEST, "Object tags cannot be greater than 10"));
    }
    Ok(())
}

fn check(key: &str, value: &str) -> Result<(), Error> {
    let units = |text: &str| text.encode_utf16().count();
    if key.is_empty() || units(key) > TAG_KEY_UNITS_MAX || !key.chars().all(is_allowed) {
        let error = Error::worded(&INVALID_TAG, "The TagKey you have provided is invalid");
        return Err(error.with("TagKey", key));
    }
    if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
        let error = Error::worded(&INVALID_TAG, "System tags cannot be added/updated by requester");
        return Err(error.with("TagKey", key));
    }
    if units(value) > TAG_VALUE_UNITS_MAX || !value.chars().all(is_allowed) {
        let error = Error::worded(&INVALID_TAG, "The TagValue you have provided is invalid");
        return Err(error.with("TagKey", key).with("TagValue", value));
    }
    Ok(())
}

fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

fn not_a_query(header: &str) -> Error {
    const MESSAGE: &str = "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters \
                           without tag name duplicates.";
    Error::argument(MESSAGE, "x-amz-tagging", header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
        let tag = |(key, value): &(&str, &str)| Tag { key: (*key).to_owned(), value: (*value).to_owned() };
        from_set(pairs.iter().map(tag).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn tags_keep_the_rules_and_say_which_they_break() {
        assert_eq!(set(&[("Größe", "a b_c.:/=+-@"), ("x", "")]).unwrap().len(), 2);
        assert_eq!(set(&[(&"k".repeat(128), &"v".repeat(256))]).unwrap().len(), 1);
        let eleven: Vec<String> = (0..11).map(|number| number.to_string()).collect();
        let eleven: Vec<(&str, &str)> = eleven.iter().map(|key| (key.as_str(), "")).collect();
        for (pairs, said) in [
            (&[("", "x")][..], "InvalidTag: The TagKey"),
            (&[(&*"k".repeat(129), "x")], "InvalidTag: The TagKey"),
            (&[(&*"🌫".repeat(65), "x")], "InvalidTag: The TagKey"),
            (&[("a!", "x")], "InvalidTag: The TagKey"),
            (&[("a", "x\n")], "InvalidTag: The TagValue"),
            (&[("a", &*"v".repeat(257))], "InvalidTag: The TagValue"),
            (&[("AWS:a", "x")], "InvalidTag: System tags"),
            (&[("a", "x"), ("a", "y")], "InvalidTag: Cannot provide multiple"),
            (&eleven, "BadRequest: Object tags cannot be greater than 10"),
        ] {
            let error = set(pairs).unwrap_err();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn a_header_is_a_query() {
        let tags = from_header("b=1%2B1&a&c=x+y&").unwrap();
        let expected = [("a", ""), ("b", "1+1"), ("c", "x y")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(tags, BTreeMap::from(expected));
        assert_eq!(from_header("").unwrap(), BTreeMap::new());
        for (header, said) in [
            ("a=1&a=2", "InvalidArgument: The header"),
            ("TagSet=[{Key=a,Value=b}]", "InvalidArgument: The header"),
            ("a=%ff", "InvalidArgument: The header"),
            ("TagSet%3D%5B%7B=", "InvalidTag: The TagKey"),
        ] {
            let error = from_header(header).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }
}
