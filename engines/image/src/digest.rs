//! A digest over a whole root file system, so that two of them can be told apart, and what it holds.
//!
//! Paths, kinds, permissions, owners, link targets and contents count; times, and the order on the disk, do not.

use std::collections::HashSet;
use std::fs::{self, File, Metadata};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::HEXLOWER;

use crate::error::{At, ImageError};

/// What a root file system holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// `sha256:` and 64 hexadecimal digits.
    pub digest: String,
    /// Of regular files, each counted once however many names it has.
    pub bytes: u64,
    pub entries: u64,
}

/// Reads all of the tree under `root`.
pub fn of_tree(root: &Path) -> Result<Content, ImageError> {
    let mut walk = Walk { digest: Context::new(&SHA256), bytes: 0, entries: 0, linked: HashSet::new() };
    walk.folder(root, b"")?;
    Ok(Content { digest: written(walk.digest), bytes: walk.bytes, entries: walk.entries })
}

/// The digest of a file, written as `sha256:…`.
pub fn of_file(path: &Path) -> Result<String, ImageError> {
    let mut digest = Context::new(&SHA256);
    let mut file = File::open(path).at(path)?;
    feed(&mut digest, &mut file, path)?;
    Ok(written(digest))
}

/// The digest of some bytes, written as `sha256:…`.
pub fn of_bytes(bytes: &[u8]) -> String {
    let mut digest = Context::new(&SHA256);
    digest.update(bytes);
    written(digest)
}

pub fn written(digest: Context) -> String {
    format!("sha256:{}", HEXLOWER.encode(digest.finish().as_ref()))
}

struct Walk {
    digest: Context,
    bytes: u64,
    entries: u64,
    /// Device and inode of files with several names.
    linked: HashSet<(u64, u64)>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, name: &[u8]) -> Result<(), ImageError> {
        let mut entries = fs::read_dir(folder).at(folder)?.collect::<Result<Vec<_>, _>>().at(folder)?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let about = entry.metadata().at(&path)?;
            let name = [name, b"/", entry.file_name().as_bytes()].concat();
            self.entry(&path, &name, &about)?;
            if about.is_dir() {
                self.folder(&path, &name)?;
            }
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, name: &[u8], about: &Metadata) -> Result<(), ImageError> {
        self.entries += 1;
        self.field(name);
        for number in [about.mode(), about.uid(), about.gid()] {
            self.digest.update(&number.to_be_bytes());
        }
        if about.is_symlink() {
            let target = fs::read_link(path).at(path)?;
            self.field(target.as_os_str().as_bytes());
        } else if about.is_file() {
            if about.nlink() == 1 || self.linked.insert((about.dev(), about.ino())) {
                self.bytes += about.len();
            }
            self.digest.update(&about.len().to_be_bytes());
            let mut file = File::open(path).at(path)?;
            feed(&mut self.digest, &mut file, path)?;
        } else if !about.is_dir() {
            self.digest.update(&about.rdev().to_be_bytes());
        }
        Ok(())
    }

    /// With its length first, so that no two lists of fields look alike.
    fn field(&mut self, bytes: &[u8]) {
        self.digest.update(&(bytes.len() as u64).to_be_bytes());
        self.digest.update(bytes);
    }
}

fn feed(digest: &mut Context, file: &mut File, path: &Path) -> Result<(), ImageError> {
    let mut buffer = vec![0; 128 * 1024];
    loop {
        match file.read(&mut buffer).at(path)? {
            0 => return Ok(()),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/motd"), "fog").unwrap();
        symlink("etc/motd", root.path().join("motd")).unwrap();
        root
    }

    #[test]
    fn equal_trees_have_equal_digests_and_any_change_shows() {
        let plain = of_tree(tree().path()).unwrap();
        assert_eq!(of_tree(tree().path()).unwrap(), plain);
        assert_eq!((plain.bytes, plain.entries), (3, 3));

        let changes: [&dyn Fn(&Path); 4] = [
            &|root| fs::write(root.join("etc/motd"), "sun").unwrap(),
            &|root| fs::set_permissions(root.join("etc/motd"), fs::Permissions::from_mode(0o600)).unwrap(),
            &|root| fs::rename(root.join("motd"), root.join("note")).unwrap(),
            &|root| fs::write(root.join("etc/empty"), "").unwrap(),
        ];
        for change in changes {
            let root = tree();
            change(root.path());
            assert_ne!(of_tree(root.path()).unwrap().digest, plain.digest);
        }
    }

    #[test]
    fn a_file_with_two_names_takes_its_bytes_once() {
        let root = tree();
        fs::hard_link(root.path().join("etc/motd"), root.path().join("etc/motd2")).unwrap();
        assert_eq!(of_tree(root.path()).unwrap().bytes, 3);
    }

    #[test]
    fn the_digest_of_bytes_is_written_as_in_manifests() {
        let expected = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(of_bytes(b""), expected);
    }
}
