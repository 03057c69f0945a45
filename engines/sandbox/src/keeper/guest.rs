//! The way into a machine: from a fork of the keeper to its process 1, and, for commands, into a machine that runs.
//!
//! Everything that touches paths of the guest happens with the guest's own rights, after its root has become `/`: a link
//! that it laid leads nowhere else.

use std::ffi::CString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::devices::{self, Instrument};
use super::listed;
use super::shown;
use super::talk::{At, Failure, Order};
use crate::kernel::mounts::{self, NO_DEV, NO_EXEC, NO_SUID, READ_ONLY};
use crate::kernel::{c_path, c_string, capabilities, descriptors, filter, landlock, notify, process};
use crate::records::Folder;
use crate::spec::{self, BlockDevice, Kind, MachineSpec};

/// The nodes of /dev that lead to no device of the host.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Files of /proc that are of no use to a guest and tell of the host, or command it.
const HIDDEN: &[&str] = &[
    "kcore",
    "kmsg",
    "keys",
    "key-users",
    "sysrq-trigger",
    "timer_list",
    "sched_debug",
    "latency_stats",
    "kallsyms",
    "kpagecount",
    "kpageflags",
    "kpagecgroup",
    "vmallocinfo",
    "slabinfo",
    "iomem",
    "ioports",
    "swaps",
    "diskstats",
];

/// Folders of /proc: empty to a guest, or not to be written.
const EMPTY: &[&str] = &["acpi", "scsi", "asound"];
const READ_ONLY_FOLDERS: &[&str] = &["bus", "fs", "irq", "driver", "tty"];

/// What is taken along from outside, as mounts that are attached nowhere yet.
pub struct Parts {
    proc: OwnedFd,
    sys: OwnedFd,
    devices: Vec<OwnedFd>,
    instruments: Vec<(OwnedFd, &'static Instrument)>,
    /// Nodes, and the kernel's folders about the devices, if it has any.
    disks: Vec<(OwnedFd, Option<OwnedFd>)>,
    console: Option<OwnedFd>,
    binds: Vec<OwnedFd>,
    /// With their places.
    shown: Vec<(OwnedFd, &'static str)>,
}

/// What the first process is to be.
pub struct Guest<'a> {
    pub folder: &'a Folder,
    pub spec: &'a MachineSpec,
    pub files: &'a [spec::File],
    /// Those that it has at this start.
    pub devices: &'a [BlockDevice],
    pub terminal: Option<&'a Path>,
}

impl Guest<'_> {
    /// Process 1 of new namespaces of a user namespace, up to the moment when it is told to go on. It still is the
    /// host's root by its user id, which nothing in the namespace stands for.
    pub fn enter(&self) -> Result<(), Failure> {
        let parts = self.gather().at("gathering what the machine is made of")?;
        let root = self.folder.root();
        let step = "changing the root";
        // A mount that was taken over from the keeper cannot become the root; a second one over it can.
        mounts::bind(&root, &root).at(step)?;
        std::env::set_current_dir(&root).at(step)?;
        process::become_user(0, 0).at(step)?;
        mounts::pivot_here().at(step)?;
        self.furnish(&parts).at("furnishing the root file system")?;
        self.inject_all().at("injecting files")?;
        process::set_hostname(&self.spec.hostname).at("naming the machine")
    }

