//! Debian's packages: which ones are needed, and their contents.
//!
//! apt knows where they come from and checks their signatures; dpkg-deb unpacks them. Nothing is installed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::command;
use crate::error::{At, ImageError};
use crate::need::need;
use crate::root::Progress;
use crate::store::OnProgress;

/// Downloads packages and the libraries that they depend on, and unpacks all of them into one folder.
pub fn fetch(roots: &[&str], folder: &Path, unpacked: &Path, on: &OnProgress) -> Result<(), ImageError> {
    let (apt, apt_cache, dpkg_deb) = (need("apt-get")?, need("apt-cache")?, need("dpkg-deb")?);
    fs::create_dir_all(folder).at(folder)?;
    fs::create_dir_all(unpacked).at(unpacked)?;
    on(Progress::Step("looking up packages".to_owned()));
    let packages = with_libraries(roots, &graph(&depends(&apt_cache, roots)?));
    on(Progress::Step(format!("downloading {} packages", packages.len())));
    let mut download = Command::new(&apt);
    // The user that apt else downloads as cannot write to this folder.
    download.current_dir(folder).args(["-q", "-o", "APT::Sandbox::User=root", "download"]).args(&packages);
    command::run(&mut download, &|_| {}).map_err(explain)?;
    on(Progress::Step("unpacking packages".to_owned()));
    for entry in fs::read_dir(folder).at(folder)? {
        let path = entry.at(folder)?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            command::run(Command::new(&dpkg_deb).arg("-x").arg(&path).arg(unpacked), &|_| {})?;
        }
    }
    Ok(())
}

/// The package that another one stands for: the first it depends on whose name begins so.
pub fn named_by(package: &str, prefix: &str) -> Result<String, ImageError> {
    let graph = graph(&depends(&need("apt-cache")?, &[package])?);
    let found = graph.get(package).into_iter().flatten().find(|name| name.starts_with(prefix));
    found.cloned().ok_or_else(|| ImageError::Host(format!("the package {package} stands for none {prefix}…")))
}

/// apt's own words, and what to do about them.
fn explain(error: ImageError) -> ImageError {
    match error {
        ImageError::Program { program, status, output } => ImageError::Program {
            program,
            status,
            output: format!(
                "{output}\nIs there a way to the package mirror, and did `apt-get update` ever run?"
            ),
        },
        other => other,
    }
}

/// The packages, and all libraries that they depend on. What else they depend on is not for the programs that are taken
/// from them.
fn with_libraries(roots: &[&str], graph: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = roots.iter().map(|&root| root.to_owned()).collect();
    let mut open: Vec<String> = known.iter().cloned().collect();
    while let Some(package) = open.pop() {
        for found in graph.get(&package).into_iter().flatten() {
            if is_library(found) && known.insert(found.clone()) {
                open.push(found.clone());
            }
        }
    }
    known
}

/// By Debian's way of naming them; zlib is the one that goes without.
fn is_library(package: &str) -> bool {
    package.starts_with("lib") || package.starts_with("zlib")
}

/// What apt knows of all that these packages depend on. One question: each takes a second or two.
fn depends(apt_cache: &Path, roots: &[&str]) -> Result<String, ImageError> {
    let mut command = Command::new(apt_cache);
    command.args([
        "depends",
        "--recurse",
        "--no-recommends",
        "--no-suggests",
        "--no-conflicts",
        "--no-breaks",
    ]);
    command.args(["--no-replaces", "--no-enhances"]).args(roots);
    let text = command::run(&mut command, &|_| {}).map_err(|error| match error {
        ImageError::Program { output, .. } => ImageError::Host(format!(
            "apt does not know all of the packages {} ({output}); run `apt-get update`, and see that Debian's main \
             section, or Ubuntu's universe, is among the sources",
            roots.join(", ")
        )),
        other => other,
    })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// For each package what it depends on: the first of alternatives, without names that stand for several packages.
fn graph(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut package = String::new();
    let mut alternative = false;
    for line in text.lines() {
        let (mark, rest) = (line.get(..2).unwrap_or_default(), line.get(2..).unwrap_or_default());
        if !line.starts_with([' ', '|']) {
            package = name(line);
            alternative = false;
        } else if let Some(found) = rest.strip_prefix("Depends: ").or(rest.strip_prefix("PreDepends: ")) {
            if !alternative && !found.starts_with('<') {
                graph.entry(package.clone()).or_default().push(name(found));
            }
            alternative = mark == " |";
        }
    }
    graph
}

/// Without the architecture, which some systems append.
fn name(text: &str) -> String {
    text.trim().split(':').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_followed_and_other_packages_are_not() {
        let text = "curl\n  PreDepends: libc6\n  Depends: libcurl4\n  Depends: zlib1g\n |Depends: debconf\n  \
            Depends: <debconf-2.0>\n    cdebconf\n    debconf\nlibcurl4\n  Depends: libc6\n  Depends: libssl3:amd64\n \
            |Depends: libother\n  Depends: libsecond\n<debconf-2.0>\nlibssl3\nlibunasked\n";
        let found: Vec<String> = with_libraries(&["curl"], &graph(text)).into_iter().collect();
        assert_eq!(found, ["curl", "libc6", "libcurl4", "libother", "libssl3", "zlib1g"]);
    }
}
