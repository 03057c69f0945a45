//! Where machines stand in the control groups, version 1, version 2 or both side by side, and what they may use there.
//!
//! With version 1 the groups are below this process's own, so that limits set on Fogbank hold for its machines too.
//! With version 2 they are at the top, since a group with processes of its own cannot hand out controllers
//! (cgroups(7), "no internal processes").

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SandboxError;
use crate::kernel::mounts;
use crate::kernel::process::nap;
use crate::limits::CPU_PERIOD_MICROS;
use crate::spec::{DiskLimit, Kind, Limits};

/// The controllers that machines use, of both versions.
const CONTROLLERS: &[&str] = &["cpu", "memory", "pids", "devices", "blkio", "io"];

/// Devices that a machine may use: those in its /dev, and pseudo-terminals. The user namespace already refuses to make
/// nodes; with version 1 their use is refused too.
const DEVICES: &[&str] = &[
    "c 1:3 rw",
    "c 1:5 rw",
    "c 1:7 rw",
    "c 1:8 rw",
    "c 1:9 rw",
    "c 5:0 rw",
    "c 5:1 rw",
    "c 5:2 rw",
    "c 136:* rw",
];

/// One control group of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The group that stands above all machines.
    pub above: PathBuf,
    pub folder: PathBuf,
    pub controllers: Vec<String>,
    pub unified: bool,
}

/// All groups of one machine, or what they are made from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Placement {
    pub groups: Vec<Group>,
}

/// What a machine uses. Zero where no control group counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Processor time since its launch.
    pub cpu_micros: u64,
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
}

/// What a machine's memory is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// Caches among it.
    pub used_bytes: u64,
    pub cached_bytes: u64,
    /// Of the caches, what nobody has used for long.
    pub inactive_file_bytes: u64,
}

/// The hierarchies of this host as this process sees them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hierarchies(Vec<Hierarchy>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Hierarchy {
    base: PathBuf,
    controllers: Vec<String>,
    unified: bool,
}

impl Hierarchies {
    pub fn read() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let own = fs::read_to_string("/proc/self/cgroup")?;
        Ok(Self::parse(&mounts, &own, |folder| {
            fs::read_to_string(folder.join("cgroup.controllers")).unwrap_or_default()
        }))
    }

    fn parse(mounts: &str, own: &str, unified_controllers: impl Fn(&Path) -> String) -> Self {
        let own: BTreeMap<&str, &str> = own
            .lines()
            .filter_map(|line| {
                let mut parts = line.splitn(3, ':').skip(1);
                Some((parts.next()?, parts.next()?))
            })
            .collect();
        let mut found: Vec<Hierarchy> = Vec::new();
        for line in mounts.lines() {
            let Some((place, kind)) = line.split_once(" - ") else { continue };
            let place: Vec<&str> = place.split(' ').collect();
            let kind: Vec<&str> = kind.split(' ').collect();
            let ([_, _, _, root, point, ..], [name, _, options, ..]) = (&place[..], &kind[..]) else {
                continue;
            };
            let unified = *name == "cgroup2";
            if !unified && *name != "cgroup" {
                continue;
            }
            let offered =
                if unified { unified_controllers(Path::new(point)) } else { options.replace(',', " ") };
            let controllers: Vec<String> = CONTROLLERS
                .iter()
                .filter(|&&known| offered.split_ascii_whitespace().any(|word| word == known))
                .map(|&known| known.to_owned())
                .collect();
            if !unified && controllers.is_empty() {
                continue;
            }
            let top = unified && !controllers.is_empty();
            let path = own.iter().find(|(names, _)| match unified {
                true => names.is_empty(),
                false => names.split(',').any(|name| controllers.iter().any(|known| known == name)),
            });
            let below = if top { "" } else { path.map_or("/", |(_, path)| *path) };
            let below = below.strip_prefix(root.trim_end_matches('/')).unwrap_or(below);
            let base = match below.trim_matches('/') {
                "" => PathBuf::from(point),
                below => Path::new(point).join(below),
            };
            if !found.iter().any(|one| one.unified == unified && one.controllers == controllers) {
                found.push(Hierarchy { base, controllers, unified });
            }
        }
        Self(found)
    }

    /// Limits that cannot be held here, by controller.
    pub fn missing(&self) -> Vec<&'static str> {
        let has = |name: &str| self.0.iter().any(|one| one.controllers.iter().any(|known| known == name));
        ["cpu", "memory", "pids"].into_iter().filter(|name| !has(name)).collect()
    }

    /// Hierarchies in which nothing can be made.
    pub fn read_only(&self) -> Vec<&Path> {
        self.0.iter().filter(|one| mounts::is_read_only(&one.base)).map(|one| one.base.as_path()).collect()
    }

    /// "v1", "v2" or both, for people.
    pub fn version(&self) -> &'static str {
        let v1 = self.0.iter().any(|one| !one.unified);
        match (v1, self.0.iter().any(|one| one.unified)) {
            (true, true) => "v1 with v2 beside it",
            (true, false) => "v1",
            (false, true) => "v2",
            (false, false) => "none",
        }
    }

    /// The groups that one machine will have.
    pub fn place(&self, name: &str, id: &str) -> Placement {
        let group = |one: &Hierarchy| {
            let above = one.base.join(name);
            let folder = above.join(id);
            Group { above, folder, controllers: one.controllers.clone(), unified: one.unified }
        };
        Placement { groups: self.0.iter().map(group).collect() }
    }
}

