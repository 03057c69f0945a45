//! What a Dedicated Host has room for: "Amazon EC2 Dedicated Host instance capacity configurations".
//!
//! A host has the processors of the largest size of its family that runs on hosts (the page's example: 48 cores for m5,
//! those of m5.24xlarge), and as many instances find room as have processors there. Hosts of burstable families are
//! larger than any of their sizes, by a number that is no fact here; those are unknown.

use ec2_api::{AvailableCapacity, InstanceCapacity};

use super::types::InstanceTypes;

/// The processors of a family's hosts, and what its sizes need of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    pub cores: i32,
    pub vcpus: i32,
    sizes: Vec<Size>,
}

#[derive(Clone, Debug, PartialEq)]
struct Size {
    name: String,
    vcpus: i32,
    is_metal: bool,
}

/// The family of `m5.large`, or of `m5` itself.
pub fn family(name: &str) -> &str {
    name.split_once('.').map_or(name, |(family, _)| family)
}

impl Layout {
    /// Nothing for families without Dedicated Hosts, and for those whose hosts are not known.
    pub fn of(types: &InstanceTypes, family: &str) -> Option<Layout> {
        let mut layout = Layout { cores: 0, vcpus: 0, sizes: Vec::new() };
        for name in types.names().filter(|name| name.split_once('.').is_some_and(|(of, _)| of == family)) {
            let info = types.get(name)?;
            let is_burstable = info.burstable_performance_supported == Some(true);
            if info.dedicated_hosts_supported != Some(true) || is_burstable {
                continue;
            }
            let processors = info.v_cpu_info.unwrap_or_default();
            let (Some(vcpus), Some(cores)) = (processors.default_v_cpus, processors.default_cores) else {
                continue;
            };
            layout.vcpus = layout.vcpus.max(vcpus);
            layout.cores = layout.cores.max(cores);
            let is_metal = info.bare_metal == Some(true);
            layout.sizes.push(Size { name: name.to_owned(), vcpus, is_metal });
        }
        layout.sizes.sort_by(|a, b| (a.vcpus, &a.name).cmp(&(b.vcpus, &b.name)));
        Some(layout).filter(|layout| layout.vcpus > 0)
    }

    pub fn has(&self, instance_type: &str) -> bool {
        self.sizes.iter().any(|size| size.name == instance_type)
    }

    /// The types that a host takes: the one it is for, or all of its family that are no whole host by themselves.
    fn offered<'a>(&'a self, only: Option<&'a str>) -> impl Iterator<Item = &'a Size> {
        let all_metal = self.sizes.iter().all(|size| size.is_metal);
        self.sizes.iter().filter(move |size| match only {
            Some(only) => size.name == only,
            None => all_metal || !size.is_metal,
        })
    }

    fn free(&self, inside: &[String]) -> i32 {
        let used = |name: &String| self.sizes.iter().find(|size| size.name == *name).map_or(0, |it| it.vcpus);
        self.vcpus - inside.iter().map(used).sum::<i32>()
    }

    /// Whether a host for `only` takes such an instance at all.
    pub fn takes(&self, only: Option<&str>, instance_type: &str) -> bool {
        self.offered(only).any(|size| size.name == instance_type)
    }

    /// Whether there is room for one more beside those of the types `inside`.
    pub fn has_room(&self, only: Option<&str>, inside: &[String], instance_type: &str) -> bool {
        let free = self.free(inside);
        self.offered(only).any(|size| size.name == instance_type && size.vcpus <= free)
    }

    /// As DescribeHosts shows it.
    pub fn available(&self, only: Option<&str>, inside: &[String]) -> AvailableCapacity {
        let free = self.free(inside);
        let of = |size: &Size| InstanceCapacity {
            available_capacity: Some(free / size.vcpus),
            instance_type: Some(size.name.clone()),
            total_capacity: Some(self.vcpus / size.vcpus),
        };
        AvailableCapacity {
            available_instance_capacity: Some(self.offered(only).map(of).collect()),
            available_v_cpus: Some(free),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_room_as_its_page_says() {
        let types = InstanceTypes::default();
        let m5 = Layout::of(&types, "m5").expect("it has hosts");
        assert_eq!((m5.cores, m5.vcpus), (48, 96));
        // "you can launch up to 6 instances on that host"
        let told = m5.available(Some("m5.4xlarge"), &["m5.4xlarge".to_owned()]);
        assert_eq!(told.available_v_cpus, Some(80));
        let of_type = told.available_instance_capacity.expect("there is one");
        assert_eq!(of_type.len(), 1);
        assert_eq!((of_type[0].total_capacity, of_type[0].available_capacity), (Some(6), Some(5)));
        assert!(!m5.takes(Some("m5.4xlarge"), "m5.large") && m5.takes(None, "m5.large"));
        let full = vec!["m5.12xlarge".to_owned(); 2];
        assert!(!m5.has_room(None, &full, "m5.large") && m5.has_room(None, &full[1..], "m5.12xlarge"));
        assert!(!m5.takes(None, "m5.metal") && m5.has_room(Some("m5.metal"), &[], "m5.metal"));
    }

    #[test]
    fn hosts_of_burstable_and_of_unknown_families_are_not_known() {
        let types = InstanceTypes::default();
        assert_eq!(Layout::of(&types, "t3"), None);
        assert_eq!(Layout::of(&types, "x9"), None);
    }
}
