//! What a caller may write for a parameter: its name or its ARN, and behind a colon a version or a label.
//!
//! Reference: GetParameter in the API reference; "Working with parameter labels" in the user guide.

use base::{AccountId, Arn, Region};

use super::name::ParameterName;
use crate::error::Error;

/// Which version is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    Version(u64),
    Label(String),
}

/// A parameter as somebody named it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub account: AccountId,
    pub region: Region,
    pub name: ParameterName,
    /// By ARN, which does not tell whether the name begins with a slash.
    pub by_arn: bool,
    /// As it was written, without the colon.
    pub selector: Option<String>,
}

impl Address {
    pub fn parse(text: &str, region: Region, account: AccountId) -> Result<Address, Error> {
        let text = text.trim();
        if text.starts_with("arn:") {
            return Address::of_arn(text, region);
        }
        let (name, selector) = split(text);
        Ok(Address { account, region, name: ParameterName::parse(name)?, by_arn: false, selector })
    }

    fn of_arn(text: &str, region: Region) -> Result<Address, Error> {
        let wrong = || Error::Validation(format!("Invalid parameter ARN: {text}."));
        let arn: Arn = text.parse().map_err(|_| wrong())?;
        let rest =
            arn.resource().strip_prefix("parameter/").filter(|_| arn.service() == "ssm").ok_or_else(wrong)?;
        let (name, selector) = split(rest);
        let name = ParameterName::parse(&format!("/{}", name.trim_start_matches('/')))?;
        // Parameters are reached in the region where they are; AWS's own belong to no account.
        if arn.region() != Some(region) || (arn.account().is_none() && !name.is_public()) {
            return Err(wrong());
        }
        let account = arn.account().unwrap_or(AccountId::DEV);
        Ok(Address { account, region, name, by_arn: true, selector })
    }

    pub fn arn(&self) -> Arn {
        match self.name.is_public() {
            true => public_arn(&self.name, self.region),
            false => self.name.arn(self.region, self.account),
        }
    }

    pub fn selector(&self) -> Option<Selector> {
        let text = self.selector.as_deref()?;
        // Labels cannot begin with a digit.
        Some(text.parse().map_or_else(|_| Selector::Label(text.to_owned()), Selector::Version))
    }

    /// Whether a parameter that is kept under this name is the one that is meant.
    pub fn means(&self, name: &str) -> bool {
        self.by_arn || self.name.as_str() == name
    }
}

fn split(text: &str) -> (&str, Option<String>) {
    match text.split_once(':') {
        Some((name, selector)) => (name, Some(selector.to_owned())),
        None => (text, None),
    }
}

/// AWS's own parameters have an ARN without an account.
pub fn public_arn(name: &ParameterName, region: Region) -> Arn {
    let partition = region.partition().as_str();
    let text = format!("arn:{partition}:ssm:{region}::parameter/{}", name.bare());
    text.parse().expect("it has all the parts of an ARN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_named_in_many_ways() {
        let parse = |text: &str| Address::parse(text, Region::US_EAST_1, AccountId::DEV);
        let version = Some(Selector::Version(3));
        for (text, arn, selector) in [
            ("a", "arn:aws:ssm:us-east-1:000000000000:parameter/a", None),
            (" /a/b ", "arn:aws:ssm:us-east-1:000000000000:parameter/a/b", None),
            ("/a/b:3", "arn:aws:ssm:us-east-1:000000000000:parameter/a/b", version.clone()),
            (
                "a:prod",
                "arn:aws:ssm:us-east-1:000000000000:parameter/a",
                Some(Selector::Label("prod".into())),
            ),
            (
                "arn:aws:ssm:us-east-1:111122223333:parameter/a/b:3",
                "arn:aws:ssm:us-east-1:111122223333:parameter/a/b",
                version,
            ),
            ("/aws/service/x", "arn:aws:ssm:us-east-1::parameter/aws/service/x", None),
            (
                "arn:aws:ssm:us-east-1::parameter/aws/service/x",
                "arn:aws:ssm:us-east-1::parameter/aws/service/x",
                None,
            ),
        ] {
            let address = parse(text).unwrap();
            assert_eq!((address.arn().as_str(), address.selector()), (arn, selector), "{text}");
        }
        for bad in [
            "a b",
            "arn:aws:ssm",
            "arn:aws:sqs:us-east-1:111122223333:parameter/a",
            "arn:aws:ssm:eu-west-1:111122223333:parameter/a",
            "arn:aws:ssm:us-east-1::parameter/a",
            "arn:aws:ssm:us-east-1:111122223333:document/a",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
