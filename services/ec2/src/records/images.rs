//! Images that accounts have made; those that this cloud brings along are in `model/images/catalogue.rs`.

use base::AccountId;
use ec2_api::{Image, LaunchPermission};
use serde::{Deserialize, Serialize};
use service::Kept;
use store::{Table, Versioned};

use super::{Place, Resource};
use crate::kind::{IMAGE, Kind};
use crate::model::filter::Values;
use crate::model::images::{self, Root};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    pub id: String,
    pub shown: Kept<Image>,
    pub root: Root,
    pub launch_permissions: Vec<Kept<LaunchPermission>>,
    pub uefi_data: Option<String>,
}

impl Versioned for ImageRecord {
    const VERSION: u16 = 1;
}

impl ImageRecord {
    pub fn permissions(&self) -> Vec<LaunchPermission> {
        self.launch_permissions.iter().map(|permission| permission.0.clone()).collect()
    }
}

impl Resource for ImageRecord {
    const TABLE: Table<Place, ImageRecord> = Table::new("ec2.images");
    const KIND: &'static Kind = &IMAGE;
    const FILTERS: &'static [&'static str] = images::FILTERS;

    fn id(&self) -> &str {
        &self.id
    }

    fn filter(&self, name: &str) -> Values {
        images::value(&self.shown, name)
    }
}

/// Whose an image is that others may launch from too: by region and id (`us-east-1/ami-…`).
pub const SHARED_IMAGES: Table<(), SharedRecord> = Table::new("ec2.shared-images");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedRecord {
    pub owner: AccountId,
}

impl Versioned for SharedRecord {
    const VERSION: u16 = 1;
}
