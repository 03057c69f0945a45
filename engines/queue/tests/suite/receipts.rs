//! Deleting and changing visibility: which receipts are good for what, and for how long.

use std::time::Duration;

use fogbank_queue::{Receipt, SettleError};

use crate::{ONE, TWO, World, text};

#[tokio::test]
async fn a_deleted_message_never_comes_back() {
    let mut world = World::standard().await;
    world.send("a").await;
    let received = world.receive_one().await;
    assert_eq!(world.delete(received.receipt).await, Ok(()));
    assert_eq!(world.delete(received.receipt).await, Ok(()), "deleting twice is no error");
    world.restart();
    world.pass(60);
    world.counts(0, 0, 0);
}

#[tokio::test]
async fn a_receipt_is_good_after_a_restart_and_through_its_bytes() {
    let mut world = World::standard().await;
    world.send("a").await;
    let receipt = Receipt::from_bytes(&world.receive_one().await.receipt.to_bytes()).unwrap();
    world.restart();
    world.counts(0, 1, 0);
    assert_eq!(world.hide(receipt, 100).await, Ok(()));
    world.restart();
    world.pass(99);
    world.counts(0, 1, 0);
    assert_eq!(world.delete(receipt).await, Ok(()));
    world.counts(0, 0, 0);
}

#[tokio::test]
async fn in_a_standard_queue_the_latest_receipt_deletes_after_its_timeout_and_an_older_one_does_nothing() {
    let world = World::standard().await;
    world.send("a").await;
    let first = world.receive_one().await.receipt;
    world.pass(31);
    let second = world.receive_one().await.receipt;
    assert_eq!(world.delete(first).await, Ok(()));
    world.counts(0, 1, 0);
    world.pass(31);
    assert_eq!(world.delete(second).await, Ok(()));
    world.counts(0, 0, 0);
    assert!(world.receive(1).await.is_empty());
}

#[tokio::test]
async fn in_a_fifo_queue_a_receipt_expires_with_its_timeout() {
    let world = World::fifo().await;
    world.send_to("g", "a").await;
    let first = world.receive_one().await.receipt;
    world.pass(31);
    assert_eq!(world.delete(first).await, Err(SettleError::Expired));
    assert_eq!(world.hide(first, 10).await, Err(SettleError::Expired));
    let second = world.receive_one().await.receipt;
    assert_eq!(world.delete(first).await, Err(SettleError::Expired));
    assert_eq!(world.delete(second).await, Ok(()));
    assert_eq!(world.delete(second).await, Ok(()), "it is gone already");
}

#[tokio::test]
async fn a_visibility_timeout_can_be_shortened_lengthened_and_ended() {
    let world = World::standard().await;
    world.send("a").await;
    let receipt = world.receive_one().await.receipt;
    assert_eq!(world.hide(receipt, 5).await, Ok(()));
    world.pass(4);
    assert_eq!(world.hide(receipt, 60).await, Ok(()));
    world.pass(59);
    world.counts(0, 1, 0);
    assert_eq!(world.hide(receipt, 0).await, Ok(()));
    world.counts(1, 0, 0);
    assert_eq!(world.hide(receipt, 10).await, Err(SettleError::NotInFlight));
    assert_eq!(text(&world.receive_one().await), "a");
    assert_eq!(world.hide(receipt, 10).await, Err(SettleError::Gone), "another receiver has it");
}

#[tokio::test]
async fn a_message_is_hidden_for_twelve_hours_at_most() {
    let world = World::standard().await;
    world.send("a").await;
    let receipt = world.receive_one().await.receipt;
    world.pass(10);
    assert_eq!(world.hide(receipt, 12 * 3600).await, Err(SettleError::TooLong));
    assert_eq!(world.hide(receipt, 12 * 3600 - 10).await, Ok(()));
}

#[tokio::test]
async fn strange_receipts_are_refused_one_by_one() {
    let world = World::standard().await;
    world.send("a").await;
    world.send("b").await;
    let received = world.receive(2).await;
    let good = received[0].receipt;
    let mut bytes = received[1].receipt.to_bytes();
    bytes[23] ^= 1;
    let forged = Receipt::from_bytes(&bytes).unwrap();
    let mut bytes = good.to_bytes();
    bytes[7] = TWO.0 as u8;
    let foreign = Receipt::from_bytes(&bytes).unwrap();
    bytes[7] = ONE.0 as u8;
    bytes[8] = 0x7f;
    let unborn = Receipt::from_bytes(&bytes).unwrap();
    let answers = world.engine().delete_batch(ONE, &[forged, good, foreign, unborn]).await.unwrap();
    let invalid = Err(SettleError::Invalid);
    assert_eq!(answers, [invalid, Ok(()), invalid, invalid]);
    world.counts(0, 1, 0);
    let gone = world.engine().change_visibility_batch(ONE, &[(good, Duration::from_secs(1))]).await.unwrap();
    assert_eq!(gone, [Err(SettleError::Gone)]);
}
