//! What a signed assertion says, and whether it is meant for AWS, now, and for the role that is asked for.
//!
//! Reference: "Configure SAML assertions for the authentication response" and "Troubleshoot SAML federation with IAM" of
//! the IAM guide, from which the words are.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base::{AccountId, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;

use super::attributes::{self, PRINCIPAL_TAG, ROLE, SESSION_NAME, SOURCE_IDENTITY, TRANSITIVE_TAG_KEYS};
use super::xml::{PROTOCOL, SAML, children, only_child, text};
use crate::error::Error;
use crate::limits::{ASSERTION_AGE_MAX, CLOCK_SKEW_MAX};
use crate::model::names::is_session_name;
use crate::model::tags::RequestedTags;

const NAME_ID_FORMAT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// A signed assertion. Moments are checked by [`Assertion::check`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    pub issuer: String,
    pub subject: String,
    /// `persistent`, `transient`, or a format of somebody else's.
    pub subject_type: String,
    pub recipient: String,
    /// When the provider's own session ends, which ours does not outlive.
    pub session_ends: Option<Timestamp>,
    issued: Timestamp,
    begins: Option<Timestamp>,
    /// The earliest of all ends.
    ends: Timestamp,
    audiences: Vec<String>,
    attributes: BTreeMap<String, Vec<String>>,
}

impl Assertion {
    /// Reads the signed element, which is a response or its assertion.
    pub(super) fn read(signed: Node<'_, '_>) -> Result<Assertion, Error> {
        let assertion = match signed.has_tag_name((PROTOCOL, "Response")) {
            true => only_child(signed, SAML, "Assertion"),
            false => Some(signed),
        };
        if !was_successful(signed) {
            return Err(Error::ProviderRefused);
        }
        assertion.and_then(parts).ok_or_else(super::invalid_response)
    }

    /// Whether it is from that issuer, for AWS, and holds now.
    pub fn check(&self, issuer: &str, now: Timestamp) -> Result<(), Error> {
        let invalid = |message: &str| Err(Error::InvalidToken(message.to_owned()));
        if self.issuer != issuer {
            return invalid("Issuer not present in specified provider");
        }
        if !self.audiences.iter().any(|audience| is_aws(audience)) || !is_aws(&self.recipient) {
            return invalid("Response does not contain the required audience.");
        }
        if self.issued > now + CLOCK_SKEW_MAX
            || self.begins.is_some_and(|begins| begins > now + CLOCK_SKEW_MAX)
        {
            return invalid("Response is not yet valid.");
        }
        if self.issued + ASSERTION_AGE_MAX <= now {
            return Err(Error::ExpiredToken(
                "Token must be redeemed within 5 minutes of issuance".to_owned(),
            ));
        }
        if self.ends <= now || self.session_ends.is_some_and(|ends| ends <= now) {
            return Err(Error::ExpiredToken("SAML assertion is expired.".to_owned()));
        }
        Ok(())
    }

    /// Whether it lets its subject choose that role of that provider. The two ARNs come in either order.
    pub fn names(&self, role_arn: &str, provider_arn: &str) -> bool {
        self.all(ROLE).iter().any(|pair| {
            let mut parts: Vec<&str> = pair.split(',').map(str::trim).collect();
            parts.sort_unstable();
            let mut wanted = [role_arn, provider_arn];
            wanted.sort_unstable();
            parts == wanted
        })
    }

    pub fn session_name(&self) -> Result<&str, Error> {
        let invalid = |message: &str| Error::InvalidToken(message.to_owned());
        let [name] = self.all(SESSION_NAME) else {
            return Err(invalid("RoleSessionName is required in AuthnResponse"));
        };
        match is_session_name(name) {
            true => Ok(name),
            false => Err(invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}")),
        }
    }

    pub fn source_identity(&self) -> Result<Option<&str>, Error> {
        let Some(name) = self.all(SOURCE_IDENTITY).first() else { return Ok(None) };
        if is_session_name(name) && !name.to_ascii_lowercase().starts_with("aws:") {
            return Ok(Some(name));
        }
        Err(Error::InvalidToken(
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"".to_owned(),
        ))
    }

    pub fn tags(&self) -> RequestedTags {
        let tagged = self.attributes.iter().filter_map(|(name, values)| {
            Some((name.strip_prefix(PRINCIPAL_TAG)?.to_owned(), values.first()?.clone()))
        });
        RequestedTags { tags: tagged.collect(), transitive_keys: self.all(TRANSITIVE_TAG_KEYS).to_vec() }
    }

    /// Tells this subject from those of other providers: a hash over the issuer and the provider's name.
    pub fn name_qualifier(&self, account: AccountId, provider: &str) -> String {
        let text = format!("{}{account}/{provider}", self.issuer);
        STANDARD.encode(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()))
    }

    /// The condition keys, lower case.
    pub fn keys(&self, account: AccountId, provider: &str) -> BTreeMap<String, Vec<String>> {
        let own = [
            ("aud", self.recipient.clone()),
            ("iss", self.issuer.clone()),
            ("sub", self.subject.clone()),
            ("sub_type", self.subject_type.clone()),
            ("doc", format!("{account}/{provider}")),
            ("namequalifier", self.name_qualifier(account, provider)),
        ];
        let own = own.into_iter().map(|(key, value)| (format!("saml:{key}"), vec![value]));
        let others = self.attributes.iter().filter_map(|(name, values)| {
            attributes::key(name).map(|key| (format!("saml:{key}"), values.clone()))
        });
        others.chain(own).collect()
    }

    fn all(&self, attribute: &str) -> &[String] {
        self.attributes.get(attribute).map_or(&[], Vec::as_slice)
    }
}

