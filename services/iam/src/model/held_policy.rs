//! A permissions policy with its holder: the user, group or role it is embedded in or attached to.

use base::Arn;

use crate::error::Error;
use crate::model::arns;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    User,
    Group,
    Role,
}

#[derive(Clone, Debug)]
pub struct HeldPolicy {
    pub name: String,
    /// Of managed policies.
    pub arn: Option<String>,
    pub holder: Holder,
    pub holder_name: String,
    pub document: String,
}

impl Holder {
    pub fn as_str(self) -> &'static str {
        match self {
            Holder::User => "user",
            Holder::Group => "group",
            Holder::Role => "role",
        }
    }
}

/// The kind and the name in an ARN, if it is that of a user, group or role.
pub fn holder(arn: &str) -> Result<(Holder, &str), Error> {
    let unclear = || {
        Error::InvalidInput(format!(
            "Invalid Entity Arn: {arn} does not clearly define entity type and name."
        ))
    };
    let parsed: Arn = arn.parse().map_err(|_| unclear())?;
    let (kind, _) = parsed.resource().split_once('/').ok_or_else(unclear)?;
    let holder = match kind {
        "user" => Holder::User,
        "group" => Holder::Group,
        "role" => Holder::Role,
        _ => return Err(unclear()),
    };
    let name = arns::name(arn);
    if parsed.service() == "iam" && !name.is_empty() { Ok((holder, name)) } else { Err(unclear()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_users_groups_and_roles_hold_policies() {
        assert_eq!(holder("arn:aws:iam::000000000000:user/a/b/bob").unwrap(), (Holder::User, "bob"));
        assert_eq!(holder("arn:aws:iam::000000000000:role/r").unwrap(), (Holder::Role, "r"));
        for bad in [
            "bob",
            "arn:aws:iam::000000000000:root",
            "arn:aws:iam::000000000000:policy/p",
            "arn:aws:sts::000000000000:assumed-role/r/s",
            "arn:aws:iam::000000000000:user/",
        ] {
            assert!(holder(bad).is_err(), "{bad}");
        }
    }
}
