//! What calls act on, for permissions.

use base::Arn;
use service::{Ask, Call};

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::UNAUTHORIZED_OPERATION;

pub use super::conditions::facts;

/// Operations that are allowed for all resources or for none.
pub fn everything<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("ec2", "*")])
}

/// Asks for one more permission than the operation's own.
///
/// # Errors
/// `UnauthorizedOperation`
pub async fn require(ec2: &Ec2, call: &Call, ask: &Ask<'_>) -> Result<(), Error> {
    ec2.aws.require(call, ask).await.map_err(|fault| match fault.status() {
        403 => {
            let message = format!("You are not authorized to perform this operation. {}", fault.message());
            Error::new(&UNAUTHORIZED_OPERATION, message)
        }
        _ => Error::Other(fault),
    })
}
