//! Reading records back: from the buffers while they are unwritten, from the page cache, or from the disk.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::EngineError;
use crate::limits::READ_TOGETHER_BYTES;
use crate::log::{Location, Log};
use medium::{MediumFile, read_exact};

/// Neighbours, to be read in one go; or one record that was still in memory.
enum Piece {
    Copied(Bytes),
    OnFile { file: Arc<dyn MediumFile>, segment: u32, offset: u32, length: u32 },
}

impl Log {
    /// The records at `locations`, in order, unchecked. Takes the file handles at once, so that a segment may be
    /// dropped in the meantime.
    pub fn fetch(&self, locations: &[Location]) -> Fetch {
        let state = self.state.lock();
        let mut pieces: Vec<Piece> = Vec::with_capacity(locations.len());
        let mut sizes = Vec::with_capacity(locations.len());
        for at in locations {
            let unwritten = state.unwritten().find(|chunk| {
                chunk.segment == at.segment
                    && chunk.start <= at.offset
                    && ((at.offset - chunk.start) as usize) < chunk.bytes.len()
            });
            if let Some(chunk) = unwritten {
                let start = (at.offset - chunk.start) as usize;
                let record = &chunk.bytes[start..start + at.length as usize];
                pieces.push(Piece::Copied(Bytes::copy_from_slice(record)));
                sizes.push((pieces.len() - 1, 0, at.length));
                continue;
            }
            match pieces.last_mut() {
                Some(Piece::OnFile { segment, offset, length, .. })
                    if *segment == at.segment
                        && *offset + *length == at.offset
                        && *length + at.length <= READ_TOGETHER_BYTES =>
                {
                    let within = *length;
                    *length += at.length;
                    sizes.push((pieces.len() - 1, within, at.length));
                }
                _ => {
                    let file = Arc::clone(&state.segments[&at.segment].file);
                    let piece =
                        Piece::OnFile { file, segment: at.segment, offset: at.offset, length: at.length };
                    pieces.push(piece);
                    sizes.push((pieces.len() - 1, 0, at.length));
                }
            }
        }
        Fetch { pieces, sizes }
    }
}

/// Records about to be read.
pub struct Fetch {
    pieces: Vec<Piece>,
    /// For each record: its piece, and where in that it is.
    sizes: Vec<(usize, u32, u32)>,
}

impl Fetch {
    /// Reads without keeping the async runtime waiting for the disk.
    pub async fn read(mut self) -> Result<Vec<Bytes>, EngineError> {
        if self.read_cached()? {
            return Ok(self.cut());
        }
        let read = tokio::task::spawn_blocking(move || self.read_blocking());
        read.await.unwrap_or_else(|panicked| Err(EngineError::Stopped(panicked.to_string().into())))
    }

    /// Reads, and waits for the disk where it has to.
    pub fn read_blocking(mut self) -> Result<Vec<Bytes>, EngineError> {
        for piece in &mut self.pieces {
            if let Piece::OnFile { file, offset, length, .. } = piece {
                let mut buffer = vec![0; *length as usize];
                read_exact(&**file, &mut buffer, u64::from(*offset))?;
                *piece = Piece::Copied(buffer.into());
            }
        }
        Ok(self.cut())
    }

    /// Whether everything could be read from memory.
    fn read_cached(&mut self) -> Result<bool, EngineError> {
        let mut all = true;
        for piece in &mut self.pieces {
            if let Piece::OnFile { file, offset, length, .. } = piece {
                let mut buffer = vec![0; *length as usize];
                if file.read_cached(&mut buffer, u64::from(*offset))? {
                    *piece = Piece::Copied(buffer.into());
                } else {
                    all = false;
                }
            }
        }
        Ok(all)
    }

    fn cut(self) -> Vec<Bytes> {
        let piece = |index: usize| match &self.pieces[index] {
            Piece::Copied(bytes) => bytes,
            Piece::OnFile { .. } => unreachable!("every piece has been read"),
        };
        let record = |(index, within, length): &(usize, u32, u32)| {
            piece(*index).slice(*within as usize..(*within + *length) as usize)
        };
        self.sizes.iter().map(record).collect()
    }
}
