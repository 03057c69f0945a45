//! S3 Control: what is set for an account as a whole, and access points. A second table of the same service: it keeps
//! its records beside the buckets', since every decision about a bucket needs them.
//!
//! Every call names an account, which has to be the caller's own.

mod account;
mod point_policies;
mod points;
pub mod records;
mod tags;

use std::sync::Arc;

use base::{AccountId, Arn};
use s3control_api as api;
use schema::Structure;
use service::{Call, ResourceFacts, service};

use crate::S3;
use crate::access;
use crate::error::{ACCESS_DENIED, Error, INVALID_REQUEST};

/// The other table of S3.
pub struct S3Control {
    s3: Arc<S3>,
}

service! { S3Control: s3control_api, principal "s3.amazonaws.com", error Error,
    resources facts of input;
    CreateAccessPoint => points::create_access_point on by_point,
    DeleteAccessPoint => points::delete_access_point on by_point,
    DeleteAccessPointPolicy => point_policies::delete_access_point_policy on by_point,
    DeletePublicAccessBlock => account::delete_public_access_block on by_account as "PutAccountPublicAccessBlock",
    GetAccessPoint => points::get_access_point on by_point,
    GetAccessPointPolicy => point_policies::get_access_point_policy on by_point,
    GetAccessPointPolicyStatus => point_policies::get_access_point_policy_status on by_point,
    GetPublicAccessBlock => account::get_public_access_block on by_account as "GetAccountPublicAccessBlock",
    ListAccessPoints => points::list_access_points on by_account,
    ListTagsForResource => tags::list_tags_for_resource on by_resource,
    PutAccessPointPolicy => point_policies::put_access_point_policy on by_point,
    PutPublicAccessBlock => account::put_public_access_block on by_account as "PutAccountPublicAccessBlock",
    TagResource => tags::tag_resource on by_resource,
    UntagResource => tags::untag_resource on by_resource,
}

impl S3Control {
    pub fn new(s3: Arc<S3>) -> Arc<S3Control> {
        Arc::new(S3Control { s3 })
    }
}

async fn facts(
    control: &S3Control,
    action: &str,
    arn: &Arn,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Error> {
    access::facts(&control.s3, action, arn, input).await
}

/// Inputs that name an account, and what of it they are about.
trait OfAccount {
    fn account(&self) -> &str;
    /// An access point's name or ARN, or a resource's ARN.
    fn named(&self) -> &str;
}

macro_rules! of_account {
    ($($input:ident $(. $name:ident)?,)*) => { $(impl OfAccount for api::$input {
        fn account(&self) -> &str {
            &self.account_id
        }

        fn named(&self) -> &str {
            of_account!(@name self $(, $name)?)
        }
    })* };
    (@name $input:expr) => { "" };
    (@name $input:expr, $name:ident) => { &$input.$name };
}

of_account! {
    CreateAccessPointInput.name,
    DeleteAccessPointInput.name,
    DeleteAccessPointPolicyInput.name,
    DeletePublicAccessBlockInput,
    GetAccessPointInput.name,
    GetAccessPointPolicyInput.name,
    GetAccessPointPolicyStatusInput.name,
    GetPublicAccessBlockInput,
    ListAccessPointsInput,
    ListTagsForResourceInput.resource_arn,
    PutAccessPointPolicyInput.name,
    PutPublicAccessBlockInput,
    TagResourceInput.resource_arn,
    UntagResourceInput.resource_arn,
}

fn own_account(call: &Call, input: &impl OfAccount) -> Result<AccountId, Error> {
    let account = input.account().parse().ok().filter(|account: &AccountId| *account == call.account);
    account.ok_or_else(|| Error::new(&ACCESS_DENIED))
}

fn by_account(_: &S3Control, call: &Call, input: &impl OfAccount) -> Result<Vec<Arn>, Error> {
    own_account(call, input).map(|_| Vec::new())
}

fn by_point(_: &S3Control, call: &Call, input: &impl OfAccount) -> Result<Vec<Arn>, Error> {
    own_account(call, input)?;
    Ok(vec![point_arn(call, input.named())])
}

fn by_resource(_: &S3Control, call: &Call, input: &impl OfAccount) -> Result<Vec<Arn>, Error> {
    own_account(call, input)?;
    let arn = input.named().parse::<Arn>().ok().filter(|arn| matches!(arn.service(), "s3" | "s3express"));
    let arn = arn.ok_or_else(|| {
        let message = "The specified resource ARN is invalid.";
        Error::worded(&INVALID_REQUEST, message)
    })?;
    Ok(vec![arn])
}

/// An access point goes by its name or by its ARN.
fn point_arn(call: &Call, name: &str) -> Arn {
    match name.parse::<Arn>() {
        Ok(arn) => arn,
        Err(_) => call.arn("s3", format!("accesspoint/{name}")),
    }
}
