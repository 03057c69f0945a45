//! What a policy is about: everything with one of its tags, or everything that has no recent backup.

use std::collections::{BTreeMap, BTreeSet};

use base::Timestamp;
use dlm_api::Exclusions;
use ec2_api::{
    DescribeInstances, DescribeInstancesInput, DescribeVolumes, DescribeVolumesInput, DeviceType, Filter,
    Instance, Tag, Volume,
};
use service::AsService;

use super::{Work, recent};
use crate::error::Error;
use crate::limits::{TARGET_AGE_MIN, TARGETS_MAX, TARGETS_PAGE};
use crate::model::kinds::{self, Kind};

/// A volume or an instance that is to be backed up.
pub struct Target {
    pub id: String,
    pub tags: BTreeMap<String, String>,
}

pub async fn all(work: &Work<'_>, ec2: &AsService) -> Result<Vec<Target>, Error> {
    match (kinds::is_default(work.details), work.kind) {
        (true, Kind::Volumes) => volumes_without_recent(work, ec2).await,
        (true, _) => instances_without_recent(work, ec2).await,
        (false, _) => tagged(work, ec2).await,
    }
}

/// Everything that has one of the policy's tags.
async fn tagged(work: &Work<'_>, ec2: &AsService) -> Result<Vec<Target>, Error> {
    let mut found: BTreeMap<String, Target> = BTreeMap::new();
    for tag in work.details.target_tags.iter().flatten() {
        let filter = named(&format!("tag:{}", tag.key), &[&tag.value]);
        let targets: Vec<Target> = match work.kind {
            Kind::Volumes => {
                volumes(ec2, vec![filter]).await?.into_iter().filter_map(target_of_volume).collect()
            }
            Kind::Instances => living(ec2, filter, &["running", "stopping", "stopped"]).await?,
            // An image is made of what runs, or is stopped.
            Kind::Images | Kind::Shared => living(ec2, filter, &["running", "stopped"]).await?,
        };
        found.extend(targets.into_iter().map(|target| (target.id.clone(), target)));
    }
    Ok(found.into_values().take(TARGETS_MAX).collect())
}

async fn living(ec2: &AsService, filter: Filter, states: &[&str]) -> Result<Vec<Target>, Error> {
    let found = instances(ec2, vec![filter, named("instance-state-name", states)]).await?;
    Ok(found.into_iter().filter_map(target_of_instance).collect())
}

fn target_of_volume(volume: Volume) -> Option<Target> {
    Some(Target { id: volume.volume_id?, tags: own(volume.tags) })
}

fn target_of_instance(instance: Instance) -> Option<Target> {
    Some(Target { id: instance.instance_id?, tags: own(instance.tags) })
}

/// "All volumes in the Region that do not have recent snapshots", whether attached or not.
async fn volumes_without_recent(work: &Work<'_>, ec2: &AsService) -> Result<Vec<Target>, Error> {
    let exclusions = exclusions(work);
    let types: Vec<String> = exclusions.exclude_volume_types.clone().unwrap_or_default();
    let roots = match exclusions.exclude_boot_volumes {
        Some(true) => roots(ec2).await?,
        _ => BTreeSet::new(),
    };
    let backed_up = recent::volumes(work, ec2).await?;
    let is_meant = |volume: &Volume| {
        let id = volume.volume_id.as_deref().unwrap_or_default();
        let kind = volume.volume_type.as_ref().map(ToString::to_string).unwrap_or_default();
        is_old_enough(work, volume.create_time)
            && !types.contains(&kind)
            && !roots.contains(id)
            && !has_one_of(&exclusions, volume.tags.as_deref())
            && !backed_up.contains(id)
    };
    let found = volumes(ec2, vec![named("status", &["available", "in-use"])]).await?;
    Ok(found.into_iter().filter(is_meant).filter_map(target_of_volume).collect())
}

/// The same of instances and images. One whose root is no volume cannot be made one of.
async fn instances_without_recent(work: &Work<'_>, ec2: &AsService) -> Result<Vec<Target>, Error> {
    let exclusions = exclusions(work);
    let backed_up = recent::instances(work, ec2).await?;
    let is_meant = |instance: &Instance| {
        is_old_enough(work, launched(instance))
            && instance.root_device_type == Some(DeviceType::Ebs)
            && !has_one_of(&exclusions, instance.tags.as_deref())
            && !backed_up.contains(instance.instance_id.as_deref().unwrap_or_default())
    };
    let found = instances(ec2, vec![named("instance-state-name", &["running", "stopped"])]).await?;
    Ok(found.into_iter().filter(is_meant).filter_map(target_of_instance).collect())
}

