//! RunInstances: everything is decided and written in one transaction; the machines start afterwards.

use ec2_api::*;
use service::{Call, ClientTokens, Kept, Repetition};
use store::Tx;

use super::network::{self, Wired};
use super::permissions;
use super::resolve::{Resolved, fingerprint, resolve};
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    IDEMPOTENT_PARAMETER_MISMATCH, INSUFFICIENT_FREE_ADDRESSES, INVALID_PARAMETER_VALUE,
};
use crate::kind::{INSTANCE, VOLUME};
use crate::model::instances::{self, Defaults, State};
use crate::model::tags::Tags;
use crate::operations::capacity::using;
use crate::operations::hosts::placing;
use crate::operations::templates::applied;
use crate::operations::volumes::{attachments, create};
use crate::operations::vpcs::first_use::first_use;
use crate::operations::{self, spot};
use crate::records::images;
use crate::records::instances::{
    BUSY_INSTANCES, INSTANCE_PLACES, InstanceRecord, METADATA_DEFAULTS, PlaceRecord, Roots,
};
use crate::records::interfaces::InterfaceRecord;
use crate::records::volumes::{AttachmentRecord, Step};
use crate::records::{Place, Resource};
use crate::resources;

const TOKENS: ClientTokens = ClientTokens { operation: "ec2.RunInstances" };

/// On whose behalf instances are launched, besides the caller's.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The launch template's id and the version's number.
    pub template: Option<(String, String)>,
    pub fleet: Option<String>,
    /// The spot request that is fulfilled.
    pub spot: Option<String>,
}

pub async fn run_instances(
    ec2: &Ec2,
    call: &Call,
    input: RunInstancesInput,
) -> Result<RunInstancesOutput, Error> {
    let asked = fingerprint(&input);
    let named = permissions::to_run(ec2, call, &input)?;
    let (input, template) = applied(ec2, &call.scope(), input).await?;
    spot::running::check_at_once(&input)?;
    let used = template.as_ref().map(|(id, _)| id.as_str());
    permissions::permit(ec2, call, &input, used, &named).await?;
    let origin = Origin { template, ..Origin::default() };
    let Reservation { reservation_id, owner_id, requester_id, groups, instances } =
        launch(ec2, call, &input, &asked, &origin).await?;
    Ok(RunInstancesOutput { reservation_id, owner_id, requester_id, groups, instances })
}

/// What a repeated request finds, or what this one made.
enum Outcome {
    Made(Vec<Launched>),
    Again(Vec<String>),
}

struct Launched {
    record: InstanceRecord,
    cards: Vec<InterfaceRecord>,
}

/// Launches instances as `input` says, in which launch templates are already applied.
pub async fn launch(
    ec2: &Ec2,
    call: &Call,
    input: &RunInstancesInput,
    asked: &str,
    origin: &Origin,
) -> Result<Reservation, Error> {
    first_use(ec2, call).await?;
    let input = &*placing::in_zone_of_host(ec2, call, input).await?;
    let resolved = &resolve(ec2, call, input).await?;
    let reservation = format!("r-0{}", ec2.ids.hex(16));
    let reservation = reservation.as_str();
    let outcome = ec2.store.transact(|tx| async move {
        if let Some(token) = &input.client_token
            && let Some(ids) = repeated(&tx, call, token, asked).await?
        {
            return Ok(Outcome::Again(ids));
        }
        let made = make_all(ec2, &tx, call, input, resolved, reservation, origin).await?;
        if let Some(token) = &input.client_token {
            let ids = made.iter().map(|one| one.record.id.as_str()).collect::<Vec<_>>().join(",");
            TOKENS.remember(&tx, call.scope(), token, asked, &ids, call.now).await?;
        }
        Ok::<_, Error>(Outcome::Made(made))
    });
    match outcome.await? {
        Outcome::Made(made) => {
            ec2.networks.nudge();
            ec2.machines.nudge();
            ec2.disks.nudge();
            Ok(shown(call, reservation, &made, &resolved.instance_tags))
        }
        Outcome::Again(ids) => again(ec2, call, &ids).await,
    }
}

