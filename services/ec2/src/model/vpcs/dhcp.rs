//! DHCP options: which there are, and how many values each takes (CreateDhcpOptions).

use std::net::{Ipv4Addr, Ipv6Addr};

use ec2_api::{AttributeValue, DhcpConfiguration, NewDhcpConfiguration};

use crate::error::Error;
use crate::error::codes::{INVALID_PARAMETER_VALUE, MISSING_PARAMETER};

const SERVERS_MAX: usize = 4;
const LEASE_SECONDS: std::ops::RangeInclusive<u32> = 140..=2_147_483_647;

/// The options of a request, as they are shown; lists with commas are taken apart.
pub fn parse(given: &[NewDhcpConfiguration]) -> Result<Vec<DhcpConfiguration>, Error> {
    if given.is_empty() {
        return Err(Error::new(
            &MISSING_PARAMETER,
            "The request must contain the parameter dhcpConfigurations",
        ));
    }
    let mut options: Vec<DhcpConfiguration> = Vec::with_capacity(given.len());
    for option in given {
        let key = option.key.as_deref().ok_or_else(|| Error::missing("dhcpConfiguration.key"))?;
        let values = option.values.as_deref().unwrap_or_default();
        let values: Vec<&str> = values.iter().flat_map(|value| value.split(',')).map(str::trim).collect();
        if values.is_empty() {
            return Err(Error::missing("dhcpConfiguration.value"));
        }
        if options.iter().any(|earlier| earlier.key.as_deref() == Some(key)) {
            let message = format!("Duplicate DHCP option '{key}'");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
        check(key, &values)?;
        let value = |value: &&str| AttributeValue { value: Some((*value).to_owned()) };
        options.push(DhcpConfiguration {
            key: Some(key.to_owned()),
            values: Some(values.iter().map(value).collect()),
        });
    }
    Ok(options)
}

fn check(key: &str, values: &[&str]) -> Result<(), Error> {
    let is_address = |value: &&str| value.parse::<Ipv4Addr>().is_ok();
    let good = match key {
        "domain-name-servers" => {
            let one = |value: &&str| {
                *value == "AmazonProvidedDNS" || is_address(value) || value.parse::<Ipv6Addr>().is_ok()
            };
            values.len() <= SERVERS_MAX && values.iter().all(one)
        }
        "domain-name" => values.len() == 1 && !values[0].is_empty(),
        "ntp-servers" => {
            let one = |value: &&str| is_address(value) || value.parse::<Ipv6Addr>().is_ok();
            values.len() <= SERVERS_MAX && values.iter().all(one)
        }
        "netbios-name-servers" => values.len() <= SERVERS_MAX && values.iter().all(is_address),
        "netbios-node-type" => matches!(values, ["1" | "2" | "4" | "8"]),
        "ipv6-address-preferred-lease-time" => match values {
            [one] => one.parse().is_ok_and(|seconds: u32| LEASE_SECONDS.contains(&seconds)),
            _ => false,
        },
        _ => {
            let message = format!("Value ({key}) for parameter dhcpOption is invalid. Unknown DHCP option");
            return Err(Error::new(&INVALID_PARAMETER_VALUE, message));
        }
    };
    match good {
        true => Ok(()),
        false => Err(Error::invalid_value(values.join(","), key, "Invalid DHCP option value.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_looked_over() {
        for (key, values, good) in [
            ("domain-name-servers", &["10.0.0.2,10.0.0.3"][..], true),
            ("domain-name-servers", &["AmazonProvidedDNS"], true),
            ("domain-name-servers", &["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5"], false),
            ("domain-name-servers", &["dns.example.com"], false),
            ("domain-name", &["example.com"], true),
            ("domain-name", &["a", "b"], false),
            ("ntp-servers", &["169.254.169.123"], true),
            ("netbios-node-type", &["2"], true),
            ("netbios-node-type", &["3"], false),
            ("ipv6-address-preferred-lease-time", &["139"], false),
            ("routers", &["10.0.0.1"], false),
            ("domain-name", &[], false),
        ] {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            let given = NewDhcpConfiguration { key: Some(key.to_owned()), values: Some(values) };
            assert_eq!(parse(std::slice::from_ref(&given)).is_ok(), good, "{given:?}");
        }
    }
}
