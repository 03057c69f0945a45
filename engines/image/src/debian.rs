//! The Debian image: systemd as the first process, OpenSSH, sudo, and apt for more; made by mmdebstrap.
//!
//! Units that make no sense in a sandbox, or that take seconds at each boot, are masked: the network is set up from
//! outside, there is no terminal, and the clock is the host's.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::command;
use crate::digest;
use crate::error::{At, ImageError};
use crate::need::{find, need};
use crate::root::{Kind, Origin, Progress, own_architecture};
use crate::store::{Made, OnProgress, Settings};

/// The release where the host is no Debian and the settings say nothing.
pub const SUITE: &str = "bookworm";

/// Counted up when what is built changes without a change in what the recipe covers.
const VERSION: u32 = 1;

const PACKAGES: &[&str] = &[
    "ca-certificates",
    "curl",
    "iproute2",
    "iputils-ping",
    "less",
    "netbase",
    "openssh-server",
    "openssl",
    "procps",
    "sudo",
    "systemd-sysv",
    "tzdata",
    "vim-tiny",
];

const FILES: &[(&str, u32, &[u8])] = &[
    ("usr/lib/fogbank/first-boot", 0o755, include_bytes!("../guest/first-boot.sh")),
    ("usr/bin/cloud-init", 0o755, include_bytes!("../guest/cloud-init.sh")),
    (
        "etc/systemd/system/fogbank-init.service",
        0o644,
        include_bytes!("../guest/debian/fogbank-init.service"),
    ),
    (
        "etc/systemd/system/fogbank-final.service",
        0o644,
        include_bytes!("../guest/debian/fogbank-final.service"),
    ),
    ("etc/fogbank/image", 0o644, b"LOGIN_USERS='admin ec2-user'\nROOT_LOGIN=no\n"),
    (
        "etc/sudoers.d/90-cloud-init-users",
        0o440,
        b"admin ALL=(ALL) NOPASSWD:ALL\nec2-user ALL=(ALL) NOPASSWD:ALL\n",
    ),
    ("etc/ssh/sshd_config.d/fogbank.conf", 0o644, b"PasswordAuthentication no\nUseDNS no\n"),
    ("etc/systemd/system.conf.d/fogbank.conf", 0o644, ENVIRONMENT_OF_UNITS),
    ("etc/profile.d/fogbank.sh", 0o644, ENVIRONMENT_OF_SHELLS),
    (
        "etc/apt/apt.conf.d/99fogbank",
        0o644,
        b"Acquire::Languages \"none\";\nAPT::Install-Recommends \"false\";\n",
    ),
    ("etc/hostname", 0o644, b"localhost\n"),
    ("etc/hosts", 0o644, b"127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"),
    ("etc/fstab", 0o644, b""),
    ("etc/machine-id", 0o444, b""),
    ("opt/aws/bin/.keep", 0o644, b""),
];

/// Programs that bring their own certificates are pointed to those of the machine, which have the cloud's authority.
const ENVIRONMENT_OF_UNITS: &[u8] = b"[Manager]\n\
    DefaultEnvironment=AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\n";

const ENVIRONMENT_OF_SHELLS: &[u8] = b"export AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\n\
    export REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt\n\
    export NODE_EXTRA_CA_CERTS=/usr/local/share/ca-certificates/fogbank.crt\n\
    export PATH=\"$PATH:/opt/aws/bin\"\n";

const MASKED: &[&str] = &[
    "apt-daily-upgrade.timer",
    "apt-daily.timer",
    "console-getty.service",
    "dev-hugepages.mount",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "sys-fs-fuse-connections.mount",
    "sys-kernel-config.mount",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "systemd-firstboot.service",
    "systemd-logind.service",
    "systemd-networkd.service",
    "systemd-networkd.socket",
    "systemd-resolved.service",
    "systemd-timesyncd.service",
    "systemd-udevd.service",
];

/// Changes whenever the image would.
pub fn recipe(settings: &Settings) -> String {
    let mut text = format!(
        "debian {VERSION} {} {} {:?}\n{}\n{}\n",
        own_architecture(),
        suite(settings),
        settings.mirror,
        PACKAGES.join(" "),
        MASKED.join(" ")
    );
    for (path, mode, content) in FILES {
        text.push_str(&format!("{path} {mode:o} {}\n", digest::of_bytes(content)));
    }
    digest::of_bytes(text.as_bytes())
}

