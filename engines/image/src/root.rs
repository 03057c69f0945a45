//! What an image is to those who run it: a folder to lay an overlay on, and how its first process starts.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The images that are built here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Busybox, dropbear, sudo and curl, from Debian's packages. Some 25 MB, ready for SSH in half a second.
    Minimal,
    /// Debian with systemd as its first process, and OpenSSH.
    Debian,
    /// QEMU and what its guests start with: see [`crate::emulator`].
    Emulator,
}

/// Where an image came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    Built(Kind),
    /// An OCI or Docker archive, with the name it carries if it has one, such as `docker.io/library/nginx:1.27`.
    Oci {
        name: Option<String>,
    },
    /// A root file system in a tar archive.
    Tar,
}

/// What kind of first process a machine of this image runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Init {
    Systemd,
    /// Busybox's init: SIGUSR2 powers off, SIGTERM restarts.
    Busybox,
    /// An init of another kind at /sbin/init.
    Other,
    /// No init: the image's own command runs as the first process.
    Process,
}

/// What an OCI image says about the process it is made for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// `NAME=value` each.
    pub environment: Vec<String>,
    pub folder: Option<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`.
    pub user: Option<String>,
    pub stop_signal: Option<String>,
    /// Such as `80/tcp`.
    pub ports: Vec<String>,
}

/// The name of an image in its store: `minimal-…`, `debian-…`, `oci-…` or `tar-…`, the rest in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId(String);

/// A text that is no image id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an image id has lower case letters, digits and hyphens, at most {} of them", ImageId::BYTES_MAX)]
pub struct ImageIdError;

impl ImageId {
    pub const BYTES_MAX: usize = 64;

    pub fn parse(text: &str) -> Result<ImageId, ImageIdError> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if !starts || text.len() > Self::BYTES_MAX || !text.bytes().all(fits) {
            return Err(ImageIdError);
        }
        Ok(ImageId(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ImageId {
    type Error = ImageIdError;

    fn try_from(text: String) -> Result<ImageId, ImageIdError> {
        ImageId::parse(&text)
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> String {
        id.0
    }
}

/// What is kept about an image beside its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub origin: Origin,
    /// `sha256:` and 64 hexadecimal digits over all paths, modes, owners, links and contents; times do not count.
    pub digest: String,
    /// Of all regular files.
    pub bytes: u64,
    pub entries: u64,
    /// In EC2's words: `x86_64` or `arm64`.
    pub architecture: String,
    pub init: Init,
    /// The users that the launch's key pair lets in. Empty for images that bring their own first process.
    pub users: Vec<String>,
    pub process: Option<Process>,
}

/// An image that is ready for use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageRoot {
    pub id: ImageId,
    /// The root file system. It is shared by all who use it as an overlay's lower folder: never write to it.
    pub folder: PathBuf,
    pub about: Description,
}

impl ImageRoot {
    pub fn digest(&self) -> &str {
        &self.about.digest
    }

    pub fn bytes(&self) -> u64 {
        self.about.bytes
    }

    /// The arguments of the first process. Empty if the image names none, and then it cannot be started.
    pub fn argv(&self) -> Vec<String> {
        match self.about.init {
            Init::Systemd | Init::Busybox | Init::Other => vec!["/sbin/init".to_owned()],
            Init::Process => {
                let process = self.about.process.clone().unwrap_or_default();
                [process.entrypoint, process.command].concat()
            }
        }
    }
}

/// A file to be put into a machine before it starts.
///
/// A guest may have turned any folder of its root into a link by then. Whoever writes these resolves the path inside
/// that root (`openat2` with `RESOLVE_IN_ROOT`), and replaces a link at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestFile {
    /// Absolute.
    pub path: String,
    /// Permission bits, such as `0o644`. The owner is root.
    pub mode: u32,
    pub content: Vec<u8>,
}

impl GuestFile {
    pub(crate) fn new(path: impl Into<String>, mode: u32, content: impl Into<Vec<u8>>) -> GuestFile {
        GuestFile { path: path.into(), mode, content: content.into() }
    }
}

/// How far a build or an import has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Someone else, perhaps another process, is making this image; this call waits for that.
    Waiting,
    /// A step began, in words such as `downloading 23 packages`.
    Step(String),
    /// What was written of a disk so far.
    Written { bytes: u64 },
    /// What was unpacked so far.
    Unpacked { entries: u64, bytes: u64 },
}

/// In EC2's words, the architecture that this program runs on.
pub(crate) fn own_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "aarch64" => "arm64",
        other => other,
    }
}

/// How the first process of a root file system starts, by what is at /sbin/init.
pub(crate) fn detect_init(folder: &Path) -> Init {
    let Some(target) = resolve_in(folder, Path::new("/sbin/init")) else { return Init::Process };
    let name = target.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match name {
        "systemd" => Init::Systemd,
        "busybox" => Init::Busybox,
        _ => Init::Other,
    }
}

/// Follows links as a process would whose root is `folder`, to a path relative to it. For reading only: what is found
/// may be changed by others meanwhile.
pub(crate) fn resolve_in(folder: &Path, path: &Path) -> Option<PathBuf> {
    let mut open: Vec<std::ffi::OsString> = parts(path);
    open.reverse();
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = open.pop() {
        if part == ".." {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        let found = folder.join(&next).symlink_metadata().ok()?;
        if !found.is_symlink() {
            at = next;
            continue;
        }
        links += 1;
        if links > 40 {
            return None;
        }
        let target = folder.join(&next).read_link().ok()?;
        if target.is_absolute() {
            at = PathBuf::new();
        }
        open.extend(parts(&target).into_iter().rev());
    }
    Some(at)
}

fn parts(path: &Path) -> Vec<std::ffi::OsString> {
    path.components()
        .filter_map(|part| match part {
            std::path::Component::Normal(name) => Some(name.to_owned()),
            std::path::Component::ParentDir => Some("..".into()),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn ids_are_what_can_be_a_folder_of_the_store() {
        for good in ["minimal-0a1b", "oci-ffff", "t"] {
            assert_eq!(ImageId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", "../x", "a/b", "A", "a.b", &"a".repeat(65)] {
            assert_eq!(ImageId::parse(bad), Err(ImageIdError), "{bad}");
        }
    }

    #[test]
    fn the_first_process_is_known_by_what_init_links_to() {
        let check = |links: &[(&str, &str)], files: &[&str], expected: Init| {
            let root = tempfile::tempdir().unwrap();
            for file in files {
                let path = root.path().join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, "").unwrap();
            }
            for (from, to) in links {
                let path = root.path().join(from);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(to, path).unwrap();
            }
            assert_eq!(detect_init(root.path()), expected, "{links:?}");
        };
        check(&[], &["bin/nginx"], Init::Process);
        check(&[("sbin/init", "/bin/busybox")], &["bin/busybox"], Init::Busybox);
        check(
            &[("sbin", "usr/sbin"), ("usr/sbin/init", "../lib/systemd/systemd")],
            &["usr/lib/systemd/systemd"],
            Init::Systemd,
        );
        check(&[], &["sbin/init"], Init::Other);
        // Links never lead out of the image, and a circle is no init.
        check(&[("sbin/init", "../../../../../bin/sh")], &[], Init::Process);
        check(&[("sbin/init", "init")], &[], Init::Process);
    }
}
