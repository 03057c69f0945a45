//! Projections: the parts of an item that are asked for.
//!
//! What is nested comes back nested, in maps and lists that hold only what was asked for: `a.b` of
//! `{a: {b: 1, c: 2}}` is `{a: {b: 1}}`, and `l[5]` of a long list is a list of one.

use std::collections::BTreeMap;

use super::bind::Binder;
use super::{Kind, Path, Placeholders, Step, check, overlap, parser};
use crate::error::ExpressionError;
use crate::value::{Item, Value};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Projection {
    paths: Vec<Path>,
    wanted: BTreeMap<String, Wanted>,
}

/// What is wanted of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    All,
    Entries(BTreeMap<String, Wanted>),
    Elements(BTreeMap<usize, Wanted>),
}

impl Projection {
    /// Reads a `ProjectionExpression`.
    pub fn parse(text: &str, placeholders: &mut Placeholders) -> Result<Projection, ExpressionError> {
        placeholders.check_size()?;
        let written = parser::parse_projection(text)?;
        check::check_paths(Kind::Projection, &written)?;
        let mut binder = Binder { kind: Kind::Projection, placeholders };
        let paths = written.iter().map(|path| binder.path(path)).collect::<Result<Vec<_>, _>>()?;
        overlap::check(Kind::Projection, &paths.iter().collect::<Vec<_>>())?;
        Ok(Projection::of(paths))
    }

    /// Of any paths; those that lead into another are part of it, and where a list and a map are asked for at one
    /// place, the first counts.
    pub fn of(paths: impl IntoIterator<Item = Path>) -> Projection {
        let paths: Vec<Path> = paths.into_iter().collect();
        let mut wanted = BTreeMap::new();
        for path in &paths {
            let root = Wanted::along(&path.steps);
            merge(&mut wanted, path.root.clone(), root);
        }
        Projection { paths, wanted }
    }

    /// Of whole attributes.
    pub fn of_attributes<N: Into<String>>(names: impl IntoIterator<Item = N>) -> Projection {
        Projection::of(names.into_iter().map(Path::attribute))
    }

    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The attributes that it asks for, as [`encoding::decode_only`](crate::encoding::decode_only) takes them.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.wanted.keys().map(String::as_str)
    }

    /// What is there of what is asked for.
    pub fn apply(&self, item: &Item) -> Item {
        let mut found = Item::new();
        for (name, wanted) in &self.wanted {
            if let Some(value) = item.get(name).and_then(|value| wanted.of(value)) {
                found.insert(name.clone(), value);
            }
        }
        found
    }

    /// The same without a copy of what stays whole.
    pub fn take(&self, mut item: Item) -> Item {
        item.retain(|name, value| match self.wanted.get(name) {
            None => false,
            Some(Wanted::All) => true,
            Some(wanted) => match wanted.of(value) {
                Some(part) => {
                    *value = part;
                    true
                }
                None => false,
            },
        });
        item
    }
}

impl Wanted {
    fn along(steps: &[Step]) -> Wanted {
        match steps.split_first() {
            None => Wanted::All,
            Some((Step::Name(name), rest)) => {
                Wanted::Entries(BTreeMap::from([(name.clone(), Wanted::along(rest))]))
            }
            Some((Step::Index(index), rest)) => {
                Wanted::Elements(BTreeMap::from([(*index, Wanted::along(rest))]))
            }
        }
    }

    fn of(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Wanted::All, value) => Some(value.clone()),
            (Wanted::Entries(wanted), Value::Map(entries)) => {
                let part =
                    |(name, wanted): (&String, &Wanted)| Some((name.clone(), wanted.of(entries.get(name)?)?));
                let found: BTreeMap<_, _> = wanted.iter().filter_map(part).collect();
                (!found.is_empty()).then_some(Value::Map(found))
            }
            (Wanted::Elements(wanted), Value::List(values)) => {
                let part = |(index, wanted): (&usize, &Wanted)| wanted.of(values.get(*index)?);
                let found: Vec<_> = wanted.iter().filter_map(part).collect();
                (!found.is_empty()).then_some(Value::List(found))
            }
            _ => None,
        }
    }
}

fn merge<K: Ord>(wanted: &mut BTreeMap<K, Wanted>, key: K, more: Wanted) {
    use std::collections::btree_map::Entry;
    match wanted.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(more);
        }
        Entry::Occupied(mut entry) => match (entry.get_mut(), more) {
            (Wanted::Entries(present), Wanted::Entries(more)) => {
                more.into_iter().for_each(|(name, more)| merge(present, name, more));
            }
            (Wanted::Elements(present), Wanted::Elements(more)) => {
                more.into_iter().for_each(|(index, more)| merge(present, index, more));
            }
            (present, Wanted::All) => *present = Wanted::All,
            _ => {}
        },
    }
}
