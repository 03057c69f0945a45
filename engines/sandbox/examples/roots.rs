//! What a root on a block device costs beside folders: how long until a machine answers at port 22, from each. As root,
//! with e2fsprogs: `roots <keeper program> <folder of an image> busybox|systemd <rounds> <its disk>`. The disk (as the
//! image engine makes it) is copied first.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::time::{Duration, Instant};

use fogbank_sandbox::{BlockDevice, Command, File, Kind, Machine, MachineSpec, Sandbox, Settings};

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [program, image, kind, rounds, disk] = &words[..] else { panic!("five arguments") };
    let kind = if kind == "systemd" { Kind::Systemd } else { Kind::Busybox };
    let (image, rounds) = (std::fs::canonicalize(image).unwrap(), rounds.parse::<usize>().unwrap());
    let folder = tempfile::tempdir_in(image.parent().unwrap()).unwrap();
    let mut settings = Settings::new(std::fs::canonicalize(program).unwrap());
    settings.arguments.clear();
    settings.cgroup = "fb-measure-roots".to_owned();
    let sandbox = Sandbox::open(&folder.path().join("sandbox"), settings).await.unwrap();
    let disk = Disk::new(Path::new(disk), &folder.path().join("disk"));

    let mut rows: Vec<(&str, Vec<Duration>)> = Vec::new();
    for round in 0..rounds {
        for (name, on_device) in [("folders", false), ("device", true)] {
            let upper = folder.path().join(format!("upper-{round}"));
            let mut spec = match on_device {
                true => MachineSpec::on_device("i-1", kind, disk.device.clone(), &["/sbin/init"]),
                false => MachineSpec::new("i-1", kind, image.clone(), upper, &["/sbin/init"]),
            };
            spec.files = seed(round);
            spec.limits.memory_bytes = 1 << 30;
            let started = Instant::now();
            let machine = sandbox.launch(spec).await.unwrap();
            let launched = started.elapsed();
            until_listening(&machine, started).await;
            let ready = started.elapsed();
            let started = Instant::now();
            machine.stop(Duration::from_secs(60)).await.unwrap();
            let stopped = started.elapsed();
            for (what, time) in [("launch", launched), ("port 22", ready), ("stop", stopped)] {
                let name = format!("{name}: {what}");
                match rows.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, times)) => times.push(time),
                    None => rows.push((name.leak(), vec![time])),
                }
            }
        }
    }
    for (name, mut times) in rows {
        times.sort();
        println!("{name:18} p50 {:?}, first {:?}", times[times.len() / 2], times[0]);
    }
    sandbox.forget("i-1").await.unwrap();
}

/// What the images' first boot wants to know. Each round is another instance, whose host keys are made.
fn seed(round: usize) -> Vec<File> {
    let file = |name: &str, text: &str| File {
        path: Path::new("/var/lib/cloud/seed/fogbank").join(name),
        mode: 0o600,
        bytes: format!("{text}\n").into_bytes(),
    };
    vec![file("instance-id", &format!("i-{round}")), file("hostname", "measured"), file("user-data", "")]
}

async fn until_listening(machine: &Machine, started: Instant) {
    while started.elapsed() < Duration::from_secs(60) {
        let output =
            machine.exec(Command::new(&["/bin/cat", "/proc/net/tcp", "/proc/net/tcp6"])).await.unwrap();
        // Port 22, listening.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if text.lines().any(|line| line.contains(":0016 ") && line.contains(" 0A ")) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing listens: {}", String::from_utf8_lossy(&machine.console().unwrap()));
}

/// A file as a block device, until it is dropped.
struct Disk {
    device: BlockDevice,
}

impl Disk {
    fn new(from: &Path, file: &Path) -> Self {
        run(&["cp", "--sparse=always", from.to_str().unwrap(), file.to_str().unwrap()]);
        let path = PathBuf::from(run(&["losetup", "--find", "--show", file.to_str().unwrap()]));
        let number = std::fs::metadata(&path).unwrap().rdev();
        let (major, minor) = ((number >> 8) as u32 & 0xfff, (number & 0xff) as u32);
        Self { device: BlockDevice { name: "xvda".to_owned(), by_id: None, path, major, minor } }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Program::new("losetup").arg("-d").arg(&self.device.path).status().ok();
    }
}

fn run(words: &[&str]) -> String {
    let output = Program::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
