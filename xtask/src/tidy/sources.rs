//! Rules for single files: length, header, what may not be written, and where.

use super::Problem;
use super::code::Code;

const FILE_LINES_MAX: usize = 600;

/// Crates that talk to the kernel, where `unsafe` may stand, each with a SAFETY line.
const UNSAFE_CRATES: &[&str] =
    &["engines/block/src/kernel/", "engines/network/src/kernel/", "engines/sandbox/src/kernel/"];

/// Crates that are tests as a whole.
const TEST_CRATES: &[&str] = &["testkit/", "bench/", "conformance/"];

pub fn is_generated(path: &str, text: &str) -> bool {
    path.starts_with("api/") && text.starts_with("// @generated")
}

/// The crates of `api/` are generated whole, but for the one that reads packed facts.
fn is_in_generated_crate(path: &str) -> bool {
    path.starts_with("api/") && !path.starts_with("api/iam-facts/")
}

/// Rules for every file that people write.
pub fn check_any(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let extension = path.rsplit('.').next().unwrap_or_default();
    let generated = is_in_generated_crate(path);
    if generated && extension == "rs" && !is_generated(path, text) {
        problems.push(Problem::new(path, 1, "api/ is for generated code"));
    }
    let prose = matches!(extension, "rs" | "py" | "md" | "toml" | "sh" | "yml" | "yaml");
    if !prose || generated {
        return problems;
    }
    for (index, line) in text.lines().enumerate() {
        if let Some(found) = machine_path(line) {
            problems.push(Problem::new(path, index + 1, format!("{found} is a path of one machine")));
        }
    }
    let lines = text.lines().count();
    if matches!(extension, "rs" | "py") && lines > FILE_LINES_MAX {
        problems.push(Problem::new(path, 0, format!("{lines} lines, more than {FILE_LINES_MAX}: split it")));
    }
    problems
}

/// Rules for Rust that people write.
pub fn check_rust(path: &str, text: &str, code: &Code) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |line: usize, what: &str| problems.push(Problem::new(path, line, what));
    if text.lines().count() > 3 && !text.starts_with("//!") {
        add(1, "a file opens with `//!`: what it is, and what is surprising");
    }
    let tests = is_test_file(path);
    let may_unsafe = UNSAFE_CRATES.iter().any(|folder| path.starts_with(folder));
    for (number, line) in code.lines() {
        let test = tests || code.is_test(number);
        if !test && line.contains(".unwrap()") {
            add(number, "no bare unwrap outside tests: `expect(\"why it holds\")` or an error");
        }
        if ["todo!(", "unimplemented!("].iter().any(|word| line.contains(word)) {
            add(number, "what is not done is not there, or is an issue");
        }
        // Modules that several test binaries share are the exception: what one leaves unused, another uses.
        if !tests && ["#[allow(", "#![allow("].iter().any(|word| line.contains(word)) {
            add(number, "exceptions are `#[expect(…, reason = \"…\")]`");
        }
        if !may_unsafe && words(line).any(|word| word == "unsafe") {
            add(number, "`unsafe` stands only in crates that talk to the kernel");
        }
    }
    for (index, line) in code.comments.lines().enumerate() {
        if words(line).any(|word| word == "TODO" || word == "FIXME" || word == "XXX") {
            add(index + 1, "what is not done is an issue, not a comment");
        }
    }
    problems
}

/// Whether the whole file is for tests.
fn is_test_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let folders = ["/tests/", "/benches/", "/examples/", "fuzz/"];
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || folders.iter().any(|folder| path.contains(folder))
        || TEST_CRATES.iter().any(|folder| path.starts_with(folder))
}

/// A path that exists on the machine of whoever wrote it. Built from parts, since this file is checked as well.
fn machine_path(line: &str) -> Option<String> {
    let roots = ["work", "tmp", "home", "Users"].map(|name| format!("/{name}/"));
    roots.into_iter().find(|root| {
        line.match_indices(root.as_str()).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            !before
                .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | ':' | '/'))
        })
    })
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str) -> Vec<usize> {
        check_rust(path, text, &Code::new(text)).iter().map(|problem| problem.line).collect()
    }

    #[test]
    fn forbidden_words_are_found_where_they_count() {
        let text = concat!(
            "//! Doc.\n",
            "fn a() { x.unwrap(); }\n",
            "fn b() { \"x.unwrap()\"; } // .unwrap()\n",
            "#[allow(dead_code)]\n",
            "fn c() { todo!() }\n",
            "// TO",
            "DO: more\n",
            "fn d() { unsafe { } }\n",
            "#[cfg(test)]\n",
            "mod tests { fn e() { x.unwrap(); } }\n",
        );
        assert_eq!(check("services/sqs/src/lib.rs", text), [2, 4, 5, 7, 6]);
        assert_eq!(check("testkit/src/lib.rs", "//! Doc.\nfn a() { x.unwrap(); }\n"), [0; 0]);
        assert_eq!(check("wire/src/lib.rs", "fn a() {}\n\n\nfn b() {}\n"), [1]);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        assert!(machine_path(&format!("cd /{}/main", "work")).is_some());
        assert!(machine_path("https://example.com/home/x").is_none());
        assert!(machine_path("a framework/for").is_none());
    }

    #[test]
    fn files_stay_below_their_limit() {
        let long = "//! Doc.\n".repeat(FILE_LINES_MAX + 1);
        assert_eq!(check_any("wire/src/lib.rs", &long).len(), 1);
        assert_eq!(check_any("api/x-api/src/lib.rs", &format!("// @generated\n{long}")).len(), 0);
        assert_eq!(check_any("api/x-api/src/lib.rs", "//! By hand.\n").len(), 1);
        assert_eq!(check_any("api/iam-facts/src/lib.rs", "//! By hand.\n").len(), 0);
    }
}
