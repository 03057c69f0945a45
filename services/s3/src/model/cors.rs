//! Cross-origin rules of a bucket: what is refused when they are set, and which origins they let in.
//! Reference: "Using cross-origin resource sharing (CORS)" of the S3 guide.

use s3_api::{CORSConfiguration, CORSRule};

use crate::error::{Error, INVALID_REQUEST, MALFORMED_XML};
use crate::limits::{CORS_RULES_MAX, RULE_ID_CHARS_MAX};

const METHODS: &[&str] = &["GET", "PUT", "HEAD", "POST", "DELETE"];

/// Refuses rules that S3 refuses.
pub fn check(configuration: &CORSConfiguration) -> Result<(), Error> {
    let rules = &configuration.cors_rules;
    if rules.is_empty() || rules.len() > CORS_RULES_MAX {
        return Err(Error::new(&MALFORMED_XML));
    }
    rules.iter().try_for_each(check_rule)
}

fn check_rule(rule: &CORSRule) -> Result<(), Error> {
    let refused = |message: String| Err(Error::worded(&INVALID_REQUEST, message));
    if rule.allowed_methods.is_empty() || rule.allowed_origins.is_empty() {
        return Err(Error::new(&MALFORMED_XML));
    }
    if rule.id.as_ref().is_some_and(|id| id.chars().count() > RULE_ID_CHARS_MAX) {
        return Err(Error::new(&MALFORMED_XML));
    }
    if let Some(method) = rule.allowed_methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        return refused(format!(
            "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
        ));
    }
    let many = |text: &&String| text.matches('*').count() > 1;
    if let Some(origin) = rule.allowed_origins.iter().find(many) {
        return refused(format!("AllowedOrigin \"{origin}\" can not have more than one wildcard."));
    }
    if let Some(header) = rule.allowed_headers.iter().flatten().find(many) {
        return refused(format!("AllowedHeader \"{header}\" can not have more than one wildcard."));
    }
    if let Some(header) = rule.expose_headers.iter().flatten().find(|header| header.contains('*')) {
        return refused(format!(
            "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard for ExposeHeader."
        ));
    }
    Ok(())
}

/// What a browser is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// `*` where the rule lets everybody in, else the origin itself.
    pub origin: String,
    /// All methods of the rule.
    pub methods: Vec<String>,
    /// Of the headers that were asked about, all; in lower case.
    pub headers: Vec<String>,
    pub expose_headers: Vec<String>,
    pub max_age_seconds: Option<i32>,
    /// Cookies and the like are let through where the origin is named.
    pub credentials: bool,
}

/// The first rule that lets a request of this origin through; `headers` are those it asks for.
pub fn allowed(
    configuration: &CORSConfiguration,
    origin: &str,
    method: &str,
    headers: &[&str],
) -> Option<Allowed> {
    configuration.cors_rules.iter().find_map(|rule| by_rule(rule, origin, method, headers))
}

fn by_rule(rule: &CORSRule, origin: &str, method: &str, headers: &[&str]) -> Option<Allowed> {
    let pattern = rule.allowed_origins.iter().find(|pattern| fits(pattern, origin, false))?;
    rule.allowed_methods.iter().find(|allowed| *allowed == method)?;
    let takes = |header: &&str| {
        let patterns = rule.allowed_headers.iter().flatten();
        patterns.into_iter().any(|pattern| fits(pattern, header.trim(), true))
    };
    if !headers.iter().all(takes) {
        return None;
    }
    let is_open = pattern == "*";
    Some(Allowed {
        origin: if is_open { "*".to_owned() } else { origin.to_owned() },
        methods: rule.allowed_methods.clone(),
        headers: headers.iter().map(|header| header.trim().to_ascii_lowercase()).collect(),
        expose_headers: rule.expose_headers.clone().unwrap_or_default(),
        max_age_seconds: rule.max_age_seconds,
        credentials: !is_open,
    })
}

/// Whether a text fits a pattern with at most one star.
fn fits(pattern: &str, text: &str, ignores_case: bool) -> bool {
    let (pattern, text) = match ignores_case {
        true => (pattern.to_ascii_lowercase(), text.to_ascii_lowercase()),
        false => (pattern.to_owned(), text.to_owned()),
    };
    match pattern.split_once('*') {
        Some((start, end)) => {
            text.len() >= start.len() + end.len() && text.starts_with(start) && text.ends_with(end)
        }
        None => pattern == text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(origins: &[&str], methods: &[&str], headers: &[&str]) -> CORSRule {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        CORSRule {
            allowed_origins: owned(origins),
            allowed_methods: owned(methods),
            allowed_headers: Some(owned(headers)),
            ..CORSRule::default()
        }
    }

    #[test]
    fn the_first_rule_that_fits_answers() {
        let rules =
            vec![rule(&["http://www.example.com"], &["PUT"], &["x-amz-*"]), rule(&["*"], &["GET"], &[])];
        let configuration = CORSConfiguration { cors_rules: rules };
        let put = allowed(&configuration, "http://www.example.com", "PUT", &["X-Amz-Date"]).unwrap();
        assert_eq!((put.origin.as_str(), put.credentials), ("http://www.example.com", true));
        assert_eq!(put.headers, ["x-amz-date"]);
        let get = allowed(&configuration, "http://other.example", "GET", &[]).unwrap();
        assert_eq!((get.origin.as_str(), get.credentials), ("*", false));
        for (origin, method, headers) in [
            ("http://other.example", "PUT", &[][..]),
            ("http://www.example.com", "PUT", &["content-type"]),
            ("http://www.example.com", "DELETE", &[]),
        ] {
            assert_eq!(allowed(&configuration, origin, method, headers), None, "{origin} {method}");
        }
    }

    #[test]
    fn one_star_stands_for_anything() {
        assert!(fits("http://*.example.com", "http://a.b.example.com", false));
        assert!(!fits("http://*.example.com", "http://.example.co", false));
        assert!(!fits("ab*ba", "aba", false));
    }

    #[test]
    fn rules_that_s3_refuses_are_refused() {
        for bad in [
            rule(&["*"], &["PATCH"], &[]),
            rule(&["http://*.*"], &["GET"], &[]),
            rule(&["*"], &["GET"], &["x-*-*"]),
            rule(&[], &["GET"], &[]),
            CORSRule { expose_headers: Some(vec!["x-*".to_owned()]), ..rule(&["*"], &["GET"], &[]) },
        ] {
            assert!(check(&CORSConfiguration { cors_rules: vec![bad.clone()] }).is_err(), "{bad:?}");
        }
        assert!(check(&CORSConfiguration { cors_rules: Vec::new() }).is_err());
    }
}
