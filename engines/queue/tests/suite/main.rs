//! What a queue does, seen from outside, with a clock turned by hand.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and waits for its tasks"
)]

mod crash;
mod dead_letters;
mod disk;
mod fifo;
mod messages;
mod model;
mod receipts;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Ids, Timestamp};
use fogbank_queue::{
    Config, Counts, NewMessage, Options, QueueEngine, QueueId, Receipt, ReceiveOptions, Received, Sent,
};
use medium::Faulty;

const ONE: QueueId = QueueId(1);
const TWO: QueueId = QueueId(2);

/// An engine on a simulated disk, with two queues.
struct World {
    disk: Faulty,
    clock: Clock,
    engine: Option<QueueEngine>,
}

impl World {
    async fn standard() -> World {
        World::with(Config::standard()).await
    }

    async fn fifo() -> World {
        World::with(Config::fifo()).await
    }

    async fn with(config: Config) -> World {
        let world = World::empty();
        world.engine().create(ONE, config).await.unwrap();
        world.engine().create(TWO, config).await.unwrap();
        world
    }

    fn empty() -> World {
        let (disk, clock) = (Faulty::new(), Clock::manual(Timestamp::from_secs(1_700_000_000)));
        let engine = Some(open(&disk, &clock));
        World { disk, clock, engine }
    }

    fn engine(&self) -> &QueueEngine {
        self.engine.as_ref().expect("it runs")
    }

    /// Ends the engine in order and starts it again.
    fn restart(&mut self) {
        self.engine = None;
        self.engine = Some(open(&self.disk, &self.clock));
    }

    fn pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn send(&self, body: &str) -> Sent {
        self.send_message(NewMessage { body: body.as_bytes(), ..NewMessage::default() }).await
    }

    async fn send_to(&self, group: &str, body: &str) -> Sent {
        let message = NewMessage { body: body.as_bytes(), group: Some(group), ..NewMessage::default() };
        self.send_message(message).await
    }

    async fn send_message(&self, message: NewMessage<'_>) -> Sent {
        self.engine().send_batch(ONE, &[message]).await.unwrap()[0]
    }

    async fn receive(&self, max: usize) -> Vec<Received> {
        self.engine().receive(ONE, &ReceiveOptions { max, ..ReceiveOptions::one() }).await.unwrap()
    }

    async fn receive_one(&self) -> Received {
        let mut received = self.receive(1).await;
        assert_eq!(received.len(), 1, "there is a message to receive");
        received.pop().unwrap()
    }

    async fn delete(&self, receipt: Receipt) -> Result<(), fogbank_queue::SettleError> {
        self.engine().delete_batch(ONE, &[receipt]).await.unwrap()[0]
    }

    async fn hide(&self, receipt: Receipt, seconds: u64) -> Result<(), fogbank_queue::SettleError> {
        let change = (receipt, Duration::from_secs(seconds));
        self.engine().change_visibility_batch(ONE, &[change]).await.unwrap()[0]
    }

    fn counts(&self, visible: usize, in_flight: usize, delayed: usize) {
        let counts = self.engine().counts(ONE).unwrap();
        assert_eq!(counts, Counts { visible, in_flight, delayed });
    }
}

fn open(disk: &Faulty, clock: &Clock) -> QueueEngine {
    try_open(disk, clock).unwrap()
}

fn try_open(disk: &Faulty, clock: &Clock) -> Result<QueueEngine, fogbank_queue::EngineError> {
    // Small segments, so that the tests see many of them.
    let options = Options { keeper: false, segment_bytes: 8 << 20, ..Options::default() };
    QueueEngine::on(Arc::new(disk.clone()), clock.clone(), Ids::seeded(1), options)
}

fn text(message: &Received) -> &str {
    std::str::from_utf8(&message.body).unwrap()
}

fn texts(messages: &[Received]) -> Vec<&str> {
    messages.iter().map(text).collect()
}
