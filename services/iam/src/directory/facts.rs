//! What permissions need to know of IAM's own resources.
//!
//! Requests name users, roles and the like without their path, and policies name them with it: so the full ARN comes
//! from here. A role's trust policy is a resource policy, and without it nobody may become the role.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::{AccountId, Arn};
use service::{BoxFuture, ResourceFacts};
use store::Tx;

use super::roles::trust_policy;
use super::roots;
use crate::Iam;
use crate::error::Error;
use crate::model::{arns, managed};
use crate::records::{
    GROUPS, INSTANCE_PROFILES, MFA_DEVICES, OIDC_PROVIDERS, POLICIES, Permissions, ROLES, RoleRecord,
    SAML_PROVIDERS, SERVER_CERTIFICATES, USERS, UserRecord, key,
};

/// A resource as its record has it.
enum Seen {
    Role(Box<RoleRecord>),
    User(Box<UserRecord>),
    Other { arn: Option<Arn>, tags: BTreeMap<String, String> },
}

/// The boundary of the user or role that a call changes (IAM's own condition key).
fn boundary(permissions: &Permissions) -> Vec<(String, String)> {
    let known = permissions.boundary.iter();
    known.map(|arn| ("iam:PermissionsBoundary".to_owned(), arn.clone())).collect()
}

/// What is known of a resource of IAM: its full ARN, tags, and the trust policy of a role or a root.
pub fn facts<'a>(iam: &'a Iam, action: &'a str, arn: &'a Arn) -> BoxFuture<'a, Result<ResourceFacts, Error>> {
    Box::pin(async move {
        let Some(account) = arn.account().filter(|_| !managed::is_of_aws(arn.as_str())) else {
            return Ok(ResourceFacts::default());
        };
        if action == "AssumeRoot" && arn.resource() == "root" {
            return roots::facts(iam, account).await;
        }
        let seen = iam.store.read(|tx| async move { see(&tx, account, arn).await }).await?;
        Ok(match seen {
            None => ResourceFacts { takes_policy: is_role(arn), ..ResourceFacts::default() },
            Some(Seen::Other { arn, tags }) => ResourceFacts { arn, tags, ..ResourceFacts::default() },
            Some(Seen::User(record)) => ResourceFacts {
                arn: Some(record.arn(account)),
                keys: boundary(&record.permissions),
                tags: record.tags,
                ..ResourceFacts::default()
            },
            Some(Seen::Role(record)) => {
                let arn = record.arn(account);
                ResourceFacts {
                    policy: Some(Arc::new(trust_policy(arn.as_str(), &record))),
                    policy_required: true,
                    takes_policy: true,
                    arn: Some(arn),
                    keys: boundary(&record.permissions),
                    tags: record.tags,
                    ..ResourceFacts::default()
                }
            }
        })
    })
}

fn is_role(arn: &Arn) -> bool {
    arn.resource().starts_with("role/")
}

async fn see(tx: &Tx, account: AccountId, arn: &Arn) -> Result<Option<Seen>, Error> {
    let Some((kind, rest)) = arn.resource().split_once('/') else { return Ok(None) };
    let key = key(arns::name(rest));
    let key = key.as_str();
    let other = |arn: Arn, tags| Seen::Other { arn: Some(arn), tags };
    Ok(match kind {
        "user" => USERS.get(tx, &account, key).await?.map(|user| Seen::User(Box::new(user))),
        "group" => {
            GROUPS.get(tx, &account, key).await?.map(|group| other(group.arn(account), BTreeMap::new()))
        }
        "role" => ROLES.get(tx, &account, key).await?.map(|role| Seen::Role(Box::new(role))),
        "policy" => {
            POLICIES.get(tx, &account, key).await?.map(|policy| other(policy.arn(account), policy.tags))
        }
        "instance-profile" => {
            let profile = INSTANCE_PROFILES.get(tx, &account, key).await?;
            profile.map(|profile| other(profile.arn(account), profile.tags))
        }
        "server-certificate" => {
            let certificate = SERVER_CERTIFICATES.get(tx, &account, key).await?;
            certificate.map(|certificate| other(certificate.arn(account), certificate.tags))
        }
        "mfa" => {
            let device = MFA_DEVICES.get(tx, &account, arn.as_str()).await?;
            device.map(|device| Seen::Other { arn: None, tags: device.tags })
        }
        "oidc-provider" => {
            let provider = OIDC_PROVIDERS.get(tx, &account, rest).await?;
            provider.map(|provider| Seen::Other { arn: None, tags: provider.tags })
        }
        "saml-provider" => {
            let provider = SAML_PROVIDERS.get(tx, &account, key).await?;
            provider.map(|provider| Seen::Other { arn: None, tags: provider.tags })
        }
        _ => None,
    })
}
