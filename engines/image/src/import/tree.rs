//! The image's folder while an archive is unpacked into it: no path of the archive leads out of it.
//!
//! The kernel resolves each path with the folder as its root (`openat2` with RESOLVE_IN_ROOT, Linux 5.6), so that links
//! such as `lib -> usr/lib` work as in the image, and `../..` and absolute links end at its top. Every step after that is
//! relative to a folder that is held open.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, linkat, mkdirat, openat, openat2, readlinkat,
    statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::error::ImageError;
use crate::limits::PATH_DEPTH_MAX;

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Links in one path, as in the kernel.
const LINKS_MAX: usize = 40;

pub struct Tree {
    root: OwnedFd,
    root_depth: usize,
    /// The parent that was used last: entries of one folder follow each other.
    last: Option<(Vec<u8>, Parent)>,
    /// What the present layer wrote, so that its whiteouts do not hide it.
    written: HashSet<u64>,
}

/// A folder of the image, held open, and its path on the host.
#[derive(Clone)]
pub struct Parent {
    folder: Rc<OwnedFd>,
    path: Rc<Vec<u8>>,
}

impl Parent {
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }
}

/// What an operation of the kernel was refused for, about a path of the archive.
fn refused(what: &str, path: &[u8], error: Errno) -> ImageError {
    ImageError::entry(format!("{what} ({error})"), path)
}

impl Tree {
    pub fn open(root: &Path) -> Result<Tree, ImageError> {
        let fd =
            openat(CWD, root, FOLDER, Mode::empty()).map_err(|error| refused("no folder", b"", error))?;
        let path = real_path(fd.as_fd()).map_err(|error| refused("/proc is needed", b"", error))?;
        Ok(Tree { root_depth: depth(&path), root: fd, last: None, written: HashSet::new() })
    }

    /// What was written before no longer belongs to the present layer.
    pub fn begin_layer(&mut self) {
        self.written.clear();
    }

