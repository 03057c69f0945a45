//! The credential of a request: `keyid/date/region/service/aws4_request`.

use std::borrow::Cow;

use super::authorization::Algorithm;

/// Who signs, and what the signing key is good for. Borrows from the request where it can.
#[derive(Clone, Debug)]
pub struct CredentialScope<'a> {
    text: Cow<'a, str>,
    /// Where the slashes are. Signature Version 4a names no region; its second and third slash coincide.
    slashes: [usize; 4],
}

impl<'a> CredentialScope<'a> {
    /// Reads a credential; nothing if it has not exactly five parts (four with Signature Version 4a).
    pub(crate) fn parse(text: Cow<'a, str>, algorithm: Algorithm) -> Option<CredentialScope<'a>> {
        let mut found = text.bytes().enumerate().filter(|(_, byte)| *byte == b'/').map(|(at, _)| at);
        let slashes = match algorithm {
            Algorithm::HmacSha256 => [found.next()?, found.next()?, found.next()?, found.next()?],
            Algorithm::EcdsaP256Sha256 => {
                let (key_end, date_end, service_end) = (found.next()?, found.next()?, found.next()?);
                [key_end, date_end, date_end, service_end]
            }
        };
        let surplus = found.next().is_some();
        (!surplus).then_some(CredentialScope { text, slashes })
    }

    /// As presented: it may name no key at all.
    pub fn access_key_id(&self) -> &str {
        &self.text[..self.slashes[0]]
    }

    /// `YYYYMMDD`, if the caller kept to the form.
    pub fn date(&self) -> &str {
        &self.text[self.slashes[0] + 1..self.slashes[1]]
    }

    /// Empty with Signature Version 4a, where a header holds the set of regions.
    pub fn region(&self) -> &str {
        self.text.get(self.slashes[1] + 1..self.slashes[2]).unwrap_or("")
    }

    pub fn service(&self) -> &str {
        &self.text[self.slashes[2] + 1..self.slashes[3]]
    }

    /// `aws4_request` in every valid request.
    pub fn terminator(&self) -> &str {
        &self.text[self.slashes[3] + 1..]
    }

    /// The scope without the key: what the string to sign names.
    pub(crate) fn scope(&self) -> &str {
        &self.text[self.slashes[0] + 1..]
    }

    /// As presented.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_has_exactly_five_parts() {
        let parsed =
            CredentialScope::parse("AK/20150830/us-east-1/iam/aws4_request".into(), Algorithm::HmacSha256);
        let scope = parsed.unwrap();
        assert_eq!(
            (scope.access_key_id(), scope.date(), scope.region(), scope.service(), scope.terminator()),
            ("AK", "20150830", "us-east-1", "iam", "aws4_request")
        );
        assert_eq!(scope.scope(), "20150830/us-east-1/iam/aws4_request");
        for bad in ["", "AK", "AK/20150830/us-east-1/iam", "AK/x/20150830/us-east-1/iam/aws4_request"] {
            assert!(CredentialScope::parse(bad.into(), Algorithm::HmacSha256).is_none(), "{bad}");
        }
        assert!(CredentialScope::parse("////".into(), Algorithm::HmacSha256).is_some());
    }

    #[test]
    fn a_credential_of_version_4a_names_no_region() {
        let parsed = CredentialScope::parse("AK/20150830/s3/aws4_request".into(), Algorithm::EcdsaP256Sha256);
        let scope = parsed.unwrap();
        assert_eq!((scope.region(), scope.service(), scope.date()), ("", "s3", "20150830"));
        assert_eq!(scope.scope(), "20150830/s3/aws4_request");
    }
}