/// A response says how the sign-in went, if it is there to say it.
fn was_successful(signed: Node<'_, '_>) -> bool {
    let Some(status) = children(signed, PROTOCOL, "Status").next() else { return true };
    let code = only_child(status, PROTOCOL, "StatusCode").and_then(|code| code.attribute("Value"));
    code == Some(SUCCESS)
}

fn parts(assertion: Node<'_, '_>) -> Option<Assertion> {
    let subject = only_child(assertion, SAML, "Subject")?;
    let name = only_child(subject, SAML, "NameID")?;
    let mut confirmations = children(subject, SAML, "SubjectConfirmation");
    let bearer = confirmations.find(|one| one.attribute("Method") == Some(BEARER))?;
    let confirmation = only_child(bearer, SAML, "SubjectConfirmationData")?;
    let conditions = only_child(assertion, SAML, "Conditions")?;
    let restrictions = children(conditions, SAML, "AudienceRestriction");
    let audiences = restrictions.flat_map(|one| children(one, SAML, "Audience")).filter_map(text);
    let format = name.attribute("Format").unwrap_or_default();
    let ends = moment(confirmation, "NotOnOrAfter")?;
    Some(Assertion {
        issuer: text(only_child(assertion, SAML, "Issuer")?)?,
        subject: text(name).filter(|name| !name.is_empty())?,
        subject_type: format.strip_prefix(NAME_ID_FORMAT).unwrap_or(format).to_owned(),
        recipient: confirmation.attribute("Recipient")?.to_owned(),
        session_ends: session_ends(assertion)?,
        issued: moment(assertion, "IssueInstant")?,
        begins: optional_moment(conditions, "NotBefore")?,
        ends: optional_moment(conditions, "NotOnOrAfter")?.map_or(ends, |other| other.min(ends)),
        audiences: audiences.collect(),
        attributes: read_attributes(assertion)?,
    })
}

/// The outer option is whether the moments that are there can be read.
fn session_ends(assertion: Node<'_, '_>) -> Option<Option<Timestamp>> {
    let mut earliest = None;
    for statement in children(assertion, SAML, "AuthnStatement") {
        if let Some(ends) = optional_moment(statement, "SessionNotOnOrAfter")? {
            earliest = Some(earliest.map_or(ends, |known: Timestamp| known.min(ends)));
        }
    }
    Some(earliest)
}

fn read_attributes(assertion: Node<'_, '_>) -> Option<BTreeMap<String, Vec<String>>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for statement in children(assertion, SAML, "AttributeStatement") {
        for attribute in children(statement, SAML, "Attribute") {
            let values = all.entry(attribute.attribute("Name")?.to_owned()).or_default();
            values.extend(children(attribute, SAML, "AttributeValue").filter_map(text));
        }
    }
    Some(all)
}

fn moment(node: Node<'_, '_>, name: &str) -> Option<Timestamp> {
    optional_moment(node, name)?
}

fn optional_moment(node: Node<'_, '_>, name: &str) -> Option<Option<Timestamp>> {
    match node.attribute(name) {
        None => Some(None),
        Some(text) => Timestamp::parse_iso8601(text).map(Some),
    }
}

/// AWS's sign-in endpoints, of all partitions and regions, and the name it goes by as a service provider.
fn is_aws(address: &str) -> bool {
    if address == "urn:amazon:webservices" {
        return true;
    }
    let Some((host, path)) = address.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let domains =
        ["signin.aws.amazon.com", "signin.amazonaws.cn", "signin.amazonaws-us-gov.com", "signin.aws"];
    let is_region = |label: &str| label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let fits = domains.iter().any(|domain| match host.strip_suffix(domain) {
        Some("") => true,
        Some(region) => region.strip_suffix('.').is_some_and(is_region),
        None => false,
    });
    fits && (path == "saml" || path.starts_with("saml/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_aws_is_the_audience() {
        for good in [
            "https://signin.aws.amazon.com/saml",
            "https://eu-west-1.signin.aws.amazon.com/saml/acs/SAMLSP4",
            "https://signin.amazonaws.cn/saml",
            "urn:amazon:webservices",
        ] {
            assert!(is_aws(good), "{good}");
        }
        for bad in [
            "https://signin.aws.amazon.com",
            "https://signin.aws.amazon.com/other",
            "https://evilsignin.aws.amazon.com/saml",
            "https://signin.aws.amazon.com.evil/saml",
            "https://a/b.signin.aws.amazon.com/saml",
            "http://signin.aws.amazon.com/saml",
            "",
        ] {
            assert!(!is_aws(bad), "{bad}");
        }
    }

    #[test]
    fn the_name_qualifier_is_the_documented_hash() {
        let assertion = Assertion {
            issuer: "https://example.com/saml".to_owned(),
            subject: "s".to_owned(),
            subject_type: "persistent".to_owned(),
            recipient: String::new(),
            session_ends: None,
            issued: Timestamp::EPOCH,
            begins: None,
            ends: Timestamp::EPOCH,
            audiences: Vec::new(),
            attributes: BTreeMap::from([(
                ROLE.to_owned(),
                vec!["arn:p , arn:r".to_owned(), "arn:x,arn:y,arn:z".to_owned()],
            )]),
        };
        let account = AccountId::new(123_456_789_012).unwrap();
        // BASE64 ( SHA1 ( "https://example.com/saml" + "123456789012" + "/MySAMLIdP" ) )
        assert_eq!(assertion.name_qualifier(account, "MySAMLIdP"), "1uAJanUnBc2XeUkHURMht+xam2c=");
        assert!(assertion.names("arn:r", "arn:p") && assertion.names("arn:p", "arn:r"));
        assert!(!assertion.names("arn:x", "arn:y") && !assertion.names("arn:r", "arn:r"));
    }
}
