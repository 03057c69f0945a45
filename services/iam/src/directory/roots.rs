//! What `sts:AssumeRoot` needs to know of an account's root, and what its sessions may do.

use std::sync::Arc;

use base::{AccountId, Region};
use identity::policy::{Kind, Named, Policy};
use service::{Call, Grants, ResourceFacts, Session};

use super::compiled::Found;
use super::grants::{ADMINISTRATOR_ACCESS, of_aws};
use crate::Iam;
use crate::error::Error;
use crate::model::root_access::{self, SERVICE};
use crate::model::{arns, managed};
use crate::operations::organizations_features as features;

/// The root of an account as a resource: assumed by nobody that its trust policy does not let.
pub(super) async fn facts(iam: &Iam, account: AccountId) -> Result<ResourceFacts, Error> {
    let document = trust(iam, account).await?;
    // To the rules it is like the policy of any resource: of roles' trust policies they ask that they speak of roles.
    let policy = Policy::parse(Kind::Resource, &document).map_err(|error| Error::Internal(error.into()))?;
    let named = Named { id: arns::root(account).to_string(), policy };
    Ok(ResourceFacts {
        policy: Some(Arc::new(named)),
        policy_required: true,
        takes_policy: true,
        ..ResourceFacts::default()
    })
}

/// Asked anew each time, since it hangs on what Organizations says at that moment.
async fn trust(iam: &Iam, account: AccountId) -> Result<String, Error> {
    let cause = &on_our_own(iam, account);
    let Some(organization) = features::organization_of(iam, cause, account).await? else {
        return Ok(root_access::nobody());
    };
    // The management account is no member, and an organisation that bills together has no such features.
    let is_member = organization.management != account && organization.has_all_features;
    if !is_member || !features::has_trusted_access(iam, cause, &organization).await? {
        return Ok(root_access::nobody());
    }
    let enabled = features::enabled(iam, &organization).await?;
    let mut managers = features::administrators(iam, cause, &organization).await?;
    managers.push(organization.management);
    Ok(root_access::trust(&enabled, &managers))
}

/// The frame asks without saying for which call.
fn on_our_own(iam: &Iam, account: AccountId) -> Call {
    Call::of_service(SERVICE, account, Region::US_EAST_1, &iam.clock, &iam.ids)
}

/// The root may do everything, and its session what the task policy does not deny. A session without one may do
/// nothing.
pub(super) fn grants(iam: &Iam, session: &Session) -> Grants {
    let compiled = &iam.directory.compiled;
    let everything = compiled.get(of_aws(ADMINISTRATOR_ACCESS));
    let mut limits: Vec<_> = session.policy_arns.iter().map(|arn| task(iam, arn)).collect();
    if !limits.is_empty() {
        limits.push(everything.clone());
    }
    Grants { identity: vec![everything], session: Some(limits), ..Grants::default() }
}

/// A task policy. It names roots, which identity policies may not, so it is read by the looser rules of service control
/// policies; one that cannot be read denies everything.
fn task(iam: &Iam, arn: &str) -> Arc<Named> {
    let document = managed::document(arn);
    let policy = document.and_then(|document| Policy::parse(Kind::ServiceControl, &document).ok());
    let denies_all =
        || iam.directory.compiled.get(Found { id: arn.to_owned(), document: None, shared_by: None });
    policy.map_or_else(denies_all, |policy| Arc::new(Named { id: arn.to_owned(), policy }))
}
