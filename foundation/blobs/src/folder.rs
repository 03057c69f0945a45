//! Blobs in a folder.
//!
//! ```text
//! format        "fogbank blobs 1"
//! lock          held while a process has the folder open
//! new/<id>      being written; removed at open
//! 00/ … ff/     the blobs, <id> each, by the first two digits of their id
//! ```
//!
//! A blob is published by a hard link, which, unlike a rename, never replaces what has the name already.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::buffer::spare_capacity;
use rustix::fs::Advice;

use crate::limits::WRITE_BACK_BYTES;
use crate::medium::{Draft, Medium, Source};
use crate::{BlobError, BlobId};

const FORMAT: u32 = 1;
const FORMAT_PREFIX: &str = "fogbank blobs ";

pub(crate) struct Folder {
    root: PathBuf,
    _lock: File,
}

struct FolderDraft {
    file: File,
    written_bytes: u64,
    /// Of these, the kernel was told to begin with.
    begun_bytes: u64,
    draft: PathBuf,
    folder: PathBuf,
    name: String,
}

impl Folder {
    /// Takes the folder, makes it if it is missing, and removes what an earlier process left unfinished.
    pub fn open(root: &Path) -> Result<Folder, BlobError> {
        let is_new = !root.exists();
        fs::DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        if is_new && let Some(parent) = root.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        // Nothing is removed before the lock is held: unfinished blobs may be another process's.
        let lock = lock(root)?;
        check_format(root)?;
        make_folders(root)?;
        remove_drafts(&root.join("new"))?;
        Ok(Folder { root: root.to_owned(), _lock: lock })
    }

    fn folder(&self, prefix: u8) -> PathBuf {
        self.root.join(format!("{prefix:02x}"))
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.folder(id.prefix()).join(id.to_string())
    }
}

impl Medium for Folder {
    fn waits(&self) -> bool {
        true
    }

