//! Dedicated Hosts, as far as a control plane goes: they are counted, filled and paid for, and are no hardware. Every
//! machine of this cloud runs on the one host there is.

pub mod placing;

use base::Arn;
use ec2_api::*;
use service::{Call, Kept};
use store::Tx;

use super::tags;
use super::vpcs::tokens::Token;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    HOST_LIMIT_EXCEEDED, INSUFFICIENT_HOST_CAPACITY, INVALID_HOST_CONFIGURATION, INVALID_HOST_OCCUPIED,
    INVALID_INSTANCE_FAMILY, INVALID_PARAMETER_COMBINATION, UNSUPPORTED_OPERATION,
};
use crate::kind::DEDICATED_HOST;
use crate::limits::HOSTS_MAX;
use crate::model::hosts::{Layout, family};
use crate::model::tags::{Tags, shown as shown_tags};
use crate::model::vpcs::zones as zone_names;
use crate::operations::capacity::zone_of;
use crate::records::hosts::{HostRecord, occupants};
use crate::records::{Place, Resource, zones};
use crate::resources::{self, Wanted};

pub fn to_allocate(_: &Ec2, call: &Call, _: &AllocateHostsInput) -> Result<Vec<Arn>, Error> {
    Ok(vec![DEDICATED_HOST.any(call)])
}

pub fn to_modify(_: &Ec2, call: &Call, input: &ModifyHostsInput) -> Result<Vec<Arn>, Error> {
    Ok(input.host_ids.iter().map(|id| DEDICATED_HOST.arn(call, id)).collect())
}

pub fn to_release(_: &Ec2, call: &Call, input: &ReleaseHostsInput) -> Result<Vec<Arn>, Error> {
    Ok(input.host_ids.iter().map(|id| DEDICATED_HOST.arn(call, id)).collect())
}

pub async fn allocate_hosts(
    ec2: &Ec2,
    call: &Call,
    input: AllocateHostsInput,
) -> Result<AllocateHostsOutput, Error> {
    let (properties, count) = (check(ec2, &input)?, quantity(&input)?);
    let zone = &zone_of(call, input.availability_zone.as_deref(), input.availability_zone_id.as_deref())?;
    let specifications = input.tag_specifications.as_deref();
    let given = &tags::of_new(ec2, call, "AllocateHosts", specifications, &DEDICATED_HOST, &[]).await?;
    let made: Vec<HostRecord> = (0..count)
        .map(|_| record(call, DEDICATED_HOST.new_id(&ec2.ids), zone, &input, &properties))
        .collect();
    let token = &Token::new("ec2.AllocateHosts", input.client_token.as_deref(), &input);
    let made = &made;
    let done = ec2.store.transact(|tx| async move {
        if let Some(earlier) = token.earlier(&tx, call).await? {
            return Ok(earlier.split(',').map(str::to_owned).collect());
        }
        if zones::down(&tx).await?.contains_key(zone) {
            let message = format!("There is not enough capacity for Dedicated Hosts in {zone}.");
            return Err(Error::new(&INSUFFICIENT_HOST_CAPACITY, message));
        }
        save_all(&tx, call, made, given).await?;
        let ids: Vec<String> = made.iter().map(|record| record.id().to_owned()).collect();
        token.remember(&tx, call, &ids.join(",")).await?;
        Ok::<_, Error>(ids)
    });
    Ok(AllocateHostsOutput { host_ids: Some(done.await?) })
}

async fn save_all(tx: &Tx, call: &Call, made: &[HostRecord], given: &Tags) -> Result<(), Error> {
    let place = &call.scope();
    let known: Vec<HostRecord> = resources::all(tx, place).await?;
    if known.len() + made.len() > HOSTS_MAX {
        let message = format!("You have reached the limit of {HOSTS_MAX} Dedicated Hosts.");
        return Err(Error::new(&HOST_LIMIT_EXCEEDED, message));
    }
    for record in made {
        resources::create(tx, place, record, given).await?;
        record.pay(tx, place, true, call.now).await?;
    }
    Ok(())
}

fn quantity(input: &AllocateHostsInput) -> Result<usize, Error> {
    let asked = input.quantity.ok_or_else(|| Error::missing("quantity"))?;
    let why = format!("Expecting a value from 1 to {HOSTS_MAX}.");
    let count = usize::try_from(asked).ok().filter(|count| (1..=HOSTS_MAX).contains(count));
    count.ok_or_else(|| Error::invalid_value(asked, "quantity", &why))
}

