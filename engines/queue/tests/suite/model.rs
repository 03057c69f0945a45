//! Random operations, restarts included, against a model that is too simple to be wrong.

use std::collections::BTreeMap;
use std::time::Duration;

use fogbank_queue::{Config, Counts, Kind, NewMessage, Receipt, ReceiveOptions, SettleError};
use proptest::prelude::*;

use crate::{ONE, World};

#[derive(Clone, Debug)]
enum Step {
    Send { group: u8, delay: u64, dedup: u8 },
    Receive { max: usize, visibility: u64 },
    Delete { which: usize },
    Hide { which: usize, seconds: u64 },
    Pass { seconds: u64 },
    Purge,
    Restart,
    Tend,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3u8, 0..2u64, 0..40u8).prop_map(|(group, delay, dedup)| Step::Send {
            group, delay: delay * 7, dedup
        }),
        6 => (1..5usize, 0..40u64).prop_map(|(max, visibility)| Step::Receive { max, visibility }),
        4 => (0..20usize).prop_map(|which| Step::Delete { which }),
        2 => (0..20usize, 0..60u64).prop_map(|(which, seconds)| Step::Hide { which, seconds }),
        3 => (0..30u64).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Pass { seconds: 200 }),
        1 => Just(Step::Restart),
        1 => Just(Step::Tend),
        1 => (0..4u8).prop_map(|one| if one == 0 { Step::Purge } else { Step::Tend }),
    ]
}

const RETENTION_SECONDS: u64 = 500;

struct Message {
    group: u8,
    sent_at: u64,
    /// Hidden until then.
    until: u64,
    count: u32,
}

/// By sequence number. A message is visible, delayed or in flight by its deadline and count alone.
#[derive(Default)]
struct Model {
    now: u64,
    messages: BTreeMap<u64, Message>,
    dedups: BTreeMap<u8, (u64, u64)>,
    receipts: Vec<(u64, u32, Receipt)>,
}

impl Model {
    fn expire(&mut self) {
        let now = self.now;
        self.messages.retain(|_, message| message.sent_at + RETENTION_SECONDS > now);
    }

    fn visible(&self, message: &Message) -> bool {
        message.until <= self.now
    }

    fn counts(&self) -> Counts {
        let count =
            |wanted: &dyn Fn(&Message) -> bool| self.messages.values().filter(|one| wanted(one)).count();
        Counts {
            visible: count(&|message| self.visible(message)),
            in_flight: count(&|message| !self.visible(message) && message.count > 0),
            delayed: count(&|message| !self.visible(message) && message.count == 0),
        }
    }

    /// Whether a FIFO queue may give this message: all before it in its group are gone or were given by this
    /// same receive, and none of the group is in flight otherwise.
    fn may_give(&self, sequence: u64, given: &[u64]) -> bool {
        let group = self.messages[&sequence].group;
        self.messages.iter().all(|(other, message)| {
            message.group != group
                || given.contains(other)
                || (*other >= sequence && (self.visible(message) || message.count == 0))
        })
    }
}

async fn run(kind: Kind, steps: Vec<Step>) {
    let base = if kind == Kind::Fifo { Config::fifo() } else { Config::standard() };
    let mut world = World::with(Config { retention: Duration::from_secs(RETENTION_SECONDS), ..base }).await;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Send { group, delay, dedup } => send(&world, &mut model, kind, group, delay, dedup).await,
            Step::Receive { max, visibility } => receive(&world, &mut model, kind, max, visibility).await,
            Step::Delete { which } => delete(&world, &mut model, kind, which).await,
            Step::Hide { which, seconds } => hide(&world, &mut model, kind, which, seconds).await,
            Step::Pass { seconds } => {
                world.pass(seconds);
                model.now += seconds;
            }
            Step::Purge => {
                world.engine().purge(ONE).await.unwrap();
                model.messages.clear();
            }
            Step::Restart => world.restart(),
            Step::Tend => world.engine().tend(),
        }
        model.expire();
        assert_eq!(world.engine().counts(ONE).unwrap(), model.counts());
    }
}

