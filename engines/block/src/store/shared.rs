//! What all parts of a store share: its folder, its keys, its locks, and what is open.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::error::failed;
use super::keys::{self, StoreId, StoreKeys};
use super::table::Table;
use super::volume::Volume;
use super::{Settings, StoreError, files};
use crate::limits::{BLOCK_BYTES, CACHED_TABLES_MAX, ID_BYTES_MAX, SECTOR_BYTES, VOLUME_BYTES_MAX};

const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Identity {
    version: u8,
    id: StoreId,
}

pub(crate) struct Shared {
    folder: PathBuf,
    pub(crate) keys: StoreKeys,
    pub(crate) boot: [u8; 16],
    catalogue: Mutex<()>,
    lock: File,
    pub(crate) open: Mutex<HashMap<String, Weak<Volume>>>,
    pub(crate) uploads: Mutex<HashMap<String, Arc<Draft>>>,
    /// Copies under way in this process: blocks done, and all.
    pub(crate) copies: Mutex<HashMap<String, (u64, u64)>>,
    tables: Mutex<VecDeque<Arc<Table>>>,
}

/// While it is held, no table appears or goes, in any process.
pub(crate) struct Catalogue<'a> {
    lock: &'a File,
    _mutex: MutexGuard<'a, ()>,
}

impl Drop for Catalogue<'_> {
    fn drop(&mut self) {
        rustix::fs::flock(self.lock, FlockOperation::Unlock).ok();
    }
}

impl Shared {
    pub(crate) fn open(folder: &Path, settings: &Settings) -> Result<Shared, StoreError> {
        for part in ["zones", "snapshots/tables", "snapshots/segments", "snapshots/begun"] {
            files::make_folder(&folder.join(part))?;
        }
        let lock = files::open(&folder.join("lock"))?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(failed("locking the store"))?;
        let identity = match files::read_record::<Identity>(&folder.join("store"))? {
            Some(identity) if identity.version == VERSION => identity,
            Some(_) => return Err(StoreError::Invalid("the store is of a later version".into())),
            None => {
                let identity = Identity { version: VERSION, id: keys::random()? };
                files::replace_record(folder, "store", &identity)?;
                files::sync_folder(&folder.join("snapshots"))?;
                identity
            }
        };
        rustix::fs::flock(&lock, FlockOperation::Unlock).map_err(failed("unlocking the store"))?;
        let boot = match settings.boot {
            Some(boot) => boot,
            None => kernel_boot()?,
        };
        Ok(Shared {
            folder: folder.to_path_buf(),
            keys: StoreKeys::new(&settings.master, identity.id),
            boot,
            catalogue: Mutex::new(()),
            lock,
            open: Mutex::default(),
            uploads: Mutex::default(),
            copies: Mutex::default(),
            tables: Mutex::default(),
        })
    }

    pub(crate) fn catalogue(&self) -> Result<Catalogue<'_>, StoreError> {
        let mutex = self.catalogue.lock();
        rustix::fs::flock(&self.lock, FlockOperation::LockExclusive).map_err(failed("locking the store"))?;
        Ok(Catalogue { lock: &self.lock, _mutex: mutex })
    }

    pub(crate) fn zones_folder(&self) -> PathBuf {
        self.folder.join("zones")
    }

    pub(crate) fn tables_folder(&self) -> PathBuf {
        self.folder.join("snapshots/tables")
    }

    pub(crate) fn begun_folder(&self) -> PathBuf {
        self.folder.join("snapshots/begun")
    }

    pub(crate) fn segments_folder(&self) -> PathBuf {
        self.folder.join("snapshots/segments")
    }

    pub(crate) fn snapshot_folder(&self, snapshot: &str) -> PathBuf {
        self.tables_folder().join(snapshot)
    }

    /// The volumes that are there, with their folders.
    pub(crate) fn volumes(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let mut volumes = Vec::new();
        for zone in files::names(&self.zones_folder())? {
            let folder = self.zones_folder().join(zone);
            volumes.extend(files::names(&folder)?.into_iter().map(|id| (id.clone(), folder.join(id))));
        }
        volumes.sort_unstable();
        Ok(volumes)
    }

    pub(crate) fn volume_folder(&self, id: &str) -> Result<Option<PathBuf>, StoreError> {
        check_id(id)?;
        let zones = files::names(&self.zones_folder())?;
        let mut folders = zones.into_iter().map(|zone| self.zones_folder().join(zone).join(id));
        Ok(folders.find(|folder| folder.is_dir()))
    }

    pub(crate) fn snapshots(&self) -> Result<Vec<String>, StoreError> {
        files::names(&self.tables_folder())
    }

    /// The table of a completed snapshot. The last few stay open.
    pub(crate) fn table(&self, snapshot: &str) -> Result<Option<Arc<Table>>, StoreError> {
        check_id(snapshot)?;
        let path = self.snapshot_folder(snapshot).join("table");
        if !path.exists() {
            self.forget_table(snapshot);
            return Ok(None);
        }
        let mut tables = self.tables.lock();
        if let Some(table) = tables.iter().find(|table| table.footer.owner == snapshot) {
            return Ok(Some(table.clone()));
        }
        let Some(table) = Table::open(&path, snapshot, self.keys.mac())? else { return Ok(None) };
        let table = Arc::new(table);
        tables.truncate(CACHED_TABLES_MAX - 1);
        tables.push_front(table.clone());
        Ok(Some(table))
    }

    /// The same, where it has to be there.
    pub(crate) fn completed(&self, snapshot: &str) -> Result<Arc<Table>, StoreError> {
        self.table(snapshot)?.ok_or_else(|| StoreError::Absent(snapshot.to_owned()))
    }

    pub(crate) fn forget_table(&self, snapshot: &str) {
        self.tables.lock().retain(|table| table.footer.owner != snapshot);
    }
}

/// Ids become names of files.
pub(crate) fn check_id(id: &str) -> Result<(), StoreError> {
    let fits = !id.is_empty() && id.len() <= ID_BYTES_MAX && !id.starts_with('.');
    if fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Ok(());
    }
    Err(StoreError::Invalid("an id is letters, digits, hyphens, underscores and dots".into()))
}

pub(crate) fn check_bytes(bytes: u64) -> Result<(), StoreError> {
    if bytes == 0 || bytes > VOLUME_BYTES_MAX || !bytes.is_multiple_of(SECTOR_BYTES as u64) {
        return Err(StoreError::Invalid(format!("a volume cannot have {bytes} bytes")));
    }
    Ok(())
}

/// How many blocks so many bytes are.
pub(crate) fn blocks(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(BLOCK_BYTES as u64)).expect("the largest volume has fewer blocks")
}

fn kernel_boot() -> Result<[u8; 16], StoreError> {
    let unknown = || StoreError::Invalid("the kernel does not tell its boot id".into());
    let text = files::read(Path::new("/proc/sys/kernel/random/boot_id"))?.ok_or_else(unknown)?;
    let digits: Vec<u8> = text.into_iter().filter(u8::is_ascii_hexdigit).collect();
    let mut boot = [0; 16];
    if digits.len() != 2 * boot.len() {
        return Err(unknown());
    }
    for (byte, pair) in boot.iter_mut().zip(digits.chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_not_text| unknown())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_not_hex| unknown())?;
    }
    Ok(boot)
}
