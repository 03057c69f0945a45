//! An image as one object: what is known of it, and the blocks of its snapshots, packed.
//!
//! ```text
//! "fogbank-ami-1\n"  length of the description (4 bytes)  the description, JSON
//! 1  snapshot (4)  block (8)  length (4)  the block, deflated     … for each block that is not zeroes
//! 0  SHA-256 of all bytes before (32)
//! ```
//!
//! AWS does not document its own format; its objects are not read here. Numbers are big-endian.

use std::io::{Read, Write};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::{Buf, BytesMut};
use ec2_api::Image;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::{Deserialize, Serialize};
use service::Kept;

use crate::ground::disks::BLOCK_BYTES;
use crate::limits::STORED_DESCRIPTION_BYTES_MAX;
use crate::model::tags::Tags;

const MAGIC: &[u8; 14] = b"fogbank-ami-1\n";
const END: u8 = 0;
const BLOCK: u8 = 1;
const BLOCK_HEADER: usize = 1 + 4 + 8 + 4;
const DIGEST_BYTES: usize = 32;

/// What deflating may add to a block that is noise.
const PACKED_BYTES_MAX: usize = BLOCK_BYTES as usize + 4096;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredImage {
    pub image: Kept<Image>,
    pub tags: Tags,
    pub snapshots: Vec<StoredSnapshot>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSnapshot {
    /// Its id then, which the image's mappings name.
    pub id: String,
    pub gib: i64,
    pub description: Option<String>,
    pub tags: Tags,
}

/// Makes the bytes of an object, in order.
pub struct Writer(Context);

impl Writer {
    /// With the bytes that the object begins with.
    pub fn begin(stored: &StoredImage) -> Result<(Writer, Vec<u8>), String> {
        let description = serde_json::to_vec(stored).map_err(|error| error.to_string())?;
        let length = u32::try_from(description.len()).map_err(|error| error.to_string())?;
        let mut writer = Writer(Context::new(&SHA256));
        let bytes = [&MAGIC[..], &length.to_be_bytes(), &description].concat();
        writer.0.update(&bytes);
        Ok((writer, bytes))
    }

    pub fn block(&mut self, snapshot: u32, block: u64, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(plain)?;
        let packed = packed.finish()?;
        let length = u32::try_from(packed.len()).map_err(std::io::Error::other)?;
        let head = [&[BLOCK][..], &snapshot.to_be_bytes(), &block.to_be_bytes(), &length.to_be_bytes()];
        let bytes = [&head.concat()[..], &packed].concat();
        self.0.update(&bytes);
        Ok(bytes)
    }

    pub fn end(mut self) -> Vec<u8> {
        self.0.update(&[END]);
        [&[END][..], self.0.finish().as_ref()].concat()
    }
}

#[derive(Debug, PartialEq)]
pub enum Item {
    Image(Box<StoredImage>),
    Block {
        snapshot: u32,
        block: u64,
        bytes: Vec<u8>,
    },
    /// All of it came, and it is what was written.
    End,
}

/// Reads such an object as it comes. Errors are sentences.
pub struct Reader {
    waiting: BytesMut,
    digest: Context,
    has_begun: bool,
}

impl Default for Reader {
    fn default() -> Reader {
        Reader { waiting: BytesMut::new(), digest: Context::new(&SHA256), has_begun: false }
    }
}

impl Reader {
    pub fn push(&mut self, bytes: &[u8]) {
        self.waiting.extend_from_slice(bytes);
    }

    /// The next item, if enough has come for it.
    pub fn item(&mut self) -> Result<Option<Item>, String> {
        if !self.has_begun {
            return self.image();
        }
        match self.waiting.first() {
            None => Ok(None),
            Some(&BLOCK) => self.block(),
            Some(&END) if self.waiting.len() <= DIGEST_BYTES => Ok(None),
            Some(&END) => {
                self.take(1);
                let whole = self.digest.clone().finish();
                let is_same = self.waiting[..] == *whole.as_ref();
                is_same
                    .then_some(Some(Item::End))
                    .ok_or_else(|| "it was changed since it was stored".to_owned())
            }
            Some(other) => Err(format!("it has something of kind {other}")),
        }
    }

    fn take(&mut self, length: usize) -> BytesMut {
        let taken = self.waiting.split_to(length);
        self.digest.update(&taken);
        taken
    }

    fn image(&mut self) -> Result<Option<Item>, String> {
        let start = self.waiting.len().min(MAGIC.len());
        if self.waiting[..start] != MAGIC[..start] {
            return Err("it is no image that was stored by this cloud".to_owned());
        }
        let head = MAGIC.len() + 4;
        if self.waiting.len() < head {
            return Ok(None);
        }
        let length = (&self.waiting[MAGIC.len()..head]).get_u32() as usize;
        if length > STORED_DESCRIPTION_BYTES_MAX {
            return Err("its description is too long".to_owned());
        }
        if self.waiting.len() < head + length {
            return Ok(None);
        }
        let taken = self.take(head + length);
        self.has_begun = true;
        let stored = serde_json::from_slice(&taken[head..]).map_err(|error| error.to_string())?;
        Ok(Some(Item::Image(Box::new(stored))))
    }

    fn block(&mut self) -> Result<Option<Item>, String> {
        if self.waiting.len() < BLOCK_HEADER {
            return Ok(None);
        }
        let mut head = &self.waiting[1..BLOCK_HEADER];
        let (snapshot, block, length) = (head.get_u32(), head.get_u64(), head.get_u32() as usize);
        if length > PACKED_BYTES_MAX {
            return Err(format!("a block of it has {length} bytes"));
        }
        if self.waiting.len() < BLOCK_HEADER + length {
            return Ok(None);
        }
        let taken = self.take(BLOCK_HEADER + length);
        let mut bytes = Vec::new();
        let unpacked = ZlibDecoder::new(&taken[BLOCK_HEADER..]).take(BLOCK_BYTES + 1).read_to_end(&mut bytes);
        match unpacked {
            Ok(count) if count as u64 == BLOCK_BYTES => Ok(Some(Item::Block { snapshot, block, bytes })),
            Ok(count) => Err(format!("a block of it has {count} bytes")),
            Err(error) => Err(format!("a block of it is damaged: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> Vec<u8> {
        let image = Kept(Image { name: Some("golden".to_owned()), ..Image::default() });
        let snapshot =
            StoredSnapshot { id: "snap-1".to_owned(), gib: 1, description: None, tags: Tags::new() };
        let stored = StoredImage { image, tags: Tags::new(), snapshots: vec![snapshot] };
        let (mut writer, mut bytes) = Writer::begin(&stored).unwrap();
        for block in [0_u64, 7] {
            bytes.extend(writer.block(0, block, &vec![3; BLOCK_BYTES as usize]).unwrap());
        }
        bytes.extend(writer.end());
        bytes
    }

    fn read(bytes: &[u8], step: usize) -> Result<Vec<Item>, String> {
        let (mut reader, mut items) = (Reader::default(), Vec::new());
        for chunk in bytes.chunks(step) {
            reader.push(chunk);
            while items.last() != Some(&Item::End) {
                match reader.item()? {
                    Some(item) => items.push(item),
                    None => break,
                }
            }
        }
        Ok(items)
    }

    #[test]
    fn an_object_is_read_as_it_was_written_in_pieces_of_any_size() {
        for step in [1, 13, 4096, usize::MAX] {
            let items = read(&object(), step).unwrap();
            assert_eq!(items.len(), 4, "{step}");
            assert!(
                matches!(&items[0], Item::Image(stored) if stored.image.name.as_deref() == Some("golden"))
            );
            assert!(matches!(&items[2], Item::Block { snapshot: 0, block: 7, bytes } if bytes[9] == 3));
            assert_eq!(items[3], Item::End);
        }
    }

    #[test]
    fn what_is_changed_cut_or_something_else_is_not_taken() {
        let good = object();
        for at in [0, 5, 40, good.len() - 60, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(!matches!(read(&bad, 4096), Ok(items) if items.last() == Some(&Item::End)), "{at}");
        }
        let cut = read(&good[..good.len() - 1], 4096).unwrap();
        assert_ne!(cut.last(), Some(&Item::End));
        assert!(read(b"something else entirely", 4096).is_err());
        let huge = [&MAGIC[..], &u32::MAX.to_be_bytes()].concat();
        assert!(read(&huge, 4096).unwrap_err().contains("too long"));
        // A block that unpacks to more than a block.
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed.write_all(&vec![0; 4 << 20]).unwrap();
        let packed = packed.finish().unwrap();
        let mut reader = Reader { has_begun: true, ..Reader::default() };
        let length = u32::try_from(packed.len()).unwrap().to_be_bytes();
        reader.push(&[&[BLOCK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &length, &packed].concat());
        assert!(reader.item().unwrap_err().contains("524289 bytes"));
    }
}
