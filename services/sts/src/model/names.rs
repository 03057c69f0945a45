//! The names of roles, sessions and federated users.

use base::{AccountId, Arn, Region};
use service::{AssumedRole, Role};

use crate::error::Error;

/// The ARN of a role, as callers give it.
pub fn role_arn(text: &str) -> Result<Arn, Error> {
    let arn: Arn = text.parse().map_err(|_| request_arn())?;
    let is_role = arn.service() == "iam"
        && arn.region().is_none()
        && arn.account().is_some()
        && arn.resource().strip_prefix("role/").is_some_and(|name| !name.is_empty() && !name.ends_with('/'));
    if is_role { Ok(arn) } else { Err(request_arn()) }
}

fn request_arn() -> Error {
    Error::Validation("Request ARN is invalid".to_owned())
}

/// `arn:aws:sts::123456789012:assumed-role/role/session`: the role's path is not in it.
pub fn assumed_role_arn(role: &Role, session_name: &str, region: Region) -> String {
    Arn::global("sts", region, role.account, format!("assumed-role/{}/{session_name}", role.name)).to_string()
}

/// `AROA…:session`
pub fn assumed_role_id(role: &Role, session_name: &str) -> String {
    format!("{}:{session_name}", role.id)
}

pub fn assumed_role(role: &Role, session_name: &str) -> AssumedRole {
    AssumedRole { arn: role.arn.to_string(), id: role.id.clone(), session_name: session_name.to_owned() }
}

pub fn federated_user_arn(account: AccountId, name: &str, region: Region) -> Arn {
    Arn::global("sts", region, account, format!("federated-user/{name}"))
}

/// `[a-zA-Z_0-9+=,.@-]{2,64}`, which session names and source identities have to match.
pub fn is_session_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&name.len()) && name.chars().all(fits)
}

/// A source identity given as a parameter; its characters are checked by the model.
pub fn check_source_identity(given: Option<&str>) -> Result<(), Error> {
    match given {
        Some(name) if name.to_ascii_lowercase().starts_with("aws:") => Err(Error::Validation(
            "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"".to_owned(),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_roles_can_be_assumed() {
        for good in ["arn:aws:iam::123456789012:role/r", "arn:aws-cn:iam::123456789012:role/path/to/r"] {
            assert!(role_arn(good).is_ok(), "{good}");
        }
        for bad in [
            "role/r",
            "arn:aws:iam::123456789012:user/u",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/path/",
            "arn:aws:iam:us-east-1:123456789012:role/r",
            "arn:aws:iam:::role/r",
            "arn:aws:sts::123456789012:role/r",
        ] {
            assert!(role_arn(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn session_names_have_their_alphabet() {
        for (name, fits) in
            [("ab", true), ("a@b.c-d=e,f+g_h", true), ("a", false), ("a b", false), ("aß", false)]
        {
            assert_eq!(is_session_name(name), fits, "{name}");
        }
        assert!(!is_session_name(&"a".repeat(65)));
    }
}
