//! What each operation is authorised on, and the condition keys that Organizations answers itself.
//!
//! An ARN has the organisation's id and the management account's, which no input tells. So these name the resource in
//! the caller's own account, and `directory::facts` completes them. Reference: "Actions, resources, and condition
//! keys for AWS Organizations" in the service authorization reference.

use base::Arn;
use organizations_api::*;
use schema::Structure;
use service::Call;

use crate::Organizations;
use crate::error::Error;
use crate::model::arns;
use crate::model::ids::Entity;
use crate::model::managed::ManagedPolicy;

type Found = Result<Vec<Arn>, Error>;
type OwnKeys = Vec<(String, Vec<String>)>;

/// For operations on no resource, or on the organisation as a whole.
pub fn nothing(_: &Organizations, _: &Call, _: &impl Structure) -> Found {
    Ok(Vec::new())
}

fn entity(call: &Call, id: &str) -> Arn {
    let kind = match Entity::parse(id) {
        Some(Entity::Root(_)) => "root",
        Some(Entity::Unit(_)) => "ou",
        Some(Entity::Account(_)) => "account",
        None if id.starts_with("rp-") => "resourcepolicy",
        None => "policy",
    };
    arns::arn(call.account, &format!("{kind}/{id}"))
}

/// Inputs that name what they are about by ids.
pub trait Names {
    fn ids(&self) -> Vec<&str>;
}

macro_rules! names {
    ($($input:ident: $($member:ident),+;)*) => { $(impl Names for $input {
        fn ids(&self) -> Vec<&str> {
            vec![$(&self.$member),+]
        }
    })* };
}

names! {
    AttachPolicyInput: policy_id, target_id;
    CloseAccountInput: account_id;
    CreateOrganizationalUnitInput: parent_id;
    DeleteOrganizationalUnitInput: organizational_unit_id;
    DeletePolicyInput: policy_id;
    DeregisterDelegatedAdministratorInput: account_id;
    DescribeAccountInput: account_id;
    DescribeOrganizationalUnitInput: organizational_unit_id;
    DescribePolicyInput: policy_id;
    DetachPolicyInput: policy_id, target_id;
    DisablePolicyTypeInput: root_id;
    EnablePolicyTypeInput: root_id;
    ListAccountsForParentInput: parent_id;
    ListChildrenInput: parent_id;
    ListDelegatedServicesForAccountInput: account_id;
    ListOrganizationalUnitsForParentInput: parent_id;
    ListParentsInput: child_id;
    ListPoliciesForTargetInput: target_id;
    ListTagsForResourceInput: resource_id;
    ListTargetsForPolicyInput: policy_id;
    MoveAccountInput: account_id, source_parent_id, destination_parent_id;
    RegisterDelegatedAdministratorInput: account_id;
    RemoveAccountFromOrganizationInput: account_id;
    TagResourceInput: resource_id;
    UntagResourceInput: resource_id;
    UpdateOrganizationalUnitInput: organizational_unit_id;
    UpdatePolicyInput: policy_id;
}

pub fn by_ids(_: &Organizations, call: &Call, input: &impl Names) -> Found {
    Ok(input.ids().into_iter().filter(|id| !id.is_empty()).map(|id| entity(call, id)).collect())
}

/// Inputs that name a handshake.
pub trait NamesHandshake {
    fn handshake_id(&self) -> &str;
}

macro_rules! names_handshake {
    ($($input:ident)*) => { $(impl NamesHandshake for $input {
        fn handshake_id(&self) -> &str {
            &self.handshake_id
        }
    })* };
}

names_handshake! { AcceptHandshakeInput CancelHandshakeInput DeclineHandshakeInput DescribeHandshakeInput }

pub fn by_handshake(_: &Organizations, call: &Call, input: &impl NamesHandshake) -> Found {
    Ok(vec![arns::arn(call.account, &format!("handshake/{}", input.handshake_id()))])
}

pub fn by_effective_target(_: &Organizations, call: &Call, input: &DescribeEffectivePolicyInput) -> Found {
    let own = call.account.to_string();
    Ok(vec![entity(call, input.target_id.as_deref().unwrap_or(&own))])
}

pub fn by_invited(_: &Organizations, call: &Call, input: &InviteAccountToOrganizationInput) -> Found {
    match input.target.r#type {
        HandshakePartyType::Account => Ok(vec![entity(call, &input.target.id)]),
        _ => Ok(Vec::new()),
    }
}

/// Inputs with a type of policies, or a policy whose type its id tells.
pub trait OfType {
    fn policy_type(&self) -> Option<&str>;
}

macro_rules! of_type {
    ($($input:ident: $member:ident;)*) => { $(impl OfType for $input {
        fn policy_type(&self) -> Option<&str> {
            Some(self.$member.as_str())
        }
    })* };
}

of_type! {
    CreatePolicyInput: r#type;
    DescribeEffectivePolicyInput: policy_type;
    DisablePolicyTypeInput: policy_type;
    EnablePolicyTypeInput: policy_type;
    ListPoliciesForTargetInput: filter;
    ListPoliciesInput: filter;
}

pub fn policy_type(_: &Organizations, _: &Call, input: &impl OfType) -> OwnKeys {
    let kind = input.policy_type().map(str::to_owned);
    kind.map(|kind| ("organizations:PolicyType".to_owned(), vec![kind])).into_iter().collect()
}

/// The type of a policy that was made here is not known from its id; that of AWS's own is.
pub fn policy_type_by_ids(_: &Organizations, _: &Call, input: &impl Names) -> OwnKeys {
    let kinds =
        input.ids().into_iter().filter_map(ManagedPolicy::find).map(|(kind, _)| kind.name().to_owned());
    kinds.map(|kind| ("organizations:PolicyType".to_owned(), vec![kind])).collect()
}

/// Inputs that name a service.
pub trait NamesService {
    fn service_principal(&self) -> Option<&str>;
}

macro_rules! names_service {
    ($($input:ident)*) => { $(impl NamesService for $input {
        fn service_principal(&self) -> Option<&str> {
            Some(&self.service_principal)
        }
    })* };
}

names_service! {
    DeregisterDelegatedAdministratorInput DisableAWSServiceAccessInput EnableAWSServiceAccessInput
    RegisterDelegatedAdministratorInput
}

impl NamesService for ListDelegatedAdministratorsInput {
    fn service_principal(&self) -> Option<&str> {
        self.service_principal.as_deref()
    }
}

pub fn service_principal(_: &Organizations, _: &Call, input: &impl NamesService) -> OwnKeys {
    let name = input.service_principal().map(str::to_owned);
    name.map(|name| ("organizations:ServicePrincipal".to_owned(), vec![name])).into_iter().collect()
}
