//! Which Dedicated Host an instance comes to ("Amazon EC2 Dedicated Host auto-placement and host affinity").

use std::borrow::Cow;
use std::collections::BTreeMap;

use ec2_api::*;
use service::Call;
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INSUFFICIENT_CAPACITY_ON_HOST, INVALID_AFFINITY, INVALID_HOST_CONFIGURATION,
    INVALID_PARAMETER_COMBINATION, UNSUPPORTED_OPERATION,
};
use crate::kind::DEDICATED_HOST;
use crate::model::hosts::{Layout, family};
use crate::operations::instances::resolve::DEFAULT_TYPE;
use crate::records::hosts::{HostRecord, occupants};
use crate::records::{Place, Resource};
use crate::resources;

/// Its instances restart where they ran.
const TO_ONE_HOST: &str = "host";

/// Refuses what a launch cannot say of hosts.
pub fn check(input: &RunInstancesInput) -> Result<(), Error> {
    let Some(placement) = &input.placement else { return Ok(()) };
    if placement.host_resource_group_arn.is_some() {
        let message = "Host resource groups (HostResourceGroupArn) are not supported here.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    if let Some(id) = &placement.host_id {
        DEDICATED_HOST.check(id)?;
    }
    let is_known = |affinity: &str| matches!(affinity, "default" | TO_ONE_HOST);
    if let Some(affinity) = placement.affinity.as_deref().filter(|affinity| !is_known(affinity)) {
        let message = format!("The affinity '{affinity}' is not valid: it is 'default' or 'host'.");
        return Err(Error::new(&INVALID_AFFINITY, message));
    }
    let wants_host = placement.host_id.is_some() || placement.affinity.as_deref() == Some(TO_ONE_HOST);
    let is_elsewhere = placement.tenancy.as_ref().is_some_and(|tenancy| *tenancy != Tenancy::Host);
    if wants_host && is_elsewhere {
        let message = "A Dedicated Host (HostId, Affinity) requires the tenancy 'host'.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let is_spot = input.instance_market_options.is_some();
    if is_spot && tenancy(placement) == Some(Tenancy::Host) {
        let message = "Spot Instances cannot run on a Dedicated Host.";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    Ok(())
}

/// Who names a host has the tenancy of one.
pub fn tenancy(placement: &Placement) -> Option<Tenancy> {
    let named = placement.host_id.as_ref().map(|_| Tenancy::Host);
    placement.tenancy.clone().or(named)
}

/// A launch that names neither zone nor subnet goes where its host is, or one that takes it.
pub async fn in_zone_of_host<'a>(
    ec2: &Ec2,
    call: &Call,
    input: &'a RunInstancesInput,
) -> Result<Cow<'a, RunInstancesInput>, Error> {
    let Some(asked) = input.placement.as_ref().filter(|it| tenancy(it) == Some(Tenancy::Host)) else {
        return Ok(Cow::Borrowed(input));
    };
    let is_somewhere = input.subnet_id.is_some()
        || input.network_interfaces.as_ref().is_some_and(|cards| !cards.is_empty())
        || asked.availability_zone.is_some()
        || asked.availability_zone_id.is_some();
    if is_somewhere {
        return Ok(Cow::Borrowed(input));
    }
    let place = &call.scope();
    let read = ec2.store.read(|tx| async move { Hosts::read(ec2, &tx, place).await });
    let hosts = read.await?;
    let instance_type = input.instance_type.as_deref().unwrap_or(DEFAULT_TYPE);
    let zone = match &asked.host_id {
        Some(id) => hosts.named(id)?.zone().to_owned(),
        None => hosts.any(None, instance_type).ok_or_else(no_room)?.zone().to_owned(),
    };
    let placement = Placement { availability_zone: Some(zone), ..asked.clone() };
    Ok(Cow::Owned(RunInstancesInput { placement: Some(placement), ..input.clone() }))
}

/// A new instance comes to the host it names, or to one that takes who names none.
pub async fn launched(ec2: &Ec2, tx: &Tx, place: &Place, instance: &mut Instance) -> Result<(), Error> {
    settle(ec2, tx, place, instance, true).await
}

/// An instance that starts comes to its host again; where it has no affinity and that is full, to another.
pub async fn started(ec2: &Ec2, tx: &Tx, place: &Place, instance: &mut Instance) -> Result<(), Error> {
    let affinity = instance.placement.as_ref().and_then(|placement| placement.affinity.as_deref());
    let is_bound = affinity == Some(TO_ONE_HOST);
    settle(ec2, tx, place, instance, is_bound).await
}

