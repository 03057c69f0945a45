//! Patterns of the `Principal` element, and how firmly one holds a caller.
//!
//! Within an account it matters how a resource policy names the caller: a user or a session named directly is
//! granted what the policy says, whatever its own policies leave out; the sessions of a role that is named stay
//! within its boundary and their session policies; an account that is named only lets its own policies decide.
//! Reference: "AWS JSON policy elements: Principal", and the table under "Resource-based policies" in "How AWS
//! enforcement code logic evaluates requests".

use base::AccountId;

use super::error::PolicyError;
use super::request::{Caller, CallerKind, Keys, Values};

/// Whom a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrincipalPattern {
    /// `"*"` and `{"AWS": "*"}`, which are the same.
    Everyone,
    /// `123456789012` or `arn:aws:iam::123456789012:root`.
    Account(AccountId),
    /// The ARN of a user.
    User(Box<str>),
    /// The ARN of a role.
    Role(Box<str>),
    /// `arn:aws:sts::123456789012:assumed-role/name/session`.
    RoleSession(Box<str>),
    /// `arn:aws:sts::123456789012:federated-user/name`.
    FederatedUser(Box<str>),
    /// `AIDA…`, `AROA…`: what is left of a user or role that is no more.
    UniqueId(Box<str>),
    /// `sns.amazonaws.com`; `*` in resource policies is any service.
    Service(Box<str>),
    /// The ARN of a SAML or OIDC provider, or a well-known provider's domain.
    Provider(Box<str>),
    CanonicalUser(Box<str>),
}

/// How firmly a statement holds a caller, from loose to firm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grip {
    /// Names the account: the account's own policies decide.
    Account,
    /// Names the role of the session, or the user behind a federation token.
    Source,
    /// Names the caller itself, or everyone.
    Direct,
}