async fn repeated(tx: &Tx, call: &Call, token: &str, asked: &str) -> Result<Option<Vec<String>>, Error> {
    match TOKENS.check(tx, call.scope(), token, asked, call.now).await? {
        Repetition::First => Ok(None),
        Repetition::Again(answer) => Ok(Some(answer.split(',').map(str::to_owned).collect())),
        Repetition::Mismatch => {
            let message = "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).";
            Err(Error::new(&IDEMPOTENT_PARAMETER_MISMATCH, message))
        }
        Repetition::TooLong => Err(Error::invalid_value(token, "clientToken", "")),
    }
}

async fn make_all(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    input: &RunInstancesInput,
    resolved: &Resolved,
    reservation: &str,
    origin: &Origin,
) -> Result<Vec<Launched>, Error> {
    let wired = network::plan(ec2, tx, call, input).await?;
    let count = resolved.max.min(wired.room);
    if count < resolved.min {
        let message =
            "There are not enough free addresses in the subnet to satisfy the requested number of instances.";
        return Err(Error::new(&INSUFFICIENT_FREE_ADDRESSES, message));
    }
    if count > 1 && wired.is_single {
        let message =
            "Network interfaces and private addresses that are named can be given to one instance only.";
        return Err(Error::new(&crate::error::codes::INVALID_PARAMETER_COMBINATION, message));
    }
    let mut made = Vec::with_capacity(count);
    for index in 0..count {
        made.push(make(ec2, tx, call, input, resolved, &wired, (reservation, index), origin).await?);
    }
    Ok(made)
}

#[expect(clippy::too_many_arguments, reason = "one instance of a launch, of which these are the parts")]
async fn make(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    input: &RunInstancesInput,
    resolved: &Resolved,
    wired: &Wired,
    (reservation, index): (&str, usize),
    origin: &Origin,
) -> Result<Launched, Error> {
    let id = INSTANCE.new_id(&ec2.ids);
    let place = call.scope();
    let cards = network::attach_all(ec2, tx, call, wired, &id, &resolved.interface_tags).await?;
    let mut shown = instance(call, input, resolved, wired);
    shown.instance_id = Some(id.clone());
    shown.ami_launch_index = i32::try_from(index).ok();
    spot::running::bind(ec2, tx, call, (input, origin.spot.as_deref(), &resolved.spot_tags), &mut shown)
        .await?;
    placing::launched(ec2, tx, &place, &mut shown).await?;
    using::launched(tx, &place, input, &mut shown, call.now).await?;
    let credits = input.credit_specification.as_ref().map(|credit| credit.cpu_credits.clone());
    let bursts = resolved.info.burstable_performance_supported == Some(true);
    let record = InstanceRecord {
        id: id.clone(),
        shown: Kept(shown),
        reservation_id: reservation.to_owned(),
        requester_id: call.source.via_service.clone(),
        state: State::Pending,
        since: call.now,
        reason: None,
        started: false,
        rebooting: false,
        forced: false,
        lends: wired.lends,
        root: resolved.root.clone(),
        public_key: resolved.public_key.clone(),
        user_data: input.user_data.clone(),
        stop_protected: input.disable_api_stop == Some(true),
        termination_protected: input.disable_api_termination == Some(true),
        ends_on_shutdown: input.instance_initiated_shutdown_behavior == Some(ShutdownBehavior::Terminate),
        cpu_credits: bursts.then(|| credits.unwrap_or_else(|| default_credits(&resolved.instance_type))),
        profile: resolved.profile.clone().map(|profile| crate::records::instances::Profile {
            association_id: format!("iip-assoc-0{}", ec2.ids.hex(16)),
            ..profile
        }),
        template: origin.template.clone(),
        fleet: origin.fleet.clone(),
        imaging: Vec::new(),
        roots: Roots::default(),
    };
    let mut record = record;
    give_volumes(ec2, tx, call, resolved, &mut record).await?;
    resources::create(tx, &place, &record, &resolved.instance_tags).await?;
    hold_root(tx, &record).await?;
    let at = PlaceRecord::of(&place);
    INSTANCE_PLACES.put(tx, &(), &id, &at).await?;
    BUSY_INSTANCES.put(tx, &(), &id, &at).await?;
    Ok(Launched { record, cards })
}

