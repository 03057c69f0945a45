//! What a guest must not be able to do, tried by its root.

mod support;

use std::os::unix::fs::symlink;

use fogbank_sandbox::Machine;
use support::{ground, says, shell};

/// Each line has to fail, whatever its words.
async fn all_fail(machine: &Machine, lines: &[&str]) {
    for line in lines {
        let output = shell(machine, line).await;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.code, 0, "{line} succeeded: {}{text}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test]
async fn devices_of_the_host_are_out_of_reach() {
    let Some(ground) = ground().await else { return };
    // An image may bring nodes along: they are dead.
    let node = ground.folder.path().join("image/bin/kmem");
    let made = std::process::Command::new("mknod").arg(&node).args(["c", "1", "1"]).status().unwrap();
    assert!(made.success());
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    all_fail(
        &machine,
        &[
            "mknod /var/disk b 254 0",
            "mknod /dev/mem c 1 1",
            "mknod /var/loop b 7 0",
            "head -c 1 /bin/kmem",
            "ls /dev/kmsg /dev/mem /dev/loop-control /dev/vda",
            "mount -t devtmpfs none /mnt",
            "mount -t ext4 /bin/kmem /mnt",
            "losetup -f /bin/busybox",
            "swapon /bin/busybox",
        ],
    )
    .await;
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn the_kernel_takes_no_commands_from_a_guest() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    all_fail(
        &machine,
        &[
            "umount /proc/sysrq-trigger && echo h > /proc/sysrq-trigger",
            "echo '|/bin/sh' > /proc/sys/kernel/core_pattern",
            "echo /bin/sh > /proc/sys/kernel/modprobe",
            "echo 3 > /proc/sys/vm/drop_caches",
            "echo 1 > /proc/sys/kernel/panic",
            "echo 1 > /proc/irq/default_smp_affinity",
            "mount -o remount,rw /sys && echo x > /sys/kernel/uevent_helper",
            "echo mem > /sys/power/state",
            "mount -t debugfs none /mnt",
            "mount -t tracefs none /mnt",
            "mount -t securityfs none /mnt",
            "mount -t bpf none /mnt",
            "mount -t proc none /mnt && cat /mnt/kcore",
            "insmod /bin/busybox",
            "dmesg",
            "unshare -U true",
            "nice -n -5 true",
            "umount /proc/kcore; head -c 1 /proc/kcore | grep -q .",
        ],
    )
    .await;
    let date = says(&machine, "date -s 2001-01-01 2>&1").await;
    assert!(date.contains("Operation not permitted"), "{date}");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn control_groups_outside_are_out_of_reach() {
    let Some(ground) = ground().await else { return };
    let mut spec = ground.spec("i-1");
    spec.limits.memory_bytes = 64 << 20;
    spec.limits.pids = 100;
    let machine = ground.sandbox.launch(spec).await.unwrap();
    // Version 1: may be mounted and looked at, from the machine's own group on; nothing can be written.
    shell(
        &machine,
        "mkdir -p /mnt/m /mnt/p; mount -t cgroup -o memory none /mnt/m; mount -t cgroup -o pids none /mnt/p",
    )
    .await;
    all_fail(
        &machine,
        &[
            "echo -1 > /mnt/m/memory.limit_in_bytes",
            "echo max > /mnt/p/pids.max",
            "mkdir /mnt/m/own",
            "echo /bin/sh > /mnt/m/release_agent",
            "echo 1 > /mnt/m/notify_on_release",
            "ls /mnt/m/fogbank*",
            "mount -t cgroup2 none /mnt && echo max > /mnt/memory.max",
        ],
    )
    .await;
    assert!(
        says(&machine, "cat /proc/1/cgroup")
            .await
            .lines()
            .all(|line| line.ends_with(":/") || line.ends_with("/guest"))
    );
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn processes_and_files_of_the_host_are_not_there() {
    let Some(ground) = ground().await else { return };
    let secret = ground.folder.path().join("secret");
    std::fs::write(&secret, "of the host").unwrap();
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let secret = secret.display().to_string();
    let own = std::process::id();
    all_fail(
        &machine,
        &[
            &format!("cat {secret}"),
            &format!("cat /proc/1/root{secret}"),
            &format!("cat /proc/self/cwd/../../../..{secret}"),
            &format!("nsenter -t 1 -m -p cat {secret}"),
            &format!("mkdir -p /var/x && chroot /var/x /bin/cat ../../../../../..{secret}"),
            &format!("kill -0 {own}"),
            &format!("grep -r {} /proc/self/mountinfo", ground.folder.path().display()),
        ],
    )
    .await;
    let programs = says(&machine, "ls -l /proc/[0-9]*/exe | grep -v busybox").await;
    assert_eq!(programs, "", "nothing of the host's programs is to be seen");
    let pids: u32 = says(&machine, "ls -d /proc/[0-9]* | wc -l").await.parse().unwrap();
    assert!(pids < 10, "{pids}");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn the_walls_are_all_up() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    let map = says(&machine, "cat /proc/self/uid_map").await;
    assert_eq!(map.split_whitespace().collect::<Vec<_>>(), ["0", "1073741824", "65536"]);
    for process in ["1", "self"] {
        let status = says(&machine, &format!("cat /proc/{process}/status")).await;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim().to_owned()
        };
        assert_eq!((field("Seccomp:").as_str(), field("Seccomp_filters:").as_str()), ("2", "4"));
        assert_eq!(field("NoNewPrivs:"), "0", "sudo works");
        let bound = u64::from_str_radix(&field("CapBnd:"), 16).unwrap();
        for never in [16, 17, 25, 27, 34, 38, 39] {
            assert_eq!(bound >> never & 1, 0, "capability {never}");
        }
        assert_eq!(field("CapEff:"), field("CapBnd:"));
    }
    let second = ground.sandbox.launch(ground.spec("i-2")).await.unwrap();
    assert_ne!(says(&second, "cat /proc/self/uid_map").await, map, "no two have ids in common");
    machine.kill().await.unwrap();
    second.kill().await.unwrap();
}

#[tokio::test]
async fn a_single_program_is_held_tighter() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.process("f-1", "sleep 100")).await.unwrap();
    all_fail(
        &machine,
        &[
            "mount -t tmpfs none /tmp",
            "umount /proc",
            "hostname other",
            "unshare -n true",
            "chroot / true && nsenter -t 1 -m true",
            "echo 500 > /proc/self/oom_score_adj",
            "ip link set lo down",
            "mknod /dev/x p && mknod /dev/y c 1 3",
        ],
    )
    .await;
    assert_eq!(says(&machine, "echo x > /var/x; mkdir /var/y; cat /var/x; echo z > /dev/null").await, "x");
    machine.kill().await.unwrap();
}

#[tokio::test]
async fn links_that_a_guest_laid_lead_nowhere_outside() {
    let Some(ground) = ground().await else { return };
    let outside = ground.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    machine.kill().await.unwrap();
    let layer = machine.upper_layer().unwrap();
    for name in ["var", "dev", "proc", "sys", "run", "home"] {
        let place = layer.join(name);
        std::fs::remove_dir_all(&place).ok();
        symlink(&outside, place).unwrap();
    }
    let mut spec = ground.spec("i-1");
    spec.files = vec![("/var/pwned", 0o644, b"x".as_slice()).into()];
    // It may fail or start; the host is what counts.
    let again = ground.sandbox.launch(spec).await;
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    if let Ok(machine) = again {
        machine.kill().await.unwrap();
    }
}

#[tokio::test]
async fn a_flooded_console_stays_small() {
    let Some(ground) = ground().await else { return };
    let machine = ground.sandbox.launch(ground.spec("i-1")).await.unwrap();
    shell(&machine, "(yes flood > /dev/console &) ; sleep 1; killall yes").await;
    assert_eq!(machine.console().unwrap().len(), 64 << 10);
    let folder = ground.folder.path().join("sandbox/machines/i-1");
    let size: u64 =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 400 << 10, "{size}");
    machine.kill().await.unwrap();
}
