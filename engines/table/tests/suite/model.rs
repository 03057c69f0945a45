//! The engine agrees with two ordered maps, through restarts and any order of operations.

use std::collections::BTreeMap;

use bytes::Bytes;
use fogbank_table::{Direction, KeyRange, ScanLimit, SpaceId, TableEngine, Write};
use proptest::prelude::*;

use crate::{ONE, TWO, all, check, delete, open, put, write};

#[derive(Clone, Debug)]
enum Action {
    Change(Vec<(bool, u16, Option<u16>)>),
    Scan { second: bool, from: u16, to: u16, backward: bool, entries: usize },
    Get(bool, u16),
    Reopen,
    Snapshot,
}

fn action() -> impl Strategy<Value = Action> {
    let write = (any::<bool>(), 0..200_u16, prop::option::weighted(0.7, 0..2000_u16));
    prop_oneof![
        20 => prop::collection::vec(write, 1..30).prop_map(Action::Change),
        5 => (any::<bool>(), 0..200_u16, 0..200_u16, any::<bool>(), 1..50_usize).prop_map(
            |(second, from, to, backward, entries)| Action::Scan { second, from, to, backward, entries }
        ),
        5 => (any::<bool>(), 0..200_u16).prop_map(|(second, key)| Action::Get(second, key)),
        1 => Just(Action::Reopen),
        1 => Just(Action::Snapshot),
    ]
}

fn key_of(number: u16) -> Bytes {
    format!("key {number:03}").into()
}

fn value_of(length: u16) -> Bytes {
    (0..length).map(|nth| (nth ^ length) as u8).collect::<Vec<_>>().into()
}

fn space_of(second: bool) -> SpaceId {
    if second { TWO } else { ONE }
}

type Model = [BTreeMap<Bytes, Bytes>; 2];

async fn step(engine: &TableEngine, model: &mut Model, action: &Action) {
    match action {
        Action::Change(changes) => {
            let mut writes: Vec<Write> = Vec::new();
            for (second, key, value) in changes {
                let map = &mut model[usize::from(*second)];
                match value {
                    Some(value) => {
                        map.insert(key_of(*key), value_of(*value));
                        writes.push(put(space_of(*second), key_of(*key), value_of(*value)));
                    }
                    None => {
                        map.remove(&key_of(*key));
                        writes.push(delete(space_of(*second), key_of(*key)));
                    }
                }
            }
            write(engine, writes).await.unwrap();
        }
        Action::Scan { second, from, to, backward, entries } => {
            let (from, to) = (*from.min(to), *from.max(to));
            let range = KeyRange::between(key_of(from), key_of(to));
            let direction = if *backward { Direction::Backward } else { Direction::Forward };
            let limit = ScanLimit::entries(*entries);
            let page = engine.scan(space_of(*second), &range, direction, limit).await.unwrap();
            let within = model[usize::from(*second)].range(key_of(from)..key_of(to));
            let expected: Vec<_> = within.map(|(key, value)| (key.clone(), value.clone())).collect();
            let more = expected.len() > *entries;
            let mut expected: Vec<_> =
                if *backward { expected.into_iter().rev().collect() } else { expected };
            expected.truncate(*entries);
            assert_eq!((page.pairs, page.more), (expected, more));
        }
        Action::Get(second, key) => {
            let found = engine.get(space_of(*second), &key_of(*key)).await.unwrap();
            assert_eq!(found.as_ref(), model[usize::from(*second)].get(&key_of(*key)));
        }
        Action::Reopen | Action::Snapshot => unreachable!("done by the caller"),
    }
}

async fn agree(engine: &TableEngine, model: &Model) {
    for (space, map) in [ONE, TWO].into_iter().zip(model) {
        let expected: Vec<_> = map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        assert_eq!(all(engine, space).await, expected);
    }
    check(engine).await;
}

async fn run(actions: Vec<Action>) {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = open(folder.path()).await;
    let mut model = Model::default();
    let mut snapshot = None;
    for action in actions {
        match action {
            Action::Reopen => {
                snapshot = None;
                drop(engine);
                engine = open(folder.path()).await;
                agree(&engine, &model).await;
            }
            Action::Snapshot => {
                if let Some((snapshot, then)) = snapshot.replace((engine.snapshot(), model.clone())) {
                    let snapshot: fogbank_table::Snapshot = snapshot;
                    for (space, map) in [ONE, TWO].into_iter().zip(&then) {
                        let limit = ScanLimit::entries(10_000);
                        let page = snapshot.scan(space, &KeyRange::all(), Direction::Forward, limit).await;
                        let pairs: BTreeMap<_, _> = page.unwrap().pairs.into_iter().collect();
                        assert_eq!(pairs, *map);
                    }
                }
            }
            other => step(&engine, &mut model, &other).await,
        }
    }
    drop(snapshot);
    agree(&engine, &model).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_a_simple_model(actions in prop::collection::vec(action(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(actions));
    }
}
