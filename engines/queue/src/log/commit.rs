//! The one thread that writes: everything that has gathered, then one sync, then everyone is told.

use std::mem;
use std::sync::Arc;

use crate::log::{Chunk, Log};

/// Larger buffers are given back to the system after use.
const KEPT_BUFFER_BYTES: usize = 4 << 20;
const KEPT_BUFFERS: usize = 4;

impl Log {
    /// Commits until the log is closed and nothing is left, or the disk fails.
    pub fn commit_forever(&self) {
        while self.commit_once() {}
    }

    fn commit_once(&self) -> bool {
        let (chunks, position) = {
            let mut state = self.state.lock();
            while state.pending.is_empty() {
                if state.stopping {
                    return false;
                }
                self.appended.wait(&mut state);
            }
            if !self.gather.is_zero() && !state.stopping {
                drop(state);
                std::thread::sleep(self.gather);
                state = self.state.lock();
            }
            state.writing = Arc::new(mem::take(&mut state.pending));
            (Arc::clone(&state.writing), state.appended)
        };
        if let Err(error) = write(&chunks) {
            // What is in memory is ahead of the disk now, for good. Only a restart gets them together again.
            self.fail(&error);
            return false;
        }
        let sealed = chunks.len() > 1;
        let mut state = self.state.lock();
        state.writing = Arc::default();
        // A reader may hold the chunks for a moment; then their buffers are simply not kept.
        if let Some(chunks) = Arc::into_inner(chunks) {
            for mut chunk in chunks {
                if state.empty.len() < KEPT_BUFFERS && chunk.bytes.capacity() <= KEPT_BUFFER_BYTES {
                    chunk.bytes.clear();
                    state.empty.push(chunk.bytes);
                }
            }
        }
        drop(state);
        self.durable.reached(position);
        if sealed {
            self.nudge_keeper();
        }
        true
    }
}

/// A segment is synced whole before its successor is begun, so that recovery may rely on all but the last.
fn write(chunks: &[Chunk]) -> std::io::Result<()> {
    for chunk in chunks {
        chunk.file.write_at(&chunk.bytes, u64::from(chunk.start))?;
        chunk.file.sync()?;
    }
    Ok(())
}
