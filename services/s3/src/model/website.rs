//! Website configurations: what is refused when one is set.
//! Reference: PutBucketWebsite of the API reference; "Configuring a redirect" of the S3 guide.

use s3_api::{Redirect, RoutingRule, WebsiteConfiguration};

use crate::error::{Error, INVALID_ARGUMENT, INVALID_REQUEST, MALFORMED_XML};
use crate::limits::ROUTING_RULES_MAX;

pub fn check(configuration: &WebsiteConfiguration) -> Result<(), Error> {
    let WebsiteConfiguration { error_document, index_document, redirect_all_requests_to, routing_rules } =
        configuration;
    if let Some(redirect) = redirect_all_requests_to {
        if error_document.is_some() || index_document.is_some() || routing_rules.is_some() {
            let message = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
            return Err(Error::worded(&INVALID_ARGUMENT, message));
        }
        return check_protocol(redirect.protocol.as_ref().map(s3_api::Protocol::as_str));
    }
    let Some(index) = index_document else {
        let message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
        return Err(Error::argument(message, "IndexDocument", "null"));
    };
    if index.suffix.is_empty() || index.suffix.contains('/') {
        return Err(Error::argument(
            "The IndexDocument Suffix is not well formed",
            "IndexDocument",
            &index.suffix,
        ));
    }
    if let Some(error) = error_document.as_ref().filter(|error| error.key.is_empty()) {
        return Err(Error::argument("The ErrorDocument Key is not well formed", "ErrorDocument", &error.key));
    }
    let rules = routing_rules.as_deref().unwrap_or_default();
    if rules.len() > ROUTING_RULES_MAX {
        return Err(Error::worded(
            &INVALID_REQUEST,
            format!(
                "{} routing rules provided, the number of routing rules in a website configuration is limited to \
                 {ROUTING_RULES_MAX}.",
                rules.len()
            ),
        ));
    }
    rules.iter().try_for_each(check_rule)
}

fn check_rule(rule: &RoutingRule) -> Result<(), Error> {
    let refused = |message: String| Err(Error::worded(&INVALID_REQUEST, message));
    if let Some(condition) = &rule.condition {
        let error_code = condition.http_error_code_returned_equals.as_deref();
        if error_code.is_none() && condition.key_prefix_equals.is_none() {
            let message = "Condition cannot be empty. To redirect all requests without a condition, the condition \
                           element shouldn't be present.";
            return refused(message.to_owned());
        }
        if let Some(code) = error_code.filter(|code| !matches!(code.parse(), Ok(400..=599_u16))) {
            return refused(format!(
                "The provided HTTP error code ({code}) is not valid. Valid codes are 4XX or 5XX."
            ));
        }
    }
    check_redirect(&rule.redirect)
}

fn check_redirect(redirect: &Redirect) -> Result<(), Error> {
    let refused = |message: String| Err(Error::worded(&INVALID_REQUEST, message));
    if *redirect == Redirect::default() {
        return Err(Error::new(&MALFORMED_XML));
    }
    if redirect.replace_key_with.is_some() && redirect.replace_key_prefix_with.is_some() {
        return refused("You can only define ReplaceKeyPrefix or ReplaceKey but not both.".to_owned());
    }
    let code = redirect.http_redirect_code.as_deref();
    if let Some(code) = code.filter(|code| !matches!(code.parse(), Ok(301..=399_u16))) {
        return refused(format!(
            "The provided HTTP redirect code ({code}) is not valid. Valid codes are 3XX except 300."
        ));
    }
    check_protocol(redirect.protocol.as_ref().map(s3_api::Protocol::as_str))
}

fn check_protocol(protocol: Option<&str>) -> Result<(), Error> {
    if protocol.is_none_or(|protocol| matches!(protocol, "http" | "https")) {
        return Ok(());
    }
    let message = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                   automatically.";
    Err(Error::worded(&INVALID_REQUEST, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3_api::{Condition, ErrorDocument, IndexDocument, RedirectAllRequestsTo};

    fn site(rules: Vec<RoutingRule>) -> WebsiteConfiguration {
        WebsiteConfiguration {
            index_document: Some(IndexDocument { suffix: "index.html".to_owned() }),
            routing_rules: Some(rules),
            ..WebsiteConfiguration::default()
        }
    }

    fn rule(code: Option<&str>, redirect: Redirect) -> RoutingRule {
        let condition = code.map(|code| Condition {
            http_error_code_returned_equals: Some(code.to_owned()),
            ..Condition::default()
        });
        RoutingRule { condition, redirect }
    }

    fn to_host() -> Redirect {
        Redirect { host_name: Some("example.com".to_owned()), ..Redirect::default() }
    }

    #[test]
    fn a_site_has_an_index_or_sends_everybody_elsewhere() {
        assert!(check(&site(Vec::new())).is_ok());
        let elsewhere = RedirectAllRequestsTo { host_name: "example.com".to_owned(), protocol: None };
        let elsewhere =
            WebsiteConfiguration { redirect_all_requests_to: Some(elsewhere), ..Default::default() };
        assert!(check(&elsewhere).is_ok());
        let both = WebsiteConfiguration {
            error_document: Some(ErrorDocument { key: "error.html".to_owned() }),
            ..elsewhere
        };
        assert!(check(&both).is_err());
        assert!(check(&WebsiteConfiguration::default()).is_err());
        for suffix in ["", "a/b"] {
            let index = IndexDocument { suffix: suffix.to_owned() };
            assert!(
                check(&WebsiteConfiguration { index_document: Some(index), ..Default::default() }).is_err()
            );
        }
    }

    #[test]
    fn rules_redirect_with_proper_codes() {
        assert!(check(&site(vec![rule(Some("404"), to_host())])).is_ok());
        let with = |code: &str| Redirect { http_redirect_code: Some(code.to_owned()), ..to_host() };
        assert!(check(&site(vec![rule(None, with("302"))])).is_ok());
        let both = Redirect {
            replace_key_with: Some("a".to_owned()),
            replace_key_prefix_with: Some("b".to_owned()),
            ..Redirect::default()
        };
        for bad in [
            rule(Some("200"), to_host()),
            rule(None, with("300")),
            rule(None, with("200")),
            rule(None, both),
            rule(None, Redirect::default()),
            rule(None, Redirect { protocol: Some("ftp".into()), ..to_host() }),
        ] {
            assert!(check(&site(vec![bad.clone()])).is_err(), "{bad:?}");
        }
        assert!(check(&site(vec![rule(None, to_host()); 51])).is_err());
    }
}
