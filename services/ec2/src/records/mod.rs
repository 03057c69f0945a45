//! What EC2 keeps in the store: one table a kind, by id, and the tags of all of them in one.
//!
//! A record holds the generated structure as clients see it (`Kept`), without its tags, and what clients do not see.

pub mod acls;
pub mod addresses;
pub mod all;
pub mod buying;
pub mod capacity;
pub mod endpoints;
pub mod fleets;
pub mod flow_logs;
pub mod gateways;
pub mod groups;
pub mod hosts;
pub mod images;
pub mod insights;
pub mod instances;
pub mod interfaces;
pub mod keys;
pub mod peerings;
pub mod prefix_lists;
pub mod recycle_bin;
pub mod root_replacements;
pub mod routes;
pub mod settings;
pub mod snapshot_states;
pub mod snapshots;
pub mod stored_images;
pub mod templates;
pub mod transfers;
pub mod transit;
pub mod usage;
pub mod volumes;
pub mod vpcs;
pub mod vpn;
pub mod zones;

use std::collections::BTreeMap;

use base::{AccountId, Region, Timestamp};
use serde::{Deserialize, Serialize};
use store::{Table, Versioned};

use crate::kind::Kind;
use crate::model::filter::Values;

pub type Place = (AccountId, Region);

/// Tags by the id of what has them.
pub const TAGS: Table<Place, TagsRecord> = Table::new("ec2.tags");

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TagsRecord {
    pub tags: BTreeMap<String, String>,
}

impl Versioned for TagsRecord {
    const VERSION: u16 = 1;
}

/// A kind of record that has an id, can be tagged and described.
pub trait Resource: Versioned + Clone + Send + Sync + 'static {
    const TABLE: Table<Place, Self>;
    const KIND: &'static Kind;

    /// The filters that its Describe operation knows, besides those of tags.
    const FILTERS: &'static [&'static str];

    fn id(&self) -> &str;

    /// What it answers one of them with; nothing for a name is not among them.
    fn filter(&self, name: &str) -> Values;

    /// What is shown of it for a while after it was deleted; nothing for kinds that are gone at once.
    fn deleted(&self) -> Option<Self> {
        None
    }
}

/// A resource that was deleted and is still shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoneRecord<R> {
    pub at: Timestamp,
    pub shown: R,
    pub tags: BTreeMap<String, String>,
}

impl<R: Versioned> Versioned for GoneRecord<R> {
    const VERSION: u16 = R::VERSION;
}

/// Those of a kind, as `transit-gateway/tgw-…`: kinds share the table.
pub const fn gone<R: Resource>() -> Table<Place, GoneRecord<R>> {
    Table::new("ec2.gone")
}
