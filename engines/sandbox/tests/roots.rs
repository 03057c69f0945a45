//! Machines whose root file system is on a block device: started, stopped, killed, crashed, grown, filled.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use fogbank_sandbox::{Command, How, Kind, MachineSpec, Sandbox, SandboxError, State};
use support::{
    Disk, Ground, bring, does, fails, ground, keeper_in, keepers_of, mounts_below, run, says, settings, until,
};

const MIB: u64 = 1 << 20;

/// An engine, and an image to make roots from. Nothing where devices cannot be had.
async fn root_ground() -> Option<Ground> {
    let ground = ground().await?;
    if !Path::new("/dev/loop-control").exists() || !Path::new("/sbin/mke2fs").exists() {
        eprintln!("skipped: no loop devices, or no e2fsprogs");
        return None;
    }
    bring(&ground.folder.path().join("image"), &["lsblk", "findmnt"]);
    Some(ground)
}

/// A disk of that size with the image in a file system of that size.
fn root_disk(ground: &Ground, name: &str, bytes: u64, file_system: u64) -> Disk {
    let disk = Disk::new(ground.folder.path(), name, bytes);
    let image = ground.folder.path().join("image");
    let (image, path) = (image.to_str().unwrap(), disk.path.to_str().unwrap());
    let size = format!("{}k", file_system / 1024);
    run(&["mke2fs", "-q", "-F", "-t", "ext4", "-d", image, path, &size]);
    disk
}

fn spec(id: &str, disk: &Disk) -> MachineSpec {
    MachineSpec::on_device(id, Kind::Busybox, disk.as_device("xvda"), &["/sbin/init"])
}

fn kill_keeper(ground: &Ground, id: &str) {
    let at = ground.folder.path().join("sandbox/machines").join(id).join("status.json");
    let keeper = keeper_in(&fs::read_to_string(at).unwrap()).unwrap();
    run(&["kill", "-9", &keeper.to_string()]);
}

async fn assert_nothing_left(ground: &Ground, disk: &Disk, when: &str) {
    let folder = ground.folder.path().join("sandbox/machines");
    until(&format!("{when}: no process"), async || keepers_of(&folder).is_empty()).await;
    assert_eq!(ground.groups(), Vec::<std::path::PathBuf>::new(), "{when}");
    assert_eq!(mounts_below(ground.folder.path()), Vec::<String>::new(), "{when}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{when}");
    until(&format!("{when}: the device is free"), async || disk.is_free()).await;
}

#[tokio::test]
async fn what_a_machine_synced_is_there_when_it_is_launched_again() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 128 * MIB, 128 * MIB);
    let mut first = spec("i-1", &disk);
    first.hostname = "one".to_owned();
    first.files = vec![("/etc/seed/key", 0o600, b"secret".as_slice()).into()];
    let machine = ground.sandbox.launch(first.clone()).await.unwrap();
    assert_eq!(machine.root_device().unwrap(), first.root_device);
    assert_eq!(machine.devices().unwrap(), [disk.as_device("xvda")]);
    assert_eq!(
        does(&machine, "hostname; cat /etc/seed/key; echo; stat -c '%a %u' /etc/seed/key").await,
        "one\nsecret\n600 0"
    );
    let mounted = does(&machine, "grep ' / ' /proc/mounts").await;
    assert!(mounted.starts_with("/dev/xvda / ext4 rw,nodev,relatime"), "{mounted}");
    assert_eq!(does(&machine, "findmnt -n -o SOURCE,FSTYPE /").await, "/dev/xvda ext4");
    assert_eq!(does(&machine, "lsblk -n -o NAME,SIZE,MOUNTPOINTS").await, "xvda  128M /");
    assert!(does(&machine, "df /").await.contains("/dev/xvda"));
    does(&machine, "echo kept > /var/file && chown 1000:1000 /var/file && sync").await;
    kill_keeper(&ground, "i-1");
    assert_eq!(ground.sandbox.next_end().await.how, How::Lost);
    assert!(disk.is_free(), "when the end is told, the device is free");

    first.hostname = "two".to_owned();
    first.files = vec![("/etc/seed/key", 0o600, b"another".as_slice()).into()];
    let machine = ground.sandbox.launch(first.clone()).await.unwrap();
    assert_eq!(does(&machine, "hostname; cat /etc/seed/key /var/file").await, "two\nanotherkept");
    assert_eq!(does(&machine, "stat -c '%u %g' /var/file; ls -a /etc/seed").await, "1000 1000\n.\n..\nkey");
    does(&machine, "echo unsynced > /var/other").await;
    assert_eq!(machine.stop(Duration::from_secs(30)).await.unwrap(), How::PoweredOff);
    assert!(disk.is_free());
    run(&["e2fsck", "-fn", disk.path.to_str().unwrap()]);
    let machine = ground.sandbox.launch(first).await.unwrap();
    assert_eq!(does(&machine, "cat /var/other").await, "unsynced");
    does(&machine, "echo late > /var/late").await;
    assert_eq!(machine.kill().await.unwrap(), How::Killed);
    assert!(disk.is_free());
    let lines = run(&["debugfs", "-R", "cat /var/late", disk.path.to_str().unwrap()]);
    assert_eq!(lines, "late", "what a killed machine wrote is written");
    ground.sandbox.forget("i-1").await.unwrap();
    assert_nothing_left(&ground, &disk, "after all").await;
}

