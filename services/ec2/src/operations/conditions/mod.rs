//! What permissions may ask of EC2's resources: their tags, and the condition keys with the prefix `ec2:`.
//!
//! Surprising: each key belongs to types of resources ("Actions, resources, and condition keys for Amazon EC2"). A
//! launch is asked about for the instance, its image, its subnet and more, one by one, and `ec2:InstanceType` says
//! something of the instance alone.

mod attributes;
mod existing;
mod launching;
mod making;
pub mod volumes;

use base::{Arn, Region};
use schema::Structure;
use service::ResourceFacts;
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::kind::{IMAGE, KEY_PAIR, LAUNCH_TEMPLATE, PLACEMENT_GROUP, SNAPSHOT};
use crate::model::images::catalogue;
use crate::records::Place;
use crate::records::images::IMAGE_PLACES;
use crate::records::keys::KEY_NAMES;
use crate::records::snapshots::SNAPSHOT_PLACES;
use crate::records::templates::{PlacementGroupRecord, TEMPLATE_NAMES};
use crate::resources;

/// Names in AWS's spelling, and values. One with several values is there several times.
pub type Keys = Vec<(String, String)>;

/// Adds a key that may say nothing.
fn add(keys: &mut Keys, name: &str, value: Option<impl ToString>) {
    keys.extend(value.map(|value| (name.to_owned(), value.to_string())));
}

/// An ARN of this service, as conditions compare them.
fn arn(place: &Place, resource: &str) -> String {
    let (account, region) = place;
    format!("arn:{}:ec2:{region}:{account}:{resource}", region.partition().as_str())
}

/// What is known of a resource; EC2's resources have no policies of their own.
pub async fn facts(
    ec2: &Ec2,
    action: &str,
    named: &Arn,
    input: Option<&dyn Structure>,
) -> Result<ResourceFacts, Error> {
    let mut facts = ResourceFacts::default();
    let Some(region) = named.region() else { return Ok(facts) };
    add(&mut facts.keys, "ec2:Region", Some(region));
    let Some((kind, name)) = named.resource().split_once('/') else { return Ok(facts) };
    if let Some(input) = input {
        facts.keys.extend(attributes::of(action, input));
    }
    let found = ec2.store.read(|tx| async move { placed(&tx, region, named, kind, name).await });
    let Some((place, id)) = found.await? else {
        if kind == IMAGE.name {
            let own = catalogue::find(region, name).map(|(image, _)| match ec2.lacking_for_root_volumes() {
                None => existing::image(&image),
                Some(_) => existing::image(&catalogue::without_volumes(image)),
            });
            facts.keys.extend(own.unwrap_or_default());
            facts.keys.extend(input.map(launching::of_image).unwrap_or_default());
        }
        if kind == SNAPSHOT.name {
            facts.keys.extend(input.map(|input| making::snapshot(action, input)).unwrap_or_default());
        }
        return Ok(facts);
    };
    if kind == LAUNCH_TEMPLATE.name && id != name {
        facts.arn = arn(&place, &format!("{kind}/{id}")).parse().ok();
    }
    if let Some(input) = input {
        facts.keys.extend(making::keys(&place, action, kind, input));
        facts.keys.extend(launching::keys(ec2, &place, action, kind, name, input).await?);
    }
    if id == "*" {
        return Ok(facts);
    }
    let (place, id, keys) = (&place, id.as_str(), &mut facts.keys);
    let found = ec2.store.read(|tx| async move {
        let tags = resources::tags(&tx, place, id).await?;
        Ok::<_, Error>((tags, existing::keys(&tx, place, kind, id).await?))
    });
    let (tags, known) = found.await?;
    // What a request says of a resource stands before what the resource was.
    let said: Vec<String> = keys.iter().map(|(name, _)| name.clone()).collect();
    keys.extend(known.into_iter().filter(|(name, _)| !said.contains(name)));
    facts.tags = tags;
    Ok(facts)
}

/// Where a resource is, and its id: some are named otherwise in their ARNs. Nothing for images of the cloud's own.
async fn placed(
    tx: &Tx,
    region: Region,
    named: &Arn,
    kind: &str,
    name: &str,
) -> Result<Option<(Place, String)>, Error> {
    let Some(account) = named.account() else {
        let at = match kind == SNAPSHOT.name {
            true => SNAPSHOT_PLACES.get(tx, &(), name).await?,
            false => IMAGE_PLACES.get(tx, &(), name).await?,
        };
        return Ok(at.map(|at| (at.place(), name.to_owned())));
    };
    let place = (account, region);
    let id = match kind {
        kind if kind == KEY_PAIR.name => KEY_NAMES.get(tx, &place, name).await?.map(|named| named.id),
        kind if kind == LAUNCH_TEMPLATE.name && !LAUNCH_TEMPLATE.is_id(name) => {
            TEMPLATE_NAMES.get(tx, &place, name).await?.map(|named| named.id)
        }
        kind if kind == PLACEMENT_GROUP.name => {
            let all = resources::all::<PlacementGroupRecord>(tx, &place).await?;
            let found = all.into_iter().find(|group| group.name() == name);
            found.and_then(|group| group.shown.0.group_id)
        }
        _ => None,
    };
    Ok(Some((place, id.unwrap_or_else(|| name.to_owned()))))
}
