//! The role of a job: its trust policy decides whether Backup may assume it, and its own policies what that may do.

use base::{Arn, Region};
use service::{AsService, Ask, Call};
use sts_api::{AssumeRole, AssumeRoleInput};

use super::PRINCIPAL;
use crate::Backup;
use crate::error::Error;
use crate::records::Place;

const SESSION: &str = "AWSBackup";

/// A session of a role.
pub struct Assumed<'a> {
    backup: &'a Backup,
    call: Call,
}

pub async fn assume<'a>(backup: &'a Backup, place: &Place, role: &str) -> Result<Assumed<'a>, Error> {
    let refused = || Error::Request(format!("AWS Backup cannot assume the role {role}"));
    let arn: Arn = role.parse().map_err(|_| refused())?;
    let cause = Call::of_service(PRINCIPAL, place.0, place.1, &backup.clock, &backup.ids);
    let sts = backup.aws.as_service(PRINCIPAL, place.0, place.1, &cause);
    let input = AssumeRoleInput {
        role_arn: role.to_owned(),
        role_session_name: SESSION.to_owned(),
        ..AssumeRoleInput::default()
    };
    let assumed = sts.call(AssumeRole, input).await?;
    let user = assumed.assumed_role_user.ok_or_else(refused)?;
    let ends = assumed.credentials.map_or(cause.now, |credentials| credentials.expiration);
    Ok(Assumed { backup, call: cause.in_role(&arn, user.arn, user.assumed_role_id, ends) })
}

impl Assumed<'_> {
    /// What calls as the role, in a region.
    pub fn client(&self, region: Region) -> AsService {
        self.backup.aws.as_caller(&self.call).in_region(region)
    }

    /// Asks whether the role may do something that no operation asks for.
    pub async fn require(&self, prefix: &str, action: &str, resource: &Arn) -> Result<(), Error> {
        let ask = Ask { prefix, action, resource: Some(resource), keys: &[], input: None };
        Ok(self.backup.aws.require(&self.call, &ask).await?)
    }
}
