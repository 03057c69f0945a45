//! The part of `fogbank fsck` that looks at tables: every byte of the engine, and that every index agrees with its table.

use std::fmt::Write;

use anyhow::{Context, anyhow};
use base::{Clock, Ids};
use dynamodb::{DynamoDB, DynamoDBParts, FsckReport, HeldTo};
use service::{Aws, PageTokens};
use store::Store;
use table_engine::{Settings, TableEngine, Verified};

use crate::config::Config;
use crate::environment::Environment;
use crate::folder::Folder;
use crate::master_key::{self, Seals};

/// What was found.
pub struct Checked {
    engine: Verified,
    /// None without the master key, which opens the tables' keys.
    indexes: Option<FsckReport>,
}

impl Checked {
    pub fn is_clean(&self) -> bool {
        self.engine.damages_found == 0 && self.indexes.as_ref().is_none_or(FsckReport::is_clean)
    }
}

/// Nothing where this cloud never had a table.
pub async fn check(
    folder: &Folder,
    store: &Store,
    environment: &Environment,
) -> anyhow::Result<Option<Checked>> {
    let room = folder.path().join("tables");
    if !room.is_dir() {
        return Ok(None);
    }
    let engine = TableEngine::open(&room, Settings::default());
    let engine =
        engine.await.with_context(|| format!("the tables in {} cannot be opened", room.display()))?;
    if engine.spaces().is_empty() {
        return Ok(None);
    }
    let ids = Ids::system();
    let indexes = match master_key::open(store, Some(folder), &Config::default(), environment, &ids).await {
        Ok(seals) => {
            let dynamodb = dynamodb(folder, store, &engine, seals, ids)?;
            let report = dynamodb.fsck(|_| {}).await;
            Some(report.map_err(|fault| anyhow!("the check of tables could not be finished: {fault}"))?)
        }
        Err(error) => {
            tracing::warn!(%error, "indexes are not compared with their tables");
            None
        }
    };
    // After the spaces were opened, so that every value is.
    let verified = engine.verify().await.context("the tables cannot be read")?;
    Ok(Some(Checked { engine: verified, indexes }))
}

/// The service alone, without its background work.
fn dynamodb(
    folder: &Folder,
    store: &Store,
    engine: &TableEngine,
    seals: Seals,
    ids: Ids,
) -> anyhow::Result<std::sync::Arc<DynamoDB>> {
    let clock = Clock::system(folder.clock_ahead()?);
    Ok(DynamoDB::new(DynamoDBParts {
        store: store.clone(),
        engine: engine.clone(),
        vault: seals.vault,
        pages: PageTokens::new(seals.sealing),
        clock,
        ids,
        aws: Aws::default(),
        held_to: HeldTo::default(),
    }))
}

pub fn print(checked: &Checked) -> String {
    let mut text = String::new();
    let Checked { engine, indexes } = checked;
    for damage in &engine.damages {
        writeln!(text, "damaged: {damage}").expect("text takes it");
    }
    writeln!(
        text,
        "{} spaces of tables, {} entries, {} bytes, {} damaged",
        engine.spaces, engine.entries, engine.bytes, engine.damages_found
    )
    .expect("text takes it");
    let Some(report) = indexes else {
        writeln!(text, "indexes were not compared with their tables: there is no master key")
            .expect("text takes it");
        return text;
    };
    for finding in &report.findings {
        writeln!(text, "disagrees: {finding}").expect("text takes it");
    }
    for closed in &report.closed {
        writeln!(text, "not compared, since its KMS key is not at hand: {closed}").expect("text takes it");
    }
    let FsckReport { tables, items, entries, damages, .. } = report;
    writeln!(text, "{tables} tables, {items} items, {entries} entries of indexes, {damages} that disagree")
        .expect("text takes it");
    text
}
