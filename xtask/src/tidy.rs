//! `cargo xtask tidy`: enforces the written rules of ARCHITECTURE.md and CONTRIBUTING.md.
//!
//! Each rule is a pure function from text to problems, tested on a sample beside it. The same run is a test of this
//! crate, so that `cargo nextest run` fails where the rules are broken.

mod code;
mod edges;
mod functions;
mod links;
mod rooms;
mod sources;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;
use code::Code;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// Rewrite the list of long functions, which may only shrink.
    #[arg(long)]
    shrink: bool,
}

/// A broken rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Relative to the workspace.
    pub path: String,
    /// From one; zero where the whole file is meant.
    pub line: usize,
    pub what: String,
}

impl Problem {
    pub fn new(path: &str, line: usize, what: impl Into<String>) -> Problem {
        Problem { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

pub fn run(options: &Options) -> Result<()> {
    let root = workspace::root();
    if options.shrink {
        functions::shrink(&root, &long_functions(&root)?)?;
    }
    let problems = check(&root)?;
    if problems.is_empty() {
        println!("tidy");
        return Ok(());
    }
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    bail!("{} rules are broken:\n  {}", lines.len(), lines.join("\n  "))
}

/// All problems of the workspace, sorted.
fn check(root: &Path) -> Result<Vec<Problem>> {
    let mut problems = edges::check(root)?;
    let mut long = Vec::new();
    for path in files(root)? {
        let Ok(text) = std::fs::read_to_string(root.join(&path)) else { continue };
        problems.extend(sources::check_any(&path, &text));
        if path.ends_with(".rs") && !sources::is_generated(&path, &text) {
            let code = Code::new(&text);
            problems.extend(sources::check_rust(&path, &text, &code));
            problems.extend(rooms::check(&path, &code));
            long.extend(functions::long(&path, &code));
        }
        if path.ends_with(".md") {
            problems.extend(links::check(&path, &text, |target| root.join(target).exists()));
        }
    }
    problems.extend(functions::compare(&long, &functions::read(root)?));
    problems.sort();
    Ok(problems)
}

fn long_functions(root: &Path) -> Result<Vec<functions::Long>> {
    let mut long = Vec::new();
    for path in files(root)?.iter().filter(|path| path.ends_with(".rs")) {
        let text = std::fs::read_to_string(root.join(path))?;
        if !sources::is_generated(path, &text) {
            long.extend(functions::long(path, &Code::new(&text)));
        }
    }
    Ok(long)
}

/// The project's own files, relative to the workspace, with forward slashes, sorted.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let skipped = matches!(name, "target" | "node_modules" | "__pycache__" | "corpus" | "artifacts");
            // Of the hidden folders only the continuous integration's is ours.
            if skipped || (name.starts_with('.') && name != ".ci") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if let Some(path) = path.strip_prefix(root).ok().and_then(Path::to_str) {
                found.push(path.replace('\\', "/"));
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_its_own_rules() {
        let problems = check(&workspace::root()).unwrap();
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
