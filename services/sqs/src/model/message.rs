//! What may be sent: bodies, group and deduplication ids, delays.

use crate::error::Error;
use crate::limits::{DELAY_SECONDS_MAX, TOKEN_CHARS_MAX};

/// Finds the first character that a message must not contain: control characters but tab and line ends, and the
/// two that are no characters.
pub fn forbidden_character(text: &str) -> Option<char> {
    // Most bodies are plain ASCII, and this runs once a message: without a branch a byte, it is done in vectors.
    let plain = |byte: &u8| (byte.wrapping_sub(b' ') < 0x60) | matches!(byte, b'\t' | b'\n' | b'\r');
    if text.as_bytes().chunks(64).all(|chunk| chunk.iter().fold(true, |all, byte| all & plain(byte))) {
        return None;
    }
    text.chars().find(|c| !matches!(*c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..))
}

pub fn check_body(body: &str) -> Result<(), Error> {
    if body.is_empty() {
        return Err(Error::missing("MessageBody"));
    }
    match forbidden_character(body) {
        None => Ok(()),
        Some(c) => Err(Error::InvalidMessageContents(format!(
            "Invalid binary character '#x{:X}' was found in the message body, the set of allowed characters is \
             #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF].",
            c as u32
        ))),
    }
}

/// Checks the size of body and attributes together against the queue's limit.
pub fn check_size(bytes: usize, bytes_max: u32) -> Result<(), Error> {
    if bytes <= bytes_max as usize {
        return Ok(());
    }
    Err(Error::InvalidParameter(format!(
        "One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes."
    )))
}

/// Checks a group, deduplication or attempt id.
pub fn check_token(token: &str, parameter: &str) -> Result<(), Error> {
    let fits =
        (1..=TOKEN_CHARS_MAX).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(());
    }
    let reason =
        format!("{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.");
    Err(Error::invalid_value(token, parameter, &reason))
}

const NOT_FOR_THIS_TYPE: &str = "The request include parameter that is not valid for this queue type.";

/// The delay of one message, in seconds.
pub fn delay(given: Option<i32>, of_queue: u32, fifo: bool) -> Result<u32, Error> {
    match given {
        None => Ok(of_queue),
        Some(seconds) if !(0..=DELAY_SECONDS_MAX).contains(&seconds) => {
            let reason = "DelaySeconds must be >= 0 and <= 900.";
            Err(Error::invalid_value(seconds, "DelaySeconds", reason))
        }
        Some(0) if fifo => Ok(of_queue),
        Some(seconds) if fifo => Err(Error::invalid_value(seconds, "DelaySeconds", NOT_FOR_THIS_TYPE)),
        Some(seconds) => Ok(seconds.unsigned_abs()),
    }
}

/// The group and deduplication ids of a message, as the queue's kind wants them.
pub fn check_tokens(group: Option<&str>, deduplication: Option<&str>, fifo: bool) -> Result<(), Error> {
    if fifo && group.is_none_or(str::is_empty) {
        return Err(Error::missing("MessageGroupId"));
    }
    if let Some(group) = group {
        check_token(group, "MessageGroupId")?;
    }
    match deduplication {
        Some(id) if !fifo => Err(Error::invalid_value(id, "MessageDeduplicationId", NOT_FOR_THIS_TYPE)),
        Some(id) => check_token(id, "MessageDeduplicationId"),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_characters_of_xml_are_allowed() {
        for good in ["plain", "tab\tline\r\n", "\u{7f}", "ünïcödé", "😀", "\u{d7ff}\u{e000}\u{fffd}"] {
            assert_eq!(forbidden_character(good), None, "{good:?}");
        }
        for (bad, c) in
            [("a\u{7}", '\u{7}'), ("ä\u{0}", '\0'), ("\u{ffff}", '\u{ffff}'), ("\u{fffe}", '\u{fffe}')]
        {
            assert_eq!(forbidden_character(bad), Some(c), "{bad:?}");
        }
    }

    #[test]
    fn a_delay_is_the_queues_unless_a_standard_queue_is_given_one() {
        assert_eq!(delay(None, 7, false), Ok(7));
        assert_eq!(delay(Some(0), 7, false), Ok(0));
        assert_eq!(delay(Some(0), 7, true), Ok(7));
        assert_eq!(
            delay(Some(901), 0, false),
            Err(Error::invalid_value(901, "DelaySeconds", "DelaySeconds must be >= 0 and <= 900."))
        );
        assert!(delay(Some(-1), 0, false).is_err());
        assert_eq!(
            delay(Some(10), 0, true),
            Err(Error::invalid_value(10, "DelaySeconds", NOT_FOR_THIS_TYPE))
        );
    }

    #[test]
    fn fifo_needs_a_group_and_standard_takes_no_deduplication_id() {
        assert_eq!(check_tokens(None, None, true), Err(Error::missing("MessageGroupId")));
        assert_eq!(check_tokens(Some("g"), Some("d"), true), Ok(()));
        assert_eq!(check_tokens(Some("fair"), None, false), Ok(()));
        assert!(check_tokens(None, Some("d"), false).is_err());
        for bad in ["", "a b", "ä", &"x".repeat(129)] {
            assert!(check_token(bad, "MessageGroupId").is_err(), "{bad}");
        }
    }
}
