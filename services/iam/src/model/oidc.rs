//! What may be an OpenID Connect provider: its URL, its client ids, the thumbprints of its certificates.
//!
//! IAM shows the URL without its scheme, and the provider's ARN ends in just that.

use crate::error::Error;
use crate::limits::{CLIENT_IDS_PER_PROVIDER_MAX, THUMBPRINTS_PER_PROVIDER_MAX};

const THUMBPRINT_DIGITS: usize = 40;

/// The provider's URL without its scheme: `accounts.example.com/tenant`.
pub fn provider_url(given: &str) -> Result<String, Error> {
    let invalid = || Error::Validation("Invalid Open ID Connect Provider URL".to_owned());
    let rest = given.strip_prefix("https://").ok_or_else(invalid)?;
    let host = rest.split('/').next().unwrap_or_default();
    let readable = rest.bytes().all(|byte| byte.is_ascii_graphic());
    if host.is_empty() || !readable || rest.contains(['?', '#', '@', '\\', '"', '<', '>']) {
        return Err(invalid());
    }
    Ok(rest.to_owned())
}

/// The host and port of a provider, to be connected to.
pub fn host_and_port(url: &str) -> (&str, u16) {
    let host = url.split('/').next().unwrap_or_default();
    match host.rsplit_once(':').map(|(name, port)| (name, port.parse())) {
        Some((name, Ok(port))) => (name, port),
        _ => (host, 443),
    }
}

pub fn client_ids(given: Option<Vec<String>>) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    for id in given.unwrap_or_default() {
        add_client_id(&mut ids, &id)?;
    }
    Ok(ids)
}

/// Adding what is there already changes nothing.
pub fn add_client_id(ids: &mut Vec<String>, id: &str) -> Result<(), Error> {
    if id.is_empty() || ids.iter().any(|known| known == id) {
        return Ok(());
    }
    if ids.len() >= CLIENT_IDS_PER_PROVIDER_MAX {
        let message = format!(
            "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENT_IDS_PER_PROVIDER_MAX}"
        );
        return Err(Error::LimitExceeded(message));
    }
    ids.push(id.to_owned());
    Ok(())
}

/// Thumbprints in lower case.
pub fn thumbprints(given: &[String]) -> Result<Vec<String>, Error> {
    if given.len() > THUMBPRINTS_PER_PROVIDER_MAX {
        let message =
            format!("Thumbprint list must contain fewer than {THUMBPRINTS_PER_PROVIDER_MAX} entries.");
        return Err(Error::InvalidInput(message));
    }
    let hexadecimal = |thumbprint: &String| {
        thumbprint.len() == THUMBPRINT_DIGITS && thumbprint.bytes().all(|digit| digit.is_ascii_hexdigit())
    };
    if !given.iter().all(hexadecimal) {
        let message = "Thumbprint must be a 40-character hexadecimal SHA-1 fingerprint.";
        return Err(Error::InvalidInput(message.to_owned()));
    }
    Ok(given.iter().map(|thumbprint| thumbprint.to_ascii_lowercase()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_an_https_url_without_a_query() {
        assert_eq!(provider_url("https://idp.example.com/t/1").unwrap(), "idp.example.com/t/1");
        assert_eq!(host_and_port("idp.example.com/t/1"), ("idp.example.com", 443));
        assert_eq!(host_and_port("localhost:8443/x"), ("localhost", 8443));
        for bad in [
            "http://a.b",
            "https://",
            "a.b",
            "https://a.b?c",
            "https://a.b#c",
            "https://u@a.b",
            "https://a b",
        ] {
            assert!(provider_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn client_ids_are_a_set_of_at_most_a_hundred() {
        let hundred: Vec<String> = (0..100).map(|number| format!("app-{number}")).collect();
        let mut ids = client_ids(Some(hundred)).unwrap();
        assert!(add_client_id(&mut ids, "app-7").is_ok());
        assert_eq!(ids.len(), 100);
        assert!(matches!(add_client_id(&mut ids, "one-more"), Err(Error::LimitExceeded(_))));
    }

    #[test]
    fn thumbprints_are_five_sha1_fingerprints_at_most() {
        let one = "A".repeat(40);
        assert_eq!(thumbprints(std::slice::from_ref(&one)).unwrap(), ["a".repeat(40)]);
        assert!(thumbprints(&vec![one; 6]).is_err());
        assert!(thumbprints(&["z".repeat(40)]).is_err());
    }
}
