//! A volume's sectors, encrypted with AES-256 in XTS mode (IEEE 1619), the sector's number being the tweak.
//!
//! A sector of zeros *on the disk* means a sector of zeros: so what was never written, and what was given back, needs no
//! room. That zeros are the ciphertext of something happens once in 2^32768.
//!
//! Nothing here is authenticated, as in any disk encryption of this kind: there is no room for a tag. Snapshots are.

use aes::Aes256;
use aes::cipher::consts::U16;
use aes::cipher::typenum::Unsigned;
use aes::cipher::{
    Array, Block, BlockCipherDecBackend, BlockCipherDecClosure, BlockCipherDecrypt, BlockCipherEncBackend,
    BlockCipherEncClosure, BlockCipherEncrypt, BlockSizeUser, KeyInit, ParBlocksSizeUser,
};

use super::Key;
use super::keys;
use crate::limits::SECTOR_BYTES;

/// Sectors whose first tweaks are made at once.
const SECTORS_AT_ONCE: usize = 16;
const CIPHER_BLOCKS: usize = SECTOR_BYTES / 16;
const LANES: usize = 8;

pub(crate) struct Sectors {
    content: Aes256,
    tweak: Aes256,
}

impl Sectors {
    pub(crate) fn new(secret: &Key) -> Sectors {
        let both = keys::for_sectors(secret);
        let half = |from: usize| {
            Aes256::new_from_slice(&both[from..from + 32]).expect("a key of 256 bits is one of AES-256")
        };
        Sectors { content: half(0), tweak: half(32) }
    }

    /// Encrypts whole sectors in their place, from this one on.
    pub(crate) fn encrypt(&self, first: u64, bytes: &mut [u8]) {
        self.in_parts(first, bytes, |part| self.content.encrypt_with_backend(part));
    }

    /// Decrypts whole sectors in their place, from this one on.
    pub(crate) fn decrypt(&self, first: u64, bytes: &mut [u8]) {
        self.in_parts(first, bytes, |part| self.content.decrypt_with_backend(part));
    }

    fn in_parts(&self, first: u64, bytes: &mut [u8], work: impl Fn(Part<'_>)) {
        debug_assert!(bytes.len().is_multiple_of(SECTOR_BYTES), "sectors are whole");
        let firsts = (first..).step_by(SECTORS_AT_ONCE);
        for (first, bytes) in firsts.zip(bytes.chunks_mut(SECTORS_AT_ONCE * SECTOR_BYTES)) {
            let mut tweaks = [Tweak::default(); SECTORS_AT_ONCE];
            let tweaks = &mut tweaks[..bytes.len() / SECTOR_BYTES];
            for (number, tweak) in (first..).zip(&mut *tweaks) {
                *tweak = u128::from(number).to_le_bytes().into();
            }
            self.tweak.encrypt_blocks(tweaks);
            work(Part { tweaks, bytes });
        }
    }
}

type Tweak = Array<u8, U16>;

/// Sectors, and the tweak of the first block of each. The cipher's own loop calls it, which knows how many blocks this
/// processor does at once; everything within is compiled into that loop.
struct Part<'a> {
    tweaks: &'a [Tweak],
    bytes: &'a mut [u8],
}

impl BlockSizeUser for Part<'_> {
    type BlockSize = U16;
}

impl Part<'_> {
    /// Does something with as many blocks as fit together, mixed with their tweaks before and after.
    #[inline(always)]
    fn each<B: ParBlocksSizeUser<BlockSize = U16>>(self, skip_zeros: bool, work: impl Fn(&mut [Block<B>])) {
        for (first, sector) in self.tweaks.iter().zip(self.bytes.chunks_exact_mut(SECTOR_BYTES)) {
            if skip_zeros && is_zero(sector) {
                continue;
            }
            let tweaks = tweaks(u128::from_le_bytes((*first).into()));
            let (blocks, rest) = Array::slice_as_chunks_mut(sector);
            debug_assert!(rest.is_empty(), "a sector is whole blocks of the cipher");
            let at_once = B::ParBlocksSize::USIZE;
            for (some, tweaks) in blocks.chunks_mut(at_once).zip(tweaks.chunks(at_once)) {
                mix(some, tweaks);
                work(some);
                mix(some, tweaks);
            }
        }
    }
}

impl BlockCipherEncClosure for Part<'_> {
    #[inline(always)]
    fn call<B: BlockCipherEncBackend<BlockSize = U16>>(self, backend: &B) {
        self.each::<B>(false, |some| match some.try_into() {
            Ok(all) => backend.encrypt_par_blocks_inplace(all),
            Err(_) => backend.encrypt_tail_blocks_inplace(some),
        });
    }
}

