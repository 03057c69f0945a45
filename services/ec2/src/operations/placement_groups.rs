//! Placement groups. Everything runs on one host here, so a group bounds what AWS bounds by zones, and says nothing of
//! racks.

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::instances::network::unknown_group;
use super::tags;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INSUFFICIENT_INSTANCE_CAPACITY, INVALID_PARAMETER_VALUE, INVALID_PLACEMENT_GROUP_DUPLICATE,
    INVALID_PLACEMENT_GROUP_IN_USE,
};
use crate::kind::PLACEMENT_GROUP;
use crate::model::instances::State;
use crate::model::tags::{Tags, shown as shown_tags};
use crate::records::instances::InstanceRecord;
use crate::records::templates::PlacementGroupRecord;
use crate::records::{Place, Resource};
use crate::resources::{self, Wanted};

/// Of partition groups: "up to seven".
const PARTITIONS_MAX: i32 = 7;
/// Of groups that spread over racks: "a maximum of seven running instances per Availability Zone".
const SPREAD_INSTANCES_OF_ZONE_MAX: usize = 7;

pub fn to_create(_: &Ec2, call: &Call, input: &CreatePlacementGroupInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![PLACEMENT_GROUP.arn(call, input.group_name.as_deref().unwrap_or("*"))])
}

pub fn to_delete(_: &Ec2, call: &Call, input: &DeletePlacementGroupInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![PLACEMENT_GROUP.arn(call, &input.group_name)])
}

/// The id and the name of a group that a launch names either way; nothing for none.
///
/// # Errors
/// `InvalidPlacementGroup.Unknown`
pub async fn named(
    tx: &Tx,
    place: &Place,
    id: Option<&str>,
    name: Option<&str>,
) -> Result<Option<(String, String)>, Error> {
    let Some(wanted) = id.or(name).filter(|wanted| !wanted.is_empty()) else { return Ok(None) };
    let all = resources::all::<PlacementGroupRecord>(tx, place).await?;
    let is_it = |group: &PlacementGroupRecord| match id {
        Some(id) => group.id() == id,
        None => group.name() == wanted,
    };
    let found = all.into_iter().find(is_it).ok_or_else(|| unknown_group(wanted))?;
    Ok(Some((found.id().to_owned(), found.name().to_owned())))
}

/// How many more instances of a zone a group takes.
///
/// # Errors
/// `InvalidPlacementGroup.InUse` for a cluster that is in another zone; `InsufficientInstanceCapacity` for a spread that
/// is full there.
pub async fn room(tx: &Tx, place: &Place, id: &str, zone: &str) -> Result<usize, Error> {
    let group: PlacementGroupRecord = resources::get(tx, place, id).await?;
    let strategy = group.shown.strategy.clone();
    if !matches!(strategy, Some(PlacementStrategy::Cluster | PlacementStrategy::Spread)) {
        return Ok(usize::MAX);
    }
    let is_member = |record: &InstanceRecord| {
        let of = record.shown.placement.as_ref().and_then(|placement| placement.group_id.as_deref());
        of == Some(id) && !matches!(record.state, State::ShuttingDown | State::Terminated)
    };
    let mut members = resources::all::<InstanceRecord>(tx, place).await?;
    members.retain(is_member);
    if strategy == Some(PlacementStrategy::Cluster) {
        return match members.iter().find(|member| member.zone() != zone) {
            None => Ok(usize::MAX),
            Some(member) => {
                let message = format!(
                    "The placement group '{}' is in use in another availability zone: {}",
                    group.name(),
                    member.zone()
                );
                Err(Error::new(&INVALID_PLACEMENT_GROUP_IN_USE, message))
            }
        };
    }
    let here = members.iter().filter(|member| member.zone() == zone).count();
    match SPREAD_INSTANCES_OF_ZONE_MAX.saturating_sub(here) {
        0 => {
            let message = format!(
                "The spread placement group '{}' has the {SPREAD_INSTANCES_OF_ZONE_MAX} instances in the Availability Zone {zone} that it can have.",
                group.name()
            );
            Err(Error::new(&INSUFFICIENT_INSTANCE_CAPACITY, message))
        }
        room => Ok(room),
    }
}

