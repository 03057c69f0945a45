//! Power fails at every single step of the log.
//!
//! The story: a client changes keys in two spaces and appends notes, in groups, and at one write, sync, creation or
//! removal of the log the power goes. Whatever was not synced survives in part. After the restart everything that was
//! answered is there, what was not is there whole or not at all, in the order of its beginning, the counts are right,
//! and no sequence number comes twice. Then the power fails again.

use std::path::Path;
use std::sync::Arc;

use base::Ids;
use bytes::Bytes;
use fogbank_table::{AppendKey, TableEngine, TableError};
use medium::{Faulty, Remains};

use crate::{ONE, TWO, all, append, check, put, small, with_spaces, write};

/// Changes number `n` puts `n` under two keys and notes `n`.
#[derive(Default)]
struct Client {
    answered: u32,
    begun: u32,
    last_sequence: u64,
}

fn try_open(folder: &Path, disk: &Faulty) -> Result<TableEngine, TableError> {
    TableEngine::open_on(folder, Arc::new(disk.clone()), small())
}

impl Client {
    /// Changes in order; several wait at once.
    async fn work(&mut self, engine: &TableEngine, chance: &Ids, changes: u32) -> Result<(), TableError> {
        engine.create_space(ONE, crate::key()).await?;
        engine.create_space(TWO, fogbank_table::SpaceKey::none()).await?;
        let until = self.begun + changes;
        while self.begun < until {
            let count = 1 + chance.below(4) as u32;
            let numbers: Vec<u32> = (0..count).map(|more| self.begun + 1 + more).collect();
            self.begun += count;
            let size = 10 + chance.below(3000) as usize;
            let first = self.change(engine, numbers[0], size);
            match count {
                1 => first.await?,
                _ => {
                    // All of them are submitted in order by one task, and answered together.
                    let mut waiting: Vec<_> = vec![Box::pin(first)];
                    waiting
                        .extend(numbers[1..].iter().map(|number| Box::pin(self.change(engine, *number, 10))));
                    let mut failed = Ok(());
                    let mut done = Vec::new();
                    for future in &mut waiting {
                        // Polled once each, so that they are in the queue in this order.
                        done.push(poll_once(future).await);
                    }
                    for (future, done) in waiting.iter_mut().zip(done) {
                        let result = match done {
                            Some(result) => result,
                            None => future.await,
                        };
                        failed = failed.and(result);
                    }
                    drop(waiting);
                    failed?;
                }
            }
            self.answered = self.begun;
        }
        Ok(())
    }

    fn change<'a>(
        &self,
        engine: &'a TableEngine,
        number: u32,
        size: usize,
    ) -> impl Future<Output = Result<(), TableError>> + use<'a> {
        let mut value = number.to_le_bytes().to_vec();
        value.resize(size, number as u8);
        let value = Bytes::from(value);
        let key = format!("{number:05}");
        let writes =
            vec![put(ONE, key.clone(), value.clone()), put(TWO, key, value), append(TWO, number.to_string())];
        async move { engine.change(Vec::new(), |_| Ok::<_, ()>((writes, ()))).await.map(Result::unwrap) }
    }

    async fn check(&mut self, engine: &TableEngine) {
        let one = all(engine, ONE).await;
        let two = all(engine, TWO).await;
        let (notes, two): (Vec<_>, Vec<_>) = two.into_iter().partition(|(key, _)| key.len() == 12);
        assert_eq!(one, two, "a change is there whole, or not at all");
        assert_eq!(one.len(), notes.len());
        let found = one.len() as u32;
        assert!(
            (self.answered..=self.begun).contains(&found),
            "{found} of {}..{}",
            self.answered,
            self.begun
        );
        for (nth, (key, value)) in one.iter().enumerate() {
            let number = nth as u32 + 1;
            assert_eq!(*key, format!("{number:05}"), "changes survive in their order");
            assert_eq!(value[..4], number.to_le_bytes());
            assert!(value[4..].iter().all(|byte| *byte == number as u8));
        }
        for (nth, (key, value)) in notes.iter().enumerate() {
            assert_eq!(*value, (nth + 1).to_string());
            self.last_sequence = AppendKey::decode(key).unwrap().sequence.max(self.last_sequence);
        }
        check(engine).await;
        // What was not answered and is not there is begun anew.
        (self.answered, self.begun) = (found, found);
        let before = engine.snapshot().sequence();
        assert!(before > self.last_sequence, "no sequence number comes twice");
    }
}

async fn poll_once<T>(future: &mut std::pin::Pin<Box<impl Future<Output = T>>>) -> Option<T> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match future.as_mut().poll(context) {
            std::task::Poll::Ready(done) => Some(done),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

fn crash_everywhere(seed: u64, changes: u32, stride: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut crash_at = 0;
    let mut finished = false;
    while !finished {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Faulty::new();
        let chance = Ids::seeded(seed);
        let mut client = Client::default();
        for round in 0..3_u64 {
            disk.crash_at(disk.steps() + crash_at * (round + 1) / (round * 2 + 1));
            let ended = runtime.block_on(async {
                let engine = try_open(folder.path(), &disk)?;
                let ended = client.work(&engine, &chance, changes).await;
                drop(engine);
                ended
            });
            finished = ended.is_ok();
            let fate = Ids::seeded(seed + crash_at);
            let remains = match (crash_at + round) % 4 {
                0 => Remains::Nothing,
                1 => Remains::Everything,
                _ => Remains::Some(&fate),
            };
            disk = disk.after_power_loss(remains);
            let engine =
                try_open(folder.path(), &disk).unwrap_or_else(|error| panic!("step {crash_at}: {error}"));
            runtime.block_on(async {
                with_spaces(&engine).await;
                client.check(&engine).await;
            });
            drop(engine);
        }
        crash_at += stride;
    }
}

#[test]
fn what_was_answered_survives_a_power_failure_at_any_step() {
    crash_everywhere(1, 40, 1);
}

#[test]
fn what_was_answered_survives_power_failures_while_files_are_written() {
    crash_everywhere(2, 300, 17);
}

#[tokio::test]
async fn sequence_numbers_grow_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = 0;
    for _ in 0..5 {
        let engine = crate::open(folder.path()).await;
        for _ in 0..20 {
            write(&engine, vec![append(TWO, vec![0; 3000])]).await.unwrap();
        }
        let log = all(&engine, TWO).await;
        let newest = AppendKey::decode(&log.last().unwrap().0).unwrap().sequence;
        assert!(newest > last);
        last = newest;
    }
}
