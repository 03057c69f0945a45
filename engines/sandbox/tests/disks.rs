//! Block devices in a machine: they come and go while it runs, and it makes file systems on them and mounts them.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as HostCommand;
use std::time::Duration;

use fogbank_sandbox::{BlockDevice, Command, Sandbox, SandboxError, State};
use support::{Disk, Ground, bring, does, fails, ground, run, says, settings, shell, until};

/// An engine upon images with the tools for file systems. Nothing where devices cannot be had.
async fn disk_ground() -> Option<Ground> {
    let ground = ground().await?;
    if !Path::new("/dev/loop-control").exists() || !Path::new("/sbin/mke2fs").exists() {
        eprintln!("skipped: no loop devices, or no e2fsprogs");
        return None;
    }
    let root = ground.folder.path().join("image");
    bring(&root, &["mke2fs", "e2fsck", "resize2fs", "mount", "umount", "lsblk", "blkid", "debugfs", "perl"]);
    std::os::unix::fs::symlink("mke2fs", root.join("bin/mkfs.ext4")).unwrap();
    Some(ground)
}

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn a_device_is_formatted_mounted_and_taken_away() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 64 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let device = disk.as_device("xvdf");
    let started = std::time::Instant::now();
    machine.attach_device(device.clone()).await.unwrap();
    eprintln!("attached after {:?}", started.elapsed());
    machine.attach_device(device.clone()).await.unwrap();
    assert_eq!(machine.devices().unwrap(), std::slice::from_ref(&device));
    assert_eq!(does(&machine, "stat -c '%F %u %g %a' /dev/xvdf").await, "block special file 0 6 660");
    assert_eq!(
        does(&machine, "readlink -f /dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_volxvdf").await,
        "/dev/xvdf"
    );
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p /data && mount /dev/xvdf /data").await;
    assert!(does(&machine, "grep /data /proc/mounts").await.starts_with("/dev/xvdf /data ext4 rw,nodev"));
    does(&machine, "echo kept > /data/file && chown 1000:1000 /data/file && mkdir /data/deep && sync").await;
    assert_eq!(does(&machine, "stat -c '%u %g' /data/file /data/lost+found").await, "1000 1000\n0 0");
    assert_eq!(
        does(&machine, "ls /sys/block /sys/class/block").await,
        "/sys/block:\nxvdf\n\n/sys/class/block:\nxvdf"
    );
    assert_eq!(does(&machine, "cat /sys/block/xvdf/size; ls /sys/block/xvdf/loop").await, "131072");
    assert_eq!(does(&machine, "tail -n +3 /proc/partitions").await.split_whitespace().last(), Some("xvdf"));
    assert!(does(&machine, "/bin/blkid").await.starts_with("/dev/xvdf: "));
    assert_eq!(does(&machine, "lsblk -n -o NAME,SIZE,MOUNTPOINTS").await, "xvdf  64M /data");

    let busy = machine.detach_device("xvdf", false).await.unwrap_err();
    assert!(matches!(&busy, SandboxError::Busy(name) if name == "xvdf"), "{busy}");
    assert_eq!(does(&machine, "cat /data/file").await, "kept");
    let started = std::time::Instant::now();
    does(&machine, "umount /data && mount -t ext4 -o noatime,ro /dev/disk/by-id/nvme* /data").await;
    eprintln!("unmounted and mounted after {:?}", started.elapsed());
    assert!(does(&machine, "grep /data /proc/mounts").await.starts_with("/dev/xvdf /data ext4 ro,"));
    fails(&machine, "touch /data/other").await;
    does(&machine, "umount /data && mount --bind /dev/xvdf /etc/passwd").await;
    machine.detach_device("xvdf", false).await.unwrap();
    machine.detach_device("xvdf", false).await.unwrap();
    assert_eq!(machine.devices().unwrap(), []);
    fails(&machine, "ls /dev/xvdf").await;
    fails(&machine, "ls -d /dev/disk/by-id/*").await;
    assert_eq!(does(&machine, "ls /sys/block; tail -n +3 /proc/partitions").await, "");
    let kept = fails(&machine, "head -c 1 /etc/passwd").await;
    assert!(kept.contains("ermi"), "another mount of the node leads to nothing: {kept}");
    machine.kill().await.unwrap();
    // The host reads what the machine wrote, under the ids that the machine saw.
    let at = ground.folder.path().join("look");
    fs::create_dir(&at).unwrap();
    run(&["mount", disk.path.to_str().unwrap(), at.to_str().unwrap()]);
    let facts = fs::metadata(at.join("file"));
    run(&["umount", at.to_str().unwrap()]);
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&facts.unwrap()), 1000);
}

