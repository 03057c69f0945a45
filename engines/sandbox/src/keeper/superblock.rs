//! What an ext4 superblock says of its file system, as far as it decides what happens before that is mounted
//! (docs.kernel.org, "ext4 Data Structures", the super block).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::options::{self, SUPERBLOCK_AT, SUPERBLOCK_BYTES};

const VALID: u16 = 1;
const ERRORS: u16 = 2;
const ORPHANS: u16 = 4;
const RECOVER: u32 = 4;
const WIDE: u32 = 0x80;

pub struct Superblock([u8; SUPERBLOCK_BYTES]);

impl Superblock {
    /// Nothing where there is no ext4 (nor ext2 or ext3).
    pub fn read(device: &File) -> io::Result<Option<Self>> {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        match device.read_exact_at(&mut bytes, SUPERBLOCK_AT) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let found = Self(bytes);
        Ok((found.short(0x38) == 0xef53).then_some(found))
    }

    fn short(&self, at: usize) -> u16 {
        u16::from_le_bytes([self.0[at], self.0[at + 1]])
    }

    fn word(&self, at: usize) -> u32 {
        u32::from_le_bytes([self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]])
    }

    /// Whether the kernel would open more than this device for it.
    pub fn reaches_elsewhere(&self) -> bool {
        options::reaches_elsewhere(&self.0)
    }

    /// How large the file system is. Zero where that is nonsense.
    pub fn bytes(&self) -> u64 {
        let wide = self.word(0x60) & WIDE != 0;
        let high = if wide { u64::from(self.word(0x150)) << 32 } else { 0 };
        let block = 1024_u64.checked_shl(self.word(0x18)).filter(|bytes| *bytes <= 64 << 10).unwrap_or(0);
        (high | u64::from(self.word(0x4))).saturating_mul(block)
    }

    /// Its journal has to be replayed, as after a crash. The kernel does so too.
    pub fn is_unfinished(&self) -> bool {
        self.word(0x60) & RECOVER != 0
    }

    /// It was found wrong, or was not unmounted and has no journal.
    pub fn is_in_doubt(&self) -> bool {
        let state = self.short(0x3a);
        state & VALID == 0 || state & (ERRORS | ORPHANS) != 0
    }

    /// Whether it was mounted since it was checked as a whole, so that resize2fs wants it checked.
    pub fn is_used_since_check(&self) -> bool {
        let moment = |low: usize, high: usize| u64::from(self.0[high]) << 32 | u64::from(self.word(low));
        moment(0x40, 0x277) < moment(0x2c, 0x275)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[(usize, &[u8])]) -> Superblock {
        let mut bytes = [0; SUPERBLOCK_BYTES];
        for (at, part) in parts {
            bytes[*at..*at + part.len()].copy_from_slice(part);
        }
        Superblock(bytes)
    }

    #[test]
    fn the_size_is_blocks_times_their_size() {
        let blocks: (usize, &[u8]) = (4, &[0, 0, 2, 0]);
        assert_eq!(of(&[blocks, (0x18, &[2])]).bytes(), 512 << 20);
        assert_eq!(of(&[blocks, (0x18, &[2]), (0x150, &[1])]).bytes(), 512 << 20, "not of 64 bits");
        assert_eq!(
            of(&[blocks, (0x18, &[2]), (0x150, &[1]), (0x60, &[0x80])]).bytes(),
            (16 << 40) + (512 << 20)
        );
        assert_eq!(of(&[blocks, (0x18, &[99])]).bytes(), 0);
        assert_eq!(of(&[blocks, (0x18, &[0xff; 4])]).bytes(), 0);
    }

    #[test]
    fn a_crash_and_errors_are_told_apart() {
        let clean = of(&[(0x3a, &[1])]);
        assert!(!clean.is_in_doubt() && !clean.is_unfinished());
        assert!(of(&[(0x3a, &[1]), (0x60, &[0x46])]).is_unfinished());
        for state in [0, 2, 3, 5] {
            assert!(of(&[(0x3a, &[state])]).is_in_doubt(), "{state}");
        }
    }

    #[test]
    fn a_mount_after_the_last_check_counts() {
        assert!(!of(&[(0x40, &[5])]).is_used_since_check());
        assert!(of(&[(0x40, &[5]), (0x2c, &[6])]).is_used_since_check());
        assert!(!of(&[(0x40, &[5]), (0x277, &[1]), (0x2c, &[6])]).is_used_since_check());
    }
}
