//! `cargo xtask coverage`: writes docs/coverage.md from the services' own tables.
//!
//! The binary prints which operations its services implement; `models/` knows all there are. Nothing is listed by
//! hand, so the page cannot promise what is not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{codegen, workspace};

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Write nothing; fail if the page is out of date.
    #[arg(long)]
    check: bool,
    /// The binary that is asked; the debug binary, built now, if left out.
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
}

/// What the binary says of one service.
#[derive(Debug, Deserialize)]
struct Service {
    service: String,
    operations: Vec<Operation>,
}

#[derive(Debug, Deserialize)]
struct Operation {
    name: String,
    implemented: bool,
}

pub fn run(options: &Options) -> Result<()> {
    let root = workspace::root();
    let mut command = match &options.bin {
        Some(binary) => Command::new(binary),
        None => {
            let mut command = Command::new("cargo");
            command.args(["run", "--quiet", "--package", "fogbank", "--"]);
            command
        }
    };
    command.args(["coverage", "--json"]).current_dir(&root);
    let services: Vec<Service> =
        serde_json::from_str(&workspace::output(&mut command)?).context("the binary's coverage")?;
    let page = render(&services, &codegen::modelled_operations()?)?;
    let path = root.join("docs").join("coverage.md");
    if options.check {
        let current = std::fs::read_to_string(&path).unwrap_or_default();
        ensure!(current == page, "docs/coverage.md is out of date; run `cargo xtask coverage`");
        return Ok(());
    }
    std::fs::write(&path, page)?;
    println!("docs/coverage.md written");
    Ok(())
}

/// The page: a table of services, then each service's operations.
fn render(services: &[Service], modelled: &BTreeMap<String, Vec<String>>) -> Result<String> {
    let mut rows: BTreeMap<&str, BTreeMap<&str, bool>> = BTreeMap::new();
    for (service, operations) in modelled {
        rows.insert(service, operations.iter().map(|name| (name.as_str(), false)).collect());
    }
    for service in services {
        let row = rows.get_mut(service.service.as_str());
        let row = row.with_context(|| format!("models/ has no {}", service.service))?;
        for operation in service.operations.iter().filter(|operation| operation.implemented) {
            let known = row.insert(&operation.name, true);
            ensure!(known.is_some(), "{} has no operation {}", service.service, operation.name);
        }
    }
    let mut page = String::from(
        "# Coverage\n\nWritten by `cargo xtask coverage` from the services' tables; do not edit. Operations that \
         are not implemented\nanswer a fault that names them.\n\n| Service | Implemented | Operations |\n\
         |---|---:|---:|\n",
    );
    let done = |row: &BTreeMap<&str, bool>| row.values().filter(|implemented| **implemented).count();
    let mut order: Vec<&str> = rows.keys().copied().collect();
    order.sort_by_key(|service| (done(&rows[service]) == 0, *service));
    for service in &order {
        let row = &rows[service];
        let name = if done(row) > 0 { format!("[{service}](#{service})") } else { (*service).to_owned() };
        writeln!(page, "| {name} | {} | {} |", done(row), row.len())?;
    }
    for service in order.iter().filter(|service| done(&rows[**service]) > 0) {
        write!(page, "\n## {service}\n\n")?;
        let (yes, no): (BTreeSet<_>, BTreeSet<_>) =
            rows[service].iter().partition(|(_, implemented)| **implemented);
        let list =
            |of: &BTreeSet<(&&str, &bool)>| of.iter().map(|(name, _)| **name).collect::<Vec<_>>().join(", ");
        writeln!(page, "Implemented: {}.", list(&yes))?;
        if !no.is_empty() {
            writeln!(page, "\nNot implemented: {}.", list(&no))?;
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_lists_what_is_there_and_what_is_not() {
        let services: Vec<Service> = serde_json::from_str(
            r#"[{"service":"sts","operations":[{"name":"A","implemented":true},{"name":"B","implemented":false}]}]"#,
        )
        .unwrap();
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let modelled =
            BTreeMap::from([("ec2".to_owned(), all(&["X"])), ("sts".to_owned(), all(&["A", "B"]))]);
        let page = render(&services, &modelled).unwrap();
        let sts = page.find("| [sts](#sts) | 1 | 2 |").unwrap();
        let ec2 = page.find("| ec2 | 0 | 1 |").unwrap();
        assert!(sts < ec2, "implemented services come first");
        assert!(page.contains("## sts\n\nImplemented: A.\n\nNot implemented: B.\n"));
        assert!(!page.contains("## ec2"));
        assert!(render(&services, &BTreeMap::new()).is_err());
    }
}