fn exclusions(work: &Work<'_>) -> Exclusions {
    work.details.exclusions.clone().unwrap_or_default()
}

fn is_old_enough(work: &Work<'_>, made: Option<Timestamp>) -> bool {
    made.is_some_and(|made| made + TARGET_AGE_MIN <= work.dlm.clock.now())
}

/// An instance that was started again shows that time as its launch; its volumes show when it really was.
fn launched(instance: &Instance) -> Option<Timestamp> {
    let mappings = instance.block_device_mappings.iter().flatten();
    let attached = mappings.filter_map(|mapping| mapping.ebs.as_ref()?.attach_time);
    attached.chain(instance.launch_time).min()
}

fn has_one_of(exclusions: &Exclusions, tags: Option<&[Tag]>) -> bool {
    exclusions.exclude_tags.iter().flatten().any(|excluded| {
        tags.unwrap_or_default()
            .iter()
            .any(|tag| tag.key.as_ref() == Some(&excluded.key) && tag.value.as_ref() == Some(&excluded.value))
    })
}

/// The volumes that instances boot from.
async fn roots(ec2: &AsService) -> Result<BTreeSet<String>, Error> {
    let root = |instance: Instance| {
        let mut mappings = instance.block_device_mappings.into_iter().flatten();
        mappings.find(|mapping| mapping.device_name == instance.root_device_name)?.ebs?.volume_id
    };
    Ok(instances(ec2, Vec::new()).await?.into_iter().filter_map(root).collect())
}

/// The data volumes of an instance that a policy leaves out, by their tags.
pub async fn left_out(work: &Work<'_>, ec2: &AsService, instance: &str) -> Result<Vec<String>, Error> {
    let tags = work.details.parameters.as_ref().and_then(|it| it.exclude_data_volume_tags.clone());
    let Some(exclude_tags) = tags.filter(|tags| !tags.is_empty()) else { return Ok(Vec::new()) };
    let roots = roots(ec2).await?;
    let excluded = Exclusions { exclude_tags: Some(exclude_tags), ..Exclusions::default() };
    let attached = volumes(ec2, vec![named("attachment.instance-id", &[instance])]).await?;
    let tagged = attached.into_iter().filter(|volume| has_one_of(&excluded, volume.tags.as_deref()));
    Ok(tagged.filter_map(|volume| volume.volume_id).filter(|id| !roots.contains(id)).collect())
}

/// Whether the volume or the instance is there still.
pub async fn is_there(work: &Work<'_>, ec2: &AsService, id: &str) -> Result<bool, Error> {
    Ok(match work.kind {
        Kind::Volumes => !volumes(ec2, vec![named("volume-id", &[id])]).await?.is_empty(),
        _ => {
            let living = ["pending", "running", "stopping", "stopped"];
            let filters = vec![named("instance-id", &[id]), named("instance-state-name", &living)];
            !instances(ec2, filters).await?.is_empty()
        }
    })
}

async fn volumes(ec2: &AsService, filters: Vec<Filter>) -> Result<Vec<Volume>, Error> {
    let mut found = Vec::new();
    let mut input = DescribeVolumesInput {
        filters: Some(filters),
        max_results: Some(TARGETS_PAGE),
        ..DescribeVolumesInput::default()
    };
    loop {
        let output = ec2.call(DescribeVolumes, input.clone()).await?;
        found.extend(output.volumes.into_iter().flatten());
        input.next_token = output.next_token;
        if input.next_token.is_none() || found.len() >= TARGETS_MAX {
            return Ok(found);
        }
    }
}

async fn instances(ec2: &AsService, filters: Vec<Filter>) -> Result<Vec<Instance>, Error> {
    let mut found = Vec::new();
    let mut input = DescribeInstancesInput {
        filters: (!filters.is_empty()).then_some(filters),
        max_results: Some(TARGETS_PAGE),
        ..DescribeInstancesInput::default()
    };
    loop {
        let output = ec2.call(DescribeInstances, input.clone()).await?;
        let reservations = output.reservations.into_iter().flatten();
        found.extend(reservations.flat_map(|it| it.instances.unwrap_or_default()));
        input.next_token = output.next_token;
        if input.next_token.is_none() || found.len() >= TARGETS_MAX {
            return Ok(found);
        }
    }
}

pub fn named(name: &str, values: &[&str]) -> Filter {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Filter { name: Some(name.to_owned()), values: Some(values) }
}

/// Tags that may be given on: AWS keeps its own to itself.
fn own(tags: Option<Vec<Tag>>) -> BTreeMap<String, String> {
    let tags = tags.into_iter().flatten().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
    tags.filter(|(key, _)| !key.starts_with("aws:")).collect()
}
