//! What a machine is shown of its own size: files in the place of the kernel's, which tell of the whole host.
//!
//! The keeper writes them into its folder, they are mounted over the kernel's in the guest, and the keeper keeps the
//! memory's up to date. Like all masks over /proc they are a courtesy, no wall: a guest's root may unmount them. Calls
//! that ask the kernel itself, as sysinfo(2) of busybox's `free`, still see the host.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::placement::Memory;
use crate::records::Folder;
use crate::spec::{BlockDevice, MachineSpec};

/// The files, and what they stand for in the guest.
pub const FILES: &[(&str, &str)] = &[
    ("meminfo", "/proc/meminfo"),
    ("cpuinfo", "/proc/cpuinfo"),
    ("online", "/sys/devices/system/cpu/online"),
    ("online", "/sys/devices/system/cpu/present"),
    ("online", "/sys/devices/system/cpu/possible"),
];

const KIB: u64 = 1024;

/// The unit of sizes in /sys/block, whatever the device's own is.
const SECTOR_BYTES: u64 = 512;

/// Processors of a machine; none where all of the host's are its own.
pub fn processors(spec: &MachineSpec) -> Option<usize> {
    // A part of a processor is one that is slower.
    (spec.limits.vcpus > 0.0).then(|| spec.limits.vcpus.ceil() as usize).filter(|count| *count > 0)
}

/// Writes what this machine is to see. What has no limit has no file, and shows the host.
pub fn write(folder: &Folder, spec: &MachineSpec) -> io::Result<()> {
    fs::create_dir_all(folder.shown())?;
    if let Some(count) = processors(spec) {
        let host = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        fs::write(folder.shown().join("cpuinfo"), cpuinfo(&host, count))?;
        fs::write(folder.shown().join("online"), online(count))?;
    }
    if spec.limits.memory_bytes > 0 {
        let text = meminfo(spec.limits.memory_bytes, Memory::default());
        fs::write(folder.shown().join("meminfo"), text)?;
    }
    Ok(())
}

/// Lies with the nodes, so that a machine's list of mounts does not tell of folders of the host.
pub fn partitions_file(folder: &Folder) -> PathBuf {
    folder.devices().join("partitions")
}

/// Writes which block devices a machine sees, and how large they are now.
pub fn write_partitions(folder: &Folder, devices: &[BlockDevice]) {
    let size = |device: &BlockDevice| {
        let path = format!("/sys/dev/block/{}:{}/size", device.major, device.minor);
        let sectors: u64 = fs::read_to_string(path).ok()?.trim().parse().ok()?;
        Some(sectors * SECTOR_BYTES)
    };
    let sized: Vec<(&BlockDevice, u64)> =
        devices.iter().map(|device| (device, size(device).unwrap_or(0))).collect();
    let text = partitions(&sized);
    let file = File::options().create(true).truncate(false).write(true).open(partitions_file(folder));
    if let Ok(file) = file {
        file.write_at(text.as_bytes(), 0).ok();
        file.set_len(text.len() as u64).ok();
    }
}

/// As proc_partitions(5) has it, whole devices alone.
fn partitions(devices: &[(&BlockDevice, u64)]) -> String {
    let mut text = "major minor  #blocks  name\n\n".to_owned();
    for (device, bytes) in devices {
        let (major, minor, blocks) = (device.major, device.minor, bytes / KIB);
        text.push_str(&format!("{major:4}  {minor:7} {blocks:10} {}\n", device.name));
    }
    text
}

/// Brings the memory's file up to date, in one write of the same length: who reads it meanwhile sees all of one or all of
/// the other.
pub fn update(folder: &Folder, spec: &MachineSpec, memory: Memory) {
    if spec.limits.memory_bytes == 0 {
        return;
    }
    if let Ok(file) = File::options().write(true).open(folder.shown().join("meminfo")) {
        file.write_at(meminfo(spec.limits.memory_bytes, memory).as_bytes(), 0).ok();
    }
}