impl Placement {
    /// Makes the groups and sets the limits. `owner` is who may make groups of its own below (systemd's root).
    pub fn make(&self, kind: Kind, limits: &Limits, owner: u32) -> Result<(), SandboxError> {
        self.check(limits)?;
        for group in &self.groups {
            group.make(limits).map_err(|error| {
                SandboxError::io(format!("the control group {}", group.folder.display()), error)
            })?;
            if group.unified && kind == Kind::Systemd {
                group
                    .give_to(owner)
                    .map_err(|error| SandboxError::io("giving the machine its own group", error))?;
            }
        }
        Ok(())
    }

    fn check(&self, limits: &Limits) -> Result<(), SandboxError> {
        let has = |names: &[&str]| {
            self.groups.iter().any(|group| group.controllers.iter().any(|one| names.contains(&one.as_str())))
        };
        let wanted: [(bool, &[&str]); 4] = [
            (limits.vcpus > 0.0, &["cpu"]),
            (limits.memory_bytes > 0, &["memory"]),
            (limits.pids > 0, &["pids"]),
            (limits.disk.is_some(), &["blkio", "io"]),
        ];
        for (is_wanted, names) in wanted {
            if is_wanted && !has(names) {
                let name = names[0];
                return Err(SandboxError::Missing(format!(
                    "a limit needs the control group controller {name}"
                )));
            }
        }
        Ok(())
    }

    /// The calling process goes where the machine's own processes are.
    pub fn join(&self) -> io::Result<()> {
        self.groups.iter().try_for_each(|group| fs::write(group.guest().join("cgroup.procs"), "0"))
    }

    /// The calling process goes beside them, under the same limits: the machine may have subdivided its own group.
    pub fn join_beside(&self) -> io::Result<()> {
        for group in &self.groups {
            let folder = if group.unified { group.folder.join("exec") } else { group.folder.clone() };
            make_folder(&folder)?;
            fs::write(folder.join("cgroup.procs"), "0")?;
        }
        Ok(())
    }

    /// The machine may read and write a block device, if a control group would refuse it. With version 2 none does.
    pub fn allow_device(&self, major: u32, minor: u32) -> io::Result<()> {
        self.set_device("devices.allow", 'b', major, minor)
    }

    /// As [`Placement::allow_device`], for a character device.
    pub fn allow_character_device(&self, major: u32, minor: u32) -> io::Result<()> {
        self.set_device("devices.allow", 'c', major, minor)
    }

    /// It may not any more. What it has open stays open.
    pub fn deny_device(&self, major: u32, minor: u32) -> io::Result<()> {
        self.set_device("devices.deny", 'b', major, minor)
    }

    fn set_device(&self, name: &str, kind: char, major: u32, minor: u32) -> io::Result<()> {
        let groups = self.groups.iter().filter(|group| group.has("devices"));
        groups
            .into_iter()
            .try_for_each(|group| fs::write(group.folder.join(name), format!("{kind} {major}:{minor} rw")))
    }

    /// How many processes were killed because the memory was used up.
    pub fn oom_kills(&self) -> u64 {
        let counted = |group: &Group| {
            let name = if group.unified { "memory.events" } else { "memory.oom_control" };
            let text = fs::read_to_string(group.folder.join(name)).ok()?;
            text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
        };
        self.groups.iter().filter_map(counted).max().unwrap_or(0)
    }