    /// The folder that is to hold an entry. It is made if it is not there.
    pub fn parent(&mut self, parts: &[&[u8]]) -> Result<Parent, ImageError> {
        let joined = parts.join(&b'/');
        if let Some((last, parent)) = &self.last
            && *last == joined
        {
            return Ok(parent.clone());
        }
        let folder = match self.resolve(&joined) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => self.make_all(parts)?,
            Err(error) => return Err(refused("its folder cannot be opened", &joined, error)),
        };
        let path =
            real_path(folder.as_fd()).map_err(|error| refused("its path is too long", &joined, error))?;
        if depth(&path) > self.root_depth + PATH_DEPTH_MAX {
            return Err(ImageError::entry(format!("it lies deeper than {PATH_DEPTH_MAX} folders"), &joined));
        }
        let parent = Parent { folder: Rc::new(folder), path: Rc::new(path) };
        self.last = Some((joined, parent.clone()));
        Ok(parent)
    }

    /// A path inside the image, links in it followed.
    fn resolve(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        let path = if path.is_empty() { OsStr::new(".") } else { OsStr::from_bytes(path) };
        let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        loop {
            match openat2(&self.root, path, FOLDER, Mode::empty(), how) {
                // Something else on the host was renamed meanwhile, and the kernel does not know whether it matters.
                Err(Errno::AGAIN | Errno::INTR) => {}
                other => return other,
            }
        }
    }

    /// Makes what is missing of a path. A link in it that leads to nothing yet is followed, inside the image.
    fn make_all(&mut self, parts: &[&[u8]]) -> Result<OwnedFd, ImageError> {
        let mut parts: Vec<Vec<u8>> = parts.iter().map(|part| part.to_vec()).collect();
        let mut at = self.resolve(b"").map_err(|error| refused("the image's folder", b"", error))?;
        let (mut count, mut links) = (0, 0);
        while count < parts.len() {
            let joined = parts[..=count].join(&b'/');
            match self.resolve(&joined) {
                Ok(folder) => at = folder,
                Err(Errno::NOENT) => {
                    let name = parts[count].clone();
                    match mkdirat(&at, OsStr::from_bytes(&name), Mode::from_raw_mode(0o755)) {
                        Ok(()) => self.note(&at, &name)?,
                        Err(Errno::EXIST) if links < LINKS_MAX => {
                            links += 1;
                            let target = readlinkat(&at, OsStr::from_bytes(&name), Vec::new())
                                .map_err(|error| refused("its folder cannot be made", &joined, error))?;
                            parts = behind_link(&parts, count, target.as_bytes());
                            at = self
                                .resolve(b"")
                                .map_err(|error| refused("the image's folder", b"", error))?;
                            count = 0;
                            continue;
                        }
                        Err(error) => return Err(refused("its folder cannot be made", &joined, error)),
                    }
                    at = self
                        .resolve(&joined)
                        .map_err(|error| refused("its folder cannot be opened", &joined, error))?;
                }
                Err(error) => return Err(refused("its folder cannot be opened", &joined, error)),
            }
            count += 1;
        }
        Ok(at)
    }

    /// The kind of what is there, links not followed.
    pub fn kind(&self, parent: &Parent, name: &[u8]) -> Result<Option<FileType>, ImageError> {
        match statat(parent.fd(), OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => Ok(Some(FileType::from_raw_mode(about.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(refused("it cannot be looked at", name, error)),
        }
    }

    /// Makes room for something else of that name.
    pub fn clear(&mut self, parent: &Parent, name: &[u8]) -> Result<(), ImageError> {
        if self.kind(parent, name)?.is_some() {
            self.last = None;
            remove(parent.fd(), name, 0)?;
        }
        Ok(())
    }

    /// A new file, open for writing, that only its owner may read so far.
    pub fn create(&mut self, parent: &Parent, name: &[u8]) -> Result<File, ImageError> {
        let how = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(parent.fd(), OsStr::from_bytes(name), how, Mode::from_raw_mode(0o600))
            .map_err(|error| refused("it cannot be made", name, error))?;
        self.remember(parent, name);
        Ok(File::from(file))
    }

    /// A folder, made if there is none, open.
    pub fn folder(&mut self, parent: &Parent, name: &[u8]) -> Result<OwnedFd, ImageError> {
        match mkdirat(parent.fd(), OsStr::from_bytes(name), Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refused("it cannot be made", name, error)),
        }
        self.remember(parent, name);
        open_folder(parent.fd(), name)
    }

    pub fn symlink(&mut self, parent: &Parent, name: &[u8], target: &[u8]) -> Result<(), ImageError> {
        symlinkat(OsStr::from_bytes(target), parent.fd(), OsStr::from_bytes(name))
            .map_err(|error| refused("the link cannot be made", name, error))?;
        self.remember(parent, name);
        Ok(())
    }

    /// A second name for a file of the image.
    pub fn hard_link(&mut self, parent: &Parent, name: &[u8], target: &[&[u8]]) -> Result<(), ImageError> {
        let Some((last, folder)) = target.split_last() else {
            return Err(ImageError::entry("it is a hard link to nothing", name));
        };
        let joined = target.join(&b'/');
        let from = self
            .resolve(&folder.join(&b'/'))
            .map_err(|error| refused("a hard link leads nowhere", &joined, error))?;
        let about = statat(&from, OsStr::from_bytes(last), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| refused("a hard link leads nowhere", &joined, error))?;
        let own = statat(parent.fd(), OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW).ok();
        // A link to itself must not remove the file first.
        if own.is_none_or(|own| (own.st_dev, own.st_ino) != (about.st_dev, about.st_ino)) {
            self.clear(parent, name)?;
            linkat(&from, OsStr::from_bytes(last), parent.fd(), OsStr::from_bytes(name), AtFlags::empty())
                .map_err(|error| refused("the hard link cannot be made", name, error))?;
        }
        self.remember(parent, name);
        Ok(())
    }

    /// Notes that the present layer wrote this.
    pub fn remember(&mut self, parent: &Parent, name: &[u8]) {
        self.written.insert(key(&parent.path, name));
    }

    fn note(&mut self, folder: &OwnedFd, name: &[u8]) -> Result<(), ImageError> {
        let path = real_path(folder.as_fd()).map_err(|error| refused("its path is too long", name, error))?;
        self.written.insert(key(&path, name));
        Ok(())
    }

    /// Hides what earlier layers have of that name.
    pub fn whiteout(&mut self, parent: &Parent, name: &[u8]) -> Result<(), ImageError> {
        self.last = None;
        self.hide(parent.fd(), &parent.path, name)
    }

    /// Hides all that earlier layers have in the folder.
    pub fn opaque(&mut self, parent: &Parent) -> Result<(), ImageError> {
        self.last = None;
        self.hide_all(parent.fd(), &parent.path)
    }

    fn hide_all(&self, folder: BorrowedFd<'_>, path: &[u8]) -> Result<(), ImageError> {
        for name in names(folder)? {
            self.hide(folder, path, &name)?;
        }
        Ok(())
    }

    fn hide(&self, folder: BorrowedFd<'_>, path: &[u8], name: &[u8]) -> Result<(), ImageError> {
        let about = match statat(folder, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(()),
            other => other.map_err(|error| refused("it cannot be looked at", name, error))?,
        };
        let written = self.written.contains(&key(path, name));
        if FileType::from_raw_mode(about.st_mode) == FileType::Directory {
            let inner = open_folder(folder, name)?;
            self.hide_all(inner.as_fd(), &[path, b"/", name].concat())?;
            if !written {
                match unlinkat(folder, OsStr::from_bytes(name), AtFlags::REMOVEDIR) {
                    // The present layer put something into it.
                    Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST) => {}
                    Err(error) => return Err(refused("it cannot be removed", name, error)),
                }
            }
        } else if !written {
            unlinkat(folder, OsStr::from_bytes(name), AtFlags::empty())
                .map_err(|error| refused("it cannot be removed", name, error))?;
        }
        Ok(())
    }
}