#[tokio::test]
async fn a_reboot_keeps_the_root_and_nobody_takes_it() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 64 * MIB, 64 * MIB);
    let data = Disk::new(ground.folder.path(), "data", 16 * MIB);
    let mut first = spec("i-1", &disk);
    first.devices = vec![data.as_device("xvdf")];
    let machine = ground.sandbox.launch(first).await.unwrap();
    assert_eq!(does(&machine, "ls /dev | grep xvd").await, "xvda\nxvdf");
    does(&machine, "echo a > /var/a").await;
    assert_eq!(machine.reboot(Duration::from_secs(30)).await.unwrap(), 2);
    assert_eq!(does(&machine, "cat /var/a; ls /dev | grep xvd").await, "a\nxvda\nxvdf");
    for force in [false, true] {
        let busy = machine.detach_device("xvda", force).await.unwrap_err();
        assert!(matches!(&busy, SandboxError::Busy(name) if name == "xvda"), "{busy}");
    }
    machine.detach_device("xvdf", false).await.unwrap();

    // It is read, and not written to past its file system.
    assert_eq!(does(&machine, "head -c 1082 /dev/xvda | tail -c 2 | od -An -tx1").await, "53 ef");
    for line in [
        "echo x > /dev/xvda",
        "dd if=/dev/zero of=/dev/xvda bs=1k count=1",
        "chmod 600 /dev/xvda",
        "chown 0:0 /dev/xvda",
        "touch /node && mount --bind /dev/xvda /node && mount -o remount,bind,rw /node",
        "chmod 600 /node",
        "umount /",
        "mount -o remount,dev /",
        "mknod /dev/other b 7 0",
    ] {
        fails(&machine, line).await;
    }
    let mut command = Command::new(&["head", "-c", "1", "/dev/xvda"]);
    command.user = (1000, 1000);
    assert_ne!(machine.exec(command).await.unwrap().code, 0, "only root reads it");
    // Mounted once more it is the same file system, with the same walls.
    does(&machine, "mkdir /again && mount -t ext4 /dev/xvda /again && echo b > /again/var/b && cat /var/b")
        .await;
    assert!(does(&machine, "grep /again /proc/mounts").await.contains("rw,nodev"));
    fails(&machine, "mkdir -p /ro && mount -t ext4 -o ro /dev/xvda /ro").await;
    fails(&machine, "mount -t ext4 -o errors=panic /dev/xvda /ro").await;

    // Another machine does not get it, neither as its root nor as a disk to mount.
    let no = ground.sandbox.launch(MachineSpec { id: "i-2".to_owned(), ..spec("i-2", &disk) });
    let started = Instant::now();
    let no = no.await.err().unwrap().to_string();
    assert!(no.contains("is in use"), "{no}");
    assert!(started.elapsed() < Duration::from_secs(30));
    let again =
        Sandbox::open(&ground.folder.path().join("sandbox"), settings(ground.folder.path())).await.unwrap();
    let adopted = again.find("i-1").unwrap();
    assert_eq!(adopted.state().unwrap(), State::Running { boots: 2 });
    assert!(matches!(adopted.detach_device("xvda", false).await, Err(SandboxError::Busy(_))));
    adopted.kill().await.unwrap();
    assert!(disk.is_free());
}

