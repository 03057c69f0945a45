//! Items as bytes: how they are kept.
//!
//! A version byte, the size that DynamoDB counts ([`item_bytes`], so that nobody has to count again), how many
//! attributes there are, and each one's name and value, in the order of the names. A value is a byte for its type and
//! what that type needs; lists, maps and sets say how long they are, so that what is not asked for is stepped over. What is read may be read in place ([`attributes`], [`ValueRef`]): answering a query needs
//! no copy of an item in between.
//!
//! Integrity is the engine's business (it checks sums); here every length is checked, so that bytes that are not ours
//! are [`Damaged`] and never a panic.

mod read;
mod write;

pub use read::{Attributes, Elements, Entries, ValueRef};
pub use write::encode;

use std::collections::BTreeMap;

use crate::error::Damaged;
use crate::value::Item;

const VERSION: u8 = 1;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const NUMBER: u8 = 3;
const STRING: u8 = 4;
const BINARY: u8 = 5;
const LIST: u8 = 6;
const MAP: u8 = 7;
const STRING_SET: u8 = 8;
const NUMBER_SET: u8 = 9;
const BINARY_SET: u8 = 10;

/// The attributes of an item, read in place, in the order of their names.
pub fn attributes(bytes: &[u8]) -> Result<Attributes<'_>, Damaged> {
    let (_, entries) = head(bytes)?;
    Attributes::new(entries)
}

/// What [`size::item_bytes`](crate::size::item_bytes) said of the item when it was encoded.
pub fn item_bytes(bytes: &[u8]) -> Result<usize, Damaged> {
    head(bytes).map(|(size, _)| size)
}

/// The size and the entries.
fn head(bytes: &[u8]) -> Result<(usize, &[u8]), Damaged> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => read::read_length(rest),
        _ => Err(Damaged),
    }
}

pub fn decode(bytes: &[u8]) -> Result<Item, Damaged> {
    collect(attributes(bytes)?, |_| true)
}

/// Only the attributes of these names; the others are stepped over.
pub fn decode_only(bytes: &[u8], names: &[&str]) -> Result<Item, Damaged> {
    collect(attributes(bytes)?, |name| names.contains(&name))
}

fn collect(attributes: Attributes<'_>, wanted: impl Fn(&str) -> bool) -> Result<Item, Damaged> {
    let mut found = Vec::with_capacity(attributes.len());
    for attribute in attributes {
        let (name, value) = attribute?;
        if wanted(name) {
            found.push((name.to_owned(), value.to_value()?));
        }
    }
    // Made at once of what is sorted already.
    Ok(BTreeMap::from_iter(found))
}