/// The path with the link at `count` replaced by its target. `..` stops at the top of the image.
fn behind_link(parts: &[Vec<u8>], count: usize, target: &[u8]) -> Vec<Vec<u8>> {
    let mut new: Vec<Vec<u8>> = if target.starts_with(b"/") { Vec::new() } else { parts[..count].to_vec() };
    for part in target.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                new.pop();
            }
            part => new.push(part.to_vec()),
        }
    }
    new.extend_from_slice(&parts[count + 1..]);
    new
}

fn key(path: &[u8], name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, name).hash(&mut hasher);
    hasher.finish()
}

fn real_path(folder: BorrowedFd<'_>) -> Result<Vec<u8>, Errno> {
    use std::os::fd::AsRawFd;
    let link = format!("/proc/self/fd/{}", folder.as_raw_fd());
    Ok(readlinkat(CWD, link, Vec::new())?.into_bytes())
}

fn depth(path: &[u8]) -> usize {
    path.iter().filter(|&&byte| byte == b'/').count()
}

fn open_folder(parent: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, ImageError> {
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, OsStr::from_bytes(name), how, Mode::empty())
        .map_err(|error| refused("its folder cannot be opened", name, error))
}

fn names(folder: BorrowedFd<'_>) -> Result<Vec<Vec<u8>>, ImageError> {
    let fail = |error| refused("a folder cannot be read", b"", error);
    // An own descriptor: the one at hand may be open for its path only.
    let readable = openat(folder, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(fail)?;
    let mut names = Vec::new();
    for entry in Dir::new(readable).map_err(fail)? {
        let name = entry.map_err(fail)?.file_name().to_bytes().to_vec();
        if name != b"." && name != b".." {
            names.push(name);
        }
    }
    Ok(names)
}

/// Removes a file, or a folder with all in it. Folders were not made deeper than [`PATH_DEPTH_MAX`].
fn remove(parent: BorrowedFd<'_>, name: &[u8], depth: usize) -> Result<(), ImageError> {
    let fail = |error| refused("it cannot be removed", name, error);
    match unlinkat(parent, OsStr::from_bytes(name), AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) if depth <= 2 * PATH_DEPTH_MAX => {
            let folder = open_folder(parent, name)?;
            for inner in names(folder.as_fd())? {
                remove(folder.as_fd(), &inner, depth + 1)?;
            }
            unlinkat(parent, OsStr::from_bytes(name), AtFlags::REMOVEDIR).map_err(fail)
        }
        other => other.map_err(fail),
    }
}
