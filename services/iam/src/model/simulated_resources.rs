//! The resources of a simulation: what kind of resource an action is about, and which ones an EC2 scenario needs.

use crate::error::Error;

/// The ARN format of the resource type that an action is simulated on, `*` where it has none.
pub fn template(action: &str, resource: &str) -> String {
    let formats = || {
        let (prefix, name) = action.split_once(':')?;
        let service = iam_facts::service(prefix)?;
        let types = service.action(name)?.resources.iter();
        let formats: Vec<&str> =
            types.filter_map(|each| Some(&*service.resource_type(&each.resource_type)?.arn_format)).collect();
        let fitting = formats.iter().find(|format| fits(format, resource)).or(formats.first());
        fitting.map(|format| (*format).to_owned())
    };
    formats().unwrap_or_else(|| "*".to_owned())
}

/// Whether an ARN has a format such as `arn:${Partition}:s3:::${BucketName}`: the fixed parts, in their order.
fn fits(format: &str, arn: &str) -> bool {
    let mut fixed = format.split("${").enumerate().map(|(index, part)| match index {
        0 => part,
        _ => part.split_once('}').map_or("", |(_, after)| after),
    });
    let Some(mut rest) = fixed.next().and_then(|first| arn.strip_prefix(first)) else { return false };
    let mut last = "";
    for part in fixed {
        last = part;
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    // A bucket's name is no path: where the format ends in a variable, nothing nested may follow.
    if last.is_empty() { !rest.contains('/') || format.contains('/') } else { rest.is_empty() }
}

/// Scenarios of launching an instance, with the kinds of resources they need.
const SCENARIOS: [(&str, &[&str]); 4] = [
    ("EC2-VPC-InstanceStore", &["instance", "image", "security-group", "network-interface"]),
    ("EC2-VPC-InstanceStore-Subnet", &["instance", "image", "security-group", "network-interface", "subnet"]),
    ("EC2-VPC-EBS", &["instance", "image", "security-group", "network-interface", "volume"]),
    ("EC2-VPC-EBS-Subnet", &["instance", "image", "security-group", "network-interface", "subnet", "volume"]),
];

pub fn check_handling(option: Option<&str>, resources: &[String]) -> Result<(), Error> {
    let Some(option) = option else { return Ok(()) };
    let scenario = SCENARIOS.iter().find(|(name, _)| *name == option);
    let (_, needed) =
        scenario.ok_or_else(|| Error::InvalidInput(format!("Invalid resource handling option: {option}")))?;
    let is_there = |kind: &str| {
        resources.iter().any(|arn| {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
            arn.contains(":ec2:") && resource.split('/').next() == Some(kind)
        })
    };
    match needed.iter().find(|kind| !is_there(kind)) {
        Some(kind) => Err(Error::InvalidInput(format!("{option} requires a resource of type {kind}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_recognised_by_its_fixed_parts() {
        for (format, arn, expected) in [
            ("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b", true),
            ("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b/k", false),
            ("arn:${Partition}:s3:::${BucketName}/${ObjectName}", "arn:aws:s3:::b/k", true),
            ("arn:${Partition}:sqs:${Region}:${Account}:${QueueName}", "arn:aws:s3:::b", false),
        ] {
            assert_eq!(fits(format, arn), expected, "{format} {arn}");
        }
        assert_eq!(
            template("sqs:SendMessage", "arn:aws:sqs:x:1:q"),
            "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"
        );
        assert_eq!(template("nothing:AtAll", "x"), "*");
    }

    #[test]
    fn a_launch_needs_its_resources() {
        let arn = |kind: &str| format!("arn:aws:ec2:us-east-1:000000000000:{kind}/x");
        let mut resources: Vec<String> = ["instance", "image", "security-group"].map(arn).into();
        assert!(check_handling(Some("EC2-VPC-InstanceStore"), &resources).is_err());
        resources.push(arn("network-interface"));
        assert!(check_handling(Some("EC2-VPC-InstanceStore"), &resources).is_ok());
        assert!(check_handling(Some("EC2-Mars"), &resources).is_err());
        assert!(check_handling(None, &[]).is_ok());
    }
}
