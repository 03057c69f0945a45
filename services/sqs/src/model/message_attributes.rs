//! Message attributes: their rules, their size, and the checksum clients verify.
//!
//! Reference: "Amazon SQS message metadata" in the developer guide, with the checksum's exact encoding.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use sqs_api::{MessageAttributeValue, MessageSystemAttributeValue};

use super::message::forbidden_character;
use crate::error::Error;
use crate::limits::{ATTRIBUTE_NAME_CHARS_MAX, MESSAGE_ATTRIBUTES_MAX};

/// A checked attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute<'a> {
    pub name: &'a str,
    /// With its label, if it has one: `Number.float`.
    pub data_type: &'a str,
    pub value: Value<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Of a String or a Number.
    Text(&'a str),
    Binary(&'a [u8]),
}

impl<'a> Value<'a> {
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Value::Text(text) => text.as_bytes(),
            Value::Binary(bytes) => bytes,
        }
    }
}

/// Checks the attributes of one message, and returns them sorted by name.
pub fn check(given: Option<&BTreeMap<String, MessageAttributeValue>>) -> Result<Vec<Attribute<'_>>, Error> {
    let Some(given) = given else {
        return Ok(Vec::new());
    };
    if given.len() > MESSAGE_ATTRIBUTES_MAX {
        return Err(Error::InvalidParameter(format!(
            "Number of message attributes [{}] exceeds the allowed maximum [{MESSAGE_ATTRIBUTES_MAX}].",
            given.len()
        )));
    }
    given
        .iter()
        .map(|(name, value)| {
            check_name(name)?;
            let lists = |list: Option<usize>| list.is_some_and(|len| len > 0);
            if lists(value.string_list_values.as_ref().map(Vec::len))
                || lists(value.binary_list_values.as_ref().map(Vec::len))
            {
                let message = "Message attribute list values in SendMessage operation are not supported.";
                return Err(Error::UnsupportedOperation(message.to_owned()));
            }
            let (text, binary) = (value.string_value.as_deref(), value.binary_value.as_deref());
            check_one(name, &value.data_type, text, binary)
        })
        .collect()
}

/// Checks the system attributes of one message: only the trace header may be sent.
pub fn check_system(
    given: Option<&BTreeMap<String, MessageSystemAttributeValue>>,
) -> Result<Vec<Attribute<'_>>, Error> {
    let given = given.into_iter().flatten();
    given
        .map(|(name, value)| {
            if name != "AWSTraceHeader" {
                return Err(Error::InvalidParameter(format!(
                    "Message system attribute name '{name}' is invalid. Valid names: [AWSTraceHeader]."
                )));
            }
            if value.data_type != "String" {
                return Err(Error::InvalidParameter(
                    "The type of message (system) attribute 'AWSTraceHeader' is invalid. You must use only the \
                     following supported type prefixes: String."
                        .to_owned(),
                ));
            }
            check_one(name, &value.data_type, value.string_value.as_deref(), None)
        })
        .collect()
}

fn check_name(name: &str) -> Result<(), Error> {
    let fail = |message: String| Err(Error::InvalidParameter(message));
    if name.is_empty() {
        return fail("The request must contain non-empty message attribute name.".to_owned());
    }
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    let lower = name.to_ascii_lowercase();
    if name.len() > ATTRIBUTE_NAME_CHARS_MAX || !plain || dots {
        return fail(format!("Message (user) attribute name '{name}' is invalid."));
    }
    if lower.starts_with("aws.") || lower.starts_with("amazon.") {
        return fail(format!("Message (user) attribute name '{name}' starts with a reserved prefix."));
    }
    Ok(())
}

fn check_one<'a>(
    name: &'a str,
    data_type: &'a str,
    text: Option<&'a str>,
    binary: Option<&'a [u8]>,
) -> Result<Attribute<'a>, Error> {
    let fail = |message: String| Err(Error::InvalidParameter(message));
    if data_type.is_empty() {
        return fail(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        ));
    }
    let base = data_type.split('.').next().unwrap_or_default();
    let value = match base {
        "Binary" => binary.filter(|bytes| !bytes.is_empty()).map(Value::Binary),
        "String" | "Number" => text.filter(|text| !text.is_empty()).map(Value::Text),
        _ => None,
    };
    let known = matches!(base, "Binary" | "String" | "Number") && data_type.len() <= ATTRIBUTE_NAME_CHARS_MAX;
    if !known {
        return fail(format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported \
             type prefixes: Binary, Number, String."
        ));
    }
    let Some(value) = value else {
        return fail(format!(
            "Message (user) attribute '{name}' must contain a non-empty value of type '{base}'."
        ));
    };
    if let Value::Text(text) = value {
        if base == "Number" && !is_number(text) {
            return fail(format!("Can't cast the value of message (user) attribute '{name}' to a number."));
        }
        if let Some(c) = forbidden_character(text) {
            return Err(Error::InvalidMessageContents(format!(
                "Invalid binary character '#x{:X}' was found in the message attribute '{name}'.",
                c as u32
            )));
        }
    }
    Ok(Attribute { name, data_type, value })
}

