//! Anything, against a vector of bytes.

use std::collections::BTreeMap;
use std::sync::Arc;

use fogbank_block::limits::BLOCK_BYTES;
use fogbank_block::store::{SnapshotState, Store, Volume};
use proptest::prelude::*;

use super::{BLOCK, KEY, content, restored, snapshot_content, store, volume};

const BYTES_MAX: u64 = 6 * BLOCK;

#[derive(Clone, Debug)]
enum Step {
    Write {
        offset: u64,
        length: usize,
        fill: u8,
    },
    Discard {
        offset: u64,
        length: u64,
    },
    Read {
        offset: u64,
        length: usize,
    },
    Sync,
    Grow(u64),
    /// Begun, and copied later.
    Begin,
    Run,
    Remove(usize),
    Reopen,
    /// A new volume from one of the snapshots goes on instead.
    Restore(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Many of them at blocks' and sectors' borders.
    let place = prop_oneof![
        (0..BYTES_MAX).boxed(),
        (0..BYTES_MAX / 4096).prop_map(|sector| sector * 4096).boxed(),
        (0..6u64).prop_map(|block| block * BLOCK).boxed(),
    ];
    let length = prop_oneof![1..5000usize, Just(4096), Just(BLOCK_BYTES), 1..2 * BLOCK_BYTES];
    let write = (place.clone(), length.clone(), 0..4u8).prop_map(|(offset, length, fill)| Step::Write {
        offset,
        length,
        fill,
    });
    let discard = (place.clone(), length.clone())
        .prop_map(|(offset, length)| Step::Discard { offset, length: length as u64 });
    let read = (place, length).prop_map(|(offset, length)| Step::Read { offset, length });
    let step = prop_oneof![
        8 => write,
        3 => discard,
        3 => read,
        1 => Just(Step::Sync),
        1 => (1..=BYTES_MAX / 4096).prop_map(|sectors| Step::Grow(sectors * 4096)),
        3 => Just(Step::Begin),
        2 => Just(Step::Run),
        2 => (0..8usize).prop_map(Step::Remove),
        1 => Just(Step::Reopen),
        1 => (0..8usize).prop_map(Step::Restore),
    ];
    prop::collection::vec(step, 1..60)
}

struct World {
    folder: tempfile::TempDir,
    store: Store,
    volume: Option<Arc<Volume>>,
    id: String,
    bytes: Vec<u8>,
    snapshots: BTreeMap<String, Vec<u8>>,
    pending: Vec<String>,
    made: usize,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let volume = volume(&store, "vol-0", 2 * BLOCK + 8192);
        let bytes = vec![0; volume.bytes() as usize];
        World {
            folder,
            store,
            volume: Some(volume),
            id: "vol-0".into(),
            bytes,
            snapshots: BTreeMap::new(),
            pending: Vec::new(),
            made: 0,
        }
    }

    fn volume(&self) -> &Arc<Volume> {
        self.volume.as_ref().unwrap()
    }

    fn run_all(&mut self) {
        for id in std::mem::take(&mut self.pending).into_iter().rev() {
            self.store.snapshot_run(&id).unwrap();
        }
    }

    fn within(&self, offset: u64, length: usize) -> std::ops::Range<usize> {
        let offset = (offset as usize).min(self.bytes.len());
        offset..(offset + length).min(self.bytes.len())
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Write { offset, length, fill } => {
                let range = self.within(offset, length);
                let written: Vec<u8> =
                    range.clone().map(|at| if fill == 0 { 0 } else { fill ^ (at % 251) as u8 }).collect();
                self.volume().write_at(range.start as u64, &written).unwrap();
                self.bytes[range].copy_from_slice(&written);
            }
            Step::Discard { offset, length } => {
                let range = self.within(offset, length as usize);
                self.volume().discard(range.start as u64, range.len() as u64).unwrap();
                self.bytes[range].fill(0);
            }
            Step::Read { offset, length } => {
                let range = self.within(offset, length);
                let mut read = vec![9; range.len()];
                self.volume().read_at(range.start as u64, &mut read).unwrap();
                assert!(read == self.bytes[range]);
            }
            Step::Sync => self.volume().sync().unwrap(),
            Step::Grow(bytes) => {
                self.volume().grow(bytes).unwrap();
                self.bytes.resize(self.bytes.len().max(bytes as usize), 0);
            }
            Step::Begin => {
                let id = format!("snap-{}", self.made);
                self.made += 1;
                super::begin(&self.store, self.volume(), &id);
                self.snapshots.insert(id.clone(), self.bytes.clone());
                self.pending.push(id);
            }
            Step::Run => self.run_all(),
            Step::Remove(which) => {
                let Some(id) = self.snapshots.keys().nth(which).cloned() else { return };
                self.store.remove_snapshot(&id).unwrap();
                self.snapshots.remove(&id);
                self.pending.retain(|other| *other != id);
            }
            Step::Reopen => {
                self.volume = None;
                self.volume = Some(self.store.open_volume(&self.id, Some(&KEY)).unwrap());
            }
            Step::Restore(which) => {
                let Some(id) = self.snapshots.keys().nth(which).cloned() else { return };
                self.run_all();
                self.made += 1;
                let made = format!("vol-{}", self.made);
                self.bytes = self.snapshots[&id].clone();
                self.volume = Some(restored(&self.store, &made, self.bytes.len() as u64, &id));
                self.store.remove_volume(&self.id).unwrap();
                self.id = made;
            }
        }
    }

    fn check(mut self) {
        self.run_all();
        assert_eq!(self.volume().bytes(), self.bytes.len() as u64);
        assert!(content(self.volume()) == self.bytes);
        // Swept as at a start, everything is still there.
        self.volume = None;
        self.store = store(self.folder.path());
        for (id, bytes) in &self.snapshots {
            assert!(matches!(self.store.snapshot_state(id).unwrap(), SnapshotState::Completed { .. }));
            assert!(snapshot_content(&self.store, id, bytes.len()) == *bytes, "{id}");
        }
        let report = self.store.verify(&mut |_, _| ()).unwrap();
        assert!(report.damaged.is_empty() && report.broken.is_empty(), "{report:?}");
        let (volumes, snapshots) = self.store.kept().unwrap();
        assert_eq!(volumes, [self.id.as_str()]);
        assert!(snapshots.iter().eq(self.snapshots.keys()));
        for id in self.snapshots.keys() {
            self.store.remove_snapshot(id).unwrap();
        }
        self.store.remove_volume(&self.id).unwrap();
        let left = std::fs::read_dir(self.folder.path().join("snapshots/segments")).unwrap().count();
        assert_eq!(left, 0, "files of blocks that nobody names");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, max_shrink_iters: 400, ..ProptestConfig::default() })]
    #[test]
    fn a_volume_and_its_snapshots_hold_what_was_written(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.check();
    }
}