    /// A machine whose disk is full starts all the same, as any computer does, and says what it lacks.
    fn inject_all(&self) -> io::Result<()> {
        for file in self.files {
            match inject(file) {
                Err(error)
                    if self.spec.root_device.is_some()
                        && matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT)) =>
                {
                    let text =
                        format!("fogbank: the disk is full, so {} stays as it is\r\n", file.path.display());
                    let console = File::options()
                        .write(true)
                        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
                        .open("/dev/console");
                    // A courtesy: it starts without its console too.
                    console.and_then(|mut console| console.write_all(text.as_bytes())).ok();
                }
                other => other.map_err(|error| named(&file.path.to_string_lossy(), &error))?,
            }
        }
        Ok(())
    }

    fn gather(&self) -> io::Result<Parts> {
        let proc = self.folder.proc();
        mounts::mount("proc", &proc, NO_SUID | NO_DEV | NO_EXEC, "")?;
        let binds = 0..self.spec.binds.len();
        let shown = shown::FILES.iter().map(|(name, place)| (self.folder.shown().join(name), *place));
        let shown = shown
            .chain([(shown::partitions_file(self.folder), "/proc/partitions")])
            .filter(|(file, _)| file.exists());
        Ok(Parts {
            proc: mounts::copy(&proc)?,
            sys: mounts::copy(&self.folder.sys())?,
            devices: DEVICES
                .iter()
                .map(|name| mounts::copy(&Path::new("/dev").join(name)))
                .collect::<io::Result<_>>()?,
            instruments: devices::instruments(self.spec)
                .map(|instrument| Ok((mounts::copy(&instrument.node(self.folder))?, instrument)))
                .collect::<io::Result<_>>()?,
            disks: self
                .devices
                .iter()
                .map(|device| {
                    let facts = mounts::copy(&listed::facts(self.folder, device)).ok();
                    Ok((mounts::copy(&devices::node(self.folder, &device.name))?, facts))
                })
                .collect::<io::Result<_>>()?,
            console: self.terminal.map(mounts::copy).transpose()?,
            binds: binds
                .map(|index| mounts::copy(&self.folder.binds().join(index.to_string())))
                .collect::<io::Result<_>>()?,
            shown: shown.map(|(file, place)| Ok((mounts::copy(&file)?, place))).collect::<io::Result<_>>()?,
        })
    }

    fn furnish(&self, parts: &Parts) -> io::Result<()> {
        let place = |part: &OwnedFd, at: &str| {
            fs::create_dir_all(at)?;
            mounts::attach(part, Path::new(at)).map_err(|error| named(at, &error))
        };
        place(&parts.proc, "/proc")?;
        place(&parts.sys, "/sys")?;
        make_devices(parts)?;
        if self.spec.kind.is_system() {
            listed::cover()?;
        }
        for (node, instrument) in &parts.instruments {
            instrument.put(node)?;
        }
        for (device, (node, facts)) in self.devices.iter().zip(&parts.disks) {
            devices::put(device, node, facts.as_ref())?;
        }
        mask_proc()?;
        for (file, place) in &parts.shown {
            // Kernels differ in what they tell of processors.
            if Path::new(place).exists() {
                mounts::attach(file, Path::new(place)).map_err(|error| named(place, &error))?;
                mounts::make_read_only(Path::new(place)).map_err(|error| named(place, &error))?;
            }
        }
        if self.spec.kind.is_system() {
            fs::create_dir_all("/run")?;
            mounts::mount("tmpfs", Path::new("/run"), NO_SUID | NO_DEV, "mode=755")
                .map_err(|error| named("/run", &error))?;
        }
        if self.spec.kind == Kind::Systemd {
            let flags = NO_SUID | NO_DEV | NO_EXEC;
            mounts::mount("cgroup2", Path::new("/sys/fs/cgroup"), flags, "")
                .map_err(|error| named("/sys/fs/cgroup", &error))?;
        }
        for (bind, part) in self.spec.binds.iter().zip(&parts.binds) {
            fs::create_dir_all(&bind.target)?;
            mounts::attach(part, &bind.target)?;
        }
        Ok(())
    }

    /// Becomes the machine's first program. Comes back only with an error.
    pub fn start(&self, console: OwnedFd, alive: &File, calls: &OwnedFd) -> Failure {
        let (stdin, output) = match self.spec.kind.is_system() {
            true => (console.try_clone(), console),
            false => (File::open("/dev/null").map(OwnedFd::from), console),
        };
        let errors = output.try_clone();
        let streams = stdin.and_then(|stdin| Ok([stdin, output, errors?]));
        let step = "starting the first program";
        match streams.at(step) {
            Err(failure) => failure,
            Ok(streams) => become_program(&Program {
                kind: self.spec.kind,
                words: &self.spec.init,
                env: &environment(self.spec),
                folder: &self.spec.folder,
                user: self.spec.user,
                streams: &streams,
                alive: Some(alive),
                calls: Some(calls),
            }),
        }
    }
}

