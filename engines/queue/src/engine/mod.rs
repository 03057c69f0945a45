//! The engine: queues by id, each an index under a lock, over the one log.
//!
//! Every operation has the same shape: lock the queue, let what is due happen, ask the log for room, change the
//! index and append the records, unlock, and wait until they are on disk. Locks are taken in this order: the
//! queues (two of them by ascending id), then the log. The map of queues is never written under a queue's lock.

mod keeper;
mod moves;
mod receive;
mod replay;
mod send;
mod settle;
mod wait;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base::{Clock, Ids, Timestamp};
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::engine::replay::Replay;
use crate::engine::wait::Waiters;
use crate::error::EngineError;
use crate::index::Index;

use crate::limits::{SEGMENT_BYTES, SEGMENT_BYTES_MIN};
use crate::log::{Appender, Log, RECORD_OVERHEAD_BYTES, Record, Reserve};
use crate::message::{Config, Counts, QueueId, Usage};
use medium::{Folder, Medium, Memory};

/// How many runs of expired messages are admitted to the log together.
const RECORDS_AT_ONCE: usize = 64;

#[derive(Clone, Debug)]
pub struct Options {
    /// How long a commit waits for company once it has something to write. Fewer syncs for a little latency.
    pub gather: Duration,
    /// Whether a thread looks after segments and retention by itself; without, [`QueueEngine::tend`] has to be
    /// called (tests do, to know when it happens).
    pub keeper: bool,
    /// How large a segment of the log is, and with it what is kept free on a full disk.
    pub segment_bytes: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options { gather: Duration::ZERO, keeper: true, segment_bytes: SEGMENT_BYTES }
    }
}

/// A handle; clones share the engine. Dropping the last one commits what is pending and ends its threads.
#[derive(Clone)]
pub struct QueueEngine(Arc<Running>);

struct Running {
    inner: Arc<Inner>,
    threads: Vec<JoinHandle<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.inner.log.close();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the queue engine panicked");
            }
        }
    }
}

struct Inner {
    log: Log,
    clock: Clock,
    ids: Ids,
    queues: RwLock<HashMap<QueueId, Arc<Queue>>>,
}

struct Queue {
    id: QueueId,
    shared: Mutex<Shared>,
}

/// What a queue's lock protects.
struct Shared {
    config: Config,
    /// Where the configuration's record is.
    config_segment: u32,
    dropped: bool,
    index: Index,
    waiters: Waiters,
}

impl QueueEngine {
    /// Opens the log in a folder, which is made if it is missing.
    pub fn open(folder: &Path, clock: Clock, ids: Ids, options: Options) -> Result<QueueEngine, EngineError> {
        let held = || EngineError::Held(folder.display().to_string().into());
        let medium = Folder::open_alone(folder)?.ok_or_else(held)?;
        QueueEngine::on(Arc::new(medium), clock, ids, options)
    }

    /// Keeps everything in memory.
    pub fn in_memory(clock: Clock, ids: Ids) -> QueueEngine {
        QueueEngine::on(Arc::new(Memory::default()), clock, ids, Options::default())
            .expect("an empty medium has nothing that could be damaged")
    }

    pub fn on(
        medium: Arc<dyn Medium>,
        clock: Clock,
        ids: Ids,
        options: Options,
    ) -> Result<QueueEngine, EngineError> {
        let mut replay = Replay::new(clock.now().as_millis());
        let segment_bytes = options.segment_bytes.max(SEGMENT_BYTES_MIN);
        let mut apply = |record: &Record, at| replay.apply(record, at);
        let log = Log::open(medium, ids.clone(), options.gather, segment_bytes, &mut apply)?;
        let queues = replay.finish(&log)?;
        let queues = queues.into_iter().map(|queue| (queue.id, Arc::new(queue))).collect();
        let inner = Arc::new(Inner { log, clock, ids, queues: RwLock::new(queues) });
        let mut threads = vec![start(&inner, "queue-commit", |inner| inner.log.commit_forever())?];
        if options.keeper {
            threads.push(start(&inner, "queue-keeper", |inner| inner.keep_forever())?);
        }
        Ok(QueueEngine(Arc::new(Running { inner, threads })))
    }

    /// Makes a queue. Making it again with the same kind sets its configuration.
    pub async fn create(&self, id: QueueId, config: Config) -> Result<(), EngineError> {
        match self.add(id, config)? {
            Ok(position) => self.0.inner.log.durable.wait(position).await,
            Err(existing) => self.configure(&existing, config).await,
        }
    }

