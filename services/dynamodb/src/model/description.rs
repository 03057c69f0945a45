//! A table as DescribeTable shows it.
//!
//! Surprising: what has its default is left out (billing mode, table class, encryption), deletion protection is always
//! there, and a table billed by request shows provisioned capacities of zero.

use std::collections::HashMap;

use base::{Arn, Region, Timestamp};
use dynamodb_api as api;
use service::Kept;

use crate::directory::TableView;
use crate::records::{
    BillingMode, EncryptionRecord, IndexKind, IndexRecord, IndexStatus, ReplicaRecord, ReplicaStatus,
    SseKind, StreamView, TableClass, TableRecord, TableStatus, Throughput,
};

/// How much is in a space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub bytes: u64,
    pub entries: u64,
}

/// By the number of the space.
pub type Sizes = HashMap<u64, Size>;

/// The only version of global tables there is.
const GLOBAL_TABLE_VERSION: &str = "2019.11.21";

pub fn table(view: &TableView, sizes: &Sizes) -> api::TableDescription {
    let record = &view.record;
    let size = sizes.get(&record.items).copied().unwrap_or_default();
    let of_kind = |kind| record.indexes.iter().filter(move |index| index.kind == kind);
    let local: Vec<_> = of_kind(IndexKind::Local).map(|index| local_index(&view.arn, index, sizes)).collect();
    let global: Vec<_> =
        of_kind(IndexKind::Global).map(|index| global_index(&view.arn, index, sizes)).collect();
    let latest = record.latest_stream.as_ref();
    api::TableDescription {
        attribute_definitions: Some(attribute_definitions(record)),
        table_name: Some(view.name.clone()),
        key_schema: Some(record.key.shown()),
        table_status: Some(status(record)),
        creation_date_time: Some(record.created),
        provisioned_throughput: Some(provisioned(&record.billing.throughput)),
        table_size_bytes: Some(size.bytes as i64),
        item_count: Some(size.entries as i64),
        table_arn: Some(view.arn.to_string()),
        table_id: Some(record.id.clone()),
        billing_mode_summary: billing_mode(record),
        local_secondary_indexes: present(local),
        global_secondary_indexes: present(global),
        stream_specification: record.stream.as_ref().map(|stream| stream_specification(stream.view)),
        latest_stream_label: latest.cloned(),
        latest_stream_arn: latest.map(|label| format!("{}/stream/{label}", view.arn)),
        global_table_version: record.replication.as_ref().map(|_| GLOBAL_TABLE_VERSION.to_owned()),
        replicas: replicas(view),
        restore_summary: record.restored.as_ref().map(|restored| api::RestoreSummary {
            source_backup_arn: restored.backup.as_ref().map(Arn::to_string),
            source_table_arn: Some(restored.table.to_string()),
            restore_date_time: restored.at,
            restore_in_progress: restored.in_progress,
        }),
        sse_description: encryption(&record.encryption),
        table_class_summary: class(record),
        deletion_protection_enabled: Some(record.deletion_protection),
        on_demand_throughput: on_demand(&record.billing.throughput),
        warm_throughput: Some(warm(&record.billing.throughput, api::TableStatus::Active)),
        multi_region_consistency: record.replication.as_ref().map(|_| api::MultiRegionConsistency::Eventual),
        ..api::TableDescription::default()
    }
}

pub fn status(record: &TableRecord) -> api::TableStatus {
    match record.status {
        TableStatus::Creating => api::TableStatus::Creating,
        _ if record.encryption.inaccessible.is_some() => api::TableStatus::InaccessibleEncryptionCredentials,
        TableStatus::Active => api::TableStatus::Active,
        TableStatus::Updating => api::TableStatus::Updating,
    }
}

fn present<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

pub fn attribute_definitions(record: &TableRecord) -> Vec<api::AttributeDefinition> {
    let shown = record.attributes.iter().map(|attribute| api::AttributeDefinition {
        attribute_name: attribute.name.clone(),
        attribute_type: attribute.kind.shown(),
    });
    shown.collect()
}

fn local_index(table: &Arn, index: &IndexRecord, sizes: &Sizes) -> api::LocalSecondaryIndexDescription {
    let size = sizes.get(&index.space).copied().unwrap_or_default();
    api::LocalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(index.key.shown()),
        projection: Some(index.projection.shown()),
        index_size_bytes: Some(size.bytes as i64),
        item_count: Some(size.entries as i64),
        index_arn: Some(format!("{table}/index/{}", index.name)),
    }
}

fn global_index(table: &Arn, index: &IndexRecord, sizes: &Sizes) -> api::GlobalSecondaryIndexDescription {
    let size = sizes.get(&index.space).copied().unwrap_or_default();
    let (status, backfilling) = match &index.status {
        IndexStatus::Active => (api::IndexStatus::Active, None),
        IndexStatus::Backfilling { after } => (api::IndexStatus::Creating, Some(after.is_some())),
        IndexStatus::Deleting => (api::IndexStatus::Deleting, None),
    };
    api::GlobalSecondaryIndexDescription {
        index_name: Some(index.name.clone()),
        key_schema: Some(index.key.shown()),
        projection: Some(index.projection.shown()),
        index_status: Some(status),
        backfilling,
        provisioned_throughput: Some(provisioned(&index.throughput)),
        index_size_bytes: Some(size.bytes as i64),
        item_count: Some(size.entries as i64),
        index_arn: Some(format!("{table}/index/{}", index.name)),
        on_demand_throughput: on_demand(&index.throughput),
        warm_throughput: Some(api::GlobalSecondaryIndexWarmThroughputDescription {
            read_units_per_second: Some(index.throughput.warm_read),
            write_units_per_second: Some(index.throughput.warm_write),
            status: Some(api::IndexStatus::Active),
        }),
    }
}

