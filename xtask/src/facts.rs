//! `cargo xtask facts`: published facts about authorisation → `models/authorization/`.
//!
//! What AWS documents of its actions, resource types, condition keys and managed policies is republished by several
//! packages under permissive licences. Their data is taken, without prose, in a form that shows in a diff what a
//! refresh changes. `api/iam-facts` packs these files when it is built, so nothing there can be out of date.

mod operations;
mod policies;
mod services;
mod source;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;
use source::{Pin, Sources};

#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// A folder that holds the source distributions, unpacked; those of the pin that it lacks are downloaded into it.
    #[arg(long, value_name = "FOLDER")]
    sources: Option<PathBuf>,
    /// Write nothing; fail if a refresh would change something.
    #[arg(long)]
    check: bool,
}

/// Files to be, by path.
type Files = BTreeMap<PathBuf, String>;

/// The folders in `models/authorization/` where every file is made here.
const MADE_FOLDERS: [&str; 2] = ["services", "managed-policies"];

pub fn run(options: &Options) -> Result<()> {
    let root = workspace::root();
    let models = root.join("models");
    let out = models.join("authorization");
    let pin = Pin::read(&out)?;
    let folder = options.sources.clone().unwrap_or_else(|| root.join("target").join("facts"));
    let files = make(&Sources::open(&folder, &pin)?, &models)?;
    let stale = stale(&files, &out)?;
    if options.check { compare(&files, &stale) } else { write(&files, &stale) }
}

/// All files of `models/authorization/` that are made.
fn make(sources: &Sources, models: &Path) -> Result<Files> {
    let out = models.join("authorization");
    let mut files = Files::new();
    let services = services::import(sources)?;
    for service in &services {
        files.insert(out.join("services").join(format!("{}.json", service.prefix)), service.to_text());
    }
    for policy in policies::import(sources)? {
        let path = out.join("managed-policies").join(format!("{}.json", policy.resource()));
        let text = policy.to_text();
        if let Some(other) = files.insert(path.clone(), text) {
            bail!("{} is made twice, also as {other}", path.display());
        }
    }
    let operations = operations::import(sources, &services, models)?;
    files.insert(out.join("operations.json"), operations);
    Ok(files)
}

/// Reads a file of JSON.
fn read_json(path: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
}

/// Files in the made folders that nothing makes any more.
fn stale(files: &Files, out: &Path) -> Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    let mut open: Vec<PathBuf> = MADE_FOLDERS.iter().map(|folder| out.join(folder)).collect();
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if !files.contains_key(&path) {
                stale.push(path);
            }
        }
    }
    stale.sort();
    Ok(stale)
}

fn is_current(path: &Path, content: &str) -> bool {
    std::fs::read_to_string(path).is_ok_and(|current| current == content)
}

fn compare(files: &Files, stale: &[PathBuf]) -> Result<()> {
    let changed = files.iter().filter(|(path, content)| !is_current(path, content)).map(|(path, _)| path);
    let names: Vec<String> = changed.chain(stale).map(|path| path.display().to_string()).collect();
    if names.is_empty() {
        return Ok(());
    }
    bail!("a refresh changes these files; run `cargo xtask facts`:\n  {}", names.join("\n  "))
}

fn write(files: &Files, stale: &[PathBuf]) -> Result<()> {
    let mut written = 0;
    for (path, content) in files {
        // An unchanged file keeps its date, so that nothing is built again.
        if !is_current(path, content) {
            std::fs::create_dir_all(path.parent().expect("every file has a folder"))?;
            std::fs::write(path, content)?;
            written += 1;
        }
    }
    for path in stale {
        std::fs::remove_file(path)?;
    }
    println!("{} files made, {written} written, {} removed", files.len(), stale.len());
    Ok(())
}

#[cfg(test)]
mod tests;