#[tokio::test]
async fn devices_outlast_a_reboot_and_a_restart_of_the_engine() {
    let Some(ground) = disk_ground().await else { return };
    let folder = ground.folder.path();
    let disks = [Disk::new(folder, "a", 16 * MIB), Disk::new(folder, "b", 16 * MIB)];
    let mut spec = ground.spec("i-1");
    spec.devices = vec![disks[0].as_device("xvdf")];
    let machine = ground.sandbox.launch(spec).await.unwrap();
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p /data && mount /dev/xvdf /data && echo a > /data/a")
        .await;
    machine.attach_device(disks[1].as_device("xvdg")).await.unwrap();
    shell(&machine, "reboot").await;
    until("the second start", async || machine.state().unwrap() == State::Running { boots: 2 }).await;
    assert_eq!(does(&machine, "ls /dev | grep xvd").await, "xvdf\nxvdg");
    does(&machine, "mount /dev/xvdf /data && cat /data/a && umount /data").await;

    let again = Sandbox::open(&folder.join("sandbox"), settings(folder)).await.unwrap();
    let machine = again.find("i-1").unwrap();
    assert_eq!(machine.devices().unwrap().len(), 2);
    machine.detach_device("xvdg", false).await.unwrap();
    does(&machine, "mount /dev/xvdf /data && cat /data/a").await;
    machine.kill().await.unwrap();
    assert_eq!(machine.devices().unwrap(), []);
    machine.detach_device("xvdf", false).await.unwrap();
    let gone = machine.attach_device(disks[1].as_device("xvdg")).await.unwrap_err();
    assert!(matches!(gone, SandboxError::HasEnded(_)), "{gone}");
}