fn named(what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

fn make_devices(parts: &Parts) -> io::Result<()> {
    let dev = Path::new("/dev");
    fs::create_dir_all(dev)?;
    mounts::mount("tmpfs", dev, NO_SUID | NO_EXEC, "mode=755,size=4m")
        .map_err(|error| named("/dev", &error))?;
    let nodes = DEVICES.iter().zip(&parts.devices).map(|(name, part)| (*name, part));
    for (name, part) in nodes.chain(parts.console.iter().map(|part| ("console", part))) {
        let node = dev.join(name);
        File::create(&node)?;
        mounts::attach(part, &node).map_err(|error| named(name, &error))?;
    }
    for folder in ["pts", "shm", "mqueue"] {
        fs::create_dir(dev.join(folder))?;
    }
    let flags = NO_SUID | NO_EXEC;
    mounts::mount("devpts", &dev.join("pts"), flags, "newinstance,ptmxmode=0666,mode=620,gid=5")
        .map_err(|error| named("/dev/pts", &error))?;
    mounts::mount("tmpfs", &dev.join("shm"), NO_SUID | NO_DEV, "mode=1777")?;
    // Kernels without POSIX message queues have none to give.
    mounts::mount("mqueue", &dev.join("mqueue"), NO_SUID | NO_DEV | NO_EXEC, "").ok();
    for (link, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, dev.join(link))?;
    }
    Ok(())
}

/// Courtesy rather than a wall: what a guest's root may not do with these files, the kernel refuses it because the files
/// belong to the host's root.
fn mask_proc() -> io::Result<()> {
    let proc = Path::new("/proc");
    for name in HIDDEN {
        let path = proc.join(name);
        if path.exists() {
            mounts::bind(Path::new("/dev/null"), &path).map_err(|error| named(name, &error))?;
        }
    }
    for name in EMPTY {
        let path = proc.join(name);
        if path.is_dir() {
            mounts::mount("tmpfs", &path, READ_ONLY | NO_SUID | NO_DEV | NO_EXEC, "size=0")?;
        }
    }
    for name in READ_ONLY_FOLDERS {
        let path = proc.join(name);
        if path.is_dir() {
            mounts::bind(&path, &path)?;
            mounts::make_read_only(&path).map_err(|error| named(name, &error))?;
        }
    }
    Ok(())
}

/// Writes one file. An earlier one is replaced whole, so that a link in its place is not followed, and where there is no
/// room for the new one, the earlier one stays.
fn inject(file: &spec::File) -> io::Result<()> {
    if is_there(file).unwrap_or(false) {
        return Ok(());
    }
    let folder = file.path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let draft = folder.join(".fogbank-draft");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut made = File::options().create_new(true).write(true).mode(0o600).open(&draft)?;
    let written = made
        .write_all(&file.bytes)
        .and_then(|()| made.set_permissions(fs::Permissions::from_mode(file.mode & 0o7777)))
        .and_then(|()| fs::rename(&draft, &file.path));
    written.inspect_err(|_| drop(fs::remove_file(&draft)))
}

/// Whether the file is there as it is to be, as at a second start from the same disk.
fn is_there(file: &spec::File) -> io::Result<bool> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let mut found = File::options().read(true).custom_flags(flags).open(&file.path)?;
    let facts = found.metadata()?;
    let alike = facts.is_file()
        && facts.len() == file.bytes.len() as u64
        && facts.mode() & 0o7777 == file.mode & 0o7777
        && (facts.uid(), facts.gid(), facts.nlink()) == (0, 0, 1);
    if !alike {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    Read::by_ref(&mut found).take(file.bytes.len() as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes == file.bytes)
}

/// Waits for the keeper's word. Its end without one is this process's too.
pub fn await_word(word: &mut File) {
    if word.read_exact(&mut [0]).is_err() {
        process::leave(1);
    }
}

/// A program to become, in a machine.
pub struct Program<'a> {
    pub kind: Kind,
    pub words: &'a [String],
    pub env: &'a [(String, String)],
    pub folder: &'a Path,
    pub user: (u32, u32),
    /// Standard input, output, error.
    pub streams: &'a [OwnedFd; 3],
    /// Closed at the other end when the keeper has died.
    pub alive: Option<&'a File>,
    /// Where the keeper hears of calls that it is to answer.
    pub calls: Option<&'a OwnedFd>,
}

