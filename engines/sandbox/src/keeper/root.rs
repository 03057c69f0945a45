//! A machine's root file system, put together in the keeper's own mount namespace.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::talk::{At, Failure};
use super::{Steps, namespaces::Namespaces};
use crate::kernel::mounts::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY};
use crate::kernel::process;
use crate::records::Folder;
use crate::spec::{MachineSpec, upper_layer, upper_work};

/// Builds the overlay at [`Folder::root`], unless a device is mounted there, and a read-only /sys of the machine's network beside it. The caller is in the
/// machine's network namespace, since /sys shows that.
pub fn build(
    folder: &Folder,
    spec: &MachineSpec,
    namespaces: &Namespaces,
    steps: &Steps,
) -> Result<(), Failure> {
    let step = steps.begin("layers");
    make_folders(folder).at(step)?;
    for (index, lower) in spec.lowers.iter().enumerate() {
        let place = folder.layers().join(index.to_string());
        map(lower, &place, &namespaces.users, true).at(step)?;
    }
    if spec.root_device.is_none() {
        make_upper(spec).at(step)?;
        map(&spec.upper, &folder.layers().join("upper"), &namespaces.users, false).at(step)?;
    }
    for (index, bind) in spec.binds.iter().enumerate() {
        let place = folder.binds().join(index.to_string());
        map(&bind.source, &place, &namespaces.users, bind.read_only).at(step)?;
    }

    steps.begin("overlay");
    if spec.root_device.is_none() {
        mount_overlay(folder, spec, namespaces)?;
    }

    let step = steps.begin("sys");
    mounts::mount("sysfs", &folder.sys(), READ_ONLY | NO_SUID | NO_DEV | NO_EXEC, "").at(step)
}

/// Makes the places where mounts go.
pub fn make_folders(folder: &Folder) -> io::Result<()> {
    [folder.root(), folder.layers(), folder.sys(), folder.proc(), folder.binds()]
        .iter()
        .try_for_each(|place| make_folder(place))
}

fn mount_overlay(folder: &Folder, spec: &MachineSpec, namespaces: &Namespaces) -> Result<(), Failure> {
    let step = "overlay";
    // The names are our own, so that no colon or comma of a path can be taken for an option.
    std::env::set_current_dir(folder.layers()).at(step)?;
    let lowers: Vec<String> = (0..spec.lowers.len()).map(|index| index.to_string()).collect();
    let options = format!("lowerdir={},upperdir=upper/layer,workdir=upper/work", lowers.join(":"));
    // Overlayfs works on its upper layer as whoever mounted it, so that must be somebody whom the mapping knows.
    let mounted = process::as_file_user(namespaces.first_user_id, || {
        mounts::mount("overlay", &folder.root(), NO_DEV, &options)
    });
    std::env::set_current_dir("/").at(step)?;
    mounted.at(step)?;
    if mounts::is_read_only(&folder.root()) {
        let cause = format!("overlayfs cannot write to {} (the kernel's log says why)", spec.upper.display());
        return Err(Failure { step, cause });
    }
    Ok(())
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The upper layer's own folder is the machine's `/`, so it looks as the image's does. Nobody but the host's root gets
/// near it: what the guest's root owns belongs to the host's root on disk, programs with the set-user-id bit among it.
fn make_upper(spec: &MachineSpec) -> io::Result<()> {
    let layer = upper_layer(&spec.upper);
    fs::create_dir_all(&spec.upper)?;
    fs::set_permissions(&spec.upper, fs::Permissions::from_mode(0o700))?;
    if !layer.exists() {
        fs::create_dir(&layer)?;
        let like = fs::metadata(&spec.lowers[0])?;
        std::os::unix::fs::chown(&layer, Some(like.uid()), Some(like.gid()))?;
        fs::set_permissions(&layer, fs::Permissions::from_mode(like.mode() & 0o7777))?;
    }
    make_folder(&upper_work(&spec.upper))
}

/// A folder is to be seen at `place`, its ids mapped into the machine's.
fn map(source: &Path, place: &Path, users: &OwnedFd, read_only: bool) -> io::Result<()> {
    let words = |error: io::Error| {
        let hint = match error.raw_os_error() {
            Some(libc::EINVAL | libc::EOPNOTSUPP) => " (its file system cannot map user ids)",
            _ => "",
        };
        io::Error::new(error.kind(), format!("{}: {error}{hint}", source.display()))
    };
    make_folder(place)?;
    let copy = mounts::mapped_copy(source, users.as_fd(), read_only).map_err(words)?;
    mounts::attach(&copy, place).map_err(words)
}
