//! A root file system of busybox alone, an engine upon a temporary folder, and what the host looks like.

#![allow(dead_code, reason = "each test file uses a part")]
#![expect(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fogbank_sandbox::{BlockDevice, Command, Kind, Machine, MachineSpec, Output, Sandbox, Settings, probe};

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_sandbox-keeper");

/// A cloud of one test.
pub struct Ground {
    pub folder: tempfile::TempDir,
    pub sandbox: Sandbox,
    pub cgroup: String,
}

/// What these tests need and the host lacks, said aloud.
pub fn can_run() -> bool {
    let missing = probe().missing;
    let busybox = Path::new("/bin/busybox").exists();
    if !missing.is_empty() || !busybox {
        eprintln!("skipped: {missing:?}, busybox-static installed: {busybox}");
    }
    missing.is_empty() && busybox
}

pub fn settings(folder: &Path) -> Settings {
    let name = folder.file_name().expect("a temporary folder has a name").to_string_lossy();
    let mut settings = Settings::new(PathBuf::from(PROGRAM));
    settings.arguments.clear();
    settings.cgroup = format!("fb-test-{}", name.trim_start_matches('.'));
    // Tests run side by side; each file system has ranges of its own to keep them apart on purpose, not by need.
    settings.first_user_id = 0x4000_0000;
    settings
}

/// An engine, or nothing where it cannot run.
pub async fn ground() -> Option<Ground> {
    if !can_run() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    make_root(&folder.path().join("image"));
    let settings = settings(folder.path());
    let cgroup = settings.cgroup.clone();
    let sandbox = Sandbox::open(&folder.path().join("sandbox"), settings).await.unwrap();
    Some(Ground { folder, sandbox, cgroup })
}

/// busybox under all its names, an init that waits.
pub fn make_root(root: &Path) {
    for folder in ["bin", "sbin", "etc", "proc", "sys", "dev", "run", "tmp", "root", "home", "var"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    let names = std::process::Command::new("/bin/busybox").arg("--list").output().unwrap().stdout;
    for name in String::from_utf8(names).unwrap().lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    symlink("../bin/busybox", root.join("sbin/init")).unwrap();
    fs::write(root.join("etc/inittab"), "::sysinit:/bin/sh /etc/rc\n::respawn:/bin/sleep 100000\n").unwrap();
    fs::write(root.join("etc/rc"), "echo the machine is up\n").unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n")
        .unwrap();
}

impl Ground {
    pub fn spec(&self, id: &str) -> MachineSpec {
        let lower = self.folder.path().join("image");
        let upper = self.folder.path().join("uppers").join(id);
        MachineSpec::new(id, Kind::Busybox, lower, upper, &["/sbin/init"])
    }

    /// One program instead of a system.
    pub fn process(&self, id: &str, script: &str) -> MachineSpec {
        let mut spec = self.spec(id);
        spec.kind = Kind::Process;
        spec.init = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        spec
    }

    /// Control groups of this test's machines, in whatever hierarchy.
    pub fn groups(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        find_folders(Path::new("/sys/fs/cgroup"), &self.cgroup, 6, &mut found);
        found
    }
}

/// Machines live on when their engine ends; those of a failed test must not.
impl Drop for Ground {
    fn drop(&mut self) {
        for entry in fs::read_dir(self.folder.path().join("sandbox/machines")).into_iter().flatten().flatten()
        {
            end_keeper(&entry.path());
        }
    }
}

/// Ends the machine of that folder, if its keeper lives.
pub fn end_keeper(folder: &Path) {
    let text = fs::read_to_string(folder.join("status.json")).unwrap_or_default();
    let Some(pid) = keeper_in(&text) else { return };
    let program = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    if program == Path::new(PROGRAM) {
        std::process::Command::new("kill").arg(pid.to_string()).status().ok();
    }
}

/// The keeper's process id in a status.
pub fn keeper_in(status: &str) -> Option<i32> {
    let (_, rest) = status.split_once("\"keeper\":{\"pid\":")?;
    rest.split(',').next()?.parse().ok()
}

fn find_folders(below: &Path, name: &str, depth: u32, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        if entry.file_name().to_string_lossy() == name {
            found.push(entry.path());
        } else if depth > 0 {
            find_folders(&entry.path(), name, depth - 1, found);
        }
    }
}

