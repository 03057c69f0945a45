//! The public parameters under `/aws/service/global-infrastructure`: regions, services, and which is where.
//!
//! They are worked out from two small tables, since written out they would be some 23,000. The tables come from
//! botocore's data; what it does not tell (zones, countries, protocols) is not there.
//! Reference: "Calling public parameters for AWS services, Regions, endpoints …" in the user guide.

use std::ops::Range;

use base::Region;

/// Where these parameters are.
pub const ROOT: &str = "/aws/service/global-infrastructure";

const REGIONS: &str = include_str!("regions.tsv");
const SERVICES: &str = include_str!("services.tsv");

pub struct Global {
    regions: Vec<RegionFacts>,
    services: Vec<ServiceFacts>,
}

struct RegionFacts {
    region: Region,
    name: &'static str,
}

struct ServiceFacts {
    id: &'static str,
    name: &'static str,
    /// The first label of most of its endpoints.
    endpoint: &'static str,
    /// One bit a region.
    regions: u64,
    /// `host=region,region`, where the host may hold `{region}`; separated by blanks.
    others: &'static str,
}

/// A level of the hierarchy that holds parameters. The numbers count regions and services.
#[derive(Clone, Copy)]
enum Level {
    Regions,
    Region(usize),
    RegionServices(usize),
    RegionService(usize, usize),
    Services,
    Service(usize),
    ServiceRegions(usize),
}

/// Where a listing goes on: the level, and how many of its parameters were given already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub level: usize,
    pub given: usize,
}

/// A parameter's name and its value.
pub type Fact = (String, String);

impl Global {
    pub fn new() -> Global {
        let rows = |text: &'static str| text.lines().filter(|line| !line.starts_with('#'));
        let regions = rows(REGIONS).filter_map(|line| {
            let (id, name) = line.split_once('\t')?;
            Some(RegionFacts { region: Region::parse(id)?, name })
        });
        let services = rows(SERVICES).filter_map(|line| {
            let mut columns = line.split('\t');
            Some(ServiceFacts {
                id: columns.next()?,
                name: columns.next()?,
                endpoint: columns.next()?,
                regions: u64::from_str_radix(columns.next()?, 16).ok()?,
                others: columns.next().unwrap_or_default(),
            })
        });
        Global { regions: regions.collect(), services: services.collect() }
    }

    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<String> {
        let (path, leaf) = name.rsplit_once('/')?;
        let (_, own) = self.levels(path)?;
        let found = self.leaves(own?).into_iter().find(|(id, _)| id == leaf);
        found.map(|(_, value)| value)
    }

    /// At most `limit` parameters of a path, and where to go on if there are more.
    pub fn list(
        &self,
        path: &str,
        recursive: bool,
        after: Option<Position>,
        limit: usize,
    ) -> (Vec<Fact>, Option<Position>) {
        let Some((all, own)) = self.levels(path) else { return (Vec::new(), None) };
        let range = match (recursive, own) {
            (true, _) => all,
            (false, Some(own)) => own..own + 1,
            (false, None) => return (Vec::new(), None),
        };
        let start = after.unwrap_or(Position { level: range.start, given: 0 });
        let mut found = Vec::new();
        for level in start.level.max(range.start)..range.end {
            let skipped = if level == start.level { start.given } else { 0 };
            let path = self.path(level);
            for (given, (leaf, value)) in self.leaves(level).into_iter().enumerate().skip(skipped) {
                if found.len() == limit {
                    return (found, Some(Position { level, given }));
                }
                found.push((format!("{path}/{leaf}"), value));
            }
        }
        (found, None)
    }

    fn level(&self, index: usize) -> Level {
        let block = 2 + self.services.len();
        let services = 1 + self.regions.len() * block;
        if index == 0 {
            return Level::Regions;
        }
        if index < services {
            let (region, within) = ((index - 1) / block, (index - 1) % block);
            return match within {
                0 => Level::Region(region),
                1 => Level::RegionServices(region),
                service => Level::RegionService(region, service - 2),
            };
        }
        match index - services {
            0 => Level::Services,
            within if within % 2 == 1 => Level::Service(within / 2),
            within => Level::ServiceRegions(within / 2 - 1),
        }
    }

