//! Dedicated Hosts. What runs on one is told by the instances' own records.

use std::collections::BTreeMap;

use base::Timestamp;
use ec2_api::{AllocationState, AutoPlacement, Host, HostInstance, Tenancy};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{StoreError, Table, Tx, Versioned};

use super::instances::InstanceRecord;
use super::usage::{self, Meter};
use super::{Place, Resource};
use crate::error::Error;
use crate::kind::{DEDICATED_HOST, Kind};
use crate::model::filter::{Values, maybe};
use crate::model::hosts::family;
use crate::model::instances::State;
use crate::resources;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostRecord {
    /// As it is shown, without its tags, its instances and what is free.
    pub shown: Kept<Host>,
}

impl Versioned for HostRecord {
    const VERSION: u16 = 1;
}

impl HostRecord {
    pub fn zone(&self) -> &str {
        self.shown.availability_zone.as_deref().unwrap_or_default()
    }

    pub fn family(&self) -> &str {
        let properties = self.shown.host_properties.as_ref();
        let named = properties.and_then(|it| it.instance_family.as_deref().or(it.instance_type.as_deref()));
        named.map(family).unwrap_or_default()
    }

    /// The one type it takes; nothing where it takes those of its family.
    pub fn only(&self) -> Option<&str> {
        self.shown.host_properties.as_ref()?.instance_type.as_deref()
    }

    /// Whether instances come to it that name no host.
    pub fn places_by_itself(&self) -> bool {
        self.shown.auto_placement == Some(AutoPlacement::On)
    }

    /// A host is paid for while it is allocated, and what runs on it is not ("Dedicated Hosts pricing and billing").
    pub async fn pay(&self, tx: &Tx, place: &Place, on: bool, now: Timestamp) -> Result<(), StoreError> {
        let of = (self.id(), self.zone());
        usage::meter(tx, place, of, Meter::Host(self.family().to_owned()), u64::from(on), now).await?;
        Ok(())
    }
}

/// Those who are on hosts at this moment, by the host's id: whoever is stopped takes no room.
pub async fn occupants(tx: &Tx, place: &Place) -> Result<BTreeMap<String, Vec<HostInstance>>, Error> {
    let mut found: BTreeMap<String, Vec<HostInstance>> = BTreeMap::new();
    for record in resources::all::<InstanceRecord>(tx, place).await? {
        let is_there = !matches!(record.state, State::Stopped | State::Terminated);
        let Some(placement) = record.shown.placement.as_ref().filter(|_| is_there) else { continue };
        let (Some(host), Some(Tenancy::Host)) = (&placement.host_id, &placement.tenancy) else { continue };
        found.entry(host.clone()).or_default().push(HostInstance {
            instance_id: Some(record.id.clone()),
            instance_type: Some(record.instance_type().to_owned()),
            owner_id: Some(place.0.to_string()),
        });
    }
    Ok(found)
}

impl Resource for HostRecord {
    const TABLE: Table<Place, HostRecord> = Table::new("ec2.dedicated-hosts");
    const KIND: &'static Kind = &DEDICATED_HOST;
    const FILTERS: &'static [&'static str] = &[
        "auto-placement",
        "availability-zone",
        "client-token",
        "host-reservation-id",
        "instance-type",
        "state",
    ];

    fn id(&self) -> &str {
        self.shown.host_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "auto-placement" => maybe(self.shown.auto_placement.as_ref()),
            "availability-zone" => maybe(self.shown.availability_zone.as_deref()),
            "client-token" => maybe(self.shown.client_token.as_deref()),
            "host-reservation-id" => maybe(self.shown.host_reservation_id.as_deref()),
            "instance-type" => maybe(self.only()),
            "state" => maybe(self.shown.state.as_ref()),
            _ => None,
        }
    }

    /// "Released hosts still appear in a DescribeHosts response."
    fn deleted(&self) -> Option<Self> {
        let mut gone = self.clone();
        gone.shown.0.state = Some(AllocationState::Released);
        Some(gone)
    }
}
