//! Storage classes. What they change is what reading needs and what lifecycle rules may do next; the bytes lie on the
//! same disk.

use s3_api as api;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum StorageClass {
    #[default]
    Standard,
    ReducedRedundancy,
    StandardIa,
    OnezoneIa,
    IntelligentTiering,
    GlacierIr,
    Glacier,
    DeepArchive,
    ExpressOnezone,
    Outposts,
    Snow,
}

impl StorageClass {
    pub const ALL: &[StorageClass] = &[
        StorageClass::Standard,
        StorageClass::ReducedRedundancy,
        StorageClass::StandardIa,
        StorageClass::OnezoneIa,
        StorageClass::IntelligentTiering,
        StorageClass::GlacierIr,
        StorageClass::Glacier,
        StorageClass::DeepArchive,
        StorageClass::ExpressOnezone,
        StorageClass::Outposts,
        StorageClass::Snow,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            StorageClass::Standard => "STANDARD",
            StorageClass::ReducedRedundancy => "REDUCED_REDUNDANCY",
            StorageClass::StandardIa => "STANDARD_IA",
            StorageClass::OnezoneIa => "ONEZONE_IA",
            StorageClass::IntelligentTiering => "INTELLIGENT_TIERING",
            StorageClass::GlacierIr => "GLACIER_IR",
            StorageClass::Glacier => "GLACIER",
            StorageClass::DeepArchive => "DEEP_ARCHIVE",
            StorageClass::ExpressOnezone => "EXPRESS_ONEZONE",
            StorageClass::Outposts => "OUTPOSTS",
            StorageClass::Snow => "SNOW",
        }
    }

    pub fn parse(text: &str) -> Option<StorageClass> {
        StorageClass::ALL.iter().copied().find(|class| class.as_str() == text)
    }

    /// Objects of these have to be restored before they can be read.
    pub fn is_archive(self) -> bool {
        matches!(self, StorageClass::Glacier | StorageClass::DeepArchive)
    }

    /// As answers show it in lists.
    pub fn shown(self) -> api::ObjectStorageClass {
        api::ObjectStorageClass::from(self.as_str())
    }
}
