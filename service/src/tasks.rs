//! Background work and its one driver.
//!
//! A pass takes no input, may run twice, does a bounded piece of work and says whether more is left. It runs when
//! its period is over (by cloud time, so turning the clock wakes it) or when it is nudged. It runs under a lease in
//! the store, so that of several processes on one store one runs it, and another takes over when that one is gone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use base::{Clock, Timestamp};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use schema::Fault;
use store::lease::{self, Lease};
use store::{Store, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::{DRAIN_TIME_MAX, TASK_LEASE_TIME, TASK_RETRY_MAX, TASK_RETRY_MIN};

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

impl Task {
    /// Work on a service, which it does not keep alive: once that has gone there is nothing to do.
    pub fn of<S, F, E>(
        service: &Arc<S>,
        name: &'static str,
        period: Duration,
        nudge: Nudge,
        pass: impl Fn(Arc<S>) -> F + Send + Sync + 'static,
    ) -> Task
    where
        S: Send + Sync + 'static,
        F: Future<Output = Result<Pass, E>> + Send,
        E: Into<Fault>,
    {
        let service = Arc::downgrade(service);
        let pass = Arc::new(pass);
        let pass = move || -> BoxFuture<'static, Result<Pass, Fault>> {
            let (service, pass) = (service.clone(), Arc::clone(&pass));
            Box::pin(async move {
                match service.upgrade() {
                    Some(service) => pass(service).await.map_err(E::into),
                    None => Ok(Pass::Done),
                }
            })
        };
        Task { name, period, nudge, pass: Arc::new(pass) }
    }
}

/// Wakes a task before its period is over. Nudges that arrive during a pass are kept, as one.
#[derive(Clone, Default)]
pub struct Nudge(Arc<Notify>);

impl Nudge {
    pub fn nudge(&self) {
        self.0.notify_one();
    }

    /// Resolves at the next nudge, for work that is no task.
    pub async fn nudged(&self) {
        self.0.notified().await;
    }
}

/// The driver: runs tasks and other spawned work, and drains both at the end.
#[derive(Clone)]
pub struct Tasks(Arc<Inner>);

struct Inner {
    clock: Clock,
    store: Store,
    /// This process's name among those that share the store.
    holder: String,
    running: Mutex<JoinSet<()>>,
    stopping: watch::Sender<bool>,
}

impl Tasks {
    /// `holder` names this process among those that share the store. Where only one can, any fixed name serves, and
    /// a restart then finds its leases its own.
    pub fn new(clock: Clock, store: Store, holder: impl Into<String>) -> Tasks {
        let stopping = watch::Sender::new(false);
        let running = Mutex::new(JoinSet::new());
        Tasks(Arc::new(Inner { clock, store, holder: holder.into(), running, stopping }))
    }

    /// Starts a task. Its first pass is at once, to pick up what an earlier run left.
    pub fn start(&self, task: Task) {
        let inner = Arc::clone(&self.0);
        self.spawn(async move {
            let mut stopping = inner.stopping.subscribe();
            let mut retry = TASK_RETRY_MIN;
            let mut lease = None;
            while !*stopping.borrow() {
                let begun = inner.clock.now();
                let pause = match inner.run(&task, &mut lease).await {
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
                // A clock that was turned during the pass has used up so much of the pause.
                let pause = pause.saturating_sub(inner.clock.now().since(begun));
                tokio::select! {
                    () = inner.clock.sleep(pause), if !pause.is_zero() => {}
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

impl Inner {
    /// One pass, if the task's lease is ours.
    async fn run(&self, task: &Task, lease: &mut Option<Lease>) -> Result<Pass, Fault> {
        let now = self.clock.now();
        let lasts = |lease: &Lease| now + TASK_LEASE_TIME / 2 < lease.expires;
        if !lease.as_ref().is_some_and(lasts) {
            *lease = self.lease(task.name, now).await.map_err(Fault::internal)?;
        }
        if lease.is_none() {
            return Ok(Pass::Again(TASK_LEASE_TIME));
        }
        (task.pass)().await
    }

    async fn lease(&self, name: &str, now: Timestamp) -> Result<Option<Lease>, StoreError> {
        let holder = self.holder.as_str();
        self.store
            .transact(|tx| async move { lease::acquire(&tx, name, holder, TASK_LEASE_TIME, now).await })
            .await
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

    /// The store answers from a thread of its own, so passes take a moment of real time.
    async fn until(count: &AtomicUsize, wanted: usize) {
        for _ in 0..1000 {
            if count.load(Ordering::SeqCst) == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("{} passes, not {wanted}", count.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn a_clock_that_is_turned_during_a_pass_is_seen_after_it() {
        let clock = Clock::manual(Timestamp::from_secs(0));
        let store = Store::embedded_in_memory(store::Options::default()).unwrap();
        let tasks = Tasks::new(clock.clone(), store, "one");
        let (task, count) = counting(Duration::from_secs(60));
        let (turned, counted) = (clock.clone(), task.pass.clone());
        let pass = move || -> BoxFuture<'static, Result<Pass, Fault>> {
            if turned.now() == Timestamp::from_secs(0) {
                turned.advance(Duration::from_secs(90));
            }
            counted()
        };
        tasks.start(Task { pass: Arc::new(pass), ..task });
        until(&count, 2).await;
        tasks.shutdown().await;
    }

    #[tokio::test]
    async fn a_task_runs_at_its_period_when_nudged_and_only_under_its_lease() {
        let clock = Clock::manual(Timestamp::from_secs(0));
        let store = Store::embedded_in_memory(store::Options::default()).unwrap();
        let tasks = Tasks::new(clock.clone(), store.clone(), "one");
        let other = Tasks::new(clock.clone(), store, "two");
        let (task, count) = counting(Duration::from_secs(60));
        let nudge = task.nudge.clone();
        tasks.start(task.clone());
        until(&count, 1).await;
        clock.advance(Duration::from_secs(61));
        until(&count, 2).await;
        nudge.nudge();
        until(&count, 3).await;
        other.start(task);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(count.load(Ordering::SeqCst), 3, "the lease is held by another");
        tasks.shutdown().await;
        clock.advance(TASK_LEASE_TIME * 2);
        until(&count, 4).await;
        other.shutdown().await;
    }
}
