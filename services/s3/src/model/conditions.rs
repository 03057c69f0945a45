//! Conditional requests: reading only what has changed, or not; writing only what is not there, or is still the same.
//!
//! References: "GetObject" of the S3 API reference and RFC 9110, 13.2.2, for which condition is heard and which not;
//! "Add preconditions to S3 operations with conditional requests" of the S3 guide for writes.

use base::Timestamp;

use super::etag::ETag;
use crate::error::{Error, NO_SUCH_KEY, NOT_IMPLEMENTED, NOT_MODIFIED, PRECONDITION_FAILED};

/// The headers of a read, or of a copy's source.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadConditions<'a> {
    pub if_match: Option<&'a str>,
    pub if_none_match: Option<&'a str>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

/// Which condition does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// What the client has is what there is: 304 for reads.
    NotModified,
    /// 412, with the name of the header.
    Failed(&'static str),
}

impl ReadConditions<'_> {
    /// An entity tag goes before a date of the same kind.
    pub fn check(&self, etag: &ETag, modified: Timestamp, now: Timestamp) -> Result<(), Unmet> {
        // Dates in headers have whole seconds.
        let modified = modified.as_secs();
        match (self.if_match, self.if_unmodified_since) {
            (Some(tags), _) if !names(tags, etag) => return Err(Unmet::Failed("If-Match")),
            (None, Some(since)) if modified > since.as_secs() => {
                return Err(Unmet::Failed("If-Unmodified-Since"));
            }
            _ => {}
        }
        match (self.if_none_match, self.if_modified_since) {
            (Some(tags), _) if names(tags, etag) => Err(Unmet::NotModified),
            // A date that has not come yet says nothing.
            (None, Some(since)) if modified <= since.as_secs() && since <= now => Err(Unmet::NotModified),
            _ => Ok(()),
        }
    }
}

impl Unmet {
    /// As GET and HEAD answer it.
    pub fn into_error(self, etag: &ETag, modified: Timestamp) -> Error {
        match self {
            Unmet::Failed(header) => Error::new(&PRECONDITION_FAILED).with("Condition", header),
            Unmet::NotModified => {
                let date = Timestamp::from_secs(modified.as_secs()).to_http_date();
                Error::new(&NOT_MODIFIED)
                    .with_header("ETag", etag.quoted())
                    .with_header("Last-Modified", date)
            }
        }
    }
}

/// Whether a list of entity tags, or `*`, names this one.
fn names(tags: &str, etag: &ETag) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || etag.is(tag.strip_prefix("W/").unwrap_or(tag)))
}

/// The condition of a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum WriteCondition {
    #[default]
    None,
    /// `If-None-Match: *`
    Absent,
    /// `If-Match`
    Same(String),
}

