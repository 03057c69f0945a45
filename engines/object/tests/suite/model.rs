//! The engine against a map: any sequence of operations, restarts included, and the same comes out.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Ids;
use bytes::Bytes;
use fogbank_object::medium::Faulty;
use fogbank_object::{ContentKeys, EngineError, Extent, ObjectEngine};
use proptest::prelude::*;

use crate::{LARGE, content, get, keys, small_everything, try_open, two_keys};

#[derive(Clone, Debug)]
enum Operation {
    Put { length: usize, two: bool },
    Write { length: usize, piece: usize, two: bool },
    Drop { length: usize },
    Read { which: usize, start: usize, end: usize },
    Free { which: usize, many: usize },
    FreeAgain { which: usize },
    Sweep { without: usize },
    Restart,
}

fn operation() -> impl Strategy<Value = Operation> {
    let length = || prop_oneof![4 => 0..2 * LARGE, 1 => 60_000..70_000usize, 1 => 0..300_000usize];
    prop_oneof![
        5 => (length(), any::<bool>()).prop_map(|(length, two)| Operation::Put { length, two }),
        3 => (length(), 100..100_000usize, any::<bool>())
            .prop_map(|(length, piece, two)| Operation::Write { length, piece, two }),
        1 => length().prop_map(|length| Operation::Drop { length }),
        4 => (any::<usize>(), 0..300_000usize, 0..300_000usize)
            .prop_map(|(which, start, end)| Operation::Read { which, start, end }),
        3 => (any::<usize>(), 1..4usize).prop_map(|(which, many)| Operation::Free { which, many }),
        1 => any::<usize>().prop_map(|which| Operation::FreeAgain { which }),
        1 => (0..3usize).prop_map(|without| Operation::Sweep { without }),
        1 => Just(Operation::Restart),
    ]
}

struct World {
    disk: Faulty,
    ids: Ids,
    engine: Option<ObjectEngine>,
    kept: BTreeMap<usize, (Extent, bool, Bytes)>,
    freed: Vec<(Extent, bool)>,
    next: usize,
}

fn keys_of(two: bool) -> ContentKeys {
    if two { two_keys() } else { keys() }
}

impl World {
    fn engine(&self) -> &ObjectEngine {
        self.engine.as_ref().unwrap()
    }

    fn keep(&mut self, extent: Extent, two: bool, bytes: Bytes) {
        self.kept.insert(self.next, (extent, two, bytes));
        self.next += 1;
    }

    fn pick(&self, which: usize) -> Option<usize> {
        self.kept.keys().nth(which % self.kept.len().max(1)).copied()
    }

    async fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Put { length, two } => {
                let bytes = content(self.next as u64, length);
                let draft = self.engine().put(&keys_of(two), bytes.clone()).await.unwrap();
                self.keep(draft.keep(), two, bytes);
            }
            Operation::Write { length, piece, two } => {
                let bytes = content(self.next as u64, length);
                let mut writer = self.engine().create(&keys_of(two));
                for piece in bytes.chunks(piece) {
                    writer.write(bytes.slice_ref(piece)).await.unwrap();
                }
                let extent = writer.finish().await.unwrap().keep();
                self.keep(extent, two, bytes);
            }
            Operation::Drop { length } => {
                let draft = self.engine().put(&keys(), content(1, length)).await.unwrap();
                self.freed.push((draft.extent().clone(), false));
                drop(draft);
                self.engine().settle().await;
                // What nobody waits for is freed after the next that somebody does.
                let other = self.engine().put(&keys(), content(1, 1)).await.unwrap().keep();
                self.engine().free(&[other]).await.unwrap();
            }
            Operation::Read { which, start, end } => {
                let Some(which) = self.pick(which) else { return };
                let (extent, two, bytes) = &self.kept[&which];
                let (start, end) = (start.min(bytes.len()), end.min(bytes.len()));
                let read = get(self.engine(), extent, &keys_of(*two), start as u64..end as u64).await;
                assert!(read.unwrap() == bytes[start.min(end)..end]);
            }
            Operation::Free { which, many } => {
                let picked: Vec<usize> =
                    (0..many).filter_map(|nth| self.pick(which.wrapping_add(nth))).collect();
                let mut extents = Vec::new();
                for which in picked {
                    if let Some((extent, two, _)) = self.kept.remove(&which) {
                        extents.push(extent.clone());
                        self.freed.push((extent, two));
                    }
                }
                self.engine().free(&extents).await.unwrap();
            }
            Operation::FreeAgain { which } => {
                if self.freed.is_empty() {
                    return;
                }
                let (extent, _) = &self.freed[which % self.freed.len()];
                self.engine().free(&[extent.clone(), extent.clone()]).await.unwrap();
            }
            Operation::Sweep { without } => self.sweep(without).await,
            Operation::Restart => {
                self.engine = None;
                self.engine = Some(try_open(&self.disk, &self.ids, small_everything()).unwrap());
            }
        }
    }

    /// Marks all but a few, which are gone then.
    async fn sweep(&mut self, without: usize) {
        let mut sweep = self.engine().begin_sweep();
        let left_out: Vec<usize> = self.kept.keys().take(without).copied().collect();
        for (which, (extent, _, _)) in &self.kept {
            if !left_out.contains(which) {
                sweep.mark(extent);
            }
        }
        let report = sweep.finish(Duration::ZERO).await.unwrap();
        assert_eq!(report.freed_extents, left_out.len() as u64);
        for which in left_out {
            let (extent, two, _) = self.kept.remove(&which).unwrap();
            self.freed.push((extent, two));
        }
    }

    async fn check(&self) {
        let engine = self.engine();
        for (extent, two, bytes) in self.kept.values() {
            assert!(get(engine, extent, &keys_of(*two), 0..u64::MAX).await.unwrap() == *bytes, "{extent}");
            engine.verify(extent).await.unwrap();
        }
        for (extent, two) in &self.freed {
            let read = get(engine, extent, &keys_of(*two), 0..u64::MAX).await;
            assert!(matches!(read, Err(EngineError::NotFound)), "{extent} is free: {read:?}");
        }
        let report = engine.check_all(|_| {}).unwrap();
        assert_eq!(report.damages, 0, "{:?}", report.damaged);
        assert_eq!(report.checked.extents, self.kept.len() as u64);
        engine.settle().await;
        let files = self.kept.values().filter(|(extent, _, _)| extent.length > LARGE as u64).count();
        assert_eq!(engine.usage().files, files as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_engine_is_what_a_map_is(operations in prop::collection::vec(operation(), 1..60), seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (disk, ids) = (Faulty::new(), Ids::seeded(seed));
            let engine = Some(try_open(&disk, &ids, small_everything()).unwrap());
            let mut world =
                World { disk, ids, engine, kept: BTreeMap::new(), freed: Vec::new(), next: 0 };
            for operation in operations {
                world.apply(operation).await;
            }
            world.check().await;
            world.apply(Operation::Restart).await;
            world.check().await;
        });
    }
}
