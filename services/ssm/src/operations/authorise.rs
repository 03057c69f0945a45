//! What the operations act on, for permissions; and what permissions need to know of a parameter.
//!
//! Surprising: in an ARN a name has lost its first slash, and a path keeps its last one.
//! Reference: "Restricting access to Parameter Store parameters using IAM policies" in the user guide.

use std::sync::Arc;

use base::Arn;
use identity::policy::{Kind, Named, Policy};
use service::{Call, ResourceFacts};
use ssm_api::{DescribeParametersInput, GetParametersByPathInput, PutParameterInput, ResourceTypeForTagging};

use crate::Ssm;
use crate::error::Error;
use crate::model::address::Address;
use crate::model::name::ParameterName;
use crate::model::setting;
use crate::records::PARAMETERS;

/// Inputs that name one parameter.
pub trait ByName {
    fn parameter(&self) -> &str;
}

/// Inputs that name several parameters.
pub trait ByNames {
    fn parameters(&self) -> &[String];
}

/// Inputs about the tags of something.
pub trait ByTagged {
    fn tagged(&self) -> (&ResourceTypeForTagging, &str);
}

/// Inputs about the policy of something.
pub trait ByResourceArn {
    fn resource_arn(&self) -> &str;
}

/// Inputs about a setting.
pub trait BySetting {
    fn setting_id(&self) -> &str;
}

macro_rules! named {
    ($of:ident::$method:ident -> $type:ty as $field:ident: $($input:ident)*) => {
        $(impl $of for ssm_api::$input {
            fn $method(&self) -> &$type {
                &self.$field
            }
        })*
    };
}

named! { ByName::parameter -> str as name:
    DeleteParameterInput GetParameterInput GetParameterHistoryInput LabelParameterVersionInput PutParameterInput
    UnlabelParameterVersionInput
}
named! { ByNames::parameters -> [String] as names: DeleteParametersInput GetParametersInput }
named! { ByResourceArn::resource_arn -> str as resource_arn:
    DeleteResourcePolicyInput GetResourcePoliciesInput PutResourcePolicyInput
}
named! { BySetting::setting_id -> str as setting_id:
    GetServiceSettingInput ResetServiceSettingInput UpdateServiceSettingInput
}

macro_rules! tagged {
    ($($input:ident)*) => { $(impl ByTagged for ssm_api::$input {
        fn tagged(&self) -> (&ResourceTypeForTagging, &str) {
            (&self.resource_type, &self.resource_id)
        }
    })* };
}

tagged! { AddTagsToResourceInput ListTagsForResourceInput RemoveTagsFromResourceInput }

pub fn by_name(_: &Ssm, call: &Call, input: &impl ByName) -> Result<Vec<Arn>, Error> {
    Ok(vec![Address::parse(input.parameter(), call.region, call.account)?.arn()])
}

/// Names that no parameter can have are in the answer, and no error.
pub fn by_names(_: &Ssm, call: &Call, input: &impl ByNames) -> Result<Vec<Arn>, Error> {
    let arn = |name: &String| match Address::parse(name, call.region, call.account) {
        Ok(address) => address.arn(),
        Err(_) => call.arn("ssm", format!("parameter/{}", name.trim().trim_start_matches('/'))),
    };
    Ok(input.parameters().iter().map(arn).collect())
}

pub fn by_path(_: &Ssm, call: &Call, input: &GetParametersByPathInput) -> Result<Vec<Arn>, Error> {
    let path = input.path.trim().trim_start_matches('/');
    Ok(vec![call.arn("ssm", format!("parameter/{path}"))])
}

pub fn everything(_: &Ssm, call: &Call, _: &DescribeParametersInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("ssm", "*")])
}

pub fn by_tagged(_: &Ssm, call: &Call, input: &impl ByTagged) -> Result<Vec<Arn>, Error> {
    let (kind, id) = input.tagged();
    if *kind == ResourceTypeForTagging::Parameter {
        let name = ParameterName::parse(id).map_err(|_| Error::InvalidResourceId)?;
        return Ok(vec![name.arn(call.region, call.account)]);
    }
    Ok(vec![call.arn("ssm", format!("{}/{id}", kind.to_string().to_ascii_lowercase()))])
}

pub fn by_resource_arn(_: &Ssm, _: &Call, input: &impl ByResourceArn) -> Result<Vec<Arn>, Error> {
    let text = input.resource_arn();
    let wrong = |_| Error::ResourcePolicyInvalidParameter(format!("The resource ARN isn't valid: {text}"));
    Ok(vec![text.parse().map_err(wrong)?])
}

pub fn by_setting(_: &Ssm, call: &Call, input: &impl BySetting) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("ssm", setting::resource(input.setting_id()))])
}

type ConditionKeys = Vec<(String, Vec<String>)>;

fn key(name: &str, is: bool) -> (String, Vec<String>) {
    (name.to_owned(), vec![is.to_string()])
}

pub fn put_keys(_: &Ssm, _: &Call, input: &PutParameterInput) -> ConditionKeys {
    let has_policies = input.policies.as_ref().is_some_and(|policies| !policies.is_empty());
    vec![key("ssm:Overwrite", input.overwrite.unwrap_or(false)), key("ssm:Policies", has_policies)]
}

pub fn path_keys(_: &Ssm, _: &Call, input: &GetParametersByPathInput) -> ConditionKeys {
    vec![key("ssm:Recursive", input.recursive.unwrap_or(false))]
}

/// What permissions need to know of a parameter: who else it is shared with, and its tags.
pub async fn facts(ssm: &Ssm, action: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    // A path is no parameter, even if one has the same name.
    let name = arn.resource().strip_prefix("parameter/").filter(|_| action != "GetParametersByPath");
    let place = arn.account().zip(arn.region());
    let (Some(name), Some(place)) = (name, place) else { return Ok(ResourceFacts::default()) };
    let Ok(name) = ParameterName::parse(name) else { return Ok(ResourceFacts::default()) };
    let (key, place) = (name.key(), &place);
    let key = key.as_str();
    let found = ssm.store.read(|tx| async move { PARAMETERS.get(&tx, place, key).await }).await?;
    let Some(record) = found else { return Ok(ResourceFacts::default()) };
    let policy = record.sharing.map(|sharing| compile(&sharing.policy, arn));
    Ok(ResourceFacts { policy, tags: record.tags, ..ResourceFacts::default() })
}

/// A policy was checked before it was stored. One that cannot be read all the same lets nobody in, and the owner can
/// still replace it.
fn compile(text: &str, arn: &Arn) -> Arc<Named> {
    const UNREADABLE: &str = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Principal": "*",
        "NotAction": ["ssm:PutResourcePolicy", "ssm:GetResourcePolicies", "ssm:DeleteResourcePolicy"], "Resource": "*"}}"#;
    let policy = Policy::parse(Kind::Resource, text).unwrap_or_else(|error| {
        tracing::error!(parameter = arn.as_str(), %error, "the policy of a parameter cannot be read");
        Policy::parse(Kind::Resource, UNREADABLE).expect("it is well formed")
    });
    Arc::new(Named { id: format!("policy of {arn}"), policy })
}