impl BlockCipherDecClosure for Part<'_> {
    #[inline(always)]
    fn call<B: BlockCipherDecBackend<BlockSize = U16>>(self, backend: &B) {
        self.each::<B>(true, |some| match some.try_into() {
            Ok(all) => backend.decrypt_par_blocks_inplace(all),
            Err(_) => backend.decrypt_tail_blocks_inplace(some),
        });
    }
}

#[inline(always)]
fn mix(blocks: &mut [Tweak], tweaks: &[Tweak]) {
    let (bytes, tweaks) = (Array::slice_as_flattened_mut(blocks), Array::slice_as_flattened(tweaks));
    for (byte, tweak) in bytes.iter_mut().zip(tweaks) {
        *byte ^= tweak;
    }
}

/// The tweaks of a sector's blocks. Each is that of the block before times x in GF(2^128), where x^128 is x^7 + x^2 + x + 1.
/// Eight are made from the eight before, times x^8, since none of these waits for another.
#[inline(always)]
fn tweaks(first: u128) -> [Tweak; CIPHER_BLOCKS] {
    let (mut low, mut high) = ([0_u64; LANES], [0_u64; LANES]);
    let mut next = first;
    for (low, high) in low.iter_mut().zip(&mut high) {
        (*low, *high) = (next as u64, (next >> 64) as u64);
        next = (next << 1) ^ (0x87 * (next >> 127));
    }
    let mut tweaks = [Tweak::default(); CIPHER_BLOCKS];
    for some in tweaks.chunks_exact_mut(LANES) {
        for lane in 0..LANES {
            some[lane] = (u128::from(low[lane]) | u128::from(high[lane]) << 64).to_le_bytes().into();
            let over = high[lane] >> 56;
            high[lane] = high[lane] << 8 | low[lane] >> 56;
            low[lane] = low[lane] << 8 ^ over ^ over << 1 ^ over << 2 ^ over << 7;
        }
    }
    tweaks
}

/// Whether there are zeros only.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; SECTOR_BYTES] = [0; SECTOR_BYTES];
    bytes.chunks(SECTOR_BYTES).all(|chunk| chunk == &ZEROS[..chunk.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IEEE 1619-2007, vector 10: XTS-AES-256, 512 bytes 00 … ff 00 … ff, data unit ff. Of a longer unit the first
    /// blocks are the same.
    #[test]
    fn the_first_blocks_are_those_of_the_standard() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
        };
        let content = hex("2718281828459045235360287471352662497757247093699959574966967627");
        let tweak = hex("3141592653589793238462643383279502884197169399375105820974944592");
        let sectors = Sectors {
            content: Aes256::new_from_slice(&content).unwrap(),
            tweak: Aes256::new_from_slice(&tweak).unwrap(),
        };
        let plain: Vec<u8> = (0..SECTOR_BYTES).map(|at| at as u8).collect();
        let mut bytes = plain.clone();
        sectors.encrypt(0xff, &mut bytes);
        assert_eq!(bytes[..32], hex("1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b"));
        sectors.decrypt(0xff, &mut bytes);
        assert_eq!(bytes, plain);
    }

    /// What is done at once must not show.
    #[test]
    fn many_sectors_are_as_one_and_one() {
        let sectors = Sectors::new(&[9; 32]);
        let plain: Vec<u8> = (0..37 * SECTOR_BYTES).map(|at| (at * 7 + at / 911) as u8).collect();
        let mut together = plain.clone();
        sectors.encrypt(1000, &mut together);
        let mut apart = plain.clone();
        for (number, sector) in (1000..).zip(apart.chunks_mut(SECTOR_BYTES)) {
            sectors.encrypt(number, sector);
        }
        assert!(together == apart);
        sectors.decrypt(1000, &mut together);
        assert!(together == plain);
    }

    /// Run it optimised.
    #[test]
    #[ignore = "a measurement"]
    fn how_fast_sectors_are() {
        let sectors = Sectors::new(&[9; 32]);
        let mut bytes = vec![5; 256 << 10];
        for (what, decrypts) in [("encrypted", false), ("decrypted", true)] {
            let began = std::time::Instant::now();
            for _ in 0..4096 {
                if decrypts { sectors.decrypt(3, &mut bytes) } else { sectors.encrypt(3, &mut bytes) }
            }
            println!("{what}: {:.1} GiB/s", 1.0 / began.elapsed().as_secs_f64());
        }
    }

    #[test]
    fn zeros_on_the_disk_are_zeros_and_written_zeros_are_not() {
        let sectors = Sectors::new(&[7; 32]);
        let mut bytes = vec![0; 2 * SECTOR_BYTES];
        sectors.decrypt(5, &mut bytes);
        assert!(is_zero(&bytes));
        sectors.encrypt(5, &mut bytes);
        assert!(!is_zero(&bytes) && bytes[..SECTOR_BYTES] != bytes[SECTOR_BYTES..]);
        sectors.decrypt(5, &mut bytes);
        assert!(is_zero(&bytes));
    }
}