#[tokio::test]
async fn a_grown_device_is_seen_and_its_file_system_grows() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 32 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.attach_device(disk.as_device("xvdf")).await.unwrap();
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p /data && mount /dev/xvdf /data").await;
    disk.grow(96 * MIB);
    assert_eq!(does(&machine, "blockdev --getsize64 /dev/xvdf").await, (96 * MIB).to_string());
    let grown = shell(&machine, "resize2fs /dev/xvdf").await;
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let bound = status.lines().find_map(|line| line.strip_prefix("CapBnd:")).unwrap().trim();
    if u64::from_str_radix(bound, 16).unwrap() >> 24 & 1 == 1 {
        assert_eq!(grown.code, 0, "{}", String::from_utf8_lossy(&grown.stderr));
    } else {
        eprintln!("growing ext4 while it is mounted needs CAP_SYS_RESOURCE, which this host's root lacks");
        let text = String::from_utf8_lossy(&grown.stderr).into_owned();
        assert!(text.contains("Permission denied to resize filesystem"), "{text}");
        does(
            &machine,
            "umount /data && e2fsck -fp /dev/xvdf && resize2fs /dev/xvdf && mount /dev/xvdf /data",
        )
        .await;
    }
    let blocks: u64 = does(&machine, "df -k /data | tail -1 | awk '{print $2}'").await.parse().unwrap();
    assert!(blocks > 80 * 1024, "{blocks}");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_guest_reaches_no_device_but_its_own() {
    let Some(ground) = disk_ground().await else { return };
    let folder = ground.folder.path();
    let (own, other) = (Disk::new(folder, "a", 16 * MIB), Disk::new(folder, "b", 16 * MIB));
    run(&["mke2fs", "-q", "-t", "ext4", other.path.to_str().unwrap()]);
    // A file system that somebody prepared: nodes of the other device, and a word to panic upon errors.
    let evil = folder.join("evil");
    fs::create_dir(&evil).unwrap();
    let numbers = other.as_device("x");
    let number = (numbers.major.to_string(), numbers.minor.to_string());
    run(&["mknod", "-m", "666", evil.join("disk").to_str().unwrap(), "b", &number.0, &number.1]);
    run(&["mknod", "-m", "666", evil.join("mem").to_str().unwrap(), "c", "1", "1"]);
    run(&[
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-e",
        "panic",
        "-d",
        evil.to_str().unwrap(),
        own.path.to_str().unwrap(),
    ]);
    // And an image that brings such a node along.
    run(&["mknod", "-m", "666", folder.join("image/bin/disk").to_str().unwrap(), "b", &number.0, &number.1]);

    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.attach_device(own.as_device("xvdf")).await.unwrap();
    does(&machine, "mkdir -p /data /mnt && mount -t ext4 -o dev,suid /dev/xvdf /data").await;
    assert_eq!(does(&machine, "stat -c %F /data/disk").await, "block special file");
    let options = does(&machine, "grep /data /proc/mounts").await;
    assert!(options.contains("errors=remount-ro") && !options.contains("panic"), "{options}");
    for line in [
        "head -c 1 /data/disk",
        "head -c 1 /data/mem",
        "mount -o remount,bind,dev /data",
        "mount -o remount,dev /data && head -c 1 /data/disk",
        "mkdir -p /b && mount --bind /data /b && mount -o remount,bind,dev /b",
        "mount -t ext4 /bin/disk /mnt",
        "mount -t ext4 /data/disk /mnt",
        "mount -t ext4 -o errors=panic /dev/xvdf /mnt",
        "mount -t ext4 -o journal_path=/dev/xvdf /dev/xvdf /mnt",
        "mount -t xfs /dev/xvdf /mnt",
        "mount -t ext4 /nothing /mnt",
        "mount -t ext4 /etc/passwd /mnt",
        "mount -t ext4 /dev/xvdf /nowhere",
        "mount -t btrfs /dev/xvdf /mnt",
        // A superblock that names another device for its journal.
        "umount /data; debugfs -w -R 'set_super_value journal_dev 0x701' /dev/xvdf; mount -t ext4 /dev/xvdf /mnt",
        "debugfs -w -R 'set_super_value journal_dev 0' /dev/xvdf; mount -t ext4 /dev/xvdf /data; ls /data/nothing",
        "mknod /data/new b 7 0",
        "losetup -d /dev/xvdf",
        "losetup /dev/xvdf /bin/busybox",
    ] {
        fails(&machine, line).await;
    }
    fails(&machine, "chroot /data /bin/true; mount -o remount,bind,dev /data; head -c 1 /data/disk").await;
    let mut command = Command::new(&["/bin/sh", "-c", "mount -t ext4 /dev/xvdf /mnt"]);
    command.user = (1000, 1000);
    assert_ne!(machine.exec(command).await.unwrap().code, 0, "only root mounts");
    // Another machine has nothing of it.
    let second = ground.sandbox.launch(ground.spec("i-2")).await.unwrap();
    fails(&second, "ls /dev/xvdf").await;
    second.attach_device(other.as_device("xvdf")).await.unwrap();
    does(&second, "mkdir -p /data && mount /dev/xvdf /data && ls -d /data/lost+found").await;
    fails(&second, "ls /data/disk").await;
    machine.kill().await.unwrap();
    second.kill().await.unwrap();
}

