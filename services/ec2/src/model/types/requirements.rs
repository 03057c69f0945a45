//! Which instance types have the attributes that are asked for ("Specify attributes for instance type selection").

use ec2_api::*;

use super::size;
use crate::model::filter::matches;

/// Whether a type fits. Prices are not asked about: nothing has any here.
pub fn fits(info: &InstanceTypeInfo, wanted: &InstanceRequirementsRequest) -> bool {
    let of = size(info);
    let name = info.instance_type.as_deref().unwrap_or_default();
    let any =
        |patterns: &Option<Vec<String>>| patterns.iter().flatten().any(|pattern| matches(pattern, name));
    let mebibytes = i64::try_from(of.memory_bytes >> 20).unwrap_or(i64::MAX);
    let gibibytes_each = mebibytes as f64 / 1024.0 / f64::from(of.vcpus.max(1));
    let network = info.network_info.clone().unwrap_or_default();
    let cards = network.maximum_network_interfaces;
    let memory = &wanted.memory_mi_b;
    let each = wanted.memory_gi_b_per_v_cpu.clone().unwrap_or_default();
    let allowed = wanted.allowed_instance_types.as_ref().is_none_or(Vec::is_empty)
        || any(&wanted.allowed_instance_types);
    allowed
        && !any(&wanted.excluded_instance_types)
        && within(
            i64::from(of.vcpus),
            Some(wanted.v_cpu_count.min.into()),
            wanted.v_cpu_count.max.map(Into::into),
        )
        && within(mebibytes, Some(memory.min.into()), memory.max.map(Into::into))
        && each.min.is_none_or(|min| gibibytes_each >= min)
        && each.max.is_none_or(|max| gibibytes_each <= max)
        && wanted.network_interface_count.as_ref().is_none_or(|range| {
            within(cards.unwrap_or(0).into(), range.min.map(Into::into), range.max.map(Into::into))
        })
        && by_kind(info, wanted)
        && by_storage(info, wanted)
        && by_accelerators(info, wanted)
}

fn within(value: i64, min: Option<i64>, max: Option<i64>) -> bool {
    min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max)
}

fn by_kind(info: &InstanceTypeInfo, wanted: &InstanceRequirementsRequest) -> bool {
    let bare = info.bare_metal == Some(true);
    let bursts = info.burstable_performance_supported == Some(true);
    let is_bare = match &wanted.bare_metal {
        Some(BareMetal::Included) => true,
        Some(BareMetal::Required) => bare,
        _ => !bare,
    };
    let is_bursting = match &wanted.burstable_performance {
        Some(BurstablePerformance::Included) => true,
        Some(BurstablePerformance::Required) => bursts,
        _ => !bursts,
    };
    let generation = match info.current_generation {
        Some(true) => InstanceGeneration::Current,
        _ => InstanceGeneration::Previous,
    };
    let maker = info.processor_info.as_ref().and_then(|processor| processor.manufacturer.as_deref());
    let of_maker = |wanted: &CpuManufacturer| match wanted {
        CpuManufacturer::AmazonWebServices => maker == Some("AWS"),
        CpuManufacturer::Intel => maker == Some("Intel"),
        CpuManufacturer::Amd => maker == Some("AMD"),
        CpuManufacturer::Apple => maker == Some("Apple"),
        CpuManufacturer::Unknown(_) => false,
    };
    let listed = |makers: &Vec<CpuManufacturer>| makers.is_empty() || makers.iter().any(of_maker);
    is_bare
        && is_bursting
        && wanted.instance_generations.as_ref().is_none_or(|all| all.is_empty() || all.contains(&generation))
        && wanted.cpu_manufacturers.as_ref().is_none_or(listed)
        && (wanted.require_hibernate_support != Some(true) || info.hibernation_supported == Some(true))
        && (wanted.require_encryption_in_transit != Some(true)
            || info.network_info.as_ref().and_then(|network| network.encryption_in_transit_supported)
                == Some(true))
}

fn by_storage(info: &InstanceTypeInfo, wanted: &InstanceRequirementsRequest) -> bool {
    let has = info.instance_storage_supported == Some(true);
    let total = info.instance_storage_info.as_ref().and_then(|storage| storage.total_size_in_gb).unwrap_or(0);
    let is_local = match &wanted.local_storage {
        Some(LocalStorage::Required) => has,
        Some(LocalStorage::Excluded) => !has,
        _ => true,
    };
    let range = wanted.total_local_storage_gb.clone().unwrap_or_default();
    is_local
        && range.min.is_none_or(|min| total as f64 >= min)
        && range.max.is_none_or(|max| total as f64 <= max)
}

fn by_accelerators(info: &InstanceTypeInfo, wanted: &InstanceRequirementsRequest) -> bool {
    let gpus = info.gpu_info.as_ref().and_then(|gpu| gpu.gpus.as_ref()).into_iter().flatten();
    let count: i32 = gpus.filter_map(|gpu| gpu.count).sum();
    let range = wanted.accelerator_count.clone().unwrap_or_default();
    let asked = range.min.is_some_and(|min| min > 0)
        || wanted.accelerator_types.as_ref().is_some_and(|types| !types.is_empty());
    let enough = within(count.into(), range.min.map(Into::into), range.max.map(Into::into));
    // Types with accelerators are for those who ask for them.
    if asked { count > 0 && enough } else { count == 0 }
}
