//! What a change of an item does to the entries of its table's indexes.
//!
//! An item is in an index if it has all of the index's key attributes, with the right types; that is why an index can be
//! sparse. An entry is what the index projects of the item, so a change of anything else leaves the index alone, and
//! costs nothing there.

use bytes::Bytes;
use item_engine::{Item, encoding, size};
use table_engine::Write;

use crate::directory::{IndexView, TableView};
use crate::model::capacity::{Units, write_units};
use crate::model::key_schema::Projection;
use crate::model::primary_key;
use crate::records::IndexKind;

/// One side of a change: the item, and its bytes as they are stored.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    pub item: &'a Item,
    pub bytes: &'a Bytes,
}

/// What happens to the indexes, as writes and in sizes.
#[derive(Debug, Default)]
pub struct IndexEffects {
    pub writes: Vec<Write>,
    pub units: Units,
    /// By how many bytes the entries of local indexes grow.
    pub local_growth: i64,
}

pub fn effects(view: &TableView, key: &[u8], old: Option<Side<'_>>, new: Option<Side<'_>>) -> IndexEffects {
    let mut effects = IndexEffects::default();
    for (place, index) in view.indexes.iter().enumerate() {
        let (before, after) = (placed(index, key, old), placed(index, key, new));
        if let (Some((old, old_key)), Some((new, new_key))) = (&before, &after)
            && old_key == new_key
            && is_same(view, index, *old, *new)
        {
            continue;
        }
        let size_of = |side: &Option<(Side<'_>, Vec<u8>)>| {
            side.as_ref().map(|(side, _)| entry_bytes(view, index, side.item))
        };
        let (old_bytes, new_bytes) = (size_of(&before), size_of(&after));
        let stays = matches!((&before, &after), (Some((_, old)), Some((_, new))) if old == new);
        let units = match (old_bytes, new_bytes) {
            (None, None) => continue,
            (Some(old), Some(new)) if stays => write_units(old.max(new)),
            (old, new) => old.map_or(0.0, write_units) + new.map_or(0.0, write_units),
        };
        effects.units.add(&Units::of_index(place, units));
        if index.kind == IndexKind::Local {
            effects.local_growth += signed(new_bytes) - signed(old_bytes);
        }
        if let Some((_, key)) = before.filter(|_| !stays) {
            effects.writes.push(Write::Delete { space: index.space, key: key.into() });
        }
        if let Some((side, key)) = after {
            let value = entry(view, index, side);
            effects.writes.push(Write::Put { space: index.space, key: key.into(), value });
        }
    }
    effects
}

/// A side and its key in an index, if it is in it.
fn placed<'a>(index: &IndexView, key: &[u8], side: Option<Side<'a>>) -> Option<(Side<'a>, Vec<u8>)> {
    side.and_then(|side| Some((side, primary_key::in_index(index, side.item, key)?)))
}

fn signed(bytes: Option<usize>) -> i64 {
    i64::try_from(bytes.unwrap_or_default()).expect("items are bounded far below")
}

/// The entry's bytes, which are those of an item.
pub fn entry(view: &TableView, index: &IndexView, side: Side<'_>) -> Bytes {
    match names(view, index) {
        None => side.bytes.clone(),
        Some(names) => {
            let part = |name: &str| Some((name.to_owned(), side.item.get(name)?.clone()));
            let projected: Item = names.into_iter().filter_map(part).collect();
            encoding::encode(&projected).into()
        }
    }
}

/// The attributes that an index projects; nothing where it projects all.
pub fn names<'a>(view: &'a TableView, index: &'a IndexView) -> Option<Vec<&'a str>> {
    let more: &[String] = match &index.projection {
        Projection::All => return None,
        Projection::KeysOnly => &[],
        Projection::Include(names) => names,
    };
    let keys = view.key.attributes().chain(index.key.attributes()).map(|attribute| attribute.name.as_str());
    let mut names: Vec<&str> = keys.chain(more.iter().map(String::as_str)).collect();
    names.sort_unstable();
    names.dedup();
    Some(names)
}

fn is_same(view: &TableView, index: &IndexView, old: Side<'_>, new: Side<'_>) -> bool {
    match names(view, index) {
        None => old.bytes == new.bytes,
        Some(names) => names.into_iter().all(|name| old.item.get(name) == new.item.get(name)),
    }
}

fn entry_bytes(view: &TableView, index: &IndexView, item: &Item) -> usize {
    match names(view, index) {
        None => size::item_bytes(item),
        Some(names) => {
            let part = |name: &str| item.get(name).map(|value| name.len() + size::value_bytes(value));
            names.into_iter().filter_map(part).sum()
        }
    }
}
