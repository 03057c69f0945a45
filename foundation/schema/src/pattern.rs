//! The regular expressions of the models, which are written for Java's engine and hold for a whole value.
//!
//! Most run on an engine without backtracking. The few with look-around or back references need one that has it; its
//! steps are counted, and a value that would take too many is refused: it is some attack, or no sensible value.
//! Where Java reads a pattern otherwise than our engines, it is rewritten first: `\w`, `\d` and `\s` mean ASCII there,
//! and what is beyond sixteen bits is written as two surrogates.

use std::sync::OnceLock;

/// A regular expression of the model, compiled when it is first needed.
pub struct Pattern {
    pub source: &'static str,
    engine: OnceLock<Engine>,
}

enum Engine {
    Linear(regex::Regex),
    Backtracking(Box<fancy_regex::Regex>),
    /// Neither engine understands the pattern. It accepts everything; `tests/patterns.rs` lists these.
    None,
}

/// Steps back that one value may take, far more than a value of a sensible form does: some milliseconds.
const BACKTRACKS_MAX: usize = 100_000;

impl Pattern {
    pub const fn new(source: &'static str) -> Pattern {
        Pattern { source, engine: OnceLock::new() }
    }

    /// Whether the whole text matches.
    pub fn matches(&self, text: &str) -> bool {
        match self.engine() {
            Engine::Linear(regex) => regex.is_match(text),
            Engine::Backtracking(regex) => regex.is_match(text).unwrap_or(false),
            Engine::None => true,
        }
    }

    /// Whether there is an engine for it, without which every text matches.
    pub fn is_enforced(&self) -> bool {
        !matches!(self.engine(), Engine::None)
    }

    fn engine(&self) -> &Engine {
        self.engine.get_or_init(|| {
            let whole = format!("^(?:{})$", translated(self.source));
            if let Ok(regex) = regex::Regex::new(&whole) {
                return Engine::Linear(regex);
            }
            let backtracking = fancy_regex::RegexBuilder::new(&whole).backtrack_limit(BACKTRACKS_MAX).build();
            backtracking.map_or(Engine::None, |regex| Engine::Backtracking(Box::new(regex)))
        })
    }
}

impl std::fmt::Debug for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.source)
    }
}

/// Surrogates as the models write them inside of classes. The first is all that needs two of them; the second is a slip
/// that stands for lone ones, which no text of ours has.
const SURROGATES: [(&str, &str); 2] =
    [(r"\uD800\uDC00-\uDBFF\uDFFF", r"\u{10000}-\u{10FFFF}"), (r"\uD800\uDBFF-\uDC00\uDFFF", "")];

/// A pattern of Java's in the words of our engines. Classes may stand in classes in both.
fn translated(source: &str) -> String {
    let replace = |text: String, (from, to): (&str, &str)| text.replace(from, to);
    let source = SURROGATES.into_iter().fold(source.to_owned(), replace);
    let mut text = String::with_capacity(source.len());
    let mut chars = source.chars().peekable();
    let mut in_class = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' => {
                let Some(escaped) = chars.next() else { break };
                let mut is_class = true;
                match (escaped, ascii_class(escaped)) {
                    (_, Some(class)) => text.push_str(class),
                    ('p' | 'P', None) if chars.peek() == Some(&'{') => {
                        text.extend(['\\', escaped]);
                        text.extend(chars.by_ref().take_while(|char| *char != '}').chain(['}']));
                    }
                    _ => {
                        text.extend(['\\', escaped]);
                        is_class = false;
                    }
                }
                // A hyphen after a class stands for itself in Java: `[\w-/]`.
                if in_class && is_class && chars.peek() == Some(&'-') {
                    chars.next();
                    text.push_str(r"\-");
                }
            }
            // Java's classes hold brackets only escaped or as classes; no model has the latter.
            '[' | ']' => {
                in_class = char == '[';
                text.push(char);
            }
            other => text.push(other),
        }
    }
    text
}

/// Java's predefined classes.
fn ascii_class(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'w' => "[A-Za-z0-9_]",
        'W' => "[^A-Za-z0-9_]",
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[ \t\n\x0B\f\r]",
        'S' => r"[^ \t\n\x0B\f\r]",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_for_the_whole_value_as_java_reads_it() {
        for (source, good, bad) in [
            (r"[\w+=,.@-]+", &["a_b-c@d"][..], &["a b", "ä", "", "a\n"][..]),
            (r"\d{12}", &["123456789012"], &["12345678901", "１２３４５６７８９０１２"]),
            (r"[\w-\/.@]+", &["a-b/c"], &["a:b"]),
            (r"[\S]+", &["ä"], &["a b"]),
            (r"[\p{L}\p{N}-_]*", &["ä-1_"], &["a.b"]),
            ("a|b", &["a", "b"], &["ab", "ac"]),
            ("^a$|^b$", &["a", "b"], &["ab"]),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", &["Zürich 1", ""], &["a!"]),
            (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", &["a 🌫\t"], &["a\n"]),
        ] {
            let pattern = Pattern::new(source);
            assert!(matches!(pattern.engine(), Engine::Linear(_)), "{source}");
            assert!(good.iter().all(|text| pattern.matches(text)), "{source} has to match {good:?}");
            assert!(!bad.iter().any(|text| pattern.matches(text)), "{source} must not match {bad:?}");
        }
    }

    #[test]
    fn look_around_is_enforced() {
        for (source, good, bad) in [
            (
                "^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
                &["fog-bank", "abc", "a-b"][..],
                &["Capital", "two--hyphens", "-first", "last-", "ab"][..],
            ),
            (r"^(?!\s*$).+", &["a"], &["", "  "]),
            (r"[0-9A-Za-z\.\-_]*(?<!\.)", &["a.b"], &["a."]),
            (r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)", &["v1"], &["1"]),
        ] {
            let pattern = Pattern::new(source);
            assert!(matches!(pattern.engine(), Engine::Backtracking(_)), "{source}");
            assert!(good.iter().all(|text| pattern.matches(text)), "{source} has to match {good:?}");
            assert!(!bad.iter().any(|text| pattern.matches(text)), "{source} must not match {bad:?}");
        }
    }

    #[test]
    fn a_value_that_takes_too_many_steps_is_refused() {
        let pattern = Pattern::new("((a|(?=a)a)+)+b");
        assert!(pattern.matches("aaab"));
        assert!(!pattern.matches(&"a".repeat(200)));
    }
}