/// What the hosts are like.
fn check(ec2: &Ec2, input: &AllocateHostsInput) -> Result<HostProperties, Error> {
    for (given, what) in [
        (input.outpost_arn.is_some() || input.asset_ids.is_some(), "A Dedicated Host on an Outpost"),
        (input.cpu_options.is_some(), "CpuOptions of a Dedicated Host"),
    ] {
        if given {
            return Err(Error::new(&UNSUPPORTED_OPERATION, format!("{what} is not supported here.")));
        }
    }
    let given = (input.instance_type.as_deref(), input.instance_family.as_deref());
    properties(ec2, given)?.ok_or_else(|| Error::missing("instanceType"))
}

/// What hosts of a type or of a family are like; nothing where neither is named.
fn properties(
    ec2: &Ec2,
    (instance_type, of_family): (Option<&str>, Option<&str>),
) -> Result<Option<HostProperties>, Error> {
    let named = match (instance_type, of_family) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            let message = "InstanceType and InstanceFamily cannot be specified together.";
            return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
        }
        (Some(instance_type), None) if !ec2.types.has(instance_type) => {
            return Err(Error::invalid_value(instance_type, "instanceType", "No such instance type."));
        }
        (Some(named), None) | (None, Some(named)) => family(named),
    };
    if !ec2.types.names().any(|name| family(name) == named) {
        let message = format!("The instance family '{named}' does not exist.");
        return Err(Error::new(&INVALID_INSTANCE_FAMILY, message));
    }
    let layout = Layout::of(&ec2.types, named);
    let Some(layout) = layout.filter(|layout| instance_type.is_none_or(|name| layout.has(name))) else {
        let message = format!("Dedicated Hosts for '{}' are not supported.", instance_type.unwrap_or(named));
        return Err(Error::new(&INVALID_HOST_CONFIGURATION, message));
    };
    Ok(Some(HostProperties {
        cores: Some(layout.cores),
        instance_type: instance_type.map(str::to_owned),
        instance_family: Some(named.to_owned()),
        sockets: None,
        total_v_cpus: Some(layout.vcpus),
    }))
}

fn record(
    call: &Call,
    id: String,
    zone: &str,
    input: &AllocateHostsInput,
    properties: &HostProperties,
) -> HostRecord {
    let shown = Host {
        auto_placement: input.auto_placement.clone().or(Some(AutoPlacement::Off)),
        availability_zone: Some(zone.to_owned()),
        availability_zone_id: zone_names::id_of(call.region, zone),
        client_token: input.client_token.clone(),
        host_id: Some(id),
        host_properties: Some(properties.clone()),
        state: Some(AllocationState::Available),
        allocation_time: Some(call.now),
        host_recovery: input.host_recovery.clone().or(Some(HostRecovery::Off)),
        host_maintenance: input.host_maintenance.clone().or(Some(HostMaintenance::Off)),
        allows_multiple_instance_types: Some(of_many(properties)),
        owner_id: Some(call.account.to_string()),
        member_of_service_linked_resource_group: Some(false),
        ..Host::default()
    };
    HostRecord { shown: Kept(shown) }
}

fn of_many(properties: &HostProperties) -> AllowsMultipleInstanceTypes {
    match properties.instance_type {
        Some(_) => AllowsMultipleInstanceTypes::Off,
        None => AllowsMultipleInstanceTypes::On,
    }
}

pub async fn describe_hosts(
    ec2: &Ec2,
    call: &Call,
    input: DescribeHostsInput,
) -> Result<DescribeHostsOutput, Error> {
    let wanted = Wanted {
        operation: "DescribeHosts",
        ids: input.host_ids,
        filters: input.filter,
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
        ..Wanted::default()
    };
    let page = resources::describe::<HostRecord>(ec2, call, wanted).await?;
    let place = &call.scope();
    let mut inside = ec2.store.read(|tx| async move { occupants(&tx, place).await }).await?;
    let shown = page.resources.into_iter().map(|(record, tags)| {
        let instances = inside.remove(record.id()).unwrap_or_default();
        let types: Vec<String> = instances.iter().filter_map(|it| it.instance_type.clone()).collect();
        let layout = Layout::of(&ec2.types, record.family());
        Host {
            available_capacity: layout.map(|layout| layout.available(record.only(), &types)),
            instances: Some(instances),
            tags: Some(shown_tags(&tags)).filter(|tags| !tags.is_empty()),
            ..record.shown.0
        }
    });
    Ok(DescribeHostsOutput { hosts: Some(shown.collect()), next_token: page.next_token })
}

