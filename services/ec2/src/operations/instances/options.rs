//! Options of instances that there are: metadata, maintenance, monitoring, placement, names, credits; and what an
//! account sets for its launches.

use ec2_api::*;
use service::{Call, Kept};

use super::ByInstances;
use crate::Ec2;
use crate::error::Error;
use crate::error::codes::{
    INCORRECT_INSTANCE_STATE, INVALID_PARAMETER_COMBINATION, INVALID_PARAMETER_VALUE, UNSUPPORTED_OPERATION,
};
use crate::kind::INSTANCE;
use crate::limits::HOP_LIMIT_MAX;
use crate::model::filter::{Filters, one};
use crate::model::instances::{self, State};
use crate::operations::hosts::placing;
use crate::operations::lists::{self, Asked};
use crate::operations::placement_groups;
use crate::records::Resource;
use crate::records::instances::{InstanceRecord, METADATA_DEFAULTS, MetadataDefaultsRecord};
use crate::resources;

impl ByInstances for MonitorInstancesInput {
    fn instance_ids(&self) -> &[String] {
        &self.instance_ids
    }
}

impl ByInstances for UnmonitorInstancesInput {
    fn instance_ids(&self) -> &[String] {
        &self.instance_ids
    }
}

/// Changes one instance that is not over.
async fn change(
    ec2: &Ec2,
    call: &Call,
    id: &str,
    alter: impl Fn(&mut InstanceRecord) -> Result<(), Error> + Send + Sync,
) -> Result<InstanceRecord, Error> {
    let alter = &alter;
    let changed = ec2.store.transact(|tx| async move {
        let mut record: InstanceRecord = resources::get(&tx, &call.scope(), id).await?;
        if record.state.is_over() {
            let message = format!("The instance '{id}' is not in a state from which it can be changed.");
            return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
        }
        alter(&mut record)?;
        resources::put(&tx, &call.scope(), &record).await?;
        Ok(record)
    });
    changed.await
}

pub async fn modify_instance_metadata_options(
    ec2: &Ec2,
    call: &Call,
    input: ModifyInstanceMetadataOptionsInput,
) -> Result<ModifyInstanceMetadataOptionsOutput, Error> {
    let asked = InstanceMetadataOptionsRequest {
        http_tokens: input.http_tokens,
        http_put_response_hop_limit: input.http_put_response_hop_limit,
        http_endpoint: input.http_endpoint,
        http_protocol_ipv6: input.http_protocol_ipv6,
        instance_metadata_tags: input.instance_metadata_tags,
    };
    if asked == InstanceMetadataOptionsRequest::default() {
        let message = "At least one of the options has to be given";
        return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
    }
    let record = change(ec2, call, &input.instance_id, |record| {
        let options = instances::changed_metadata_options(record.metadata_options(), asked.clone())?;
        record.shown.0.metadata_options = Some(options);
        Ok(())
    });
    let record = record.await?;
    let options = InstanceMetadataOptionsResponse {
        state: Some(InstanceMetadataOptionsState::Pending),
        ..record.metadata_options()
    };
    Ok(ModifyInstanceMetadataOptionsOutput {
        instance_id: Some(record.id),
        instance_metadata_options: Some(options),
    })
}

pub async fn modify_instance_maintenance_options(
    ec2: &Ec2,
    call: &Call,
    input: ModifyInstanceMaintenanceOptionsInput,
) -> Result<ModifyInstanceMaintenanceOptionsOutput, Error> {
    let (recovery, migration) = (input.auto_recovery, input.reboot_migration);
    let record = change(ec2, call, &input.instance_id, |record| {
        let before = record.shown.0.maintenance_options.clone().unwrap_or_default();
        record.shown.0.maintenance_options = Some(InstanceMaintenanceOptions {
            auto_recovery: recovery.clone().or(before.auto_recovery),
            reboot_migration: migration.clone().or(before.reboot_migration),
        });
        Ok(())
    });
    let record = record.await?;
    let options = record.shown.0.maintenance_options.unwrap_or_default();
    Ok(ModifyInstanceMaintenanceOptionsOutput {
        instance_id: Some(record.id),
        auto_recovery: options.auto_recovery,
        reboot_migration: options.reboot_migration,
    })
}

