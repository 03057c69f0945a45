//! Links between the documents lead somewhere.

use super::Problem;

/// Checks the links of a Markdown file; `exists` knows paths relative to the workspace.
pub fn check(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for target in targets(line) {
            let file = target.split('#').next().unwrap_or_default();
            let elsewhere = target.contains("://") || target.starts_with("mailto:") || file.is_empty();
            if elsewhere {
                continue;
            }
            let resolved = resolve(path, file);
            if !exists(&resolved) {
                problems.push(Problem::new(path, index + 1, format!("the link to {target} leads nowhere")));
            }
        }
    }
    problems
}

/// The targets of `[text](target)` in a line, outside of inline code.
fn targets(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (index, part) in line.split('`').enumerate() {
        // A link's text may be code, so a target may open a part that follows code.
        if index % 2 == 1 {
            continue;
        }
        for (at, _) in part.match_indices("](") {
            let target = part[at + 2..].split(')').next().unwrap_or_default();
            found.push(target.split_whitespace().next().unwrap_or_default());
        }
    }
    found
}

/// A target relative to the file that links to it, relative to the workspace.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    if let Some(rooted) = target.strip_prefix('/') {
        return rooted.to_owned();
    }
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_must_lead_somewhere() {
        let exists =
            |path: &str| matches!(path, "README.md" | "docs/a.md" | "services/sqs/src/lib.rs" | "docs");
        let good =
            "[a](a.md#x) [b](../README.md) [`c`](../services/sqs/src/lib.rs) [d](https://x.y/z) `[e](no.md)`";
        assert_eq!(check("docs/b.md", good, exists), []);
        assert_eq!(check("docs/b.md", "see [a](c.md)", exists).len(), 1);
        assert_eq!(check("docs/b.md", "```\n[a](c.md)\n```", exists), []);
        assert_eq!(check("README.md", "[docs](docs/) [top](#top)", exists), []);
    }
}
