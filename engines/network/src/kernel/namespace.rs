//! Network namespaces by name: bind mounts in one folder, as `ip netns` keeps them, so that it can look at ours.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, UnmountFlags, mount_bind, mount_change, unmount};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// The folder of the namespaces' names.
#[derive(Clone, Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The namespace, when there is one of that name. A mere file, left by a crash between making the file and
    /// mounting, does not count.
    pub fn open(&self, name: &str) -> io::Result<Option<File>> {
        match File::open(self.path(name)) {
            Ok(file) => Ok(is_namespace(&file)?.then_some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The namespace, made when it is not there. Its loopback is up.
    pub fn ensure(&self, name: &str) -> io::Result<File> {
        if let Some(there) = self.open(name)? {
            return Ok(there);
        }
        self.share()?;
        let path = self.path(name);
        fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path)?;
        apart(|| mount_bind("/proc/thread-self/ns/net", &path))?.map_err(io::Error::from)?;
        let made = File::open(&path)?;
        within(&made, super::requests::loopback_up)??;
        Ok(made)
    }

    /// Takes the name away. The namespace itself ends with the last process or socket in it.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        let path = self.path(name);
        match unmount(&path, UnmountFlags::DETACH) {
            Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// Makes the folder a mount of its own that shares what happens in it with other mount namespaces, as `ip netns`
    /// does: otherwise a sandbox that was started before a removal would keep the removed namespace alive.
    fn share(&self) -> io::Result<()> {
        fs::create_dir_all(&self.0)?;
        let shared = MountPropagationFlags::SHARED | MountPropagationFlags::REC;
        match mount_change(&self.0, shared) {
            Err(Errno::INVAL) => {
                mount_bind(&self.0, &self.0)?;
                Ok(mount_change(&self.0, shared)?)
            }
            other => Ok(other?),
        }
    }
}

fn is_namespace(file: &File) -> io::Result<bool> {
    const NSFS_MAGIC: i64 = 0x6e73_6673;
    let kind = rustix::fs::fstatfs(file)?.f_type;
    Ok(kind == NSFS_MAGIC)
}

/// Runs `act` on a thread of its own inside the namespace.
pub fn within<T: Send>(namespace: &File, act: impl FnOnce() -> T + Send) -> io::Result<T> {
    on_a_thread(|| {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        Ok(act())
    })
}

/// Runs `act` on a thread of its own inside a new namespace without a name, which ends with what `act` leaves in it.
pub fn apart<T: Send>(act: impl FnOnce() -> T + Send) -> io::Result<T> {
    on_a_thread(|| {
        new_network()?;
        Ok(act())
    })
}

#[expect(unsafe_code, reason = "rustix marks all of unshare unsafe because of CLONE_FILES")]
fn new_network() -> io::Result<()> {
    // SAFETY: a new network namespace for this thread alone touches neither memory nor file descriptors.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }?;
    Ok(())
}

fn on_a_thread<T: Send>(act: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("network".to_owned()).spawn_scoped(scope, act)?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Writes below `/proc/sys`, of the namespace the thread is in.
pub fn set(key: &str, value: &str) -> io::Result<()> {
    fs::write(Path::new("/proc/sys").join(key), value)
}
