//! Whether a zone can take instances: one that is down cannot, and says what AWS says when it is full.

use base::{Region, Timestamp};
use std::collections::BTreeMap;

use crate::error::Error;
use crate::error::codes::INSUFFICIENT_INSTANCE_CAPACITY;
use crate::model::vpcs::zones;

/// Refuses a launch into a zone that is down.
pub fn for_launch(
    region: Region,
    down: &BTreeMap<String, Timestamp>,
    zone: &str,
    instance_type: &str,
) -> Result<(), Error> {
    if !down.contains_key(zone) {
        return Ok(());
    }
    let others: Vec<String> =
        zones::names(region).into_iter().filter(|other| !down.contains_key(other)).collect();
    let elsewhere = match others.is_empty() {
        true => String::new(),
        false => format!(
            " You can currently get {instance_type} capacity by not specifying an Availability Zone in your request or choosing {}.",
            others.join(", ")
        ),
    };
    let message = format!(
        "We currently do not have sufficient {instance_type} capacity in the Availability Zone you requested ({zone}). Our system will be working on provisioning additional capacity.{elsewhere}"
    );
    Err(Error::new(&INSUFFICIENT_INSTANCE_CAPACITY, message))
}

/// Refuses to start a stopped instance of a zone that is down: it cannot go elsewhere.
pub fn for_start(down: &BTreeMap<String, Timestamp>, zone: &str) -> Result<(), Error> {
    match down.contains_key(zone) {
        true => Err(Error::new(&INSUFFICIENT_INSTANCE_CAPACITY, "Insufficient capacity.")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_down_names_those_that_are_not() {
        let down = BTreeMap::from([("us-west-1a".to_owned(), Timestamp::from_secs(1))]);
        let region = Region::parse("us-west-1").expect("a region");
        assert!(for_launch(region, &down, "us-west-1c", "t3.micro").is_ok());
        let refused =
            for_launch(region, &down, "us-west-1a", "t3.micro").expect_err("it is down").to_string();
        assert!(
            refused.starts_with("InsufficientInstanceCapacity: We currently do not have sufficient t3.micro")
        );
        assert!(refused.ends_with("in your request or choosing us-west-1c."), "{refused}");
        assert!(for_start(&down, "us-west-1a").is_err() && for_start(&down, "us-west-1c").is_ok());
    }
}
