//! The role in whose name a spot fleet launches: it has to be there, to trust `spotfleet.amazonaws.com`, and the caller
//! has to be allowed to pass it on ("IAM role for Spot Fleet").

use base::Arn;
use service::Call;
use sts_api::{AssumeRole, AssumeRoleInput};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::INVALID_SPOT_FLEET_REQUEST_CONFIG;
use crate::operations::instances::profiles;

const PRINCIPAL: &str = "spotfleet.amazonaws.com";
const SESSION: &str = "SpotFleet";

/// # Errors
/// `InvalidSpotFleetRequestConfig`; `UnauthorizedOperation` without `iam:PassRole`.
pub async fn check(ec2: &Ec2, call: &Call, role: &str) -> Result<(), Error> {
    let invalid = || {
        let message = "Parameter: SpotFleetRequestConfig.IamFleetRole is invalid.";
        Error::new(&INVALID_SPOT_FLEET_REQUEST_CONFIG, message)
    };
    let arn: Arn = role.parse().map_err(|_| invalid())?;
    if !arn.to_string().contains(&format!(":iam::{}:role/", call.account)) {
        return Err(invalid());
    }
    profiles::pass(ec2, call, role, PRINCIPAL).await?;
    let input = AssumeRoleInput {
        role_arn: role.to_owned(),
        role_session_name: SESSION.to_owned(),
        ..AssumeRoleInput::default()
    };
    let sts = ec2.aws.as_service(PRINCIPAL, call.account, call.region, call);
    sts.call(AssumeRole, input).await.map(drop).map_err(|fault| match fault.status() {
        400..=499 => invalid(),
        _ => Error::Other(fault),
    })
}