    /// Makes a queue and says when that is durable, or returns the one that is there.
    fn add(&self, id: QueueId, config: Config) -> Result<Result<u64, Arc<Queue>>, EngineError> {
        let inner = &self.0.inner;
        let mut queues = inner.queues.write();
        if let Some(queue) = queues.get(&id) {
            return Ok(Err(Arc::clone(queue)));
        }
        let mut log = inner.log.append();
        log.admit(RECORD_OVERHEAD_BYTES, Reserve::ForReceives)?;
        let at = log.note(&Record::Queue { queue: id, config });
        let shared = Shared::new(config, at.segment, Index::new(config.kind));
        queues.insert(id, Arc::new(Queue::new(id, shared)));
        Ok(Ok(log.position()))
    }

    /// Changes retention, limits or deduplication scope; the kind stays.
    pub async fn set_config(&self, id: QueueId, config: Config) -> Result<(), EngineError> {
        let queue = self.0.inner.queue(id)?;
        self.configure(&queue, config).await
    }

    async fn configure(&self, queue: &Queue, config: Config) -> Result<(), EngineError> {
        let inner = &self.0.inner;
        let position = {
            let (mut shared, _now) = inner.enter(queue)?;
            if shared.config.kind != config.kind {
                return Err(EngineError::KindDiffers(queue.id));
            }
            let mut log = inner.log.append();
            if shared.config != config {
                log.admit(RECORD_OVERHEAD_BYTES, Reserve::ForPurges)?;
                let at = log.note(&Record::Queue { queue: queue.id, config });
                log.release_queue(shared.config_segment);
                (shared.config, shared.config_segment) = (config, at.segment);
            }
            log.position()
        };
        inner.log.durable.wait(position).await
    }

    /// Changes the delay of all messages that are delayed now, as SQS does on FIFO queues.
    pub async fn redelay(&self, id: QueueId, delay: Duration) -> Result<(), EngineError> {
        let inner = &self.0.inner;
        let queue = inner.queue(id)?;
        let position = {
            let (mut shared, now) = inner.enter(&queue)?;
            let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            let mut log = inner.log.append();
            for lot in shared.index.delayed().chunks(RECORDS_AT_ONCE) {
                log.admit(lot.len() * RECORD_OVERHEAD_BYTES, Reserve::ForPurges)?;
                for &(sequence, sent_at) in lot {
                    let deadline = sent_at.saturating_add(delay);
                    shared.index.delay_until(sequence, deadline);
                    log.note(&Record::Hidden { queue: id, sequence, deadline });
                }
            }
            shared.index.promote(now);
            shared.wake();
            log.position()
        };
        inner.log.durable.wait(position).await
    }

    /// Removes a queue with all its messages. Whoever waits for a message is told that the queue is gone.
    pub async fn drop_queue(&self, id: QueueId) -> Result<(), EngineError> {
        let inner = &self.0.inner;
        let queue = inner.queue(id)?;
        let position = {
            let (mut shared, _now) = inner.enter(&queue)?;
            let mut log = inner.log.append();
            log.admit(RECORD_OVERHEAD_BYTES, Reserve::Nothing)?;
            log.note(&Record::Dropped { queue: id });
            log.release_queue(shared.config_segment);
            for location in shared.index.clear().locations {
                log.release(location);
            }
            shared.dropped = true;
            shared.waiters.wake_all();
            log.position()
        };
        // Not under the queue's lock: the map's lock comes before it.
        inner.queues.write().remove(&id);
        inner.log.nudge_keeper();
        inner.log.durable.wait(position).await
    }

    /// Removes all messages that are in the queue now, also those in flight.
    pub async fn purge(&self, id: QueueId) -> Result<(), EngineError> {
        let inner = &self.0.inner;
        let queue = inner.queue(id)?;
        let position = {
            let (mut shared, _now) = inner.enter(&queue)?;
            let mut log = inner.log.append();
            log.admit(RECORD_OVERHEAD_BYTES, Reserve::Nothing)?;
            let gone = shared.index.clear();
            note_removed(&mut log, id, &gone.runs);
            gone.locations.into_iter().for_each(|location| log.release(location));
            log.position()
        };
        inner.log.nudge_keeper();
        inner.log.durable.wait(position).await
    }

