//! The role that reads and writes the caller's buckets for imports and exports: `vmimport`, unless the request names another.
//! It has to trust `vmie.amazonaws.com` ("Required service role"; its example asks for the external id `vmimport`, which
//! is always sent).

use base::Arn;
use service::{AsService, Call};
use sts_api::{AssumeRole, AssumeRoleInput};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER;
use crate::records::Place;

pub const PRINCIPAL: &str = "vmie.amazonaws.com";
const USUAL: &str = "vmimport";
const EXTERNAL_ID: &str = "vmimport";
const SESSION: &str = "vmie";

/// The role's name, as it is kept.
pub fn name(given: Option<&str>) -> String {
    given.filter(|name| !name.is_empty()).unwrap_or(USUAL).to_owned()
}

/// What calls as the role.
///
/// # Errors
/// `InvalidParameter` where there is no such role, or it does not trust this service.
pub async fn assume(ec2: &Ec2, place: &Place, name: &str) -> Result<AsService, Error> {
    let refused = || {
        let message = format!(
            "The service role {name} provided does not exist or does not have sufficient permissions"
        );
        Error::new(&INVALID_PARAMETER, message)
    };
    let arn = format!("arn:{}:iam::{}:role/{name}", place.1.partition().as_str(), place.0);
    let arn: Arn = arn.parse().map_err(|_| refused())?;
    let cause = Call::of_service(PRINCIPAL, place.0, place.1, &ec2.clock, &ec2.ids);
    let input = AssumeRoleInput {
        role_arn: arn.to_string(),
        role_session_name: SESSION.to_owned(),
        external_id: Some(EXTERNAL_ID.to_owned()),
        ..AssumeRoleInput::default()
    };
    let sts = ec2.aws.as_service(PRINCIPAL, place.0, place.1, &cause);
    let assumed = sts.call(AssumeRole, input).await.map_err(|fault| match fault.status() {
        400..=499 => refused(),
        _ => Error::Other(fault),
    })?;
    let user = assumed.assumed_role_user.ok_or_else(refused)?;
    let ends = assumed.credentials.map_or(cause.now, |credentials| credentials.expiration);
    Ok(ec2.aws.as_caller(&cause.in_role(&arn, user.arn, user.assumed_role_id, ends)))
}
