//! Items to bytes.

use super::{
    BINARY, BINARY_SET, FALSE, LIST, MAP, NULL, NUMBER, NUMBER_SET, STRING, STRING_SET, TRUE, VERSION,
};
use crate::size;
use crate::value::{Item, Value};

pub fn encode(item: &Item) -> Vec<u8> {
    let size = size::item_bytes(item);
    // What is kept is close to what is counted.
    let mut out = Vec::with_capacity(size + 4 * item.len() + 8);
    out.push(VERSION);
    write_length(size, &mut out);
    write_entries(item, &mut out);
    out
}

fn write_entries(entries: &Item, out: &mut Vec<u8>) {
    write_length(entries.len(), out);
    for (name, value) in entries {
        write_bytes(name.as_bytes(), out);
        write_value(value, out);
    }
}

fn write_value(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Number(number) => {
            out.push(NUMBER);
            number.write_compact(out);
        }
        Value::String(text) => {
            out.push(STRING);
            write_bytes(text.as_bytes(), out);
        }
        Value::Binary(bytes) => {
            out.push(BINARY);
            write_bytes(bytes, out);
        }
        Value::List(values) => write_sized(LIST, out, |out| {
            write_length(values.len(), out);
            values.iter().for_each(|value| write_value(value, out));
        }),
        Value::Map(entries) => write_sized(MAP, out, |out| write_entries(entries, out)),
        Value::StringSet(set) => write_sized(STRING_SET, out, |out| {
            write_length(set.len(), out);
            set.iter().for_each(|text| write_bytes(text.as_bytes(), out));
        }),
        Value::NumberSet(set) => write_sized(NUMBER_SET, out, |out| {
            write_length(set.len(), out);
            set.iter().for_each(|number| number.write_compact(out));
        }),
        Value::BinarySet(set) => write_sized(BINARY_SET, out, |out| {
            write_length(set.len(), out);
            set.iter().for_each(|bytes| write_bytes(bytes, out));
        }),
    }
}

/// The type, how many bytes follow, and those.
fn write_sized(kind: u8, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = u32::try_from(out.len() - at - 4).expect("an item has far less than four gigabytes");
    out[at..at + 4].copy_from_slice(&length.to_le_bytes());
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    write_length(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Seven bits a byte, the lowest first, the highest bit set where more follow.
fn write_length(mut length: usize, out: &mut Vec<u8>) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}
