//! The types of policies and what is said of each: quotas, the element a document begins with, AWS's own policy.
//!
//! Sources: the model's enumeration; "Quotas and service limits" and the syntax pages in the user guide.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::managed::{FULL_AWS_ACCESS, ManagedPolicy, RCP_FULL_AWS_ACCESS};

/// One type. Compared and ordered by its place in [`TYPES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyType(u8);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Limits permissions: every level must allow, and nothing is merged.
    Authorization,
    /// Sets values that the levels pass down and change.
    Management,
}

pub struct Facts {
    name: &'static str,
    /// As ARNs have it.
    slug: &'static str,
    pub family: Family,
    /// The largest document, in characters.
    pub chars_max: usize,
    /// Policies of this type that one root, OU or account may have attached.
    pub attached_max: usize,
    /// How many of them must be attached at least, everywhere, while the type is enabled.
    pub attached_min: usize,
    pub policies_max: u32,
    /// The only element at a document's top, where the syntax pages say which.
    pub top: Option<&'static str>,
    /// AWS's own policy, attached everywhere when the type is enabled.
    pub managed: Option<&'static ManagedPolicy>,
    /// The service that must have access before the type can be enabled.
    pub service: Option<&'static str>,
}

const fn authorization(
    name: &'static str,
    slug: &'static str,
    policies_max: u32,
    managed: &'static ManagedPolicy,
) -> Facts {
    Facts {
        name,
        slug,
        family: Family::Authorization,
        chars_max: 5_120,
        attached_max: 5,
        attached_min: 1,
        policies_max,
        top: None,
        managed: Some(managed),
        service: None,
    }
}

const fn management(name: &'static str, slug: &'static str, top: Option<&'static str>) -> Facts {
    Facts {
        name,
        slug,
        family: Family::Management,
        chars_max: 10_000,
        attached_max: 10,
        attached_min: 0,
        policies_max: 1_000,
        top,
        managed: None,
        service: None,
    }
}

static TYPES: [Facts; 15] = [
    authorization("SERVICE_CONTROL_POLICY", "service_control_policy", 10_000, &FULL_AWS_ACCESS),
    authorization("RESOURCE_CONTROL_POLICY", "resource_control_policy", 1_000, &RCP_FULL_AWS_ACCESS),
    management("TAG_POLICY", "tag_policy", Some("tags")),
    management("BACKUP_POLICY", "backup_policy", Some("plans")),
    Facts {
        chars_max: 2_500,
        attached_max: 5,
        ..management("AISERVICES_OPT_OUT_POLICY", "aiservices_opt_out_policy", Some("services"))
    },
    Facts { attached_max: 5, ..management("CHATBOT_POLICY", "chatbot_policy", Some("chatbot")) },
    management("DECLARATIVE_POLICY_EC2", "declarative_policy_ec2", Some("ec2_attributes")),
    Facts {
        service: Some("securityhub.amazonaws.com"),
        ..management("SECURITYHUB_POLICY", "securityhub_policy", Some("securityhub"))
    },
    management("SECURITYHUB_CSPM_POLICY", "securityhub_cspm_policy", None),
    management("INSPECTOR_POLICY", "inspector_policy", Some("inspector")),
    management("UPGRADE_ROLLOUT_POLICY", "upgrade_rollout_policy", Some("upgrade_rollout")),
    management("BEDROCK_POLICY", "bedrock_policy", Some("bedrock")),
    management("S3_POLICY", "s3_policy", Some("s3_attributes")),
    management("NETWORK_SECURITY_DIRECTOR_POLICY", "network_security_director_policy", None),
    management("GUARDDUTY_POLICY", "guardduty_policy", None),
];

impl PolicyType {
    pub const SERVICE_CONTROL: PolicyType = PolicyType(0);
    pub const RESOURCE_CONTROL: PolicyType = PolicyType(1);

    pub fn parse(name: &str) -> Option<PolicyType> {
        let place = TYPES.iter().position(|facts| facts.name == name)?;
        u8::try_from(place).ok().map(PolicyType)
    }

    pub fn all() -> impl Iterator<Item = PolicyType> {
        TYPES.iter().filter_map(|facts| PolicyType::parse(facts.name))
    }

    pub fn facts(self) -> &'static Facts {
        &TYPES[usize::from(self.0)]
    }

    /// `SERVICE_CONTROL_POLICY`
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// `service_control_policy`
    pub fn slug(self) -> &'static str {
        self.facts().slug
    }
}

impl Serialize for PolicyType {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for PolicyType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(from)?;
        PolicyType::parse(&name).ok_or_else(|| serde::de::Error::custom("no such policy type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_model_is_known_by_its_name() {
        assert_eq!(PolicyType::all().count(), TYPES.len());
        for kind in PolicyType::all() {
            assert!(!matches!(
                organizations_api::PolicyType::from(kind.name()),
                organizations_api::PolicyType::Unknown(_)
            ));
            assert_eq!(kind.slug(), kind.name().to_lowercase());
            assert_eq!(PolicyType::parse(kind.name()), Some(kind));
        }
        assert_eq!(PolicyType::SERVICE_CONTROL.name(), "SERVICE_CONTROL_POLICY");
        assert_eq!(PolicyType::RESOURCE_CONTROL.name(), "RESOURCE_CONTROL_POLICY");
        assert_eq!(PolicyType::parse("tag_policy"), None);
    }
}
