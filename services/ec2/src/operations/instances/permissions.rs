//! What a launch needs permission for: what it makes and what it uses, each by itself ("Example policies: Launch
//! instances (RunInstances)").
//!
//! The request names some of it, a launch template the rest; what neither names is chosen by the service, for which the
//! caller needs permission on whatever it may be.

use base::Arn;
use ec2_api::RunInstancesInput;
use service::{Ask, Call};

use crate::Ec2;
use crate::error::Error;
use crate::kind::*;
use crate::model::images;
use crate::operations::conditions::volumes;
use crate::operations::{authorise, images::arn as image_arn};

const ACTION: &str = "RunInstances";

/// What the request itself names. Without a template that is all there is.
pub fn to_run(_: &Ec2, call: &Call, input: &RunInstancesInput) -> Result<Vec<Arn>, Error> {
    Ok(used(call, input, input.launch_template.is_none()))
}

/// `ec2:LaunchTemplate`, where the request names the template by its id. (By its name, the store is asked.)
pub fn keys(_: &Ec2, call: &Call, input: &RunInstancesInput) -> Vec<(String, Vec<String>)> {
    let template = input.launch_template.as_ref().and_then(|template| template.launch_template_id.as_deref());
    let arn = template.map(|id| LAUNCH_TEMPLATE.arn(call, id).to_string());
    arn.map(|arn| ("ec2:LaunchTemplate".to_owned(), vec![arn])).into_iter().collect()
}

/// Asks for what comes out of the template with this id, beside what was `asked` for already.
///
/// # Errors
/// `UnauthorizedOperation`
pub async fn permit(
    ec2: &Ec2,
    call: &Call,
    input: &RunInstancesInput,
    template: Option<&str>,
    asked: &[Arn],
) -> Result<(), Error> {
    let keys: Vec<(String, Vec<String>)> = match template {
        Some(id) => vec![
            ("ec2:LaunchTemplate".to_owned(), vec![LAUNCH_TEMPLATE.arn(call, id).to_string()]),
            ("ec2:IsLaunchTemplateResource".to_owned(), vec!["true".to_owned()]),
        ],
        None => Vec::new(),
    };
    for arn in used(call, input, true).iter().filter(|arn| !asked.contains(arn)) {
        let ask = Ask { prefix: "ec2", action: ACTION, resource: Some(arn), keys: &keys, input: Some(input) };
        authorise::require(ec2, call, &ask).await?;
    }
    let arn = VOLUME.any(call);
    for one in &volumes::further(ec2, &call.scope(), input).await? {
        let ask = Ask { prefix: "ec2", action: ACTION, resource: Some(&arn), keys: &keys, input: Some(one) };
        authorise::require(ec2, call, &ask).await?;
    }
    Ok(())
}

/// Asks for the image that a parameter of Systems Manager led to.
pub async fn permit_image(ec2: &Ec2, call: &Call, input: &RunInstancesInput, id: &str) -> Result<(), Error> {
    let (arn, keys) = (image_arn(call, id), keys(ec2, call, input));
    let ask = Ask { prefix: "ec2", action: ACTION, resource: Some(&arn), keys: &keys, input: Some(input) };
    authorise::require(ec2, call, &ask).await
}

/// `whole` adds what the service chooses where nothing is named.
fn used(call: &Call, input: &RunInstancesInput, whole: bool) -> Vec<Arn> {
    let mut arns = vec![INSTANCE.any(call), VOLUME.any(call)];
    let cards = input.network_interfaces.as_deref().unwrap_or_default();
    let existing: Vec<&str> = cards.iter().filter_map(|card| card.network_interface_id.as_deref()).collect();
    let makes_cards = cards.len() > existing.len() || cards.is_empty();
    if makes_cards {
        arns.push(NETWORK_INTERFACE.any(call));
    }
    arns.extend(existing.iter().map(|id| NETWORK_INTERFACE.arn(call, id)));
    let image = input.image_id.as_deref().filter(|id| images::alias(id).is_none());
    arns.extend(image.map(|id| image_arn(call, id)));
    arns.extend(input.key_name.as_deref().map(|name| KEY_PAIR.arn(call, name)));
    let placement = input.placement.as_ref().and_then(|placement| placement.group_name.as_deref());
    let placement = placement.filter(|name| !name.is_empty());
    arns.extend(placement.map(|name| PLACEMENT_GROUP.arn(call, name)));
    if let Some(template) = &input.launch_template {
        let named = template.launch_template_id.as_deref().or(template.launch_template_name.as_deref());
        arns.extend(named.map(|name| LAUNCH_TEMPLATE.arn(call, name)));
    }
    let subnets = cards.iter().filter_map(|card| card.subnet_id.as_deref()).chain(input.subnet_id.as_deref());
    let groups = cards.iter().flat_map(|card| card.groups.iter().flatten());
    let groups = groups.chain(input.security_group_ids.iter().flatten());
    for (kind, mut ids) in
        [(&SUBNET, subnets.collect::<Vec<_>>()), (&SECURITY_GROUP, groups.map(String::as_str).collect())]
    {
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() && whole && makes_cards {
            arns.push(kind.any(call));
        }
        arns.extend(ids.into_iter().map(|id| kind.arn(call, id)));
    }
    arns
}
