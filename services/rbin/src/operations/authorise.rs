//! What the operations act on, for permissions.

use base::Arn;
use rbin_api::{
    CreateRuleInput, DeleteRuleInput, GetRuleInput, ListRulesInput, ListTagsForResourceInput, LockRuleInput,
    ResourceType, TagResourceInput, UnlockRuleInput, UntagResourceInput, UpdateRuleInput,
};
use service::{Call, ResourceFacts};

use crate::Rbin;
use crate::error::Error;
use crate::model::ids;
use crate::records::RULES;

/// Inputs that name a rule by its id.
pub trait ById {
    fn id(&self) -> &str;
}

/// Inputs that name a rule by its ARN.
pub trait ByArn {
    fn arn(&self) -> &str;
}

/// Inputs that name a type of resource.
pub trait OfType {
    fn kind(&self) -> &ResourceType;
}

macro_rules! named {
    ($of:ident::$method:ident -> $type:ty as $field:ident: $($input:ident)*) => {
        $(impl $of for $input {
            fn $method(&self) -> &$type {
                &self.$field
            }
        })*
    };
}

named! { ById::id -> str as identifier:
    DeleteRuleInput GetRuleInput LockRuleInput UnlockRuleInput UpdateRuleInput
}
named! { ByArn::arn -> str as resource_arn: ListTagsForResourceInput TagResourceInput UntagResourceInput }
named! { OfType::kind -> ResourceType as resource_type: CreateRuleInput ListRulesInput }

pub fn new_rule(_: &Rbin, call: &Call, _: &CreateRuleInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![ids::arn(call, "*")])
}

pub fn every_rule(_: &Rbin, call: &Call, _: &ListRulesInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![ids::arn(call, "*")])
}

/// `rbin:Request/ResourceType`
pub fn requested_type(_: &Rbin, _: &Call, input: &impl OfType) -> Vec<(String, Vec<String>)> {
    vec![("rbin:Request/ResourceType".to_owned(), vec![input.kind().to_string()])]
}

pub fn by_id(_: &Rbin, call: &Call, input: &impl ById) -> Result<Vec<Arn>, Error> {
    Ok(vec![ids::arn(call, input.id())])
}

pub fn by_arn(_: &Rbin, _: &Call, input: &impl ByArn) -> Result<Vec<Arn>, Error> {
    let text = input.arn();
    Ok(vec![text.parse().map_err(|_| Error::Invalid(format!("'{text}' is no ARN of a rule.")))?])
}

/// What permissions need to know of a rule: its tags, and what it retains (`rbin:Attribute/ResourceType`).
pub async fn facts(rbin: &Rbin, _: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    let id = arn.resource().strip_prefix("rule/");
    let (Some(id), Some(place)) = (id, arn.account().zip(arn.region())) else {
        return Ok(ResourceFacts::default());
    };
    let place = &place;
    let found = rbin.store.read(|tx| async move { RULES.get(&tx, place, id).await }).await?;
    let Some(record) = found else { return Ok(ResourceFacts::default()) };
    let kind = record.shown.resource_type.as_ref().map(ToString::to_string).unwrap_or_default();
    let keys = vec![("rbin:Attribute/ResourceType".to_owned(), kind)];
    Ok(ResourceFacts { tags: record.tags, keys, ..ResourceFacts::default() })
}
