//! What a website's configuration says of a request: pure functions.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use s3_api::{Condition, Redirect, RoutingRule, WebsiteConfiguration};

use crate::SiteRequest;

/// Where a client is sent instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub status: u16,
    pub location: String,
}

const MOVED_PERMANENTLY: u16 = 301;
const FOUND: u16 = 302;

/// In paths these stay as they are.
const PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// The key that a path names, without its first slash. Nothing if it is no text.
pub fn key_of(path: &str) -> Option<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    percent_decode_str(path).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// Where everything goes, if the whole site is elsewhere.
pub fn all_elsewhere(configuration: &WebsiteConfiguration, request: &SiteRequest<'_>) -> Option<Moved> {
    let to = configuration.redirect_all_requests_to.as_ref()?;
    let protocol = to.protocol.as_ref().map_or(scheme(request), |protocol| protocol.as_str());
    let location = format!("{protocol}://{}{}", to.host_name, request.path);
    Some(Moved { status: MOVED_PERMANENTLY, location })
}

/// The first rule that is about this key, and about this error (of rules that name one).
pub fn routed(
    configuration: &WebsiteConfiguration,
    request: &SiteRequest<'_>,
    key: &str,
    error: Option<u16>,
) -> Option<Moved> {
    let rules = configuration.routing_rules.as_deref().unwrap_or_default();
    let rule = rules.iter().find(|rule| is_for(rule.condition.as_ref(), key, error))?;
    Some(redirected(rule, request, key))
}

fn is_for(condition: Option<&Condition>, key: &str, error: Option<u16>) -> bool {
    let Some(condition) = condition else { return error.is_none() };
    let begins = condition.key_prefix_equals.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()));
    let code = condition.http_error_code_returned_equals.as_ref();
    begins && code.map(String::as_str) == error.map(|error| error.to_string()).as_deref()
}

fn redirected(rule: &RoutingRule, request: &SiteRequest<'_>, key: &str) -> Moved {
    let Redirect { host_name, http_redirect_code, protocol, replace_key_prefix_with, replace_key_with } =
        &rule.redirect;
    let prefix = rule.condition.as_ref().and_then(|condition| condition.key_prefix_equals.as_deref());
    let key = match (replace_key_with, replace_key_prefix_with) {
        (Some(whole), _) => whole.clone(),
        (None, Some(new)) => {
            let rest = key.strip_prefix(prefix.unwrap_or_default()).unwrap_or(key);
            format!("{new}{rest}")
        }
        (None, None) => key.to_owned(),
    };
    let protocol = protocol.as_ref().map_or(scheme(request), |protocol| protocol.as_str());
    let host = host_name.as_deref().unwrap_or(request.host);
    let status = http_redirect_code.as_ref().and_then(|code| code.parse().ok());
    let location = format!("{protocol}://{host}/{}", utf8_percent_encode(&key, PATH));
    Moved { status: status.unwrap_or(MOVED_PERMANENTLY), location }
}

/// What an object says about where it is now: a path on the same site, or an address.
pub fn object_elsewhere(location: &str) -> Moved {
    Moved { status: MOVED_PERMANENTLY, location: location.to_owned() }
}

/// A folder that was asked for without its slash.
pub fn as_folder(key: &str) -> Moved {
    Moved { status: FOUND, location: format!("/{}/", utf8_percent_encode(key, PATH)) }
}

fn scheme(request: &SiteRequest<'_>) -> &'static str {
    if request.secure_transport { "https" } else { "http" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};
    use s3_api::{Protocol, RedirectAllRequestsTo};

    fn check(
        configuration: &WebsiteConfiguration,
        path: &str,
        error: Option<u16>,
        expected: Option<(u16, &str)>,
    ) {
        let headers = HeaderMap::new();
        let request = SiteRequest {
            bucket: "b",
            region: None,
            method: &Method::GET,
            path,
            headers: &headers,
            host: "b.s3-website.localhost:4566",
            peer: std::net::IpAddr::from([127, 0, 0, 1]),
            secure_transport: false,
            request_id: "r",
        };
        let key = key_of(path).unwrap();
        let moved =
            all_elsewhere(configuration, &request).or_else(|| routed(configuration, &request, &key, error));
        let found = moved.as_ref().map(|moved| (moved.status, moved.location.as_str()));
        assert_eq!(found, expected, "{path} {error:?}");
    }

    fn rule(prefix: Option<&str>, error: Option<&str>, redirect: Redirect) -> RoutingRule {
        let condition = (prefix.is_some() || error.is_some()).then(|| Condition {
            key_prefix_equals: prefix.map(str::to_owned),
            http_error_code_returned_equals: error.map(str::to_owned),
        });
        RoutingRule { condition, redirect }
    }

    #[test]
    fn rules_go_by_prefix_and_by_error_in_their_order() {
        let renamed =
            Redirect { replace_key_prefix_with: Some("documents/".to_owned()), ..Redirect::default() };
        let elsewhere = Redirect {
            host_name: Some("example.com".to_owned()),
            protocol: Some(Protocol::Https),
            replace_key_prefix_with: Some("404/".to_owned()),
            http_redirect_code: Some("307".to_owned()),
            ..Redirect::default()
        };
        let sorry = Redirect { replace_key_with: Some("sorry page.html".to_owned()), ..Redirect::default() };
        let configuration = WebsiteConfiguration {
            routing_rules: Some(vec![
                rule(Some("docs/"), None, renamed),
                rule(Some("x/"), Some("404"), elsewhere),
                rule(None, Some("403"), sorry),
            ]),
            ..WebsiteConfiguration::default()
        };
        let here = "http://b.s3-website.localhost:4566";
        let to = |path: &str| format!("{here}/{path}");
        check(&configuration, "/docs/a%20b", None, Some((301, &to("documents/a%20b"))));
        check(&configuration, "/x/y", None, None);
        check(&configuration, "/x/y", Some(404), Some((307, "https://example.com/404/y")));
        check(&configuration, "/z", Some(404), None);
        check(&configuration, "/z", Some(403), Some((301, &to("sorry%20page.html"))));
    }

    #[test]
    fn a_site_can_be_elsewhere_altogether() {
        let configuration = WebsiteConfiguration {
            redirect_all_requests_to: Some(RedirectAllRequestsTo {
                host_name: "www.example.com".to_owned(),
                protocol: None,
            }),
            ..WebsiteConfiguration::default()
        };
        check(&configuration, "/a/b%20c", None, Some((301, "http://www.example.com/a/b%20c")));
    }
}