/// Builds into `draft/root`.
pub fn build(draft: &Path, settings: &Settings, on: &OnProgress) -> Result<Made, ImageError> {
    if !rustix::process::geteuid().is_root() {
        return Err(ImageError::Host(
            "the Debian image can only be built by root; the minimal one needs no root".to_owned(),
        ));
    }
    let root = draft.join("root");
    let program = mmdebstrap(settings, on)?;
    on(Progress::Step("building Debian with mmdebstrap".to_owned()));
    let mut command = Command::new(program);
    command
        .arg("--variant=minbase")
        .arg("--format=directory")
        .arg(format!("--include={}", PACKAGES.join(",")));
    for path in ["/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/doc/*"] {
        command.arg(format!("--dpkgopt=path-exclude={path}"));
    }
    command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    command.arg(r#"--aptopt=Acquire::Languages "none""#);
    command.arg(suite(settings)).arg(&root).args(&settings.mirror);
    command::run(&mut command, &|line| {
        if let Some(step) = line.strip_prefix("I: ") {
            on(Progress::Step(step.to_owned()));
        }
    })?;
    on(Progress::Step("putting the image together".to_owned()));
    furnish(&root)?;
    Ok(Made::own(Origin::Built(Kind::Debian), &["admin", "ec2-user"]))
}

/// Users, files and units.
fn furnish(root: &Path) -> Result<(), ImageError> {
    let chroot =
        find("chroot").ok_or_else(|| ImageError::Host("chroot (coreutils) is not there".to_owned()))?;
    for (user, uid) in [("admin", "1000"), ("ec2-user", "1001")] {
        let mut command = Command::new(&chroot);
        command.arg(root).args([
            "/usr/sbin/useradd",
            "-m",
            "-u",
            uid,
            "-U",
            "-s",
            "/bin/bash",
            "-G",
            "adm,sudo",
            user,
        ]);
        command::run(&mut command, &|_| {})?;
    }
    for (path, mode, content) in FILES {
        let path = root.join(path);
        let folder = path.parent().expect("a file of the image lies in a folder");
        fs::create_dir_all(folder).at(folder)?;
        // mmdebstrap may have left a link or the host's own file.
        let _ = fs::remove_file(&path);
        fs::write(&path, content).at(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).at(&path)?;
    }
    let units = root.join("etc/systemd/system");
    let wanted = units.join("multi-user.target.wants");
    fs::create_dir_all(&wanted).at(&wanted)?;
    for unit in ["fogbank-init.service", "fogbank-final.service"] {
        let link = wanted.join(unit);
        symlink(Path::new("/etc/systemd/system").join(unit), &link).at(&link)?;
    }
    for unit in MASKED {
        let link = units.join(unit);
        let _ = fs::remove_file(&link);
        symlink("/dev/null", &link).at(&link)?;
    }
    // Each instance makes its own at its first boot.
    let keys = root.join("etc/ssh");
    for entry in fs::read_dir(&keys).at(&keys)? {
        let path = entry.at(&keys)?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ssh_host_")) {
            fs::remove_file(&path).at(&path)?;
        }
    }
    let resolver = root.join("etc/resolv.conf");
    let _ = fs::remove_file(&resolver);
    fs::write(&resolver, "").at(&resolver)
}

/// mmdebstrap, installed if it may be.
fn mmdebstrap(settings: &Settings, on: &OnProgress) -> Result<std::path::PathBuf, ImageError> {
    if let Some(program) = find("mmdebstrap") {
        return Ok(program);
    }
    if settings.may_install && find("apt-get").is_some() {
        on(Progress::Step("installing mmdebstrap".to_owned()));
        tracing::info!("installing mmdebstrap with apt-get to build the Debian image");
        let mut command = Command::new(need("apt-get")?);
        command.args(["-qy", "--no-install-recommends", "install", "mmdebstrap"]);
        command::run(&mut command, &|_| {})?;
    }
    need("mmdebstrap")
}

fn suite(settings: &Settings) -> String {
    let host = || fs::read_to_string("/etc/os-release").ok().and_then(|text| codename(&text));
    settings.suite.clone().or_else(host).unwrap_or_else(|| SUITE.to_owned())
}

/// The release of a Debian, by its os-release file. None for others.
fn codename(text: &str) -> Option<String> {
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned())
    };
    value("VERSION_CODENAME").filter(|_| value("ID").as_deref() == Some("debian"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_hosts_if_it_is_a_debian() {
        assert_eq!(codename("ID=debian\nVERSION_CODENAME=bookworm\n").as_deref(), Some("bookworm"));
        assert_eq!(codename("ID=ubuntu\nVERSION_CODENAME=noble\n"), None);
        assert_eq!(codename(""), None);
    }

    #[test]
    fn another_release_is_another_image() {
        let of = |suite: &str| recipe(&Settings { suite: Some(suite.to_owned()), ..Settings::default() });
        assert_ne!(of("bookworm"), of("trixie"));
        assert_eq!(of("bookworm"), of("bookworm"));
    }
}
