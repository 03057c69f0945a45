//! Auto scaling of global tables: the settings, as they were given. Nothing scales here, since a table can do what the
//! machine can unless it is held to its throughput.
//!
//! Surprising: a table without replicas has none, and is not found.

use dynamodb_api as api;
use dynamodb_api::{
    DescribeTableReplicaAutoScalingInput, DescribeTableReplicaAutoScalingOutput,
    UpdateTableReplicaAutoScalingInput, UpdateTableReplicaAutoScalingOutput,
};
use service::{Call, Kept};

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;
use crate::model::description;
use crate::model::table_name::TableAddress;
use crate::records::{IndexKind, TableRecord};

type Settings = api::AutoScalingSettingsDescription;

/// A table that is in several regions.
async fn global(dynamodb: &DynamoDB, call: &Call, name: &str) -> Result<std::sync::Arc<TableView>, Error> {
    let address = TableAddress::parse(call.scope(), name)?;
    let view = dynamodb.directory.find((address.account, address.region), &address.name).await?;
    view.filter(|view| view.record.replication.is_some()).ok_or_else(|| {
        Error::ResourceNotFound(format!("Global table with name: '{}' does not exist.", address.name))
    })
}

pub async fn describe_table_replica_auto_scaling(
    dynamodb: &DynamoDB,
    call: &Call,
    input: DescribeTableReplicaAutoScalingInput,
) -> Result<DescribeTableReplicaAutoScalingOutput, Error> {
    let view = global(dynamodb, call, &input.table_name).await?;
    Ok(DescribeTableReplicaAutoScalingOutput {
        table_auto_scaling_description: Some(described(&view, &view.record)),
    })
}

fn described(view: &TableView, record: &TableRecord) -> api::TableAutoScalingDescription {
    let Kept(kept) = &record.auto_scaling;
    let mut regions: Vec<String> = vec![view.region.to_string()];
    let replicas = record.replication.iter().flat_map(|replication| &replication.replicas);
    regions.extend(replicas.map(|replica| replica.region.to_string()));
    regions.sort();
    let known = kept.replicas.clone().unwrap_or_default();
    let replica = |region: String| {
        let found = known.iter().find(|known| known.region_name.as_ref() == Some(&region)).cloned();
        api::ReplicaAutoScalingDescription {
            replica_status: Some(api::ReplicaStatus::Active),
            region_name: Some(region),
            ..found.unwrap_or_default()
        }
    };
    api::TableAutoScalingDescription {
        table_name: Some(view.name.clone()),
        table_status: Some(description::status(record)),
        replicas: Some(regions.into_iter().map(replica).collect()),
    }
}

pub async fn update_table_replica_auto_scaling(
    dynamodb: &DynamoDB,
    call: &Call,
    input: UpdateTableReplicaAutoScalingInput,
) -> Result<UpdateTableReplicaAutoScalingOutput, Error> {
    let view = global(dynamodb, call, &input.table_name).await?;
    check(&view, &input)?;
    let shown = dynamodb
        .directory
        .change(&view, |record| {
            let mut described = described(&view, record);
            for replica in described.replicas.iter_mut().flatten() {
                apply(replica, &input);
            }
            record.auto_scaling = Kept(described.clone());
            Ok(described)
        })
        .await?;
    Ok(UpdateTableReplicaAutoScalingOutput { table_auto_scaling_description: Some(shown) })
}

fn check(view: &TableView, input: &UpdateTableReplicaAutoScalingInput) -> Result<(), Error> {
    let failed = format!("Failed to update settings for global table with name: ‘{}’", view.name);
    let asks = input.global_secondary_index_updates.is_some()
        || input.provisioned_write_capacity_auto_scaling_update.is_some()
        || input.replica_updates.is_some();
    if !asks {
        return Err(Error::Validation(format!(
            "{failed} because at least one update parameter must be specified."
        )));
    }
    let known: Vec<String> = view
        .record
        .replication
        .iter()
        .flat_map(|replication| &replication.replicas)
        .map(|replica| replica.region.to_string())
        .chain([view.region.to_string()])
        .collect();
    let asked = input.replica_updates.iter().flatten().map(|update| &update.region_name);
    let unknown: Vec<&str> = asked.filter(|region| !known.contains(region)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Error::ResourceNotFound(format!(
            "{failed} because a replica does not exist in regions: ‘[{}]’.",
            unknown.join(", ")
        )));
    }
    let is_index = |name: &str| {
        view.record.indexes.iter().any(|index| index.name == name && index.kind == IndexKind::Global)
    };
    let indexes = input.global_secondary_index_updates.iter().flatten();
    let absent: Vec<&str> =
        indexes.filter_map(|update| update.index_name.as_deref()).filter(|name| !is_index(name)).collect();
    match absent.is_empty() {
        true => Ok(()),
        false => Err(Error::ResourceNotFound(format!(
            "{failed} because the global secondary indexes with names: ‘[{}]’ do not exist.",
            absent.join(", ")
        ))),
    }
}

