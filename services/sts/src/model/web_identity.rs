//! What the claims of a web identity's token mean: until when, for whom, with which tags and condition keys.
//!
//! Reference: "Available keys for AWS OIDC federation" and "Passing session tags using AssumeRoleWithWebIdentity" of the
//! IAM guide. Surprising: where there is an `azp`, it stands for the audience, and the audience is called `oaud`.

use std::collections::BTreeMap;

use base::{AccountId, Arn, Region, Timestamp};
use serde_json::Value;

use super::jwt::{Token, missing};
use super::names::is_session_name;
use super::tags::RequestedTags;
use crate::error::Error;
use crate::limits::CLOCK_SKEW_MAX;

const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY_CLAIM: &str = "https://aws.amazon.com/source_identity";

/// What a token says that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    pub issuer: String,
    pub subject: String,
    /// The one of the token's audiences that the provider is known for.
    pub audience: String,
    pub tags: RequestedTags,
    pub source_identity: Option<String>,
    /// `aud`, `sub` and so on; with the provider's address before them these are condition keys.
    keys: Vec<(&'static str, Vec<String>)>,
}

/// The ARNs under which IAM may keep the provider of a token, in the account of the role: with the slash at the end
/// that some issuers have, and without.
pub fn provider_arns(issuer: &str, account: AccountId, region: Region) -> Result<Vec<Arn>, Error> {
    let address = issuer.strip_prefix("https://").filter(|address| !address.is_empty());
    let address = address.ok_or_else(|| no_provider(issuer))?;
    let mut addresses = vec![address, address.trim_end_matches('/')];
    addresses.dedup();
    let arn = |address| Arn::global("iam", region, account, format!("oidc-provider/{address}"));
    Ok(addresses.into_iter().map(arn).collect())
}

pub fn no_provider(issuer: &str) -> Error {
    Error::InvalidToken(format!("No OpenIDConnect provider found in your account for {issuer}"))
}

impl WebIdentity {
    /// Reads a token for a provider that knows some clients.
    pub fn read(token: &Token<'_>, clients: &[String]) -> Result<WebIdentity, Error> {
        let (issuer, subject) = (token.required("iss")?, token.required("sub")?);
        let audiences = token.texts("aud");
        if audiences.is_empty() {
            return Err(missing("aud"));
        }
        let authorized = token.text("azp").filter(|party| !party.is_empty());
        let presented = authorized.map_or_else(|| audiences.clone(), |party| vec![party.to_owned()]);
        let known = presented.iter().find(|audience| clients.contains(audience));
        let audience = known.ok_or_else(|| Error::InvalidToken("Incorrect token audience".to_owned()))?;
        let mut keys = vec![("aud", vec![audience.clone()]), ("sub", vec![subject.to_owned()])];
        if authorized.is_some() {
            keys.push(("oaud", audiences));
        }
        for name in ["amr", "email"] {
            let values = token.texts(name);
            if !values.is_empty() {
                keys.push((name, values));
            }
        }
        Ok(WebIdentity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            audience: audience.clone(),
            tags: tags(token)?,
            source_identity: source_identity(token)?,
            keys,
        })
    }

    /// The condition keys, lower case, of a provider whose address is without its scheme.
    pub fn keys(&self, address: &str) -> BTreeMap<String, Vec<String>> {
        let address = address.to_ascii_lowercase();
        self.keys.iter().map(|(name, values)| (format!("{address}:{name}"), values.clone())).collect()
    }
}

/// Whether the token holds now.
pub fn check_times(token: &Token<'_>, now: Timestamp) -> Result<(), Error> {
    let expires = token.seconds("exp")?.ok_or_else(|| missing("exp"))?;
    let issued = token.seconds("iat")?.ok_or_else(|| missing("iat"))?;
    let seconds = now.as_secs();
    if expires <= seconds {
        return Err(Error::ExpiredToken(format!(
            "Token expired: current date/time {seconds} must be before the expiration date/time {expires}"
        )));
    }
    let latest = (now + CLOCK_SKEW_MAX).as_secs();
    let begins = token.seconds("nbf")?.unwrap_or(issued).max(issued);
    if begins > latest {
        return Err(Error::InvalidToken(format!(
            "Token not yet valid: current date/time {seconds} must not be before {begins}"
        )));
    }
    Ok(())
}

/// Tags come as one nested claim, or as one claim each with the whole path as its name.
fn tags(token: &Token<'_>) -> Result<RequestedTags, Error> {
    let wrong = || Error::InvalidToken(format!("The claim {TAGS_CLAIM} is not valid."));
    let mut found = RequestedTags::default();
    if let Some(claim) = token.claims.get(TAGS_CLAIM) {
        let claim = claim.as_object().ok_or_else(wrong)?;
        if let Some(tags) = claim.get("principal_tags") {
            for (key, value) in tags.as_object().ok_or_else(wrong)? {
                found.tags.push((key.clone(), one_text(value).ok_or_else(wrong)?));
            }
        }
        if let Some(keys) = claim.get("transitive_tag_keys") {
            found.transitive_keys = all_texts(keys).ok_or_else(wrong)?;
        }
    }
    for (name, value) in &token.claims {
        let Some(path) = name.strip_prefix(TAGS_CLAIM).and_then(|rest| rest.strip_prefix('/')) else {
            continue;
        };
        match path.strip_prefix("principal_tags/") {
            Some(key) => found.tags.push((key.to_owned(), one_text(value).ok_or_else(wrong)?)),
            None if path == "transitive_tag_keys" => {
                found.transitive_keys = all_texts(value).ok_or_else(wrong)?;
            }
            None => return Err(wrong()),
        }
    }
    let is_too_long = |(key, value): &(String, String)| {
        key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256
    };
    if found.tags.iter().any(is_too_long) { Err(wrong()) } else { Ok(found) }
}

