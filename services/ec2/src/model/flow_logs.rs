//! The format of flow log records ("Flow log records" in the VPC guide).

use crate::error::Error;
use crate::error::codes::INVALID_PARAMETER;

pub const DEFAULT_FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// All fields of versions 2 to 8, and those of transit gateways.
const FIELDS: &[&str] = &[
    "version",
    "account-id",
    "interface-id",
    "srcaddr",
    "dstaddr",
    "srcport",
    "dstport",
    "protocol",
    "packets",
    "bytes",
    "start",
    "end",
    "action",
    "log-status",
    "vpc-id",
    "subnet-id",
    "instance-id",
    "tcp-flags",
    "type",
    "pkt-srcaddr",
    "pkt-dstaddr",
    "region",
    "az-id",
    "sublocation-type",
    "sublocation-id",
    "pkt-src-aws-service",
    "pkt-dst-aws-service",
    "flow-direction",
    "traffic-path",
    "ecs-cluster-arn",
    "ecs-cluster-name",
    "ecs-container-instance-arn",
    "ecs-container-instance-id",
    "ecs-container-id",
    "ecs-second-container-id",
    "ecs-service-name",
    "ecs-task-definition-arn",
    "ecs-task-arn",
    "ecs-task-id",
    "reject-reason",
    "resource-id",
    "encryption-status",
    "resource-type",
    "tgw-id",
    "tgw-attachment-id",
    "tgw-src-vpc-account-id",
    "tgw-dst-vpc-account-id",
    "tgw-src-vpc-id",
    "tgw-dst-vpc-id",
    "tgw-src-subnet-id",
    "tgw-dst-subnet-id",
    "tgw-src-eni",
    "tgw-dst-eni",
    "tgw-src-az-id",
    "tgw-dst-az-id",
    "tgw-pair-attachment-id",
    "packets-lost-no-route",
    "packets-lost-blackhole",
    "packets-lost-mtu-exceeded",
    "packets-lost-ttl-expired",
];

/// Refuses a format that is not one or more known fields.
pub fn check_format(format: &str) -> Result<(), Error> {
    let mut fields = format.split_whitespace().peekable();
    let is_known = |field: &str| {
        let name = field.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| FIELDS.contains(&name))
    };
    match fields.peek().is_some() && fields.all(is_known) {
        true => Ok(()),
        false => Err(Error::new(&INVALID_PARAMETER, "Unknown fields provided")),
    }
}

/// The version of the format that brought a field ("Available fields").
pub fn version_of(field: &str) -> u8 {
    match field {
        "vpc-id" | "subnet-id" | "instance-id" | "tcp-flags" | "type" | "pkt-srcaddr" | "pkt-dstaddr" => 3,
        "region" | "az-id" | "sublocation-type" | "sublocation-id" => 4,
        "pkt-src-aws-service" | "pkt-dst-aws-service" | "flow-direction" | "traffic-path" => 5,
        "reject-reason" => 8,
        "resource-id" => 9,
        "encryption-status" => 10,
        field if field.starts_with("ecs-") => 7,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_lists_of_known_fields() {
        for (format, is_fine) in [
            (DEFAULT_FORMAT, true),
            ("${srcaddr}", true),
            ("", false),
            ("srcaddr", false),
            ("${colour}", false),
        ] {
            assert_eq!(check_format(format).is_ok(), is_fine, "{format}");
        }
    }
}
