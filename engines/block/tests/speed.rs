//! How fast a served volume is beside a bare loop device on a file in the same folder, by fio. Run it optimised.

#![expect(clippy::unwrap_used, reason = "these are tests")]

mod support;

use std::fs::{self, File};

use support::{KEY, MIB, find, ground, run, run_beside, text};

const BYTES: u64 = 512 * MIB;

/// Bytes and operations a second of one job of fio.
async fn measure(device: &str, mode: &str, block: &str, depth: &str) -> (f64, f64) {
    let words = [
        "fio",
        "--name=x",
        "--output-format=terse",
        "--ioengine=libaio",
        "--direct=1",
        "--time_based",
        "--runtime=5",
        "--size=512m",
        &format!("--filename={device}"),
        &format!("--rw={mode}"),
        &format!("--bs={block}"),
        &format!("--iodepth={depth}"),
    ];
    let text = run_beside(&words).await;
    let line = text.lines().find(|line| line.starts_with("3;")).unwrap();
    let fields: Vec<&str> = line.split(';').collect();
    // fio(1), "TERSE OUTPUT": reads begin at field 6, writes at 47: total, bandwidth in KiB/s, operations a second.
    let at = if mode.ends_with("read") { 6 } else { 47 };
    (fields[at].parse::<f64>().unwrap() / 1024.0, fields[at + 1].parse().unwrap())
}

#[tokio::test]
#[ignore = "takes minutes, and figures count in an optimised build only"]
async fn a_volume_is_at_least_half_as_fast_as_a_bare_loop_device() {
    let Some(ground) = ground().await else { return };
    if find("fio").is_none() {
        eprintln!("skipped: no fio");
        return;
    }
    ground.volume("vol-1", BYTES).await;
    let served = text(&ground.block.serve("vol-1", Some(&KEY), None).await.unwrap().path);
    let file = ground.folder.join("bare");
    File::create(&file).unwrap().set_len(BYTES).unwrap();
    let bare = run(&["losetup", "--find", "--show", "--direct-io=on", &text(&file)]);
    println!("| what | bare loop device | volume | part |\n|---|---|---|---|");
    let mut slow = Vec::new();
    for (mode, block, depth) in [
        ("write", "1m", "8"),
        ("read", "1m", "8"),
        ("randwrite", "4k", "1"),
        ("randread", "4k", "1"),
        ("randwrite", "4k", "32"),
        ("randread", "4k", "32"),
    ] {
        let one = measure(&bare, mode, block, depth).await;
        let other = measure(&served, mode, block, depth).await;
        let part = other.0 / one.0;
        println!(
            "| {mode} {block}, {depth} at once | {:.0} MiB/s, {:.0}/s | {:.0} MiB/s, {:.0}/s | {:.0} % |",
            one.0,
            one.1,
            other.0,
            other.1,
            100.0 * part
        );
        if part < 0.5 {
            slow.push(format!("{mode} {block} {depth}: {part:.2}"));
        }
    }
    let daemon = ground.block.processes().await.unwrap().daemon;
    let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap();
    println!(
        "{}",
        status
            .lines()
            .filter(|line| line.starts_with("Vm") || line.starts_with("Rss"))
            .collect::<Vec<_>>()
            .join("; ")
    );
    run(&["losetup", "-d", &bare]);
    ground.end().await;
    assert!(slow.is_empty(), "{slow:?}");
}
