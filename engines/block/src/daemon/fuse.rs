//! What the kernel asks of a file system of one file, in bytes (`linux/fuse.h`, protocol 7.31, which Linux 5.10
//! and all after it speak). Numbers are in the host's byte order.

/// Before the arguments of every request: length, operation, unique number, node, user, group, process, extensions.
pub const HEADER_BYTES: usize = 40;
/// The arguments of a write, after which its bytes follow.
pub const WRITE_ARGUMENTS_BYTES: usize = 40;
/// The longest answer but for what is read.
pub const ANSWER_BYTES_MAX: usize = 160;
/// The name of the file is known for good.
const KNOWN_SECONDS: u64 = 1 << 31;

const MAJOR: u32 = 7;
const MINOR: u32 = 31;

/// The file; 1 is the root.
const NODE: u64 = 2;
const ROOT: u64 = 1;
const HANDLE: u64 = 1;
pub const BLOCK_BYTES: u32 = 4096;
/// Requests that the kernel has under way at once.
const UNDER_WAY_MAX: u16 = 128;

mod code {
    pub const LOOKUP: u32 = 1;
    pub const FORGET: u32 = 2;
    pub const GETATTR: u32 = 3;
    pub const SETATTR: u32 = 4;
    pub const OPEN: u32 = 14;
    pub const READ: u32 = 15;
    pub const WRITE: u32 = 16;
    pub const STATFS: u32 = 17;
    pub const RELEASE: u32 = 18;
    pub const FSYNC: u32 = 20;
    pub const INIT: u32 = 26;
    pub const INTERRUPT: u32 = 36;
    pub const DESTROY: u32 = 38;
    pub const BATCH_FORGET: u32 = 42;
    pub const FALLOCATE: u32 = 43;
}

mod flag {
    pub const ASYNC_READ: u32 = 1;
    pub const BIG_WRITES: u32 = 1 << 5;
    pub const ASYNC_DIO: u32 = 1 << 15;
    pub const MAX_PAGES: u32 = 1 << 22;
    pub const SETATTR_SIZE: u32 = 1 << 3;
    /// No page cache, no flush at each close, writes beside each other. Older kernels ignore what they do not know.
    pub const OPEN: u32 = 1 | 1 << 5 | 1 << 6;
    pub const KEEP_SIZE: u32 = 1;
    pub const PUNCH_HOLE: u32 = 2;
    pub const ZERO_RANGE: u32 = 16;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    Init {
        minor: u32,
        flags: u32,
        read_ahead: u32,
    },
    Attributes,
    RootAttributes,
    /// There is one file; it has whatever name it is asked for by.
    Find,
    Open,
    Read {
        offset: u64,
        bytes: usize,
    },
    /// The bytes follow the arguments.
    Write {
        offset: u64,
        bytes: usize,
    },
    Statistics,
    Sync,
    Discard {
        offset: u64,
        bytes: u64,
    },
    /// Nothing is to be done, and that is said.
    Nothing,
    /// It is not even answered.
    Unanswered,
    /// Answered with an error of the kernel's.
    Refused(i32),
}

pub fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| u32::from_ne_bytes(word.try_into().expect("four bytes")))
}

pub fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |long| u64::from_ne_bytes(long.try_into().expect("eight bytes")))
}

/// The length of a request, by its header; 0 where there is none.
pub fn length_of(request: &[u8]) -> usize {
    word(request, 0) as usize
}

/// Requests are numbered in the order in which the kernel made them.
pub fn unique_of(request: &[u8]) -> u64 {
    long(request, 8)
}

pub fn read(request: &[u8]) -> Request {
    let arguments = &request[HEADER_BYTES.min(request.len())..];
    match word(request, 4) {
        code::INIT => Request::Init {
            minor: word(arguments, 4),
            read_ahead: word(arguments, 8),
            flags: word(arguments, 12),
        },
        code::SETATTR if word(arguments, 0) & flag::SETATTR_SIZE != 0 => Request::Refused(libc::EPERM),
        code::LOOKUP => Request::Find,
        code::GETATTR | code::SETATTR if long(request, 16) == ROOT => Request::RootAttributes,
        code::GETATTR | code::SETATTR => Request::Attributes,
        code::OPEN => Request::Open,
        code::READ => Request::Read { offset: long(arguments, 8), bytes: word(arguments, 16) as usize },
        code::WRITE => Request::Write { offset: long(arguments, 8), bytes: word(arguments, 16) as usize },
        code::STATFS => Request::Statistics,
        code::FSYNC => Request::Sync,
        code::FALLOCATE => {
            let mode = word(arguments, 24);
            let zeroes = mode == flag::PUNCH_HOLE | flag::KEEP_SIZE
                || mode == flag::ZERO_RANGE
                || mode == flag::ZERO_RANGE | flag::KEEP_SIZE;
            if zeroes {
                Request::Discard { offset: long(arguments, 8), bytes: long(arguments, 16) }
            } else {
                Request::Refused(libc::EOPNOTSUPP)
            }
        }
        code::RELEASE | code::DESTROY => Request::Nothing,
        code::FORGET | code::BATCH_FORGET | code::INTERRUPT => Request::Unanswered,
        // Among them FLUSH: told once, the kernel never asks again, so that a killed daemon's descriptors can be closed
        // while nobody answers.
        _ => Request::Refused(libc::ENOSYS),
    }
}