/// Puts all restraints in force, in the order in which each still allows the next, and becomes the program.
pub fn become_program(program: &Program<'_>) -> Failure {
    match restrain(program) {
        Err(failure) => failure,
        Ok(candidates) => {
            let strings = words_of(program);
            let (words, env) = match strings.at("the program's words") {
                Err(failure) => return failure,
                Ok(strings) => strings,
            };
            let mut error = io::Error::from(io::ErrorKind::NotFound);
            for candidate in candidates {
                let Ok(path) = c_path(&candidate) else { continue };
                let mut all = words.clone();
                all[0] = path;
                error = process::execute(&all, &env);
                if error.raw_os_error() != Some(libc::ENOENT) {
                    break;
                }
            }
            Failure { step: "executing the program", cause: format!("{}: {error}", program.words[0]) }
        }
    }
}

fn restrain(program: &Program<'_>) -> Result<Vec<PathBuf>, Failure> {
    let step = "confining the program";
    std::env::set_current_dir(program.folder).at(step)?;
    process::new_session();
    let candidates = candidates(program);
    for (number, stream) in program.streams.iter().enumerate() {
        descriptors::place(stream.as_fd(), number as i32).at(step)?;
    }
    descriptors::close_at_execution_from(3);
    capabilities::bound(program.kind).at(step)?;
    if !program.kind.is_system() {
        landlock::restrict().at(step)?;
    }
    filter::filters(program.kind).and_then(|filters| filters.install()).at(step)?;
    if program.kind.is_system()
        && let Some(calls) = program.calls
        && let Some(listener) = notify::install().at(step)?
    {
        let order = serde_json::to_vec(&Order::Listen).at(step)?;
        descriptors::send(calls.as_fd(), &order, &[listener.as_fd()]).at(step)?;
    }
    if program.user != (0, 0) {
        process::become_user(program.user.0, program.user.1).at(step)?;
    }
    process::reset_signals();
    // Last, since a change of users takes it away. The keeper's process id does not exist here.
    process::die_with_parent(0).at(step)?;
    if let Some(alive) = program.alive
        && descriptors::wait_readable(&[alive.as_fd()], 0).at(step)? == [true]
    {
        process::leave(1);
    }
    Ok(candidates)
}

/// The paths that a first word may mean.
fn candidates(program: &Program<'_>) -> Vec<PathBuf> {
    let word = &program.words[0];
    if word.contains('/') {
        return vec![PathBuf::from(word)];
    }
    let path = program.env.iter().find(|(name, _)| name == "PATH").map_or(PATH, |(_, value)| value);
    path.split(':').map(|folder| Path::new(folder).join(word)).collect()
}

fn words_of(program: &Program<'_>) -> io::Result<(Vec<CString>, Vec<CString>)> {
    let words = program.words.iter().map(|word| c_string(word.as_bytes())).collect::<io::Result<_>>()?;
    let pair = |(name, value): &(String, String)| c_string(format!("{name}={value}").as_bytes());
    Ok((words, program.env.iter().map(pair).collect::<io::Result<_>>()?))
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the first program finds in its environment, unless the specification says otherwise.
fn environment(spec: &MachineSpec) -> Vec<(String, String)> {
    let usual: &[(&str, &str)] = match spec.kind {
        // systemd asks for it (its "container interface").
        Kind::Systemd => &[("container", "fogbank"), ("TERM", "vt220")],
        Kind::Busybox => &[("HOME", "/"), ("TERM", "vt220")],
        Kind::Process | Kind::Emulator => &[("HOME", "/")],
    };
    with_usual(&spec.env, usual)
}

/// The environment with what is usual, where it does not say otherwise itself.
pub fn with_usual(env: &[(String, String)], usual: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut all = env.to_vec();
    for &(name, value) in [("PATH", PATH)].iter().chain(usual) {
        if !env.iter().any(|(known, _)| known == name) {
            all.push((name.to_owned(), value.to_owned()));
        }
    }
    all
}
