//! Space: given back, and run out of.

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Ids, Timestamp};
use fogbank_queue::{Config, EngineError, NewMessage, Options, QueueEngine, ReceiveOptions, Received};
use medium::Faulty;

use crate::ONE;

const SEGMENT: u32 = 256 << 10;
const BODY: [u8; 1000] = [b'x'; 1000];

fn open(disk: &Faulty, clock: &Clock) -> QueueEngine {
    let options = Options { keeper: false, segment_bytes: SEGMENT, ..Options::default() };
    QueueEngine::on(Arc::new(disk.clone()), clock.clone(), Ids::seeded(2), options).unwrap()
}

async fn start(config: Config) -> (Faulty, Clock, QueueEngine) {
    let (disk, clock) = (Faulty::new(), Clock::manual(Timestamp::from_secs(1_700_000_000)));
    let engine = open(&disk, &clock);
    engine.create(ONE, config).await.unwrap();
    (disk, clock, engine)
}

async fn send(engine: &QueueEngine, count: usize) -> Result<(), EngineError> {
    for number in 0..count {
        let dedup = format!("{number}");
        let message =
            NewMessage { body: &BODY, group: Some("g"), dedup: Some(&dedup), ..NewMessage::default() };
        engine.send_batch(ONE, &[message]).await?;
        if number % 50 == 0 {
            engine.tend();
        }
    }
    Ok(())
}

async fn receive(engine: &QueueEngine, max: usize) -> Result<Vec<Received>, EngineError> {
    let options = ReceiveOptions { max, visibility: Duration::from_secs(36_000), ..ReceiveOptions::one() };
    engine.receive(ONE, &options).await
}

/// Receives and deletes until nothing is left or `most` are gone.
async fn consume(engine: &QueueEngine, most: usize) -> Result<usize, EngineError> {
    let mut done = 0;
    while done < most {
        let received = receive(engine, 10.min(most - done)).await?;
        if received.is_empty() {
            break;
        }
        let receipts: Vec<_> = received.iter().map(|message| message.receipt).collect();
        engine.delete_batch(ONE, &receipts).await?;
        done += receipts.len();
        engine.tend();
    }
    Ok(done)
}

#[tokio::test]
async fn the_disk_is_empty_until_the_first_queue() {
    let (disk, clock) = (Faulty::new(), Clock::manual(Timestamp::EPOCH));
    let engine = open(&disk, &clock);
    engine.tend();
    assert_eq!((engine.usage().disk_bytes, disk.reserved_bytes()), (0, 0));
}

#[tokio::test]
async fn space_is_given_back_when_messages_are_deleted_purged_or_dropped() {
    let (disk, clock, engine) = start(Config::standard()).await;
    for round in 0..3 {
        send(&engine, 2000).await.unwrap();
        let usage = engine.usage();
        assert!(usage.live_bytes > 2_000_000 && usage.disk_bytes < 3_000_000, "{usage:?}");
        match round {
            0 => assert_eq!(consume(&engine, usize::MAX).await.unwrap(), 2000),
            1 => engine.purge(ONE).await.unwrap(),
            _ => engine.drop_queue(ONE).await.unwrap(),
        }
        engine.tend();
        assert_eq!(engine.usage().live_bytes, 0);
        assert!(disk.reserved_bytes() <= 2 * u64::from(SEGMENT), "{}", disk.reserved_bytes());
    }
    drop(engine);
    assert!(open(&disk, &clock).queues().is_empty());
}

#[tokio::test]
async fn a_few_messages_that_stay_do_not_hold_the_space_of_all() {
    for config in [Config::standard(), Config::fifo()] {
        let (disk, clock, engine) = start(config).await;
        let mut kept = 0;
        for round in 0..20 {
            let dedup = format!("kept {round}");
            let message = NewMessage {
                body: b"stays",
                group: Some(&dedup),
                dedup: Some(&dedup),
                ..NewMessage::default()
            };
            engine.send_batch(ONE, &[message]).await.unwrap();
            kept += receive(&engine, 1).await.unwrap().len();
            clock.advance(Duration::from_secs(300));
            send(&engine, 400).await.unwrap();
            consume(&engine, usize::MAX).await.unwrap();
        }
        engine.tend();
        assert_eq!(engine.counts(ONE).unwrap().in_flight, kept);
        assert!(disk.reserved_bytes() <= 5 * u64::from(SEGMENT), "{}", disk.reserved_bytes());
        drop(engine);
        let engine = open(&disk, &clock);
        assert_eq!(engine.counts(ONE).unwrap().in_flight, kept);
        clock.advance(Duration::from_secs(36_000));
        let received = receive(&engine, 100).await.unwrap();
        assert!(received.iter().all(|message| &*message.body == b"stays" && message.receive_count == 2));
        assert_eq!(received.len(), 20);
    }
}