    fn create(&self, id: BlobId) -> Result<Box<dyn Draft>, BlobError> {
        let name = id.to_string();
        let draft = self.root.join("new").join(&name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        let folder = self.folder(id.prefix());
        Ok(Box::new(FolderDraft { file, written_bytes: 0, begun_bytes: 0, draft, folder, name }))
    }

    fn open(&self, id: BlobId) -> Result<Box<dyn Source>, BlobError> {
        Ok(Box::new(File::open(self.path(id)).map_err(|error| missing(error, id))?))
    }

    /// One sync a folder, however many blobs of it go.
    fn delete(&self, ids: &[BlobId]) -> Result<Vec<BlobId>, BlobError> {
        let mut folders = BTreeSet::new();
        let mut removed = Vec::new();
        for id in ids {
            match fs::remove_file(self.path(*id)) {
                Ok(()) => removed.push(*id),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
            // Also if it was gone: an earlier removal may have been cut short before its sync.
            folders.insert(id.prefix());
        }
        for prefix in folders {
            sync_folder(&self.folder(prefix))?;
        }
        Ok(removed)
    }

    fn list(&self, after: Option<BlobId>, limit: usize) -> Result<Vec<BlobId>, BlobError> {
        let mut listed = Vec::new();
        for prefix in after.map_or(0, |id| id.prefix())..=u8::MAX {
            let left = limit - listed.len();
            if left == 0 {
                break;
            }
            // Folders are not in order, so the smallest ids are kept, and no more of them than are asked for.
            let mut smallest = BTreeSet::new();
            for entry in fs::read_dir(self.folder(prefix))? {
                let name = entry?.file_name();
                let Some(id) = name.to_str().and_then(|name| name.parse::<BlobId>().ok()) else { continue };
                if id.prefix() == prefix && after.is_none_or(|after| id > after) {
                    smallest.insert(id);
                    if smallest.len() > left {
                        smallest.pop_last();
                    }
                }
            }
            listed.extend(smallest);
        }
        Ok(listed)
    }
}

impl Draft for FolderDraft {
    fn append(&mut self, mut pieces: &mut [IoSlice<'_>]) -> Result<(), BlobError> {
        // Pieces without bytes at the front are passed, so that a write of nothing means a failure.
        IoSlice::advance_slices(&mut pieces, 0);
        while !pieces.is_empty() {
            match self.file.write_vectored(pieces) {
                Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                Ok(written) => {
                    self.written_bytes += written as u64;
                    IoSlice::advance_slices(&mut pieces, written);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if self.written_bytes - self.begun_bytes >= WRITE_BACK_BYTES {
            self.begin_write_back();
        }
        Ok(())
    }

    /// The order is what makes it crash-safe: the name appears after the bytes are on the disk, and is on the
    /// disk itself before this returns.
    fn publish(self: Box<Self>) -> Result<(), BlobError> {
        self.file.sync_all()?;
        let published = self.folder.join(&self.name);
        fs::hard_link(&self.draft, &published)?;
        if let Err(error) = sync_folder(&self.folder) {
            // Nobody was told of it, so it should not be found either.
            let _ = fs::remove_file(&published);
            return Err(error.into());
        }
        Ok(())
    }
}

impl FolderDraft {
    /// "Not needed soon" makes Linux start writing what is dirty, and drop what is written already: the pages of this
    /// range stay, since they have just been filled. It is advice, so a refusal changes nothing.
    fn begin_write_back(&mut self) {
        let length = NonZeroU64::new(self.written_bytes - self.begun_bytes);
        let _ = rustix::fs::fadvise(&self.file, self.begun_bytes, length, Advice::DontNeed);
        self.begun_bytes = self.written_bytes;
    }
}

/// Both ways out of a draft end here: a published blob has its second name by now.
impl Drop for FolderDraft {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.draft) {
            tracing::warn!(draft = %self.draft.display(), %error, "an unfinished blob stays until the next start");
        }
    }
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = offset + bytes.len() as u64;
            match rustix::io::pread(self, spare_capacity(&mut bytes), at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        // The allocator may have given more room than was asked for.
        bytes.truncate(length);
        Ok(bytes)
    }
}

fn missing(error: io::Error, id: BlobId) -> BlobError {
    match error.kind() {
        io::ErrorKind::NotFound => BlobError::NotFound(id),
        _ => error.into(),
    }
}

fn lock(root: &Path) -> Result<File, BlobError> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(root.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(BlobError::Locked(root.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn check_format(root: &Path) -> Result<(), BlobError> {
    let path = root.join("format");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return write_format(root),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => String::new(),
        Err(error) => return Err(error.into()),
    };
    let found: Option<u32> =
        text.strip_prefix(FORMAT_PREFIX).and_then(|version| version.trim_end().parse().ok());
    match found {
        Some(FORMAT) => Ok(()),
        Some(found) if found > FORMAT => {
            Err(BlobError::NewerVersion { folder: root.to_owned(), found, known: FORMAT })
        }
        _ => Err(BlobError::UnknownFormat(root.to_owned())),
    }
}

/// Complete before it has its name, so that a first start that is cut short does not leave half of it.
fn write_format(root: &Path) -> Result<(), BlobError> {
    let unfinished = root.join("format.new");
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{FORMAT_PREFIX}{FORMAT}")?;
    file.sync_all()?;
    fs::rename(&unfinished, root.join("format"))?;
    Ok(sync_folder(root)?)
}

/// All at once, at open: made when first needed, each would have to be synced before anyone else may use it.
fn make_folders(root: &Path) -> Result<(), BlobError> {
    let names = (0..=u8::MAX).map(|prefix| format!("{prefix:02x}"));
    for name in names.chain(["new".to_owned()]) {
        match fs::DirBuilder::new().mode(0o700).create(root.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
    }
    // Even if none was made now: an earlier start may have been cut short before this line.
    Ok(sync_folder(root)?)
}

fn remove_drafts(drafts: &Path) -> Result<(), BlobError> {
    let mut removed = 0;
    for entry in fs::read_dir(drafts)? {
        fs::remove_file(entry?.path())?;
        removed += 1;
    }
    if removed > 0 {
        tracing::info!(removed, "removed blobs that were unfinished when Fogbank last stopped");
    }
    Ok(())
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