    /// The levels at and below a path, in which those of a path are neighbours; and the path's own, if it has
    /// parameters of its own.
    fn levels(&self, path: &str) -> Option<(Range<usize>, Option<usize>)> {
        let block = 2 + self.services.len();
        let services = 1 + self.regions.len() * block;
        let end = services + 1 + 2 * self.services.len();
        if ROOT.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            return Some((0..end, None));
        }
        let steps: Vec<&str> = path.strip_prefix(ROOT)?.strip_prefix('/')?.split('/').collect();
        let at = |range: Range<usize>| (range.clone(), Some(range.start));
        let start_of = |region: &str| {
            let index = self.regions.iter().position(|facts| facts.region.as_str() == region)?;
            Some(1 + index * block)
        };
        let service = |id: &str| self.services.iter().position(|facts| facts.id == id);
        match steps[..] {
            ["regions"] => Some(at(0..services)),
            ["regions", region] => start_of(region).map(|start| at(start..start + block)),
            ["regions", region, "services"] => start_of(region).map(|start| at(start + 1..start + block)),
            ["regions", region, "services", id] => {
                let start = start_of(region)? + 2 + service(id)?;
                Some(at(start..start + 1))
            }
            ["services"] => Some(at(services..end)),
            ["services", id] => {
                service(id).map(|index| at(services + 1 + 2 * index..services + 3 + 2 * index))
            }
            ["services", id, "regions"] => {
                service(id).map(|index| at(services + 2 + 2 * index..services + 3 + 2 * index))
            }
            _ => None,
        }
    }

    fn path(&self, level: usize) -> String {
        let region = |index: usize| self.regions[index].region;
        let service = |index: usize| self.services[index].id;
        match self.level(level) {
            Level::Regions => format!("{ROOT}/regions"),
            Level::Region(r) => format!("{ROOT}/regions/{}", region(r)),
            Level::RegionServices(r) => format!("{ROOT}/regions/{}/services", region(r)),
            Level::RegionService(r, s) => format!("{ROOT}/regions/{}/services/{}", region(r), service(s)),
            Level::Services => format!("{ROOT}/services"),
            Level::Service(s) => format!("{ROOT}/services/{}", service(s)),
            Level::ServiceRegions(s) => format!("{ROOT}/services/{}/regions", service(s)),
        }
    }

    /// The parameters of a level: the last parts of their names and their values.
    fn leaves(&self, level: usize) -> Vec<Fact> {
        let named = |id: &str| (id.to_owned(), id.to_owned());
        let fact = |id: &str, value: &str| (id.to_owned(), value.to_owned());
        match self.level(level) {
            Level::Regions => self.regions.iter().map(|facts| named(facts.region.as_str())).collect(),
            Level::Region(r) => {
                let RegionFacts { region, name } = &self.regions[r];
                vec![
                    fact("domain", region.dns_suffix()),
                    fact("longName", name),
                    fact("partition", region.partition().as_str()),
                ]
            }
            Level::RegionServices(r) => {
                self.services.iter().filter(|facts| facts.is_in(r)).map(|facts| named(facts.id)).collect()
            }
            Level::RegionService(r, s) => {
                let endpoint = self.services[s].endpoint_in(r, self.regions[r].region);
                endpoint.map(|host| ("endpoint".to_owned(), host)).into_iter().collect()
            }
            Level::Services => self.services.iter().map(|facts| named(facts.id)).collect(),
            Level::Service(s) => vec![fact("longName", self.services[s].name)],
            Level::ServiceRegions(s) => {
                let regions = self.regions.iter().enumerate().filter(|(r, _)| self.services[s].is_in(*r));
                regions.map(|(_, facts)| named(facts.region.as_str())).collect()
            }
        }
    }
}

impl ServiceFacts {
    fn is_in(&self, region: usize) -> bool {
        self.regions >> region & 1 == 1
    }

    fn endpoint_in(&self, index: usize, region: Region) -> Option<String> {
        if !self.is_in(index) {
            return None;
        }
        let other = self.others.split(' ').find_map(|entry| {
            let (host, regions) = entry.split_once('=')?;
            regions
                .split(',')
                .any(|id| id == region.as_str())
                .then(|| host.replace("{region}", region.as_str()))
        });
        Some(other.unwrap_or_else(|| format!("{}.{region}.{}", self.endpoint, region.dns_suffix())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_parameters_are_there() {
        let global = Global::new();
        assert_eq!(global.regions.len(), Region::all().count(), "every region has a line");
        for (name, value) in [
            ("regions/us-east-1", "us-east-1"),
            ("regions/us-east-1/longName", "US East (N. Virginia)"),
            ("regions/cn-north-1/domain", "amazonaws.com.cn"),
            ("regions/us-gov-west-1/partition", "aws-us-gov"),
            ("regions/us-west-1/services/ssm/endpoint", "ssm.us-west-1.amazonaws.com"),
            ("regions/us-east-1/services/iam/endpoint", "iam.amazonaws.com"),
            ("regions/us-west-1/services/ssm", "ssm"),
            ("services/ssm", "ssm"),
            ("services/kms/longName", "AWS Key Management Service"),
            ("services/ssm/regions/eu-west-1", "eu-west-1"),
        ] {
            assert_eq!(global.get(&format!("{ROOT}/{name}")).as_deref(), Some(value), "{name}");
        }
        for absent in
            ["regions", "regions/us-east-9", "services/none", "services/iam/regions/eu-west-1", "x/y"]
        {
            assert_eq!(global.get(&format!("{ROOT}/{absent}")), None, "{absent}");
        }
    }

    #[test]
    fn a_listing_in_pages_is_the_listing() {
        let global = Global::new();
        for (path, recursive) in [
            ("/regions", false),
            ("/regions/us-east-1", true),
            ("/services/ssm", true),
            ("/services", false),
            ("/regions/eu-west-1/services", true),
        ] {
            let path = format!("{ROOT}{path}");
            let (all, end) = global.list(&path, recursive, None, usize::MAX);
            assert!(end.is_none() && all.len() > 1, "{path}");
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let (page, next) = global.list(&path, recursive, after, 7);
                paged.extend(page);
                after = next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(paged, all, "{path}");
            assert!(all.iter().all(|(name, value)| global.get(name).as_ref() == Some(value)), "{path}");
        }
        let everything = global.list("/aws/service", true, None, usize::MAX).0;
        assert_eq!(everything, global.list(ROOT, true, None, usize::MAX).0);
        assert!(everything.len() > 10_000);
        assert!(global.list(ROOT, false, None, 10).0.is_empty());
        assert!(global.list("/aws/service/none", true, None, 10).0.is_empty());
    }
}
