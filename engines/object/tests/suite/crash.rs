//! Power fails at every single step of a workload.
//!
//! The story: a client puts little and much, writes in pieces, frees, drops drafts and sweeps; and at one write,
//! sync, rename or removal the power goes. Whatever was not synced survives in part. After the restart everything
//! that was answered is whole, nothing whose freeing was answered is there, and what is left over can be swept up.
//! Then the power fails again.

use std::collections::BTreeMap;
use std::time::Duration;

use base::Ids;
use bytes::Bytes;
use fogbank_object::medium::Faulty;
use fogbank_object::{EngineError, Extent, ObjectEngine};

use crate::{LARGE, content, get_all, keys, small_everything, try_open};

/// What the client knows.
struct Client {
    chance: Ids,
    kept: BTreeMap<u64, Extent>,
    /// Freed, without an answer yet.
    doubtful: BTreeMap<u64, Extent>,
    freed: Vec<Extent>,
    next: u64,
}

/// Every content has its number for a seed.
fn bytes_of(number: u64, length: u64) -> Bytes {
    content(number, length as usize)
}

impl Client {
    fn new(seed: u64) -> Client {
        Client {
            chance: Ids::seeded(seed),
            kept: BTreeMap::new(),
            doubtful: BTreeMap::new(),
            freed: Vec::new(),
            next: 0,
        }
    }

    async fn work(&mut self, engine: &ObjectEngine, operations: usize) -> Result<(), EngineError> {
        for _ in 0..operations {
            match self.chance.below(10) {
                0..3 => self.put_together(engine).await?,
                3 | 4 => self.write(engine).await?,
                5..8 => self.free(engine).await?,
                8 => drop(engine.put(&keys(), content(0, 700)).await?),
                _ => self.sweep(engine).await?,
            }
        }
        engine.settle().await;
        Ok(())
    }

    /// Several at once, so that commits have several frames.
    async fn put_together(&mut self, engine: &ObjectEngine) -> Result<(), EngineError> {
        let puts: Vec<(u64, Bytes)> = (0..1 + self.chance.below(6))
            .map(|nth| (self.next + nth, bytes_of(self.next + nth, self.chance.below(LARGE as u64 + 200))))
            .collect();
        self.next += puts.len() as u64;
        let keys = keys();
        let done = puts.iter().map(|(_, bytes)| engine.put(&keys, bytes.clone()));
        let mut failed = None;
        for ((number, _), done) in puts.iter().zip(futures_util::future::join_all(done).await) {
            match done {
                Ok(draft) => drop(self.kept.insert(*number, draft.keep())),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn write(&mut self, engine: &ObjectEngine) -> Result<(), EngineError> {
        let number = self.next;
        self.next += 1;
        let bytes = bytes_of(number, self.chance.below(2 * LARGE as u64));
        let mut writer = engine.create(&keys());
        for piece in bytes.chunks(1000) {
            writer.write(bytes.slice_ref(piece)).await?;
        }
        self.kept.insert(number, writer.finish().await?.keep());
        Ok(())
    }

    async fn free(&mut self, engine: &ObjectEngine) -> Result<(), EngineError> {
        let chosen: Vec<u64> = self.kept.keys().copied().filter(|_| self.chance.below(3) == 0).collect();
        for number in &chosen {
            let extent = self.kept.remove(number).expect("it was just seen");
            self.doubtful.insert(*number, extent);
        }
        let extents: Vec<Extent> = chosen.iter().map(|number| self.doubtful[number].clone()).collect();
        engine.free(&extents).await?;
        for number in chosen {
            self.freed.extend(self.doubtful.remove(&number));
        }
        Ok(())
    }

    async fn sweep(&mut self, engine: &ObjectEngine) -> Result<(), EngineError> {
        let mut sweep = engine.begin_sweep();
        for extent in self.kept.values().chain(self.doubtful.values()) {
            sweep.mark(extent);
        }
        sweep.finish(Duration::ZERO).await.map(drop)
    }

    async fn check(&mut self, engine: &ObjectEngine) {
        for (number, extent) in &self.kept {
            let read = get_all(engine, extent).await;
            let read = read.unwrap_or_else(|error| panic!("what was answered is lost: {error}"));
            assert!(read == bytes_of(*number, extent.length), "{extent} is another");
            engine.verify(extent).await.unwrap();
        }
        for extent in &self.freed {
            assert!(
                matches!(get_all(engine, extent).await, Err(EngineError::NotFound)),
                "{extent} came back"
            );
        }
        for (number, extent) in std::mem::take(&mut self.doubtful) {
            match get_all(engine, &extent).await {
                Ok(read) => {
                    assert!(read == bytes_of(number, extent.length));
                    self.kept.insert(number, extent);
                }
                Err(EngineError::NotFound) => self.freed.push(extent),
                Err(other) => panic!("{other}"),
            }
        }
        let expected: u64 = self.kept.values().filter(|extent| extent.length > LARGE as u64).count() as u64;
        self.sweep(engine).await.unwrap();
        engine.settle().await;
        assert_eq!(engine.usage().files, expected);
    }
}

fn crash_everywhere(seed: u64, operations: usize, stride: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let open = |disk: &Faulty, chance: &Ids| try_open(disk, chance, small_everything());
    let disk = Faulty::new();
    let mut client = Client::new(seed);
    let engine = open(&disk, &client.chance).unwrap();
    runtime.block_on(client.work(&engine, operations)).unwrap();
    assert!(!client.freed.is_empty() && !client.kept.is_empty(), "the workload puts and frees");
    drop(engine);
    for step in (0..disk.steps()).step_by(stride as usize) {
        let mut disk = Faulty::new();
        let mut client = Client::new(seed);
        let fate = Ids::seeded(seed * 10_007 + step);
        disk.crash_at(step);
        for life in 0..3 {
            if let Ok(engine) = open(&disk, &client.chance) {
                // The workload ends with the crash, or earlier.
                let _crashed = runtime.block_on(client.work(&engine, operations));
                disk = disk.after_power_loss(&fate);
            } else {
                disk = disk.after_power_loss(&fate);
            }
            let engine = open(&disk, &client.chance).unwrap();
            runtime.block_on(client.check(&engine));
            drop(engine);
            disk.crash_at(disk.steps() + fate.below(60 * (life + 1)));
        }
    }
}

#[test]
fn what_was_answered_survives_power_loss_at_every_step() {
    crash_everywhere(1, 12, 1);
}

#[test]
fn what_was_answered_survives_power_loss_in_a_longer_life() {
    crash_everywhere(2, 60, 11);
}
