//! Roles, and those who vouch for identities, for whoever hands out sessions.

use std::sync::Arc;

use base::{AccountId, Arn};
use identity::policy::{Kind, Named, Policy, pinned};
use service::{IdentityProvider, Role};

use super::{Known, On};
use crate::Iam;
use crate::error::Error;
use crate::model::arns;
use crate::records::{OIDC_PROVIDERS, ROLES, RoleRecord, SAML_PROVIDERS, key, saml_metadata};

/// What stands in for a trust policy that cannot be read.
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}}"#;

const SHELF: On<Arc<Role>> =
    (|known: &Known| &known.roles, |known: &mut Known| (&mut known.roles, &known.forgettings));

pub(super) async fn role(iam: &Iam, arn: &Arn) -> Result<Option<Arc<Role>>, Error> {
    let Some((account, path)) = of_iam(arn, "role") else { return Ok(None) };
    let moment = match iam.directory.recall(SHELF, arn.as_str()) {
        Ok(known) => return Ok(Some(known)),
        Err(moment) => moment,
    };
    let key = key(arns::name(path));
    let key = key.as_str();
    let record = iam.store.read(|tx| async move { ROLES.get(&tx, &account, key).await }).await?;
    // Of a role that is not there nothing is kept: anybody may ask for any name.
    let Some(record) = record.filter(|record| record.arn(account) == *arn) else { return Ok(None) };
    let role = Arc::new(compiled(account, record));
    iam.directory.remember(SHELF, arn.as_str(), role.clone(), account, moment);
    Ok(Some(role))
}

/// The account of an ARN of IAM and what follows its kind, if it is of that kind.
fn of_iam<'a>(arn: &'a Arn, kind: &str) -> Option<(AccountId, &'a str)> {
    let path = arn.resource().strip_prefix(kind).filter(|path| path.starts_with('/'))?;
    arn.account().filter(|_| arn.service() == "iam").map(|account| (account, path))
}

fn compiled(account: AccountId, record: RoleRecord) -> Role {
    let arn = record.arn(account);
    Role {
        trust: Arc::new(trust_policy(arn.as_str(), &record)),
        arn,
        id: record.id,
        name: record.name,
        account,
        session_seconds_max: record.session_seconds_max,
        tags: record.tags,
    }
}

/// A role's trust policy, in which users and roles go by their unique ids. One that cannot be read lets nobody in.
pub(super) fn trust_policy(arn: &str, record: &RoleRecord) -> Named {
    let document = pinned(&record.trust, &record.trusted_ids);
    let policy = Policy::parse(Kind::Trust, &document).unwrap_or_else(|error| {
        tracing::error!(role = arn, %error, "a stored trust policy cannot be read; it is taken to deny everybody");
        Policy::parse(Kind::Trust, DENY_ALL).expect("the policy is a constant and valid")
    });
    Named { id: arn.to_owned(), policy }
}

pub(super) async fn provider(iam: &Iam, arn: &Arn) -> Result<Option<Arc<IdentityProvider>>, Error> {
    if let Some((account, url)) = of_iam(arn, "oidc-provider") {
        let url = url.trim_start_matches('/');
        let record = iam.store.read(|tx| async move { OIDC_PROVIDERS.get(&tx, &account, url).await }).await?;
        return Ok(record.map(|record| {
            Arc::new(IdentityProvider::OpenIdConnect {
                arn: arn.clone(),
                url: record.url,
                client_ids: record.client_ids,
                thumbprints: record.thumbprints,
            })
        }));
    }
    let Some((account, name)) = of_iam(arn, "saml-provider") else { return Ok(None) };
    let key = key(name.trim_start_matches('/'));
    let key = key.as_str();
    let metadata = iam
        .store
        .read(|tx| async move {
            match SAML_PROVIDERS.get(&tx, &account, key).await? {
                Some(record) if arn.resource().ends_with(&record.name) => {
                    saml_metadata(&tx, account, key).await.map_err(Error::from)
                }
                _ => Ok::<_, Error>(None),
            }
        })
        .await?;
    Ok(metadata.map(|metadata| Arc::new(IdentityProvider::Saml { arn: arn.clone(), metadata })))
}
