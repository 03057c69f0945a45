//! Prices of spot capacity, now and before, and how likely it is to be had.

use base::{Region, Timestamp};
use ec2_api::*;
use service::Call;
use store::Tx;

use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{INVALID_NEXT_TOKEN, INVALID_PARAMETER_VALUE};
use crate::limits::{PAGE_MAX, SPOT_HISTORY_TIME, SPOT_SCORES_MAX};
use crate::model::buying::market::{self, Demand, HOUR_MILLIS};
use crate::model::buying::prices::{self, Nanos};
use crate::model::filter::{Filters, maybe, one};
use crate::model::vpcs::zones;
use crate::records::usage::demand;
use crate::records::vpcs::SubnetRecord;
use crate::records::{Place, Resource};
use crate::resources::page_size;

/// What an hour of this type costs in this zone now; nothing where the type has no price.
pub async fn price_now(
    tx: &Tx,
    instance_type: &str,
    zone: &str,
    now: Timestamp,
) -> Result<Option<Nanos>, Error> {
    let Some(full) = prices::on_demand(instance_type) else { return Ok(None) };
    let hour = market::hour(now.as_millis());
    let demand = demand(tx, instance_type, zone, (hour, hour)).await?;
    Ok(Some(market::price(full, instance_type, zone, hour, demand.at(hour))))
}

/// The zone that a launch names, or that its subnet is in.
pub async fn named_zone(tx: &Tx, place: &Place, launch: &RunInstancesInput) -> Result<Option<String>, Error> {
    let cards = launch.network_interfaces.iter().flatten();
    let subnet =
        launch.subnet_id.as_deref().or_else(|| cards.filter_map(|it| it.subnet_id.as_deref()).next());
    if let Some(subnet) = subnet {
        let subnet = SubnetRecord::TABLE.get(tx, place, subnet).await?;
        return Ok(subnet.map(|subnet| subnet.zone().to_owned()));
    }
    let placement = launch.placement.as_ref();
    let by_id = placement.and_then(|it| it.availability_zone_id.as_deref());
    let by_id = by_id.and_then(|id| zones::name_of(place.1, id));
    Ok(placement.and_then(|it| it.availability_zone.clone()).or(by_id))
}

const LINUX: [&str; 2] = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];

/// What of the history is wanted.
struct Wanted {
    types: Vec<String>,
    zones: Vec<String>,
    products: Vec<&'static str>,
    /// Hours, from one to another.
    hours: (u64, u64),
    filters: Filters,
}

pub async fn describe_spot_price_history(
    ec2: &Ec2,
    call: &Call,
    input: DescribeSpotPriceHistoryInput,
) -> Result<DescribeSpotPriceHistoryOutput, Error> {
    let limit = page_size(input.max_results, 0)?;
    let token = input.next_token.clone().filter(|token| !token.is_empty());
    let after = match token {
        Some(token) => {
            let read = ec2.pages.read("DescribeSpotPriceHistory", call.account, &token);
            Some(read.map_err(|_| Error::new(&INVALID_NEXT_TOKEN, "The token is not valid"))?)
        }
        None => None,
    };
    let wanted = &wanted(ec2, call, input)?;
    let mut found: Vec<SpotPrice> = Vec::new();
    for (instance_type, zone) in pools(wanted) {
        let pool = format!("{instance_type}/{zone}");
        // Pages end between pools, or between the prices of one.
        let reached = after.as_deref().and_then(|after| after.rsplit_once('@'));
        if reached.is_some_and(|(passed, _)| pool.as_str() < passed) {
            continue;
        }
        let before = reached.filter(|(passed, _)| *passed == pool).and_then(|(_, hour)| hour.parse().ok());
        let (name, zone_name) = (instance_type.as_str(), zone.as_str());
        let of_pool =
            ec2.store.read(|tx| async move { demand(&tx, name, zone_name, wanted.hours).await }).await?;
        for (hour, price) in changes(wanted, &instance_type, &zone, &of_pool, before) {
            for product in &wanted.products {
                let told = told(call.region, &instance_type, &zone, product, hour, price);
                if admits(&wanted.filters, &told)? {
                    found.push(told);
                }
            }
            if found.len() >= limit {
                let last = format!("{pool}@{hour}");
                let next = Some(ec2.pages.make("DescribeSpotPriceHistory", call.account, &last));
                return Ok(DescribeSpotPriceHistoryOutput {
                    next_token: next,
                    spot_price_history: Some(found),
                });
            }
        }
    }
    Ok(DescribeSpotPriceHistoryOutput { next_token: Some(String::new()), spot_price_history: Some(found) })
}

