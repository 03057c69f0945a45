//! Launching what a fleet is missing.

use ec2_api::*;
use schema::Fault;
use service::Call;

use crate::Ec2;
use crate::error::Error;
use crate::model::fleets::{Pool, pools, shares, targets};
use crate::model::instances::State;
use crate::operations::instances::launch::{Origin, launch};
use crate::operations::instances::permissions;
use crate::operations::templates::applied;
use crate::records::Resource;
use crate::records::fleets::FleetRecord;
use crate::records::instances::InstanceRecord;
use crate::resources;

/// What a try to fulfil a fleet came to.
#[derive(Debug, Default)]
pub struct Fulfilled {
    pub instances: Vec<CreateFleetInstance>,
    pub errors: Vec<CreateFleetError>,
    /// Units of capacity there are now.
    pub capacity: f64,
    pub on_demand: f64,
}

/// The instances of a fleet that are not on their way out.
pub async fn members(ec2: &Ec2, call: &Call, fleet: &str) -> Result<Vec<InstanceRecord>, Error> {
    let place = call.scope();
    let all = ec2.store.read(|tx| async move { resources::all::<InstanceRecord>(&tx, &place).await }).await?;
    let is_member =
        |record: &InstanceRecord| record.fleet.as_deref() == Some(fleet) && !record.state.is_over();
    Ok(all.into_iter().filter(is_member).collect())
}

fn is_spot(record: &InstanceRecord) -> bool {
    record.shown.instance_lifecycle == Some(InstanceLifecycleType::Spot)
}

/// Launches what is missing, pool by pool.
pub async fn fulfil(ec2: &Ec2, call: &Call, fleet: &FleetRecord) -> Result<Fulfilled, Error> {
    let data = &fleet.shown.0;
    let pools = pools(data.launch_template_configs.as_deref().unwrap_or_default());
    let specification = data.target_capacity_specification.clone().unwrap_or_default();
    let (on_demand, spot) = targets(&specification);
    let members = members(ec2, call, fleet.id()).await?;
    let weight = |record: &InstanceRecord| {
        let of_type = |pool: &&Pool| {
            pool.overrides.as_ref().and_then(|it| it.instance_type.as_deref()) == Some(record.instance_type())
        };
        pools.iter().find(of_type).map_or(1.0, Pool::weight)
    };
    let stays = |record: &&InstanceRecord| matches!(record.state, State::Pending | State::Running);
    let have = |of_spot: bool| -> f64 {
        members.iter().filter(stays).filter(|record| is_spot(record) == of_spot).map(weight).sum()
    };
    let (have_demand, have_spot) = (have(false), have(true));
    let mut fulfilled =
        Fulfilled { capacity: have_demand + have_spot, on_demand: have_demand, ..Fulfilled::default() };
    let spread = data
        .spot_options
        .as_ref()
        .is_some_and(|options| options.allocation_strategy == Some(SpotAllocationStrategy::Diversified));
    for (of_spot, missing) in [(false, on_demand - have_demand), (true, spot - have_spot)] {
        if missing > 0.0 {
            take(ec2, call, fleet, &pools, missing, of_spot, spread && of_spot, &mut fulfilled).await?;
        }
    }
    Ok(fulfilled)
}

#[expect(
    clippy::too_many_arguments,
    reason = "one kind of capacity of a fleet, of which these are the parts"
)]
async fn take(
    ec2: &Ec2,
    call: &Call,
    fleet: &FleetRecord,
    pools: &[Pool],
    missing: f64,
    of_spot: bool,
    spread: bool,
    fulfilled: &mut Fulfilled,
) -> Result<(), Error> {
    let mut left = missing;
    for (at, mut count) in shares(pools, missing, spread).into_iter().enumerate() {
        let pool = &pools[at];
        // What the pools before could not give is asked of the next.
        if !spread {
            count = (left / pool.weight()).ceil().max(0.0) as usize;
        }
        if count == 0 {
            continue;
        }
        match launch_from(ec2, call, fleet, pool, count, of_spot).await {
            Ok(made) => {
                let capacity = made.len() as f64 * pool.weight();
                left -= capacity;
                fulfilled.capacity += capacity;
                fulfilled.on_demand += if of_spot { 0.0 } else { capacity };
                fulfilled.instances.extend(grouped(pool, &made, of_spot));
            }
            Err(Error::Internal(cause)) => return Err(Error::Internal(cause)),
            Err(error) => {
                let fault = Fault::from(error);
                fulfilled.errors.push(CreateFleetError {
                    launch_template_and_overrides: Some(answer(pool)),
                    lifecycle: Some(lifecycle(of_spot)),
                    error_code: Some(fault.code().to_owned()),
                    error_message: Some(fault.message().to_owned()),
                });
            }
        }
    }
    Ok(())
}

fn lifecycle(of_spot: bool) -> InstanceLifecycle {
    if of_spot { InstanceLifecycle::Spot } else { InstanceLifecycle::OnDemand }
}

pub fn answer(pool: &Pool) -> LaunchTemplateAndOverridesResponse {
    LaunchTemplateAndOverridesResponse {
        launch_template_specification: Some(pool.template.clone()),
        overrides: pool.overrides.clone(),
    }
}

async fn launch_from(
    ec2: &Ec2,
    call: &Call,
    fleet: &FleetRecord,
    pool: &Pool,
    count: usize,
    of_spot: bool,
) -> Result<Vec<Instance>, Error> {
    let over = pool.overrides.clone().unwrap_or_default();
    let placement = over.availability_zone.clone().or(over.availability_zone_id.clone()).map(|_| Placement {
        availability_zone: over.availability_zone.clone(),
        availability_zone_id: over.availability_zone_id.clone(),
        ..Placement::default()
    });
    let specifications: Vec<TagSpecification> =
        fleet.tag_specifications.iter().map(|specification| specification.0.clone()).collect();
    let input = RunInstancesInput {
        launch_template: Some(LaunchTemplateSpecification {
            launch_template_id: pool.template.launch_template_id.clone(),
            launch_template_name: pool.template.launch_template_name.clone(),
            version: pool.template.version.clone(),
        }),
        image_id: over.image_id,
        instance_type: over.instance_type,
        subnet_id: over.subnet_id,
        placement,
        min_count: 1,
        max_count: i32::try_from(count).unwrap_or(i32::MAX),
        instance_market_options: of_spot.then_some(InstanceMarketOptionsRequest {
            market_type: Some(MarketType::Spot),
            spot_options: None,
        }),
        tag_specifications: (!specifications.is_empty()).then_some(specifications),
        ..RunInstancesInput::default()
    };
    let (input, template) = applied(ec2, &call.scope(), input).await?;
    // Whoever asks for a fleet needs what a launch of its instances needs.
    let used = template.as_ref().map(|(id, _)| id.as_str());
    permissions::permit(ec2, call, &input, used, &[]).await?;
    let origin = Origin { template, fleet: Some(fleet.id().to_owned()) };
    Ok(launch(ec2, call, &input, "", &origin).await?.instances.unwrap_or_default())
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
                    launch_template_and_overrides: Some(answer(pool)),
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
