//! What the operations act on, for permissions.

use base::Arn;
use dlm_api::{
    DeleteLifecyclePolicyInput, GetLifecyclePolicyInput, ListTagsForResourceInput, TagResourceInput,
    UntagResourceInput, UpdateLifecyclePolicyInput,
};
use service::{Call, ResourceFacts};

use crate::Dlm;
use crate::error::Error;
use crate::model::ids;
use crate::records::POLICIES;

/// Inputs that name a policy by its id.
pub trait ById {
    fn id(&self) -> &str;
}

/// Inputs that name a policy by its ARN.
pub trait ByArn {
    fn arn(&self) -> &str;
}

macro_rules! named {
    ($of:ident::$method:ident as $field:ident: $($input:ident)*) => {
        $(impl $of for $input {
            fn $method(&self) -> &str {
                &self.$field
            }
        })*
    };
}

named! { ById::id as policy_id: DeleteLifecyclePolicyInput GetLifecyclePolicyInput UpdateLifecyclePolicyInput }
named! { ByArn::arn as resource_arn: ListTagsForResourceInput TagResourceInput UntagResourceInput }

pub fn everything<I>(_: &Dlm, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("dlm", "*")])
}

pub fn by_id(_: &Dlm, call: &Call, input: &impl ById) -> Result<Vec<Arn>, Error> {
    Ok(vec![ids::arn(call, input.id())])
}

pub fn by_arn(_: &Dlm, _: &Call, input: &impl ByArn) -> Result<Vec<Arn>, Error> {
    let text = input.arn();
    Ok(vec![text.parse().map_err(|_| Error::InvalidValue("ResourceArn", text.to_owned()))?])
}

/// What permissions need to know of a policy: its tags.
pub async fn facts(dlm: &Dlm, _: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    let id = arn.resource().strip_prefix("policy/");
    let (Some(id), Some(place)) = (id, arn.account().zip(arn.region())) else {
        return Ok(ResourceFacts::default());
    };
    let place = &place;
    let found = dlm.store.read(|tx| async move { POLICIES.get(&tx, place, id).await }).await?;
    let tags = found.map(|record| record.tags).unwrap_or_default();
    Ok(ResourceFacts { tags, ..ResourceFacts::default() })
}
