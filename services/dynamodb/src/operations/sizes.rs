//! How much is in the spaces of a table. The engine counts exactly, so unlike DynamoDB's, which are some hours old, these
//! numbers are those of the moment.

use table_engine::SpaceId;

use crate::DynamoDB;
use crate::directory::TableView;
use crate::model::description::{Size, Sizes};
use crate::records::TableRecord;

pub fn of_table(dynamodb: &DynamoDB, record: &TableRecord) -> Sizes {
    TableView::spaces(record).map(|space| (space, of_space(dynamodb, space))).collect()
}

/// Nothing where the space is not open, as of a table whose KMS key cannot be used.
pub fn of_space(dynamodb: &DynamoDB, space: u64) -> Size {
    let bytes = dynamodb.engine.space_bytes(SpaceId(space)).unwrap_or_default();
    let entries = dynamodb.engine.space_entries(SpaceId(space)).unwrap_or_default();
    Size { bytes, entries }
}