/// Mounts of this mount namespace that lie below a folder.
pub fn mounts_below(folder: &Path) -> Vec<String> {
    let all = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let folder = folder.to_string_lossy();
    all.lines().filter(|line| line.contains(&*folder)).map(str::to_owned).collect()
}

/// Processes whose command line or namespace belongs to this test: everything that mentions its folder, and all keepers
/// of its program.
pub fn keepers_of(folder: &Path) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let mounts = fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        if mounts.contains(&*folder.to_string_lossy()) {
            found.push(pid);
        }
    }
    found
}

/// Runs a line of shell in the machine.
pub async fn shell(machine: &Machine, line: &str) -> Output {
    machine.exec(Command::new(&["/bin/sh", "-c", line])).await.unwrap()
}

/// What a line of shell says, or its complaint.
pub async fn says(machine: &Machine, line: &str) -> String {
    let output = shell(machine, line).await;
    let bytes = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Waits until something holds; half a minute at most.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..3000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("not in half a minute: {what}");
}

/// A file as a block device, until it is dropped.
pub struct Disk {
    pub file: PathBuf,
    pub path: PathBuf,
}

/// Runs a program of the host, which has to succeed.
pub fn run(words: &[&str]) -> String {
    let output = std::process::Command::new(words[0]).args(&words[1..]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{words:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text.trim().to_owned()
}

impl Disk {
    pub fn new(folder: &Path, name: &str, bytes: u64) -> Self {
        let file = folder.join(format!("{name}.disk"));
        fs::File::create(&file).unwrap().set_len(bytes).unwrap();
        let path = run(&["losetup", "--find", "--show", file.to_str().unwrap()]).into();
        Self { file, path }
    }

    pub fn as_device(&self, name: &str) -> BlockDevice {
        let numbers = std::os::unix::fs::MetadataExt::rdev(&fs::metadata(&self.path).unwrap());
        // As the kernel's makedev, for small numbers.
        let (major, minor) = ((numbers >> 8) as u32 & 0xfff, (numbers & 0xff) as u32);
        let by_id = Some(format!("nvme-Amazon_Elastic_Block_Store_vol{name}"));
        BlockDevice { name: name.to_owned(), by_id, path: self.path.clone(), major, minor }
    }

    pub fn grow(&self, bytes: u64) {
        fs::File::options().write(true).open(&self.file).unwrap().set_len(bytes).unwrap();
        run(&["losetup", "-c", self.path.to_str().unwrap()]);
    }
}

impl Disk {
    /// Whether nobody has it mounted or to himself.
    pub fn is_free(&self) -> bool {
        let exclusive =
            std::os::unix::fs::OpenOptionsExt::custom_flags(fs::File::options().read(true), 0o200)
                .open(&self.path);
        exclusive.is_ok()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        std::process::Command::new("losetup").arg("-d").arg(&self.path).status().ok();
    }
}

/// Programs of the host, with the libraries that they want, for the machines.
pub fn bring(root: &Path, programs: &[&str]) {
    for program in programs {
        let Some(path) = ["/sbin", "/usr/sbin", "/bin", "/usr/bin"]
            .iter()
            .map(|place| Path::new(place).join(program))
            .find(|path| path.exists())
        else {
            continue;
        };
        let to = root.join("bin").join(program);
        fs::remove_file(&to).ok();
        fs::copy(&path, to).unwrap();
        for library in run(&["ldd", path.to_str().unwrap()]).split_whitespace() {
            if library.starts_with('/') {
                let to = root.join(library.trim_start_matches('/'));
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(library, to).unwrap();
            }
        }
    }
}

/// A line of shell that has to succeed, and what it says.
pub async fn does(machine: &Machine, line: &str) -> String {
    let output = shell(machine, line).await;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.code, 0, "{line}: {text}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub async fn fails(machine: &Machine, line: &str) -> String {
    let output = shell(machine, line).await;
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_ne!(output.code, 0, "{line} succeeded: {text}");
    text
}
