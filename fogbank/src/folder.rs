//! The data folder: what the binary itself keeps there beside the store and the engines.
//!
//! `fogbank.json` says which layout the folder has, `lock` is held while a Fogbank uses it, `root.json`
//! and `master.key` (see [`crate::master_key`]) are the cloud's secrets, made once and readable by their owner only, and
//! `clock.json` says how far the cloud's time has been turned.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use base::{AccountId, Ids};
use rustix::fs::FlockOperation;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::limits::FOLDER_FORMAT;

const LAYOUT: &str = "fogbank.json";
const SEALING_KEY: &str = "sealing.key";

/// A data folder that this process holds.
pub struct Folder {
    path: PathBuf,
    /// Holds the lock as long as it is open.
    _lock: File,
}

/// The first account and its root key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct RootCredentials {
    pub account_id: AccountId,
    pub access_key_id: String,
    pub secret_access_key: String,
}

#[derive(Serialize, Deserialize)]
struct Layout {
    format: u32,
    /// The version that made the folder, for people.
    made_by: String,
}

#[derive(Serialize, Deserialize)]
struct TurnedClock {
    ahead_millis: u64,
}

impl Folder {
    /// Makes the folder if need be, and takes hold of it. Says what to do when that is not possible.
    pub fn open(path: &Path) -> anyhow::Result<Folder> {
        make_private_folder(path).with_context(|| {
            format!("the data folder {} cannot be made; choose another one with --data", path.display())
        })?;
        let lock = lock(path)?;
        let folder = Folder { path: absolute(path)?, _lock: lock };
        folder.check_layout()?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A folder inside, for a part that keeps its own files.
    pub fn room(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.path.join(name);
        make_private_folder(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    fn check_layout(&self) -> anyhow::Result<()> {
        match self.load::<Layout>(LAYOUT)? {
            None => Ok(()),
            Some(layout) if layout.format <= FOLDER_FORMAT => Ok(()),
            Some(layout) => bail!(
                "the data folder {} was written by a newer Fogbank (layout {}, and this is version {}, which \
                 knows layouts up to {FOLDER_FORMAT}); use that Fogbank or a later one, or choose another \
                 folder with --data",
                self.path.display(),
                layout.format,
                env!("CARGO_PKG_VERSION"),
            ),
        }
    }

    /// Says in a new folder which layout it has.
    pub fn mark(&self) -> anyhow::Result<()> {
        if self.load::<Layout>(LAYOUT)?.is_some() {
            return Ok(());
        }
        let made_by = env!("CARGO_PKG_VERSION").to_owned();
        self.save(LAYOUT, &Layout { format: FOLDER_FORMAT, made_by })
    }

    /// The first account's root credentials, if they have been made.
    pub fn known_root_credentials(&self) -> anyhow::Result<Option<RootCredentials>> {
        self.load("root.json")
    }

    /// The first account's root credentials, made the first time.
    pub fn root_credentials(&self, ids: &Ids) -> anyhow::Result<RootCredentials> {
        if let Some(root) = self.known_root_credentials()? {
            return Ok(root);
        }
        let root = RootCredentials::draw(ids);
        self.save("root.json", &root)?;
        Ok(root)
    }

    /// The key of session and page tokens, where a Fogbank that had no master key yet kept it.
    pub fn sealing_key(&self) -> anyhow::Result<Option<[u8; 32]>> {
        self.load(SEALING_KEY)
    }

    /// To be called when that key is kept elsewhere.
    pub fn forget_sealing_key(&self) -> anyhow::Result<()> {
        let path = self.path.join(SEALING_KEY);
        fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))
    }

    /// A secret text, if it is there. One that others may read is not taken: it is secret no more.
    pub fn private_text(&self, name: &str) -> anyhow::Result<Option<Zeroizing<String>>> {
        let path = self.path.join(name);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let cannot = || format!("{} cannot be read", path.display());
        let mode = file.metadata().with_context(cannot)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            bail!("{path} may be read by others (mode {mode:o}); chmod 600 {path}", path = path.display());
        }
        let mut text = Zeroizing::new(String::new());
        file.read_to_string(&mut text).with_context(cannot)?;
        Ok(Some(text))
    }

    /// Keeps a secret text; durable when it returns.
    pub fn keep_private_text(&self, name: &str, text: &str) -> anyhow::Result<()> {
        write_durably(&self.path, name, text.as_bytes())
            .with_context(|| format!("{} cannot be written", self.path.join(name).display()))
    }

