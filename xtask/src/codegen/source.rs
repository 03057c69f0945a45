//! Finds a botocore source distribution: an unpacked one that is named, or the pinned one from the registry.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::import::Source;
use super::pin::Botocore;
use crate::workspace;

/// Downloads and unpacks the pinned distribution, once; pip checks its hash.
pub fn download(pin: &Botocore) -> Result<PathBuf> {
    let folder = workspace::root().join("target").join("botocore");
    let unpacked = folder.join(format!("botocore-{}", pin.version));
    if unpacked.join("botocore").is_dir() {
        return Ok(unpacked);
    }
    std::fs::create_dir_all(&folder)?;
    let requirements = folder.join("requirements.txt");
    let mut line = String::new();
    writeln!(line, "botocore=={} --hash=sha256:{}", pin.version, pin.sha256)?;
    std::fs::write(&requirements, line)?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest"]);
    workspace::run(pip.arg(&folder).arg("--requirement").arg(&requirements))?;
    let archive = folder.join(format!("botocore-{}.tar.gz", pin.version));
    workspace::run(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder))?;
    Ok(unpacked)
}

/// Fails unless the distribution in `folder` is the pinned version.
pub fn check_version(folder: &Path, pin: &Botocore) -> Result<()> {
    let path = folder.join("botocore").join("__init__.py");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let wanted = format!("__version__ = '{}'", pin.version);
    ensure!(text.contains(&wanted), "{} is not botocore {}", folder.display(), pin.version);
    Ok(())
}

/// The files of the newest API version of a service.
pub fn read(folder: &Path, service: &str) -> Result<Source> {
    let versions = folder.join("botocore").join("data").join(service);
    let entries =
        std::fs::read_dir(&versions).with_context(|| format!("botocore has no service {service}"))?;
    let mut names: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    names.sort();
    let newest = names.pop().with_context(|| format!("{service} has no version"))?;
    Ok(Source {
        model: read_json(&newest.join("service-2.json"))?.context("a model")?,
        paginators: read_json(&newest.join("paginators-1.json"))?.unwrap_or_default(),
        waiters: read_json(&newest.join("waiters-2.json"))?.unwrap_or_default(),
    })
}

fn read_json(path: &Path) -> Result<Option<Value>> {
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path)?;
    let value = serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
    Ok(Some(value))
}
