//! Tells code from comments and strings, just well enough for rules that look at lines.

/// A Rust file in two views of the same shape: bytes that do not belong to a view are blanks in it.
pub struct Code {
    /// Without comments, and with empty strings.
    pub code: String,
    /// Comments only.
    pub comments: String,
    /// For each line, whether it belongs to a test.
    tests: Vec<bool>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Code,
    LineComment,
    /// How many comments are open; they nest.
    BlockComment(u32),
    /// In a string; raw ones end with a quote and this many hashes.
    Text(Option<usize>),
    Character,
}

impl Code {
    pub fn new(text: &str) -> Code {
        let (mut code, mut comments) = (Vec::new(), Vec::new());
        let bytes = text.as_bytes();
        let mut state = State::Code;
        let mut at = 0;
        while at < bytes.len() {
            let (next, length) = step(state, bytes, at);
            for &byte in &bytes[at..at + length] {
                let comment = matches!(state, State::LineComment | State::BlockComment(_))
                    || matches!(next, State::LineComment | State::BlockComment(_));
                let in_text = matches!(state, State::Text(_) | State::Character);
                let blank = if byte == b'\n' { b'\n' } else { b' ' };
                code.push(if comment || in_text { blank } else { byte });
                comments.push(if comment { byte } else { blank });
            }
            at += length;
            state = next;
        }
        let code = String::from_utf8_lossy(&code).into_owned();
        let tests = test_lines(&code);
        Code { code, comments: String::from_utf8_lossy(&comments).into_owned(), tests }
    }

    /// Lines of code with their numbers from one.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// Whether a line, from one, is inside an item for tests only.
    pub fn is_test(&self, line: usize) -> bool {
        self.tests.get(line - 1).copied().unwrap_or(false)
    }
}

/// The state behind the next token, and the token's length.
fn step(state: State, bytes: &[u8], at: usize) -> (State, usize) {
    let rest = &bytes[at..];
    match state {
        State::Code => step_code(bytes, at),
        State::LineComment if rest[0] == b'\n' => (State::Code, 1),
        State::LineComment => (State::LineComment, 1),
        State::BlockComment(depth) if rest.starts_with(b"/*") => (State::BlockComment(depth + 1), 2),
        State::BlockComment(1) if rest.starts_with(b"*/") => (State::Code, 2),
        State::BlockComment(depth) if rest.starts_with(b"*/") => (State::BlockComment(depth - 1), 2),
        State::BlockComment(_) => (state, 1),
        State::Text(None) | State::Character if rest[0] == b'\\' => (state, rest.len().min(2)),
        State::Text(None) if rest[0] == b'"' => (State::Code, 1),
        State::Text(Some(hashes)) if rest[0] == b'"' && ends_raw(rest, hashes) => (State::Code, 1 + hashes),
        State::Text(_) => (state, 1),
        State::Character if rest[0] == b'\'' => (State::Code, 1),
        State::Character => (state, 1),
    }
}

fn step_code(bytes: &[u8], at: usize) -> (State, usize) {
    let rest = &bytes[at..];
    let word_before = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    if rest.starts_with(b"//") {
        return (State::LineComment, 2);
    }
    if rest.starts_with(b"/*") {
        return (State::BlockComment(1), 2);
    }
    if rest[0] == b'"' {
        return (State::Text(None), 1);
    }
    if !word_before && (rest[0] == b'r' || rest.starts_with(b"br")) {
        let start = if rest[0] == b'r' { 1 } else { 2 };
        let hashes = rest[start..].iter().take_while(|byte| **byte == b'#').count();
        if rest.get(start + hashes) == Some(&b'"') {
            return (State::Text(Some(hashes)), start + hashes + 1);
        }
    }
    // A quote starts a character, unless it is a lifetime: then no quote follows the letter.
    let character = rest[0] == b'\'' && (rest.get(1) == Some(&b'\\') || ends_character(rest));
    if character { (State::Character, 1) } else { (State::Code, 1) }
}

fn ends_character(rest: &[u8]) -> bool {
    let width = match rest.get(1) {
        Some(0..=0x7f) => 1,
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        _ => 4,
    };
    rest.get(1 + width) == Some(&b'\'')
}

fn ends_raw(rest: &[u8], hashes: usize) -> bool {
    rest.len() > hashes && rest[1..=hashes].iter().all(|byte| *byte == b'#')
}

/// Marks the lines of every item under `#[cfg(test)]` or `#[test]`.
fn test_lines(code: &str) -> Vec<bool> {
    let lines: Vec<&str> = code.lines().collect();
    let mut tests = vec![false; lines.len()];
    for start in 0..lines.len() {
        let line = lines[start].trim_start();
        let marked = ["#[cfg(test)]", "#[cfg(all(test", "#[test]", "#[tokio::test"];
        if tests[start] || !marked.iter().any(|mark| line.starts_with(mark)) {
            continue;
        }
        let end = item_end(&lines, start);
        tests[start..=end].fill(true);
    }
    tests
}

/// The last line of the item that starts at `start`: where its braces close, or a semicolon before any opens.
pub fn item_end(lines: &[&str], start: usize) -> usize {
    let mut depth = 0_i32;
    let mut opened = false;
    for (index, line) in lines.iter().enumerate().skip(start) {
        for byte in line.bytes() {
            match byte {
                b'{' => {
                    depth += 1;
                    opened = true;
                }
                b'}' => depth -= 1,
                b';' if !opened => return index,
                _ => {}
            }
            if opened && depth <= 0 {
                return index;
            }
        }
    }
    lines.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_and_comments_are_no_code() {
        let text = "let a = \"x // {\"; // b { \"\nlet c = r#\"\"}\"#; /* d /* e */ } */ let f = '{';\nfn g<'a>() {}\n";
        let code = Code::new(text);
        let kept: Vec<String> = code.lines().map(|(_, line)| line.replace(' ', "")).collect();
        assert_eq!(kept, ["leta=\";", "letc=r#\";letf=';", "fng<'a>(){}"]);
        assert!(code.comments.contains("// b {") && code.comments.contains("e */ }"));
        assert_eq!(code.code.len(), text.len());
    }

    #[test]
    fn lines_of_tests_are_known() {
        let code = Code::new("fn a() {\n}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n");
        let tests: Vec<usize> = (1..=7).filter(|line| code.is_test(*line)).collect();
        assert_eq!(tests, [3, 4, 5, 6]);
    }
}
