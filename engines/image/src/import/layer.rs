//! One tar stream, unpacked into the image's folder: a root file system, or a layer of one with its whiteouts.
//!
//! Whiteouts are those of the OCI image specification ("Representing Changes"): `.wh.name` hides what earlier layers have
//! of that name, `.wh..wh..opq` all that they have in a folder; neither hides what its own layer brings, in whatever order.
//! Device nodes in /dev are left out, since machines get a /dev of their own; elsewhere they are refused. So are
//! extended attributes that mean something to an overlay.

use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Timespec, Timestamps, Uid, XattrFlags, chownat, fchmod, fchown, fsetxattr,
    futimens, mknodat,
};
use tar::{Entry, EntryType};

use super::compression::unreadable;
use super::tree::{Parent, Tree};
use crate::error::ImageError;
use crate::limits::{ENTRY_HEADER_BYTES_MAX, PATH_BYTES_MAX, PATH_DEPTH_MAX};
use crate::root::Progress;
use crate::store::{OnProgress, Settings};

const WHITEOUT: &[u8] = b".wh.";
const OPAQUE: &[u8] = b".wh..wh..opq";
/// Notes that AUFS made for itself.
const AUFS: &[u8] = b".wh..wh.";

pub struct Unpacker<'a> {
    tree: Tree,
    settings: &'a Settings,
    on: &'a OnProgress,
    entries: u64,
    bytes: u64,
    /// Owners, and modes that lock their owner out, can only be set by root.
    as_root: bool,
    reported: Instant,
}

/// Where an entry goes: the folders, and the name in the last of them.
struct Place<'p> {
    folders: Vec<&'p [u8]>,
    name: &'p [u8],
}

