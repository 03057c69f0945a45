//! `models/PIN.toml`: which botocore the facts come from, of which services, and which of them get a crate.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub botocore: Botocore,
    /// Services whose facts are kept in `models/`.
    pub services: Vec<String>,
    /// Services that get a crate in `api/`.
    pub generate: Vec<String>,
    /// For the giants: a file that names the operations to generate, one a line.
    #[serde(default)]
    pub operations: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Botocore {
    pub version: String,
    /// Of the source distribution.
    pub sha256: String,
}

impl Pin {
    pub fn read(models: &Path) -> Result<Pin> {
        let path = models.join("PIN.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not as it should be", path.display()))
    }

    /// The operations to generate of a service; nothing means all of them.
    pub fn chosen(&self, service: &str, models: &Path) -> Result<Option<Vec<String>>> {
        let Some(file) = self.operations.get(service) else { return Ok(None) };
        let text =
            std::fs::read_to_string(models.join(file)).with_context(|| format!("cannot read {file}"))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let mut names: Vec<String> = lines.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        Ok(Some(names))
    }
}
