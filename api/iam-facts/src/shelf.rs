//! Compressed blocks with texts in them.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

use crate::BLOCKS;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/shelf.bin"));

/// Where a text stands: in which block, and where in that when it is inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub block: u16,
    pub start: u32,
    pub length: u32,
}

impl Place {
    /// Inflates the block as far as the text goes.
    pub fn text(self) -> String {
        let (start, _) = BLOCKS[usize::from(self.block)];
        let end = BLOCKS.get(usize::from(self.block) + 1).map_or(PACKED.len(), |(next, _)| *next);
        let mut block = DeflateDecoder::new(&PACKED[start..end]);
        let skipped = std::io::copy(&mut block.by_ref().take(u64::from(self.start)), &mut std::io::sink());
        skipped.expect("the build packed the block");
        let mut text = String::with_capacity(self.length as usize);
        let read = block.take(u64::from(self.length)).read_to_string(&mut text);
        read.expect("the build packed the block of texts");
        text
    }
}