impl PrincipalPattern {
    /// Reads a value of `{"AWS": …}`.
    pub(super) fn aws(text: &str) -> Result<PrincipalPattern, PolicyError> {
        let invalid = || PolicyError::InvalidPrincipal { kind: "AWS", principal: text.to_owned() };
        if text == "*" {
            return Ok(PrincipalPattern::Everyone);
        }
        if let Ok(account) = text.parse() {
            return Ok(PrincipalPattern::Account(account));
        }
        if is_unique_id(text) {
            return Ok(PrincipalPattern::UniqueId(text.into()));
        }
        // Nobody can be named by a part of a name.
        if text.contains(['*', '?']) {
            return Err(invalid());
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let &["arn", partition, service, "", account, name] = parts.as_slice() else { return Err(invalid()) };
        let id: Option<AccountId> = account.parse().ok();
        if !partition.starts_with("aws") || (id.is_none() && account != "cloudfront") {
            return Err(invalid());
        }
        let named = |prefix: &str| name.strip_prefix(prefix).is_some_and(|name| !name.is_empty());
        match (service, id) {
            ("iam", Some(account)) if name == "root" => Ok(PrincipalPattern::Account(account)),
            ("iam", _) if named("user/") => Ok(PrincipalPattern::User(text.into())),
            ("iam", Some(_)) if named("role/") => Ok(PrincipalPattern::Role(text.into())),
            ("sts", Some(_)) if named("assumed-role/") && name.matches('/').count() == 2 => {
                Ok(PrincipalPattern::RoleSession(text.into()))
            }
            ("sts", Some(_)) if named("federated-user/") => Ok(PrincipalPattern::FederatedUser(text.into())),
            _ => Err(invalid()),
        }
    }

    /// Reads a value of `{"Service": …}`.
    pub(super) fn service(text: &str) -> Result<PrincipalPattern, PolicyError> {
        let known = [".amazonaws.com", ".amazonaws.com.cn", ".aws.internal"];
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if text == "*" || (text.chars().all(plain) && known.iter().any(|end| text.ends_with(end))) {
            return Ok(PrincipalPattern::Service(text.into()));
        }
        Err(PolicyError::InvalidPrincipal { kind: "SERVICE", principal: text.to_owned() })
    }

    /// Reads a value of `{"Federated": …}`.
    pub(super) fn federated(text: &str) -> Result<PrincipalPattern, PolicyError> {
        let is_provider = match text.strip_prefix("arn:") {
            Some(rest) => matches!(
                rest.splitn(5, ':').collect::<Vec<_>>().as_slice(),
                [partition, "iam", "", account, name]
                    if partition.starts_with("aws")
                        && account.parse::<AccountId>().is_ok()
                        && (name.starts_with("saml-provider/") || name.starts_with("oidc-provider/"))
            ),
            None => is_domain(text),
        };
        is_provider.then(|| PrincipalPattern::Provider(text.into())).ok_or(PolicyError::InvalidFederated)
    }

    /// Reads a value of `{"CanonicalUser": …}`.
    pub(super) fn canonical_user(text: &str) -> Result<PrincipalPattern, PolicyError> {
        let is_id = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id
            .then(|| PrincipalPattern::CanonicalUser(text.into()))
            .ok_or_else(|| PolicyError::InvalidPrincipal { kind: "CANONICAL", principal: text.to_owned() })
    }

    /// The account whose user or role is named, where one is.
    pub fn account(&self) -> Option<AccountId> {
        match self {
            PrincipalPattern::Account(account) => Some(*account),
            PrincipalPattern::User(arn)
            | PrincipalPattern::Role(arn)
            | PrincipalPattern::RoleSession(arn)
            | PrincipalPattern::FederatedUser(arn)
            | PrincipalPattern::Provider(arn) => arn.split(':').nth(4)?.parse().ok(),
            PrincipalPattern::Everyone
            | PrincipalPattern::UniqueId(_)
            | PrincipalPattern::Service(_)
            | PrincipalPattern::CanonicalUser(_) => None,
        }
    }

    pub(super) fn grip(&self, caller: &Caller<'_>, keys: &dyn Keys) -> Option<Grip> {
        let direct = |holds: bool| holds.then_some(Grip::Direct);
        let source = |arn: &str| (caller.role_arn == Some(arn)).then_some(Grip::Source);
        match (self, caller.kind) {
            (PrincipalPattern::Everyone, _) => Some(Grip::Direct),
            (PrincipalPattern::Account(account), kind)
                if kind.has_account() && *account == caller.account =>
            {
                Some(if kind == CallerKind::Root { Grip::Direct } else { Grip::Account })
            }
            (PrincipalPattern::User(arn), CallerKind::User) => direct(**arn == *caller.arn),
            (PrincipalPattern::User(arn), CallerKind::FederatedUser) => source(arn),
            (PrincipalPattern::Role(arn), CallerKind::AssumedRole) => source(arn),
            (PrincipalPattern::RoleSession(arn), CallerKind::AssumedRole)
            | (PrincipalPattern::FederatedUser(arn), CallerKind::FederatedUser) => {
                direct(**arn == *caller.arn)
            }
            (PrincipalPattern::UniqueId(id), CallerKind::User) => direct(**id == *caller.unique_id),
            (PrincipalPattern::UniqueId(id), CallerKind::AssumedRole) => {
                match caller.unique_id.strip_prefix(&**id)? {
                    "" => Some(Grip::Direct),
                    rest => rest.starts_with(':').then_some(Grip::Source),
                }
            }
            (PrincipalPattern::Service(name), CallerKind::Service) => {
                direct(**name == *"*" || **name == *caller.arn)
            }
            (PrincipalPattern::Provider(name), CallerKind::WebIdentity | CallerKind::Saml) => {
                direct(**name == *caller.arn)
            }
            (PrincipalPattern::CanonicalUser(id), kind) if kind.has_account() => {
                let is_own = matches!(keys.get("canonicaluser"), Some(Values::One(own)) if *own == **id);
                is_own.then_some(if kind == CallerKind::Root { Grip::Direct } else { Grip::Account })
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for PrincipalPattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PrincipalPattern::Everyone => f.write_str("*"),
            PrincipalPattern::Account(account) => account.fmt(f),
            PrincipalPattern::User(text)
            | PrincipalPattern::Role(text)
            | PrincipalPattern::RoleSession(text)
            | PrincipalPattern::FederatedUser(text)
            | PrincipalPattern::UniqueId(text)
            | PrincipalPattern::Service(text)
            | PrincipalPattern::Provider(text)
            | PrincipalPattern::CanonicalUser(text) => f.write_str(text),
        }
    }
}

/// Four letters that start with an A and say the kind, and at least a dozen more; of a session, its name.
fn is_unique_id(text: &str) -> bool {
    let id = text.split_once(':').map_or(text, |(id, _)| id);
    let (kind, rest) = id.split_at_checked(4).unwrap_or_default();
    matches!(kind, "AIDA" | "AROA")
        && rest.len() >= 12
        && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn is_domain(text: &str) -> bool {
    let (host, _) = text.split_once('/').unwrap_or((text, ""));
    host.contains('.') && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'))
}
