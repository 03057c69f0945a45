//! What calls act on, for permissions.

use base::Arn;
use service::{Call, ResourceFacts};

use crate::Ec2;
use crate::error::Error;
use crate::resources;

/// The tags of a resource; EC2's resources have no policies.
pub async fn facts(ec2: &Ec2, _action: &str, arn: &Arn) -> Result<ResourceFacts, Error> {
    let mut facts = ResourceFacts::default();
    let (Some(account), Some(region)) = (arn.account(), arn.region()) else { return Ok(facts) };
    let Some((_, id)) = arn.resource().split_once('/') else { return Ok(facts) };
    if id == "*" {
        return Ok(facts);
    }
    let place = (account, region);
    facts.tags = ec2.store.read(|tx| async move { resources::tags(&tx, &place, id).await }).await?;
    Ok(facts)
}

/// Operations that are allowed for all resources or for none.
pub fn everything<I>(_: &Ec2, call: &Call, _: &I) -> Result<Vec<Arn>, Error> {
    Ok(vec![call.arn("ec2", "*")])
}