#[tokio::test]
async fn other_mounts_behave_as_they_did() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 16 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.attach_device(disk.as_device("xvdf")).await.unwrap();
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p /data /mnt && mount /dev/xvdf /data").await;
    does(&machine, "mount -t tmpfs none /mnt && mount --bind /data /mnt && umount /mnt && umount /mnt").await;
    does(&machine, "mount --make-rshared / && mount --make-rprivate /").await;
    // Programs that mount in steps are led to the older call, for these kinds alone.
    if does(&machine, "ls /bin").await.lines().any(|name| name == "perl") {
        let open =
            |kind| format!("perl -e '$k = \"{kind}\"; print syscall(430, $k, 0) < 0 ? 0 + $! : \"opened\"'");
        assert_eq!(does(&machine, &open("ext4")).await, "38");
        assert_eq!(does(&machine, &open("tmpfs")).await, "opened");
        // mount_setattr(2): nodes of devices in it stay dead.
        let clear = "perl -e '$a = pack(\"Q4\", 0, 4, 0, 0); $p = \"/data\"; print syscall(442, -100, $p, 0, $a, 32) < 0 ? 0 + $! : \"changed\"'";
        assert_eq!(does(&machine, clear).await, "1");
    }
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_mount_follows_the_callers_own_root_and_links() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 16 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.attach_device(disk.as_device("xvdf")).await.unwrap();
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p /real /jail/dev /jail/at && ln -s /real /link").await;
    does(&machine, "cd /dev && busybox mount -t ext4 xvdf /link && touch /real/here && umount /real").await;
    does(
        &machine,
        "mount --bind /bin /jail/at && umount /jail/at && mkdir /jail/bin && cp /bin/busybox /jail/bin",
    )
    .await;
    does(&machine, "touch /jail/dev/xvdf && mount --bind /dev/xvdf /jail/dev/xvdf").await;
    does(&machine, "chroot /jail /bin/busybox mount -t ext4 /dev/xvdf /at && ls /jail/at/here").await;
    // A mount namespace of the guest's own keeps its mounts to itself.
    does(&machine, "umount /jail/at; unshare -m sh -c 'mount -t ext4 /dev/xvdf /real && ls /real/here'")
        .await;
    fails(&machine, "ls /real/here").await;
    machine.detach_device("xvdf", false).await.unwrap();
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_device_is_torn_out_by_force() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 16 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.attach_device(disk.as_device("xvdf")).await.unwrap();
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p '/my data' && mount /dev/xvdf '/my data'").await;
    assert!(matches!(machine.detach_device("xvdf", false).await, Err(SandboxError::Busy(_))));
    machine.detach_device("xvdf", true).await.unwrap();
    fails(&machine, "ls /dev/xvdf || grep xvdf /proc/mounts").await;
    machine.attach_device(disk.as_device("xvdh")).await.unwrap();
    does(&machine, "mount /dev/xvdh '/my data'").await;
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn what_is_no_device_or_not_that_one_is_refused() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 16 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let device = disk.as_device("xvdf");
    let wrong = BlockDevice { minor: device.minor + 1, ..device.clone() };
    let no = machine.attach_device(wrong).await.unwrap_err().to_string();
    assert!(no.contains("is not the block device"), "{no}");
    for name in ["null", "shm", "../x", "XVDF", "a/b", "", "1a"] {
        let no = machine.attach_device(BlockDevice { name: name.to_owned(), ..device.clone() }).await;
        assert!(matches!(no, Err(SandboxError::Spec(_))), "{name}");
    }
    machine.attach_device(device.clone()).await.unwrap();
    for (name, by_id) in [("xvdf", None), ("xvdg", None)] {
        let clash = BlockDevice { name: name.to_owned(), by_id, ..device.clone() };
        let no = machine.attach_device(clash).await.unwrap_err().to_string();
        assert!(no.contains("the machine has the device"), "{no}");
    }
    machine.detach_device("xvdz", false).await.unwrap();
    let single = ground.sandbox.launch(ground.process("f-1", "sleep 100")).await.unwrap();
    assert!(single.attach_device(device.clone()).await.is_err());
    single.kill().await.unwrap();
    let mut spec = ground.process("f-2", "sleep 100");
    spec.devices = vec![device];
    assert!(matches!(ground.sandbox.launch(spec).await.err(), Some(SandboxError::Spec(_))));
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_guest_that_stalls_its_own_mounts_stalls_nobody_else() {
    let Some(ground) = disk_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "a", 16 * MIB);
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.attach_device(disk.as_device("xvdf")).await.unwrap();
    does(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir -p /data").await;
    // Many at once: they wait for their turn.
    does(
        &machine,
        "for n in $(seq 1 40); do mkdir -p /m/$n; mount -t ext4 /dev/xvdf /m/$n & done; wait; \
         test $(grep -c ^/dev/xvdf /proc/mounts) = 40",
    )
    .await;
    let second = ground.sandbox.launch(ground.spec("i-2")).await.unwrap();
    let started = std::time::Instant::now();
    assert_eq!(says(&second, "echo here").await, "here");
    assert!(started.elapsed() < Duration::from_secs(5));
    machine.kill().await.unwrap();
    second.kill().await.unwrap();
    // With the machines, their mounts are gone: the device is free.
    let exclusive = std::os::unix::fs::OpenOptionsExt::custom_flags(fs::File::options().read(true), 0o200)
        .open(&disk.path);
    assert!(exclusive.is_ok(), "{exclusive:?}");
}

