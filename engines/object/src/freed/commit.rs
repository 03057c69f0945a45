//! Writing the journal: the one thread that does, and the summary.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::error::EngineError;
use crate::freed::{
    ENTRY_BYTES, HEAD_BYTES, Journal, Log, MAGIC, RESERVE_BYTES, Request, SUMMARY_ENTRIES, SUMMARY_MAGIC,
    UNFINISHED_SUFFIX, encode, name, write,
};
use crate::limits::JOURNAL_FILES_MAX;
use crate::packs::{Freed, Packs, Released};

impl Journal {
    /// Returns when it is on disk that these are free.
    pub async fn free(&self, frames: Vec<Freed>) -> Result<(), EngineError> {
        let (answer, answered) = oneshot::channel();
        if !self.ask(Request { frames, answer: Some(answer) }) {
            return Err(EngineError::Closed);
        }
        answered.await.unwrap_or(Err(EngineError::Closed))
    }

    /// As [`Journal::free`], some time soon.
    pub fn free_later(&self, frames: Vec<Freed>) {
        // If the engine stops, the next sweep finds them.
        self.ask(Request { frames, answer: None });
    }

    fn ask(&self, request: Request) -> bool {
        let mut queue = self.queue.lock();
        if queue.stopping {
            return false;
        }
        queue.requests.push(request);
        self.asked.notify_one();
        true
    }

    /// Nothing is taken any more; what was asked is done.
    pub fn close(&self) {
        self.queue.lock().stopping = true;
        self.asked.notify_all();
    }

    /// Commits until the journal is closed and nothing is left.
    pub fn commit_forever(&self, packs: &Packs, after: impl Fn(Released)) {
        loop {
            let requests = {
                let mut queue = self.queue.lock();
                while queue.requests.is_empty() {
                    if queue.stopping {
                        drop(queue);
                        if let Err(error) = self.trim() {
                            tracing::warn!(%error, "the journal of frees keeps more room than it needs");
                        }
                        return;
                    }
                    self.asked.wait(&mut queue);
                }
                std::mem::take(&mut queue.requests)
            };
            let done = self.commit(packs, &requests, &after);
            if let Err(error) = &done {
                tracing::warn!(%error, "what is free could not be written down");
            }
            for answer in requests.into_iter().filter_map(|request| request.answer) {
                let _unwanted = answer.send(done.clone());
            }
        }
    }

    fn commit(
        &self,
        packs: &Packs,
        requests: &[Request],
        after: &impl Fn(Released),
    ) -> Result<(), EngineError> {
        let mut frames: Vec<Freed> = requests.iter().flat_map(|request| &request.frames).copied().collect();
        packs.retain_used(&mut frames);
        if frames.is_empty() {
            return Ok(());
        }
        let mut log = self.log.lock();
        if let Err(error) = self.append(&mut log, &encode(&self.engine, MAGIC, &frames)) {
            // What is behind its end is unknown now.
            log.file = None;
            return Err(error);
        }
        // While the log is held, so that a summary finds what is in force also handed over to be given back.
        after(packs.release(&frames));
        Ok(())
    }

    fn append(&self, log: &mut Log, batch: &[u8]) -> Result<(), EngineError> {
        let file = match &log.file {
            Some(file) => Arc::clone(file),
            None => self.create(log)?,
        };
        let end = log.end + batch.len() as u64;
        if end > log.reserved {
            let wanted = end.next_multiple_of(RESERVE_BYTES);
            // Where there is no room for so much, there may be for the batch.
            log.reserved = file.reserve(wanted).map_or(log.reserved, |()| wanted);
        }
        write(&*file, batch, log.end)?;
        file.sync()?;
        log.end = end;
        log.bytes += batch.len() as u64;
        Ok(())
    }

    fn create(&self, log: &mut Log) -> Result<Arc<dyn crate::medium::MediumFile>, EngineError> {
        let name = name(log.next);
        let file = self.medium.create(&name)?;
        log.next += 1;
        log.names.push(name.clone());
        log.name = name;
        self.medium.sync_names()?;
        (log.file, log.end, log.reserved) = (Some(Arc::clone(&file)), 0, 0);
        Ok(file)
    }

    /// Begins a file, so that there is room to free something even when the disk is full.
    pub fn prepare(&self) -> Result<(), EngineError> {
        let mut log = self.log.lock();
        if log.file.is_none() {
            let file = self.create(&mut log)?;
            file.reserve(RESERVE_BYTES)?;
            log.reserved = RESERVE_BYTES;
        }
        Ok(())
    }

    /// Gives back what was reserved for nothing.
    pub fn trim(&self) -> Result<(), EngineError> {
        let mut log = self.log.lock();
        let Some(file) = log.file.take() else { return Ok(()) };
        if log.end > 0 {
            return Ok(file.truncate(log.end)?);
        }
        let name = std::mem::take(&mut log.name);
        log.names.retain(|other| *other != name);
        Ok(self.medium.remove(&name)?)
    }

    /// Whether it is worth the while to write a summary.
    pub fn is_long(&self, bytes_max: u64) -> bool {
        let log = self.log.lock();
        let is_grown = log.bytes > bytes_max && log.bytes > 3 * log.summary_bytes;
        is_grown || log.names.len() > JOURNAL_FILES_MAX
    }

    /// Closes the file that is written to. Everything in the files so far is in force, and their names are returned.
    pub fn turn(&self) -> Vec<String> {
        let mut log = self.log.lock();
        log.file = None;
        log.names.clone()
    }

    /// Puts a summary in the place of these files. It says at least what they say, and all of it has been given back.
    pub fn summarise(&self, before: &[String], frames: &[Freed]) -> Result<(), EngineError> {
        let finished = {
            let mut log = self.log.lock();
            log.next += 1;
            name(log.next - 1)
        };
        let unfinished = format!("{finished}{UNFINISHED_SUFFIX}");
        let file = self.medium.create(&unfinished)?;
        let mut bytes = 0;
        for lot in frames.chunks(SUMMARY_ENTRIES) {
            let batch = encode(&self.engine, SUMMARY_MAGIC, lot);
            write(&*file, &batch, bytes)?;
            bytes += batch.len() as u64;
        }
        file.sync()?;
        self.medium.rename(&unfinished, &finished)?;
        self.medium.sync_names()?;
        for name in before {
            self.medium.remove(name)?;
        }
        let mut log = self.log.lock();
        log.names.retain(|name| !before.contains(name));
        log.names.push(finished);
        // What was written meanwhile is counted by the size of its entries only, which is near enough.
        log.bytes = bytes + log.file.as_ref().map_or(0, |_| log.end);
        log.summary_bytes = bytes.max((HEAD_BYTES + ENTRY_BYTES) as u64);
        Ok(())
    }
}
