//! The tables that a request of several parts names, each looked up once.

use std::collections::BTreeMap;
use std::sync::Arc;

use service::Call;

use crate::DynamoDB;
use crate::directory::TableView;
use crate::error::Error;

/// By what the request calls them.
pub type Tables = BTreeMap<String, Arc<TableView>>;

pub async fn tables_of(
    dynamodb: &DynamoDB,
    call: &Call,
    names: impl Iterator<Item = &String>,
) -> Result<Tables, Error> {
    let mut tables = Tables::new();
    for name in names {
        if !tables.contains_key(name) {
            tables.insert(name.clone(), dynamodb.directory.table(call, name).await?);
        }
    }
    Ok(tables)
}
