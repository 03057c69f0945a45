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

pub fn invalid(text: &str) -> Error {
    Error::InvalidInput(format!("ARN {text} is not valid."))
}