impl<'a> Unpacker<'a> {
    pub fn new(root: &Path, settings: &'a Settings, on: &'a OnProgress) -> Result<Unpacker<'a>, ImageError> {
        Ok(Unpacker {
            tree: Tree::open(root)?,
            settings,
            on,
            entries: 0,
            bytes: 0,
            as_root: rustix::process::geteuid().is_root(),
            reported: Instant::now(),
        })
    }

    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Unpacks a stream to its end. `layer` says that names which begin with `.wh.` are
    /// whiteouts.
    pub fn unpack(&mut self, source: impl Read, layer: bool) -> Result<(), ImageError> {
        self.tree.begin_layer();
        let (source, guard) = Guarded::new(source);
        let mut archive = tar::Archive::new(source);
        let mut entries = archive.entries().map_err(unreadable)?;
        loop {
            guard.begin_header();
            let Some(entry) = entries.next() else { break };
            let mut entry = entry.map_err(|error| guard.explain(error))?;
            guard.end_header();
            self.count_entry()?;
            self.entry(&mut entry, layer)?;
            // What an entry has and needs not, so that the next header is where the next read begins.
            self.drain(&mut entry)?;
        }
        guard.end_header();
        // The digest of a stream is over its padding too.
        self.drain(&mut archive.into_inner())
    }

    fn count_entry(&mut self) -> Result<(), ImageError> {
        self.entries += 1;
        let max = self.settings.image_entries_max;
        if self.entries > max {
            return Err(ImageError::TooLarge { max, unit: "files" });
        }
        if self.reported.elapsed() > Duration::from_millis(250) {
            self.reported = Instant::now();
            (self.on)(Progress::Unpacked { entries: self.entries, bytes: self.bytes });
        }
        Ok(())
    }

    fn entry<R: Read>(&mut self, entry: &mut Entry<'_, R>, layer: bool) -> Result<(), ImageError> {
        let path = entry.path_bytes().into_owned();
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            return Ok(());
        }
        let Some(place) = place(&path)? else { return Ok(()) };
        if layer && place.name.starts_with(WHITEOUT) {
            return self.whiteout(&place, &path);
        }
        match kind {
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => {
                self.file(entry, &place, &path)
            }
            EntryType::Directory => self.folder(entry, &place),
            EntryType::Symlink => self.symlink(entry, &place, &path),
            EntryType::Link => self.hard_link(entry, &place, &path),
            EntryType::Fifo => self.fifo(entry, &place),
            EntryType::Char | EntryType::Block if place.folders.first() == Some(&&b"dev"[..]) => Ok(()),
            EntryType::Char | EntryType::Block => {
                Err(ImageError::entry("it has a device node outside of /dev", &path))
            }
            other => Err(ImageError::entry(format!("it has an entry of the unknown kind {other:?}"), &path)),
        }
    }

    fn whiteout(&mut self, place: &Place<'_>, path: &[u8]) -> Result<(), ImageError> {
        if place.name != OPAQUE && place.name.starts_with(AUFS) {
            return Ok(());
        }
        let hidden = &place.name[WHITEOUT.len()..];
        if place.name != OPAQUE && matches!(hidden, b"" | b"." | b"..") {
            return Err(ImageError::entry("it has a whiteout of no file", path));
        }
        let parent = self.tree.parent(&place.folders)?;
        if place.name == OPAQUE { self.tree.opaque(&parent) } else { self.tree.whiteout(&parent, hidden) }
    }

    fn file<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        place: &Place<'_>,
        path: &[u8],
    ) -> Result<(), ImageError> {
        let size = entry.size();
        self.charge(size)?;
        let parent = self.tree.parent(&place.folders)?;
        self.tree.clear(&parent, place.name)?;
        let mut file = self.tree.create(&parent, place.name)?;
        let disk = |error: io::Error| ImageError::entry(format!("it cannot be written ({error})"), path);
        copy(entry, &mut file, size, path)?;
        file.flush().map_err(disk)?;
        let file = file.as_fd();
        let owner = self.owner(entry);
        let mode = self.mode(entry, path, 0)?;
        if let Some((uid, gid)) = owner {
            fchown(file, Some(uid), Some(gid)).map_err(|error| disk(error.into()))?;
        }
        // After the owner: to change that takes the setuid bit away.
        fchmod(file, mode).map_err(|error| disk(error.into()))?;
        for (name, value) in attributes(entry, self.as_root).map_err(unreadable)? {
            fsetxattr(file, name.as_str(), &value, XattrFlags::empty())
                .map_err(|error| disk(error.into()))?;
        }
        let seconds = i64::try_from(entry.header().mtime().unwrap_or(0)).unwrap_or(0);
        let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
        // A time that the file system cannot hold is no reason to refuse an image.
        let _ = futimens(file, &Timestamps { last_access: time, last_modification: time });
        Ok(())
    }

    fn folder<R: Read>(&mut self, entry: &mut Entry<'_, R>, place: &Place<'_>) -> Result<(), ImageError> {
        let parent = self.tree.parent(&place.folders)?;
        if self.tree.kind(&parent, place.name)?.is_some_and(|kind| kind != FileType::Directory) {
            self.tree.clear(&parent, place.name)?;
        }
        let folder = self.tree.folder(&parent, place.name)?;
        let fail = |error: rustix::io::Errno| {
            ImageError::entry(format!("it cannot be set up ({error})"), place.name)
        };
        if let Some((uid, gid)) = self.owner(entry) {
            fchown(&folder, Some(uid), Some(gid)).map_err(fail)?;
        }
        let mode = self.mode(entry, place.name, if self.as_root { 0 } else { 0o700 })?;
        fchmod(&folder, mode).map_err(fail)
    }

    fn symlink<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        place: &Place<'_>,
        path: &[u8],
    ) -> Result<(), ImageError> {
        let target = link_target(entry, path)?;
        let parent = self.tree.parent(&place.folders)?;
        self.tree.clear(&parent, place.name)?;
        self.tree.symlink(&parent, place.name, &target)?;
        self.own_link(entry, &parent, place.name)
    }

    fn hard_link<R: Read>(
        &mut self,
        entry: &mut Entry<'_, R>,
        place: &Place<'_>,
        path: &[u8],
    ) -> Result<(), ImageError> {
        let target = link_target(entry, path)?;
        let target =
            parts(&target).map_err(|what| ImageError::entry(format!("its hard link {what}"), path))?;
        let parent = self.tree.parent(&place.folders)?;
        self.tree.hard_link(&parent, place.name, &target)
    }

    fn fifo<R: Read>(&mut self, entry: &mut Entry<'_, R>, place: &Place<'_>) -> Result<(), ImageError> {
        let parent = self.tree.parent(&place.folders)?;
        self.tree.clear(&parent, place.name)?;
        let mode = self.mode(entry, place.name, 0)?;
        let name = std::os::unix::ffi::OsStrExt::from_bytes(place.name);
        let name: &std::ffi::OsStr = name;
        mknodat(parent.fd(), name, FileType::Fifo, mode, 0)
            .map_err(|error| ImageError::entry(format!("it cannot be made ({error})"), place.name))?;
        self.tree.remember(&parent, place.name);
        self.own_link(entry, &parent, place.name)
    }

    /// The owner of what cannot be opened.
    fn own_link<R: Read>(
        &self,
        entry: &Entry<'_, R>,
        parent: &Parent,
        name: &[u8],
    ) -> Result<(), ImageError> {
        let Some((uid, gid)) = self.owner(entry) else { return Ok(()) };
        let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(name);
        chownat(parent.fd(), path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| ImageError::entry(format!("its owner cannot be set ({error})"), name))
    }

    fn owner<R: Read>(&self, entry: &Entry<'_, R>) -> Option<(Uid, Gid)> {
        let number =
            |id: io::Result<u64>| id.ok().and_then(|id| u32::try_from(id).ok()).filter(|&id| id != u32::MAX);
        let uid = number(entry.header().uid()).unwrap_or(0);
        let gid = number(entry.header().gid()).unwrap_or(0);
        self.as_root.then(|| (Uid::from_raw(uid), Gid::from_raw(gid)))
    }

    fn mode<R: Read>(&self, entry: &Entry<'_, R>, path: &[u8], more: u32) -> Result<Mode, ImageError> {
        let mode = entry
            .header()
            .mode()
            .map_err(|error| ImageError::entry(format!("its mode is no number ({error})"), path))?;
        Ok(Mode::from_raw_mode((mode & 0o7777) | more))
    }

    fn charge(&mut self, bytes: u64) -> Result<(), ImageError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let max = self.settings.image_bytes_max;
        if self.bytes > max { Err(ImageError::TooLarge { max, unit: "bytes" }) } else { Ok(()) }
    }

    /// Reads what is left, and counts it.
    fn drain(&mut self, source: &mut impl Read) -> Result<(), ImageError> {
        let left = self.settings.image_bytes_max - self.bytes;
        let count = io::copy(&mut source.by_ref().take(left + 1), &mut io::sink()).map_err(unreadable)?;
        self.charge(count)
    }
}

