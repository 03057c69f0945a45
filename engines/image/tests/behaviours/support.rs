//! A store in a temporary folder, and tar archives as honest and as hostile as a test wants them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fogbank_image::{Images, OnProgress, Settings};
use tar::{Builder, EntryType, Header};

pub struct Store {
    pub images: Images,
    pub folder: tempfile::TempDir,
}

pub fn store() -> Store {
    store_with(Settings::default())
}

pub fn store_with(settings: Settings) -> Store {
    let folder = tempfile::tempdir().unwrap();
    Store { images: Images::open(&folder.path().join("store"), settings).unwrap(), folder }
}

impl Store {
    /// A file beside the store.
    pub fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Names in a folder of the store.
    pub fn names(&self, part: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path().join("store").join(part)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

pub fn quiet() -> OnProgress {
    Arc::new(|_| {})
}

pub struct Tar(Builder<Vec<u8>>);

pub fn tar() -> Tar {
    Tar(Builder::new(Vec::new()))
}

impl Tar {
    pub fn file(self, path: &str, content: &[u8]) -> Tar {
        self.file_of(path, content, 0o644, 0)
    }

    pub fn file_of(mut self, path: &str, content: &[u8], mode: u32, uid: u64) -> Tar {
        let mut header = header(path, EntryType::Regular, mode);
        header.set_size(content.len() as u64);
        header.set_uid(uid);
        header.set_gid(uid);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub fn folder(self, path: &str) -> Tar {
        self.raw(path, EntryType::Directory, None, 0o755)
    }

    pub fn symlink(self, path: &str, target: &str) -> Tar {
        self.raw(path, EntryType::Symlink, Some(target), 0o777)
    }

    pub fn hard_link(self, path: &str, target: &str) -> Tar {
        self.raw(path, EntryType::Link, Some(target), 0o644)
    }

    pub fn of_kind(self, path: &str, kind: EntryType) -> Tar {
        self.raw(path, kind, None, 0o644)
    }

    /// Attributes for the entry that comes next.
    pub fn pax(mut self, pairs: &[(&str, &[u8])]) -> Tar {
        self.0.append_pax_extensions(pairs.iter().copied()).unwrap();
        self
    }

    /// Paths are written as they are: the library's own functions refuse what a hostile archive has.
    fn raw(mut self, path: &str, kind: EntryType, target: Option<&str>, mode: u32) -> Tar {
        let mut header = header(path, kind, mode);
        if let Some(target) = target {
            let field = &mut header.as_old_mut().linkname;
            field[..target.len()].copy_from_slice(target.as_bytes());
        }
        header.set_cksum();
        self.0.append(&header, &b""[..]).unwrap();
        self
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

fn header(path: &str, kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    format!("sha256:{}", data_encoding::HEXLOWER.encode(digest.as_ref()))
}

/// Why a test that needs root and apt is not run, if it is not.
pub fn no_builds_here() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("not root".to_owned());
    }
    let missing = fogbank_image::needs().into_iter().find(|need| need.required && need.found.is_none());
    if let Some(need) = missing {
        return Some(format!("{} is not there: {}", need.program, need.get));
    }
    let known =
        std::process::Command::new("apt-cache").args(["show", "busybox-static", "dropbear-bin"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        return Some("apt knows no busybox-static: no package lists".to_owned());
    }
    None
}

pub fn text(root: &Path, path: &str) -> Option<String> {
    std::fs::read_to_string(root.join(path)).ok()
}