/// Makes the volumes of a launch, which are attached before the machine starts.
async fn give_volumes(
    ec2: &Ec2,
    tx: &Tx,
    call: &Call,
    resolved: &Resolved,
    record: &mut InstanceRecord,
) -> Result<(), Error> {
    for device in &resolved.volumes {
        let attachment = AttachmentRecord {
            instance: record.id.clone(),
            device: device.name.clone(),
            at: call.now,
            delete_on_termination: device.delete_on_termination,
            step: Step::Attaching,
        };
        let id = VOLUME.new_id(&ec2.ids);
        let volume = create::record(&device.planned, call, &id, record.zone(), Some(attachment));
        create::save(tx, call, &volume, &resolved.volume_tags).await?;
        attachments::bind(tx, &call.scope(), &volume, record).await?;
    }
    Ok(())
}

/// Keeps the files of an image that was registered from an archive, as long as the instance is there.
async fn hold_root(tx: &Tx, record: &InstanceRecord) -> Result<(), Error> {
    let Some(root) = record.root.imported() else { return Ok(()) };
    if !images::is_held(tx, root).await? {
        // The image was deregistered since it was looked up.
        return Err(operations::images::not_found(record.shown.image_id.as_deref().unwrap_or_default()));
    }
    images::hold(tx, root, &record.id).await
}

/// T2 is standard where nothing is said, the later families are unlimited ("Burstable performance instances").
pub fn default_credits(instance_type: &str) -> String {
    if instance_type.starts_with("t2.") { "standard".to_owned() } else { "unlimited".to_owned() }
}

/// What all instances of a launch show.
fn instance(call: &Call, input: &RunInstancesInput, resolved: &Resolved, wired: &Wired) -> Instance {
    let image = &resolved.image;
    let placement = input.placement.clone().unwrap_or_default();
    let monitored = input.monitoring.as_ref().is_some_and(|monitoring| monitoring.enabled);
    let boot = image.boot_mode.as_ref().map(|mode| match mode {
        BootModeValues::LegacyBios => InstanceBootModeValues::LegacyBios,
        _ => InstanceBootModeValues::Uefi,
    });
    Instance {
        architecture: image.architecture.clone(),
        block_device_mappings: Some(Vec::new()),
        client_token: Some(input.client_token.clone().unwrap_or_default()),
        ebs_optimized: Some(input.ebs_optimized.unwrap_or(false)),
        ena_support: image.ena_support,
        hypervisor: Some(HypervisorType::Xen),
        root_device_name: Some(resolved.devices.root.clone()),
        root_device_type: image.root_device_type.clone(),
        virtualization_type: image.virtualization_type.clone(),
        cpu_options: Some(resolved.cpu.clone()),
        hibernation_options: Some(HibernationOptions { configured: Some(false) }),
        metadata_options: Some(resolved.metadata.clone()),
        enclave_options: Some(EnclaveOptions { enabled: Some(false) }),
        boot_mode: image.boot_mode.clone(),
        platform_details: image.platform_details.clone(),
        usage_operation: image.usage_operation.clone(),
        usage_operation_update_time: Some(call.now),
        private_dns_name_options: Some(wired.names.clone()),
        tpm_support: image.tpm_support.as_ref().map(ToString::to_string),
        current_instance_boot_mode: boot.or(Some(InstanceBootModeValues::LegacyBios)),
        operator: Some(OperatorResponse { managed: Some(false), ..OperatorResponse::default() }),
        image_id: image.image_id.clone(),
        key_name: input.key_name.clone(),
        product_codes: Some(Vec::new()),
        instance_type: Some(resolved.instance_type.clone()),
        launch_time: Some(call.now),
        placement: Some(Placement {
            availability_zone: Some(wired.zone.clone()),
            availability_zone_id: wired.zone_id.clone(),
            tenancy: Some(placing::tenancy(&placement).unwrap_or(Tenancy::Default)),
            host_id: placement.host_id,
            group_name: Some(wired.group.as_ref().map_or_else(String::new, |(_, name)| name.clone())),
            group_id: wired.group.as_ref().map(|(id, _)| id.clone()),
            affinity: placement.affinity,
            partition_number: placement.partition_number,
            ..Placement::default()
        }),
        monitoring: Some(Monitoring {
            state: Some(if monitored { MonitoringState::Enabled } else { MonitoringState::Disabled }),
            ..Monitoring::default()
        }),
        ..of_options(input)
    }
}