    /// What the machine uses now.
    pub fn usage(&self) -> Usage {
        let number = |names: &[&str]| {
            let files = self.groups.iter().flat_map(|group| names.iter().map(|name| group.folder.join(name)));
            files.filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok()).next().unwrap_or(0)
        };
        let cpu = self.groups.iter().find_map(|group| {
            let text = fs::read_to_string(group.folder.join("cpu.stat")).ok()?;
            text.lines().find_map(|line| line.strip_prefix("usage_usec ")?.parse().ok())
        });
        Usage {
            cpu_micros: cpu.unwrap_or(0),
            memory_bytes: number(&["memory.usage_in_bytes", "memory.current"]),
            pids: number(&["pids.current"]),
        }
    }

    /// What the machine's memory is used for now.
    pub fn memory(&self) -> Memory {
        let stat = self.groups.iter().find_map(|group| {
            let text = fs::read_to_string(group.folder.join("memory.stat")).ok()?;
            text.contains("inactive_file").then_some(text)
        });
        let stat = stat.unwrap_or_default();
        // Version 1 has totals over the groups below, version 2 has nothing else.
        let value = |names: [&str; 2]| {
            let of = |name: &str| stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            names.into_iter().find_map(of).unwrap_or(0)
        };
        Memory {
            used_bytes: self.usage().memory_bytes,
            cached_bytes: value(["total_cache ", "file "]),
            inactive_file_bytes: value(["total_inactive_file ", "inactive_file "]),
        }
    }

    /// Kills whatever is in the groups. With version 1 alone the caller has killed process 1, and with it the rest.
    pub fn kill(&self) {
        for group in self.groups.iter().filter(|group| group.unified) {
            fs::write(group.folder.join("cgroup.kill"), "1").ok();
        }
        for pid in self.processes() {
            crate::kernel::process::kill(pid, libc::SIGKILL).ok();
        }
    }

    fn processes(&self) -> Vec<i32> {
        let mut found = Vec::new();
        for group in self.groups.iter().filter(|group| !group.unified) {
            let text = fs::read_to_string(group.folder.join("cgroup.procs")).unwrap_or_default();
            found.extend(text.lines().filter_map(|line| line.parse().ok()).filter(|&pid: &i32| pid > 1));
        }
        found
    }

    /// Removes what a machine made below its own groups, for a fresh start.
    pub fn tidy(&self) {
        for group in self.groups.iter().filter(|group| group.unified) {
            remove_below(&group.guest());
        }
    }

    /// Removes the groups, after [`Placement::kill`]. Processes that are still ending are waited for, a second at most.
    pub fn remove(&self) {
        let mut naps = 0..200;
        for group in &self.groups {
            loop {
                remove_below(&group.folder);
                let removed = fs::remove_dir(&group.folder);
                let is_busy = removed.is_err_and(|error| error.raw_os_error() == Some(libc::EBUSY));
                if !is_busy || naps.next().is_none() {
                    break;
                }
                nap(5_000);
            }
            // Succeeds for the last machine only.
            fs::remove_dir(&group.above).ok();
        }
    }
}

impl Group {
    /// Where the machine's own processes are.
    fn guest(&self) -> PathBuf {
        if self.unified { self.folder.join("guest") } else { self.folder.clone() }
    }

    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|one| one == controller)
    }

    fn make(&self, limits: &Limits) -> io::Result<()> {
        if self.unified {
            self.hand_down(self.above.parent())?;
        }
        make_folder(&self.above)?;
        if self.unified {
            self.hand_down(Some(&self.above))?;
        }
        make_folder(&self.folder)?;
        for (name, value) in self.settings(limits) {
            fs::write(self.folder.join(name), &value)
                .map_err(|error| io::Error::new(error.kind(), format!("{name} = {value}: {error}")))?;
        }
        make_folder(&self.guest())
    }

    /// Version 2: the controllers are to be had in the groups below.
    fn hand_down(&self, folder: Option<&Path>) -> io::Result<()> {
        let Some(folder) = folder else { return Ok(()) };
        for controller in &self.controllers {
            fs::write(folder.join("cgroup.subtree_control"), format!("+{controller}"))?;
        }
        Ok(())
    }

    fn settings(&self, limits: &Limits) -> Vec<(&'static str, String)> {
        let mut settings = Vec::new();
        let quota = (limits.vcpus * CPU_PERIOD_MICROS as f64).round().max(1_000.0) as u64;
        if self.has("cpu") && limits.vcpus > 0.0 {
            match self.unified {
                true => settings.push(("cpu.max", format!("{quota} {CPU_PERIOD_MICROS}"))),
                false => settings.extend([
                    ("cpu.cfs_period_us", CPU_PERIOD_MICROS.to_string()),
                    ("cpu.cfs_quota_us", quota.to_string()),
                ]),
            }
        }
        if self.has("memory") && limits.memory_bytes > 0 {
            let name = if self.unified { "memory.max" } else { "memory.limit_in_bytes" };
            settings.push((name, limits.memory_bytes.to_string()));
        }
        if self.has("pids") && limits.pids > 0 {
            settings.push(("pids.max", limits.pids.to_string()));
        }
        if self.has("devices") {
            settings.push(("devices.deny", "a".to_owned()));
            settings.extend(DEVICES.iter().map(|device| ("devices.allow", (*device).to_owned())));
        }
        if let Some(disk) = limits.disk.filter(|_| self.has("blkio") || self.has("io")) {
            settings.extend(disk_settings(&disk, self.unified));
        }
        settings
    }

    /// Version 2: the machine's root may make groups below its own, as systemd must (cgroups(7), "delegation").
    fn give_to(&self, owner: u32) -> io::Result<()> {
        let guest = self.guest();
        for name in ["", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"] {
            chown(guest.join(name), Some(owner), Some(owner))?;
        }
        Ok(())
    }
}