#[tokio::test]
async fn a_full_disk_is_the_machines_own_affair() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 48 * MIB, 48 * MIB);
    let mut first = spec("i-1", &disk);
    first.files = vec![("/etc/seed", 0o644, b"before".as_slice()).into()];
    let machine = ground.sandbox.launch(first.clone()).await.unwrap();
    // What is set aside for root is not for users.
    does(&machine, "chmod 777 /var").await;
    let mut command =
        Command::new(&["sh", "-c", "cat /dev/zero > /var/users; df -k / | tail -1 | awk '{print $4}'"]);
    command.user = (1000, 1000);
    let output = machine.exec(command).await.unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.contains("No space left on device"), "{complaint}");
    let left: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    assert!(left < 256, "{left} KiB are left to users");
    does(&machine, "dd if=/dev/zero of=/root/roots bs=64k count=8").await;
    let full = fails(&machine, "cat /dev/zero > /root/all").await;
    assert!(full.contains("No space left on device"), "{full}");
    assert_eq!(does(&machine, "echo alive; cat /etc/seed").await, "alive\nbefore");
    assert!(fs::write(ground.folder.path().join("ours"), "the host has room").is_ok());
    assert_eq!(machine.stop(Duration::from_secs(30)).await.unwrap(), How::PoweredOff);
    // It starts again, though there is no room for what is to be put into it.
    let long = vec![b'x'; 1 << 20];
    first.files = vec![("/etc/seed", 0o644, long.as_slice()).into()];
    let machine = ground.sandbox.launch(first).await.unwrap();
    assert_eq!(does(&machine, "cat /etc/seed; echo; ls -a /etc | grep -c draft || true").await, "before\n0");
    let said = async || {
        String::from_utf8_lossy(&machine.console().unwrap()).contains("the disk is full, so /etc/seed stays")
    };
    until("the console tells", said).await;
    does(&machine, "rm /root/all /var/users && echo room > /root/room").await;
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn a_root_grows_with_its_device() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 256 * MIB, 64 * MIB);
    let size = async |machine: &_| -> u64 {
        does(machine, "df -k / | tail -1 | awk '{print $2}'").await.parse::<u64>().unwrap() / 1024
    };
    let started = Instant::now();
    let machine = ground.sandbox.launch(spec("i-1", &disk)).await.unwrap();
    eprintln!("launched, grown from 64 to 256 MiB, after {:?}", started.elapsed());
    let now = size(&machine).await;
    assert!((200..256).contains(&now), "{now}");
    does(&machine, "echo kept > /var/kept").await;
    machine.kill().await.unwrap();
    // Once more, after it was used.
    disk.grow(1024 * MIB);
    let started = Instant::now();
    let machine = ground.sandbox.launch(spec("i-1", &disk)).await.unwrap();
    eprintln!("launched, grown from 256 MiB to 1 GiB, after {:?}", started.elapsed());
    let now = size(&machine).await;
    assert!((900..1024).contains(&now), "{now}");
    assert_eq!(does(&machine, "cat /var/kept").await, "kept");
    machine.kill().await.unwrap();
    run(&["e2fsck", "-fn", disk.path.to_str().unwrap()]);
    // The device holds little more than before: no tables were written out.
    let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&disk.file).unwrap()) * 512;
    eprintln!("the file takes {} MiB", blocks / MIB);
    assert!(blocks < 64 * MIB, "{blocks}");
}