    /// How far an earlier run turned the clock.
    pub fn clock_ahead(&self) -> anyhow::Result<Duration> {
        let turned = self.load::<TurnedClock>("clock.json")?;
        Ok(Duration::from_millis(turned.map_or(0, |turned| turned.ahead_millis)))
    }

    /// Remembers how far the clock is turned; durable when it returns.
    pub fn keep_clock_ahead(&self, ahead: Duration) -> anyhow::Result<()> {
        let ahead_millis = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        self.save("clock.json", &TurnedClock { ahead_millis })
    }

    fn load<T: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Option<T>> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => {
                let damaged = || format!("{} is damaged; put it back from a backup", path.display());
                Ok(Some(serde_json::from_slice(&bytes).with_context(damaged)?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    fn save<T: Serialize>(&self, name: &str, value: &T) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(value).expect("plain data");
        text.push(b'\n');
        write_durably(&self.path, name, &text)
            .with_context(|| format!("{} cannot be written", self.path.join(name).display()))
    }
}

impl RootCredentials {
    pub fn draw(ids: &Ids) -> RootCredentials {
        let number = 100_000_000_000 + ids.below(900_000_000_000);
        let account_id = AccountId::new(number).expect("the number has twelve digits");
        RootCredentials {
            account_id,
            access_key_id: service::access_key_id(ids, "AKIA", account_id),
            secret_access_key: ids.text(40, service::SECRET_ALPHABET),
        }
    }

    /// The well-known key of `--dev`.
    pub fn dev() -> RootCredentials {
        RootCredentials {
            account_id: AccountId::DEV,
            access_key_id: "test".to_owned(),
            secret_access_key: "test".to_owned(),
        }
    }
}

/// The path as other processes would name it, whatever their working folder.
pub fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no path", path.display()))
}

/// Only the owner may look inside: everything the cloud holds is in there.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Replaces a file in one step, durably, readable by its owner only.
fn write_durably(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    write_new(&unfinished, bytes)?.sync_all()?;
    fs::rename(&unfinished, folder.join(name))?;
    File::open(folder)?.sync_all()
}

/// The same for what need not outlive a power cut, and so need not wait for the disk.
pub fn write_private(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = folder.join(format!(".{name}.{}", std::process::id()));
    write_new(&unfinished, bytes)?;
    fs::rename(&unfinished, folder.join(name))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    Ok(file)
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut file = open.with_context(|| {
        format!("the data folder {} is not writable; choose another one with --data", folder.display())
    })?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).ok();
            let process = match holder.trim() {
                "" => String::new(),
                id => format!(" (process {id})"),
            };
            bail!(
                "the data folder {} is in use by another Fogbank{process}; stop that one, or choose another \
                 folder with --data",
                folder.display()
            );
        }
        Err(error) => return Err(error).with_context(|| format!("{} cannot be locked", path.display())),
    }
    file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).with_context(|| {
        format!("the data folder {} is not writable; choose another one with --data", folder.display())
    })?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_are_private() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("a/b");
        let root = Folder::open(&path).unwrap().root_credentials(&Ids::seeded(1)).unwrap();
        let folder = Folder::open(&path).unwrap();
        assert!(folder.root_credentials(&Ids::seeded(3)).unwrap() == root);
        assert!(root.access_key_id.starts_with("AKIA") && root.secret_access_key.len() == 40);
        for (name, mode) in [("", 0o700), ("root.json", 0o600)] {
            let found = fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
            assert_eq!(found, mode, "{name}");
        }
    }

    #[test]
    fn a_folder_has_one_holder() {
        let temp = tempfile::tempdir().unwrap();
        let first = Folder::open(temp.path()).unwrap();
        let error = Folder::open(temp.path()).err().unwrap().to_string();
        assert!(error.contains("in use") && error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        Folder::open(temp.path()).unwrap();
    }

    #[test]
    fn a_newer_layout_is_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("fogbank.json"), r#"{"format":2,"made_by":"9.0.0"}"#).unwrap();
        let error = Folder::open(temp.path()).err().unwrap().to_string();
        assert!(error.contains("newer Fogbank") && error.contains("--data"), "{error}");
    }

    #[test]
    fn the_turned_clock_is_remembered() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder::open(temp.path()).unwrap();
        assert_eq!(folder.clock_ahead().unwrap(), Duration::ZERO);
        folder.keep_clock_ahead(Duration::from_secs(86_400)).unwrap();
        assert_eq!(folder.clock_ahead().unwrap(), Duration::from_secs(86_400));
    }
}
