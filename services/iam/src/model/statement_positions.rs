//! Where in a policy's text each statement stands, for the simulator's answers.
//!
//! Lines and columns count from one. A statement in a list begins at its brace; the only statement of a policy that
//! has no list begins behind it. Both end behind their last brace. That is odd, and what AWS was seen to answer.

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub line: i32,
    pub column: i32,
}

/// The beginning and the end of each statement, in order. The text is JSON of a policy that was read before.
pub fn statements(document: &str) -> Vec<(Place, Place)> {
    let mut scan = Scan { text: document.chars().collect(), at: 0, line: 1, column: 1 };
    let mut found = Vec::new();
    scan.space();
    scan.step();
    loop {
        scan.space();
        match scan.peek() {
            Some('"') => {
                let name = scan.string();
                scan.space();
                scan.step();
                scan.space();
                if name == "Statement" {
                    scan.statements(&mut found);
                } else {
                    scan.value();
                }
            }
            Some(',') => scan.step(),
            _ => return found,
        }
    }
}

struct Scan {
    text: Vec<char>,
    at: usize,
    line: i32,
    column: i32,
}

impl Scan {
    fn statements(&mut self, found: &mut Vec<(Place, Place)>) {
        if self.peek() != Some('[') {
            let Place { line, column } = self.place();
            self.value();
            found.push((Place { line, column: column + 1 }, self.place()));
            return;
        }
        self.step();
        loop {
            self.space();
            match self.peek() {
                Some(',') => self.step(),
                Some(']') => return self.step(),
                Some(_) => {
                    let start = self.place();
                    self.value();
                    found.push((start, self.place()));
                }
                None => return,
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn place(&self) -> Place {
        Place { line: self.line, column: self.column }
    }

    fn step(&mut self) {
        match self.peek() {
            Some('\n') => {
                self.line += 1;
                self.column = 1;
            }
            Some(_) => self.column += 1,
            None => return,
        }
        self.at += 1;
    }

    fn space(&mut self) {
        while self.peek().is_some_and(char::is_whitespace) {
            self.step();
        }
    }

    /// Goes behind a string and gives what is in it, escapes as they stand.
    fn string(&mut self) -> String {
        let mut content = String::new();
        self.step();
        while let Some(c) = self.peek() {
            self.step();
            match c {
                '"' => break,
                '\\' => {
                    content.push(c);
                    content.extend(self.peek());
                    self.step();
                }
                c => content.push(c),
            }
        }
        content
    }

    /// Goes behind any value. Brackets are counted, not matched: the text is known to be good.
    fn value(&mut self) {
        let mut depth = 0;
        while let Some(c) = self.peek() {
            match c {
                '"' => drop(self.string()),
                '{' | '[' => {
                    depth += 1;
                    self.step();
                }
                '}' | ']' if depth == 0 => return,
                '}' | ']' => {
                    depth -= 1;
                    self.step();
                }
                ',' if depth == 0 => return,
                c if c.is_whitespace() && depth == 0 => return,
                _ => {
                    self.step();
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: i32, column: i32) -> Place {
        Place { line, column }
    }

    /// The example of the AWS CLI's reference page of simulate-custom-policy.
    #[test]
    fn a_lone_statement_is_where_aws_says() {
        let document = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#;
        assert_eq!(statements(document), [(place(1, 38), place(1, 167))]);
    }

    #[test]
    fn statements_in_a_list_begin_at_their_brace() {
        let document = "{\n  \"Statement\": [\n    {\n      \"Sid\": \"a}]\\\"\"\n    },\n    {\"Sid\": \"b\"}\n  ],\n  \"Version\": \"2012-10-17\"}";
        assert_eq!(statements(document), [(place(3, 5), place(5, 6)), (place(6, 5), place(6, 17))]);
        assert_eq!(statements("{}"), []);
        assert_eq!(statements("{\"Statement\": ["), []);
    }
}