pub async fn create_placement_group(
    ec2: &Ec2,
    call: &Call,
    input: CreatePlacementGroupInput,
) -> Result<CreatePlacementGroupOutput, Error> {
    let name = input.group_name.clone().ok_or_else(|| Error::missing("GroupName"))?;
    let strategy = input.strategy.clone().unwrap_or(PlacementStrategy::Cluster);
    if let PlacementStrategy::Unknown(other) = &strategy {
        return Err(Error::invalid_value(other, "strategy", ""));
    }
    let is_partition = strategy == PlacementStrategy::Partition;
    if let Some(count) =
        input.partition_count.filter(|count| !is_partition || !(1..=PARTITIONS_MAX).contains(count))
    {
        let message = match is_partition {
            true => {
                format!("The partition count {count} is invalid: it has to be between 1 and {PARTITIONS_MAX}")
            }
            false => "PartitionCount is valid only when Strategy is set to partition".to_owned(),
        };
        return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
    }
    let specifications = input.tag_specifications.as_deref();
    let given =
        &tags::of_new(ec2, call, "CreatePlacementGroup", specifications, &PLACEMENT_GROUP, &[]).await?;
    let id = PLACEMENT_GROUP.new_id(&ec2.ids);
    let spread = (strategy == PlacementStrategy::Spread)
        .then(|| input.spread_level.clone().unwrap_or(SpreadLevel::Rack));
    let record = &PlacementGroupRecord {
        shown: Kept(PlacementGroup {
            group_arn: Some(PLACEMENT_GROUP.arn(call, &name).to_string()),
            group_id: Some(id),
            group_name: Some(name),
            state: Some(PlacementGroupState::Available),
            partition_count: is_partition.then(|| input.partition_count.unwrap_or(2)),
            spread_level: spread,
            strategy: Some(strategy),
            linked_group_id: input.linked_group_id,
            operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
            ..PlacementGroup::default()
        }),
    };
    let place = &call.scope();
    let made = ec2.store.transact(|tx| async move {
        let all = resources::all::<PlacementGroupRecord>(&tx, place).await?;
        if all.iter().any(|known| known.name() == record.name()) {
            let message = format!("The placement group '{}' already exists.", record.name());
            return Err(Error::new(&INVALID_PLACEMENT_GROUP_DUPLICATE, message));
        }
        resources::create(&tx, place, record, given).await
    });
    made.await?;
    Ok(CreatePlacementGroupOutput { placement_group: Some(shown(record, given)) })
}

fn shown(record: &PlacementGroupRecord, tags: &Tags) -> PlacementGroup {
    PlacementGroup { tags: Some(shown_tags(tags)), ..record.shown.0.clone() }
}

pub async fn delete_placement_group(
    ec2: &Ec2,
    call: &Call,
    input: DeletePlacementGroupInput,
) -> Result<DeletePlacementGroupOutput, Error> {
    let (place, name) = (&call.scope(), input.group_name.as_str());
    let deleted = ec2.store.transact(|tx| async move {
        let found = named(&tx, place, None, Some(name)).await?;
        let (id, _) = found.ok_or_else(|| unknown_group(name))?;
        let all = resources::all::<InstanceRecord>(&tx, place).await?;
        let uses = |record: &&InstanceRecord| {
            let group = record.shown.placement.as_ref().and_then(|placement| placement.group_id.as_ref());
            group == Some(&id) && record.state != State::Terminated
        };
        if all.iter().any(|record| uses(&record)) {
            let message = format!("The placement group '{name}' is in use and may not be deleted.");
            return Err(Error::new(&INVALID_PLACEMENT_GROUP_IN_USE, message));
        }
        resources::remove::<PlacementGroupRecord>(&tx, place, &id).await
    });
    deleted.await?;
    Ok(DeletePlacementGroupOutput::default())
}

pub async fn describe_placement_groups(
    ec2: &Ec2,
    call: &Call,
    input: DescribePlacementGroupsInput,
) -> Result<DescribePlacementGroupsOutput, Error> {
    let place = &call.scope();
    let mut ids = input.group_ids.unwrap_or_default();
    let names = &input.group_names.unwrap_or_default();
    let found = ec2.store.read(|tx| async move {
        let mut found = Vec::new();
        for name in names {
            found.extend(named(&tx, place, None, Some(name)).await?.map(|(id, _)| id));
        }
        Ok::<_, Error>(found)
    });
    let found = found.await?;
    ids.extend(found);
    let wanted = Wanted {
        operation: "DescribePlacementGroups",
        ids: Some(ids),
        filters: input.filters,
        ..Wanted::default()
    };
    let page = resources::describe::<PlacementGroupRecord>(ec2, call, wanted).await?;
    let groups = page.resources.iter().map(|(record, tags)| shown(record, tags));
    Ok(DescribePlacementGroupsOutput { placement_groups: Some(groups.collect()) })
}
