//! Functions stay short. Those that are too long stand in a list that may only shrink.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};

use super::Problem;
use super::code::{Code, item_end};

const FUNCTION_LINES_MAX: usize = 80;

/// The list, relative to the workspace: a path, a function and its lines a row.
const LIST: &str = "xtask/long-functions.txt";

/// A function that is too long.
#[derive(Clone, Debug, PartialEq)]
pub struct Long {
    pub path: String,
    pub line: usize,
    pub name: String,
    pub lines: usize,
}

/// The functions of a file that are too long. Tests may be.
pub fn long(path: &str, code: &Code) -> Vec<Long> {
    let lines: Vec<&str> = code.code.lines().collect();
    let mut long = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let length = item_end(&lines, index) - index + 1;
        if length > FUNCTION_LINES_MAX && !code.is_test(index + 1) && !path.contains("/tests/") {
            long.push(Long { path: path.to_owned(), line: index + 1, name: name.to_owned(), lines: length });
        }
    }
    long
}

/// The name of the function that a line declares.
fn function_name(line: &str) -> Option<&str> {
    let (before, behind) = line.split_once("fn ")?;
    let qualifiers = ["pub", "const", "async", "unsafe", "extern"];
    let declared = before.split_whitespace().all(|word| {
        let word = word.split('(').next().unwrap_or_default();
        qualifiers.contains(&word) || word.starts_with('"')
    });
    let end = behind.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(behind.len());
    (declared && end > 0).then(|| &behind[..end])
}

/// Functions that are too long and not listed, or longer than listed; rows of the list that can go.
pub fn compare(long: &[Long], listed: &BTreeMap<(String, String), usize>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let key = |long: &Long| (long.path.clone(), long.name.clone());
    for function in long {
        let allowed = listed.get(&key(function)).copied().unwrap_or(FUNCTION_LINES_MAX);
        if function.lines > allowed {
            let what = format!("{} has {} lines, more than {allowed}", function.name, function.lines);
            problems.push(Problem::new(&function.path, function.line, what));
        }
    }
    for ((path, name), lines) in listed {
        let found = long.iter().find(|function| function.path == *path && function.name == *name);
        if found.is_none_or(|function| function.lines < *lines) {
            let what = format!("{path} {name} is shorter now: run `cargo xtask tidy --shrink`");
            problems.push(Problem::new(LIST, 0, what));
        }
    }
    problems
}

pub fn read(root: &Path) -> Result<BTreeMap<(String, String), usize>> {
    let Ok(text) = std::fs::read_to_string(root.join(LIST)) else { return Ok(BTreeMap::new()) };
    parse(&text)
}

fn parse(text: &str) -> Result<BTreeMap<(String, String), usize>> {
    let mut listed = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let [path, name, lines] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            anyhow::bail!("{LIST}: {line:?} is not a path, a function and a number");
        };
        let lines = lines.parse().with_context(|| format!("{LIST}: {lines}"))?;
        listed.insert((path.to_owned(), name.to_owned()), lines);
    }
    Ok(listed)
}

/// Rewrites the list with what is listed and still too long, with its present length.
pub fn shrink(root: &Path, long: &[Long]) -> Result<()> {
    let listed = read(root)?;
    let mut text =
        format!("# Functions longer than {FUNCTION_LINES_MAX} lines. This list may only shrink.\n");
    for function in long {
        if let Some(before) = listed.get(&(function.path.clone(), function.name.clone())) {
            let lines = function.lines.min(*before);
            text.push_str(&format!("{} {} {lines}\n", function.path, function.name));
        }
    }
    std::fs::write(root.join(LIST), text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_functions_are_counted_and_the_list_only_shrinks() {
        let body = "    x();\n".repeat(90);
        let text = format!("//! Doc.\npub async fn long(\n    a: u8,\n) {{\n{body}}}\nfn short() {{}}\n");
        let found = long("wire/src/a.rs", &Code::new(&text));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].name.as_str(), found[0].line, found[0].lines), ("long", 2, 94));

        let listed = |lines: usize| parse(&format!("# list\nwire/src/a.rs long {lines}\n")).unwrap();
        assert_eq!(compare(&found, &BTreeMap::new()).len(), 1);
        assert_eq!(compare(&found, &listed(94)).len(), 0);
        assert_eq!(compare(&found, &listed(93)).len(), 1);
        assert_eq!(compare(&found, &listed(95)).len(), 1);
        assert_eq!(compare(&[], &listed(94)).len(), 1);
    }

    #[test]
    fn only_declarations_name_a_function() {
        assert_eq!(function_name("    pub(crate) const fn a(self) {"), Some("a"));
        assert_eq!(function_name("fn b<T>() {"), Some("b"));
        assert_eq!(function_name("    each: &mut dyn FnMut(usize),"), None);
        assert_eq!(function_name("let f: fn (u8) = g;"), None);
    }
}
