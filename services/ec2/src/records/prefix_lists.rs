//! Managed prefix lists: sets of ranges that rules and routes name by one id, with all their versions.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{Kind, PREFIX_LIST};
use crate::model::filter::{Values, maybe};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrefixListRecord {
    pub list: Kept<ec2_api::ManagedPrefixList>,
    /// Every version's entries: ranges with their descriptions.
    pub versions: BTreeMap<i64, BTreeMap<IpNet, Option<String>>>,
}

impl Versioned for PrefixListRecord {
    const VERSION: u16 = 1;
}

impl PrefixListRecord {
    pub fn version(&self) -> i64 {
        self.list.version.unwrap_or(1)
    }

    pub fn entries_max(&self) -> usize {
        usize::try_from(self.list.max_entries.unwrap_or_default()).unwrap_or_default()
    }

    /// What is in it now.
    pub fn ranges(&self) -> Vec<IpNet> {
        let entries = self.versions.get(&self.version());
        entries.into_iter().flatten().map(|(range, _)| *range).collect()
    }
}

impl Resource for PrefixListRecord {
    const TABLE: Table<Place, PrefixListRecord> = Table::new("ec2.prefix-lists");
    const KIND: &'static Kind = &PREFIX_LIST;
    const FILTERS: &'static [&'static str] = &["owner-id", "prefix-list-id", "prefix-list-name"];

    fn id(&self) -> &str {
        self.list.prefix_list_id.as_deref().unwrap_or_default()
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "owner-id" => maybe(self.list.owner_id.as_deref()),
            "prefix-list-id" => maybe(self.list.prefix_list_id.as_deref()),
            "prefix-list-name" => maybe(self.list.prefix_list_name.as_deref()),
            _ => None,
        }
    }
}
