//! What virtual machines run on: QEMU with what it loads, a kernel and the first file system of its guests, as the root
//! file system of a machine that is QEMU. Nothing is installed on the host: all of it is taken from the packages of the
//! host's own Debian, as the minimal image's programs are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::digest;
use crate::error::{At, ImageError};
use crate::minimal::libraries::Libraries;
use crate::minimal::{find, packages, place};
use crate::root::{GuestFile, Kind, Origin, Process, Progress, own_architecture};
use crate::store::{Made, OnProgress};

/// Counted up when what is built changes without a change in the files that the recipe covers.
const VERSION: u32 = 1;

/// Where QEMU, the kernel and the first file system lie in the image.
pub const PROGRAM: &str = "/usr/bin/qemu-system-x86_64";
pub const KERNEL: &str = "/boot/vmlinuz";
pub const INITIAL: &str = "/boot/initial";

const PACKAGES: &[&str] =
    &["busybox-static", "e2fsprogs", "qemu-system-common", "qemu-system-data", "qemu-system-x86"];

/// Depends on the newest kernel for virtual machines.
const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";

/// What QEMU loads by name.
const EMULATION: &str = "accel-tcg-x86_64.so";
const FIRMWARE: &[&str] = &["qboot.rom", "linuxboot_dma.bin", "pvh.bin", "kvmvapic.bin"];

/// Drivers of the guests' kernel, each after those that it needs.
const MODULES: &[&str] = &[
    "drivers/virtio/virtio_ring.ko",
    "drivers/virtio/virtio.ko",
    "drivers/virtio/virtio_pci_legacy_dev.ko",
    "drivers/virtio/virtio_pci_modern_dev.ko",
    "drivers/virtio/virtio_pci.ko",
    "drivers/block/virtio_blk.ko",
    "net/core/failover.ko",
    "drivers/net/net_failover.ko",
    "drivers/net/virtio_net.ko",
    "drivers/char/virtio_console.ko",
    "drivers/char/hw_random/virtio-rng.ko",
    "drivers/firmware/qemu_fw_cfg.ko",
];

/// The first process of the guests, and what it leaves in them.
const SCRIPTS: &[(&str, &[u8], u32)] = &[
    ("init", include_bytes!("../guest/emulator/init"), 0o755),
    ("agent", include_bytes!("../guest/emulator/agent"), 0o755),
    ("functions", include_bytes!("../guest/emulator/functions"), 0o644),
];

/// The commands of busybox that the first file system's init uses.
const COMMANDS: &[&str] = &[
    "cat",
    "chroot",
    "cp",
    "insmod",
    "ip",
    "ln",
    "mkdir",
    "mount",
    "poweroff",
    "sh",
    "sleep",
    "switch_root",
    "tar",
];

/// Changes whenever the image would.
pub(crate) fn recipe() -> String {
    let lists = [PACKAGES, FIRMWARE, MODULES, COMMANDS].concat().join(" ");
    let scripts = SCRIPTS.iter().map(|(_, script, _)| *script).collect::<Vec<_>>().concat();
    let text = format!("emulator {VERSION} {KERNEL_PACKAGE} {lists} {}", digest::of_bytes(&scripts));
    digest::of_bytes(text.as_bytes())
}

/// Files for a machine's root file system, as the first file system's init takes them: an archive for tar.
pub fn archive(files: &[GuestFile]) -> Result<Vec<u8>, ImageError> {
    let mut archive = tar::Builder::new(Vec::new());
    for file in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(file.content.len() as u64);
        header.set_mode(file.mode & 0o7777);
        header.set_entry_type(tar::EntryType::Regular);
        let path = file.path.trim_start_matches('/');
        archive.append_data(&mut header, path, file.content.as_slice()).at(path)?;
    }
    archive.into_inner().at("the archive of a machine's files")
}

