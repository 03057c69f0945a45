//! What the minimal image has beside programs: folders, configuration, the scripts that start it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;

use rustix::fs::{CWD, Gid, Uid};

use crate::error::{At, ImageError};

/// A file of the image.
pub struct Fixed {
    pub path: &'static str,
    pub mode: u32,
    pub content: &'static [u8],
}

const fn fixed(path: &'static str, mode: u32, content: &'static [u8]) -> Fixed {
    Fixed { path, mode, content }
}

pub const FILES: &[Fixed] = &[
    fixed("usr/lib/fogbank/first-boot", 0o755, include_bytes!("../../guest/first-boot.sh")),
    fixed("usr/bin/cloud-init", 0o755, include_bytes!("../../guest/cloud-init.sh")),
    fixed("etc/inittab", 0o644, include_bytes!("../../guest/minimal/inittab")),
    fixed("etc/init.d/rcS", 0o755, include_bytes!("../../guest/minimal/rcS")),
    fixed("etc/init.d/rcK", 0o755, include_bytes!("../../guest/minimal/rcK")),
    fixed("etc/profile", 0o644, include_bytes!("../../guest/minimal/profile")),
    fixed("etc/passwd", 0o644, include_bytes!("../../guest/minimal/passwd")),
    fixed("etc/group", 0o644, include_bytes!("../../guest/minimal/group")),
    fixed("etc/shadow", 0o600, include_bytes!("../../guest/minimal/shadow")),
    fixed("etc/os-release", 0o644, include_bytes!("../../guest/minimal/os-release")),
    fixed("etc/fogbank/image", 0o644, b"LOGIN_USERS=ec2-user\nROOT_LOGIN=yes\n"),
    fixed("etc/shells", 0o644, b"/bin/sh\n/bin/bash\n/usr/bin/bash\n"),
    fixed("etc/nsswitch.conf", 0o644, b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n"),
    fixed("etc/hostname", 0o644, b"localhost\n"),
    fixed("etc/hosts", 0o644, b"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"),
    fixed("etc/resolv.conf", 0o644, b""),
    fixed("etc/fstab", 0o644, b""),
    fixed("etc/pam.d/other", 0o644, PAM),
    fixed("etc/pam.d/sudo", 0o644, PAM),
    fixed("etc/sudoers", 0o440, SUDOERS),
    fixed("etc/sudoers.d/90-cloud-init-users", 0o440, b"ec2-user ALL=(ALL) NOPASSWD:ALL\n"),
    fixed("opt/aws/bin/.keep", 0o644, b""),
];

/// Who may use sudo is said by sudoers; passwords there are none.
const PAM: &[u8] =
    b"auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n";

const SUDOERS: &[u8] = b"Defaults env_reset, lecture=never\n\
    Defaults secure_path=\"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/aws/bin\"\n\
    root ALL=(ALL:ALL) ALL\n\
    @includedir /etc/sudoers.d\n";

const FOLDERS: &[(&str, u32)] = &[
    ("dev", 0o755),
    ("etc/dropbear", 0o700),
    ("etc/profile.d", 0o755),
    ("etc/ssl/certs", 0o755),
    ("etc/sudoers.d", 0o750),
    ("home/ec2-user", 0o700),
    ("mnt", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/local/bin", 0o755),
    ("usr/local/sbin", 0o755),
    ("usr/local/share/ca-certificates", 0o755),
    ("usr/sbin", 0o755),
    ("var/cache", 0o755),
    ("var/lib/cloud", 0o755),
    ("var/lib/sudo", 0o700),
    ("var/log", 0o755),
    ("var/spool", 0o755),
    ("var/tmp", 0o1777),
];

const LINKS: &[(&str, &str)] = &[
    ("bin", "usr/bin"),
    ("sbin", "usr/sbin"),
    ("lib", "usr/lib"),
    ("lib64", "usr/lib64"),
    ("etc/mtab", "../proc/self/mounts"),
    ("var/run", "../run"),
    ("usr/lib/openssh", "."),
];

/// Makes folders, links and files.
pub fn lay_out(root: &Path) -> Result<(), ImageError> {
    for (folder, mode) in FOLDERS {
        let path = root.join(folder);
        DirBuilder::new().recursive(true).mode(0o755).create(&path).at(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).at(&path)?;
    }
    for (link, target) in LINKS {
        let path = root.join(link);
        symlink(target, &path).at(&path)?;
    }
    for file in FILES {
        let path = root.join(file.path);
        let folder = path.parent().expect("a file of the image lies in a folder");
        DirBuilder::new().recursive(true).mode(0o755).create(folder).at(folder)?;
        fs::write(&path, file.content).at(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(file.mode)).at(&path)?;
    }
    Ok(())
}

/// Gives what is not root's to whom it belongs. Without root all belongs to whoever builds, and a user namespace makes
/// that root.
pub fn owners(root: &Path) -> Result<(), ImageError> {
    if rustix::process::geteuid().is_root() {
        let home = root.join("home/ec2-user");
        let (uid, gid) = (Uid::from_raw(1000), Gid::from_raw(1000));
        rustix::fs::chownat(CWD, &home, Some(uid), Some(gid), rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .at(&home)?;
    }
    Ok(())
}
