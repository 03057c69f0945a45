//! Which tier a parameter is in, and how many there may be.
//!
//! Reference: "Managing parameter tiers" in the user guide.

use serde::{Deserialize, Serialize};
use ssm_api::ParameterTier;

use super::value::needs_advanced;
use crate::error::Error;
use crate::limits::{
    ADVANCED_PARAMETERS_MAX, ADVANCED_VALUE_BYTES_MAX, STANDARD_PARAMETERS_MAX, STANDARD_VALUE_BYTES_MAX,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    Standard,
    Advanced,
}

impl From<Tier> for ParameterTier {
    fn from(tier: Tier) -> ParameterTier {
        match tier {
            Tier::Standard => ParameterTier::Standard,
            Tier::Advanced => ParameterTier::Advanced,
        }
    }
}

/// How many parameters of each tier an account has in a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub standard: u64,
    pub advanced: u64,
}

impl Counts {
    pub fn of(&mut self, tier: Tier) -> &mut u64 {
        match tier {
            Tier::Standard => &mut self.standard,
            Tier::Advanced => &mut self.advanced,
        }
    }

    /// Counts a parameter that is new, or comes from another tier.
    pub fn move_in(&mut self, from: Option<Tier>, to: Tier) -> Result<(), Error> {
        if from == Some(to) {
            return Ok(());
        }
        if let Some(from) = from {
            self.move_out(from);
        }
        let (count, max, message) = match to {
            Tier::Standard => (&mut self.standard, STANDARD_PARAMETERS_MAX, STANDARD_FULL),
            Tier::Advanced => (&mut self.advanced, ADVANCED_PARAMETERS_MAX, ADVANCED_FULL),
        };
        if *count >= max {
            return Err(Error::ParameterLimitExceeded(message.to_owned()));
        }
        *count += 1;
        Ok(())
    }

    pub fn move_out(&mut self, tier: Tier) {
        let count = self.of(tier);
        *count = count.saturating_sub(1);
    }
}

const STANDARD_FULL: &str = "You have reached the maximum number of standard parameters for this AWS account and \
     Region (10000). To add more parameters, either delete existing parameters or upgrade to the advanced-parameter \
     tier (charges apply).";
const ADVANCED_FULL: &str = "You have reached the maximum number of advanced parameters for this AWS account and \
     Region (100000). To add more parameters, delete existing parameters.";
const TOO_LARGE_FOR_STANDARD: &str = "Standard tier parameters support a maximum parameter value of 4096 characters. \
     To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more \
     information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html";
const TOO_LARGE: &str = "Advanced tier parameters support a maximum parameter value of 8192 characters.";
const NO_DOWNGRADE: &str = "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from \
     the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter \
     and recreate it as a standard parameter.";
const NO_POLICIES: &str =
    "Parameter policies are only supported for parameters in the advanced-parameter tier.";

/// What decides about the tier.
pub struct Wish<'a> {
    pub requested: Option<&'a ParameterTier>,
    /// What holds where a request names no tier.
    pub default: &'a ParameterTier,
    pub existing: Option<Tier>,
    pub value_bytes: usize,
    pub data_type: &'a str,
    pub has_policies: bool,
    pub counts: Counts,
}

