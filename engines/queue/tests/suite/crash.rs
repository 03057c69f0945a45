//! Power fails at every single step of a workload.
//!
//! The story: a client sends, receives, moves and deletes; the keeper rewrites and drops segments; and at one
//! write, sync, rename or removal the power goes. Whatever was not synced survives in part. After the restart,
//! every message whose send was acknowledged is there unless its deletion had begun, none whose deletion was
//! acknowledged is, and order holds. Then the power fails again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base::{Clock, Ids, Timestamp};
use fogbank_queue::limits::SEGMENT_BYTES_MIN;
use fogbank_queue::{
    Config, EngineError, Kind, NewMessage, Options, QueueEngine, Receipt, ReceiveOptions, Received,
};
use medium::{Faulty, Remains};

use crate::{ONE, TWO};

/// What a client knows of its messages, by body.
#[derive(Default)]
struct Known {
    sent: BTreeSet<u32>,
    /// Sent or deleted, but without an answer.
    doubtful: BTreeSet<u32>,
    deleted: BTreeSet<u32>,
    next: u32,
}

struct Client {
    chance: Ids,
    clock: Clock,
    config: Config,
    known: Known,
    held: Vec<(u32, Receipt)>,
}

fn open(disk: &Faulty, clock: &Clock, chance: &Ids) -> Result<QueueEngine, EngineError> {
    let options = Options { keeper: false, segment_bytes: SEGMENT_BYTES_MIN, ..Options::default() };
    QueueEngine::on(Arc::new(disk.clone()), clock.clone(), chance.clone(), options)
}

fn number(message: &Received) -> u32 {
    u32::from_le_bytes(message.body[..4].try_into().unwrap())
}

impl Client {
    fn new(config: Config, seed: u64) -> Client {
        Client {
            chance: Ids::seeded(seed),
            clock: Clock::manual(Timestamp::from_secs(1_700_000_000)),
            config,
            known: Known::default(),
            held: Vec::new(),
        }
    }

    async fn work(&mut self, engine: &QueueEngine, operations: usize) -> Result<(), EngineError> {
        engine.create(ONE, self.config).await?;
        engine.create(TWO, self.config).await?;
        for operation in 0..operations {
            match self.chance.below(8) {
                0..3 => self.send(engine).await?,
                3 | 4 => self.receive(engine).await?,
                5 | 6 => self.delete(engine).await?,
                _ => drop(engine.move_batch(ONE, Some(TWO), 2).await?),
            }
            if operation % 5 == 0 {
                engine.tend();
            }
            self.clock.advance(std::time::Duration::from_secs(self.chance.below(3)));
        }
        Ok(())
    }

    async fn send(&mut self, engine: &QueueEngine) -> Result<(), EngineError> {
        let numbers: Vec<u32> =
            (0..1 + self.chance.below(3) as u32).map(|more| self.known.next + more).collect();
        self.known.next += numbers.len() as u32;
        let bodies: Vec<Vec<u8>> = numbers
            .iter()
            .map(|number| {
                let mut body = vec![*number as u8; 4 + self.chance.below(4000) as usize];
                body[..4].copy_from_slice(&number.to_le_bytes());
                body
            })
            .collect();
        let dedups: Vec<String> = numbers.iter().map(u32::to_string).collect();
        let messages: Vec<_> = bodies
            .iter()
            .zip(&dedups)
            .zip(&numbers)
            .map(|((body, dedup), number)| NewMessage {
                body,
                group: Some(["a", "b", "c"][*number as usize % 3]),
                dedup: Some(dedup),
                ..NewMessage::default()
            })
            .collect();
        self.known.doubtful.extend(&numbers);
        engine.send_batch(ONE, &messages).await?;
        for number in numbers {
            self.known.doubtful.remove(&number);
            self.known.sent.insert(number);
        }
        Ok(())
    }

    async fn receive(&mut self, engine: &QueueEngine) -> Result<(), EngineError> {
        let received = engine.receive(ONE, &ReceiveOptions { max: 3, ..ReceiveOptions::one() }).await?;
        for message in received {
            let number = number(&message);
            assert!(!self.known.deleted.contains(&number), "a deleted message was received");
            assert!(message.body[4..].iter().all(|byte| *byte == number as u8), "the body is as it was sent");
            self.held.push((number, message.receipt));
        }
        Ok(())
    }

    async fn delete(&mut self, engine: &QueueEngine) -> Result<(), EngineError> {
        if self.held.is_empty() {
            return Ok(());
        }
        // Mostly a recent one, whose timeout has not run out.
        let back = self.chance.below(self.held.len().min(4) as u64) as usize;
        let (number, receipt) = self.held.remove(self.held.len() - 1 - back);
        let before = count(engine)?;
        let was_sent = self.known.sent.remove(&number);
        self.known.doubtful.insert(number);
        let answer = engine.delete_batch(ONE, &[receipt]).await?[0];
        // An old receipt deletes nothing; then the message is where it was.
        let gone = answer.is_ok() && count(engine)? < before;
        self.known.doubtful.remove(&number);
        if gone {
            self.known.deleted.insert(number);
        } else if was_sent {
            self.known.sent.insert(number);
        }
        Ok(())
    }