fn one_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => match list.as_slice() {
            [Value::String(text)] => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn all_texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(list) => list.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn source_identity(token: &Token<'_>) -> Result<Option<String>, Error> {
    let Some(claim) = token.claims.get(SOURCE_IDENTITY_CLAIM) else { return Ok(None) };
    let name =
        claim.as_str().filter(|name| is_session_name(name) && !name.to_ascii_lowercase().starts_with("aws:"));
    let name = name.ok_or_else(|| {
        Error::InvalidToken(
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"".to_owned(),
        )
    })?;
    Ok(Some(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    fn text(claims: &Value) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(r#"{"alg":"RS256"}"#), encode(&claims.to_string()), encode("x"))
    }

    fn read(claims: &Value) -> Result<WebIdentity, Error> {
        WebIdentity::read(&Token::read(&text(claims)).unwrap(), &["client".to_owned()])
    }

    #[test]
    fn the_audience_must_be_known_and_azp_stands_for_it() {
        let claims = |aud: Value, azp: Value| json!({"iss": "https://i", "sub": "s", "aud": aud, "azp": azp});
        for (aud, azp, fits) in [
            (json!("client"), json!(null), true),
            (json!(["other", "client"]), json!(null), true),
            (json!("other"), json!("client"), true),
            (json!("client"), json!("other"), false),
            (json!("other"), json!(null), false),
            (json!([]), json!("client"), false),
        ] {
            assert_eq!(read(&claims(aud.clone(), azp.clone())).is_ok(), fits, "{aud} {azp}");
        }
        let keys = read(&claims(json!(["x", "y"]), json!("client"))).unwrap().keys("Idp.example.com/a");
        assert_eq!(keys["idp.example.com/a:aud"], ["client"]);
        assert_eq!(keys["idp.example.com/a:oaud"], ["x", "y"]);
        assert_eq!(keys["idp.example.com/a:sub"], ["s"]);
    }

    #[test]
    fn tags_come_in_two_forms() {
        let nested = json!({"iss": "https://i", "sub": "s", "aud": "client", TAGS_CLAIM: {
            "principal_tags": {"Project": ["Automation"], "Cost": "1"}, "transitive_tag_keys": ["Project"]}});
        let flat = json!({"iss": "https://i", "sub": "s", "aud": "client",
            "https://aws.amazon.com/tags/principal_tags/Project": "Automation",
            "https://aws.amazon.com/tags/principal_tags/Cost": ["1"],
            "https://aws.amazon.com/tags/transitive_tag_keys": ["Project"]});
        let (nested, flat) = (read(&nested).unwrap().tags, read(&flat).unwrap().tags);
        assert_eq!(nested, flat);
        assert_eq!(nested.tags[0], ("Project".to_owned(), "Automation".to_owned()));
        assert_eq!(nested.transitive_keys, ["Project"]);
        for bad in
            [json!([]), json!({"principal_tags": {"a": ["1", "2"]}}), json!({"principal_tags": {"a": 1}})]
        {
            let claims = json!({"iss": "https://i", "sub": "s", "aud": "client", TAGS_CLAIM: bad});
            assert!(read(&claims).is_err(), "{claims}");
        }
    }

    #[test]
    fn tokens_hold_from_their_issue_to_their_end() {
        let now = Timestamp::from_secs(1_000);
        let skew = i64::try_from(CLOCK_SKEW_MAX.as_secs()).unwrap();
        for (claims, expected) in [
            (json!({"exp": 1_001, "iat": 900}), "ok"),
            (json!({"exp": 1_000, "iat": 900}), "expired"),
            (json!({"exp": 9_000, "iat": 1_000 + skew}), "ok"),
            (json!({"exp": 9_000, "iat": 1_001 + skew}), "invalid"),
            (json!({"exp": 9_000, "iat": 900, "nbf": 1_001 + skew}), "invalid"),
            (json!({"iat": 900}), "invalid"),
            (json!({"exp": 9_000}), "invalid"),
            (json!({"exp": "9000", "iat": 900}), "invalid"),
        ] {
            let text = text(&claims);
            let found = match check_times(&Token::read(&text).unwrap(), now) {
                Ok(()) => "ok",
                Err(Error::ExpiredToken(_)) => "expired",
                Err(_) => "invalid",
            };
            assert_eq!(found, expected, "{claims}");
        }
    }

    #[test]
    fn only_issuers_of_https_have_a_provider() {
        let arns = |issuer| provider_arns(issuer, AccountId::DEV, Region::US_EAST_1);
        let plain = "arn:aws:iam::000000000000:oidc-provider/idp.example.com/a";
        for (issuer, expected) in [
            ("https://idp.example.com/a", vec![plain.to_owned()]),
            ("https://idp.example.com/a/", vec![format!("{plain}/"), plain.to_owned()]),
        ] {
            let found: Vec<String> = arns(issuer).unwrap().iter().map(Arn::to_string).collect();
            assert_eq!(found, expected);
        }
        for bad in ["http://idp.example.com", "https://", "idp.example.com", ""] {
            assert!(arns(bad).is_err(), "{bad}");
        }
    }
}
