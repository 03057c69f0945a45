//! Background work and its one driver.
//!
//! A pass takes no input, may run twice, does a bounded piece of work and says whether more is left. It runs when
//! its period is over (by cloud time, so turning the clock wakes it) or when it is nudged.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base::Clock;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use schema::Fault;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::{DRAIN_TIME_MAX, TASK_RETRY_MAX, TASK_RETRY_MIN};

/// How a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Nothing is left to do until the next period or nudge.
    Done,
    /// The bound was reached; run again at once.
    More,
    /// Nothing is left to do before this much time has passed.
    Again(Duration),
}

/// One kind of background work.
#[derive(Clone)]
pub struct Task {
    /// Service and purpose: `sqs.move-messages`.
    pub name: &'static str,
    pub period: Duration,
    pub nudge: Nudge,
    pub pass: Arc<dyn Fn() -> BoxFuture<'static, Result<Pass, Fault>> + Send + Sync>,
}

/// Wakes a task before its period is over. Nudges that arrive during a pass are kept, as one.
#[derive(Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    pub fn nudge(&self) {
        self.0.notify_one();
    }

    async fn nudged(&self) {
        self.0.notified().await;
    }
}

/// The driver: runs tasks and other spawned work, and drains both at the end.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    clock: Clock,
    running: Mutex<JoinSet<()>>,
    stopping: watch::Sender<bool>,
}

impl Tasks {
    pub fn new(clock: Clock) -> Tasks {
        let stopping = watch::Sender::new(false);
        Tasks(Arc::new(Inner { clock, running: Mutex::new(JoinSet::new()), stopping }))
    }

    /// Starts a task. Its first pass is at once, to pick up what an earlier run left.
    pub fn start(&self, task: Task) {
        let (clock, mut stopping) = (self.0.clock.clone(), self.0.stopping.subscribe());
        self.spawn(async move {
            let mut retry = TASK_RETRY_MIN;
            while !*stopping.borrow() {
                let pause = match (task.pass)().await {
                    Ok(outcome) => {
                        retry = TASK_RETRY_MIN;
                        pause_after(outcome, task.period)
                    }
                    Err(fault) => {
                        tracing::warn!(task = task.name, ?fault, "a pass failed and will be tried again");
                        let pause = retry;
                        retry = (retry * 2).min(TASK_RETRY_MAX);
                        pause
                    }
                };
                tokio::select! {
                    () = clock.sleep(pause), if !pause.is_zero() => {}
                    () = task.nudge.nudged(), if !pause.is_zero() => {}
                    () = tokio::task::yield_now(), if pause.is_zero() => {}
                    _ = stopping.changed() => {}
                }
            }
        });
    }

    /// Runs one piece of work that shutdown waits for.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut running = self.0.running.lock();
        while running.try_join_next().is_some() {}
        running.spawn(work);
    }

    /// Resolves when shutdown has begun, for work that would otherwise go on.
    pub async fn stopped(&self) {
        let mut stopping = self.0.stopping.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        drop(stopping.wait_for(|stopping| *stopping).await);
    }

    /// Lets everything end by itself, and ends after a limit what does not.
    pub async fn shutdown(&self) {
        self.0.stopping.send_replace(true);
        let mut running = std::mem::take(&mut *self.0.running.lock());
        let drained = async { while running.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN_TIME_MAX, drained).await.is_err() {
            tracing::warn!(left = running.len(), "background work did not end in time and was cut off");
        }
    }
}

fn pause_after(outcome: Pass, period: Duration) -> Duration {
    match outcome {
        Pass::Done => period,
        Pass::More => Duration::ZERO,
        Pass::Again(after) => after.min(period),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Timestamp;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn counting(period: Duration) -> (Task, Arc<AtomicUsize>) {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = count.clone();
        let pass = move || -> BoxFuture<'static, Result<Pass, Fault>> {
            counted.fetch_add(1, Ordering::SeqCst);
            Box::pin(async { Ok(Pass::Done) })
        };
        (Task { name: "test.count", period, nudge: Nudge::default(), pass: Arc::new(pass) }, count)
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_task_runs_at_its_period_and_when_nudged() {
        let clock = Clock::manual(Timestamp::from_secs(0));
        let tasks = Tasks::new(clock.clone());
        let (task, count) = counting(Duration::from_secs(60));
        let nudge = task.nudge.clone();
        tasks.start(task);
        settle().await;
        assert_eq!(count.load(Ordering::SeqCst), 1, "the first pass is at once");
        clock.advance(Duration::from_secs(61));
        settle().await;
        assert_eq!(count.load(Ordering::SeqCst), 2);
        nudge.nudge();
        settle().await;
        assert_eq!(count.load(Ordering::SeqCst), 3);
        tasks.shutdown().await;
    }
}