/// Writes scale alike in all regions, reads in each by itself.
fn apply(replica: &mut api::ReplicaAutoScalingDescription, input: &UpdateTableReplicaAutoScalingInput) {
    if let Some(wanted) = &input.provisioned_write_capacity_auto_scaling_update {
        let settings = &mut replica.replica_provisioned_write_capacity_auto_scaling_settings;
        set(settings.get_or_insert_default(), wanted);
    }
    for update in input.global_secondary_index_updates.iter().flatten() {
        if let Some(wanted) = &update.provisioned_write_capacity_auto_scaling_update {
            let index = index_of(replica, update.index_name.as_deref());
            set(index.provisioned_write_capacity_auto_scaling_settings.get_or_insert_default(), wanted);
        }
    }
    let own = input.replica_updates.iter().flatten();
    let region = replica.region_name.clone();
    for update in own.filter(|update| Some(&update.region_name) == region.as_ref()) {
        if let Some(wanted) = &update.replica_provisioned_read_capacity_auto_scaling_update {
            let settings = &mut replica.replica_provisioned_read_capacity_auto_scaling_settings;
            set(settings.get_or_insert_default(), wanted);
        }
        for index_update in update.replica_global_secondary_index_updates.iter().flatten() {
            if let Some(wanted) = &index_update.provisioned_read_capacity_auto_scaling_update {
                let index = index_of(replica, index_update.index_name.as_deref());
                set(index.provisioned_read_capacity_auto_scaling_settings.get_or_insert_default(), wanted);
            }
        }
    }
}

fn index_of<'r>(
    replica: &'r mut api::ReplicaAutoScalingDescription,
    name: Option<&str>,
) -> &'r mut api::ReplicaGlobalSecondaryIndexAutoScalingDescription {
    let indexes = replica.global_secondary_indexes.get_or_insert_default();
    let at = indexes.iter().position(|index| index.index_name.as_deref() == name);
    let at = at.unwrap_or_else(|| {
        indexes.push(api::ReplicaGlobalSecondaryIndexAutoScalingDescription {
            index_name: name.map(str::to_owned),
            index_status: Some(api::IndexStatus::Active),
            ..api::ReplicaGlobalSecondaryIndexAutoScalingDescription::default()
        });
        indexes.len() - 1
    });
    &mut indexes[at]
}

fn set(settings: &mut Settings, wanted: &api::AutoScalingSettingsUpdate) {
    if wanted.auto_scaling_disabled == Some(true) {
        *settings = Settings { auto_scaling_disabled: Some(true), ..Settings::default() };
        return;
    }
    settings.auto_scaling_disabled = Some(false);
    settings.minimum_units = wanted.minimum_units.or(settings.minimum_units);
    settings.maximum_units = wanted.maximum_units.or(settings.maximum_units);
    if wanted.auto_scaling_role_arn.is_some() {
        settings.auto_scaling_role_arn.clone_from(&wanted.auto_scaling_role_arn);
    }
    if let Some(policy) = &wanted.scaling_policy_update {
        let target = &policy.target_tracking_scaling_policy_configuration;
        let configuration = api::AutoScalingTargetTrackingScalingPolicyConfigurationDescription {
            disable_scale_in: target.disable_scale_in,
            scale_in_cooldown: target.scale_in_cooldown,
            scale_out_cooldown: target.scale_out_cooldown,
            target_value: target.target_value,
        };
        settings.scaling_policies = Some(vec![api::AutoScalingPolicyDescription {
            policy_name: policy.policy_name.clone(),
            target_tracking_scaling_policy_configuration: Some(configuration),
        }]);
    }
}
