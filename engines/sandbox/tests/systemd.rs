//! A whole Debian under systemd. Building its root file system takes a minute and the package mirror, so this test is
//! asked for: `cargo nextest run -p fogbank-sandbox --test systemd --run-ignored all`.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use fogbank_sandbox::{How, Kind, Machine, MachineSpec, State};
use support::{Disk, Ground, ground, says, until};

/// Debian with systemd, built once and kept with the build's other files.
fn debian() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("debian");
    if root.join("usr/bin/systemctl").exists() {
        return Some(root);
    }
    let draft = root.with_extension("draft");
    std::fs::remove_dir_all(&draft).ok();
    let built = Command::new("mmdebstrap")
        .args([
            "--variant=minbase",
            "--include=systemd,systemd-sysv,dbus,iproute2,procps,sudo,openssh-server",
        ])
        .args(["--format=directory", "bookworm"])
        .arg(&draft)
        .status();
    if !built.is_ok_and(|status| status.success()) {
        eprintln!("skipped: mmdebstrap does not work here");
        return None;
    }
    std::fs::rename(&draft, &root).unwrap();
    Some(root)
}

fn spec(ground: &Ground, debian: PathBuf) -> MachineSpec {
    let mut spec = ground.spec("i-1");
    spec.kind = Kind::Systemd;
    spec.lowers = vec![debian];
    spec.init =
        ["/lib/systemd/systemd", "--log-target=console", "--show-status=1"].map(str::to_owned).to_vec();
    spec.limits.memory_bytes = 1 << 30;
    spec.limits.pids = 1000;
    spec.limits.vcpus = 2.0;
    spec.files = vec![("/etc/machine-id", 0o444, b"uninitialized\n".as_slice()).into()];
    spec
}

async fn until_up(machine: &Machine) {
    until("it is up", async || says(machine, "systemctl is-active multi-user.target").await == "active")
        .await;
}

#[tokio::test]
#[ignore = "builds a Debian first"]
async fn a_debian_boots_reboots_and_powers_off() {
    let (Some(ground), Some(debian)) = (ground().await, debian()) else { return };
    let spec = spec(&ground, debian);
    let started = Instant::now();
    let machine = ground.sandbox.launch(spec).await.unwrap();
    until_up(&machine).await;
    eprintln!("multi-user after {:?}", started.elapsed());
    let listens = says(&machine, "ss -ltn | grep -c ':22 '").await;
    let failed = says(&machine, "systemctl --failed --no-legend --plain").await;
    let console = String::from_utf8_lossy(&machine.console().unwrap()).into_owned();
    assert_eq!((listens.as_str(), failed.as_str()), ("1", ""), "{console}");
    assert_eq!(
        says(&machine, "su -s /bin/sh nobody -c 'id -un; systemd-detect-virt'").await,
        "nobody\ncontainer-other"
    );
    assert_eq!(machine.reboot(Duration::from_secs(60)).await.unwrap(), 2);
    until_up(&machine).await;
    assert_eq!(machine.state().unwrap(), State::Running { boots: 2 });
    assert_eq!(machine.stop(Duration::from_secs(60)).await.unwrap(), How::PoweredOff);
    assert!(ground.groups().is_empty());
}

#[tokio::test]
#[ignore = "builds a Debian first"]
async fn a_debian_mounts_its_disk_and_keeps_it_mounted() {
    let (Some(ground), Some(debian)) = (ground().await, debian()) else { return };
    let disk = Disk::new(ground.folder.path(), "a", 64 << 20);
    let mut spec = spec(&ground, debian);
    spec.devices = vec![disk.as_device("xvdf")];
    let machine = ground.sandbox.launch(spec).await.unwrap();
    until_up(&machine).await;
    let made =
        says(&machine, "mkfs.ext4 -q /dev/xvdf && mkdir /data && mount /dev/xvdf /data && echo made").await;
    assert_eq!(made, "made");
    says(&machine, "echo kept > /data/a").await;
    // systemd takes mounts away whose devices it thinks are gone.
    tokio::time::sleep(Duration::from_secs(2)).await;
    says(&machine, "systemctl daemon-reload").await;
    let unit = says(&machine, "systemctl status data.mount dev-xvdf.device; grep data /proc/mounts").await;
    assert_eq!(says(&machine, "systemctl is-active data.mount").await, "active", "{unit}");
    assert_eq!(says(&machine, "cat /data/a; lsblk -no NAME,MOUNTPOINTS").await, "kept\nxvdf /data");
    // A unit in a mount namespace of its own sees the disk too, and one that comes meanwhile.
    let other = Disk::new(ground.folder.path(), "b", 64 << 20);
    assert_eq!(says(&machine, "systemd-run -qP -p PrivateTmp=yes cat /data/a").await, "kept");
    machine.attach_device(other.as_device("xvdg")).await.unwrap();
    assert_eq!(says(&machine, "systemd-run -qP -p PrivateTmp=yes ls /dev/xvdg").await, "/dev/xvdg");
    assert_eq!(machine.reboot(Duration::from_secs(60)).await.unwrap(), 2);
    until_up(&machine).await;
    says(&machine, "echo '/dev/xvdf /data ext4 defaults,nofail 0 2' >> /etc/fstab").await;
    assert_eq!(says(&machine, "mount -a && cat /data/a; ls /dev/xvdg").await, "kept\n/dev/xvdg");
    assert_eq!(machine.stop(Duration::from_secs(60)).await.unwrap(), How::PoweredOff);
}
