//! Compressed streams, told apart by how they begin, and digests of what passes through.

use std::cell::RefCell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use aws_lc_rs::digest::{Context, SHA256};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use crate::digest;
use crate::error::ImageError;

/// A stream, unpacked.
pub enum Unpacked<R: BufRead> {
    Plain(R),
    Gzip(MultiGzDecoder<R>),
    Zstd(Box<Zstd<R>>),
}

/// Unpacks gzip and zstd; passes on what is neither.
pub fn reader<R: BufRead>(mut source: R) -> Result<Unpacked<R>, ImageError> {
    let begin = source.fill_buf().map_err(unreadable)?;
    let starts = |magic: &[u8]| begin.starts_with(magic);
    if starts(&[0x1f, 0x8b]) {
        return Ok(Unpacked::Gzip(MultiGzDecoder::new(source)));
    }
    let skippable = matches!(begin, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
    if starts(&[0x28, 0xb5, 0x2f, 0xfd]) || skippable {
        return Ok(Unpacked::Zstd(Box::new(Zstd { source, decoder: FrameDecoder::new(), in_frame: false })));
    }
    for (magic, name) in [(&b"\xfd7zXZ"[..], "xz"), (&b"BZh"[..], "bzip2"), (&b"PK\x03\x04"[..], "zip")] {
        if starts(magic) {
            return Err(ImageError::archive(format!("it is {name}; tar files may be plain, gzip or zstd")));
        }
    }
    Ok(Unpacked::Plain(source))
}

pub fn unreadable(error: io::Error) -> ImageError {
    ImageError::archive(format!("it is not a tar archive, or is cut off or damaged ({error})"))
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Unpacked::Plain(source) => source.read(buffer),
            Unpacked::Gzip(source) => source.read(buffer),
            Unpacked::Zstd(source) => source.read(buffer),
        }
    }
}

/// Zstd of any number of frames, some of which may be there to be skipped.
pub struct Zstd<R: BufRead> {
    source: R,
    decoder: FrameDecoder,
    in_frame: bool,
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.in_frame && !self.next_frame()? {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.source, one).map_err(io::Error::other)?;
            }
            let count = self.decoder.read(buffer)?;
            self.in_frame = !(self.decoder.is_finished() && self.decoder.can_collect() == 0);
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
        }
    }
}

impl<R: BufRead> Zstd<R> {
    /// False at the end of the stream.
    fn next_frame(&mut self) -> io::Result<bool> {
        while !self.source.fill_buf()?.is_empty() {
            let length = match self.decoder.init(&mut self.source) {
                Ok(()) => {
                    self.in_frame = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => u64::from(length),
                Err(error) => return Err(io::Error::other(error)),
            };
            let skipped = io::copy(&mut self.source.by_ref().take(length), &mut io::sink())?;
            if skipped < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(false)
    }
}

/// A reader whose bytes are counted into a digest, and the digest.
pub fn checked<R: Read>(source: R) -> (Checked<R>, Sum) {
    let sum = Sum(Rc::new(RefCell::new(Context::new(&SHA256))));
    (Checked { source, sum: Sum(sum.0.clone()) }, sum)
}

pub struct Checked<R> {
    source: R,
    sum: Sum,
}

/// The digest of what was read so far.
pub struct Sum(Rc<RefCell<Context>>);

impl Sum {
    /// As `sha256:…`.
    pub fn written(&self) -> String {
        digest::written(self.0.borrow().clone())
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.sum.0.borrow_mut().update(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};
    use std::io::Write;

    fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
        let mut unpacked = Vec::new();
        let mut reader = reader(packed).map_err(|error| error.to_string())?;
        reader.read_to_end(&mut unpacked).map_err(|error| error.to_string())?;
        Ok(unpacked)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        compress_to_vec(bytes, CompressionLevel::Fastest)
    }

    #[test]
    fn streams_are_unpacked_by_how_they_begin() {
        let text: Vec<u8> = (0..300_000u32).map(|number| (number % 251) as u8).collect();
        let skip = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        assert_eq!(unpack(&text).unwrap(), text);
        assert_eq!(unpack(b"").unwrap(), b"");
        assert_eq!(unpack(&[gzip(&text), gzip(b"end")].concat()).unwrap(), [&text[..], b"end"].concat());
        let frames = [&skip[..], &zstd(&text), &zstd(b""), &skip, &zstd(b"end")].concat();
        assert_eq!(unpack(&frames).unwrap(), [&text[..], b"end"].concat());
    }

    #[test]
    fn what_is_cut_off_or_of_another_kind_is_an_error() {
        let text = vec![7; 100_000];
        assert!(unpack(&gzip(&text)[..60]).is_err());
        let packed = zstd(&text);
        assert!(unpack(&packed[..packed.len() - 3]).is_err());
        assert!(unpack(&[0x50, 0x2a, 0x4d, 0x18, 9, 0, 0, 0, 1]).is_err());
        assert!(unpack(b"\xfd7zXZ\0").unwrap_err().contains("it is xz"));
    }

    #[test]
    fn the_digest_is_that_of_what_was_read() {
        let (mut source, sum) = checked(&b"fog"[..]);
        source.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(sum.written(), digest::of_bytes(b"fog"));
    }
}
