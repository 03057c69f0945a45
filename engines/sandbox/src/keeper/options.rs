//! What a guest may say of a mount of its block device: the kinds of file systems, the flags of mount(2), and options.
//!
//! Options are a list of what is allowed, since the kernel takes them from the host's root, which it trusts: a journal on
//! another device of the host's, or to panic upon an error, must not be asked for.

const MAGIC: u64 = 0xc0ed_0000;
const MAGIC_MASK: u64 = 0xffff_0000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ext4,
    Xfs,
}

impl Kind {
    pub fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"ext4" => Some(Self::Ext4),
            b"xfs" => Some(Self::Xfs),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
        }
    }

    /// As statfs(2) has it.
    pub fn magic(self) -> i64 {
        match self {
            Self::Ext4 => 0xef53,
            Self::Xfs => 0x5846_5342,
        }
    }
}

/// Options by what they may be set to; nothing is a word alone, and `#` a number (with a unit).
const EXT4: &[(&str, &[&str])] = &[
    ("acl", &[""]),
    ("noacl", &[""]),
    ("user_xattr", &[""]),
    ("barrier", &["", "0", "1"]),
    ("nobarrier", &[""]),
    ("discard", &[""]),
    ("nodiscard", &[""]),
    ("delalloc", &[""]),
    ("nodelalloc", &[""]),
    ("auto_da_alloc", &["", "0", "1"]),
    ("noauto_da_alloc", &[""]),
    ("dioread_lock", &[""]),
    ("dioread_nolock", &[""]),
    ("block_validity", &[""]),
    ("noblock_validity", &[""]),
    ("grpid", &[""]),
    ("bsdgroups", &[""]),
    ("nogrpid", &[""]),
    ("sysvgroups", &[""]),
    ("bsddf", &[""]),
    ("minixdf", &[""]),
    ("journal_checksum", &[""]),
    ("noload", &[""]),
    ("norecovery", &[""]),
    ("init_itable", &["", "#"]),
    ("noinit_itable", &[""]),
    ("commit", &["#"]),
    ("stripe", &["#"]),
    ("data", &["ordered", "writeback", "journal"]),
    ("errors", &["continue", "remount-ro"]),
];

const XFS: &[(&str, &[&str])] = &[
    ("nouuid", &[""]),
    ("norecovery", &[""]),
    ("discard", &[""]),
    ("nodiscard", &[""]),
    ("inode32", &[""]),
    ("inode64", &[""]),
    ("noquota", &[""]),
    ("noalign", &[""]),
    ("swalloc", &[""]),
    ("wsync", &[""]),
    ("largeio", &[""]),
    ("nolargeio", &[""]),
    ("filestreams", &[""]),
    ("logbufs", &["#"]),
    ("logbsize", &["#"]),
    ("allocsize", &["#"]),
    ("sunit", &["#"]),
    ("swidth", &["#"]),
];

/// The options of a call, or nothing if one of them is not allowed.
pub fn read(kind: Kind, text: &[u8]) -> Option<Vec<(String, Option<String>)>> {
    let text = std::str::from_utf8(text).ok()?;
    let allowed = if kind == Kind::Ext4 { EXT4 } else { XFS };
    let mut found = Vec::new();
    // A superblock may say "panic"; an option overrules it, and the guest's own comes later.
    if kind == Kind::Ext4 {
        found.push(("errors".to_owned(), Some("remount-ro".to_owned())));
    }
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').map_or((option, None), |(key, value)| (key, Some(value)));
        let (_, values) = allowed.iter().find(|(name, _)| *name == key)?;
        let fits = |one: &&&str| match value {
            None => one.is_empty(),
            Some(value) => **one == value || (**one == "#" && is_number(value)),
        };
        values.iter().find(fits).filter(|one| value.is_none() || !one.is_empty())?;
        found.push((key.to_owned(), value.map(str::to_owned)));
    }
    Some(found)
}

/// Whether an ext4 superblock names another device for its journal, which the kernel would open for the host's root by
/// its number, or is such a journal itself (fs/ext4/ext4.h), or carries options that a mount may not have. It may change
/// before the kernel reads it; with version 1 of control groups the kernel opens no other device then.
pub fn reaches_elsewhere(superblock: &[u8; SUPERBLOCK_BYTES]) -> bool {
    const INCOMPATIBLE: usize = 0x60;
    const JOURNAL_DEVICE: usize = 0xe4;
    const OPTIONS: std::ops::Range<usize> = 0x200..0x240;
    const IS_JOURNAL: u8 = 8;
    let device = &superblock[JOURNAL_DEVICE..JOURNAL_DEVICE + 4];
    let options = superblock[OPTIONS].split(|byte| *byte == 0).next().unwrap_or_default();
    device != [0; 4] || superblock[INCOMPATIBLE] & IS_JOURNAL != 0 || read(Kind::Ext4, options).is_none()
}

/// Where an ext4 superblock is, and its length.
pub const SUPERBLOCK_AT: u64 = 1024;
pub const SUPERBLOCK_BYTES: usize = 1024;

