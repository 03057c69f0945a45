//! The minimal image: busybox as init and for the commands, dropbear for SSH, what user data commonly asks for (bash,
//! curl, sudo) and what volumes need (mkfs.ext4 and its like), from the packages of the host's own Debian or Ubuntu.
//!
//! Of the packages only the programs and the libraries that these load are taken; maintainers' scripts do not run. The
//! image needs nothing from the host once it is built.

mod files;
pub(crate) mod libraries;
pub(crate) mod packages;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::digest;
use crate::error::{At, ImageError};
use crate::need;
use crate::root::{Kind, Origin, Progress, own_architecture};
use crate::store::{Made, OnProgress};

/// Counted up when what is built changes without a change in the files that the recipe covers.
const VERSION: u32 = 2;

/// The packages that programs are taken from. Libraries follow from what these depend on.
const PACKAGES: &[&str] = &[
    "bash",
    "busybox-static",
    "ca-certificates",
    "curl",
    "dropbear-bin",
    "e2fsprogs",
    "openssh-sftp-server",
    "sudo",
];

/// A program of a package, and where it goes.
struct Program {
    /// In the packages, without `/usr` where older releases have it at the top.
    from: &'static str,
    to: &'static str,
    mode: u32,
}

const PROGRAMS: &[Program] = &[
    Program { from: "bin/busybox", to: "usr/bin/busybox", mode: 0o755 },
    Program { from: "bin/bash", to: "usr/bin/bash", mode: 0o755 },
    Program { from: "bin/curl", to: "usr/bin/curl", mode: 0o755 },
    Program { from: "sbin/dropbear", to: "usr/sbin/dropbear", mode: 0o755 },
    Program { from: "bin/dropbearkey", to: "usr/bin/dropbearkey", mode: 0o755 },
    Program { from: "bin/dbclient", to: "usr/bin/dbclient", mode: 0o755 },
    // What a volume is formatted, checked and grown with: busybox knows ext2 only.
    Program { from: "sbin/mke2fs", to: "usr/sbin/mkfs.ext4", mode: 0o755 },
    Program { from: "sbin/e2fsck", to: "usr/sbin/fsck.ext4", mode: 0o755 },
    Program { from: "sbin/resize2fs", to: "usr/sbin/resize2fs", mode: 0o755 },
    Program { from: "lib/openssh/sftp-server", to: "usr/lib/sftp-server", mode: 0o755 },
    Program { from: "bin/sudo", to: "usr/bin/sudo", mode: 0o4755 },
];

/// The program that loads no libraries. The loader, asked for its list, may crash instead of saying so.
const STATIC: &str = "bin/busybox";

/// Objects that programs load by name.
const OBJECTS: &[&str] =
    &["libexec/sudo/sudoers.so", "libexec/sudo/libsudo_util.so.0", "security/pam_permit.so"];

/// Commands that busybox has, but that belong to package managers or other inits.
const UNWANTED: &[&str] = &["dpkg", "dpkg-deb", "rpm", "rpm2cpio", "run-init", "linuxrc", "svc", "svok"];

/// Changes whenever the image would.
pub fn recipe() -> String {
    let mut text = format!("minimal {VERSION} {} {}\n", own_architecture(), PACKAGES.join(" "));
    for file in files::FILES {
        text.push_str(&format!("{} {:o} {}\n", file.path, file.mode, digest::of_bytes(file.content)));
    }
    digest::of_bytes(text.as_bytes())
}

/// Builds into `draft/root`.
pub fn build(draft: &Path, on: &OnProgress) -> Result<Made, ImageError> {
    let (root, unpacked) = (draft.join("root"), draft.join("unpacked"));
    packages::fetch(PACKAGES, &draft.join("packages"), &unpacked, on)?;
    on(Progress::Step("putting the image together".to_owned()));
    files::lay_out(&root)?;
    let libraries = libraries::Libraries::find(&unpacked)?;
    let mut loaded = Vec::new();
    for program in PROGRAMS {
        let from = find(&unpacked, program.from)?;
        place(&from, &root.join(program.to), program.mode)?;
        if program.from != STATIC {
            loaded.push(from);
        }
    }
    for object in OBJECTS {
        let from = match object.strip_prefix("security/") {
            Some(name) => libraries.file(&format!("security/{name}"))?,
            None => find(&unpacked, object)?,
        };
        let to = match object.strip_prefix("security/") {
            Some(name) => root.join(libraries.folder()).join("security").join(name),
            None => root.join("usr").join(object),
        };
        place(&from, &to, 0o644)?;
        loaded.push(from);
    }
    libraries.copy(&loaded, &root)?;
    commands(&root)?;
    certificates(&unpacked, &root)?;
    licences(&unpacked, &root)?;
    files::owners(&root)?;
    try_out(&root)?;
    Ok(Made::own(Origin::Built(Kind::Minimal), &["ec2-user"]))
}

