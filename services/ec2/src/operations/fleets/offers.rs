//! What a fleet can have now: its pools with their templates applied, in every zone they allow, at the prices there are.

use ec2_api::*;
use service::Call;

use super::fulfil::{Wanted, failure};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::SPOT_MAX_PRICE_TOO_LOW;
use crate::model::buying::prices::{self, Nanos};
use crate::model::fleets::{Offer, Pool};
use crate::model::vpcs::zones as zone_names;
use crate::operations::instances::resolve::DEFAULT_TYPE;
use crate::operations::spot::market::{named_zone, price_now};
use crate::operations::templates::applied;
use crate::records::zones;

/// A pool with its template applied.
pub struct Ready {
    pub pool: Pool,
    pub launch: RunInstancesInput,
    /// The template's id and the version's number.
    pub template: Option<(String, String)>,
    pub instance_type: String,
    /// The one zone it is launched in, if it names one or a subnet.
    pub zone: Option<String>,
}

/// Applies the templates. Pools whose template is not there are told among the errors.
pub async fn ready(
    ec2: &Ec2,
    call: &Call,
    wanted: &Wanted<'_>,
    errors: &mut Vec<CreateFleetError>,
) -> Result<Vec<Ready>, Error> {
    let place = &call.scope();
    let mut all = Vec::with_capacity(wanted.pools.len());
    for pool in &wanted.pools {
        let (launch, template) = match applied(ec2, place, pool.launch.clone()).await {
            Ok(found) => found,
            Err(Error::Internal(cause)) => return Err(Error::Internal(cause)),
            Err(error) => {
                errors.push(failure(pool, wanted.on_demand.target <= 0.0, error));
                continue;
            }
        };
        let asked = &launch;
        let zone = ec2.store.read(|tx| async move { named_zone(&tx, place, asked).await }).await?;
        let instance_type = launch.instance_type.clone().unwrap_or_else(|| DEFAULT_TYPE.to_owned());
        all.push(Ready { pool: pool.clone(), launch, template, instance_type, zone });
    }
    Ok(all)
}

pub fn names_no_subnet(launch: &RunInstancesInput) -> bool {
    let cards = launch.network_interfaces.iter().flatten();
    launch.subnet_id.is_none() && cards.filter(|card| card.subnet_id.is_some()).count() == 0
}

/// What can be had. Spot capacity has a price in each zone; what costs more than is to be paid is told among the errors.
pub async fn now(
    ec2: &Ec2,
    call: &Call,
    all: &[Ready],
    of_spot: bool,
    errors: &mut Vec<CreateFleetError>,
) -> Result<Vec<Offer>, Error> {
    let mut offers = Vec::new();
    for (at, ready) in all.iter().enumerate() {
        let full = prices::on_demand(&ready.instance_type);
        let offer = |zone: Option<String>, price: Option<Nanos>| Offer {
            pool: at,
            instance_type: ready.instance_type.clone(),
            zone,
            weight: ready.pool.weight,
            priority: ready.pool.priority,
            price,
            full,
            taken: 0,
        };
        if !of_spot {
            offers.push(offer(ready.zone.clone(), full));
            continue;
        }
        let most = ready.pool.max_price.map(|unit| (unit as f64 * ready.pool.weight) as Nanos);
        let mut cheapest: Option<Nanos> = None;
        let before = offers.len();
        for (zone, price) in spot_prices(ec2, call, ready).await? {
            cheapest = [cheapest, price].into_iter().flatten().min();
            if most.is_none_or(|most| price.is_none_or(|price| price <= most)) {
                offers.push(offer(Some(zone), price));
            }
        }
        if let (Some(most), Some(cheapest), true) = (most, cheapest, offers.len() == before) {
            let message = format!(
                "{}, Spot price is too low: {} is less than {}",
                ready.instance_type,
                prices::shown(most),
                prices::shown(cheapest)
            );
            errors.push(failure(&ready.pool, true, Error::new(&SPOT_MAX_PRICE_TOO_LOW, message)));
        }
    }
    Ok(offers)
}

/// The zones a pool allows that have power, and what an hour of it costs in each.
async fn spot_prices(ec2: &Ec2, call: &Call, ready: &Ready) -> Result<Vec<(String, Option<Nanos>)>, Error> {
    let read = ec2.store.read(|tx| async move {
        let allowed = match &ready.zone {
            Some(zone) => vec![zone.clone()],
            None => zone_names::names(call.region),
        };
        let down = zones::down(&tx).await?;
        let mut found = Vec::new();
        for zone in allowed.into_iter().filter(|zone| !down.contains_key(zone)) {
            let price = price_now(&tx, &ready.instance_type, &zone, call.now).await?;
            found.push((zone, price));
        }
        Ok::<_, Error>(found)
    });
    read.await
}