#[tokio::test]
async fn a_crash_is_repaired_and_what_cannot_be_is_said() {
    let Some(ground) = root_ground().await else { return };
    let folder = ground.folder.path();
    let disk = root_disk(&ground, "root", 64 * MIB, 64 * MIB);
    let machine = ground.sandbox.launch(spec("i-1", &disk)).await.unwrap();
    does(&machine, "echo kept > /var/kept && sync && echo lost > /var/lost").await;
    // What the device holds in this moment, as after a loss of power.
    let crashed = Disk::new(folder, "crashed", 64 * MIB);
    run(&[
        "dd",
        &format!("if={}", disk.path.display()),
        &format!("of={}", crashed.path.display()),
        "bs=1M",
        "conv=fsync",
    ]);
    let described = run(&["dumpe2fs", "-h", crashed.path.to_str().unwrap()]);
    assert!(described.contains("needs_recovery"), "{described}");
    let second = ground.sandbox.launch(spec("i-2", &crashed)).await.unwrap();
    assert_eq!(does(&second, "cat /var/kept").await, "kept");
    second.kill().await.unwrap();
    run(&["e2fsck", "-fn", crashed.path.to_str().unwrap()]);
    machine.kill().await.unwrap();

    // Small damage is repaired.
    run(&["debugfs", "-w", "-R", "set_super_value state 2", crashed.path.to_str().unwrap()]);
    run(&["debugfs", "-w", "-R", "set_super_value free_blocks_count 7", crashed.path.to_str().unwrap()]);
    let second = ground.sandbox.launch(spec("i-2", &crashed)).await.unwrap();
    assert_eq!(does(&second, "cat /var/kept").await, "kept");
    second.kill().await.unwrap();

    let refused = async |disk: &Disk| {
        let error = ground.sandbox.launch(spec("i-3", disk)).await.err().expect("it is refused");
        assert!(disk.is_free(), "{error}");
        error.to_string()
    };
    // The root folder's inode is gone: only somebody who is asked can say what to do.
    run(&["debugfs", "-w", "-R", "set_super_value state 2", crashed.path.to_str().unwrap()]);
    run(&["debugfs", "-w", "-R", "clri <2>", crashed.path.to_str().unwrap()]);
    let no = refused(&crashed).await;
    assert!(no.contains("is damaged and e2fsck cannot repair it") && no.contains("/dev/xvda"), "{no}");
    eprintln!("{no}");
    let empty = Disk::new(folder, "empty", 16 * MIB);
    assert!(refused(&empty).await.contains("has no ext4 file system as a whole"));
    let elsewhere = root_disk(&ground, "elsewhere", 32 * MIB, 32 * MIB);
    run(&["tune2fs", "-E", "mount_opts=journal_dev=0x701", elsewhere.path.to_str().unwrap()]);
    assert!(refused(&elsewhere).await.contains("keeps its journal elsewhere"));
    let cut = root_disk(&ground, "cut", 64 * MIB, 64 * MIB);
    fs::File::options().write(true).open(&cut.file).unwrap().set_len(48 * MIB).unwrap();
    run(&["losetup", "-c", cut.path.to_str().unwrap()]);
    let no = refused(&cut).await;
    assert!(no.contains("the device has 50331648"), "{no}");
    // Nothing to start in it.
    let bare = Disk::new(folder, "bare", 32 * MIB);
    run(&["mke2fs", "-q", "-F", "-t", "ext4", bare.path.to_str().unwrap()]);
    let no = refused(&bare).await;
    assert!(no.contains("/sbin/init"), "{no}");
    ground.sandbox.forget("i-1").await.unwrap();
    ground.sandbox.forget("i-2").await.unwrap();
    assert_nothing_left(&ground, &bare, "after refusals").await;
}