fn wanted(ec2: &Ec2, call: &Call, input: DescribeSpotPriceHistoryInput) -> Result<Wanted, Error> {
    let filters = Filters::parse(input.filters)?;
    let names: [&str; 5] =
        ["availability-zone", "instance-type", "product-description", "spot-price", "timestamp"];
    filters.check(&|name| names.contains(&name).then(Vec::new))?;
    let mut types = input.instance_types.unwrap_or_default();
    for name in &types {
        if !ec2.types.has(name) {
            let message = format!("Invalid value '{name}' for InstanceType.");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    }
    if types.is_empty() {
        types = prices::types().collect();
    }
    types.sort_unstable();
    types.dedup();
    let mut zones = zones::names(call.region);
    if let Some(zone) = &input.availability_zone {
        if !zones.contains(zone) {
            return Err(Error::invalid_value(zone, "availabilityZone", "No such zone."));
        }
        zones.retain(|known| known == zone);
    }
    if let Some(id) = &input.availability_zone_id {
        zones.retain(|known| zones::id_of(call.region, known).as_deref() == Some(id));
    }
    let asked = input.product_descriptions.unwrap_or_default();
    let products = if asked.is_empty() {
        vec![LINUX[0]]
    } else {
        LINUX.into_iter().filter(|known| asked.iter().any(|asked| asked == known)).collect()
    };
    let now = call.now;
    let oldest = now - SPOT_HISTORY_TIME;
    let from = input.start_time.unwrap_or(oldest).max(oldest);
    let until = input.end_time.unwrap_or(now).min(now);
    let hours = (market::hour(from.as_millis()), market::hour(until.as_millis()));
    Ok(Wanted { types, zones, products, hours, filters })
}

/// In the order of their names.
fn pools(wanted: &Wanted) -> impl Iterator<Item = (String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for instance_type in &wanted.types {
        all.extend(wanted.zones.iter().map(|zone| (instance_type.clone(), zone.clone())));
    }
    all.sort_unstable_by_key(|(instance_type, zone)| format!("{instance_type}/{zone}"));
    all.into_iter()
}

/// The hours at which the price changed, the latest first, and the price that was valid as the time asked for began.
fn changes(
    wanted: &Wanted,
    instance_type: &str,
    zone: &str,
    demand: &Demand,
    before: Option<u64>,
) -> Vec<(u64, Nanos)> {
    let Some(full) = prices::on_demand(instance_type) else { return Vec::new() };
    let (first, last) = wanted.hours;
    let price = |hour| market::price(full, instance_type, zone, hour, demand.at(hour));
    let mut found = Vec::new();
    for hour in (first..=last).rev() {
        let changed = hour == first || price(hour) != price(hour - 1);
        if changed && before.is_none_or(|before| hour < before) {
            found.push((hour, price(hour)));
        }
    }
    found
}

fn told(
    region: Region,
    instance_type: &str,
    zone: &str,
    product: &str,
    hour: u64,
    price: Nanos,
) -> SpotPrice {
    let millis = i64::try_from(hour).unwrap_or(0) * HOUR_MILLIS;
    SpotPrice {
        availability_zone: Some(zone.to_owned()),
        availability_zone_id: zones::id_of(region, zone),
        instance_type: Some(instance_type.to_owned()),
        product_description: Some(product.into()),
        spot_price: Some(prices::shown(price)),
        timestamp: Some(Timestamp::from_millis(millis)),
    }
}

fn admits(filters: &Filters, told: &SpotPrice) -> Result<bool, Error> {
    filters.admit(&crate::model::tags::Tags::new(), &|name| match name {
        "availability-zone" => maybe(told.availability_zone.as_deref()),
        "instance-type" => maybe(told.instance_type.as_deref()),
        "product-description" => maybe(told.product_description.as_ref()),
        "spot-price" => maybe(told.spot_price.as_deref()),
        "timestamp" => told.timestamp.and_then(|at| one(at.to_iso8601())),
        _ => None,
    })
}

pub async fn get_spot_placement_scores(
    ec2: &Ec2,
    call: &Call,
    input: GetSpotPlacementScoresInput,
) -> Result<GetSpotPlacementScoresOutput, Error> {
    if input.instance_requirements_with_metadata.is_some() {
        let why = "Name instance types: scores by attributes are not there yet.";
        return Err(Error::invalid_value("InstanceRequirementsWithMetadata", "instanceRequirements", why));
    }
    let types = input.instance_types.unwrap_or_default();
    if types.is_empty() {
        return Err(Error::missing("InstanceTypes"));
    }
    if input.target_capacity < 1 {
        return Err(Error::invalid_value(input.target_capacity, "targetCapacity", "It must be at least 1."));
    }
    let regions = match input.region_names.unwrap_or_default() {
        names if names.is_empty() => vec![call.region],
        names => names
            .iter()
            .map(|name| Region::parse(name).ok_or_else(|| Error::invalid_value(name, "regionName", "")))
            .collect::<Result<Vec<_>, Error>>()?,
    };
    let by_zone = input.single_availability_zone == Some(true);
    let (types, now) = (&types, call.now);
    let mut scores = Vec::new();
    for region in regions {
        let mut best: Option<i32> = None;
        for zone in zones::names(region) {
            let zone_name = zone.as_str();
            let read = ec2.store.read(|tx| async move {
                let mut best: Option<i32> = None;
                for name in types {
                    let price = price_now(&tx, name, zone_name, now).await?;
                    let score =
                        prices::on_demand(name).zip(price).map(|(full, now)| market::score(full, now));
                    best = best.max(score);
                }
                Ok::<_, Error>(best)
            });
            let Some(score) = read.await? else { continue };
            best = best.max(Some(score));
            if by_zone {
                scores.push(SpotPlacementScore {
                    region: Some(region.to_string()),
                    availability_zone_id: zones::id_of(region, &zone),
                    score: Some(score),
                });
            }
        }
        if let Some(score) = best.filter(|_| !by_zone) {
            scores.push(SpotPlacementScore {
                region: Some(region.to_string()),
                availability_zone_id: None,
                score: Some(score),
            });
        }
    }
    scores.sort_by_key(|score| std::cmp::Reverse(score.score));
    let limit = page_size(input.max_results, 1)?.min(PAGE_MAX);
    scores.truncate(SPOT_SCORES_MAX.min(limit));
    Ok(GetSpotPlacementScoresOutput { spot_placement_scores: Some(scores), next_token: None })
}
