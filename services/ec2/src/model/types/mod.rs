//! Instance types: the numbers of each, as AWS publishes them.
//!
//! They lie beside this file, compressed: one line a type, told as what differs from its family's line before it. Where
//! they come from is written in `BEHAVIOURS.md`.

mod filter;
mod requirements;

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::OnceLock;

use ec2_api::{InstanceTypeHypervisor, InstanceTypeInfo};
use flate2::read::GzDecoder;
use serde_json::Value;
use service::Kept;

pub use filter::{is_known as is_filter, opened, value};
pub use requirements::fits;

use crate::limits::{ADDRESSES_OF_AN_INTERFACE_MAX, INTERFACES_OF_AN_INSTANCE_MAX};

const FACTS: &[u8] = include_bytes!("facts.tsv.gz");
const MEBIBYTE: u64 = 1 << 20;

/// The types, read when the first is asked for.
#[derive(Default)]
pub struct InstanceTypes {
    lines: OnceLock<BTreeMap<String, Line>>,
}

/// JSON texts: what the family has in common, and what is the type's own.
struct Line {
    family: String,
    own: String,
}

/// What a machine gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub vcpus: u32,
    pub cores: i32,
    pub threads_per_core: i32,
    pub memory_bytes: u64,
}

impl InstanceTypes {
    fn lines(&self) -> &BTreeMap<String, Line> {
        self.lines.get_or_init(|| {
            let mut text = String::new();
            GzDecoder::new(FACTS).read_to_string(&mut text).expect("the facts were compressed whole");
            let (mut lines, mut family) = (BTreeMap::new(), String::new());
            for (name, json) in text.lines().filter_map(|line| line.split_once('\t')) {
                match name.contains('.') {
                    true => {
                        let line = Line { family: family.clone(), own: json.to_owned() };
                        lines.insert(name.to_owned(), line);
                    }
                    false => json.clone_into(&mut family),
                }
            }
            lines
        })
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lines().keys().map(String::as_str)
    }

    pub fn has(&self, name: &str) -> bool {
        self.lines().contains_key(name)
    }

    /// Everything of one type.
    pub fn get(&self, name: &str) -> Option<InstanceTypeInfo> {
        let line = self.lines().get(name)?;
        let mut all: Value = serde_json::from_str(&line.family).ok()?;
        merge(&mut all, serde_json::from_str(&line.own).ok()?);
        all.as_object_mut()?.insert("InstanceType".to_owned(), Value::from(name));
        let Kept(info) = serde_json::from_value(all).ok()?;
        Some(info)
    }

    /// How many network interfaces an instance of this type has at most.
    pub fn interfaces_max(&self, name: &str) -> usize {
        let network = self.get(name).and_then(|info| info.network_info);
        let count = network.and_then(|network| network.maximum_network_interfaces);
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(INTERFACES_OF_AN_INSTANCE_MAX)
    }

    /// How many IPv4 addresses one of them has at most, delegated prefixes counted as one each.
    pub fn addresses_max(&self, name: &str) -> usize {
        let network = self.get(name).and_then(|info| info.network_info);
        let count = network.and_then(|network| network.ipv4_addresses_per_interface);
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(ADDRESSES_OF_AN_INTERFACE_MAX)
    }

    /// The same for IPv6. Types without it have none.
    pub fn addresses6_max(&self, name: &str) -> usize {
        let network = self.get(name).and_then(|info| info.network_info);
        let count = network.and_then(|network| network.ipv6_addresses_per_interface);
        count.and_then(|count| usize::try_from(count).ok()).unwrap_or(ADDRESSES_OF_AN_INTERFACE_MAX)
    }

    /// Whether its hypervisor is Nitro; bare metal has none, and is built on Nitro as well.
    pub fn is_nitro(&self, name: &str) -> bool {
        self.get(name).is_some_and(|info| {
            info.hypervisor == Some(InstanceTypeHypervisor::Nitro) || info.bare_metal == Some(true)
        })
    }

    pub fn size(&self, name: &str) -> Option<Size> {
        self.get(name).map(|info| size(&info))
    }
}

pub fn size(info: &InstanceTypeInfo) -> Size {
    let cpu = info.v_cpu_info.clone().unwrap_or_default();
    let mebibytes = info.memory_info.as_ref().and_then(|memory| memory.size_in_mi_b).unwrap_or(1024);
    Size {
        vcpus: cpu.default_v_cpus.and_then(|count| u32::try_from(count).ok()).unwrap_or(1),
        cores: cpu.default_cores.or(cpu.default_v_cpus).unwrap_or(1),
        threads_per_core: cpu.default_threads_per_core.unwrap_or(1),
        memory_bytes: u64::try_from(mebibytes).unwrap_or(1024) * MEBIBYTE,
    }
}

/// Lays one object over another.
fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_processors_memory_and_interfaces() {
        let types = InstanceTypes::default();
        let names: Vec<&str> = types.names().collect();
        assert!(names.len() > 1_300, "{}", names.len());
        for name in names {
            let info = types.get(name).unwrap_or_else(|| panic!("{name} cannot be read"));
            assert_eq!(info.instance_type.as_deref(), Some(name));
            let network = info.network_info.clone().unwrap_or_default();
            assert!(network.maximum_network_interfaces.is_some_and(|count| count > 0), "{name}");
            assert!(info.memory_info.is_some() && info.v_cpu_info.is_some(), "{name}");
        }
    }

    #[test]
    fn a_type_has_the_size_that_is_published() {
        let size = InstanceTypes::default().size("t3.micro").unwrap();
        assert_eq!(size, Size { vcpus: 2, cores: 1, threads_per_core: 2, memory_bytes: 1 << 30 });
        assert!(InstanceTypes::default().get("t3.pico").is_none());
    }
}
