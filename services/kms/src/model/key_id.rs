//! The four ways to name a key: key id, key ARN, alias name, alias ARN.

use base::Arn;
use service::Call;

use crate::error::Error;

/// What a `KeyId` in a request says.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyName {
    /// `1234abcd-12ab-34cd-56ef-1234567890ab` or `mrk-…`
    Id(String),
    /// With its `alias/`.
    Alias(String),
    /// Of a key or an alias.
    Arn(Arn),
}

impl KeyName {
    pub fn parse(text: &str) -> Result<KeyName, Error> {
        if text.starts_with("arn:") {
            let invalid = || Error::InvalidArn(format!("Invalid ARN: {text}"));
            let arn: Arn = text.parse().map_err(|_| invalid())?;
            let resource = arn.resource();
            let named = |prefix| resource.strip_prefix(prefix).is_some_and(|name: &str| !name.is_empty());
            let is_whole = arn.service() == "kms" && arn.account().is_some();
            return match is_whole && (named("key/") || named("alias/")) {
                true => Ok(KeyName::Arn(arn)),
                false => Err(invalid()),
            };
        }
        match text.strip_prefix("alias/") {
            Some(name) if !name.is_empty() => Ok(KeyName::Alias(text.to_owned())),
            None if is_key_id(text) => Ok(KeyName::Id(text.to_owned())),
            _ => Err(Error::InvalidKeyId(text.to_owned())),
        }
    }

    pub fn is_alias(&self) -> bool {
        self.alias().is_some()
    }

    /// The alias with its `alias/`, however it was named.
    pub fn alias(&self) -> Option<&str> {
        match self {
            KeyName::Id(_) => None,
            KeyName::Alias(name) => Some(name),
            KeyName::Arn(arn) => Some(arn.resource()).filter(|name| name.starts_with("alias/")),
        }
    }

    /// In the call's region, and in its account unless the name says otherwise.
    pub fn to_arn(&self, call: &Call) -> Result<Arn, Error> {
        match self {
            KeyName::Id(id) => Ok(call.arn("kms", format!("key/{id}"))),
            KeyName::Alias(name) => Ok(call.arn("kms", name)),
            KeyName::Arn(arn) => {
                if arn.region() != Some(call.region) || arn.partition() != call.region.partition().as_str() {
                    let region = arn.as_str().split(':').nth(3).unwrap_or_default();
                    return Err(Error::OtherRegion(region.to_owned()));
                }
                // The keys of AWS's services belong to their account alone, so a stranger cannot bring one about.
                let foreign = arn.account() != Some(call.account);
                if foreign && arn.resource().starts_with("alias/aws/") {
                    return Err(Error::AliasNotFound(arn.clone()));
                }
                Ok(arn.clone())
            }
        }
    }
}

/// The ids KMS gives: a UUID, or of multi-region keys `mrk-` and 32 hexadecimal digits.
fn is_key_id(text: &str) -> bool {
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(rest) = text.strip_prefix("mrk-") {
        return rest.len() == 32 && is_hex(rest);
    }
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12] && parts.into_iter().all(is_hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_key_is_named_in_four_ways() {
        for (text, alias) in [
            (ID, None),
            ("mrk-1234abcd12ab34cd56ef1234567890ab", None),
            ("alias/orders", Some("alias/orders")),
            ("arn:aws:kms:us-east-1:123456789012:alias/a/b", Some("alias/a/b")),
            (&format!("arn:aws:kms:us-east-1:123456789012:key/{ID}"), None),
        ] {
            assert_eq!(KeyName::parse(text).unwrap().alias(), alias, "{text}");
        }
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for text in ["", "orders", "alias/", "mrk-12", "1234abcd-12ab-34cd-56ef-1234567890ag"] {
            assert_eq!(KeyName::parse(text), Err(Error::InvalidKeyId(text.to_owned())), "{text}");
        }
        for text in [
            "arn:aws:kms:us-east-1:123456789012:orders",
            "arn:aws:s3:::bucket",
            "arn:aws:kms:us-east-1::key/x",
            "arn:aws:kms",
        ] {
            assert!(matches!(KeyName::parse(text), Err(Error::InvalidArn(_))), "{text}");
        }
    }
}
