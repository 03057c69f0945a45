//! The built images: the minimal one is built and run here, if this is root on a host with apt. Debian takes a minute, so
//! that is built only on request. Both are kept in the target folder from one run to the next, as on a user's host: a
//! change in how they are built shows when `VERSION` of their module is counted up, as it should be.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::support::{no_builds_here, store};
use fogbank_image::disk::{self, Size};
use fogbank_image::first_boot::{Seed, files};
use fogbank_image::{ImageRoot, Images, Init, Kind, Progress, Settings};

/// The one image that these tests share, since each is a process of its own: the store makes it once.
async fn minimal() -> Option<(Images, ImageRoot)> {
    if let Some(reason) = no_builds_here() {
        eprintln!("skipped: {reason}");
        return None;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    let images = Images::open(&folder, Settings::default()).unwrap();
    let start = Instant::now();
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = steps.clone();
    let image =
        images.build(Kind::Minimal, Arc::new(move |step| seen.lock().unwrap().push(step))).await.unwrap();
    if steps.lock().unwrap().iter().any(|step| matches!(step, Progress::Step(_))) {
        eprintln!(
            "built in {:.1} s: {} bytes, {} entries",
            start.elapsed().as_secs_f64(),
            image.bytes(),
            image.about.entries
        );
    }
    Some((images, image))
}

/// A copy of the image, as an instance would have it, with its files put in.
fn instance(image: &ImageRoot, seed: &Seed) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied =
        Command::new("cp").arg("-a").arg(image.folder.join(".")).arg(folder.path()).status().unwrap();
    assert!(copied.success());
    for file in files(image, seed) {
        use std::os::unix::fs::PermissionsExt;
        let path = folder.path().join(file.path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, file.content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode)).unwrap();
    }
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    folder
}

/// Runs a shell script in namespaces of its own, as root of the copy.
fn run_in(root: &Path, script: &str) -> Output {
    let script = format!(
        "mount -t proc proc /proc; mount -t tmpfs tmpfs /dev; mknod -m 666 /dev/null c 1 3; {script}"
    );
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--pid",
        "--fork",
        "--uts",
        "--net",
        "--ipc",
        "--propagation",
        "private",
        "chroot",
    ]);
    command
        .arg(root)
        .args(["/bin/sh", "-c", &script])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.output().unwrap()
}

fn read(root: &Path, path: &str) -> String {
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| format!("{path}: {error}"))
}

fn seed(user_data: &str) -> Seed {
    Seed {
        instance_id: "i-0123456789abcdef0".to_owned(),
        hostname: "ip-10-0-1-5".to_owned(),
        address: Some([10, 0, 1, 5].into()),
        nameservers: vec![[10, 0, 0, 2].into()],
        keys: vec!["ssh-ed25519 AAAAC3Nz me".to_owned()],
        user_data: Some(user_data.as_bytes().to_vec()),
        authority: Some(b"-----BEGIN CERTIFICATE-----\nZm9nYmFuaw==\n-----END CERTIFICATE-----\n".to_vec()),
        ..Seed::default()
    }
}