/// A file of the packages, in `/usr` or at the top.
pub(crate) fn find(unpacked: &Path, path: &str) -> Result<PathBuf, ImageError> {
    let places = [unpacked.join("usr").join(path), unpacked.join(path)];
    let found = places.into_iter().find(|place| place.is_file());
    found.ok_or_else(|| ImageError::Unusable(format!("the packages have no {path}")))
}

/// Copies a file; a link is followed.
pub(crate) fn place(from: &Path, to: &Path, mode: u32) -> Result<(), ImageError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).at(folder)?;
    }
    fs::copy(from, to).at(from)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode)).at(to)
}

/// A link for each command that busybox has and no other program is there for.
fn commands(root: &Path) -> Result<(), ImageError> {
    let busybox = root.join("usr/bin/busybox");
    let list = command::run(Command::new(&busybox).arg("--list-full"), &|_| {})?;
    for line in String::from_utf8_lossy(&list).lines() {
        let (folder, name) = line.rsplit_once('/').unwrap_or(("bin", line));
        let (folder, target) = match folder.ends_with("sbin") {
            true => ("usr/sbin", "../bin/busybox"),
            false => ("usr/bin", "busybox"),
        };
        let link = root.join(folder).join(name);
        if !UNWANTED.contains(&name) && link.symlink_metadata().is_err() {
            symlink(target, &link).at(&link)?;
        }
    }
    Ok(())
}

/// One bundle of all authorities, as `update-ca-certificates` makes it.
fn certificates(unpacked: &Path, root: &Path) -> Result<(), ImageError> {
    let folder = unpacked.join("usr/share/ca-certificates/mozilla");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).at(&folder)?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    let mut bundle = Vec::new();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "crt")) {
        bundle.extend(fs::read(path).at(path)?);
        if bundle.last() != Some(&b'\n') {
            bundle.push(b'\n');
        }
    }
    let path = root.join("etc/ssl/certs/ca-certificates.crt");
    fs::write(&path, bundle).at(&path)
}

/// The licences of what is in the image go with it.
pub(crate) fn licences(unpacked: &Path, root: &Path) -> Result<(), ImageError> {
    let folder = unpacked.join("usr/share/doc");
    for entry in fs::read_dir(&folder).at(&folder)? {
        let entry = entry.at(&folder)?;
        let from = entry.path().join("copyright");
        if from.is_file() {
            place(&from, &root.join("usr/share/doc").join(entry.file_name()).join("copyright"), 0o644)?;
        }
    }
    Ok(())
}

/// Starts each program once, in the image. Only root may do that; else what the loader said has to do.
fn try_out(root: &Path) -> Result<(), ImageError> {
    let Some(chroot) = need::find("chroot").filter(|_| rustix::process::geteuid().is_root()) else {
        return Ok(());
    };
    let tries: [&[&str]; 6] = [
        &["/bin/busybox", "true"],
        &["/bin/bash", "-c", ":"],
        &["/usr/sbin/dropbear", "-V"],
        &["/usr/bin/dropbearkey", "-h"],
        &["/usr/bin/curl", "--version"],
        &["/usr/bin/sudo", "-V"],
    ];
    for words in tries {
        let tried = command::run(Command::new(&chroot).arg(root).args(words), &|_| {});
        // dropbearkey says how it is used, and fails; that it could say so is enough.
        if let Err(ImageError::Program { output, .. }) = tried
            && (output.contains("error while loading") || !words[0].ends_with("dropbearkey"))
        {
            return Err(ImageError::Unusable(format!("{} does not start in it: {output}", words[0])));
        }
    }
    Ok(())
}