async fn send(world: &World, model: &mut Model, kind: Kind, group: u8, delay: u64, dedup: u8) {
    let (group_name, dedup_name) = (group.to_string(), dedup.to_string());
    let sent = world
        .send_message(NewMessage {
            body: &[group],
            group: Some(&group_name),
            dedup: Some(&dedup_name),
            delay: Duration::from_secs(delay),
        })
        .await;
    let known = model.dedups.get(&dedup).filter(|(at, _)| kind == Kind::Fifo && at + 300 > model.now);
    if let Some((_, original)) = known {
        assert_eq!((sent.duplicate, sent.sequence), (true, *original));
        return;
    }
    assert!(!sent.duplicate && model.messages.keys().all(|sequence| *sequence < sent.sequence));
    model.dedups.insert(dedup, (model.now, sent.sequence));
    let message = Message { group, sent_at: model.now, until: model.now + delay, count: 0 };
    model.messages.insert(sent.sequence, message);
}

async fn receive(world: &World, model: &mut Model, kind: Kind, max: usize, visibility: u64) {
    let options =
        ReceiveOptions { max, visibility: Duration::from_secs(visibility), ..ReceiveOptions::one() };
    let received = world.engine().receive(ONE, &options).await.unwrap();
    let mut given = Vec::new();
    for message in &received {
        let sequence = message.sequence;
        let held = &model.messages[&sequence];
        assert!(model.visible(held), "only what is visible is given");
        assert_eq!((message.receive_count, &message.body[..]), (held.count + 1, &[held.group][..]));
        assert!(!given.contains(&sequence), "once each");
        assert!(kind == Kind::Standard || model.may_give(sequence, &given));
        given.push(sequence);
    }
    if given.len() < max {
        let left = model.messages.iter().filter(|(sequence, message)| {
            let free = kind == Kind::Standard || model.may_give(**sequence, &given);
            model.visible(message) && !given.contains(sequence) && free
        });
        assert_eq!(left.count(), 0, "nothing that could be given is kept back");
    }
    for message in received {
        let held = model.messages.get_mut(&message.sequence).unwrap();
        held.count += 1;
        held.until = model.now + visibility;
        model.receipts.push((message.sequence, held.count, message.receipt));
    }
}

async fn delete(world: &World, model: &mut Model, kind: Kind, which: usize) {
    let Some((sequence, count, receipt)) = pick(model, which) else { return };
    let answer = world.delete(receipt).await;
    let Some(held) = model.messages.get(&sequence) else {
        assert_eq!(answer, Ok(()));
        return;
    };
    let latest = held.count == count;
    let in_flight = held.until > model.now;
    if kind == Kind::Fifo && !(latest && in_flight) {
        assert_eq!(answer, Err(SettleError::Expired));
        return;
    }
    assert_eq!(answer, Ok(()));
    if latest {
        model.messages.remove(&sequence);
    }
}

async fn hide(world: &World, model: &mut Model, kind: Kind, which: usize, seconds: u64) {
    let Some((sequence, count, receipt)) = pick(model, which) else { return };
    let answer = world.hide(receipt, seconds).await;
    let now = model.now;
    let Some(held) = model.messages.get_mut(&sequence) else {
        assert_eq!(answer, Err(SettleError::Gone));
        return;
    };
    if held.count == count && held.until > now {
        assert_eq!(answer, Ok(()));
        held.until = now + seconds;
        return;
    }
    let refusal = match kind {
        Kind::Fifo => SettleError::Expired,
        Kind::Standard if held.count != count => SettleError::Gone,
        Kind::Standard => SettleError::NotInFlight,
    };
    assert_eq!(answer, Err(refusal));
}

fn pick(model: &Model, which: usize) -> Option<(u64, u32, Receipt)> {
    let count = model.receipts.len();
    (count > 0).then(|| model.receipts[count - 1 - which.min(count - 1)])
}

fn check(kind: Kind, steps: Vec<Step>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(kind, steps));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_standard_queue_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        check(Kind::Standard, steps);
    }

    #[test]
    fn a_fifo_queue_does_what_the_model_does(steps in prop::collection::vec(step(), 1..120)) {
        check(Kind::Fifo, steps);
    }
}