fn is_number(value: &str) -> bool {
    let digits = value.strip_suffix(['k', 'm', 'g', 'K', 'M', 'G']).unwrap_or(value);
    (1..=10).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The flags of mount(2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u64);

impl Flags {
    pub fn of(argument: u64) -> Self {
        let old = argument & MAGIC_MASK == MAGIC;
        Self(if old { argument & !MAGIC_MASK } else { argument })
    }

    /// Whether the call changes how a mount is shared, and mounts nothing.
    pub fn changes_sharing(self) -> bool {
        self.has(libc::MS_SHARED | libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_UNBINDABLE)
    }

    fn has(self, bits: libc::c_ulong) -> bool {
        self.0 & bits != 0
    }

    /// Those of the file system, as words.
    pub fn of_file_system(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (libc::MS_RDONLY, "ro"),
            (libc::MS_SYNCHRONOUS, "sync"),
            (libc::MS_DIRSYNC, "dirsync"),
            (libc::MS_LAZYTIME, "lazytime"),
        ];
        all.into_iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, word)| word)
    }

    /// Those of this mount of it, as `MOUNT_ATTR_…`. Nodes of devices never lead anywhere.
    pub fn of_mount(self) -> u64 {
        let all = [
            (libc::MS_RDONLY, libc::MOUNT_ATTR_RDONLY),
            (libc::MS_NOSUID, libc::MOUNT_ATTR_NOSUID),
            (libc::MS_NOEXEC, libc::MOUNT_ATTR_NOEXEC),
            (libc::MS_NODIRATIME, libc::MOUNT_ATTR_NODIRATIME),
            (libc::MS_NOSYMFOLLOW, libc::MOUNT_ATTR_NOSYMFOLLOW),
        ];
        let set = all.into_iter().filter(|(bit, _)| self.has(*bit));
        let times = match () {
            () if self.has(libc::MS_STRICTATIME) => libc::MOUNT_ATTR_STRICTATIME,
            () if self.has(libc::MS_NOATIME) => libc::MOUNT_ATTR_NOATIME,
            () => 0,
        };
        set.fold(libc::MOUNT_ATTR_NODEV | times, |all, (_, attribute)| all | attribute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_options_are_taken() {
        let read = read(Kind::Ext4, b"discard,commit=30,,data=ordered,errors=continue").unwrap();
        let words: Vec<&str> = read.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(words, ["errors", "discard", "commit", "data", "errors"]);
        assert_eq!(read[0].1.as_deref(), Some("remount-ro"), "first, so that the later one counts");
        assert_eq!(super::read(Kind::Xfs, b"").unwrap(), []);
        assert_eq!(super::read(Kind::Xfs, b"nouuid,logbsize=256k").unwrap().len(), 2);
    }

    #[test]
    fn options_that_reach_beyond_the_device_are_refused() {
        for option in [
            "journal_dev=1793",
            "journal_path=/dev/vda",
            "errors=panic",
            "errors",
            "discard=1",
            "discard=",
            "commit",
            "commit=",
            "commit=x",
            "commit=99999999999",
            "sb=8193",
            "usrjquota=/etc/shadow",
            "\u{1}",
            "logdev=/dev/vda",
        ] {
            assert_eq!(read(Kind::Ext4, option.as_bytes()), None, "{option}");
        }
        for option in ["logdev=/dev/vda", "rtdev=/dev/vda", "errors=panic", "#", "=", "=#"] {
            assert_eq!(read(Kind::Xfs, option.as_bytes()), None, "{option}");
        }
        assert_eq!(read(Kind::Xfs, b"\xff"), None);
    }

    #[test]
    fn a_journal_on_another_device_is_seen() {
        let mut superblock = [0; SUPERBLOCK_BYTES];
        assert!(!reaches_elsewhere(&superblock));
        superblock[0xe5] = 7;
        assert!(reaches_elsewhere(&superblock));
        superblock[0xe5] = 0;
        superblock[0x60] = 0x4a;
        assert!(reaches_elsewhere(&superblock));
        superblock[0x60] = 0x42;
        superblock[0x200..0x207].copy_from_slice(b"discard");
        assert!(!reaches_elsewhere(&superblock));
        superblock[0x200..0x211].copy_from_slice(b"journal_dev=0x701");
        assert!(reaches_elsewhere(&superblock));
    }

    #[test]
    fn device_nodes_are_dead_whatever_is_asked_for() {
        for flags in [0, libc::MS_NOATIME, u64::MAX, MAGIC | libc::MS_RDONLY] {
            assert_ne!(Flags::of(flags).of_mount() & libc::MOUNT_ATTR_NODEV, 0);
        }
    }

    #[test]
    fn the_old_magic_number_is_no_flag() {
        let old = Flags::of(MAGIC | libc::MS_RDONLY | libc::MS_NOATIME);
        assert!(!old.changes_sharing());
        assert_eq!(old, Flags::of(libc::MS_RDONLY | libc::MS_NOATIME));
        assert_eq!(old.of_file_system().collect::<Vec<_>>(), ["ro"]);
        assert!(Flags::of(libc::MS_PRIVATE | libc::MS_REC).changes_sharing());
    }
}