#[tokio::test]
async fn the_minimal_image_runs_what_it_promises() {
    let Some((images, image)) = minimal().await else { return };
    assert_eq!(image.about.init, Init::Busybox);
    assert_eq!(image.argv(), ["/sbin/init"]);
    assert_eq!(image.about.users, ["ec2-user"]);
    assert!(image.bytes() < 40 << 20, "{} bytes", image.bytes());
    assert_eq!(images.built(Kind::Minimal).unwrap(), Some(image.clone()));
    let root = instance(&image, &seed(""));
    let ran = run_in(
        root.path(),
        "dropbear -V 2>&1; curl --version | head -1; bash -c 'echo bash $((6*7))'; sudo -u ec2-user id -un; \
         busybox su -s /bin/sh ec2-user -c 'sudo -n id -u'; echo fog | gzip | gunzip; ls -d /opt/aws/bin; \
         test -u /usr/bin/sudo && echo setuid; wget --help 2>&1 | head -1",
    );
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    for expected in
        ["Dropbear v", "curl ", "bash 42", "ec2-user\n0\n", "fog\n", "/opt/aws/bin", "setuid", "BusyBox"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}

#[tokio::test]
async fn the_first_boot_does_what_the_user_data_says_once() {
    let Some((_images, image)) = minimal().await else { return };
    let config = "#cloud-config\nhostname: web\nbootcmd: [echo boot >> /root/boots]\npackages: [nginx]\nswap: {}\n\
        groups: [fog]\nusers:\n- default\n- name: ada\n  gecos: Ada L.\n  groups: [wheel, fog]\n  sudo: ALL=(ALL) NOPASSWD:ALL\n  \
        ssh_authorized_keys: [ssh-ed25519 BBBB ada]\nwrite_files:\n- {path: /etc/app.conf, content: early, permissions: '0600'}\n\
        - {path: /srv/late, content: late, defer: true, owner: ada}\nruncmd:\n- echo $(whoami) $(hostname) >> /root/ran\n\
        - [sh, -c, 'echo \"a  b\" >> /root/ran']\n- (sleep 300 &)\n";
    let root = instance(&image, &seed(config));
    let boot = "/usr/lib/fogbank/first-boot init; /usr/lib/fogbank/first-boot final; sleep 0.3";
    for _ in 0..2 {
        let ran = run_in(root.path(), boot);
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
    let root = root.path();
    assert_eq!(read(root, "root/ran"), "root web\na  b\n", "{}", read(root, "var/log/cloud-init-output.log"));
    assert_eq!(read(root, "root/boots"), "boot\nboot\n");
    assert_eq!(read(root, "etc/app.conf"), "early");
    assert_eq!(read(root, "srv/late"), "late");
    assert_eq!(read(root, "etc/hostname"), "web\n");
    assert!(read(root, "home/ec2-user/.ssh/authorized_keys").contains("ssh-ed25519 AAAAC3Nz me\n"));
    assert!(read(root, "root/.ssh/authorized_keys").starts_with("ssh-ed25519 AAAAC3Nz me\n"));
    assert_eq!(read(root, "home/ada/.ssh/authorized_keys"), "ssh-ed25519 BBBB ada\n");
    assert!(
        read(root, "etc/passwd").contains("ada:x:1001:1002:Ada L.:/home/ada:/bin/sh\n"),
        "{}",
        read(root, "etc/passwd")
    );
    assert!(read(root, "etc/group").contains("wheel:x:10:ec2-user,ada\n"), "{}", read(root, "etc/group"));
    assert!(read(root, "etc/group").contains("fog:x:1001:ada\n"), "{}", read(root, "etc/group"));
    assert!(read(root, "etc/ssl/certs/ca-certificates.crt").contains("Zm9nYmFuaw=="));
    assert_eq!(read(root, "etc/ssl/certs/ca-certificates.crt").matches("Zm9nYmFuaw==").count(), 1);
    let log = read(root, "var/log/cloud-init-output.log");
    for expected in [
        "swap of the cloud-config is not done",
        "no package manager; not installed: nginx",
        "SSH HOST KEY",
        "ssh-ed25519 ",
        "finished",
    ] {
        assert!(log.contains(expected), "{expected}: {log}");
    }
    assert!(root.join("var/lib/cloud/instances/i-0123456789abcdef0/scripts/runcmd").exists());
    assert_eq!(read(root, "var/lib/cloud/instances/i-0123456789abcdef0/user-data.txt"), config);
}

#[tokio::test]
async fn a_script_runs_again_on_another_instance_and_its_output_is_on_the_console() {
    let Some((_images, image)) = minimal().await else { return };
    let mut seed =
        seed("#!/bin/bash\necho hello from ${BASH_VERSION%%.*} as $0\necho ran >> /root/ran\nexit 3\n");
    let root = instance(&image, &seed);
    let boot = "/usr/lib/fogbank/first-boot init; /usr/lib/fogbank/first-boot final; sleep 0.3; cloud-init status --wait";
    let console = String::from_utf8_lossy(&run_in(root.path(), boot).stdout).into_owned();
    assert!(
        console.contains("hello from 5 as /var/lib/cloud/instances/i-0123456789abcdef0/scripts/part-001"),
        "{console}"
    );
    assert!(console.contains("ended with status 3") && console.contains("status: done"), "{console}");
    let key = read(root.path(), "var/log/cloud-init-output.log");
    let key = key.lines().find(|line| line.starts_with("ssh-ed25519")).unwrap().to_owned();
    run_in(root.path(), boot);
    assert_eq!(read(root.path(), "root/ran"), "ran\n");
    // The same disk under another instance id, as from an image that was made of it.
    seed.instance_id = "i-other".to_owned();
    for file in files(&image, &seed) {
        std::fs::write(root.path().join(file.path.trim_start_matches('/')), file.content).unwrap();
    }
    let console = String::from_utf8_lossy(&run_in(root.path(), boot).stdout).into_owned();
    assert_eq!(read(root.path(), "root/ran"), "ran\nran\n");
    assert!(
        console.contains("ssh-ed25519 ") && !console.contains(&key),
        "each instance has its own host keys"
    );
}

#[tokio::test]
async fn without_apt_the_error_says_what_to_do() {
    if no_builds_here().is_none() {
        eprintln!("skipped: this host has all it takes");
        return;
    }
    let store = store();
    if fogbank_image::needs().iter().any(|need| need.required && need.found.is_none()) {
        let error = store.images.build(Kind::Minimal, crate::support::quiet()).await.unwrap_err().to_string();
        assert!(error.contains("is needed to"), "{error}");
    }
}

/// The image as a disk tells of itself what the image does.
async fn as_disk(images: &Images, image: &ImageRoot) {
    if fogbank_image::needs().iter().any(|need| need.program == "mke2fs" && need.found.is_none()) {
        return eprintln!("no disks here: mke2fs is not there");
    }
    let start = Instant::now();
    let made = images.disk(image, Size::Usual, Arc::new(|_| {})).await.unwrap();
    let taken = std::fs::metadata(&made.path).unwrap();
    let taken = std::os::unix::fs::MetadataExt::blocks(&taken) * 512;
    eprintln!("a disk after {:?}, with {taken} bytes", start.elapsed());
    assert!(taken < image.bytes() * 5 / 4 + (8 << 20), "{taken}");
    let found = disk::probe(&made.path).await.unwrap();
    let facts = image.facts().unwrap();
    assert_eq!((found.facts.init, &found.facts.argv), (facts.init, &facts.argv));
    assert_eq!(found.facts.architecture, facts.architecture);
    assert!(facts.has_agent && !facts.users.is_empty());
    let checked = Command::new("e2fsck").arg("-fn").arg(&made.path).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test]
async fn the_minimal_image_becomes_a_disk() {
    let Some((images, image)) = minimal().await else { return };
    as_disk(&images, &image).await;
}

#[tokio::test]
#[ignore = "takes a minute: cargo nextest run -p fogbank-image --run-ignored all"]
async fn debian_is_built_with_systemd_and_its_users() {
    if let Some(reason) = no_builds_here() {
        eprintln!("skipped: {reason}");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("images");
    let images = Images::open(&folder, Settings::default()).unwrap();
    let start = Instant::now();
    let image = images.build(Kind::Debian, Arc::new(|step| eprintln!("{step:?}"))).await.unwrap();
    eprintln!(
        "built in {:.1} s: {} bytes, {} entries",
        start.elapsed().as_secs_f64(),
        image.bytes(),
        image.about.entries
    );
    assert_eq!(image.about.init, Init::Systemd);
    let ran = Command::new("chroot")
        .arg(&image.folder)
        .args(["/bin/sh", "-c", "id -nG admin; id -nG ec2-user; sudo -u ec2-user sudo -n id -u; /usr/sbin/sshd -V; curl --version | head -1"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    for expected in ["admin adm sudo", "ec2-user adm sudo", "\n0\n", "curl "] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for path in [
        "etc/systemd/system/multi-user.target.wants/fogbank-init.service",
        "usr/lib/fogbank/first-boot",
        "opt/aws/bin",
    ] {
        assert!(image.folder.join(path).symlink_metadata().is_ok(), "{path}");
    }
    assert!(!image.folder.join("etc/ssh/ssh_host_ed25519_key").exists());
    as_disk(&images, &image).await;
}

/// A machine that was started for a test; ended with it.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_booted_machine_lets_the_key_pair_in_and_powers_off() {
    let Some((_images, image)) = minimal().await else { return };
    let mut seed = seed("#!/bin/sh\necho ran > /root/ran\n");
    let root = instance(&image, &seed);
    let key = run_in(root.path(), "dropbearkey -t ed25519 -f /root/key | grep ^ssh-");
    seed.keys = vec![String::from_utf8(key.stdout).unwrap().trim().to_owned()];
    let seeded = instance(&image, &seed);
    std::fs::copy(root.path().join("root/key"), seeded.path().join("root/key")).unwrap();
    drop(root);

    let start = Instant::now();
    let mut command = Command::new("unshare");
    command.args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--uts",
        "--net",
        "--ipc",
        "--propagation",
        "private",
    ]);
    command
        .arg("chroot")
        .arg(seeded.path())
        .arg("/sbin/init")
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut machine = Running(command.spawn().unwrap());
    let children = format!("/proc/{0}/task/{0}/children", machine.0.id());
    let init = loop {
        let found = std::fs::read_to_string(&children).unwrap_or_default();
        match found.split_whitespace().next() {
            Some(pid) => break pid.to_owned(),
            None => std::thread::sleep(std::time::Duration::from_millis(5)),
        }
    };
    let inside = |script: &str| {
        Command::new("nsenter")
            .args(["-t", &init, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "sh", "-c", script])
            .output()
            .unwrap()
    };
    let login = "dbclient -y -y -i /root/key ec2-user@127.0.0.1 'sudo -n id -u; hostname; whoami'";
    let answer = loop {
        let answer = String::from_utf8_lossy(&inside(login).stdout).into_owned();
        if !answer.is_empty() || start.elapsed().as_secs() > 30 {
            break answer;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    eprintln!("SSH after {:.2} s", start.elapsed().as_secs_f64());
    assert_eq!(answer, "0\nip-10-0-1-5\nec2-user\n");
    let waited = inside("cloud-init status --wait; cat /root/ran");
    assert_eq!(String::from_utf8_lossy(&waited.stdout), "status: done\nran\n");
    inside("poweroff");
    let end = Instant::now() + std::time::Duration::from_secs(20);
    while machine.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "the machine does not power off");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