/// A decimal number with an optional fraction and exponent.
fn is_number(text: &str) -> bool {
    let finite = text.parse::<f64>().is_ok_and(f64::is_finite);
    finite && text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
}

/// What the attributes count towards the message's size.
pub fn size_bytes(attributes: &[Attribute<'_>]) -> usize {
    attributes.iter().map(|a| a.name.len() + a.data_type.len() + a.value.bytes().len()).sum()
}

/// The checksum over attributes sorted by name; nothing where there are none.
pub fn md5<'a>(attributes: impl Iterator<Item = Attribute<'a>>) -> Option<String> {
    let mut hash = Md5::new();
    let mut any = false;
    for Attribute { name, data_type, value } in attributes {
        any = true;
        add(&mut hash, name.as_bytes());
        add(&mut hash, data_type.as_bytes());
        hash.update([if matches!(value, Value::Binary(_)) { 2 } else { 1 }]);
        add(&mut hash, value.bytes());
    }
    any.then(|| hex(&hash.finalize()))
}

fn add(hash: &mut Md5, bytes: &[u8]) {
    hash.update((bytes.len() as u32).to_be_bytes());
    hash.update(bytes);
}

/// The checksum of a body.
pub fn md5_of_body(body: &str) -> [u8; 16] {
    Md5::digest(body.as_bytes()).into()
}

pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| DIGITS[usize::from(digit)] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn text(data_type: &str, value: &str) -> MessageAttributeValue {
        MessageAttributeValue {
            data_type: data_type.to_owned(),
            string_value: Some(value.to_owned()),
            ..MessageAttributeValue::default()
        }
    }

    fn checksum(pairs: &[(&str, MessageAttributeValue)]) -> Option<String> {
        let map = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        md5(check(Some(&map)).unwrap().into_iter())
    }

    #[test]
    fn the_checksum_is_the_one_clients_compute() {
        let one = ("attribName1", text("String", "attribValue 1"));
        let number =
            ("customNumberTypeAttrib", text("Number.float", "4563442423554324324264524243.32543234"));
        let binary = (
            "binaryAttribute",
            MessageAttributeValue {
                data_type: "Binary".to_owned(),
                binary_value: Some(Bytes::from_static(b"Hello binary world!")),
                ..MessageAttributeValue::default()
            },
        );
        for (attributes, expected) in [
            (vec![one.clone()], "19e27d4e946b072f3f58da80d94fd778"),
            (vec![number.clone()], "9fe1b90bbd9965bdf77bac517c7d2495"),
            (vec![binary.clone()], "31a92b15d92f8db860eda32aceb656c3"),
            (vec![one, number, binary], "c932db14a896c663f83c260297d594ff"),
        ] {
            assert_eq!(checksum(&attributes).as_deref(), Some(expected));
        }
        assert_eq!(checksum(&[]), None);
    }

    #[test]
    fn bad_attributes_are_refused_in_sqs_words() {
        for (name, value, message) in [
            ("", text("String", "x"), "The request must contain non-empty message attribute name."),
            (
                "a",
                text("Strin", "x"),
                "The type of message (user) attribute 'a' is invalid. You must use only the following supported \
                 type prefixes: Binary, Number, String.",
            ),
            (
                "piyo",
                text("String", ""),
                "Message (user) attribute 'piyo' must contain a non-empty value of type 'String'.",
            ),
            ("n", text("Number", "x1"), "Can't cast the value of message (user) attribute 'n' to a number."),
            (
                "AWS.x",
                text("String", "x"),
                "Message (user) attribute name 'AWS.x' starts with a reserved prefix.",
            ),
            ("a..b", text("String", "x"), "Message (user) attribute name 'a..b' is invalid."),
        ] {
            let map = BTreeMap::from([(name.to_owned(), value)]);
            assert_eq!(check(Some(&map)), Err(Error::InvalidParameter(message.to_owned())), "{name}");
        }
        let eleven = (0..11).map(|n| (format!("a{n}"), text("String", "x"))).collect();
        assert!(check(Some(&eleven)).is_err());
    }
}