pub async fn modify_hosts(
    ec2: &Ec2,
    call: &Call,
    input: ModifyHostsInput,
) -> Result<ModifyHostsOutput, Error> {
    check_ids(&input.host_ids)?;
    let given = (input.instance_type.as_deref(), input.instance_family.as_deref());
    let properties = properties(ec2, given)?;
    let (place, input, properties) = (&call.scope(), &input, properties.as_ref());
    let done = ec2.store.transact(|tx| async move {
        let (mut successful, mut unsuccessful) = (Vec::new(), Vec::new());
        for id in &input.host_ids {
            match modify(&tx, place, id, input, properties).await {
                Ok(()) => successful.push(id.clone()),
                Err(error) => unsuccessful.push(failed(id, error)?),
            }
        }
        Ok::<_, Error>((successful, unsuccessful))
    });
    let (successful, unsuccessful) = done.await?;
    Ok(ModifyHostsOutput { successful: Some(successful), unsuccessful: Some(unsuccessful) })
}

async fn modify(
    tx: &Tx,
    place: &Place,
    id: &str,
    input: &ModifyHostsInput,
    properties: Option<&HostProperties>,
) -> Result<(), Error> {
    let mut record: HostRecord = resources::get(tx, place, id).await?;
    if let Some(properties) = properties {
        if properties.instance_family.as_deref() != Some(record.family()) {
            let message = format!("Dedicated host '{id}' is of the instance family {}.", record.family());
            return Err(Error::new(&INVALID_HOST_CONFIGURATION, message));
        }
        if occupants(tx, place).await?.contains_key(id) {
            let message = format!("Dedicated host '{id}' cannot be modified as it is occupied");
            return Err(Error::new(&INVALID_HOST_OCCUPIED, message));
        }
        record.shown.0.allows_multiple_instance_types = Some(of_many(properties));
        record.shown.0.host_properties = Some(properties.clone());
    }
    let shown = &mut record.shown.0;
    shown.auto_placement = input.auto_placement.clone().or(shown.auto_placement.take());
    shown.host_recovery = input.host_recovery.clone().or(shown.host_recovery.take());
    shown.host_maintenance = input.host_maintenance.clone().or(shown.host_maintenance.take());
    resources::put(tx, place, &record).await
}

pub async fn release_hosts(
    ec2: &Ec2,
    call: &Call,
    input: ReleaseHostsInput,
) -> Result<ReleaseHostsOutput, Error> {
    check_ids(&input.host_ids)?;
    let ids = &input.host_ids;
    let done = ec2.store.transact(|tx| async move {
        let (mut successful, mut unsuccessful) = (Vec::new(), Vec::new());
        for id in ids {
            match release(&tx, call, id).await {
                Ok(()) => successful.push(id.clone()),
                Err(error) => unsuccessful.push(failed(id, error)?),
            }
        }
        Ok::<_, Error>((successful, unsuccessful))
    });
    let (successful, unsuccessful) = done.await?;
    Ok(ReleaseHostsOutput { successful: Some(successful), unsuccessful: Some(unsuccessful) })
}

async fn release(tx: &Tx, call: &Call, id: &str) -> Result<(), Error> {
    let place = &call.scope();
    let mut record: HostRecord = resources::get(tx, place, id).await?;
    if occupants(tx, place).await?.contains_key(id) {
        let message = format!("Dedicated host '{id}' cannot be released as it is occupied");
        return Err(Error::new(&INVALID_HOST_OCCUPIED, message));
    }
    record.pay(tx, place, false, call.now).await?;
    record.shown.0.release_time = Some(call.now);
    resources::bury(tx, place, &record, call.now).await
}

fn check_ids(ids: &[String]) -> Result<(), Error> {
    ids.iter().try_for_each(|id| DEDICATED_HOST.check(id))
}

/// A host that could not be changed; whatever is no refusal fails the whole request.
fn failed(id: &str, error: Error) -> Result<UnsuccessfulItem, Error> {
    let Error::Refused { code, message } = error else { return Err(error) };
    Ok(UnsuccessfulItem {
        error: Some(UnsuccessfulItemError {
            code: Some(format!("Client.{}", code.code)),
            message: Some(message),
        }),
        resource_id: Some(id.to_owned()),
    })
}