/// Options that read back as they were given, or as AWS's defaults.
fn of_options(input: &RunInstancesInput) -> Instance {
    let maintenance = input.maintenance_options.clone().unwrap_or_default();
    let performance = input.network_performance_options.clone().unwrap_or_default();
    let licenses = input.license_specifications.clone();
    Instance {
        licenses: licenses.map(|all| {
            let one = |it: LicenseConfigurationRequest| LicenseConfiguration {
                license_configuration_arn: it.license_configuration_arn,
            };
            all.into_iter().map(one).collect()
        }),
        maintenance_options: Some(InstanceMaintenanceOptions {
            auto_recovery: maintenance.auto_recovery.or(Some(InstanceAutoRecoveryState::Default)),
            reboot_migration: Some(InstanceRebootMigrationState::Default),
        }),
        network_performance_options: Some(InstanceNetworkPerformanceOptions {
            bandwidth_weighting: performance
                .bandwidth_weighting
                .or(Some(InstanceBandwidthWeighting::Default)),
        }),
        ..Instance::default()
    }
}

fn shown(call: &Call, reservation: &str, made: &[Launched], tags: &Tags) -> Reservation {
    let instances = made.iter().map(|one| {
        let cards: Vec<&InterfaceRecord> = one.cards.iter().collect();
        let mut instance = instances::with_interfaces(&one.record, &cards, tags);
        // What was asked for is under way until the next look.
        if let Some(monitoring) = instance.monitoring.as_mut()
            && monitoring.state == Some(MonitoringState::Enabled)
        {
            monitoring.state = Some(MonitoringState::Pending);
        }
        instance
    });
    Reservation {
        reservation_id: Some(reservation.to_owned()),
        owner_id: Some(call.account.to_string()),
        requester_id: call.source.via_service.clone(),
        groups: Some(Vec::new()),
        instances: Some(instances.collect()),
    }
}

/// The same answer as to the first request with this client token, as things are now.
async fn again(ec2: &Ec2, call: &Call, ids: &[String]) -> Result<Reservation, Error> {
    let place = &call.scope();
    let found = ec2.store.read(|tx| async move {
        let mut found = Vec::new();
        for id in ids {
            // Instances that are forgotten by now are left out.
            if let Some(record) = InstanceRecord::TABLE.get(&tx, place, id).await? {
                let cards = super::interfaces_of(&tx, place, id).await?;
                let tags = resources::tags(&tx, place, id).await?;
                found.push((record, cards, tags));
            }
        }
        Ok::<_, Error>(found)
    });
    let found = found.await?;
    let reservation_id = found.first().map(|(record, ..)| record.reservation_id.clone());
    let instances = found.iter().map(|(record, cards, tags)| {
        let cards: Vec<&InterfaceRecord> = cards.iter().collect();
        instances::with_interfaces(record, &cards, tags)
    });
    Ok(Reservation {
        reservation_id,
        owner_id: Some(call.account.to_string()),
        requester_id: call.source.via_service.clone(),
        groups: Some(Vec::new()),
        instances: Some(instances.collect()),
    })
}

/// What the account has set for metadata options of all launches in the region.
pub async fn defaults(tx: &Tx, place: &Place) -> Result<Defaults, Error> {
    let Some(kept) = METADATA_DEFAULTS.get(tx, place, "account").await? else {
        return Ok(Defaults::default());
    };
    let kept = kept.shown.0;
    Ok(Defaults {
        tokens: kept.http_tokens,
        hop_limit: kept.http_put_response_hop_limit,
        endpoint: kept.http_endpoint,
        tags: kept.instance_metadata_tags,
    })
}

/// For errors about where an instance is to be.
pub fn bad_zone(zone: &str) -> Error {
    Error::new(&INVALID_PARAMETER_VALUE, format!("Invalid availability zone: [{zone}]"))
}
