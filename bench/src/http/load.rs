//! Load: many connections that send from a pool of prepared requests, as fast as answers come or at a fixed rate.
//!
//! At a fixed rate a request has a moment at which it is due. Its latency counts from that moment when the
//! connection was still busy with the one before, so that a slow answer is not hidden by the requests that were
//! held up behind it; the timer's own coarseness is not counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use hdrhistogram::Histogram;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinSet;

use crate::http::{Answer, Connection, Prepared};
use crate::limits::{LATE_TIME_MAX, LATENCY_MICROS_MAX, WARM_UP_TIME};

/// What is to be done.
#[derive(Clone)]
pub struct Load {
    pub address: SocketAddr,
    /// Sent in turn, over and over.
    pub requests: Arc<Vec<Prepared>>,
    pub requests_max: usize,
    pub connections: usize,
    pub pace: Pace,
    pub time_max: Duration,
    /// Keep the bodies of the answers.
    pub keep: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each connection sends as soon as it has its answer.
    AsFastAsAnswered,
    /// This many a second, over all connections, whether or not answers come.
    PerSecond(f64),
}

/// What came of it.
pub struct Measured {
    pub requests: u64,
    pub failures: u64,
    pub time: Duration,
    /// In microseconds.
    pub latency: Histogram<u64>,
    pub bodies: Vec<Bytes>,
    /// One of the failures, in words.
    pub failure: Option<String>,
    /// When the last answer came.
    last: Option<Instant>,
}

/// In the middle, at the slow end, and at most.
#[derive(Clone, Copy)]
pub struct Latency {
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl Latency {
    /// Of at least one time.
    pub fn of(mut times: Vec<Duration>) -> Latency {
        assert!(!times.is_empty(), "a latency is measured once at least");
        times.sort_unstable();
        Latency {
            p50: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
            max: times[times.len() - 1],
        }
    }
}

impl Measured {
    fn new() -> Measured {
        let latency = Histogram::new_with_max(LATENCY_MICROS_MAX, 3).expect("the bounds are constants");
        Measured {
            requests: 0,
            failures: 0,
            time: Duration::ZERO,
            latency,
            bodies: Vec::new(),
            failure: None,
            last: None,
        }
    }

    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.time.as_secs_f64().max(1e-9)
    }

    /// The latency that this share of requests stays below.
    pub fn quantile(&self, share: f64) -> Duration {
        Duration::from_micros(self.latency.value_at_quantile(share))
    }

    pub fn latencies(&self) -> Latency {
        Latency {
            p50: self.quantile(0.5),
            p99: self.quantile(0.99),
            max: Duration::from_micros(self.latency.max()),
        }
    }

    /// A figure with failures in it is no figure.
    pub fn checked(self) -> anyhow::Result<Measured> {
        let all = self.requests + self.failures;
        if self.requests == 0 || self.failures * 100 > all {
            let failure = self.failure.as_deref().unwrap_or("nothing was answered");
            bail!("{} of {all} requests failed, such as: {failure}", self.failures);
        }
        Ok(self)
    }

    fn count(&mut self, answer: anyhow::Result<Answer>, since: Instant, keep: bool) {
        match answer {
            Ok(answer) if answer.status.is_success() => {
                self.requests += 1;
                self.last = Some(Instant::now());
                self.latency.saturating_record(since.elapsed().as_micros() as u64);
                if keep {
                    self.bodies.push(answer.body);
                }
            }
            Ok(answer) => {
                self.failures += 1;
                let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
                self.failure = Some(format!("{}: {body}", answer.status));
            }
            Err(error) => {
                self.failures += 1;
                self.failure = Some(format!("{error:#}"));
            }
        }
    }

    fn merge(&mut self, other: Measured) {
        self.requests += other.requests;
        self.failures += other.failures;
        self.latency.add(&other.latency).expect("all histograms have the same bounds");
        self.bodies.extend(other.bodies);
        self.failure = self.failure.take().or(other.failure);
        self.last = self.last.max(other.last);
    }
}

impl Load {
    /// As fast as 64 connections are answered, until the time is over.
    pub fn of(address: SocketAddr, requests: Arc<Vec<Prepared>>, time_max: Duration) -> Load {
        Load {
            address,
            requests,
            requests_max: usize::MAX,
            connections: 64,
            pace: Pace::AsFastAsAnswered,
            time_max,
            keep: false,
        }
    }

    pub async fn run_warm(&self, what: &str) -> anyhow::Result<Measured> {
        let warm_up = Load { time_max: WARM_UP_TIME.min(self.time_max), ..self.clone() };
        warm_up.run(&format!("{what}, warming up")).await?;
        self.run(what).await?.checked()
    }

    pub async fn run(&self, what: &str) -> anyhow::Result<Measured> {
        let bar = progress(what, self.time_max);
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        let mut workers = JoinSet::new();
        for number in 0..self.connections {
            workers.spawn(self.clone().work(number, next.clone(), start));
        }
        let mut whole = Measured::new();
        let mut tick = tokio::time::interval(Duration::from_millis(200));
        loop {
            tokio::select! {
                done = workers.join_next() => match done {
                    Some(done) => whole.merge(done.context("a worker of the load panicked")?),
                    None => break,
                },
                _ = tick.tick() => bar.set_position(start.elapsed().as_millis() as u64),
            }
        }
        whole.time = whole.last.map_or(start.elapsed(), |last| last - start);
        bar.finish_and_clear();
        Ok(whole)
    }

    async fn work(self, number: usize, next: Arc<AtomicUsize>, start: Instant) -> Measured {
        let mut connection = Connection::new(self.address);
        let mut measured = Measured::new();
        for round in 0.. {
            let due = self.due(number, round, start);
            let now = Instant::now();
            if due.max(now) >= start + self.time_max {
                break;
            }
            let since = if due > now {
                tokio::time::sleep_until(due.into()).await;
                Instant::now()
            } else {
                due
            };
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= self.requests_max {
                break;
            }
            let request = &self.requests[index % self.requests.len()];
            let end = start + self.time_max + LATE_TIME_MAX;
            let Ok(answer) = tokio::time::timeout_at(end.into(), connection.send(request)).await else {
                // Whoever is that slow is not waited for; the rate shows it.
                break;
            };
            let failed = answer.is_err();
            let since = if self.pace == Pace::AsFastAsAnswered { now } else { since };
            measured.count(answer, since, self.keep);
            if failed {
                // Whoever refuses connections is not asked a million times a second.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        measured
    }

    /// When a worker's next request is due; at full speed, always already.
    fn due(&self, number: usize, round: u32, start: Instant) -> Instant {
        match self.pace {
            Pace::AsFastAsAnswered => start,
            Pace::PerSecond(rate) => {
                let place = f64::from(round) * self.connections as f64 + number as f64;
                start + Duration::from_secs_f64(place / rate)
            }
        }
    }
}

fn progress(what: &str, time_max: Duration) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{msg:<44} {wide_bar} {elapsed}").expect("the template is valid");
    let bar = ProgressBar::new(time_max.as_millis() as u64).with_style(style);
    bar.with_message(what.to_owned())
}