pub async fn modify_private_dns_name_options(
    ec2: &Ec2,
    call: &Call,
    input: ModifyPrivateDnsNameOptionsInput,
) -> Result<ModifyPrivateDnsNameOptionsOutput, Error> {
    let asked = &input;
    let changed = change(ec2, call, &input.instance_id, |record| {
        let before = record.shown.0.private_dns_name_options.clone().unwrap_or_default();
        if asked.private_dns_hostname_type.is_some() && record.state != State::Stopped {
            let message = format!("The instance '{}' is not in the 'stopped' state.", record.id);
            return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
        }
        record.shown.0.private_dns_name_options = Some(PrivateDnsNameOptionsResponse {
            hostname_type: asked.private_dns_hostname_type.clone().or(before.hostname_type),
            enable_resource_name_dns_a_record: asked
                .enable_resource_name_dns_a_record
                .or(before.enable_resource_name_dns_a_record),
            enable_resource_name_dns_aaaa_record: asked
                .enable_resource_name_dns_aaaa_record
                .or(before.enable_resource_name_dns_aaaa_record),
        });
        Ok(())
    });
    changed.await?;
    Ok(ModifyPrivateDnsNameOptionsOutput { r#return: Some(true) })
}

pub async fn modify_instance_placement(
    ec2: &Ec2,
    call: &Call,
    input: ModifyInstancePlacementInput,
) -> Result<ModifyInstancePlacementOutput, Error> {
    if input.host_resource_group_arn.is_some() {
        let message = "Host resource groups (HostResourceGroupArn) are not supported here.";
        return Err(Error::new(&UNSUPPORTED_OPERATION, message));
    }
    let (place, input) = (&call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut record: InstanceRecord = resources::get(&tx, place, &input.instance_id).await?;
        if record.state != State::Stopped {
            let message = format!("The instance '{}' is not in the 'stopped' state.", record.id);
            return Err(Error::new(&INCORRECT_INSTANCE_STATE, message));
        }
        if let Some(id) = &input.host_id {
            placing::check_host(ec2, &tx, place, id, &record.shown).await?;
        }
        let placement = record.shown.0.placement.get_or_insert_default();
        if let Some(id) = &input.host_id {
            (placement.host_id, placement.tenancy) = (Some(id.clone()), Some(Tenancy::Host));
        }
        // An empty name takes the instance out of its group.
        if input.group_name.as_deref() == Some("") {
            (placement.group_name, placement.group_id) = (Some(String::new()), None);
        } else if let Some((id, name)) =
            placement_groups::named(&tx, place, input.group_id.as_deref(), input.group_name.as_deref())
                .await?
        {
            (placement.group_name, placement.group_id) = (Some(name), Some(id));
        }
        placement.partition_number = input.partition_number.or(placement.partition_number);
        if let Some(tenancy) = &input.tenancy {
            if input.host_id.is_some() && *tenancy != HostTenancy::Host {
                let message = "A Dedicated Host (HostId) requires the tenancy 'host'.";
                return Err(Error::new(&INVALID_PARAMETER_COMBINATION, message));
            }
            placement.tenancy = Some(Tenancy::from(tenancy.as_str()));
            if *tenancy != HostTenancy::Host {
                (placement.host_id, placement.affinity) = (None, None);
            }
        }
        if let Some(affinity) = &input.affinity {
            placement.affinity = Some(affinity.to_string());
        }
        resources::put(&tx, place, &record).await
    });
    changed.await?;
    Ok(ModifyInstancePlacementOutput { r#return: Some(true) })
}

async fn monitor(ec2: &Ec2, call: &Call, ids: &[String], on: bool) -> Result<Vec<InstanceMonitoring>, Error> {
    let place = &call.scope();
    let changed = ec2.store.transact(|tx| async move {
        let mut shown = Vec::new();
        for mut record in super::all_of(&tx, place, ids).await? {
            let (now, soon) = match on {
                true => (MonitoringState::Pending, MonitoringState::Enabled),
                false => (MonitoringState::Disabling, MonitoringState::Disabled),
            };
            let before = record.shown.0.monitoring.clone().and_then(|monitoring| monitoring.state);
            let state = if before.as_ref() == Some(&soon) { soon.clone() } else { now };
            record.shown.0.monitoring = Some(Monitoring { state: Some(soon), ..Monitoring::default() });
            resources::put(&tx, place, &record).await?;
            shown.push(InstanceMonitoring {
                instance_id: Some(record.id),
                monitoring: Some(Monitoring { state: Some(state), ..Monitoring::default() }),
            });
        }
        Ok::<_, Error>(shown)
    });
    changed.await
}

pub async fn monitor_instances(
    ec2: &Ec2,
    call: &Call,
    input: MonitorInstancesInput,
) -> Result<MonitorInstancesOutput, Error> {
    let monitorings = monitor(ec2, call, &input.instance_ids, true).await?;
    Ok(MonitorInstancesOutput { instance_monitorings: Some(monitorings) })
}

pub async fn unmonitor_instances(
    ec2: &Ec2,
    call: &Call,
    input: UnmonitorInstancesInput,
) -> Result<UnmonitorInstancesOutput, Error> {
    let monitorings = monitor(ec2, call, &input.instance_ids, false).await?;
    Ok(UnmonitorInstancesOutput { instance_monitorings: Some(monitorings) })
}

pub async fn describe_instance_credit_specifications(
    ec2: &Ec2,
    call: &Call,
    input: DescribeInstanceCreditSpecificationsInput,
) -> Result<DescribeInstanceCreditSpecificationsOutput, Error> {
    let filters = Filters::parse(input.filters)?;
    filters.check(&|name| (name == "instance-id").then(Vec::new))?;
    let (place, ids) = (&call.scope(), &input.instance_ids.unwrap_or_default());
    let found = ec2.store.read(|tx| async move {
        match ids.is_empty() {
            true => resources::all::<InstanceRecord>(&tx, place).await,
            false => super::all_of(&tx, place, ids).await,
        }
    });
    let mut shown = Vec::new();
    for record in found.await? {
        let admitted = filters.admit(&std::collections::BTreeMap::new(), &|name| {
            (name == "instance-id").then(|| one(&record.id)).flatten()
        })?;
        // Without ids, only those are listed that differ from what is usual: those with unlimited credits.
        let listed = !ids.is_empty() || record.cpu_credits.as_deref() == Some("unlimited");
        if admitted && listed && record.cpu_credits.is_some() && !record.state.is_over() {
            shown.push(InstanceCreditSpecification {
                instance_id: Some(record.id),
                cpu_credits: record.cpu_credits,
            });
        }
    }
    let asked = Asked {
        operation: "DescribeInstanceCreditSpecifications",
        max_results: input.max_results,
        next_token: input.next_token,
        least: 5,
    };
    let position = |one: &InstanceCreditSpecification| one.instance_id.clone().unwrap_or_default();
    let (page, next_token) = lists::page(ec2, call, asked, shown, position)?;
    Ok(DescribeInstanceCreditSpecificationsOutput { instance_credit_specifications: Some(page), next_token })
}

/// Each instance by itself: those that cannot be changed are listed with the reason.
pub async fn modify_instance_credit_specification(
    ec2: &Ec2,
    call: &Call,
    input: ModifyInstanceCreditSpecificationInput,
) -> Result<ModifyInstanceCreditSpecificationOutput, Error> {
    let (place, wanted) = (&call.scope(), &input.instance_credit_specifications);
    let changed = ec2.store.transact(|tx| async move {
        let (mut done, mut refused) = (Vec::new(), Vec::new());
        for InstanceCreditSpecificationRequest { instance_id, cpu_credits } in wanted {
            let known = match INSTANCE.is_id(instance_id) {
                true => InstanceRecord::TABLE.get(&tx, place, instance_id).await?,
                false => None,
            };
            let credits = cpu_credits.as_deref().unwrap_or("standard");
            let why = match &known {
                None if !INSTANCE.is_id(instance_id) => {
                    Some(("InvalidInstanceID.Malformed", format!("Invalid id: \"{instance_id}\"")))
                }
                None => Some((
                    "InvalidInstanceID.NotFound",
                    format!("The instance ID '{instance_id}' does not exist"),
                )),
                Some(record) if record.cpu_credits.is_none() => Some((
                    "InstanceCreditSpecification.NotSupported",
                    format!("The instance type of '{instance_id}' has no CPU credits"),
                )),
                Some(record) if record.state.is_over() => Some((
                    "IncorrectInstanceState",
                    format!("The instance '{instance_id}' is not in a state from which it can be changed."),
                )),
                Some(_) if !matches!(credits, "standard" | "unlimited") => {
                    return Err(Error::new(
                        &INVALID_PARAMETER_VALUE,
                        format!("Invalid value '{credits}' for CpuCredits."),
                    ));
                }
                Some(_) => None,
            };
            match (why, known) {
                (None, Some(mut record)) => {
                    record.cpu_credits = Some(credits.to_owned());
                    resources::put(&tx, place, &record).await?;
                    done.push(SuccessfulInstanceCreditSpecificationItem { instance_id: Some(record.id) });
                }
                (why, _) => refused.push(unsuccessful(instance_id, why.unwrap_or_default())),
            }
        }
        Ok((done, refused))
    });
    let (done, refused) = changed.await?;
    Ok(ModifyInstanceCreditSpecificationOutput {
        successful_instance_credit_specifications: Some(done),
        unsuccessful_instance_credit_specifications: Some(refused),
    })
}

fn unsuccessful(id: &str, (code, message): (&str, String)) -> UnsuccessfulInstanceCreditSpecificationItem {
    UnsuccessfulInstanceCreditSpecificationItem {
        instance_id: Some(id.to_owned()),
        error: Some(UnsuccessfulInstanceCreditSpecificationItemError {
            code: Some(code.into()),
            message: Some(message),
        }),
    }
}

pub async fn get_instance_metadata_defaults(
    ec2: &Ec2,
    call: &Call,
    _: GetInstanceMetadataDefaultsInput,
) -> Result<GetInstanceMetadataDefaultsOutput, Error> {
    let place = &call.scope();
    let kept = ec2.store.read(|tx| async move { METADATA_DEFAULTS.get(&tx, place, "account").await }).await?;
    let level = kept.map(|kept| InstanceMetadataDefaultsResponse {
        managed_by: Some(ManagedBy::Account),
        ..kept.shown.0
    });
    Ok(GetInstanceMetadataDefaultsOutput { account_level: Some(level.unwrap_or_default()) })
}

pub async fn modify_instance_metadata_defaults(
    ec2: &Ec2,
    call: &Call,
    input: ModifyInstanceMetadataDefaultsInput,
) -> Result<ModifyInstanceMetadataDefaultsOutput, Error> {
    let hops = input.http_put_response_hop_limit;
    // -1 is no preference.
    if hops.is_some_and(|hops| hops != -1 && !(1..=HOP_LIMIT_MAX).contains(&hops)) {
        let why = format!("It has to be between 1 and {HOP_LIMIT_MAX}, or -1.");
        return Err(Error::invalid_value(hops.unwrap_or_default(), "HttpPutResponseHopLimit", &why));
    }
    let (place, asked) = (&call.scope(), &input);
    let changed = ec2.store.transact(|tx| async move {
        let mut kept = METADATA_DEFAULTS.get(&tx, place, "account").await?.unwrap_or_default().shown.0;
        let text = |value: &str| (value != "no-preference").then(|| value.to_owned());
        if let Some(tokens) = &asked.http_tokens {
            kept.http_tokens = text(tokens.as_str()).map(|value| HttpTokensState::from(value.as_str()));
        }
        if let Some(hops) = hops {
            kept.http_put_response_hop_limit = Some(hops).filter(|hops| *hops != -1);
        }
        if let Some(endpoint) = &asked.http_endpoint {
            kept.http_endpoint =
                text(endpoint.as_str()).map(|value| InstanceMetadataEndpointState::from(value.as_str()));
        }
        if let Some(tags) = &asked.instance_metadata_tags {
            kept.instance_metadata_tags =
                text(tags.as_str()).map(|value| InstanceMetadataTagsState::from(value.as_str()));
        }
        if let Some(enforced) = &asked.http_tokens_enforced {
            kept.http_tokens_enforced =
                text(enforced.as_str()).map(|value| HttpTokensEnforcedState::from(value.as_str()));
        }
        let record = MetadataDefaultsRecord { shown: Kept(kept) };
        METADATA_DEFAULTS.put(&tx, place, "account", &record).await
    });
    changed.await?;
    Ok(ModifyInstanceMetadataDefaultsOutput { r#return: Some(true) })
}
