//! Launch templates, their versions, and placement groups.

use ec2_api::{LaunchTemplate, LaunchTemplateVersion, PlacementGroup};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::keys::NamedRecord;
use super::{Place, Resource};
use crate::kind::{Kind, LAUNCH_TEMPLATE, PLACEMENT_GROUP};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateRecord {
    pub shown: Kept<LaunchTemplate>,
}

impl Versioned for TemplateRecord {
    const VERSION: u16 = 1;
}

impl TemplateRecord {
    pub fn name(&self) -> &str {
        self.shown.launch_template_name.as_deref().unwrap_or_default()
    }

    pub fn default_version(&self) -> i64 {
        self.shown.default_version_number.unwrap_or(1)
    }

    pub fn latest_version(&self) -> i64 {
        self.shown.latest_version_number.unwrap_or(1)
    }
}

impl Resource for TemplateRecord {
    const TABLE: Table<Place, TemplateRecord> = Table::new("ec2.launch-templates");
    const KIND: &'static Kind = &LAUNCH_TEMPLATE;
    const FILTERS: &'static [&'static str] = &["create-time", "launch-template-name"];

    fn id(&self) -> &str {
        self.shown.launch_template_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "create-time" => maybe(self.shown.create_time.map(|at| at.to_iso8601())),
            "launch-template-name" => maybe(self.shown.launch_template_name.as_ref()),
            _ => None,
        }
    }
}

/// Ids of launch templates by their names.
pub const TEMPLATE_NAMES: Table<Place, NamedRecord> = Table::new("ec2.launch-template-names");

/// By `lt-…/` and the number, written so that versions are in order.
pub const TEMPLATE_VERSIONS: Table<Place, VersionRecord> = Table::new("ec2.launch-template-versions");

/// A version never changes. Which one is the default, the template says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionRecord {
    pub shown: Kept<LaunchTemplateVersion>,
}

impl Versioned for VersionRecord {
    const VERSION: u16 = 1;
}

impl VersionRecord {
    pub fn number(&self) -> i64 {
        self.shown.version_number.unwrap_or(1)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlacementGroupRecord {
    pub shown: Kept<PlacementGroup>,
}

impl Versioned for PlacementGroupRecord {
    const VERSION: u16 = 1;
}

impl PlacementGroupRecord {
    pub fn name(&self) -> &str {
        self.shown.group_name.as_deref().unwrap_or_default()
    }
}

impl Resource for PlacementGroupRecord {
    const TABLE: Table<Place, PlacementGroupRecord> = Table::new("ec2.placement-groups");
    const KIND: &'static Kind = &PLACEMENT_GROUP;
    const FILTERS: &'static [&'static str] =
        &["group-name", "group-arn", "spread-level", "state", "strategy"];

    fn id(&self) -> &str {
        self.shown.group_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "group-name" => maybe(self.shown.group_name.as_ref()),
            "group-arn" => maybe(self.shown.group_arn.as_ref()),
            "spread-level" => maybe(self.shown.spread_level.as_ref()),
            "state" => maybe(self.shown.state.as_ref()),
            "strategy" => maybe(self.shown.strategy.as_ref()),
            _ => None,
        }
    }
}
