//! Which of an identity's policies let it use a service.

use base::Arn;
use iam_api::{
    ListPoliciesGrantingServiceAccessEntry, ListPoliciesGrantingServiceAccessInput,
    ListPoliciesGrantingServiceAccessOutput, PolicyGrantingServiceAccess, PolicyOwnerEntityType, PolicyType,
};
use identity::policy::{Kind, Policy};
use service::Call;

use super::{held_policies, pages};
use crate::Iam;
use crate::error::Error;
use crate::model::arns;
use crate::model::held_policy::{HeldPolicy, Holder};

pub fn by_arn(_: &Iam, _: &Call, input: &ListPoliciesGrantingServiceAccessInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![arns::parse(&input.arn)?])
}

pub async fn list(
    iam: &Iam,
    call: &Call,
    input: ListPoliciesGrantingServiceAccessInput,
) -> Result<ListPoliciesGrantingServiceAccessOutput, Error> {
    let (account, arn) = (call.account, input.arn.as_str());
    let held = iam
        .store
        .read(|tx| async move {
            let entity = held_policies::entity(&tx, account, arn).await?;
            held_policies::policies(&tx, account, &entity).await
        })
        .await?;
    let compiled: Vec<(&HeldPolicy, Policy)> = held
        .iter()
        .filter_map(|held| Some((held, Policy::parse(Kind::Identity, &held.document).ok()?)))
        .collect();
    let entry = |namespace: String| {
        let granting = compiled.iter().filter(|(_, policy)| grants(policy, &namespace));
        let policies = granting.map(|(held, _)| shown(held)).collect();
        ListPoliciesGrantingServiceAccessEntry {
            service_namespace: Some(namespace.clone()),
            policies: Some(policies),
        }
    };
    let all = input.service_namespaces.into_iter().map(entry).collect();
    let of = "ListPoliciesGrantingServiceAccess";
    let page = pages::cut(iam, call, of, input.marker.as_deref(), None, all)?;
    Ok(ListPoliciesGrantingServiceAccessOutput {
        policies_granting_service_access: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn grants(policy: &Policy, namespace: &str) -> bool {
    policy.services().iter().any(|service| *service == "*" || service.eq_ignore_ascii_case(namespace))
}

/// Inline policies are told by where they are, managed ones by their ARN.
fn shown(held: &HeldPolicy) -> PolicyGrantingServiceAccess {
    let holder = match held.holder {
        Holder::User => PolicyOwnerEntityType::User,
        Holder::Group => PolicyOwnerEntityType::Group,
        Holder::Role => PolicyOwnerEntityType::Role,
    };
    let is_inline = held.arn.is_none();
    PolicyGrantingServiceAccess {
        policy_name: held.name.clone(),
        policy_type: if is_inline { PolicyType::Inline } else { PolicyType::Managed },
        policy_arn: held.arn.clone(),
        entity_type: is_inline.then_some(holder),
        entity_name: is_inline.then(|| held.holder_name.clone()),
    }
}
