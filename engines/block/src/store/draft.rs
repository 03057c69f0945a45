//! A snapshot whose blocks are still being written: a log of what was, next to segments.
//!
//! The log is not synced with every line: the page cache keeps it when we are killed, and of a snapshot that a power
//! cut met, only what was synced counts (see `pending`). A process that continues a draft writes to a new segment, so
//! no slot is ever written twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::error::refused;
use super::files;
use super::keys::{Name, Wrap, for_segment};
use super::segment::{self, Segment};
use super::table::{Entry, Ring};

#[derive(Serialize, Deserialize)]
enum Line {
    /// Blocks that follow may be in this segment; its key, sealed for the snapshot.
    Segment {
        id: u64,
        sealed: Vec<u8>,
    },
    Block(Entry),
    Zeros(u32),
}

/// What a log says: the keys of its segments, and the blocks, of which the last line counts.
#[derive(Default)]
pub(crate) struct Lines {
    pub(crate) ring: Ring,
    pub(crate) blocks: BTreeMap<u32, Option<Entry>>,
}

pub(crate) struct Draft {
    segments: PathBuf,
    path: PathBuf,
    wrap: Wrap,
    log: Mutex<Log>,
}

struct Log {
    file: File,
    at: u64,
    segment: Option<Arc<Segment>>,
}

impl Draft {
    /// Begins one in the snapshot's folder, or goes on with the one that is there.
    pub(crate) fn open(folder: &Path, segments: &Path, wrap: Wrap) -> Result<Draft, StoreError> {
        files::make_folder(folder)?;
        let path = folder.join("log");
        let file = files::open(&path)?;
        // So that nobody takes it for a left-over.
        if !files::claim(&file)? {
            return Err(StoreError::Busy(format!("{} is being written", folder.display())));
        }
        let (_, at) = read_lines(&path)?;
        file.set_len(at).map_err(refused("cutting a log"))?;
        let log = Mutex::new(Log { file, at, segment: None });
        Ok(Draft { segments: segments.to_path_buf(), path, wrap, log })
    }

    pub(crate) fn wrap(&self) -> &Wrap {
        &self.wrap
    }

    /// Writes a block, which is encrypted in its place.
    pub(crate) fn put(&self, block: u32, name: Name, content: &mut [u8]) -> Result<(), StoreError> {
        let segment = self.segment()?;
        let entry = append(&segment, block, name, content)?;
        self.note(&Line::Block(entry))
    }

    /// The same, synced.
    pub(crate) fn put_synced(&self, block: u32, name: Name, content: &mut [u8]) -> Result<(), StoreError> {
        let segment = self.segment()?;
        let entry = append(&segment, block, name, content)?;
        segment.sync()?;
        self.note(&Line::Block(entry))?;
        files::sync(&self.log.lock().file)
    }

    /// Notes that a block is zeros.
    pub(crate) fn zeros(&self, block: u32) -> Result<(), StoreError> {
        self.note(&Line::Zeros(block))
    }

    pub(crate) fn sync_log(&self) -> Result<(), StoreError> {
        files::sync(&self.log.lock().file)
    }

    fn segment(&self) -> Result<Arc<Segment>, StoreError> {
        let mut log = self.log.lock();
        if let Some(segment) = &log.segment {
            return Ok(segment.clone());
        }
        let (segment, secret) = Segment::create(&self.segments)?;
        let sealed = self.wrap.seal(&for_segment(segment.id), &secret)?;
        log.add(&Line::Segment { id: segment.id, sealed })?;
        let segment = Arc::new(segment);
        log.segment = Some(segment.clone());
        Ok(segment)
    }

    fn note(&self, line: &Line) -> Result<(), StoreError> {
        self.log.lock().add(line)
    }

    /// What was written so far, in order of blocks.
    pub(crate) fn lines(&self) -> Result<Lines, StoreError> {
        let _nobody_adds = self.log.lock();
        Ok(read_lines(&self.path)?.0)
    }

    /// Makes everything durable that was written, also by processes before this one.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.lines()?.sync(&self.segments)?;
        self.sync_log()
    }
}

impl Lines {
    /// Makes the blocks durable that count.
    pub(crate) fn sync(&self, segments: &Path) -> Result<(), StoreError> {
        let named: BTreeSet<u64> = self.blocks.values().flatten().map(|entry| entry.segment).collect();
        for id in named {
            let path = segment::path(segments, id);
            File::open(path).and_then(|file| file.sync_data()).map_err(refused("syncing blocks"))?;
        }
        Ok(())
    }
}

impl Log {
    /// A line that could not be written whole is written over by the next.
    fn add(&mut self, line: &Line) -> Result<(), StoreError> {
        let bytes = files::frame(line);
        files::write(&self.file, &bytes, self.at)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

fn append(segment: &Segment, block: u32, name: Name, content: &mut [u8]) -> Result<Entry, StoreError> {
    let (slot, tag, sum) = segment.append(content)?;
    Ok(Entry { block, segment: segment.id, slot, sum, tag, name })
}

/// What a log says, and how long it is without a torn end.
fn read_lines(path: &Path) -> Result<(Lines, u64), StoreError> {
    let mut lines = Lines::default();
    let Some(bytes) = files::read(path)? else { return Ok((lines, 0)) };
    let mut rest = &bytes[..];
    while let Some(line) = files::next_frame(&mut rest) {
        match line {
            Line::Segment { id, sealed } => lines.ring.push((id, sealed)),
            Line::Block(entry) => drop(lines.blocks.insert(entry.block, Some(entry))),
            Line::Zeros(block) => drop(lines.blocks.insert(block, None)),
        }
    }
    Ok((lines, (bytes.len() - rest.len()) as u64))
}

/// What the log in this folder says, if there is one: for those who do not write to it.
pub(crate) fn lines_in(folder: &Path) -> Result<Lines, StoreError> {
    Ok(read_lines(&folder.join("log"))?.0)
}