impl Wish<'_> {
    pub fn decide(&self) -> Result<Tier, Error> {
        let tier = match (self.requested, self.existing) {
            (Some(ParameterTier::Standard), Some(Tier::Advanced)) => {
                return Err(Error::Validation(NO_DOWNGRADE.to_owned()));
            }
            (_, Some(Tier::Advanced)) => Tier::Advanced,
            (requested, existing) => match requested.unwrap_or(self.default) {
                ParameterTier::Advanced => Tier::Advanced,
                ParameterTier::IntelligentTiering if self.wants_advanced(existing) => Tier::Advanced,
                _ => Tier::Standard,
            },
        };
        match tier {
            Tier::Standard if self.value_bytes > STANDARD_VALUE_BYTES_MAX => {
                Err(Error::Validation(TOO_LARGE_FOR_STANDARD.to_owned()))
            }
            Tier::Standard if self.has_policies => Err(Error::Validation(NO_POLICIES.to_owned())),
            Tier::Standard if needs_advanced(self.data_type) => {
                let data_type = self.data_type;
                let message =
                    format!("The data type {data_type} is only supported in the advanced-parameter tier.");
                Err(Error::Validation(message))
            }
            Tier::Advanced if self.value_bytes > ADVANCED_VALUE_BYTES_MAX => {
                Err(Error::Validation(TOO_LARGE.to_owned()))
            }
            tier => Ok(tier),
        }
    }

    fn wants_advanced(&self, existing: Option<Tier>) -> bool {
        self.value_bytes > STANDARD_VALUE_BYTES_MAX
            || self.has_policies
            || needs_advanced(self.data_type)
            || (existing.is_none() && self.counts.standard >= STANDARD_PARAMETERS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ParameterTier::{Advanced, IntelligentTiering, Standard};

    fn wish<'a>(requested: Option<&'a ParameterTier>, default: &'a ParameterTier) -> Wish<'a> {
        let counts = Counts::default();
        Wish {
            requested,
            default,
            existing: None,
            value_bytes: 1,
            data_type: "text",
            has_policies: false,
            counts,
        }
    }

    #[test]
    fn a_tier_follows_from_the_request_the_default_and_the_need() {
        let tier = |wish: Wish<'_>| wish.decide().ok();
        assert_eq!(tier(wish(None, &Standard)), Some(Tier::Standard));
        assert_eq!(tier(wish(None, &Advanced)), Some(Tier::Advanced));
        assert_eq!(tier(wish(Some(&Standard), &Advanced)), Some(Tier::Standard));
        assert_eq!(tier(wish(None, &IntelligentTiering)), Some(Tier::Standard));
        let clever = || wish(Some(&IntelligentTiering), &Standard);
        assert_eq!(tier(Wish { value_bytes: 4097, ..clever() }), Some(Tier::Advanced));
        assert_eq!(tier(Wish { has_policies: true, ..clever() }), Some(Tier::Advanced));
        assert_eq!(tier(Wish { data_type: "json", ..clever() }), Some(Tier::Advanced));
        let full = Counts { standard: STANDARD_PARAMETERS_MAX, advanced: 0 };
        assert_eq!(tier(Wish { counts: full, ..clever() }), Some(Tier::Advanced));
        assert_eq!(
            tier(Wish { counts: full, existing: Some(Tier::Standard), ..clever() }),
            Some(Tier::Standard)
        );
    }

    #[test]
    fn there_is_no_way_back_from_the_advanced_tier() {
        let advanced =
            |requested| Wish { existing: Some(Tier::Advanced), ..wish(requested, &Standard) }.decide();
        assert_eq!(advanced(None).ok(), Some(Tier::Advanced));
        assert_eq!(advanced(Some(&IntelligentTiering)).ok(), Some(Tier::Advanced));
        assert!(advanced(Some(&Standard)).is_err());
    }

    #[test]
    fn the_tiers_hold_values_of_their_size() {
        for (requested, bytes, fits) in [
            (&Standard, 4096, true),
            (&Standard, 4097, false),
            (&Advanced, 8192, true),
            (&Advanced, 8193, false),
        ] {
            let wish = Wish { value_bytes: bytes, ..wish(Some(requested), &Standard) };
            assert_eq!(wish.decide().is_ok(), fits, "{requested} {bytes}");
        }
        assert!(Wish { has_policies: true, ..wish(None, &Standard) }.decide().is_err());
        assert!(Wish { data_type: "url", ..wish(None, &Standard) }.decide().is_err());
    }

    #[test]
    fn each_tier_is_counted_and_full_at_its_quota() {
        let mut counts = Counts { standard: STANDARD_PARAMETERS_MAX - 1, advanced: 0 };
        counts.move_in(None, Tier::Standard).unwrap();
        assert!(counts.move_in(None, Tier::Standard).is_err());
        counts.move_in(Some(Tier::Standard), Tier::Standard).unwrap();
        counts.move_in(Some(Tier::Standard), Tier::Advanced).unwrap();
        assert_eq!(counts, Counts { standard: STANDARD_PARAMETERS_MAX - 1, advanced: 1 });
        counts.move_out(Tier::Advanced);
        assert_eq!(counts.advanced, 0);
    }
}