/// A file system of the host's that takes no writes for as long as this lives, so that what a disk in it is told to
/// write hangs.
struct Frozen(PathBuf);

impl Frozen {
    fn freeze(at: &Path) -> Self {
        run(&["fsfreeze", "-f", at.to_str().unwrap()]);
        Self(at.to_owned())
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        HostCommand::new("fsfreeze").arg("-u").arg(&self.0).status().ok();
    }
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        HostCommand::new("umount").arg("-l").arg(&self.0).status().ok();
    }
}

#[tokio::test]
async fn a_device_that_hangs_holds_up_only_what_uses_it() {
    let Some(ground) = disk_ground().await else { return };
    let outer = Disk::new(ground.folder.path(), "outer", 64 * MIB);
    let at = ground.folder.path().join("outer");
    fs::create_dir(&at).unwrap();
    run(&["mke2fs", "-q", "-t", "ext4", outer.path.to_str().unwrap()]);
    run(&["mount", outer.path.to_str().unwrap(), at.to_str().unwrap()]);
    let mounted = Mounted(at.clone());
    let (hanging, sound) = (Disk::new(&at, "a", 16 * MIB), Disk::new(ground.folder.path(), "b", 16 * MIB));
    run(&["mke2fs", "-q", "-t", "ext4", hanging.path.to_str().unwrap()]);
    let mut spec = ground.spec("i-1");
    spec.limits.pids = 100;
    spec.devices = vec![hanging.as_device("xvdf"), sound.as_device("xvdg")];
    let machine = ground.sandbox.launch(spec).await.unwrap();
    does(&machine, "mkdir /a /b && mkfs.ext4 -q /dev/xvdg").await;
    let frozen = Frozen::freeze(&at);
    let mut command = Command::new(&["mount", "-t", "ext4", "/dev/xvdf", "/a"]);
    command.timeout = Duration::from_secs(2);
    assert!(machine.exec(command).await.unwrap().timed_out, "the device hangs");
    let started = std::time::Instant::now();
    does(&machine, "mount -t ext4 /dev/xvdg /b && mount -t tmpfs none /a").await;
    let second = ground.sandbox.launch(ground.spec("i-2")).await.unwrap();
    assert_eq!(says(&second, "echo here").await, "here");
    second.kill().await.unwrap();
    machine.kill().await.unwrap();
    eprintln!("all that took {:?}", started.elapsed());
    assert!(started.elapsed() < Duration::from_secs(15));
    drop(frozen);
    ground.sandbox.forget("i-1").await.unwrap();
    until("nothing is left of it", async || {
        let groups = ground.groups();
        groups.iter().for_each(|above| {
            fs::read_dir(above)
                .into_iter()
                .flatten()
                .flatten()
                .for_each(|one| drop(fs::remove_dir(one.path())));
            fs::remove_dir(above).ok();
        });
        groups.is_empty()
    })
    .await;
    drop((hanging, mounted, outer));
}
