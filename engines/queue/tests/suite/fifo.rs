//! FIFO queues: order, blocked groups, deduplication, attempts.

use std::time::Duration;

use fogbank_queue::{Config, DedupScope, EngineError, NewMessage, ReceiveOptions};

use crate::{ONE, World, text, texts};

#[tokio::test]
async fn a_group_is_received_in_order_and_blocked_while_one_of_it_is_in_flight() {
    let mut world = World::fifo().await;
    for body in ["a1", "a2", "a3"] {
        world.send_to("a", body).await;
    }
    world.send_to("b", "b1").await;
    let first = world.receive_one().await;
    assert_eq!(text(&first), "a1");
    assert_eq!(text(&world.receive_one().await), "b1", "another group is free");
    assert!(world.receive(10).await.is_empty());
    world.counts(2, 2, 0);
    world.restart();
    assert!(world.receive(10).await.is_empty(), "also after a restart");
    assert_eq!(world.delete(first.receipt).await, Ok(()));
    assert_eq!(texts(&world.receive(10).await), ["a2", "a3"]);
}

#[tokio::test]
async fn what_comes_back_is_received_again_before_what_follows_it() {
    let world = World::fifo().await;
    for body in ["1", "2", "3", "4"] {
        world.send_to("g", body).await;
    }
    let received = world.receive(3).await;
    assert_eq!(world.delete(received[0].receipt).await, Ok(()));
    assert_eq!(world.hide(received[1].receipt, 0).await, Ok(()));
    assert!(world.receive(10).await.is_empty(), "the third is still in flight");
    world.pass(31);
    assert_eq!(texts(&world.receive(10).await), ["2", "3", "4"]);
}

#[tokio::test]
async fn a_batch_takes_as_many_of_one_group_as_it_can_then_others_and_groups_take_turns() {
    let world = World::fifo().await;
    for body in ["1", "2"] {
        for group in ["a", "b", "c"] {
            world.send_to(group, &format!("{group}{body}")).await;
        }
    }
    let received = world.receive(3).await;
    assert_eq!(texts(&received), ["a1", "a2", "b1"]);
    for message in &received {
        world.delete(message.receipt).await.unwrap();
    }
    assert_eq!(texts(&world.receive(2).await), ["c1", "c2"]);
    assert_eq!(texts(&world.receive(2).await), ["b2"]);
}

#[tokio::test]
async fn a_duplicate_within_five_minutes_answers_as_the_original_did_and_adds_nothing() {
    let mut world = World::fifo().await;
    let message = NewMessage { body: b"x", group: Some("g"), dedup: Some("d"), ..NewMessage::default() };
    let original = world.send_message(message).await;
    assert!(!original.duplicate);
    let received = world.receive_one().await;
    world.delete(received.receipt).await.unwrap();
    world.restart();
    world.pass(299);
    let other_group = NewMessage { body: b"y", group: Some("h"), ..message };
    for again in [message, other_group] {
        let duplicate = world.send_message(again).await;
        assert!(duplicate.duplicate);
        assert_eq!((duplicate.id, duplicate.sequence), (original.id, original.sequence));
    }
    world.counts(0, 0, 0);
    world.pass(1);
    assert!(!world.send_message(message).await.duplicate);
    world.counts(1, 0, 0);
}

#[tokio::test]
async fn a_duplicate_within_one_batch_is_found_and_a_purge_forgets_no_ids() {
    let world = World::fifo().await;
    let message = NewMessage { body: b"x", group: Some("g"), dedup: Some("d"), ..NewMessage::default() };
    let sent = world.engine().send_batch(ONE, &[message, message]).await.unwrap();
    assert_eq!((sent[0].duplicate, sent[1].duplicate), (false, true));
    world.engine().purge(ONE).await.unwrap();
    assert!(world.send_message(message).await.duplicate);
}

#[tokio::test]
async fn ids_can_be_scoped_to_the_message_group() {
    let world = World::with(Config { dedup_scope: DedupScope::MessageGroup, ..Config::fifo() }).await;
    for group in ["a", "b"] {
        let message =
            NewMessage { body: b"x", group: Some(group), dedup: Some("d"), ..NewMessage::default() };
        assert!(!world.send_message(message).await.duplicate);
        assert!(world.send_message(message).await.duplicate);
    }
    world.counts(2, 0, 0);
}

#[tokio::test]
async fn an_attempt_repeated_gives_the_same_messages_and_begins_their_timeout_anew() {
    let world = World::fifo().await;
    for body in ["1", "2", "3"] {
        world.send_to("g", body).await;
    }
    let attempt =
        |name: &str| ReceiveOptions { max: 2, attempt: Some(name.to_owned()), ..ReceiveOptions::one() };
    let first = world.engine().receive(ONE, &attempt("x")).await.unwrap();
    world.pass(20);
    let again = world.engine().receive(ONE, &attempt("x")).await.unwrap();
    assert_eq!(texts(&again), ["1", "2"]);
    assert!(first.iter().zip(&again).all(|(one, other)| one.receipt == other.receipt));
    world.pass(20);
    world.counts(1, 2, 0);
    assert!(world.engine().receive(ONE, &attempt("y")).await.unwrap().is_empty());
    world.delete(first[0].receipt).await.unwrap();
    let changed = world.engine().receive(ONE, &attempt("x")).await.unwrap();
    assert!(changed.is_empty(), "one of them was deleted, and the group is blocked");
    world.pass(31);
    assert_eq!(texts(&world.engine().receive(ONE, &attempt("x")).await.unwrap()), ["2", "3"]);
}

#[tokio::test]
async fn a_delay_holds_back_what_follows_in_the_group() {
    let world = World::fifo().await;
    let delay = Duration::from_secs(10);
    world.send_message(NewMessage { body: b"1", group: Some("g"), delay, ..NewMessage::default() }).await;
    world.send_to("g", "2").await;
    world.counts(1, 0, 1);
    assert!(world.receive(10).await.is_empty());
    world.pass(10);
    assert_eq!(texts(&world.receive(10).await), ["1", "2"]);
}

#[tokio::test]
async fn a_message_without_group_is_refused_and_the_in_flight_limit_gives_nothing() {
    let world = World::with(Config { in_flight_max: 1, ..Config::fifo() }).await;
    let refused = world.engine().send_batch(ONE, &[NewMessage::default()]).await;
    assert!(matches!(refused, Err(EngineError::GroupMissing)));
    world.send_to("a", "1").await;
    world.send_to("b", "2").await;
    assert_eq!(world.receive(10).await.len(), 1);
    assert!(world.receive(10).await.is_empty());
}
