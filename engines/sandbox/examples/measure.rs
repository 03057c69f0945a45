//! What a machine costs: how long a launch takes, how many can be launched at once, and what the keeper of one holds in
//! memory. As root, with busybox-static: `measure <keeper program> [its first arguments]`, for example
//! `measure target/release/fogbank sandbox-keeper`.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement for people")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use fogbank_sandbox::{Command, Kind, Machine, MachineSpec, Sandbox, Settings};

const AT_ONCE: usize = 100;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let program = words.next().expect("the keeper's program");
    let folder = tempfile::tempdir().unwrap();
    make_root(&folder.path().join("image"));
    let mut settings = Settings::new(fs::canonicalize(program).unwrap());
    settings.arguments = words.collect();
    settings.cgroup = "fb-measure".to_owned();
    let sandbox = Sandbox::open(&folder.path().join("sandbox"), settings).await.unwrap();
    let spec = |number: usize| {
        let id = format!("i-{number}");
        let upper = folder.path().join("uppers").join(&id);
        MachineSpec::new(&id, Kind::Busybox, folder.path().join("image"), upper, &["/sbin/init"])
    };

    let (mut launches, mut commands, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..20 {
        let started = Instant::now();
        let machine = sandbox.launch(spec(number)).await.unwrap();
        launches.push(started.elapsed());
        let started = Instant::now();
        machine.exec(Command::new(&["true"])).await.unwrap();
        commands.push(started.elapsed());
        let started = Instant::now();
        machine.kill().await.unwrap();
        ends.push(started.elapsed());
    }
    for (name, times) in [("launch", &mut launches), ("command", &mut commands), ("kill", &mut ends)] {
        times.sort();
        println!("{name:8} p50 {:?}, slowest {:?}", times[times.len() / 2], times[times.len() - 1]);
    }

    let started = Instant::now();
    let launching: Vec<_> = (0..AT_ONCE).map(|number| sandbox.launch(spec(number))).collect();
    let machines: Vec<Machine> = futures(launching)
        .await
        .into_iter()
        .map(|launched| launched.unwrap_or_else(|error| panic!("{error}")))
        .collect();
    println!("{AT_ONCE} machines at once: {:?}", started.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;
    memory(&folder.path().join("sandbox/machines"));
    let started = Instant::now();
    let killing: Vec<_> = machines.iter().map(Machine::kill).collect();
    futures(killing).await;
    println!("killed: {:?}", started.elapsed());
}

/// All of them at once, on this task: the work itself is done in the background.
async fn futures<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in waiting.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// The keepers' memory, on average: resident, their share of it, and what is theirs alone.
fn memory(machines: &Path) {
    let mut sums = [0_u64; 3];
    let mut count = 0;
    for entry in fs::read_dir(machines).unwrap().flatten() {
        let status = fs::read_to_string(entry.path().join("status.json")).unwrap_or_default();
        let Some((_, rest)) = status.split_once("\"keeper\":{\"pid\":") else { continue };
        let pid = rest.split(',').next().unwrap();
        let Ok(rollup) = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else { continue };
        let field = |name: &str| -> u64 {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("0");
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let own = field("Private_Clean:") + field("Private_Dirty:");
        for (sum, value) in sums.iter_mut().zip([field("Rss:"), field("Pss:"), own]) {
            *sum += value;
        }
        count += 1;
    }
    let [rss, pss, own] = sums.map(|sum| sum / count.max(1));
    println!("a keeper of {count}: resident {rss} KiB, share {pss} KiB, its own {own} KiB");
}

fn make_root(root: &Path) {
    for folder in ["bin", "sbin", "etc", "proc", "sys", "dev", "run", "tmp"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    for name in ["sh", "sleep", "true", "poweroff"] {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    symlink("../bin/busybox", root.join("sbin/init")).unwrap();
    fs::write(root.join("etc/inittab"), "::respawn:/bin/sleep 100000\n").unwrap();
}