#[tokio::test]
async fn deduplication_ids_outlive_their_segments() {
    let (disk, clock, engine) = start(Config::fifo()).await;
    send(&engine, 2000).await.unwrap();
    consume(&engine, usize::MAX).await.unwrap();
    engine.tend();
    assert!(disk.reserved_bytes() <= 6 * u64::from(SEGMENT), "{}", disk.reserved_bytes());
    drop(engine);
    let engine = open(&disk, &clock);
    send(&engine, 2000).await.unwrap();
    assert_eq!(engine.counts(ONE).unwrap().visible, 0, "all were duplicates");
    clock.advance(Duration::from_secs(300));
    engine.tend();
    assert!(disk.reserved_bytes() <= 2 * u64::from(SEGMENT), "{}", disk.reserved_bytes());
    send(&engine, 1).await.unwrap();
    assert_eq!(engine.counts(ONE).unwrap().visible, 1);
}

#[tokio::test]
async fn a_disk_that_is_full_from_the_beginning_is_no_dead_end() {
    let (disk, clock) = (Faulty::new(), Clock::manual(Timestamp::EPOCH));
    disk.set_capacity(0);
    let engine = open(&disk, &clock);
    for _ in 0..2 {
        assert!(matches!(engine.create(ONE, Config::standard()).await, Err(EngineError::Full)));
    }
    disk.set_capacity(2 * u64::from(SEGMENT));
    engine.create(ONE, Config::standard()).await.unwrap();
    send(&engine, 3).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_sends_and_service_resumes_when_messages_are_deleted() {
    let (disk, clock, engine) = start(Config::standard()).await;
    disk.set_capacity(4 * u64::from(SEGMENT));
    for _ in 0..3 {
        let refused = send(&engine, 5000).await;
        assert!(matches!(refused, Err(EngineError::Full)), "{refused:?}");
        let held = engine.counts(ONE).unwrap().visible;
        assert!(held > 500, "most of the disk is used: {held}");
        let message = NewMessage { body: &BODY, ..NewMessage::default() };
        assert!(matches!(engine.send_batch(ONE, &[message]).await, Err(EngineError::Full)));
        assert_eq!(engine.counts(ONE).unwrap().visible, held, "nothing was changed");
        assert_eq!(consume(&engine, held / 2).await.unwrap(), held / 2);
        send(&engine, held / 5).await.unwrap();
    }
    let counts = engine.counts(ONE).unwrap();
    drop(engine);
    let engine = open(&disk, &clock);
    assert_eq!(engine.counts(ONE).unwrap(), counts);
    consume(&engine, usize::MAX).await.unwrap();
    send(&engine, 500).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_can_be_purged_and_service_resumes_when_the_disk_grows() {
    let (disk, _clock, engine) = start(Config::standard()).await;
    disk.set_capacity(3 * u64::from(SEGMENT));
    assert!(send(&engine, 5000).await.is_err());
    // Use up all that is kept for receiving, too.
    let mut receives = 0;
    let options = ReceiveOptions { visibility: Duration::ZERO, ..ReceiveOptions::one() };
    while engine.receive(ONE, &options).await.is_ok() {
        receives += 1;
        assert!(receives < 100_000, "receiving takes room as well");
    }
    disk.set_capacity(4 * u64::from(SEGMENT));
    engine.tend();
    send(&engine, 10).await.unwrap();
    assert!(send(&engine, 5000).await.is_err());
    engine.purge(ONE).await.unwrap();
    engine.tend();
    send(&engine, 100).await.unwrap();
    assert_eq!(engine.counts(ONE).unwrap().visible, 100);
}

#[tokio::test]
async fn a_folder_is_held_by_one_engine_and_read_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::manual(Timestamp::from_secs(1_700_000_000));
    let open = || QueueEngine::open(folder.path(), clock.clone(), Ids::seeded(1), Options::default());
    let engine = open().unwrap();
    engine.create(ONE, Config::standard()).await.unwrap();
    let message = NewMessage { body: &BODY, ..NewMessage::default() };
    engine.send_batch(ONE, &[message; 10]).await.unwrap();
    assert!(matches!(open().err(), Some(EngineError::Held(_))));
    drop(engine);
    let engine = open().unwrap();
    let received = receive(&engine, 10).await.unwrap();
    assert!(received.len() == 10 && received.iter().all(|message| message.body[..] == BODY));
}