/// Copies all of an entry. A stream that ends early would else leave a short file.
fn copy(entry: &mut impl Read, file: &mut impl Write, size: u64, path: &[u8]) -> Result<(), ImageError> {
    let mut buffer = vec![0; 128 * 1024];
    let mut copied = 0;
    loop {
        let count = match entry.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            count => count,
        };
        file.write_all(&buffer[..count])
            .map_err(|error| ImageError::entry(format!("it cannot be written ({error})"), path))?;
        copied += count as u64;
    }
    if copied == size { Ok(()) } else { Err(ImageError::entry("it is cut off", path)) }
}

fn link_target<R: Read>(entry: &Entry<'_, R>, path: &[u8]) -> Result<Vec<u8>, ImageError> {
    let target = entry.link_name_bytes().unwrap_or_default().into_owned();
    if target.is_empty() || target.len() > PATH_BYTES_MAX || target.contains(&0) {
        return Err(ImageError::entry("it has a link without a usable target", path));
    }
    Ok(target)
}

/// The extended attributes that are kept: capabilities of programs, and what users set.
fn attributes<R: Read>(entry: &mut Entry<'_, R>, as_root: bool) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut kept = Vec::new();
    for extension in entry.pax_extensions()?.into_iter().flatten() {
        let extension = extension?;
        let Some(name) = extension.key().ok().and_then(|key| key.strip_prefix("SCHILY.xattr.")) else {
            continue;
        };
        // Capabilities need root, and say nothing to a tree that belongs to someone else.
        if name.starts_with("user.") && !name.starts_with("user.overlay.")
            || (name == "security.capability" && as_root)
        {
            kept.push((name.to_owned(), extension.value_bytes().to_vec()));
        }
    }
    Ok(kept)
}

