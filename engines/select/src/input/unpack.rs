//! Unpacks GZIP and BZIP2 as the bytes arrive, a little at a time.

use std::io::Write;

use bytes::{Buf, Bytes};
use bzip2::{Decompress, Status};
use flate2::write::MultiGzDecoder;

use crate::error::{Code, SelectError};
use crate::format::Compression;
use crate::limits::{GZIP_STEP_BYTES, STEP_BYTES};

pub(crate) struct Unpacker {
    kind: Kind,
    /// Unpacked, and not handed out.
    ready: Bytes,
    /// The first bytes, which tell a wrong format from a broken one.
    magic: Vec<u8>,
}

enum Kind {
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Bzip2 {
        stream: Box<Decompress>,
        /// Within a stream, which has to end.
        within: bool,
    },
}

impl Unpacker {
    pub(crate) fn new(compression: Compression) -> Unpacker {
        let kind = match compression {
            Compression::None => Kind::Plain,
            Compression::Gzip => Kind::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))),
            Compression::Bzip2 => Kind::Bzip2 { stream: Box::new(Decompress::new(false)), within: false },
        };
        Unpacker { kind, ready: Bytes::new(), magic: Vec::new() }
    }

    /// The next piece, of [`STEP_BYTES`] at most. `None` when `input` is used up.
    pub(crate) fn next(&mut self, input: &mut Bytes) -> Result<Option<Bytes>, SelectError> {
        loop {
            if !self.ready.is_empty() {
                return Ok(Some(self.ready.split_to(self.ready.len().min(STEP_BYTES))));
            }
            if input.is_empty() {
                return Ok(None);
            }
            self.sniff(input)?;
            match &mut self.kind {
                Kind::Plain => return Ok(Some(input.split_to(input.len().min(STEP_BYTES)))),
                Kind::Gzip(decoder) => {
                    let some = input.split_to(input.len().min(GZIP_STEP_BYTES));
                    decoder.write_all(&some).map_err(|error| failed(error.to_string()))?;
                    self.ready = Bytes::from(std::mem::take(decoder.get_mut()));
                }
                Kind::Bzip2 { stream, within } => {
                    self.ready = bunzip2(stream, within, input).map_err(failed)?;
                }
            }
        }
    }

    fn expected_magic(&self) -> &'static [u8] {
        match self.kind {
            Kind::Plain => b"",
            Kind::Gzip(_) => b"\x1f\x8b",
            Kind::Bzip2 { .. } => b"BZh",
        }
    }

    fn sniff(&mut self, input: &[u8]) -> Result<(), SelectError> {
        let expected = self.expected_magic();
        let wanted = expected.len() - self.magic.len();
        self.magic.extend(input.iter().take(wanted));
        if expected.starts_with(&self.magic) { Ok(()) } else { Err(Code::InvalidCompressionFormat.into()) }
    }

    /// What is left at the end of the object, if that is where the packed data ends too.
    pub(crate) fn finish(&mut self) -> Result<Bytes, SelectError> {
        let begun = self.magic.len() >= self.expected_magic().len();
        match &mut self.kind {
            Kind::Plain => {}
            _ if !begun => return Err(Code::InvalidCompressionFormat.into()),
            Kind::Gzip(decoder) => {
                decoder.try_finish().map_err(|error| failed(error.to_string()))?;
                return Ok(Bytes::from(std::mem::take(decoder.get_mut())));
            }
            Kind::Bzip2 { within, .. } => {
                if *within {
                    return Err(failed(String::from("the last stream has no end")));
                }
            }
        }
        Ok(Bytes::new())
    }
}

fn failed(cause: String) -> SelectError {
    SelectError::new(Code::TruncatedInput).because(cause)
}

/// One step. Streams may follow each other, as parallel packers write them.
fn bunzip2(stream: &mut Box<Decompress>, within: &mut bool, input: &mut Bytes) -> Result<Bytes, String> {
    let mut out = Vec::with_capacity(STEP_BYTES);
    let before = stream.total_in();
    let status = stream.decompress_vec(input, &mut out).map_err(|error| error.to_string())?;
    let used = usize::try_from(stream.total_in() - before).expect("no more than there is");
    *within = true;
    if status == Status::StreamEnd {
        **stream = Decompress::new(false);
        *within = false;
    } else if used == 0 && out.is_empty() {
        return Err(String::from("no progress"));
    }
    input.advance(used);
    Ok(Bytes::from(out))
}
