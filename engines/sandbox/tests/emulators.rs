//! Programs that are machines themselves: what they have more than other programs, and that it is no more than that.

mod support;

use fogbank_sandbox::{How, Kind, SandboxError};
use support::{Disk, ground, until};

/// Ends with 0 if it may use /dev/net/tun, makes no tap of its own, and may not mount.
const SCRIPT: &str = "
exec 3<>/dev/net/tun || exit 8
tunctl -t tap9 && exit 9
mount -t tmpfs none /root && exit 9
mknod /var/disk b 7 0 && exit 9
exit 0";

#[tokio::test]
async fn an_emulator_has_the_ends_of_taps_and_may_do_no_more_than_any_program() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.process("emulator", SCRIPT);
    spec.kind = Kind::Emulator;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    assert_eq!(machine.wait().await.unwrap(), How::Exited(0), "{:?}", machine.console());
    ground.sandbox.forget("emulator").await.unwrap();
}

#[tokio::test]
async fn another_program_does_not_see_them() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.process("program", "test ! -e /dev/net")).await.unwrap();
    assert_eq!(machine.wait().await.unwrap(), How::Exited(0));
    ground.sandbox.forget("program").await.unwrap();
}

/// Reads a disk as soon as it is there, holds it, and is refused another look at it when it is gone.
const READER: &str = "
until test -b /dev/xvdf; do usleep 10000; done
exec 3<>/dev/xvdf && read -r word <&3 && echo \"read $word\"
while test -e /dev/xvdf; do usleep 10000; done
read -r word <&3 && echo \"still reads\"
mknod /var/xvdf b 7 0 || exit 0";

#[tokio::test]
async fn disks_come_to_an_emulator_that_runs_and_leave_it() {
    let Some(ground) = ground().await else { return };
    if !std::path::Path::new("/dev/loop-control").exists() {
        eprintln!("skipped: no loop devices");
        return;
    }
    let disk = Disk::new(ground.folder.path(), "a", 1 << 20);
    std::fs::write(&disk.path, "greetings\nonce more\n").unwrap();
    let mut spec = ground.process("emulator", READER);
    spec.kind = Kind::Emulator;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    let said = || String::from_utf8(machine.console().unwrap()).unwrap();
    let device = disk.as_device("xvdf");
    machine.attach_device(device.clone()).await.unwrap();
    until("it reads the disk", async || said().contains("read greetings")).await;
    assert_eq!(machine.devices().unwrap(), [device]);
    machine.detach_device("xvdf", false).await.unwrap();
    assert_eq!(machine.wait().await.unwrap(), How::Exited(0), "{}", said());
    ground.sandbox.forget("emulator").await.unwrap();
}

#[tokio::test]
async fn no_other_program_is_given_disks() {
    let Some(ground) = ground().await else { return };
    if !std::path::Path::new("/dev/loop-control").exists() {
        eprintln!("skipped: no loop devices");
        return;
    }
    let disk = Disk::new(ground.folder.path(), "a", 1 << 20);
    let machine = ground.sandbox.launch(ground.process("program", "sleep 100")).await.unwrap();
    let refused = machine.attach_device(disk.as_device("xvdf")).await.unwrap_err();
    assert!(matches!(&refused, SandboxError::Spec(_)), "{refused}");
    machine.kill().await.unwrap();
    ground.sandbox.forget("program").await.unwrap();
}

#[tokio::test]
async fn kvm_is_given_to_emulators_that_ask_for_it() {
    let Some(ground) = ground().await else { return };
    if !std::path::Path::new("/dev/kvm").exists() {
        eprintln!("skipped: no KVM");
        return;
    }
    for (id, kvm, script) in [("with", true, "exec 3<>/dev/kvm"), ("without", false, "test ! -e /dev/kvm")] {
        let mut spec = ground.process(id, script);
        (spec.kind, spec.kvm) = (Kind::Emulator, kvm);
        let machine = ground.sandbox.launch(spec).await.unwrap();
        assert_eq!(machine.wait().await.unwrap(), How::Exited(0), "{id}: {:?}", machine.console());
        ground.sandbox.forget(id).await.unwrap();
    }
    let mut spec = ground.process("program", "true");
    spec.kvm = true;
    assert!(matches!(ground.sandbox.launch(spec).await, Err(SandboxError::Spec(_))));
}
