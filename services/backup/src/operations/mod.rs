//! One family of operations a file. Each loads, decides by the rules of `model`, saves, answers.

pub mod authorise;
pub mod copies;
pub mod jobs;
pub mod lists;
pub mod locks;
pub mod plans;
pub mod points;
pub mod policies;
pub mod protected;
pub mod restores;
pub mod selections;
pub mod settings;
pub mod tags;
pub mod templates;
pub mod vaults;

use base::Arn;
use service::{Ask, Call};
use store::Tx;

use crate::Backup;
use crate::error::Error;
use crate::records::{Place, VAULTS, VaultRecord};
use crate::tasks::PRINCIPAL;

/// The vault of a name.
///
/// # Errors
/// `ResourceNotFoundException`
pub async fn vault(tx: &Tx, place: &Place, name: &str) -> Result<VaultRecord, Error> {
    let found = VAULTS.get(tx, place, name).await?;
    found.ok_or_else(|| Error::NotFound(format!("Backup Vault {name} does not exist")))
}

/// Whoever gives Backup a role has to be allowed to pass it on.
pub async fn may_pass(backup: &Backup, call: &Call, role: &str) -> Result<(), Error> {
    let arn: Option<Arn> = role.parse().ok();
    let arn = arn.filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"));
    let arn = arn.ok_or_else(|| Error::Invalid(format!("Invalid role ARN: {role}")))?;
    if arn.account() != Some(call.account) {
        return Err(Error::Invalid(format!("The role {role} belongs to another account")));
    }
    let keys = [("iam:PassedToService".to_owned(), vec![PRINCIPAL.to_owned()])];
    let ask = Ask { prefix: "iam", action: "PassRole", resource: Some(&arn), keys: &keys, input: None };
    Ok(backup.aws.require(call, &ask).await?)
}
