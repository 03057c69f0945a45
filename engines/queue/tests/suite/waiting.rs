//! Long polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fogbank_queue::{Counts, EngineError, NewMessage, QueueEngine, ReceiveOptions, Received};
use tokio::task::{JoinHandle, spawn};
use tokio::time::{sleep, timeout};

use crate::{ONE, World, text};

fn poll(engine: &QueueEngine, wait_seconds: u64) -> JoinHandle<Result<Vec<Received>, EngineError>> {
    let engine = engine.clone();
    let options = ReceiveOptions { wait: Duration::from_secs(wait_seconds), ..ReceiveOptions::one() };
    spawn(async move { engine.receive(ONE, &options).await })
}

/// Long enough for a task to get where it waits; no test depends on it for being right, only for being sharp.
async fn a_moment() {
    sleep(Duration::from_millis(20)).await;
}

async fn soon<T>(task: JoinHandle<T>) -> T {
    timeout(Duration::from_secs(5), task).await.expect("it comes at once").unwrap()
}

#[tokio::test]
async fn a_long_poll_returns_with_the_send() {
    let world = World::standard().await;
    let waiting = poll(world.engine(), 20);
    a_moment().await;
    world.send("a").await;
    assert_eq!(text(&soon(waiting).await.unwrap()[0]), "a");
}

#[tokio::test]
async fn waiting_receives_are_served_in_order() {
    let world = World::standard().await;
    let first = poll(world.engine(), 20);
    a_moment().await;
    let second = poll(world.engine(), 20);
    a_moment().await;
    world.send("a").await;
    assert_eq!(text(&soon(first).await.unwrap()[0]), "a");
    assert!(!second.is_finished());
    world.send("b").await;
    assert_eq!(text(&soon(second).await.unwrap()[0]), "b");
}

#[tokio::test]
async fn a_batch_wakes_as_many_as_it_can_serve() {
    let world = World::standard().await;
    let waiting: Vec<_> = (0..5).map(|_| poll(world.engine(), 20)).collect();
    a_moment().await;
    world.engine().send_batch(ONE, &[NewMessage::default(); 5]).await.unwrap();
    for task in waiting {
        assert_eq!(soon(task).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_long_poll_ends_empty_when_its_time_is_over() {
    let world = World::standard().await;
    let waiting = poll(world.engine(), 20);
    a_moment().await;
    world.pass(19);
    a_moment().await;
    assert!(!waiting.is_finished());
    world.pass(1);
    assert!(soon(waiting).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_long_poll_returns_with_the_end_of_a_timeout_or_delay_and_when_one_is_shortened() {
    let world = World::standard().await;
    world.send("a").await;
    let received = world.receive_one().await;
    let waiting = poll(world.engine(), 1000);
    a_moment().await;
    world.pass(30);
    assert_eq!(soon(waiting).await.unwrap()[0].receive_count, 2);
    world.engine().purge(ONE).await.unwrap();

    let waiting = poll(world.engine(), 1000);
    a_moment().await;
    let delay = Duration::from_secs(7);
    world.send_message(NewMessage { body: b"b", delay, ..NewMessage::default() }).await;
    a_moment().await;
    world.pass(7);
    let second = soon(waiting).await.unwrap().remove(0);

    let waiting = poll(world.engine(), 1000);
    a_moment().await;
    world.hide(second.receipt, 3).await.unwrap();
    a_moment().await;
    world.pass(3);
    assert_eq!(soon(waiting).await.unwrap()[0].receive_count, 2);
    assert_eq!(world.delete(received.receipt).await, Ok(()));
}

#[tokio::test]
async fn deleting_in_a_fifo_queue_wakes_who_waits_for_the_group() {
    let world = World::fifo().await;
    world.send_to("g", "1").await;
    world.send_to("g", "2").await;
    let first = world.receive_one().await;
    let waiting = poll(world.engine(), 20);
    a_moment().await;
    world.delete(first.receipt).await.unwrap();
    assert_eq!(text(&soon(waiting).await.unwrap()[0]), "2");
}

#[tokio::test]
async fn a_vanished_waiter_takes_nothing_with_it() {
    let world = World::standard().await;
    let gone = poll(world.engine(), 20);
    a_moment().await;
    let waiting = poll(world.engine(), 20);
    a_moment().await;
    gone.abort();
    assert!(gone.await.is_err());
    world.send("a").await;
    assert_eq!(text(&soon(waiting).await.unwrap()[0]), "a");
}

#[tokio::test]
async fn a_receiver_that_vanishes_with_messages_in_hand_returns_them() {
    let world = World::standard().await;
    world.send("a").await;
    // Polled once and dropped: the receive has happened, its answer was never seen.
    let options = ReceiveOptions::one();
    let receive = world.engine().receive(ONE, &options);
    let once = tokio::time::timeout(Duration::ZERO, receive).await;
    if once.is_err() {
        world.counts(1, 0, 0);
        assert_eq!(world.receive_one().await.receive_count, 2);
    }
}

#[tokio::test]
async fn dropping_the_queue_ends_a_long_poll_with_an_error() {
    let world = World::standard().await;
    let waiting = poll(world.engine(), 20);
    a_moment().await;
    world.engine().drop_queue(ONE).await.unwrap();
    assert!(matches!(soon(waiting).await, Err(EngineError::NoSuchQueue(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_senders_and_pollers_lose_and_double_nothing() {
    const MESSAGES: u32 = 2000;
    let world = World::standard().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut tasks = tokio::task::JoinSet::new();
    for poller in 0..16 {
        let (engine, done) = (world.engine().clone(), Arc::clone(&done));
        // Every other poller is impatient, and so often vanishes in the middle.
        let patience = Duration::from_millis(if poller % 2 == 0 { 2 } else { 100 });
        tasks.spawn(async move {
            let options = ReceiveOptions { max: 3, wait: Duration::from_secs(20), ..ReceiveOptions::one() };
            let mut bodies = Vec::new();
            while !done.load(Ordering::Relaxed) {
                let Ok(received) = timeout(patience, engine.receive(ONE, &options)).await else { continue };
                let received = received.unwrap();
                let receipts: Vec<_> = received.iter().map(|message| message.receipt).collect();
                engine.delete_batch(ONE, &receipts).await.unwrap();
                bodies.extend(received.iter().map(|message| message.body.to_vec()));
            }
            bodies
        });
    }
    for number in 0..MESSAGES {
        let body = number.to_le_bytes();
        world.send_message(NewMessage { body: &body, ..NewMessage::default() }).await;
    }
    while world.engine().counts(ONE).unwrap() != Counts::default() {
        a_moment().await;
    }
    done.store(true, Ordering::Relaxed);
    let mut seen: Vec<Vec<u8>> = timeout(Duration::from_secs(30), tasks.join_all()).await.unwrap().concat();
    seen.sort_unstable();
    let mut all: Vec<Vec<u8>> = (0..MESSAGES).map(|number| number.to_le_bytes().to_vec()).collect();
    all.sort_unstable();
    assert!(seen == all, "each message was received and deleted once");
}
