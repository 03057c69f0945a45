//! What IAM's resources are called.

use base::{AccountId, Arn, Region};

use crate::error::Error;

/// `arn:aws:iam::123456789012:user/division/bob`, with `kind` as `user` and the path with its slashes.
pub fn entity(account: AccountId, kind: &str, path: &str, name: &str) -> Arn {
    Arn::global("iam", Region::US_EAST_1, account, format!("{kind}{path}{name}"))
}

/// `arn:aws:iam::123456789012:oidc-provider/accounts.example.com`
pub fn plain(account: AccountId, kind: &str, name: &str) -> Arn {
    Arn::global("iam", Region::US_EAST_1, account, format!("{kind}/{name}"))
}

/// `arn:aws:iam::123456789012:root`
pub fn root(account: AccountId) -> Arn {
    Arn::global("iam", Region::US_EAST_1, account, "root")
}

/// The path, from the first slash to the last: `/division/`.
pub fn path(arn: &str) -> &str {
    match (arn.find('/'), arn.rfind('/')) {
        (Some(first), Some(last)) => &arn[first..=last],
        _ => "/",
    }
}

/// What follows the last slash: the name of what an ARN names.
pub fn name(arn: &str) -> &str {
    arn.rsplit('/').next().expect("a split has a last part")
}

/// An ARN that a caller names something by.
pub fn parse(text: &str) -> Result<Arn, Error> {
    text.parse().map_err(|_| invalid(text))
}

/// The ARN of a resource of IAM: `kind` is `policy`, `oidc-provider` or the like. It has no region, and the partition
/// of the region that is called. Our own answers name `aws` everywhere, so that is good everywhere too.
pub fn of_kind(text: &str, kind: &str, called: Region) -> Result<Arn, Error> {
    let arn = parse(text)?;
    let partition = called.partition().as_str();
    let mut fields = text.split(':').skip(3);
    let (region, owner) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
    let of_kind =
        arn.resource().strip_prefix(kind).is_some_and(|rest| rest.len() > 1 && rest.starts_with('/'));
    let fits = arn.service() == "iam"
        && [partition, "aws"].contains(&arn.partition())
        && region.is_empty()
        && (arn.account().is_some() || owner == "aws");
    if fits && of_kind { Ok(arn) } else { Err(invalid(text)) }
}

pub fn invalid(text: &str) -> Error {
    Error::InvalidInput(format!("ARN {text} is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_to_be_of_the_kind_and_partition() {
        let china = Region::parse("cn-north-1").unwrap();
        for (text, called, good) in [
            ("arn:aws:iam::123456789012:policy/p", Region::US_EAST_1, true),
            ("arn:aws:iam::aws:policy/service-role/p", Region::US_EAST_1, true),
            ("arn:aws-cn:iam::aws:policy/p", china, true),
            ("arn:aws:iam::123456789012:policy/p", china, true),
            ("arn:aws-cn:iam::aws:policy/p", Region::US_EAST_1, false),
            ("arn:aws:iam:us-east-1:123456789012:policy/p", Region::US_EAST_1, false),
            ("arn:aws:sqs::123456789012:policy/p", Region::US_EAST_1, false),
            ("arn:aws:iam::123456789012:role/p", Region::US_EAST_1, false),
            ("arn:aws:iam::123456789012:policy", Region::US_EAST_1, false),
            ("arn:aws:iam::123456789012:policy/", Region::US_EAST_1, false),
            ("arn:aws:iam::somebody:policy/p", Region::US_EAST_1, false),
            ("arn:aws:iam:::policy/p", Region::US_EAST_1, false),
            ("no ARN at all, but long enough", Region::US_EAST_1, false),
        ] {
            assert_eq!(of_kind(text, "policy", called).is_ok(), good, "{text}");
        }
    }
}