    pub fn counts(&self, id: QueueId) -> Result<Counts, EngineError> {
        let queue = self.0.inner.queue(id)?;
        let (shared, _now) = self.0.inner.enter(&queue)?;
        Ok(shared.index.counts())
    }

    /// When the oldest message was sent.
    pub fn oldest(&self, id: QueueId) -> Result<Option<Timestamp>, EngineError> {
        let queue = self.0.inner.queue(id)?;
        let (mut shared, _now) = self.0.inner.enter(&queue)?;
        Ok(shared.index.oldest_sent_at().map(Timestamp::from_millis))
    }

    pub fn config(&self, id: QueueId) -> Result<Config, EngineError> {
        let queue = self.0.inner.queue(id)?;
        Ok(queue.shared.lock().config)
    }

    /// All queues, in no order.
    pub fn queues(&self) -> Vec<QueueId> {
        self.0.inner.queues.read().keys().copied().collect()
    }

    pub fn usage(&self) -> Usage {
        self.0.inner.log.usage()
    }

    /// One pass of the keeper.
    pub fn tend(&self) {
        self.0.inner.keep_once();
    }
}

fn start(
    inner: &Arc<Inner>,
    name: &str,
    run: impl FnOnce(&Inner) + Send + 'static,
) -> Result<JoinHandle<()>, EngineError> {
    let inner = Arc::clone(inner);
    Ok(std::thread::Builder::new().name(name.to_owned()).spawn(move || run(&inner))?)
}

impl Inner {
    fn queue(&self, id: QueueId) -> Result<Arc<Queue>, EngineError> {
        self.queues.read().get(&id).cloned().ok_or(EngineError::NoSuchQueue(id))
    }

    /// Locks a queue, and lets happen what is due.
    fn enter<'a>(&self, queue: &'a Queue) -> Result<(MutexGuard<'a, Shared>, i64), EngineError> {
        let mut shared = queue.shared.lock();
        let now = self.settle_time(queue.id, &mut shared)?;
        Ok((shared, now))
    }

    /// Locks two different queues.
    fn enter_both<'a>(
        &self,
        one: &'a Queue,
        other: &'a Queue,
    ) -> Result<(MutexGuard<'a, Shared>, MutexGuard<'a, Shared>, i64), EngineError> {
        assert!(one.id != other.id, "a queue is not locked twice");
        let (mut first, mut second);
        if one.id < other.id {
            first = one.shared.lock();
            second = other.shared.lock();
        } else {
            second = other.shared.lock();
            first = one.shared.lock();
        }
        self.settle_time(other.id, &mut second)?;
        let now = self.settle_time(one.id, &mut first)?;
        Ok((first, second, now))
    }

    /// Delays and timeouts end, old messages vanish. Returns the moment, read under the lock, so that moments in
    /// a queue's records never run backwards.
    fn settle_time(&self, id: QueueId, shared: &mut Shared) -> Result<i64, EngineError> {
        if shared.dropped {
            return Err(EngineError::NoSuchQueue(id));
        }
        let now = self.clock.now().as_millis();
        shared.index.promote(now);
        let before = now - shared.config.retention.as_millis() as i64;
        if shared.index.has_expired(before) {
            let gone = shared.index.expire(before);
            let mut log = self.log.append();
            for lot in gone.runs.chunks(RECORDS_AT_ONCE) {
                // Without room for the record they are gone all the same, and will be found expired again.
                if log.admit(lot.len() * RECORD_OVERHEAD_BYTES, Reserve::ForPurges).is_ok() {
                    note_removed(&mut log, id, lot);
                }
            }
            gone.locations.into_iter().for_each(|location| log.release(location));
        }
        Ok(now)
    }
}

fn note_removed(log: &mut Appender<'_>, queue: QueueId, runs: &[(u64, u64)]) {
    for (first, last) in runs {
        log.note(&Record::Removed { queue, first: *first, last: *last });
    }
}

impl Queue {
    fn new(id: QueueId, shared: Shared) -> Queue {
        Queue { id, shared: Mutex::new(shared) }
    }
}

impl Shared {
    fn new(config: Config, config_segment: u32, index: Index) -> Shared {
        Shared { config, config_segment, dropped: false, index, waiters: Waiters::default() }
    }

    /// To be called after every change that may have given waiting receives something to do.
    fn wake(&mut self) {
        if !self.waiters.is_empty() {
            let next_moment = self.index.next_moment();
            self.waiters.wake(self.index.receivable(), next_moment);
        }
    }
}