fn provisioned(throughput: &Throughput) -> api::ProvisionedThroughputDescription {
    api::ProvisionedThroughputDescription {
        last_increase_date_time: throughput.increased,
        last_decrease_date_time: throughput.decreased,
        number_of_decreases_today: Some(throughput.decreases_today),
        read_capacity_units: Some(throughput.read_units),
        write_capacity_units: Some(throughput.write_units),
    }
}

pub fn on_demand(throughput: &Throughput) -> Option<api::OnDemandThroughput> {
    let limits = api::OnDemandThroughput {
        max_read_request_units: throughput.on_demand_read_max,
        max_write_request_units: throughput.on_demand_write_max,
    };
    (limits.max_read_request_units.is_some() || limits.max_write_request_units.is_some()).then(|| {
        api::OnDemandThroughput {
            max_read_request_units: Some(limits.max_read_request_units.unwrap_or(-1)),
            max_write_request_units: Some(limits.max_write_request_units.unwrap_or(-1)),
        }
    })
}

fn warm(throughput: &Throughput, status: api::TableStatus) -> api::TableWarmThroughputDescription {
    api::TableWarmThroughputDescription {
        read_units_per_second: Some(throughput.warm_read),
        write_units_per_second: Some(throughput.warm_write),
        status: Some(status),
    }
}

pub fn billing_mode_shown(mode: BillingMode) -> api::BillingMode {
    match mode {
        BillingMode::Provisioned => api::BillingMode::Provisioned,
        BillingMode::OnDemand => api::BillingMode::PayPerRequest,
    }
}

/// Nothing of a table that always had provisioned capacity.
fn billing_mode(record: &TableRecord) -> Option<api::BillingModeSummary> {
    let billing = &record.billing;
    billing.on_demand_since.map(|since| api::BillingModeSummary {
        billing_mode: Some(billing_mode_shown(billing.mode)),
        last_update_to_pay_per_request_date_time: Some(since),
    })
}

pub fn stream_specification(view: StreamView) -> api::StreamSpecification {
    let view = match view {
        StreamView::KeysOnly => api::StreamViewType::KeysOnly,
        StreamView::NewImage => api::StreamViewType::NewImage,
        StreamView::OldImage => api::StreamViewType::OldImage,
        StreamView::NewAndOldImages => api::StreamViewType::NewAndOldImages,
    };
    api::StreamSpecification { stream_enabled: true, stream_view_type: Some(view) }
}

/// Nothing where the key is the cloud's own.
pub fn encryption(record: &EncryptionRecord) -> Option<api::SSEDescription> {
    let SseKind::Kms { key_arn } = &record.kind else { return None };
    Some(api::SSEDescription {
        status: Some(api::SSEStatus::Enabled),
        sse_type: Some(api::SSEType::Kms),
        kms_master_key_arn: Some(key_arn.clone()),
        inaccessible_encryption_date_time: record.inaccessible,
    })
}

/// Nothing of a table whose class was never set to another.
pub fn class(record: &TableRecord) -> Option<api::TableClassSummary> {
    let table_class = match record.class {
        TableClass::Standard => api::TableClass::Standard,
        TableClass::InfrequentAccess => api::TableClass::StandardInfrequentAccess,
    };
    let last_update_date_time = record.class_changes.last().copied();
    let is_default = record.class == TableClass::Standard && last_update_date_time.is_none();
    (!is_default).then_some(api::TableClassSummary { table_class: Some(table_class), last_update_date_time })
}

/// All replicas of a global table, this one among them.
fn replicas(view: &TableView) -> Option<Vec<api::ReplicaDescription>> {
    let replication = view.record.replication.as_ref()?;
    let others = replication.replicas.iter().map(|replica| shown_replica(view, replica));
    let own = api::ReplicaDescription {
        region_name: Some(view.region.to_string()),
        replica_status: Some(api::ReplicaStatus::Active),
        replica_arn: Some(view.arn.to_string()),
        ..api::ReplicaDescription::default()
    };
    let mut all: Vec<_> = others.chain([own]).collect();
    all.sort_by(|one, other| one.region_name.cmp(&other.region_name));
    Some(all)
}

pub fn shown_replica(view: &TableView, replica: &ReplicaRecord) -> api::ReplicaDescription {
    let Kept(settings) = replica.settings.clone();
    api::ReplicaDescription {
        region_name: Some(replica.region.to_string()),
        replica_status: Some(match replica.status {
            ReplicaStatus::Creating => api::ReplicaStatus::Creating,
            ReplicaStatus::Active => api::ReplicaStatus::Active,
        }),
        replica_arn: Some(replica_arn(view, replica.region).to_string()),
        ..settings
    }
}

fn replica_arn(view: &TableView, region: Region) -> Arn {
    super::table_name::table_arn((view.account, region), &view.name)
}

/// What a table that is about to be made is answered with, before anything is in it.
pub fn being_created(view: &TableView) -> api::TableDescription {
    let creating = |index: api::GlobalSecondaryIndexDescription| api::GlobalSecondaryIndexDescription {
        index_status: Some(api::IndexStatus::Creating),
        ..index
    };
    let described = table(view, &Sizes::new());
    api::TableDescription {
        table_status: Some(api::TableStatus::Creating),
        global_secondary_indexes: described
            .global_secondary_indexes
            .map(|indexes| indexes.into_iter().map(creating).collect()),
        ..described
    }
}

/// `2026-11-22T10:00:00.000`, as streams are labelled.
pub fn stream_label(at: Timestamp) -> String {
    let text = at.to_iso8601();
    let text = text.trim_end_matches('Z');
    if text.contains('.') { text.to_owned() } else { format!("{text}.000") }
}
