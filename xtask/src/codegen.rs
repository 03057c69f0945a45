//! `cargo xtask codegen`: botocore → `models/` → `api/`: a crate for each service that is implemented, and the catalog
//! of all that are modelled.
//!
//! Everything is made in memory first and then either written or, with `--check`, compared. Files that nothing
//! makes any more are removed from the generated crates.

mod emit_catalog;
mod emit_service;
mod emit_shapes;
mod emit_types;
mod facts;
mod import;
mod merge;
mod names;
mod pin;
mod plan;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;
use facts::Facts;
pub use pin::Pin;
use plan::Plan;

/// A file of types longer than this is split by first letter.
const TYPES_BYTES_MAX: usize = 400_000;

#[derive(Debug, Default, clap::Args)]
pub struct Options {
    /// An unpacked botocore source distribution; without it the pinned one is downloaded.
    #[arg(long, value_name = "FOLDER", conflicts_with = "from_models")]
    botocore: Option<PathBuf>,
    /// Leave models/ as it is and only write api/ from it.
    #[arg(long)]
    from_models: bool,
    /// Write nothing; fail if a refresh would change something.
    #[arg(long)]
    check: bool,
    /// Generate this service instead of those in models/PIN.toml.
    #[arg(long, value_name = "SERVICE")]
    only: Vec<String>,
    /// Generate all operations of the giants too, to measure what that costs.
    #[arg(long)]
    all_operations: bool,
    /// Write the crates here instead of api/.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Files to be, by path.
type Files = BTreeMap<PathBuf, String>;

pub fn run(options: &Options) -> Result<()> {
    let root = workspace::root();
    let models = root.join("models");
    let pin = Pin::read(&models)?;
    let mut files = Files::new();
    if !options.from_models {
        let folder = match &options.botocore {
            Some(folder) => folder.clone(),
            None => source::download(&pin.botocore)?,
        };
        source::check_version(&folder, &pin.botocore)?;
        for service in &pin.services {
            let facts = import::import(service, &source::read(&folder, service)?)?;
            files.insert(models.join(format!("{service}.json")), facts.to_text()?);
        }
    }
    let services = if options.only.is_empty() { &pin.generate } else { &options.only };
    let out = options.out.clone().unwrap_or_else(|| root.join("api"));
    let mut crates: Vec<&str> = Vec::new();
    let mut catalog = Vec::new();
    for service in &pin.services {
        let is_chosen = services.contains(service);
        if !is_chosen && !options.only.is_empty() {
            continue;
        }
        let path = models.join(format!("{service}.json"));
        let text = match files.get(&path) {
            Some(text) => text.clone(),
            None => {
                std::fs::read_to_string(&path).with_context(|| format!("there is no {}", path.display()))?
            }
        };
        let facts = corrected(&text, &models, service)?;
        catalog.push(emit_catalog::Entry::new(&facts)?);
        if !is_chosen {
            continue;
        }
        crates.push(service);
        let chosen = if options.all_operations { None } else { pin.chosen(service, &models)? };
        let folder = out.join(format!("{service}-api"));
        for (name, content) in generate(&facts, chosen.as_deref()).with_context(|| service.clone())? {
            files.insert(folder.join(name), content);
        }
    }
    if let Some(unknown) = services.iter().find(|service| !crates.contains(&service.as_str())) {
        bail!("models/PIN.toml has no service {unknown}");
    }
    if options.only.is_empty() {
        crates.push(emit_catalog::NAME);
        let folder = out.join(format!("{}-api", emit_catalog::NAME));
        files.insert(folder.join("Cargo.toml"), emit_service::manifest(emit_catalog::NAME, &["schema"]));
        files.insert(folder.join("src").join("lib.rs"), emit_catalog::lib(&catalog));
    }
    let stale = stale(&files, &out, &crates)?;
    if options.check { compare(&files, &stale) } else { write(&files, &stale) }
}

/// Writes `api/` from `models/` as they are.
pub fn generate_from_models() -> Result<()> {
    run(&Options { from_models: true, ..Options::default() })
}

/// The operations of every service in `models/`, by the service's name.
pub fn modelled_operations() -> Result<BTreeMap<String, Vec<String>>> {
    let models = workspace::root().join("models");
    let mut all = BTreeMap::new();
    for service in Pin::read(&models)?.services {
        let path = models.join(format!("{service}.json"));
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("there is no {}", path.display()))?;
        let value: Value = serde_json::from_str(&text)?;
        let operations = value["operations"].as_object().context("operations")?;
        all.insert(service, operations.keys().cloned().collect());
    }
    Ok(all)
}

