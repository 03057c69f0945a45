//! Standard queues: visibility, delays, retention, limits, configuration.

use std::time::Duration;

use base::Ids;
use fogbank_queue::{Config, EngineError, NewMessage, QueueEngine, QueueId, ReceiveOptions};

use crate::{ONE, TWO, World, text, texts};

#[tokio::test]
async fn what_is_sent_is_received_as_it_was() {
    let world = World::standard().await;
    let sent =
        world.send_message(NewMessage { body: b"hello", group: Some("g"), ..NewMessage::default() }).await;
    let received = world.receive_one().await;
    assert_eq!((text(&received), received.id, received.sequence), ("hello", sent.id, sent.sequence));
    assert_eq!(received.group.as_deref(), Some("g"));
    assert_eq!((received.receive_count, received.sent_at), (1, world.clock.now()));
    assert_eq!(received.first_received_at, world.clock.now());
    assert_eq!(received.dead_letter_source, None);
    assert_eq!(received.id.to_string().len(), 36);
}

#[tokio::test]
async fn a_received_message_stays_hidden_until_its_timeout() {
    let world = World::standard().await;
    world.send("a").await;
    let first = world.receive_one().await;
    world.counts(0, 1, 0);
    world.pass(29);
    assert!(world.receive(1).await.is_empty());
    world.pass(1);
    world.counts(1, 0, 0);
    let again = world.receive_one().await;
    assert_eq!((again.receive_count, again.first_received_at), (2, first.first_received_at));
    assert_ne!(again.receipt, first.receipt);
}

#[tokio::test]
async fn a_peek_shows_what_comes_next_and_changes_nothing() {
    let world = World::standard().await;
    assert_eq!(world.engine().peek(ONE).await.unwrap(), None);
    world.send("a").await;
    world.send("b").await;
    for _ in 0..2 {
        assert_eq!(world.engine().peek(ONE).await.unwrap().as_deref(), Some(&b"a"[..]));
    }
    world.counts(2, 0, 0);
    let first = world.receive_one().await;
    assert_eq!((text(&first), first.receive_count), ("a", 1));
    assert_eq!(world.engine().peek(ONE).await.unwrap().as_deref(), Some(&b"b"[..]));
}

#[tokio::test]
async fn a_visibility_timeout_of_zero_hides_nothing() {
    let world = World::standard().await;
    world.send("a").await;
    let options = ReceiveOptions { visibility: Duration::ZERO, ..ReceiveOptions::one() };
    for count in 1..4 {
        let received = world.engine().receive(ONE, &options).await.unwrap();
        assert_eq!(received[0].receive_count, count);
        world.counts(1, 0, 0);
    }
}

#[tokio::test]
async fn a_delayed_message_comes_when_its_delay_is_over() {
    let mut world = World::standard().await;
    let delay = Duration::from_secs(10);
    world.send_message(NewMessage { body: b"later", delay, ..NewMessage::default() }).await;
    world.counts(0, 0, 1);
    world.restart();
    world.counts(0, 0, 1);
    assert!(world.receive(1).await.is_empty());
    world.pass(10);
    world.counts(1, 0, 0);
    assert_eq!(text(&world.receive_one().await), "later");
}

#[tokio::test]
async fn a_new_delay_counts_from_the_send_and_survives_a_restart() {
    let mut world = World::standard().await;
    for body in ["a", "b"] {
        let delay = Duration::from_secs(60);
        world.send_message(NewMessage { body: body.as_bytes(), delay, ..NewMessage::default() }).await;
        world.pass(10);
    }
    world.engine().redelay(ONE, Duration::from_secs(300)).await.unwrap();
    world.pass(100);
    world.counts(0, 0, 2);
    world.engine().redelay(ONE, Duration::from_secs(115)).await.unwrap();
    world.counts(1, 0, 1);
    world.restart();
    world.counts(1, 0, 1);
    world.pass(5);
    world.counts(2, 0, 0);
}

#[tokio::test]
async fn messages_vanish_at_the_end_of_their_retention_wherever_they_are() {
    let mut world = World::with(Config { retention: Duration::from_secs(60), ..Config::standard() }).await;
    world.send("in flight").await;
    world.receive_one().await;
    world.send("visible").await;
    let delay = Duration::from_secs(900);
    world.send_message(NewMessage { body: b"delayed", delay, ..NewMessage::default() }).await;
    world.pass(30);
    world.send("younger").await;
    assert_eq!(world.engine().oldest(ONE).unwrap(), Some(world.clock.now() - Duration::from_secs(30)));
    world.pass(30);
    world.counts(1, 0, 0);
    // Lengthening the retention does not bring back what is gone, and a restart does not either.
    world.engine().set_config(ONE, Config::standard()).await.unwrap();
    world.restart();
    world.counts(1, 0, 0);
    assert_eq!(text(&world.receive_one().await), "younger");
}

#[tokio::test]
async fn a_purge_takes_all_that_is_there_and_nothing_that_comes_after() {
    let mut world = World::standard().await;
    for body in ["a", "b", "c"] {
        world.send(body).await;
    }
    let received = world.receive_one().await;
    world.engine().purge(ONE).await.unwrap();
    world.counts(0, 0, 0);
    assert_eq!(world.delete(received.receipt).await, Ok(()), "it is gone already");
    world.send("d").await;
    world.restart();
    assert_eq!(texts(&world.receive(10).await), ["d"]);
}

