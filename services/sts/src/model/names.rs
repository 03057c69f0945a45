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

/// The account whose root is meant: by its number, or by the root's ARN.
pub fn root_account(text: &str) -> Result<AccountId, Error> {
    if let Ok(account) = text.parse() {
        return Ok(account);
    }
    let arn: Arn = text.parse().map_err(|_| request_arn())?;
    let is_root = arn.service() == "iam" && arn.region().is_none() && arn.resource() == "root";
    arn.account().filter(|_| is_root).ok_or_else(request_arn)
}

/// The managed policies that scope sessions of root, of which one has to be chosen.
const ROOT_TASKS: [&str; 5] = [
    "IAMAuditRootUserCredentials",
    "IAMCreateRootUserPassword",
    "IAMDeleteRootUserCredentials",
    "S3UnlockBucketPolicy",
    "SQSUnlockQueuePolicy",
];

pub fn check_root_task(arn: Option<&str>) -> Result<&str, Error> {
    let given = arn.unwrap_or_default();
    let name = given.strip_prefix("arn:aws:iam::aws:policy/root-task/");
    match name.filter(|name| ROOT_TASKS.contains(name)) {
        Some(_) => Ok(given),
        None => Err(Error::Validation(format!("ARN {given} is not valid."))),
    }
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
    fn a_root_goes_by_its_account_or_its_arn() {
        for good in ["123456789012", "arn:aws:iam::123456789012:root", "arn:aws-cn:iam::123456789012:root"] {
            assert_eq!(root_account(good).unwrap().to_string(), "123456789012", "{good}");
        }
        for bad in [
            "12345678901",
            "root",
            "arn:aws:iam::123456789012:user/root",
            "arn:aws:iam::123456789012:role/root",
            "arn:aws:sts::123456789012:root",
            "arn:aws:iam:::root",
        ] {
            assert!(root_account(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_session_of_root_has_one_of_five_tasks() {
        for task in ROOT_TASKS {
            assert!(check_root_task(Some(&format!("arn:aws:iam::aws:policy/root-task/{task}"))).is_ok());
            let own = format!("arn:aws:iam::123456789012:policy/root-task/{task}");
            assert!(check_root_task(Some(&own)).is_err(), "{own}");
        }
        for bad in [None, Some(""), Some("arn:aws:iam::aws:policy/AdministratorAccess"), Some(ROOT_TASKS[0])]
        {
            assert!(check_root_task(bad).is_err(), "{bad:?}");
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
