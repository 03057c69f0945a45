//! Images that accounts have made; those that this cloud brings along are in `model/images/catalogue.rs`.
//!
//! The snapshots of an image are those that its block device mappings name, the one at its root device's name that of
//! its root. They are snapshots like any other, which cannot be deleted as long as the image is there.

use base::AccountId;
use ec2_api::{Image, LaunchPermission};
use serde::{Deserialize, Serialize};
use service::{Call, Kept};
use store::{Select, Table, Tx, Versioned};

use super::instances::PlaceRecord;
use super::{Place, Resource};
use crate::error::Error;
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

/// Where accounts' images are, by their ids: ARNs of images name no account.
pub const IMAGE_PLACES: Table<(), PlaceRecord> = Table::new("ec2.image-places");

/// Where images are whose snapshots are still to be completed, by their ids.
pub const PENDING_IMAGES: Table<(), PlaceRecord> = Table::new("ec2.pending-images");

/// Archives that are still to be brought in, by their images' ids.
pub const IMPORTS: Table<(), ImportRecord> = Table::new("ec2.image-imports");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportRecord {
    /// Whoever registered the image: the archive is read with that identity.
    pub call: Call,
    /// `bucket/key`
    pub location: String,
}

impl Versioned for ImportRecord {
    const VERSION: u16 = 1;
}

/// What needs the files of archives that were brought in: images and instances, as `root/id`.
const ROOT_HOLDERS: Table<(), HolderRecord> = Table::new("ec2.root-holders");

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HolderRecord {}

impl Versioned for HolderRecord {
    const VERSION: u16 = 1;
}

/// The files are kept for this image or instance.
pub async fn hold(tx: &Tx, root: &str, id: &str) -> Result<(), Error> {
    Ok(ROOT_HOLDERS.put(tx, &(), &format!("{root}/{id}"), &HolderRecord {}).await?)
}

pub async fn let_go(tx: &Tx, root: &str, id: &str) -> Result<(), Error> {
    Ok(ROOT_HOLDERS.delete(tx, &(), &format!("{root}/{id}")).await?)
}

/// Whether any image or instance needs the files.
pub async fn is_held(tx: &Tx, root: &str) -> Result<bool, Error> {
    let prefix = format!("{root}/");
    Ok(!ROOT_HOLDERS.scan(tx, &(), Select::prefix(&prefix), 1).await?.records.is_empty())
}
