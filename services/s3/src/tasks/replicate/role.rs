//! The role that a replication configuration names, assumed as any service assumes a role: its trust policy decides
//! whether S3 may, and its own policies what it may then do.

use base::{Arn, Region};
use service::Call;
use sts_api::{AssumeRole, AssumeRoleInput};

use crate::S3;
use crate::directory::Bucket;
use crate::error::{ACCESS_DENIED, Error};
use crate::events::destinations::{PRINCIPAL, background_call};

const SESSION: &str = "s3-replication";

/// A call as the role, in a region.
pub async fn assume(s3: &S3, bucket: &Bucket, role: &str, region: Region) -> Result<Call, Error> {
    let arn: Arn = role.parse().map_err(|_| Error::new(&ACCESS_DENIED))?;
    let cause = background_call(s3, bucket.account(), bucket.region());
    let sts = s3.aws.as_service(PRINCIPAL, bucket.account(), bucket.region(), &cause).source(&bucket.arn());
    let input = AssumeRoleInput {
        role_arn: role.to_owned(),
        role_session_name: SESSION.to_owned(),
        ..AssumeRoleInput::default()
    };
    let assumed = sts.call(AssumeRole, input).await?;
    let user = assumed.assumed_role_user.ok_or_else(|| Error::new(&ACCESS_DENIED))?;
    let ends = assumed.credentials.map_or(cause.now, |credentials| credentials.expiration);
    let call = cause.in_role(&arn, user.arn, user.assumed_role_id, ends);
    Ok(Call { region, ..call })
}
