//! Launching what a fleet is missing, whichever kind of fleet it is.

use ec2_api::*;
use schema::Fault;
use service::Call;

use super::offers::{self, Ready};
use crate::Ec2;
use crate::error::Error;
use crate::limits::INSTANCES_AT_ONCE_MAX;
use crate::model::buying::prices::{self, Nanos};
use crate::model::fleets::{Offer, Pool, Strategy, order, shares};
use crate::model::instances::State;
use crate::operations::instances::launch::{Origin, launch};
use crate::operations::instances::permissions;
use crate::records::instances::InstanceRecord;
use crate::resources;

/// What a fleet of either kind wants.
pub struct Wanted<'a> {
    pub fleet: &'a str,
    /// The tag that tells an instance's fleet.
    pub tag: &'static str,
    pub pools: Vec<Pool>,
    pub on_demand: Share,
    pub spot: Share,
}

/// How much of one way to buy, and how it is taken.
#[derive(Clone, Debug)]
pub struct Share {
    /// Units of capacity.
    pub target: f64,
    pub strategy: Strategy,
    /// The most that all of it may cost in an hour.
    pub max_total: Option<Nanos>,
    pub single_type: bool,
    pub single_zone: bool,
}

/// What a try to fulfil a fleet came to.
#[derive(Debug, Default)]
pub struct Fulfilled {
    pub instances: Vec<CreateFleetInstance>,
    pub errors: Vec<CreateFleetError>,
    /// Units of capacity there are now.
    pub capacity: f64,
    pub on_demand: f64,
    /// What there was before and is there still.
    pub members: Vec<Member>,
    /// What the target is.
    pub target: f64,
}

/// One instance of a fleet that is not on its way out.
#[derive(Clone, Debug)]
pub struct Member {
    pub id: String,
    pub weight: f64,
    pub is_spot: bool,
    instance_type: String,
    zone: String,
}

impl Fulfilled {
    pub fn is_full(&self) -> bool {
        self.capacity >= self.target
    }

    /// Takes members out where there are more than are wanted, those launched last first, as far as that leaves enough.
    pub fn cut(&mut self, on_demand: f64) -> Vec<String> {
        let spot = self.target - on_demand;
        let mut over = [self.on_demand - on_demand, self.capacity - self.on_demand - spot];
        let mut gone = Vec::new();
        for member in self.members.iter().rev() {
            let over = &mut over[usize::from(member.is_spot)];
            if *over >= member.weight {
                *over -= member.weight;
                self.capacity -= member.weight;
                self.on_demand -= if member.is_spot { 0.0 } else { member.weight };
                gone.push(member.id.clone());
            }
        }
        self.members.retain(|member| !gone.contains(&member.id));
        gone
    }
}

/// The instances of a fleet that are not on their way out.
pub async fn members(ec2: &Ec2, call: &Call, fleet: &str) -> Result<Vec<InstanceRecord>, Error> {
    let place = call.scope();
    let all = ec2.store.read(|tx| async move { resources::all::<InstanceRecord>(&tx, &place).await }).await?;
    let is_member =
        |record: &InstanceRecord| record.fleet.as_deref() == Some(fleet) && !record.state.is_over();
    Ok(all.into_iter().filter(is_member).collect())
}

/// Launches what is missing, offer by offer.
pub async fn fulfil(ec2: &Ec2, call: &Call, wanted: &Wanted<'_>) -> Result<Fulfilled, Error> {
    let mut fulfilled =
        Fulfilled { target: wanted.on_demand.target + wanted.spot.target, ..Fulfilled::default() };
    let ready = offers::ready(ec2, call, wanted, &mut fulfilled.errors).await?;
    let mut found = members(ec2, call, wanted.fleet).await?;
    found.retain(|record| matches!(record.state, State::Pending | State::Running));
    found.sort_by_key(|record| record.shown.launch_time);
    fulfilled.members = found.iter().map(|record| member(&ready, record)).collect();
    let have = |of_spot| -> f64 {
        let all = fulfilled.members.iter().filter(|member| member.is_spot == of_spot);
        all.map(|member| member.weight).sum()
    };
    let (have_demand, have_spot) = (have(false), have(true));
    (fulfilled.capacity, fulfilled.on_demand) = (have_demand + have_spot, have_demand);
    for (of_spot, share, have) in [(false, &wanted.on_demand, have_demand), (true, &wanted.spot, have_spot)] {
        if share.target > have {
            let missing = share.target - have;
            take(ec2, call, wanted, &ready, (share, of_spot), missing, &mut fulfilled).await?;
        }
    }
    Ok(fulfilled)
}