/// As proc(5) has it, in lines of fixed length.
fn meminfo(total_bytes: u64, memory: Memory) -> String {
    let used = memory.used_bytes.min(total_bytes);
    let cached = memory.cached_bytes.min(used);
    let available = total_bytes - (used - memory.inactive_file_bytes.min(used));
    let rows = [
        ("MemTotal:", total_bytes),
        ("MemFree:", total_bytes - used),
        ("MemAvailable:", available),
        ("Buffers:", 0),
        ("Cached:", cached),
        ("SwapCached:", 0),
        ("Active:", used - memory.inactive_file_bytes.min(used)),
        ("Inactive:", memory.inactive_file_bytes.min(used)),
        ("SwapTotal:", 0),
        ("SwapFree:", 0),
        ("AnonPages:", used - cached),
        ("Shmem:", 0),
        ("Slab:", 0),
        ("SReclaimable:", 0),
        ("SUnreclaim:", 0),
    ];
    rows.iter().map(|(name, bytes)| format!("{name:<15} {:>12} kB\n", bytes / KIB)).collect()
}

/// `0-1`, or `0` alone.
fn online(count: usize) -> String {
    if count == 1 { "0\n".to_owned() } else { format!("0-{}\n", count - 1) }
}

/// The host's first processor, as many times as there are to be.
fn cpuinfo(host: &str, count: usize) -> String {
    let first: Vec<&str> = host.lines().take_while(|line| !line.trim().is_empty()).collect();
    let line_of = |line: &str, index: usize| {
        let name = line.split(':').next().unwrap_or_default();
        let value = match name.trim() {
            "processor" | "core id" | "apicid" | "initial apicid" => index,
            "siblings" | "cpu cores" => count,
            _ => return format!("{line}\n"),
        };
        format!("{name}: {value}\n")
    };
    let one = |index: usize| first.iter().map(|line| line_of(line, index)).collect::<String>() + "\n";
    (0..count).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_against_the_limit() {
        let memory =
            Memory { used_bytes: 300 << 20, cached_bytes: 120 << 20, inactive_file_bytes: 100 << 20 };
        let text = meminfo(1 << 30, memory);
        let value = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).expect("it is listed");
            line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok()).expect("a number")
        };
        assert_eq!(value("MemTotal:"), 1_048_576);
        assert_eq!(value("MemFree:"), 724 * 1024);
        assert_eq!(value("MemAvailable:"), 824 * 1024);
        assert_eq!(value("Cached:"), 120 * 1024);
        let full = Memory { used_bytes: 2 << 30, ..memory };
        assert_eq!(meminfo(1 << 30, full).len(), text.len(), "one write replaces all of it");
        assert!(meminfo(1 << 30, full).contains("MemFree:                   0 kB"));
    }

    #[test]
    fn block_devices_are_listed_by_their_names_in_the_machine() {
        let path = "/dev/loop3".into();
        let device = BlockDevice { name: "xvdf".to_owned(), by_id: None, path, major: 7, minor: 3 };
        assert_eq!(
            partitions(&[(&device, 64 << 20)]),
            "major minor  #blocks  name\n\n   7        3      65536 xvdf\n"
        );
    }

    #[test]
    fn every_processor_is_as_the_first() {
        let host = "processor\t: 0\nmodel name\t: X\nsiblings\t: 64\ncore id\t\t: 7\n\nprocessor\t: 1\n\n";
        let text = cpuinfo(host, 2);
        assert_eq!(
            text,
            "processor\t: 0\nmodel name\t: X\nsiblings\t: 2\ncore id\t\t: 0\n\nprocessor\t: 1\nmodel name\t: X\nsiblings\t: 2\ncore id\t\t: 1\n\n"
        );
        assert_eq!((online(1).as_str(), online(4).as_str()), ("0\n", "0-3\n"));
    }
}