#[tokio::test]
async fn a_batch_is_received_in_one_go_and_no_more_than_asked() {
    let world = World::standard().await;
    let bodies: Vec<String> = (0..25).map(|number| number.to_string()).collect();
    let messages: Vec<_> =
        bodies.iter().map(|body| NewMessage { body: body.as_bytes(), ..NewMessage::default() }).collect();
    let sent = world.engine().send_batch(ONE, &messages).await.unwrap();
    assert!(sent.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    assert_eq!(texts(&world.receive(10).await), bodies[..10]);
    assert_eq!(texts(&world.receive(10).await), bodies[10..20]);
    assert_eq!(texts(&world.receive(10).await), bodies[20..]);
}

#[tokio::test]
async fn a_message_that_keeps_coming_back_and_a_backlog_take_turns() {
    let world = World::standard().await;
    for number in 0..6 {
        world.send(&number.to_string()).await;
    }
    let options = ReceiveOptions { visibility: Duration::ZERO, ..ReceiveOptions::one() };
    let mut seen = Vec::new();
    for _ in 0..8 {
        seen.push(text(&world.engine().receive(ONE, &options).await.unwrap()[0]).to_owned());
    }
    assert!(["0", "1", "2", "3"].iter().all(|body| seen.iter().any(|held| held == body)), "{seen:?}");
    assert!(seen.iter().filter(|body| *body == "0").count() > 1, "{seen:?}");
}

#[tokio::test]
async fn a_receive_beyond_the_in_flight_limit_is_refused() {
    let world = World::with(Config { in_flight_max: 2, ..Config::standard() }).await;
    for body in ["a", "b", "c"] {
        world.send(body).await;
    }
    assert_eq!(world.receive(10).await.len(), 2);
    let refused = world.engine().receive(ONE, &ReceiveOptions::one()).await;
    assert!(matches!(refused, Err(EngineError::OverLimit)));
}

#[tokio::test]
async fn queues_are_found_after_a_restart_and_dropped_ones_are_not() {
    let mut world = World::standard().await;
    world.send("a").await;
    world.engine().send_batch(TWO, &[NewMessage::default()]).await.unwrap();
    world.engine().drop_queue(TWO).await.unwrap();
    world.engine().set_config(ONE, Config { in_flight_max: 7, ..Config::standard() }).await.unwrap();
    for _ in 0..2 {
        assert_eq!(world.engine().queues(), [ONE]);
        assert_eq!(world.engine().config(ONE).unwrap().in_flight_max, 7);
        assert!(matches!(world.engine().counts(TWO), Err(EngineError::NoSuchQueue(TWO))));
        world.restart();
    }
    world.engine().create(TWO, Config::fifo()).await.unwrap();
    world.restart();
    assert_eq!(world.engine().counts(TWO).unwrap().visible, 0, "nothing of its namesake is left");
    let differs = world.engine().create(TWO, Config::standard()).await;
    assert!(matches!(differs, Err(EngineError::KindDiffers(TWO))));
}

#[tokio::test]
async fn sequence_numbers_go_on_rising_after_a_restart() {
    let mut world = World::standard().await;
    let mut last = 0;
    for _ in 0..5 {
        let sent = world.send("a").await;
        assert!(sent.sequence > last);
        last = sent.sequence;
        world.engine().purge(ONE).await.unwrap();
        world.restart();
    }
}

#[tokio::test]
async fn what_is_too_large_or_too_many_is_refused_and_changes_nothing() {
    let world = World::standard().await;
    let large = vec![0; 3 << 20];
    let message = NewMessage { body: &large, ..NewMessage::default() };
    let refused = world.engine().send_batch(ONE, &[NewMessage::default(), message]).await;
    assert!(matches!(refused, Err(EngineError::TooLarge { bytes: 3_145_728 })));
    let refused = world.engine().send_batch(ONE, &[NewMessage::default(); 2000]).await;
    assert!(matches!(refused, Err(EngineError::TooMany { count: 2000 })));
    world.counts(0, 0, 0);
    let unknown = QueueId(99);
    let refused = world.engine().send_batch(unknown, &[NewMessage::default()]).await;
    assert!(matches!(refused, Err(EngineError::NoSuchQueue(held)) if held == unknown));
    let body = vec![7; 1 << 20];
    world.send_message(NewMessage { body: &body, ..NewMessage::default() }).await;
    assert_eq!(world.receive_one().await.body, body);
}

#[tokio::test]
async fn a_queue_in_memory_works_the_same() {
    let clock = base::Clock::manual(base::Timestamp::from_secs(1));
    let engine = QueueEngine::in_memory(clock, Ids::seeded(1));
    engine.create(ONE, Config::standard()).await.unwrap();
    engine.send_batch(ONE, &[NewMessage { body: b"x", ..NewMessage::default() }]).await.unwrap();
    let received = engine.receive(ONE, &ReceiveOptions::one()).await.unwrap();
    assert_eq!(texts(&received), ["x"]);
    engine.delete_batch(ONE, &[received[0].receipt]).await.unwrap()[0].unwrap();
    assert_eq!(engine.counts(ONE).unwrap(), fogbank_queue::Counts::default());
}