#[tokio::test]
async fn a_hostile_superblock_harms_its_own_machine_alone() {
    let Some(ground) = root_ground().await else { return };
    let disk = Disk::new(ground.folder.path(), "root", 32 * MIB);
    let image = ground.folder.path().join("image");
    // Without checksums, so that noise is not seen as such at once.
    let words = ["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^metadata_csum", "-d", image.to_str().unwrap()];
    run(&[&words[..], &[disk.path.to_str().unwrap()]].concat());
    let clean = fs::read(&disk.file).unwrap();
    // Noise over the superblock, in many places. Each launch succeeds or says why not, and leaves the device free.
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let device = fs::File::options().write(true).open(&disk.path).unwrap();
    let (mut launched, mut refused) = (0, 0);
    for _ in 0..40 {
        device.write_all_at(&clean, 0).unwrap();
        for _ in 0..4 {
            let at = 1024 + random() % 1024;
            device.write_all_at(&[random() as u8], at).unwrap();
        }
        device.sync_all().unwrap();
        match ground.sandbox.launch(spec("i-1", &disk)).await {
            Ok(machine) => {
                launched += 1;
                machine.kill().await.unwrap();
                ground.sandbox.forget("i-1").await.unwrap();
            }
            Err(error) => {
                refused += 1;
                assert!(matches!(error, SandboxError::Step { .. }), "{error}");
            }
        }
        until("the device is free", async || disk.is_free()).await;
    }
    drop(device);
    eprintln!("{launched} launched, {refused} refused");
    assert_nothing_left(&ground, &disk, "after all").await;
}

#[tokio::test]
async fn a_keeper_that_dies_at_any_step_leaves_the_device_free() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 32 * MIB, 32 * MIB);
    for step in [
        "devices",
        "root device",
        "layers",
        "overlay",
        "sys",
        "attendant",
        "console",
        "first process",
        "ready",
        "go",
    ] {
        let mut settings = settings(ground.folder.path());
        settings.arguments = vec![format!("--crash-at={step}")];
        let sandbox = Sandbox::open(&ground.folder.path().join("sandbox"), settings).await.unwrap();
        assert!(sandbox.launch(spec("i-1", &disk)).await.is_err(), "{step}");
        assert_nothing_left(&ground, &disk, step).await;
    }
    run(&["e2fsck", "-fn", disk.path.to_str().unwrap()]);
}

#[tokio::test]
async fn launches_from_a_device_are_as_quick_as_from_folders() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 64 * MIB, 64 * MIB);
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..20 {
        for (which, spec) in [ground.spec("i-1"), spec("i-1", &disk)].into_iter().enumerate() {
            let started = Instant::now();
            let machine = ground.sandbox.launch(spec).await.unwrap();
            times[which].push(started.elapsed());
            assert_eq!(says(&machine, "echo up").await, "up");
            let started = Instant::now();
            machine.kill().await.unwrap();
            times[2 + which].push(started.elapsed());
            assert!(disk.is_free());
            ground.sandbox.forget("i-1").await.unwrap();
        }
    }
    let [folders, device, end, device_end] = times.map(|mut all| {
        all.sort();
        all[all.len() / 2]
    });
    eprintln!("launch from folders {folders:?}, from a device {device:?}; kill {end:?} and {device_end:?}");
    assert!(device < folders + Duration::from_millis(100), "{device:?} and {folders:?}");
    assert_nothing_left(&ground, &disk, "after twenty").await;
}

#[tokio::test]
async fn a_single_program_has_its_root_and_no_device() {
    let Some(ground) = root_ground().await else { return };
    let disk = root_disk(&ground, "root", 32 * MIB, 32 * MIB);
    let mut one = spec("f-1", &disk);
    one.kind = Kind::Process;
    one.init = ["/bin/sh", "-c", "echo kept > /var/kept; sleep 100"].map(str::to_owned).to_vec();
    let machine = ground.sandbox.launch(one.clone()).await.unwrap();
    assert_eq!(machine.devices().unwrap(), []);
    fails(&machine, "ls /dev/xvda").await;
    until("it has written", async || says(&machine, "cat /var/kept").await == "kept").await;
    machine.kill().await.unwrap();
    assert!(disk.is_free());
    one.devices = vec![disk.as_device("xvda")];
    assert!(matches!(ground.sandbox.launch(one).await, Err(SandboxError::Spec(_))));
    let both = MachineSpec { lowers: vec!["/".into()], ..spec("i-1", &disk) };
    assert!(matches!(ground.sandbox.launch(both).await, Err(SandboxError::Spec(_))));
    let twice = MachineSpec { devices: vec![disk.as_device("xvdb")], ..spec("i-1", &disk) };
    assert!(matches!(ground.sandbox.launch(twice).await, Err(SandboxError::Spec(_))));
}
