//! Flow log records as text, and where files of them go ("Flow log records", "Flow log files" in the VPC guide).
//!
//! Surprising: `version` is 2 in the default format, and in a custom one the highest version of its fields; a flow that
//! nothing was seen of is a record, too (NODATA).

use std::collections::BTreeMap;
use std::net::IpAddr;

use base::{AccountId, Region, Timestamp};
use ec2_api::FlowLog;

use super::flow_files::extension;
use super::flow_logs::{DEFAULT_FORMAT, version_of};

/// What two addresses exchange, seen at one interface.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// `eni-…`
    pub interface: String,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    pub protocol: u8,
    pub accepted: bool,
    pub egress: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub packets: u64,
    pub bytes: u64,
}

/// Where an interface is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    pub vpc: String,
    pub subnet: String,
    pub instance: Option<String>,
    pub zone_id: Option<String>,
    /// The blocks of its VPC.
    pub blocks: Vec<ipnet::IpNet>,
}

/// A time between two collections, and what was seen in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub flows: BTreeMap<Flow, Sum>,
}

impl Window {
    pub fn new(start: Timestamp) -> Window {
        Window { start, flows: BTreeMap::new() }
    }

    pub fn add(&mut self, flow: Flow, seen: Sum) {
        let sum = self.flows.entry(flow).or_default();
        sum.packets += seen.packets;
        sum.bytes += seen.bytes;
    }

    /// One line a flow, and one for each watched interface that nothing was seen of.
    pub fn lines(
        &self,
        format: &str,
        place: (AccountId, Region),
        end: Timestamp,
        watched: &BTreeMap<String, Whereabouts>,
    ) -> String {
        let nowhere = Whereabouts::default();
        let line = |interface: &str, seen: Option<(&Flow, &Sum)>| {
            let at = watched.get(interface).unwrap_or(&nowhere);
            let span = (self.start, end);
            let record = Record { place, interface, at, seen, span, version: version(format) };
            let words: Vec<String> = fields(format).map(|field| record.value(field)).collect();
            words.join(" ") + "\n"
        };
        let seen = self.flows.iter().map(|(flow, sum)| line(&flow.interface, Some((flow, sum))));
        let has_flows = |id: &str| self.flows.keys().any(|flow| flow.interface == id);
        let quiet = watched.keys().filter(|id| !has_flows(id)).map(|id| line(id, None));
        seen.chain(quiet).collect()
    }
}

/// The first line of a file.
pub fn header(format: &str) -> String {
    fields(format).collect::<Vec<_>>().join(" ") + "\n"
}

pub fn fields(format: &str) -> impl Iterator<Item = &str> {
    format.split_whitespace().map(|field| field.trim_start_matches("${").trim_end_matches('}'))
}

fn version(format: &str) -> u8 {
    if format == DEFAULT_FORMAT { 2 } else { fields(format).map(version_of).max().unwrap_or(2) }
}

struct Record<'a> {
    place: (AccountId, Region),
    interface: &'a str,
    at: &'a Whereabouts,
    seen: Option<(&'a Flow, &'a Sum)>,
    span: (Timestamp, Timestamp),
    version: u8,
}

impl Record<'_> {
    /// A field's value; `-` for what cannot be told or does not apply.
    fn value(&self, field: &str) -> String {
        let none = || "-".to_owned();
        let some = |text: &str| if text.is_empty() { none() } else { text.to_owned() };
        match field {
            "version" => self.version.to_string(),
            "account-id" => self.place.0.to_string(),
            "region" => self.place.1.to_string(),
            "interface-id" => some(self.interface),
            "vpc-id" => some(&self.at.vpc),
            "subnet-id" => some(&self.at.subnet),
            "instance-id" => some(self.at.instance.as_deref().unwrap_or_default()),
            "az-id" => some(self.at.zone_id.as_deref().unwrap_or_default()),
            "start" => (self.span.0.as_millis() / 1000).to_string(),
            "end" => (self.span.1.as_millis() / 1000).to_string(),
            "log-status" => if self.seen.is_some() { "OK" } else { "NODATA" }.to_owned(),
            _ => self.seen.and_then(|(flow, sum)| self.of_flow(field, flow, *sum)).unwrap_or_else(none),
        }
    }

    fn of_flow(&self, field: &str, flow: &Flow, sum: Sum) -> Option<String> {
        Some(match field {
            // Records are taken where addresses are private ones already, so the packet's own are the same.
            "srcaddr" | "pkt-srcaddr" => flow.source.to_string(),
            "dstaddr" | "pkt-dstaddr" => flow.destination.to_string(),
            "srcport" => flow.source_port.to_string(),
            "dstport" => flow.destination_port.to_string(),
            "protocol" => flow.protocol.to_string(),
            "packets" => sum.packets.to_string(),
            "bytes" => sum.bytes.to_string(),
            "action" => if flow.accepted { "ACCEPT" } else { "REJECT" }.to_owned(),
            "type" => if flow.source.is_ipv6() { "IPv6" } else { "IPv4" }.to_owned(),
            "flow-direction" => if flow.egress { "egress" } else { "ingress" }.to_owned(),
            // 1: through another resource of the same VPC. Other ways are not told apart here.
            "traffic-path"
                if flow.egress && self.at.blocks.iter().any(|block| block.contains(&flow.destination)) =>
            {
                "1".to_owned()
            }
            _ => return None,
        })
    }
}

/// The bucket that a log goes to, and the folder in it.
pub fn bucket_of(log: &FlowLog) -> Option<(&str, &str)> {
    let rest = log.log_destination.as_deref()?.splitn(6, ':').nth(5)?;
    let (bucket, folder) = rest.split_once('/').unwrap_or((rest, ""));
    Some((bucket, folder.trim_matches('/')))
}