    /// Receives everything there is, and compares.
    async fn check(&mut self, engine: &QueueEngine) {
        self.clock.advance(std::time::Duration::from_secs(60));
        let mut found = BTreeMap::new();
        for queue in [ONE, TWO] {
            let Ok(counts) = engine.counts(queue) else { continue };
            let mut in_order: BTreeMap<Option<String>, Vec<u64>> = BTreeMap::new();
            let all = ReceiveOptions { max: 1000, ..ReceiveOptions::one() };
            let received = engine.receive(queue, &all).await.unwrap();
            assert_eq!(received.len(), counts.visible, "all that is counted can be received");
            for message in received {
                let number = number(&message);
                assert!(message.body[4..].iter().all(|byte| *byte == number as u8));
                assert_eq!(found.insert(number, queue), None, "message {number} is there twice");
                in_order.entry(message.group).or_default().push(message.sequence);
            }
            if self.config.kind == Kind::Fifo {
                let orders: Vec<_> = in_order.values().collect();
                assert!(orders.iter().all(|sequences| sequences.is_sorted()), "{orders:?}");
            }
        }
        for number in &self.known.sent {
            assert!(found.contains_key(number), "acknowledged message {number} is lost");
        }
        for number in found.keys() {
            assert!(!self.known.deleted.contains(number), "deleted message {number} came back");
            assert!(self.known.sent.contains(number) || self.known.doubtful.contains(number));
        }
        // What was in doubt is settled now.
        self.known.sent.extend(found.keys());
        self.known.doubtful.clear();
        self.held.clear();
        self.clock.advance(std::time::Duration::from_secs(60));
    }
}

fn count(engine: &QueueEngine) -> Result<usize, EngineError> {
    let counts = engine.counts(ONE)?;
    Ok(counts.visible + counts.in_flight + counts.delayed)
}

async fn crash_everywhere(config: Config, seed: u64, operations: usize, stride: usize) {
    let disk = Faulty::new();
    let mut client = Client::new(config, seed);
    let engine = open(&disk, &client.clock, &client.chance).unwrap();
    client.work(&engine, operations).await.unwrap();
    assert!(client.known.deleted.len() >= operations / 12, "the workload deletes");
    drop(engine);
    let steps = disk.steps();
    for step in (0..steps).step_by(stride) {
        let mut disk = Faulty::new();
        let mut client = Client::new(config, seed);
        let fate = Ids::seeded(seed * 10_007 + step);
        disk.crash_at(step);
        for _life in 0..3 {
            if let Ok(engine) = open(&disk, &client.clock, &client.chance) {
                // The workload ends with the crash, or earlier.
                let _crashed = client.work(&engine, operations).await;
            }
            disk = disk.after_power_loss(Remains::Some(&fate));
            let engine = open(&disk, &client.clock, &client.chance)
                .unwrap_or_else(|error| panic!("after a crash at step {step}: {error}"));
            client.check(&engine).await;
            drop(engine);
            disk.crash_at(disk.steps() + fate.below(steps));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_queue_survives_a_crash_at_every_step() {
    crash_everywhere(Config::standard(), 11, 120, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fifo_queue_survives_a_crash_at_every_step() {
    crash_everywhere(Config::fifo(), 12, 120, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_workload_over_many_segments_survives_crashes() {
    crash_everywhere(Config::standard(), 13, 600, 29).await;
    crash_everywhere(Config::fifo(), 14, 600, 29).await;
}

#[tokio::test]
async fn damage_in_the_middle_is_an_error_and_at_the_end_a_torn_write() {
    let disk = Faulty::new();
    let mut client = Client::new(Config::standard(), 5);
    let engine = open(&disk, &client.clock, &client.chance).unwrap();
    engine.create(ONE, client.config).await.unwrap();
    for _ in 0..80 {
        client.send(&engine).await.unwrap();
    }
    let segments = engine.usage().segments;
    assert!(segments > 2, "{segments}");
    drop(engine);

    let torn = disk.after_power_loss(Remains::Some(&client.chance));
    torn.flip(&format!("{segments:08x}.log"), 2000, 1);
    let engine = open(&torn, &client.clock, &client.chance).unwrap();
    assert!(engine.counts(ONE).unwrap().visible > 0);
    drop(engine);

    let damaged = torn.after_power_loss(Remains::Some(&client.chance));
    damaged.flip("00000001.log", 2000, 1);
    let refused = open(&damaged, &client.clock, &client.chance);
    assert!(matches!(refused.err(), Some(EngineError::Corrupt(why)) if why.contains("00000001.log")));

    damaged.flip("00000001.log", 2000, 1);
    damaged.remove_file("00000002.log");
    let refused = open(&damaged, &client.clock, &client.chance);
    assert!(matches!(refused.err(), Some(EngineError::Corrupt(why)) if why.contains("missing")));
}

#[tokio::test]
async fn a_damaged_sidecar_costs_nothing_but_time() {
    let disk = Faulty::new();
    let mut client = Client::new(Config::standard(), 6);
    let engine = open(&disk, &client.clock, &client.chance).unwrap();
    engine.create(ONE, client.config).await.unwrap();
    for _ in 0..80 {
        client.send(&engine).await.unwrap();
    }
    engine.tend();
    let counts = engine.counts(ONE).unwrap();
    drop(engine);
    disk.flip("00000001.index", 100, 1);
    disk.remove_file("00000002.index");
    let engine = open(&disk, &client.clock, &client.chance).unwrap();
    assert_eq!(engine.counts(ONE).unwrap(), counts);
    client.check(&engine).await;
}

#[tokio::test]
async fn a_failing_sync_stops_the_engine_and_acknowledges_nothing() {
    let disk = Faulty::new();
    let mut client = Client::new(Config::standard(), 7);
    let engine = open(&disk, &client.clock, &client.chance).unwrap();
    engine.create(ONE, client.config).await.unwrap();
    client.send(&engine).await.unwrap();
    disk.break_sync();
    for _ in 0..2 {
        let refused = client.send(&engine).await;
        assert!(matches!(refused, Err(EngineError::Stopped(_))), "{refused:?}");
    }
    drop(engine);
    let disk = disk.after_power_loss(Remains::Some(&client.chance));
    let engine = open(&disk, &client.clock, &client.chance).unwrap();
    client.check(&engine).await;
}
