//! How far the work on a task is, told by who does it and written down now and then by who watches it.

use futures_util::StreamExt;
use parking_lot::Mutex;
use schema::ByteStream;
use std::sync::Arc;

use crate::model::transfers::states::Phase;

#[derive(Clone)]
pub struct Meter(Arc<Mutex<Reading>>);

struct Reading {
    /// Disks, and which of them is worked on.
    count: u64,
    index: u64,
    phase: Phase,
    percent: u8,
}

impl Meter {
    pub fn new(count: usize) -> Meter {
        let reading = Reading { count: (count as u64).max(1), index: 0, phase: Phase::Pending, percent: 0 };
        Meter(Arc::new(Mutex::new(reading)))
    }

    pub fn on_disk(&self, index: usize) {
        self.0.lock().index = index as u64;
    }

    /// So much of a phase is done.
    pub fn at(&self, phase: Phase, done: u64, total: u64) {
        let mut reading = self.0.lock();
        let own = u64::from(phase.percent(done, total));
        let all = (reading.index * 100 + own) / reading.count;
        reading.phase = phase;
        reading.percent = reading.percent.max(u8::try_from(all).unwrap_or(99).min(99));
    }

    pub fn reading(&self) -> (Phase, u8) {
        let reading = self.0.lock();
        (reading.phase, reading.percent)
    }

    /// A body that tells how much of it came.
    pub fn counted(&self, body: ByteStream, total: u64) -> ByteStream {
        let meter = self.clone();
        let mut came = 0;
        ByteStream::new(body.take().inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                came += chunk.len() as u64;
                meter.at(Phase::Validating, came, total);
            }
        }))
    }
}
