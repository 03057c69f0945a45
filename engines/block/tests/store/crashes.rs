//! A process that writes, syncs and makes snapshots is killed in any moment. What it was told is done is there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use fogbank_block::store::SnapshotState;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::{BLOCK, KEY, begin, content, restored, snapshot, snapshot_content, store, volume};

const KILLS: u64 = 25;
const VOLUME_BYTES: u64 = 12 * BLOCK;
const PAGES: u64 = VOLUME_BYTES / 4096;

/// Which page the write with this number goes to: mostly few, so that blocks are written again.
fn page(number: u64) -> u64 {
    let mut chance = SmallRng::seed_from_u64(number);
    if chance.random_ratio(1, 3) { chance.random_range(0..PAGES) } else { chance.random_range(0..12) * 128 }
}

/// Not a test: the process that is killed. It is told what to do on its standard input.
#[test]
#[ignore = "is run by the test below"]
fn writer() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let Some((from, folder)) = line.trim().split_once(' ') else { return };
    let store = store(folder.as_ref());
    let volume = store.open_volume("vol-1", Some(&KEY)).unwrap();
    let mut out = std::io::stdout();
    for number in from.parse::<u64>().unwrap().. {
        let mut bytes = vec![number as u8; 4096];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        volume.write_at(page(number) * 4096, &bytes).unwrap();
        // At once, as a line of its own: a kill leaves no half of it.
        out.write_all(format!("\nwrote {number}\n").as_bytes()).unwrap();
        out.flush().unwrap();
        if number % 7 == 0 {
            volume.sync().unwrap();
        }
        if number % 61 == 0 {
            let id = format!("snap-{number}");
            begin(&store, &volume, &id);
            out.write_all(format!("\nbegun {number}\n").as_bytes()).unwrap();
            out.flush().unwrap();
            let store = store.clone();
            std::thread::spawn(move || store.snapshot_run(&id).unwrap());
        }
    }
}

#[test]
fn what_was_answered_survives_a_kill_in_any_moment() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = BTreeMap::new();
    {
        let store = store(folder.path());
        let source = volume(&store, "vol-0", VOLUME_BYTES);
        for number in (0..PAGES).step_by(3) {
            source.write_at(number * 4096, &[0xaa; 4096]).unwrap();
        }
        snapshot(&store, &source, "snap-0");
        restored(&store, "vol-1", VOLUME_BYTES, "snap-0");
    }
    let base = |page: u64| if page.is_multiple_of(3) { 0xaa } else { 0 };
    let mut chance = SmallRng::seed_from_u64(5);
    let (mut next, mut checked) = (1, 0);
    for round in 0..KILLS {
        let (last, begun) =
            run_and_kill(folder.path(), next, Duration::from_millis(chance.random_range(5..400)));
        let store = store(folder.path());
        let volume = store.open_volume("vol-1", Some(&KEY)).unwrap();
        let mut at_snapshot = BTreeMap::new();
        for number in next..=last {
            model.insert(page(number), number);
            if begun.contains(&number) {
                at_snapshot.insert(format!("snap-{number}"), model.clone());
            }
        }
        // The write after the last that was told may be there.
        let bytes = content(&volume);
        let number_at = |bytes: &[u8], page: u64| {
            let bytes = &bytes[(page * 4096) as usize..][..4096];
            let number = u64::from_le_bytes(bytes[..8].try_into().unwrap());
            if bytes.iter().all(|byte| *byte == base(page)) {
                return 0;
            }
            assert!(bytes[8..].iter().all(|byte| *byte == number as u8), "page {page} is torn");
            number
        };
        for page in 0..PAGES {
            let found = number_at(&bytes, page);
            let told = model.get(&page).copied().unwrap_or(0);
            if found == last + 1 && self::page(found) == page {
                model.insert(page, found);
            } else {
                assert_eq!(found, told, "round {round}, page {page}");
            }
        }
        for id in volume.pending() {
            store.snapshot_run(&id).unwrap();
        }
        for (id, model) in at_snapshot {
            let bytes = snapshot_content(&store, &id, VOLUME_BYTES as usize);
            for page in 0..PAGES {
                assert_eq!(
                    number_at(&bytes, page),
                    model.get(&page).copied().unwrap_or(0),
                    "{id}, page {page}"
                );
            }
            assert!(matches!(store.snapshot_state(&id).unwrap(), SnapshotState::Completed { .. }));
            checked += 1;
        }
        let report = store.verify(&mut |_, _| ()).unwrap();
        assert!(report.damaged.is_empty() && report.broken.is_empty(), "{report:?}");
        // Some go, so that their blocks do.
        for id in store.kept().unwrap().1.into_iter().filter(|_| chance.random_ratio(1, 2)) {
            store.remove_snapshot(&id).unwrap();
        }
        // Numbers of the next process: above what may have been written.
        next = last + 2;
    }
    assert!(checked > 3 && next > 500, "{checked} snapshots, {next} writes");
}

/// Lets the writer go on from a number: the last it told, and the snapshots it told were begun.
fn run_and_kill(folder: &std::path::Path, from: u64, after: Duration) -> (u64, Vec<u64>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crashes::writer", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{from} {}", folder.display()).unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let (mut last, mut begun) = (from - 1, Vec::new());
        for line in out.lines().map_while(Result::ok) {
            match line.split_once(' ') {
                Some(("wrote", number)) => last = number.parse().unwrap(),
                Some(("begun", number)) => begun.push(number.parse().unwrap()),
                _ => {}
            }
        }
        (last, begun)
    });
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}
