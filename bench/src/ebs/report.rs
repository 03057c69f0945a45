//! The tables about disks, their targets, and the floors below which a quick run fails.

use std::time::Duration;

use super::attach::Attached;
use super::ours::{Beside, Ours};
use super::snapshots::Taken;
use crate::machine::Machine;
use crate::report::{
    Broken, Check, in_millis, line, mebibytes, millis, thousands, write_columns, write_machine, write_targets,
};

pub struct Report {
    pub machine: Machine,
    pub ours: Ours,
    /// Not in a quick run.
    pub attached: Option<Attached>,
}

const SHARE_PERCENT: f64 = 50.0;
const FIRST_READ_MILLIS_MAX: u64 = 2;
const UNCHANGED_MILLIS_MAX: u64 = 1_000;
const CHANGED_MILLIS_MAX: u64 = 5_000;
const ATTACH_MILLIS_MAX: u64 = 300;
const MEMORY_MEBIBYTES_MAX: u64 = 32;

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# Disks, measured\n\n");
        write_targets(&mut text, &self.checks());
        self.write_beside(&mut text);
        self.write_snapshots(&mut text);
        write_machine(&mut text, &self.machine);
        line(
            &mut text,
            "- Volumes are served by the daemon of the release binary and asked for through the engine, without the API \
             (but attaching and detaching, which is measured from the signed call until the volume is shown so, with an \
             instance that runs). They are encrypted, as always.\n\
             - The bare loop device is on a plain file on the same file system, with direct I/O, as `losetup --direct-io=on` \
             makes it. fio drives both with the same job in turn, with libaio and direct I/O, different content in every \
             write; of each figure the median of three. Before each job the host forgets what it has in memory of either \
             file, so that reads come from its disk. Ours are written to that memory and to the disk later, unless they are \
             synced, as on any file system; the bare device writes to the disk at once.\n\
             - First reads are of 4 KiB, one a block, past the page cache of the device, after the host has forgotten the \
             files. A block of a snapshot is read and opened whole.\n\
             - Memory is what the daemon grew by with volumes in use, each written and read with 32 requests under way, \
             divided by their number; what it shares with nobody, and its share of the rest.\n\
             - Again with: `cargo build --profile dist -p fogbank -p fogbank-bench`, then, as root, \
             `target/dist/fogbank-bench ebs --seconds 3`.",
        );
        text
    }

    fn checks(&self) -> Vec<Check> {
        let Ours { beside, first_reads, snapshots, serves, unserves, memory } = &self.ours;
        let timed = |what: &str, found, most: u64| {
            Check::timed(what, &format!("< {}", millis(Duration::from_millis(most))), found, most)
        };
        let mut checks: Vec<Check> = beside
            .iter()
            .map(|one| {
                Check::share(
                    format!("{}, of a bare loop device's", one.job.name()),
                    SHARE_PERCENT,
                    share(one),
                )
            })
            .collect();
        for (name, hundredth) in [("p50", 50), ("p99", 99)] {
            let (home, away) = (at(&first_reads.home, hundredth), at(&first_reads.snapshot, hundredth));
            let more = away.saturating_sub(home);
            checks.push(Check::new(
                format!("first read of a block from a snapshot, {name}, more than at home"),
                format!("≤ {FIRST_READ_MILLIS_MAX} ms"),
                format!("{} ({} and {})", millis(more), millis(away), millis(home)),
                more <= Duration::from_millis(FIRST_READ_MILLIS_MAX),
            ));
        }
        let [_, unchanged, changed] = &snapshots.taken[..] else { unreachable!("three are taken") };
        checks.push(timed(
            &format!("snapshot {}", unchanged.what),
            unchanged.completed_in,
            UNCHANGED_MILLIS_MAX,
        ));
        checks.push(timed(&format!("snapshot {}", changed.what), changed.completed_in, CHANGED_MILLIS_MAX));
        checks.push(Check::told("slowest write while these were taken", millis(snapshots.slowest_write)));
        checks.push(Check::told("slowest write in a second without one", millis(snapshots.usual_write)));
        if let Some(Attached { attaches, detaches }) = &self.attached {
            checks.push(timed("AttachVolume until attached, p50", at(attaches, 50), ATTACH_MILLIS_MAX));
            checks.push(Check::told("AttachVolume until attached, the slowest", millis(at(attaches, 100))));
            checks.push(timed("DetachVolume until available, p50", at(detaches, 50), ATTACH_MILLIS_MAX));
            checks.push(Check::told("DetachVolume until available, the slowest", millis(at(detaches, 100))));
        }
        checks.push(timed(
            "making a block device of a volume, the slowest",
            at(serves, 100),
            ATTACH_MILLIS_MAX,
        ));
        checks.push(timed("taking it away, the slowest", at(unserves, 100), ATTACH_MILLIS_MAX));
        let sized = |what: &str, bytes| {
            let wanted = format!("< {MEMORY_MEBIBYTES_MAX} MiB");
            Check::sized(
                format!("memory of a volume, of {} in use, {what}", memory.volumes),
                &wanted,
                bytes,
                MEMORY_MEBIBYTES_MAX,
            )
        };
        checks.push(sized("resident", memory.resident_bytes));
        checks.push(sized("its share of what is shared", memory.proportional_bytes));
        checks.push(Check::told("memory of the daemon without a volume", mebibytes(memory.idle_bytes)));
        checks
    }

    fn write_beside(&self, text: &mut String) {
        line(text, "## Beside a bare loop device\n");
        let side = |figures: &super::fio::Figures, bytes: usize| {
            if bytes >= 1 << 20 {
                format!("{} MiB/s", thousands(figures.bytes_a_second / f64::from(1 << 20)))
            } else {
                format!("{} a second", thousands(figures.operations_a_second))
            }
        };
        let rows: Vec<(String, Vec<Option<String>>)> = self
            .ours
            .beside
            .iter()
            .map(|one| {
                let cells = vec![
                    Some(side(&one.bare, one.job.bytes)),
                    Some(side(&one.ours, one.job.bytes)),
                    Some(millis(one.bare.p99)),
                    Some(millis(one.ours.p99)),
                ];
                (one.job.name(), cells)
            })
            .collect();
        write_columns(text, "", &["bare", "volume", "bare, p99", "volume, p99"], &rows);
    }

    fn write_snapshots(&self, text: &mut String) {
        let snapshots = &self.ours.snapshots;
        line(text, "## Snapshots take the room of what changed\n");
        line(text, "A volume that is written to meanwhile, in 16 MiB at its end.\n");
        let row = |taken: &Taken| {
            let cells = vec![
                Some(millis(taken.fixed_in)),
                Some(millis(taken.completed_in)),
                Some(mebibytes(taken.bytes)),
                Some(mebibytes(taken.own_bytes)),
                Some(mebibytes(taken.room)),
            ];
            (taken.what.clone(), cells)
        };
        let rows: Vec<_> = snapshots.taken.iter().map(row).collect();
        let columns = ["moment fixed", "completed", "it names", "of it new", "room of all"];
        write_columns(text, "snapshot", &columns, &rows);
        line(
            text,
            format!(
                "After the one in the middle was removed all take {}; the others were read and are whole.\n",
                mebibytes(snapshots.room_after_removal)
            ),
        );
    }

    /// What even a short run on a busy machine must reach; below it something is broken.
    pub fn broken_floors(&self) -> Vec<Check> {
        let mut broken = Broken::default();
        for one in &self.ours.beside {
            let name = format!("{}, percent of a bare loop device", one.job.name());
            broken.at_least(name, 5.0, Some(share(one) * 100.0));
        }
        let snapshots = &self.ours.snapshots;
        let [_, unchanged, changed] = &snapshots.taken[..] else { unreachable!("three are taken") };
        broken.at_most("a snapshot without changes, ms", 5_000.0, Some(in_millis(unchanged.completed_in)));
        broken.at_most("a snapshot with changes, ms", 20_000.0, Some(in_millis(changed.completed_in)));
        // A sixteenth for what the writer changed meanwhile.
        let share = unchanged.own_bytes as f64 / snapshots.volume_bytes as f64;
        broken.at_most("new in a snapshot without changes, percent", 6.25, Some(share * 100.0));
        let more = changed.own_bytes as f64 - snapshots.changed_bytes as f64;
        let share = more / snapshots.volume_bytes as f64;
        broken.at_most("new in a snapshot beyond what changed, percent", 6.25, Some(share * 100.0));
        let serve = at(&self.ours.serves, 50).max(at(&self.ours.unserves, 50));
        broken.at_most("a block device made or taken away, ms", 2_000.0, Some(in_millis(serve)));
        let memory = self.ours.memory.resident_bytes as f64 / f64::from(1 << 20);
        broken.at_most("memory of a volume in use, MiB", 64.0, Some(memory));
        broken.checks()
    }
}

fn share(one: &Beside) -> f64 {
    one.ours.bytes_a_second / one.bare.bytes_a_second.max(1.0)
}

/// The time that so many of a hundred do not exceed.
fn at(sorted: &[Duration], hundredth: usize) -> Duration {
    let place = (sorted.len() * hundredth).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_is_found_in_sorted_times() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let found = |hundredth| at(&times, hundredth).as_millis();
        assert_eq!((found(50), found(99), found(100)), (100, 198, 200));
        assert_eq!(at(&[], 50), Duration::ZERO);
    }
}
