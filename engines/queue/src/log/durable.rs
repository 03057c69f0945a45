//! Waiting until what was appended is on disk.
//!
//! One list of wakers for all, in which only those stand whose position has not been reached. A commit wakes
//! exactly those it satisfies, and waiting allocates nothing of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::{Condvar, Mutex};

use crate::error::EngineError;

#[derive(Default)]
pub struct Durable {
    position: AtomicU64,
    /// Why nothing becomes durable any more.
    stopped: OnceLock<Arc<str>>,
    waiting: Mutex<Vec<(u64, Waker)>>,
    /// For the keeper, which is a thread.
    turned: Condvar,
}

impl Durable {
    /// Everything up to `position` is on disk.
    pub fn reached(&self, position: u64) {
        let woken = {
            let mut waiting = self.waiting.lock();
            self.position.store(position, Ordering::Release);
            let (woken, left) =
                std::mem::take(&mut *waiting).into_iter().partition(|(at, _)| *at <= position);
            *waiting = left;
            let woken: Vec<_> = woken;
            woken
        };
        self.turned.notify_all();
        for (_, waker) in woken {
            waker.wake();
        }
    }

    /// Nothing more will ever be on disk.
    pub fn stop(&self, why: Arc<str>) {
        let woken = {
            let mut waiting = self.waiting.lock();
            let _first_reason_wins = self.stopped.set(why);
            std::mem::take(&mut *waiting)
        };
        self.turned.notify_all();
        for (_, waker) in woken {
            waker.wake();
        }
    }

    pub fn stopped(&self) -> Option<EngineError> {
        self.stopped.get().map(|why| EngineError::Stopped(Arc::clone(why)))
    }

    pub fn wait(&self, position: u64) -> Wait<'_> {
        Wait { durable: self, position, registered: None }
    }

    pub fn wait_blocking(&self, position: u64) -> Result<(), EngineError> {
        let mut waiting = self.waiting.lock();
        loop {
            if let Some(answer) = self.answer(position) {
                return answer;
            }
            self.turned.wait(&mut waiting);
        }
    }

    fn answer(&self, position: u64) -> Option<Result<(), EngineError>> {
        if self.position.load(Ordering::Acquire) >= position {
            return Some(Ok(()));
        }
        self.stopped().map(Err)
    }
}

pub struct Wait<'a> {
    durable: &'a Durable,
    position: u64,
    registered: Option<Waker>,
}

impl Future for Wait<'_> {
    type Output = Result<(), EngineError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let durable = self.durable;
        if let Some(answer) = durable.answer(self.position) {
            return Poll::Ready(answer);
        }
        if self.registered.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        let mut waiting = durable.waiting.lock();
        // The position may have been reached before the lock was.
        if let Some(answer) = durable.answer(self.position) {
            return Poll::Ready(answer);
        }
        waiting.push((self.position, context.waker().clone()));
        self.registered = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_waiter_goes_on_when_its_position_is_reached_and_not_before() {
        let durable = Arc::new(Durable::default());
        let waiter = Arc::clone(&durable);
        #[expect(clippy::disallowed_methods, reason = "the test waits for it")]
        let task = tokio::task::spawn(async move { waiter.wait(5).await });
        tokio::task::yield_now().await;
        durable.reached(4);
        tokio::task::yield_now().await;
        assert!(!task.is_finished());
        durable.reached(5);
        task.await.unwrap().unwrap();
        durable.wait(3).await.unwrap();
        durable.stop("broken".into());
        assert!(durable.wait(6).await.is_err());
        assert!(durable.wait(5).await.is_ok(), "what was durable stays durable");
    }
}