async fn settle(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    instance: &mut Instance,
    is_bound: bool,
) -> Result<(), Error> {
    let instance_type = instance.instance_type.clone().unwrap_or_default();
    let on_host = |placement: &&mut Placement| placement.tenancy == Some(Tenancy::Host);
    let Some(placement) = instance.placement.as_mut().filter(on_host) else { return Ok(()) };
    let hosts = Hosts::read(ec2, tx, place).await?;
    let zone = placement.availability_zone.clone().unwrap_or_default();
    let known = match &placement.host_id {
        Some(id) if is_bound => Some(hosts.fit(id, &zone, &instance_type)?),
        Some(id) => hosts.fit(id, &zone, &instance_type).ok(),
        None => None,
    };
    let found = known.or_else(|| hosts.any(Some(&zone), &instance_type)).ok_or_else(no_room)?;
    placement.host_id = Some(found.id().to_owned());
    placement.affinity.get_or_insert_with(|| "default".to_owned());
    Ok(())
}

/// Refuses to bind a stopped instance to a host it could never start on.
pub async fn check_host(
    ec2: &Ec2,
    tx: &Tx,
    place: &Place,
    id: &str,
    instance: &Instance,
) -> Result<(), Error> {
    let zone = instance.placement.as_ref().and_then(|placement| placement.availability_zone.as_deref());
    let instance_type = instance.instance_type.as_deref().unwrap_or_default();
    DEDICATED_HOST.check(id)?;
    Hosts::read(ec2, tx, place).await?.suitable(id, zone.unwrap_or_default(), instance_type).map(drop)
}

/// All hosts of a place, and the types of what is on them.
struct Hosts<'a> {
    ec2: &'a Ec2,
    all: Vec<HostRecord>,
    inside: BTreeMap<String, Vec<String>>,
}

impl<'a> Hosts<'a> {
    async fn read(ec2: &'a Ec2, tx: &Tx, place: &Place) -> Result<Hosts<'a>, Error> {
        let mut all: Vec<HostRecord> = resources::all(tx, place).await?;
        all.sort_by_key(|host| host.shown.allocation_time);
        let inside = occupants(tx, place).await?.into_iter().map(|(id, instances)| {
            (id, instances.into_iter().filter_map(|instance| instance.instance_type).collect())
        });
        Ok(Hosts { ec2, all, inside: inside.collect() })
    }

    fn named(&self, id: &str) -> Result<&HostRecord, Error> {
        self.all.iter().find(|host| host.id() == id).ok_or_else(|| DEDICATED_HOST.missing(id))
    }

    /// The host with this id, if such an instance of its zone can ever be on it.
    fn suitable(&self, id: &str, zone: &str, instance_type: &str) -> Result<&HostRecord, Error> {
        let host = self.named(id)?;
        let takes = Layout::of(&self.ec2.types, host.family())
            .is_some_and(|layout| layout.takes(host.only(), instance_type));
        let why = match () {
            () if host.zone() != zone => format!("is in the Availability Zone {}", host.zone()),
            () if !takes => format!("does not support the instance type {instance_type}"),
            () => return Ok(host),
        };
        Err(Error::new(&INVALID_HOST_CONFIGURATION, format!("The Dedicated Host '{id}' {why}.")))
    }

    /// The host with this id, if it has room as well.
    fn fit(&self, id: &str, zone: &str, instance_type: &str) -> Result<&HostRecord, Error> {
        let host = self.suitable(id, zone, instance_type)?;
        if self.has_room(host, instance_type) { Ok(host) } else { Err(no_room()) }
    }

    fn has_room(&self, host: &HostRecord, instance_type: &str) -> bool {
        let inside = self.inside.get(host.id()).map(Vec::as_slice).unwrap_or_default();
        Layout::of(&self.ec2.types, host.family())
            .is_some_and(|layout| layout.has_room(host.only(), inside, instance_type))
    }

    /// The oldest host that takes whoever names none.
    fn any(&self, zone: Option<&str>, instance_type: &str) -> Option<&HostRecord> {
        self.all.iter().find(|host| {
            host.places_by_itself()
                && host.family() == family(instance_type)
                && zone.is_none_or(|zone| host.zone() == zone)
                && self.has_room(host, instance_type)
        })
    }
}

fn no_room() -> Error {
    let message = "There is not enough capacity on the Dedicated Host to launch or start the instance.";
    Error::new(&INSUFFICIENT_CAPACITY_ON_HOST, message)
}