/// An answer that is put together.
pub struct Answer {
    pub bytes: [u8; ANSWER_BYTES_MAX],
    pub length: usize,
}

impl Answer {
    fn new() -> Self {
        Self { bytes: [0; ANSWER_BYTES_MAX], length: 0 }
    }

    fn put(mut self, bytes: &[u8]) -> Self {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
        self
    }

    fn word(self, value: u32) -> Self {
        self.put(&value.to_ne_bytes())
    }

    fn long(self, value: u64) -> Self {
        self.put(&value.to_ne_bytes())
    }

    fn about(self, node: u64, bytes: u64, mode: u32) -> Self {
        let numbers = self.long(node).long(bytes).long(bytes / 512).zeroes(36).word(mode).word(1);
        numbers.zeroes(12).word(BLOCK_BYTES).word(0)
    }

    fn zeroes(mut self, bytes: usize) -> Self {
        self.length += bytes;
        self
    }
}

/// The head of every answer: length, error (negative), number of the request.
pub fn head(payload_bytes: usize, error: i32, unique: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(16 + payload_bytes as u32).to_ne_bytes());
    bytes[4..8].copy_from_slice(&(-error).to_ne_bytes());
    bytes[8..].copy_from_slice(&unique.to_ne_bytes());
    bytes
}

pub fn init(kernel_minor: u32, kernel_flags: u32, read_ahead: u32, write_bytes_max: u32) -> Answer {
    let flags = flag::ASYNC_READ | flag::BIG_WRITES | flag::ASYNC_DIO | flag::MAX_PAGES;
    let pages = (write_bytes_max / 4096) as u16;
    Answer::new()
        .word(MAJOR)
        .word(MINOR.min(kernel_minor))
        .word(read_ahead)
        .word(flags & kernel_flags)
        .put(&UNDER_WAY_MAX.to_ne_bytes())
        .put(&UNDER_WAY_MAX.to_ne_bytes())
        .word(write_bytes_max)
        .word(1)
        .put(&pages.to_ne_bytes())
        .zeroes(34)
}

/// Attributes that are good for this moment only, since volumes grow.
pub fn attributes(bytes: u64) -> Answer {
    Answer::new().zeroes(16).about(NODE, bytes, libc::S_IFREG | 0o600)
}

pub fn root_attributes() -> Answer {
    Answer::new().zeroes(16).about(ROOT, 0, libc::S_IFDIR | 0o700)
}

/// The file, as it is found in the root.
pub fn found(bytes: u64) -> Answer {
    let answer = Answer::new().long(NODE).long(0).long(KNOWN_SECONDS).zeroes(16);
    answer.about(NODE, bytes, libc::S_IFREG | 0o600)
}

pub fn nothing() -> Answer {
    Answer::new()
}

pub fn open() -> Answer {
    Answer::new().long(HANDLE).word(flag::OPEN).word(0)
}

pub fn written(bytes: u32) -> Answer {
    Answer::new().word(bytes).word(0)
}

pub fn statistics(bytes: u64) -> Answer {
    let blocks = bytes / u64::from(BLOCK_BYTES);
    Answer::new()
        .long(blocks)
        .zeroes(16)
        .long(1)
        .long(0)
        .word(BLOCK_BYTES)
        .word(255)
        .word(BLOCK_BYTES)
        .zeroes(28)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(code: u32, arguments: &[u8]) -> Vec<u8> {
        let length = (HEADER_BYTES + arguments.len()) as u32;
        let mut bytes = [length.to_ne_bytes(), code.to_ne_bytes()].concat();
        bytes.resize(HEADER_BYTES, 0);
        bytes.extend_from_slice(arguments);
        bytes
    }

    #[test]
    fn answers_are_as_long_as_the_kernel_wants() {
        assert_eq!(init(45, u32::MAX, 0, 1 << 20).length, 64);
        assert_eq!(init(45, u32::MAX, 0, 1 << 20).bytes[28..30], 256_u16.to_ne_bytes());
        assert_eq!((attributes(1 << 30).length, root_attributes().length, found(1).length), (104, 104, 128));
        assert_eq!(word(&attributes(1 << 30).bytes, 76), libc::S_IFREG | 0o600);
        assert_eq!((open().length, written(1).length, statistics(1).length), (16, 8, 80));
        assert_eq!(head(8, libc::EIO, 3)[4..8], (-libc::EIO).to_ne_bytes());
    }

    #[test]
    fn requests_are_read() {
        let mut arguments = [0; 40];
        arguments[8..16].copy_from_slice(&4096_u64.to_ne_bytes());
        arguments[16..20].copy_from_slice(&512_u32.to_ne_bytes());
        assert_eq!(read(&request(16, &arguments)), Request::Write { offset: 4096, bytes: 512 });
        assert_eq!(read(&request(15, &arguments)), Request::Read { offset: 4096, bytes: 512 });
        arguments[24..28].copy_from_slice(&3_u32.to_ne_bytes());
        assert_eq!(read(&request(43, &arguments)), Request::Discard { offset: 4096, bytes: 512 });
        arguments[24..28].copy_from_slice(&0_u32.to_ne_bytes());
        assert_eq!(read(&request(43, &arguments)), Request::Refused(libc::EOPNOTSUPP));
        assert_eq!(read(&request(25, &[])), Request::Refused(libc::ENOSYS));
        assert_eq!(read(&request(2, &[])), Request::Unanswered);
    }
}