/// None for the top itself, which stays as it is: archives are often made of folders that only their maker could read.
fn place(path: &[u8]) -> Result<Option<Place<'_>>, ImageError> {
    let mut folders = parts(path).map_err(|what| ImageError::entry(format!("a path {what}"), path))?;
    Ok(folders.pop().map(|name| Place { folders, name }))
}

/// The names in a path. Absolute paths and `..` are refused: nothing honest has them.
fn parts(path: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
    if path.len() > PATH_BYTES_MAX {
        return Err("is longer than 4096 bytes");
    }
    if path.starts_with(b"/") {
        return Err("is absolute");
    }
    if path.contains(&0) {
        return Err("has a zero byte");
    }
    let parts: Vec<&[u8]> =
        path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
    if parts.contains(&&b".."[..]) {
        return Err("leads upwards");
    }
    if parts.len() > PATH_DEPTH_MAX {
        return Err("has more than 256 folders");
    }
    Ok(parts)
}

/// A reader that lets headers have only so many bytes: the tar library reads long names and attributes into memory.
pub struct Guarded<R> {
    source: R,
    state: Rc<State>,
}

pub struct Guard(Rc<State>);

#[derive(Default)]
struct State {
    /// What is left for a header, while one is read.
    left: Cell<Option<u64>>,
    refused: Cell<bool>,
}

impl<R> Guarded<R> {
    pub fn new(source: R) -> (Guarded<R>, Guard) {
        let state = Rc::new(State::default());
        (Guarded { source, state: state.clone() }, Guard(state))
    }
}

impl Guard {
    pub fn begin_header(&self) {
        self.0.left.set(Some(ENTRY_HEADER_BYTES_MAX));
    }

    pub fn end_header(&self) {
        self.0.left.set(None);
    }

    pub fn explain(&self, error: io::Error) -> ImageError {
        if self.0.refused.get() {
            return ImageError::TooLarge {
                max: ENTRY_HEADER_BYTES_MAX,
                unit: "bytes of headers of one entry",
            };
        }
        unreadable(error)
    }
}

impl<R: Read> Read for Guarded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.state.left.get() else { return self.source.read(buffer) };
        if left == 0 && !buffer.is_empty() {
            self.state.refused.set(true);
            return Err(io::Error::other("the headers of an entry are too long"));
        }
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let count = self.source.read(&mut buffer[..most])?;
        self.state.left.set(Some(left - count as u64));
        Ok(count)
    }
}

impl<R: Seek> Seek for Guarded<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.source.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_honest_paths_have_parts() {
        assert_eq!(parts(b"./a//b/.").unwrap(), [b"a", b"b"]);
        assert_eq!(parts(b"./").unwrap(), [b""; 0]);
        for bad in
            [&b"/etc/passwd"[..], b"../x", b"a/../../x", b"a\0b", &b"a/".repeat(257), &b"a".repeat(4097)]
        {
            assert!(parts(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }
}