impl WriteCondition {
    /// `If-None-Match` takes `*` alone, and `If-Match` an entity tag alone.
    pub fn parse(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<WriteCondition, Error> {
        match (if_match.map(str::trim), if_none_match.map(str::trim)) {
            (None, None) => Ok(WriteCondition::None),
            (Some(_), Some(_)) => Err(Error::new(&NOT_IMPLEMENTED)
                .with("Header", "If-Match,If-None-Match")
                .with("additionalMessage", "Multiple conditional request headers present in the request")),
            (None, Some("*")) => Ok(WriteCondition::Absent),
            (None, Some(_)) => Err(not_accepted("If-None-Match")),
            (Some("*"), None) => Err(not_accepted("If-Match")),
            (Some(tag), None) => Ok(WriteCondition::Same(tag.to_owned())),
        }
    }

    /// Whether what is there may be replaced; a delete marker is nothing.
    pub fn check(&self, key: &str, there: Option<&ETag>) -> Result<(), Error> {
        let failed = |header| Err(Error::new(&PRECONDITION_FAILED).with("Condition", header));
        match (self, there) {
            (WriteCondition::Absent, Some(_)) => failed("If-None-Match"),
            (WriteCondition::Same(_), None) => Err(Error::new(&NO_SUCH_KEY).with("Key", key)),
            (WriteCondition::Same(tag), Some(etag)) if !etag.is(tag) => failed("If-Match"),
            _ => Ok(()),
        }
    }
}

fn not_accepted(header: &'static str) -> Error {
    let message = format!("We don't accept the provided value of {header} header for this API");
    Error::new(&NOT_IMPLEMENTED).with("Header", header).with("additionalMessage", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;
    const TAG: ETag = ETag::Whole([0xab; 16]);

    fn read(
        if_match: Option<&str>,
        if_unmodified_since: Option<i64>,
        if_none_match: Option<&str>,
        if_modified_since: Option<i64>,
    ) -> Result<(), Unmet> {
        let conditions = ReadConditions {
            if_match,
            if_none_match,
            if_modified_since: if_modified_since.map(Timestamp::from_secs),
            if_unmodified_since: if_unmodified_since.map(Timestamp::from_secs),
        };
        conditions.check(&TAG, Timestamp::from_millis(500_999), Timestamp::from_secs(NOW))
    }

    /// The object was modified at 500.999 seconds.
    #[test]
    fn tags_go_before_dates_and_failures_before_not_modified() {
        let same = TAG.quoted();
        let (same, other) = (Some(same.as_str()), Some("\"x\""));
        let (failed_match, failed_date) =
            (Err(Unmet::Failed("If-Match")), Err(Unmet::Failed("If-Unmodified-Since")));
        let unmodified = Err(Unmet::NotModified);
        for (if_match, if_unmodified, if_none_match, if_modified, answer) in [
            (None, None, None, None, Ok(())),
            (same, None, None, None, Ok(())),
            (other, None, None, None, failed_match),
            (same, Some(499), None, None, Ok(())),
            (other, Some(600), None, None, failed_match),
            (None, Some(499), None, None, failed_date),
            (None, Some(500), None, None, Ok(())),
            (None, None, same, None, unmodified),
            (None, None, other, None, Ok(())),
            (None, None, same, Some(499), unmodified),
            (None, None, other, Some(600), Ok(())),
            (None, None, None, Some(499), Ok(())),
            (None, None, None, Some(500), unmodified),
            (None, None, None, Some(NOW + 1), Ok(())),
            (same, None, same, None, unmodified),
            (other, None, same, None, failed_match),
        ] {
            let found = read(if_match, if_unmodified, if_none_match, if_modified);
            assert_eq!(found, answer, "{if_match:?} {if_unmodified:?} {if_none_match:?} {if_modified:?}");
        }
    }

    #[test]
    fn tags_come_in_lists_with_and_without_quotes() {
        for (tags, is_named) in [
            ("*", true),
            ("\"x\", *", true),
            (&*TAG.to_string(), true),
            (&*format!("W/{}", TAG.quoted()), true),
            (&*format!("\"x\",{}", TAG.quoted()), true),
            ("\"x\"", false),
            ("", false),
        ] {
            assert_eq!(names(tags, &TAG), is_named, "{tags}");
        }
    }

    #[test]
    fn writes_take_one_condition_of_two_kinds() {
        let parse = WriteCondition::parse;
        assert_eq!(parse(None, None).unwrap(), WriteCondition::None);
        assert_eq!(parse(None, Some("*")).unwrap(), WriteCondition::Absent);
        let same = parse(Some(&TAG.quoted()), None).unwrap();
        for refused in [parse(None, Some("\"x\"")), parse(Some("*"), None), parse(Some("\"x\""), Some("*"))] {
            assert!(refused.unwrap_err().is(&NOT_IMPLEMENTED));
        }
        let other = ETag::Whole([1; 16]);
        assert!(WriteCondition::None.check("k", Some(&TAG)).is_ok());
        assert!(WriteCondition::Absent.check("k", None).is_ok());
        assert!(WriteCondition::Absent.check("k", Some(&TAG)).unwrap_err().is(&PRECONDITION_FAILED));
        assert!(same.check("k", Some(&TAG)).is_ok());
        assert!(same.check("k", Some(&other)).unwrap_err().is(&PRECONDITION_FAILED));
        assert!(same.check("k", None).unwrap_err().is(&NO_SUCH_KEY));
    }
}