fn member(ready: &[Ready], record: &InstanceRecord) -> Member {
    let of_type = |ready: &&Ready| ready.instance_type == record.instance_type();
    let of_zone = |ready: &&Ready| ready.zone.as_deref().is_none_or(|zone| zone == record.zone());
    let pool = ready.iter().find(|it| of_type(it) && of_zone(it)).or_else(|| ready.iter().find(of_type));
    Member {
        id: record.id.clone(),
        weight: pool.map_or(1.0, |ready| ready.pool.weight),
        is_spot: record.is_spot(),
        instance_type: record.instance_type().to_owned(),
        zone: record.zone().to_owned(),
    }
}

/// Takes `missing` units out of the offers there are; what one cannot give is asked of the others.
async fn take(
    ec2: &Ec2,
    call: &Call,
    wanted: &Wanted<'_>,
    ready: &[Ready],
    (share, of_spot): (&Share, bool),
    missing: f64,
    fulfilled: &mut Fulfilled,
) -> Result<(), Error> {
    let mut offers = offers::now(ec2, call, ready, of_spot, &mut fulfilled.errors).await?;
    for offer in &mut offers {
        let of_offer = |member: &&Member| {
            member.instance_type == offer.instance_type
                && offer.zone.as_deref().is_none_or(|zone| zone == member.zone)
        };
        offer.taken = fulfilled.members.iter().filter(of_offer).count();
    }
    order(share.strategy, &mut offers);
    if let Some(first) = offers.first().cloned() {
        offers.retain(|offer| {
            (!share.single_type || offer.instance_type == first.instance_type)
                && (!share.single_zone || offer.zone == first.zone)
        });
    }
    let mut budget = Budget::of(share, &offers, fulfilled, of_spot);
    let mut left = missing;
    while left > 0.0 && !offers.is_empty() {
        let mut spent = Vec::new();
        for (at, count) in shares(&offers, left, share.strategy).into_iter().enumerate() {
            let offer = &offers[at];
            let count = budget.allows(offer).min(count).min(INSTANCES_AT_ONCE_MAX);
            if count == 0 {
                if budget.allows(offer) == 0 {
                    spent.push(at);
                }
                continue;
            }
            let pool = &ready[offer.pool];
            match launch_from(ec2, call, wanted, pool, (offer, count), of_spot).await {
                Ok(made) => {
                    let capacity = made.len() as f64 * offer.weight;
                    left -= capacity;
                    budget.spend(offer, made.len());
                    fulfilled.capacity += capacity;
                    fulfilled.on_demand += if of_spot { 0.0 } else { capacity };
                    fulfilled.instances.extend(grouped(&pool.pool, &made, of_spot));
                    if made.len() < count {
                        spent.push(at);
                    }
                }
                Err(Error::Internal(cause)) => return Err(Error::Internal(cause)),
                Err(error) => {
                    fulfilled.errors.push(failure(&pool.pool, of_spot, error));
                    spent.push(at);
                }
            }
        }
        if spent.is_empty() {
            break;
        }
        let mut at = 0;
        offers.retain(|_| {
            at += 1;
            !spent.contains(&(at - 1))
        });
    }
    Ok(())
}

/// What is left of the most that may be paid in an hour.
struct Budget(Option<Nanos>);

impl Budget {
    fn of(share: &Share, offers: &[Offer], fulfilled: &Fulfilled, of_spot: bool) -> Budget {
        let price = |member: &Member| {
            let same = |offer: &&Offer| {
                offer.instance_type == member.instance_type
                    && offer.zone.as_deref().is_none_or(|zone| zone == member.zone)
            };
            let known = offers.iter().find(same).and_then(|offer| offer.price);
            known.or_else(|| prices::on_demand(&member.instance_type)).unwrap_or(0)
        };
        let spent: Nanos =
            fulfilled.members.iter().filter(|member| member.is_spot == of_spot).map(price).sum();
        Budget(share.max_total.map(|most| most.saturating_sub(spent)))
    }

