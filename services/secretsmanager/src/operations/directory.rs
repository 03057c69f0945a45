//! Finding secrets, and what permissions need to know of them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use base::Arn;
use identity::policy::{Kind, Named, Policy, pinned};
use parking_lot::RwLock;
use service::{Call, ResourceFacts};
use store::Tx;

use crate::SecretsManager;
use crate::error::Error;
use crate::limits::COMPILED_POLICIES_MAX;
use crate::model::address::{self, Address};
use crate::records::{Place, SECRETS, SecretRecord};

use super::cross_account;

/// A secret as it was when it was looked up.
#[derive(Clone, Debug)]
pub struct Secret {
    pub place: Place,
    pub name: String,
    pub record: SecretRecord,
}

impl Secret {
    pub fn arn(&self) -> Arn {
        let (account, region) = self.place;
        address::arn(account, region, &self.name, &self.record.suffix)
    }

    /// The secret, unless it waits for its deletion.
    pub fn active(self) -> Result<Secret, Error> {
        match self.record.deletion {
            None => Ok(self),
            Some(_) => Err(Error::marked_for_deletion()),
        }
    }

    /// The secret, unless it is a replica, which only its primary changes.
    pub fn primary(self) -> Result<Secret, Error> {
        if self.is_replica() { Err(Error::on_replica()) } else { Ok(self) }
    }

    pub fn is_replica(&self) -> bool {
        self.record.primary.is_some() || self.record.foreign_primary.is_some()
    }
}

/// The secret that a request names, in a transaction. One whose recovery window is over is no more.
pub async fn load(tx: &Tx, call: &Call, address: &Address) -> Result<Secret, Error> {
    let region = address.region.unwrap_or(call.region);
    let place = (address.account.unwrap_or(call.account), region);
    // What is in another region is asked for there.
    let found = match region == call.region {
        true => SECRETS.get(tx, &place, &address.name).await?,
        false => None,
    };
    let is_meant = |record: &SecretRecord| {
        !record.is_gone(call.now) && address.suffix.as_ref().is_none_or(|suffix| *suffix == record.suffix)
    };
    let record = found.filter(is_meant).ok_or(Error::SecretNotFound)?;
    Ok(Secret { place, name: address.name.clone(), record })
}

pub async fn find(service: &SecretsManager, call: &Call, id: &str) -> Result<Secret, Error> {
    let address = &Address::parse(id)?;
    service.store.read(|tx| async move { load(&tx, call, address).await }).await
}

/// Stands for the end of an ARN where a request names a secret by its name alone. Policies that leave the six
/// characters open match it, as they match the new secret's ARN.
const OPEN_END: &str = "-??????";

/// The ARN to authorise for a secret that a request names.
pub fn arn_of(call: &Call, id: &str) -> Result<Arn, Error> {
    Address::parse(id)?;
    match id.starts_with("arn:") {
        true => id.parse().map_err(|_| Error::InvalidName),
        false => Ok(call.arn("secretsmanager", format!("secret:{id}{OPEN_END}"))),
    }
}

/// What permissions need to know of a secret.
pub async fn facts(service: &SecretsManager, action: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    let named = arn.resource().strip_prefix("secret:").unwrap_or_default();
    let by_name = named.strip_suffix(OPEN_END);
    let address = match by_name {
        Some(name) => {
            Address { account: arn.account(), region: arn.region(), name: name.to_owned(), suffix: None }
        }
        None => match Address::parse(arn.as_str()) {
            Ok(address) => address,
            Err(_) => return Ok(ResourceFacts::default()),
        },
    };
    // A new secret has neither policy nor tags yet, whatever has its name.
    let (Some(account), Some(region), false) = (address.account, address.region, action == "CreateSecret")
    else {
        return Ok(ResourceFacts::default());
    };
    let (place, name, now) = (&(account, region), address.name.as_str(), service.clock.now());
    let found = service.store.read(|tx| async move { SECRETS.get(&tx, place, name).await }).await?;
    let is_meant = |record: &SecretRecord| {
        !record.is_gone(now) && address.suffix.as_ref().is_none_or(|suffix| *suffix == record.suffix)
    };
    let Some(record) = found.filter(is_meant) else {
        let arn =
            by_name.map(|name| Arn::regional("secretsmanager", region, account, format!("secret:{name}")));
        return Ok(ResourceFacts { arn, takes_policy: true, ..ResourceFacts::default() });
    };
    let arn = address::arn(account, region, name, &record.suffix);
    let replication = record.foreign_primary.as_ref().map(cross_account::policy);
    let own = || record.policy.as_ref().map(|text| pinned(text, &record.pins));
    let policy = replication.as_deref().map(Cow::Borrowed).or_else(own);
    Ok(ResourceFacts {
        policy: policy.map(|text| service.policies.compile(&text, &arn)),
        takes_policy: true,
        keys: keys(&record, region.as_str(), &arn),
        tags: record.tags,
        arn: Some(arn),
        ..ResourceFacts::default()
    })
}

/// The condition keys that follow from the secret itself.
fn keys(record: &SecretRecord, region: &str, arn: &Arn) -> Vec<(String, String)> {
    let primary = record.primary.map_or(region, |primary| primary.as_str());
    let function = record.rotation.as_ref().and_then(|rotation| rotation.function.clone());
    [
        ("secretsmanager:SecretId", Some(arn.to_string())),
        ("secretsmanager:SecretPrimaryRegion", Some(primary.to_owned())),
        ("secretsmanager:resource/AllowRotationLambdaArn", function),
        ("secretsmanager:resource/Type", record.kind.clone()),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), value?)))
    .collect()
}

/// Resource policies that have been compiled, by their text: a text never means anything else, so nothing has to be
/// forgotten.
#[derive(Default)]
pub struct Policies(RwLock<HashMap<String, Policy>>);

impl Policies {
    fn compile(&self, text: &str, arn: &Arn) -> Arc<Named> {
        let known = self.0.read().get(text).cloned();
        let policy = known.unwrap_or_else(|| {
            let policy = read(text, arn);
            let mut known = self.0.write();
            if known.len() >= COMPILED_POLICIES_MAX {
                known.clear();
            }
            known.insert(text.to_owned(), policy.clone());
            policy
        });
        Arc::new(Named { id: format!("policy of secret {arn}"), policy })
    }
}

/// A policy was checked before it was stored. One that cannot be read all the same lets nobody do anything but replace
/// it, since what it forbade is not known.
fn read(text: &str, arn: &Arn) -> Policy {
    const UNREADABLE: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "NotAction": ["secretsmanager:GetResourcePolicy", "secretsmanager:PutResourcePolicy",
        "secretsmanager:DeleteResourcePolicy"], "Resource": "*"}}"#;
    Policy::parse(Kind::Resource, text).unwrap_or_else(|error| {
        tracing::error!(secret = %arn, %error, "the policy of a secret cannot be read");
        Policy::parse(Kind::Resource, UNREADABLE).expect("it is well formed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_cannot_be_read_still_compiles_to_one() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:a-AbCdEf".parse().unwrap();
        assert_eq!(Policies::default().compile("{", &arn).policy.statements(), 1);
    }
}