/// The facts with our corrections laid over.
fn corrected(text: &str, models: &Path, service: &str) -> Result<Facts> {
    let mut value: Value = serde_json::from_str(text)?;
    let path = models.join("corrections").join(format!("{service}.json"));
    if path.is_file() {
        let mut correction: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)
            .with_context(|| format!("{} is no JSON", path.display()))?;
        correction.as_object_mut().context("corrections are an object")?.shift_remove("why");
        merge::merge(&mut value, correction);
    }
    Facts::from_value(value).with_context(|| format!("{service} with its corrections"))
}

/// The files of one service's crate, by their path inside it.
fn generate(facts: &Facts, chosen: Option<&[String]>) -> Result<Files> {
    let plan = Plan::new(facts, chosen)?;
    let header = format!(
        "// @generated by cargo xtask codegen from models/{}.json; do not edit.\n\n",
        facts.service.name
    );
    let mut files = Files::new();
    files.insert(
        "Cargo.toml".into(),
        emit_service::manifest(&facts.service.name, &["base", "bytes", "schema"]),
    );
    let mut add = |name: String, code: String| -> Result<()> {
        let formatted = workspace::format(&code).with_context(|| format!("formatting {name}"))?;
        files.insert(Path::new("src").join(name), formatted);
        Ok(())
    };
    add("lib.rs".into(), emit_service::lib(&plan, &header)?)?;
    add("errors.rs".into(), emit_service::errors(facts, &header)?)?;
    add("operations.rs".into(), emit_service::operations(&plan, &header)?)?;
    add("shapes.rs".into(), emit_shapes::emit(&plan, &header)?)?;
    let types = emit_types::emit(&plan)?;
    let length: usize = types.iter().map(|each| each.code.len()).sum();
    let doc = "//! The values that go in and out of the operations.\n\n";
    if length <= TYPES_BYTES_MAX {
        let body: String = types.iter().map(|each| each.code.as_str()).collect();
        add("types.rs".into(), format!("{header}{doc}{}\n{body}", emit_types::imports(&types)))?;
        return Ok(files);
    }
    let mut letters: BTreeMap<char, Vec<&emit_types::Type>> = BTreeMap::new();
    for each in &types {
        let letter = each.name.chars().next().unwrap_or('n').to_ascii_lowercase();
        letters.entry(letter).or_default().push(each);
    }
    let mut index = format!("{header}{doc}");
    for letter in letters.keys() {
        index.push_str(&format!("mod types_{letter};\n"));
    }
    for (letter, types) in &letters {
        index.push_str(&format!("pub use types_{letter}::*;\n"));
        let doc = format!("//! Types whose names start with {}.\n\n", letter.to_ascii_uppercase());
        let body: String = types.iter().map(|each| each.code.as_str()).collect();
        let imports = emit_types::imports(types.iter().copied());
        let others = "#[allow(unused_imports, reason = \"some letters need no other\")]\nuse super::*;\n";
        add(format!("types/types_{letter}.rs"), format!("{header}{doc}{imports}{others}\n{body}"))?;
    }
    add("types.rs".into(), index)?;
    Ok(files)
}

/// Files in the generated crates that are not to be there.
fn stale(files: &Files, out: &Path, services: &[&str]) -> Result<Vec<PathBuf>> {
    let mut stale = Vec::new();
    for service in services {
        let crate_folder = out.join(format!("{service}-api"));
        let mut open = vec![crate_folder];
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
    }
    Ok(stale)
}

fn compare(files: &Files, stale: &[PathBuf]) -> Result<()> {
    let current = |path: &Path| std::fs::read_to_string(path).ok();
    let mut changed: Vec<String> = files
        .iter()
        .filter(|(path, content)| current(path).as_ref() != Some(content))
        .map(|(path, _)| path.display().to_string())
        .collect();
    changed.extend(stale.iter().map(|path| path.display().to_string()));
    if changed.is_empty() {
        return Ok(());
    }
    bail!("a refresh changes these files; run `cargo xtask codegen`:\n  {}", changed.join("\n  "))
}

fn write(files: &Files, stale: &[PathBuf]) -> Result<()> {
    let mut written = 0;
    for (path, content) in files {
        // An unchanged file keeps its date, so that nothing is built again.
        if std::fs::read_to_string(path).ok().as_ref() != Some(content) {
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
mod tests {
    use super::*;

    #[test]
    fn every_model_can_be_read_and_planned_with_its_corrections() {
        let models = workspace::root().join("models");
        let pin = Pin::read(&models).unwrap();
        for service in &pin.services {
            let text = std::fs::read_to_string(models.join(format!("{service}.json"))).unwrap();
            let facts = corrected(&text, &models, service).unwrap();
            let chosen = pin.chosen(service, &models).unwrap();
            let plan =
                Plan::new(&facts, chosen.as_deref()).unwrap_or_else(|error| panic!("{service}: {error:#}"));
            assert_eq!(facts.service.name, *service);
            assert!(!plan.operations.is_empty(), "{service}");
        }
        assert!(pin.generate.iter().all(|service| pin.services.contains(service)));
    }
}