    fn allows(&self, offer: &Offer) -> usize {
        match (self.0, offer.price) {
            (Some(left), Some(price)) => usize::try_from(left / price.max(1)).unwrap_or(usize::MAX),
            _ => usize::MAX,
        }
    }

    fn spend(&mut self, offer: &Offer, count: usize) {
        let cost = offer.price.unwrap_or(0).saturating_mul(count as u64);
        self.0 = self.0.map(|left| left.saturating_sub(cost));
    }
}

fn lifecycle(of_spot: bool) -> InstanceLifecycle {
    if of_spot { InstanceLifecycle::Spot } else { InstanceLifecycle::OnDemand }
}

/// Why nothing came of a pool.
pub fn failure(pool: &Pool, of_spot: bool, error: Error) -> CreateFleetError {
    let fault = Fault::from(error);
    CreateFleetError {
        launch_template_and_overrides: Some(pool.told.clone()),
        lifecycle: Some(lifecycle(of_spot)),
        error_code: Some(fault.code().to_owned()),
        error_message: Some(fault.message().to_owned()),
    }
}

async fn launch_from(
    ec2: &Ec2,
    call: &Call,
    wanted: &Wanted<'_>,
    ready: &Ready,
    (offer, count): (&Offer, usize),
    of_spot: bool,
) -> Result<Vec<Instance>, Error> {
    let mut input = ready.launch.clone();
    input.min_count = 1;
    input.max_count = i32::try_from(count).unwrap_or(i32::MAX);
    if offers::names_no_subnet(&input)
        && let Some(zone) = &offer.zone
    {
        input.placement.get_or_insert_default().availability_zone = Some(zone.clone());
    }
    let max_price = ready.pool.max_price.map(|unit| (unit as f64 * ready.pool.weight) as Nanos);
    input.instance_market_options = of_spot.then(|| InstanceMarketOptionsRequest {
        market_type: Some(MarketType::Spot),
        spot_options: max_price.map(|price| SpotMarketOptions {
            max_price: Some(prices::shown(price)),
            ..SpotMarketOptions::default()
        }),
    });
    // Whoever asks for a fleet needs what a launch of its instances needs.
    let used = ready.template.as_ref().map(|(id, _)| id.as_str());
    permissions::permit(ec2, call, &input, used, &[]).await?;
    let origin =
        Origin { template: ready.template.clone(), fleet: Some(wanted.fleet.to_owned()), spot: None };
    let made = launch(ec2, call, &input, "", &origin).await?.instances.unwrap_or_default();
    mark(ec2, call, wanted, &made).await?;
    Ok(made)
}

/// Tags instances with the fleet they are of, as AWS does itself.
async fn mark(ec2: &Ec2, call: &Call, wanted: &Wanted<'_>, made: &[Instance]) -> Result<(), Error> {
    let place = &call.scope();
    let done = ec2.store.transact(|tx| async move {
        for id in made.iter().filter_map(|instance| instance.instance_id.as_deref()) {
            let mut tags = resources::tags(&tx, place, id).await?;
            tags.insert(wanted.tag.to_owned(), wanted.fleet.to_owned());
            resources::set_tags(&tx, place, id, &tags).await?;
        }
        Ok::<_, Error>(())
    });
    done.await
}

/// As CreateFleet answers: instances of a pool by their type and zone.
fn grouped(pool: &Pool, made: &[Instance], of_spot: bool) -> Vec<CreateFleetInstance> {
    let mut all: Vec<CreateFleetInstance> = Vec::new();
    for instance in made {
        let zone = instance.placement.as_ref().and_then(|placement| placement.availability_zone.clone());
        let known = all.iter_mut().find(|known| known.availability_zone == zone);
        let ids = match known {
            Some(known) => &mut known.instance_ids,
            None => {
                all.push(CreateFleetInstance {
                    launch_template_and_overrides: Some(pool.told.clone()),
                    lifecycle: Some(lifecycle(of_spot)),
                    instance_ids: None,
                    instance_type: instance.instance_type.clone(),
                    availability_zone: zone,
                    subnet_id: instance.subnet_id.clone(),
                    ..CreateFleetInstance::default()
                });
                &mut all.last_mut().expect("it was just added").instance_ids
            }
        };
        ids.get_or_insert_default().extend(instance.instance_id.clone());
    }
    all
}
