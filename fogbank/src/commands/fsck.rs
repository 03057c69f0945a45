//! `fogbank fsck`: reads everything that a stopped cloud keeps of objects, tables and snapshots, and says what is damaged,
//! missing or left over.
//!
//! It fails if an object, a table, a volume or a snapshot is damaged or missing, or an index does not agree with its
//! table, so that scripts notice. `--repair` gives back the room of what nobody refers to, and changes nothing else: what is damaged stays as it
//! is, for those who have a copy elsewhere.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use base::Ids;
use indicatif::{ProgressBar, ProgressStyle};
use object_engine::ObjectEngine;
use s3::{FsckReport, fsck};
use store::Store;

use super::{fsck_disks as disks, fsck_tables as tables};
use crate::environment::Environment;
use crate::folder::Folder;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The data folder [default: fogbank in the XDG data home]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Free what nobody refers to
    #[arg(long)]
    repair: bool,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let path = arguments.data.clone().unwrap_or_else(|| environment.default_folder());
    if !path.join("store").is_dir() {
        bail!("there is no cloud in {}; name its data folder with --data", path.display());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("the asynchronous runtime did not start")?;
    let (report, tables, disks) = runtime.block_on(check(&path, arguments.repair, environment))?;
    let mut text = print(&report);
    text.push_str(&tables.as_ref().map_or_else(String::new, tables::print));
    text.push_str(&disks.as_ref().map_or_else(String::new, disks::print));
    let tables_clean = tables.is_none_or(|tables| tables.is_clean());
    let disks_clean = disks.is_none_or(|disks| disks.is_clean());
    let parts =
        [("objects", report.is_clean()), ("tables", tables_clean), ("volumes or snapshots", disks_clean)];
    match parts.into_iter().find(|(_, is_clean)| !is_clean) {
        None => Ok(text),
        Some((what, _)) => Err(anyhow!("{what} are damaged\n{text}")),
    }
}

async fn check(
    path: &std::path::Path,
    repair: bool,
    environment: &Environment,
) -> anyhow::Result<(FsckReport, Option<tables::Checked>, Option<disks::Checked>)> {
    let folder = Folder::open(path)?;
    let (store_room, object_room) = (folder.room("store")?, folder.room("objects")?);
    let store = Store::embedded(&store_room, store::Options::default())
        .with_context(|| format!("the store in {} cannot be opened", store_room.display()))?;
    let engine = ObjectEngine::open(&object_room, Ids::system(), object_engine::Options::default())
        .with_context(|| format!("the objects in {} cannot be opened", object_room.display()))?;
    let bar = ProgressBar::new(engine.usage().live_bytes);
    bar.set_style(
        ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {msg}")
            .context("the progress bar is well formed")?,
    );
    bar.enable_steady_tick(Duration::from_millis(200));
    let checked = fsck(&store, &engine, repair, |seen| {
        bar.set_position(seen.bytes);
        if seen.records % 1000 == 0 {
            bar.set_message(format!("{} versions and parts", seen.records));
        }
    })
    .await;
    bar.finish_and_clear();
    let report = checked.map_err(|fault| match fault.cause() {
        Some(cause) => anyhow!("the check could not be finished: {cause}"),
        None => anyhow!("the check could not be finished: {fault}"),
    })?;
    engine.shut_down().await.context("the objects could not be closed")?;
    let tables = tables::check(&folder, &store, environment).await?;
    let disks = disks::check(&folder, &store, environment, repair).await?;
    store.close().await;
    Ok((report, tables, disks))
}

fn print(report: &FsckReport) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        writeln!(text, "damaged: {}: {}", finding.object, finding.damage).expect("text takes it");
    }
    let unnamed = report.rotten + report.missing - report.findings.len() as u64;
    if unnamed > 0 {
        writeln!(text, "damaged: {unnamed} more").expect("text takes it");
    }
    let FsckReport { seen, rotten, missing, orphans, orphan_bytes, repaired, .. } = report;
    let then = if *repaired { "freed" } else { "left; --repair frees them" };
    writeln!(
        text,
        "{} versions and parts of objects, {} bytes\n{rotten} rotten, {missing} missing\n{orphans} pieces that nobody \
         refers to, {orphan_bytes} bytes: {}",
        seen.records,
        seen.bytes,
        if *orphans == 0 { "none to free" } else { then },
    )
    .expect("text takes it");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_cloud_is_clean_and_no_cloud_is_no_empty_one() {
        let temp = tempfile::tempdir().unwrap();
        let arguments = Arguments { data: Some(temp.path().to_owned()), repair: false };
        let environment = Environment::read();
        let error = run(&arguments, &environment).unwrap_err().to_string();
        assert!(error.contains("there is no cloud in"), "{error}");
        std::fs::create_dir(temp.path().join("store")).unwrap();
        let text = run(&arguments, &environment).unwrap();
        assert_eq!(
            text,
            "0 versions and parts of objects, 0 bytes\n0 rotten, 0 missing\n0 pieces that nobody refers to, 0 bytes: \
             none to free\n"
        );
    }
}