fn is_hive(log: &FlowLog) -> bool {
    let options = log.destination_options.as_ref();
    options.is_some_and(|options| options.hive_compatible_partitions == Some(true))
}

/// The folder of an account's logs, below `AWSLogs`.
pub fn account_folder(log: &FlowLog, account: AccountId) -> String {
    if is_hive(log) { format!("aws-account-id={account}") } else { account.to_string() }
}

/// The key of a file that is written now.
pub fn key(log: &FlowLog, folder: &str, place: (AccountId, Region), now: Timestamp, unique: &str) -> String {
    let (account, region) = place;
    let basic = now.to_basic_iso8601();
    let (year, month, day) = (&basic[..4], &basic[4..6], &basic[6..8]);
    let (hour, minute) = (&basic[9..11], &basic[11..13]);
    let options = log.destination_options.clone().unwrap_or_default();
    let is_hive = is_hive(log);
    let mut parts = match is_hive {
        true => vec![
            account_folder(log, account),
            "aws-service=vpcflowlogs".to_owned(),
            format!("aws-region={region}"),
            format!("year={year}"),
            format!("month={month}"),
            format!("day={day}"),
        ],
        false => vec![
            account_folder(log, account),
            "vpcflowlogs".to_owned(),
            region.to_string(),
            year.to_owned(),
            month.to_owned(),
            day.to_owned(),
        ],
    };
    if options.per_hour_partition == Some(true) {
        parts.push(if is_hive { format!("hour={hour}") } else { hour.to_owned() });
    }
    let id = log.flow_log_id.as_deref().unwrap_or_default();
    parts.push(format!(
        "{account}_vpcflowlogs_{region}_{id}_{year}{month}{day}T{hour}{minute}Z_{unique}.{}",
        extension(log)
    ));
    let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    format!("{folder}AWSLogs/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (AccountId, Region) = (AccountId::DEV, Region::US_EAST_1);

    fn flow() -> Flow {
        Flow {
            interface: "eni-1".to_owned(),
            source: [10, 0, 0, 5].into(),
            destination: [10, 0, 1, 6].into(),
            source_port: 40_000,
            destination_port: 443,
            protocol: 6,
            accepted: true,
            egress: true,
        }
    }

    fn watched() -> BTreeMap<String, Whereabouts> {
        let at = Whereabouts {
            vpc: "vpc-1".to_owned(),
            subnet: "subnet-1".to_owned(),
            instance: Some("i-1".to_owned()),
            zone_id: Some("use1-az1".to_owned()),
            blocks: vec!["10.0.0.0/16".parse().expect("a block")],
        };
        BTreeMap::from([("eni-1".to_owned(), at), ("eni-2".to_owned(), Whereabouts::default())])
    }

    #[test]
    fn the_default_format_is_that_of_the_guide() {
        let mut window = Window::new(Timestamp::from_secs(1_700_000_000));
        window.add(flow(), Sum { packets: 3, bytes: 200 });
        window.add(flow(), Sum { packets: 1, bytes: 40 });
        let end = Timestamp::from_secs(1_700_000_060);
        let account = AccountId::DEV;
        assert_eq!(
            window.lines(DEFAULT_FORMAT, PLACE, end, &watched()),
            format!(
                "2 {account} eni-1 10.0.0.5 10.0.1.6 40000 443 6 4 240 1700000000 1700000060 ACCEPT OK\n\
                 2 {account} eni-2 - - - - - - - 1700000000 1700000060 - NODATA\n"
            )
        );
        assert!(header(DEFAULT_FORMAT).starts_with("version account-id interface-id srcaddr"));
    }

    #[test]
    fn a_custom_format_has_the_version_of_its_fields() {
        let mut window = Window::new(Timestamp::from_secs(0));
        window.add(flow(), Sum { packets: 1, bytes: 1 });
        let mut all = watched();
        all.remove("eni-2");
        for (format, line) in [
            ("${version} ${srcaddr}", "2 10.0.0.5\n"),
            ("${version} ${vpc-id} ${instance-id} ${type}", "3 vpc-1 i-1 IPv4\n"),
            ("${version} ${az-id} ${flow-direction} ${traffic-path}", "5 use1-az1 egress 1\n"),
            ("${tcp-flags} ${ecs-task-id}", "- -\n"),
        ] {
            assert_eq!(window.lines(format, PLACE, Timestamp::from_secs(60), &all), line, "{format}");
        }
    }

    #[test]
    fn files_lie_where_the_guide_says() {
        let mut log = FlowLog {
            flow_log_id: Some("fl-1".to_owned()),
            log_destination: Some("arn:aws:s3:::logs/flows/".to_owned()),
            ..FlowLog::default()
        };
        assert_eq!(bucket_of(&log), Some(("logs", "flows")));
        let now = Timestamp::from_secs(1_700_000_000);
        let account = AccountId::DEV;
        assert_eq!(
            key(&log, "flows", PLACE, now, "ab12"),
            format!(
                "flows/AWSLogs/{account}/vpcflowlogs/us-east-1/2023/11/14/{account}_vpcflowlogs_us-east-1_fl-1_20231114T2213Z_ab12.log.gz"
            )
        );
        log.destination_options = Some(ec2_api::DestinationOptionsResponse {
            file_format: None,
            hive_compatible_partitions: Some(true),
            per_hour_partition: Some(true),
        });
        let key = key(&log, "", PLACE, now, "ab12");
        let folders = "aws-service=vpcflowlogs/aws-region=us-east-1/year=2023/month=11/day=14/hour=22/";
        assert!(key.starts_with("AWSLogs/aws-account-id=") && key.contains(folders), "{key}");
    }
}
