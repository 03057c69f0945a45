//! Failures on command: a zone loses its power and its network for every account, and gets them back.
//!
//! This is the port for whoever injects faults. `fogbank zone` calls it; a fault-injection service will, for the
//! power of a zone. Its other actions (aws:network:disrupt-connectivity, aws:ec2:stop-instances and the like) are made
//! of EC2's operations, as on AWS: an ACL that denies in place of the subnet's own, StopInstances, and so on.

use std::collections::BTreeMap;

use base::{Region, Timestamp};
use futures_util::StreamExt;
use futures_util::stream;
use schema::Fault;
use store::{Select, Tx};

use crate::Ec2;
use crate::error::Error;
use crate::limits::{BUSY_INSTANCES_MAX, MACHINES_AT_ONCE_MAX};
use crate::model::instances::State;
use crate::model::vpcs::zones;
use crate::operations::instances::launch::bad_zone;
use crate::records::Resource;
use crate::records::instances::{BUSY_INSTANCES, INSTANCE_PLACES, InstanceRecord};
use crate::records::zones::{ZONES_DOWN, ZoneDownRecord, down};
use crate::tasks::networks;

/// A zone and how it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneHealth {
    pub region: Region,
    /// `us-east-1a`
    pub name: String,
    /// `use1-az1`
    pub id: String,
    pub down_since: Option<Timestamp>,
    /// Instances that run there, or would if the zone did.
    pub instances: usize,
}

/// Instances of one page that are in a zone.
struct InZones {
    /// Id and zone of those that are to run.
    running: Vec<(String, String)>,
    next: Option<String>,
}

impl Ec2 {
    /// All zones of all regions.
    pub async fn zones(&self) -> Result<Vec<ZoneHealth>, Fault> {
        let down = self.zones_down().await?;
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut after = None;
        loop {
            let page = in_zones(self, after.as_deref()).await?;
            for (_, zone) in page.running {
                *counts.entry(zone).or_default() += 1;
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let of_region = |region: Region| zones::names(region).into_iter().map(move |name| (region, name));
        let all = Region::all().flat_map(of_region).map(|(region, name)| ZoneHealth {
            region,
            id: zones::id_of(region, &name).unwrap_or_default(),
            down_since: down.get(&name).copied(),
            instances: counts.get(&name).copied().unwrap_or_default(),
            name,
        });
        Ok(all.collect())
    }

    /// Takes a zone down, or brings it up again; its name or id says which. It stays so when the cloud is restarted. When
    /// this returns, its packets pass again or do not any more, and no machine in a zone that is down runs; those of a
    /// zone that came up are being started.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a zone that there is not.
    pub async fn set_zone(&self, zone: &str, is_down: bool) -> Result<(), Fault> {
        let name = named(zone)?;
        let (now, name) = (self.clock.now(), name.as_str());
        let written = self.store.transact(|tx: Tx| async move {
            match (is_down, ZONES_DOWN.get(&tx, &(), name).await?) {
                (true, None) => ZONES_DOWN.put(&tx, &(), name, &ZoneDownRecord { since: now }).await,
                (false, Some(_)) => ZONES_DOWN.delete(&tx, &(), name).await,
                _ => Ok(()),
            }
        });
        written.await.map_err(Error::from)?;
        tracing::info!(zone = name, is_down, "a zone changed");
        networks::cut_zones(self).await?;
        self.rouse(name, is_down).await?;
        self.networks.nudge();
        self.machines.nudge();
        self.disks.nudge();
        Ok(())
    }

    pub(crate) async fn zones_down(&self) -> Result<BTreeMap<String, Timestamp>, Error> {
        Ok(self.store.read(|tx| async move { down(&tx).await }).await?)
    }

    /// Has every instance of the zone looked after, and cuts the power of those in one that is down.
    async fn rouse(&self, zone: &str, is_down: bool) -> Result<(), Error> {
        let mut after = None;
        loop {
            let page = in_zones(self, after.as_deref()).await?;
            let of_zone: Vec<String> =
                page.running.into_iter().filter(|(_, of)| of == zone).map(|(id, _)| id).collect();
            mark_busy(self, &of_zone).await?;
            if let (Some(driver), true) = (&self.machine_driver, is_down) {
                let kills = stream::iter(of_zone).map(|id| async move { (driver.kill(&id).await, id) });
                let ended: Vec<_> = kills.buffer_unordered(MACHINES_AT_ONCE_MAX).collect().await;
                for (outcome, id) in ended {
                    if let Err(error) = outcome {
                        tracing::warn!(instance = id, %error, "a machine of a zone that is down was not ended yet");
                    }
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(()),
            }
        }
    }
}

/// A zone's name, from its name or id, in whichever region.
fn named(zone: &str) -> Result<String, Error> {
    let found = Region::all().find_map(|region| match zones::id_of(region, zone) {
        Some(_) => Some(zone.to_owned()),
        None => zones::name_of(region, zone),
    });
    found.ok_or_else(|| bad_zone(zone))
}

/// A page of the instances that are to run, of all accounts and regions.
async fn in_zones(ec2: &Ec2, after: Option<&str>) -> Result<InZones, Error> {
    let read = ec2.store.read(|tx| async move {
        let page = INSTANCE_PLACES.scan(&tx, &(), Select::ALL.after(after), BUSY_INSTANCES_MAX).await?;
        let mut running = Vec::new();
        for (id, at) in page.records {
            let Some(record) = InstanceRecord::TABLE.get(&tx, &at.place(), &id).await? else { continue };
            if matches!(record.state, State::Pending | State::Running) {
                running.push((id, record.zone().to_owned()));
            }
        }
        Ok::<_, Error>(InZones { running, next: page.next })
    });
    read.await
}

async fn mark_busy(ec2: &Ec2, ids: &[String]) -> Result<(), Error> {
    let marked = ec2.store.transact(|tx: Tx| async move {
        for id in ids {
            if let Some(at) = INSTANCE_PLACES.get(&tx, &(), id).await? {
                BUSY_INSTANCES.put(&tx, &(), id, &at).await?;
            }
        }
        Ok::<_, Error>(())
    });
    marked.await
}
