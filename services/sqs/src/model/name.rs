//! Queue names: 1 to 80 letters, digits, hyphens and underscores; `.fifo` at the end marks a FIFO queue.

use std::fmt;

use crate::error::Error;
use crate::limits::QUEUE_NAME_CHARS_MAX;

/// A name that keeps the rules; made only by [`QueueName::parse`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueueName(String);

const STANDARD_RULE: &str =
    "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
const FIFO_RULE: &str = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
                         underscores, must end with .fifo suffix and be 1 to 80 in length.";

impl QueueName {
    /// The name of a new queue of the given kind, which decides the wording of a refusal.
    pub fn parse(name: &str, fifo: bool) -> Result<QueueName, Error> {
        let stem = if fifo { name.strip_suffix(".fifo") } else { Some(name) };
        let fits = name.len() <= QUEUE_NAME_CHARS_MAX && stem.is_some_and(is_plain);
        let rule = if fifo { FIFO_RULE } else { STANDARD_RULE };
        if fits { Ok(QueueName(name.to_owned())) } else { Err(Error::InvalidParameter(rule.to_owned())) }
    }

    /// The name of a queue that may exist; nothing if no queue can be called so.
    pub fn of_existing(name: &str) -> Option<QueueName> {
        QueueName::parse(name, name.ends_with(".fifo")).ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_plain(stem: &str) -> bool {
    !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl fmt::Display for QueueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_the_rules_of_their_kind() {
        let long = "q".repeat(80);
        for (name, fifo, good) in [
            ("orders", false, true),
            ("a-b_C9", false, true),
            (long.as_str(), false, true),
            (&format!("{long}q"), false, false),
            ("", false, false),
            ("orders.fifo", false, false),
            ("orders.fifo", true, true),
            ("orders", true, false),
            (".fifo", true, false),
            ("ör", false, false),
            ("a b", false, false),
        ] {
            assert_eq!(QueueName::parse(name, fifo).is_ok(), good, "{name} {fifo}");
        }
    }
}