/// Builds into `draft/root`.
pub(crate) fn build(draft: &Path, on: &OnProgress) -> Result<Made, ImageError> {
    if own_architecture() != "x86_64" {
        return Err(ImageError::Host("virtual machines are for x86_64 only".to_owned()));
    }
    let (root, unpacked) = (draft.join("root"), draft.join("unpacked"));
    let kernel = packages::named_by(KERNEL_PACKAGE, "linux-image-")?;
    let wanted = [PACKAGES, &[kernel.as_str()]].concat();
    packages::fetch(&wanted, &draft.join("packages"), &unpacked, on)?;
    on(Progress::Step("putting the emulator together".to_owned()));
    for folder in
        ["dev", "etc", "machine", "proc", "run", "sys", "talk", "tmp", "usr/lib", "usr/lib64", "boot"]
    {
        fs::create_dir_all(root.join(folder)).at(&root)?;
    }
    for name in ["lib", "lib64"] {
        symlink(format!("usr/{name}"), root.join(name)).at(&root)?;
    }
    let libraries = Libraries::find(&unpacked)?;
    let program = find(&unpacked, "bin/qemu-system-x86_64")?;
    let emulation = libraries.file(&format!("qemu/{EMULATION}"))?;
    place(&program, &inside(&root, PROGRAM), 0o755)?;
    place(&emulation, &root.join(libraries.folder()).join("qemu").join(EMULATION), 0o644)?;
    for name in FIRMWARE {
        let from = find(&unpacked, &format!("share/qemu/{name}"))?;
        place(&from, &root.join("usr/share/qemu").join(name), 0o644)?;
    }
    // The machine's firmware goes by two names, of which the packages have one as a link.
    place(&find(&unpacked, "share/qemu/qboot.rom")?, &root.join("usr/share/qemu/bios-microvm.bin"), 0o644)?;
    libraries.copy(&[program, emulation], &root)?;
    let release = kernel.trim_start_matches("linux-image-");
    place(&unpacked.join(format!("boot/vmlinuz-{release}")), &inside(&root, KERNEL), 0o644)?;
    initial(&unpacked, &draft.join("initial"), release, &libraries, &inside(&root, INITIAL))?;
    crate::minimal::licences(&unpacked, &root)?;
    let process = Process { entrypoint: vec![PROGRAM.to_owned()], ..Process::default() };
    Ok(Made { process: Some(process), ..Made::own(Origin::Built(Kind::Emulator), &[]) })
}

fn inside(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

/// The file system that guests' kernels begin with, as an archive of the kind the kernel unpacks.
fn initial(
    unpacked: &Path,
    folder: &Path,
    release: &str,
    libraries: &Libraries,
    to: &Path,
) -> Result<(), ImageError> {
    for name in ["bin", "dev", "etc", "modules", "new", "proc", "sys", "usr/lib"] {
        fs::create_dir_all(folder.join(name)).at(folder)?;
    }
    for name in ["lib", "lib64"] {
        symlink(format!("usr/{name}"), folder.join(name)).at(folder)?;
    }
    // What e2fsck asks for file systems that are mounted.
    fs::write(folder.join("etc/mtab"), "").at(folder)?;
    let busybox = find(unpacked, "bin/busybox")?;
    place(&busybox, &folder.join("bin/busybox"), 0o755)?;
    for name in COMMANDS {
        symlink("busybox", folder.join("bin").join(name)).at(folder)?;
    }
    let checkers = [find(unpacked, "sbin/e2fsck")?, find(unpacked, "sbin/resize2fs")?];
    for program in &checkers {
        place(program, &folder.join("bin").join(program.file_name().expect("it has one")), 0o755)?;
    }
    libraries.copy(&checkers, folder)?;
    let modules = unpacked.join("lib/modules").join(release).join("kernel");
    let mut order = Vec::new();
    for path in MODULES {
        let name = path.rsplit('/').next().expect("a path has a last part");
        place(&modules.join(path), &folder.join("modules").join(name), 0o644)?;
        order.push(name);
    }
    fs::write(folder.join("modules/order"), order.join("\n")).at(folder)?;
    for (name, script, mode) in SCRIPTS {
        let at = folder.join(name);
        fs::write(&at, script).at(&at)?;
        place_mode(&at, *mode)?;
    }
    let script = r#"cd "$1" && "$2" find . | "$2" cpio -o -H newc -R 0:0 >"$3""#;
    let mut pack = Command::new(&busybox);
    pack.args(["sh", "-c", script, "sh"]).arg(folder).arg(&busybox).arg(to);
    command::run(&mut pack, &|_| {}).map(drop)
}

fn place_mode(path: &Path, mode: u32) -> Result<(), ImageError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).at(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn files_are_packed_below_the_root_with_their_modes() {
        let files = [GuestFile::new("/etc/fogbank/seed", 0o600, "seed"), GuestFile::new("/x", 0o755, "")];
        let packed = archive(&files).unwrap();
        let mut found = Vec::new();
        for entry in tar::Archive::new(packed.as_slice()).entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let path = entry.path().unwrap().into_owned();
            found.push((path.display().to_string(), entry.header().mode().unwrap(), text));
        }
        let row = |path: &str, mode, text: &str| (path.to_owned(), mode, text.to_owned());
        assert_eq!(found, [row("etc/fogbank/seed", 0o600, "seed"), row("x", 0o755, "")]);
    }
}
