//! Policies of access points.

use identity::policy::Pins;
use s3control_api::{
    DeleteAccessPointPolicyInput, DeleteAccessPointPolicyOutput, GetAccessPointPolicyInput,
    GetAccessPointPolicyOutput, GetAccessPointPolicyStatusInput, GetAccessPointPolicyStatusOutput,
    PolicyStatus, PutAccessPointPolicyInput, PutAccessPointPolicyOutput,
};
use service::Call;

use super::S3Control;
use super::points::{block, change, existing};
use crate::access::effective::Block;
use crate::error::{ACCESS_DENIED, Error, NO_SUCH_ACCESS_POINT_POLICY};
use crate::model::bucket_policy::{self, Holder};
use crate::model::public::is_public_policy;
use crate::operations::policies;

pub async fn put_access_point_policy(
    control: &S3Control,
    call: &Call,
    input: PutAccessPointPolicyInput,
) -> Result<PutAccessPointPolicyOutput, Error> {
    let s3 = &*control.s3;
    let point = existing(s3, call, &input.name).await?;
    let arn = point.arn();
    let accepted = bucket_policy::parse(&input.policy, Holder { arn: arn.as_str(), objects: "/object/" })?;
    let pins = &policies::pins(s3, &accepted.policy).await?;
    let blocks = Block::of(Some(block(&point))).or(s3.directory.account_block(point.account).await?);
    if blocks.public_policy && is_public_policy(&accepted.document) {
        return Err(Error::new(&ACCESS_DENIED));
    }
    let document = &accepted.document;
    change(s3, &point, |record| {
        record.policy = Some(document.clone());
        record.pins.clone_from(pins);
        Ok(())
    })
    .await?;
    Ok(PutAccessPointPolicyOutput {})
}

pub async fn get_access_point_policy(
    control: &S3Control,
    call: &Call,
    input: GetAccessPointPolicyInput,
) -> Result<GetAccessPointPolicyOutput, Error> {
    let point = existing(&control.s3, call, &input.name).await?;
    let policy = point.record.policy.as_deref().ok_or_else(|| no_policy(&input.name))?;
    let shown = control.s3.aws.shown(policy, &point.record.pins).await?;
    Ok(GetAccessPointPolicyOutput { policy: Some(shown) })
}

fn no_policy(name: &str) -> Error {
    Error::new(&NO_SUCH_ACCESS_POINT_POLICY).with("AccessPointName", name)
}

pub async fn get_access_point_policy_status(
    control: &S3Control,
    call: &Call,
    input: GetAccessPointPolicyStatusInput,
) -> Result<GetAccessPointPolicyStatusOutput, Error> {
    let point = existing(&control.s3, call, &input.name).await?;
    let policy = point.record.policy.as_deref().ok_or_else(|| no_policy(&input.name))?;
    let is_public = is_public_policy(policy) && !Block::of(Some(block(&point))).restricts_public_buckets;
    Ok(GetAccessPointPolicyStatusOutput { policy_status: Some(PolicyStatus { is_public: Some(is_public) }) })
}

pub async fn delete_access_point_policy(
    control: &S3Control,
    call: &Call,
    input: DeleteAccessPointPolicyInput,
) -> Result<DeleteAccessPointPolicyOutput, Error> {
    let point = existing(&control.s3, call, &input.name).await?;
    change(&control.s3, &point, |record| {
        record.policy = None;
        record.pins = Pins::new();
        Ok(())
    })
    .await?;
    Ok(DeleteAccessPointPolicyOutput {})
}
