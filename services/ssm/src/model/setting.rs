//! The settings of the Parameter Store that an account has in a region.
//!
//! Reference: "Specifying a default parameter tier" and "Changing Parameter Store throughput" in the user guide.

use ssm_api::ParameterTier;

use crate::error::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    DefaultTier,
    HighThroughput,
}

impl Setting {
    /// Reads an id (`/ssm/parameter-store/default-parameter-tier`) or the ARN that ends with it.
    pub fn parse(text: &str) -> Result<Setting, Error> {
        let id = match text.split_once(":servicesetting/") {
            Some((before, id)) if before.starts_with("arn:") => id,
            _ => text.strip_prefix('/').unwrap_or_default(),
        };
        [Setting::DefaultTier, Setting::HighThroughput]
            .into_iter()
            .find(|setting| setting.id()[1..] == *id)
            .ok_or(Error::ServiceSettingNotFound)
    }

    pub fn id(self) -> &'static str {
        match self {
            Setting::DefaultTier => "/ssm/parameter-store/default-parameter-tier",
            Setting::HighThroughput => "/ssm/parameter-store/high-throughput-enabled",
        }
    }

    pub fn default_value(self) -> &'static str {
        match self {
            Setting::DefaultTier => "Standard",
            Setting::HighThroughput => "false",
        }
    }

    pub fn check(self, value: &str) -> Result<(), Error> {
        let is_good = match self {
            Setting::DefaultTier => !matches!(ParameterTier::from(value), ParameterTier::Unknown(_)),
            Setting::HighThroughput => matches!(value, "true" | "false"),
        };
        if is_good {
            return Ok(());
        }
        Err(Error::Validation(format!("Invalid value {value} for the service setting {}.", self.id())))
    }
}

/// What the id or ARN of any setting is after the account, for permissions.
pub fn resource(text: &str) -> String {
    let id = text.split_once(":servicesetting/").map_or(text, |(_, id)| id);
    format!("servicesetting/{}", id.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_known_by_id_and_arn() {
        let tier = "/ssm/parameter-store/default-parameter-tier";
        assert_eq!(Setting::parse(tier).unwrap(), Setting::DefaultTier);
        let arn = format!("arn:aws:ssm:us-east-1:000000000000:servicesetting{tier}");
        assert_eq!(Setting::parse(&arn).unwrap(), Setting::DefaultTier);
        assert_eq!(resource(&arn), format!("servicesetting{tier}"));
        for other in
            ["", "/ssm/managed-instance/activation-tier", "ssm/parameter-store/default-parameter-tier"]
        {
            assert!(Setting::parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn a_setting_takes_its_own_values() {
        for (setting, good, bad) in [
            (Setting::DefaultTier, &["Standard", "Advanced", "Intelligent-Tiering"][..], "standard"),
            (Setting::HighThroughput, &["true", "false"], "True"),
        ] {
            assert!(good.iter().all(|value| setting.check(value).is_ok()));
            assert!(setting.check(bad).is_err());
            setting.check(setting.default_value()).unwrap();
        }
    }
}