fn disk_settings(disk: &DiskLimit, unified: bool) -> Vec<(&'static str, String)> {
    let (major, minor) = disk.device;
    let all = [
        ("rbps", "blkio.throttle.read_bps_device", disk.read_bytes_a_second),
        ("wbps", "blkio.throttle.write_bps_device", disk.write_bytes_a_second),
        ("riops", "blkio.throttle.read_iops_device", disk.reads_a_second),
        ("wiops", "blkio.throttle.write_iops_device", disk.writes_a_second),
    ];
    let set = all.into_iter().filter(|(_, _, value)| *value > 0);
    match unified {
        true => set.map(|(name, _, value)| ("io.max", format!("{major}:{minor} {name}={value}"))).collect(),
        false => set.map(|(_, name, value)| (name, format!("{major}:{minor} {value}"))).collect(),
    }
}

fn make_folder(path: &Path) -> io::Result<()> {
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// Removes the groups below a folder, the deepest first. Files of a group vanish with it.
fn remove_below(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
            fs::remove_dir(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
32 30 0:28 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
33 30 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
34 30 0:30 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
35 30 0:31 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
36 30 0:32 / / rw - ext4 /dev/vda rw
";

    fn bases(mounts: &str, own: &str, controllers: &'static str) -> Vec<String> {
        let read = Hierarchies::parse(mounts, own, |_| controllers.to_owned());
        read.0.iter().map(|one| one.base.display().to_string()).collect()
    }

    #[test]
    fn version_1_stands_below_the_own_group() {
        let own = "3:cpu,cpuacct:/\n2:memory:/some/where\n0::/\n";
        let found = bases(HYBRID, own, "");
        assert_eq!(
            found,
            ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory/some/where", "/sys/fs/cgroup/unified"]
        );
    }

    #[test]
    fn version_2_stands_at_the_top() {
        let mounts = "35 30 0:31 / /sys/fs/cgroup rw,relatime - cgroup2 cgroup2 rw\n";
        let own = "0::/system.slice/fogbank.service\n";
        assert_eq!(bases(mounts, own, "cpu io memory pids"), ["/sys/fs/cgroup"]);
    }

    #[test]
    fn a_mount_of_a_part_shows_the_rest_of_the_path() {
        let mounts = "33 30 0:29 /docker/1 /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        assert_eq!(bases(mounts, "2:memory:/docker/1/x\n", ""), ["/sys/fs/cgroup/memory/x"]);
    }

    #[test]
    fn a_limit_without_its_controller_is_refused_by_name() {
        let limits = Limits { pids: 5, ..Limits::default() };
        let error = Placement::default().check(&limits).expect_err("no pids controller");
        assert!(error.to_string().contains("pids"), "{error}");
    }

    #[test]
    fn processors_become_quotas() {
        let group = |unified| Group {
            above: PathBuf::new(),
            folder: PathBuf::new(),
            controllers: vec!["cpu".to_owned()],
            unified,
        };
        let limits = Limits { vcpus: 0.25, ..Limits::default() };
        assert_eq!(group(true).settings(&limits), [("cpu.max", "25000 100000".to_owned())]);
        assert_eq!(group(false).settings(&limits)[1], ("cpu.cfs_quota_us", "25000".to_owned()));
    }
}
