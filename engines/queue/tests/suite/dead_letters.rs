//! Dead-letter queues, and moving messages back.

use std::time::Duration;

use fogbank_queue::{Config, DeadLetter, NewMessage, QueueId, ReceiveOptions};

use crate::{ONE, TWO, World, text, texts};

fn options(receive_count_max: u32, target: QueueId) -> ReceiveOptions {
    let dead_letter = Some(DeadLetter { receive_count_max, target });
    ReceiveOptions { max: 10, dead_letter, ..ReceiveOptions::one() }
}

async fn received_too_often(world: &World) {
    for _ in 0..2 {
        assert!(!world.engine().receive(ONE, &options(2, TWO)).await.unwrap().is_empty());
        world.pass(31);
    }
}

#[tokio::test]
async fn a_message_received_too_often_goes_to_the_dead_letter_queue_and_stays_itself() {
    let mut world = World::standard().await;
    let sent = world.send("bad").await;
    let sent_at = world.clock.now();
    received_too_often(&world).await;
    world.send("good").await;
    let received = world.engine().receive(ONE, &options(2, TWO)).await.unwrap();
    assert_eq!(texts(&received), ["good"]);
    world.counts(0, 1, 0);
    world.restart();
    let dead = world.engine().receive(TWO, &ReceiveOptions::one()).await.unwrap().remove(0);
    assert_eq!((text(&dead), dead.id, dead.sent_at), ("bad", sent.id, sent_at));
    assert_eq!((dead.dead_letter_source, dead.receive_count), (Some(ONE), 3));
}

#[tokio::test]
async fn its_age_goes_on_in_a_standard_dead_letter_queue() {
    let world = World::standard().await;
    world.send("bad").await;
    received_too_often(&world).await;
    world.engine().send_batch(TWO, &[NewMessage::default()]).await.unwrap();
    assert!(world.engine().receive(ONE, &options(2, TWO)).await.unwrap().is_empty());
    assert_eq!(world.engine().counts(TWO).unwrap().visible, 2);
    let retention = Duration::from_secs(61);
    world.engine().set_config(TWO, Config { retention, ..Config::standard() }).await.unwrap();
    assert_eq!(
        world.engine().counts(TWO).unwrap().visible,
        1,
        "the older one, though it came later, is gone"
    );
}

#[tokio::test]
async fn in_fifo_queues_the_group_goes_along_and_what_follows_is_free() {
    let world = World::fifo().await;
    world.send_to("g", "bad").await;
    world.send_to("g", "good").await;
    for _ in 0..2 {
        let one = ReceiveOptions { max: 1, ..options(2, TWO) };
        assert_eq!(texts(&world.engine().receive(ONE, &one).await.unwrap()), ["bad"]);
        world.pass(31);
    }
    assert_eq!(texts(&world.engine().receive(ONE, &options(2, TWO)).await.unwrap()), ["good"]);
    let dead = world.engine().receive(TWO, &ReceiveOptions::one()).await.unwrap().remove(0);
    assert_eq!((text(&dead), dead.group.as_deref()), ("bad", Some("g")));
    assert_eq!(dead.sent_at, world.clock.now(), "a FIFO queue counts the move as sending");
}

#[tokio::test]
async fn without_the_dead_letter_queue_the_message_stays_where_it_is() {
    let world = World::standard().await;
    world.send("bad").await;
    received_too_often(&world).await;
    for target in [QueueId(99), ONE] {
        let received = world.engine().receive(ONE, &options(2, target)).await.unwrap();
        assert_eq!(texts(&received), ["bad"]);
        world.pass(31);
    }
}

#[tokio::test]
async fn dead_letters_go_back_to_where_they_came_from_as_new_messages() {
    let mut world = World::standard().await;
    let sent = world.send("bad").await;
    received_too_often(&world).await;
    world.engine().receive(ONE, &options(2, TWO)).await.unwrap();
    let moved = world.engine().move_batch(TWO, None, 10).await.unwrap();
    assert_eq!((moved.moved, moved.target_unknown), (1, false));
    world.restart();
    assert_eq!(world.engine().counts(TWO).unwrap().visible, 0);
    let again = world.receive_one().await;
    assert_eq!((text(&again), again.receive_count, again.dead_letter_source), ("bad", 1, None));
    assert_ne!(again.id, sent.id);
    assert_eq!(again.sent_at, world.clock.now());
}

#[tokio::test]
async fn a_move_takes_visible_messages_only_and_ends_where_no_target_is_known() {
    let world = World::standard().await;
    for body in ["1", "2", "3"] {
        world.send(body).await;
    }
    world.receive_one().await;
    let moved = world.engine().move_batch(ONE, None, 10).await.unwrap();
    assert_eq!((moved.moved, moved.target_unknown), (0, true), "they are no dead letters");
    assert_eq!(world.engine().move_batch(ONE, Some(TWO), 1).await.unwrap().moved, 1);
    assert_eq!(world.engine().move_batch(ONE, Some(TWO), 10).await.unwrap().moved, 1);
    world.counts(0, 1, 0);
    let there = ReceiveOptions { max: 10, ..ReceiveOptions::one() };
    assert_eq!(texts(&world.engine().receive(TWO, &there).await.unwrap()), ["2", "3"]);
}
