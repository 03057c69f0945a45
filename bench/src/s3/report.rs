//! The table about objects, its targets, and the floors below which a quick run fails.

use std::time::Duration;

use super::ours::Ours;
use super::peers::Column;
use crate::limits::{PARTS_AT_ONCE, UPLOADS_AT_ONCE};
use crate::machine::Machine;
use crate::report::{
    Broken, Check, line, mebibytes, millis, thousands, write_columns, write_machine, write_targets,
};

pub struct Report {
    pub machine: Machine,
    pub time: Duration,
    pub connections: usize,
    pub ours: Ours,
    pub peers: Vec<Column>,
}

/// What the figures should be.
const GETS_SHARE_PERCENT_MIN: f64 = 60.0;
const PUTS_SHARE_PERCENT_MIN: f64 = 30.0;
const DOWNLOAD_SHARE_PERCENT_MIN: f64 = 80.0;
const UPLOAD_SHARE_PERCENT_MIN: f64 = 60.0;
const UPLOADS_MEBIBYTES_MAX: u64 = 64;
const EMULATOR_TIMES_MIN: f64 = 20.0;

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# S3, measured\n\n");
        self.write_rates(&mut text);
        write_targets(&mut text, &self.checks());
        self.write_machine(&mut text);
        text
    }

    fn write_rates(&self, text: &mut String) {
        let ours = &self.ours;
        let mut names = vec!["the machine", "Fogbank"];
        names.extend(self.peers.iter().map(|peer| peer.name));
        let row = |what: &str, own: [Option<String>; 2], theirs: &dyn Fn(&Column) -> Option<String>| {
            (what.to_owned(), own.into_iter().chain(self.peers.iter().map(theirs)).collect())
        };
        let rate = |rate: f64| Some(thousands(rate));
        let volume = |rate: f64| Some(format!("{} MB/s", thousands(rate / 1e6)));
        let rows = [
            row("GET of 4 KiB, a second", [rate(ours.gets.bare), rate(ours.gets.ours)], &|peer| {
                rate(peer.gets)
            }),
            row("PUT of 4 KiB, a second", [rate(ours.puts.bare), rate(ours.puts.ours)], &|peer| {
                rate(peer.puts)
            }),
            row("GET of 1 GiB", [volume(ours.download.bare), volume(ours.download.ours)], &|peer| {
                peer.download.and_then(volume)
            }),
            row(
                "PUT of 1 GiB, parts of 8 MiB",
                [volume(ours.upload.bare), volume(ours.upload.ours)],
                &|peer| peer.upload.and_then(volume),
            ),
            row("from start to serving", [None, Some(millis(ours.started_in))], &|peer| {
                Some(millis(peer.started_in))
            }),
            row("idle memory", [None, Some(mebibytes(ours.idle_bytes))], &|peer| {
                Some(mebibytes(peer.idle_bytes))
            }),
        ];
        write_columns(text, "", &names, &rows);
    }

    fn checks(&self) -> Vec<Check> {
        let ours = &self.ours;
        let mut checks = vec![
            Check::share("GET of 4 KiB, share of the bare server", GETS_SHARE_PERCENT_MIN, ours.gets.share()),
            Check::share("PUT of 4 KiB, share of the bare server", PUTS_SHARE_PERCENT_MIN, ours.puts.share()),
            Check::share(
                "GET of 1 GiB, share of plain hyper with a file",
                DOWNLOAD_SHARE_PERCENT_MIN,
                ours.download.share(),
            ),
            Check::share(
                "PUT of 1 GiB, share of sequential writes with checksums and syncs",
                UPLOAD_SHARE_PERCENT_MIN,
                ours.upload.share(),
            ),
            Check::sized(
                format!("memory above idle, {UPLOADS_AT_ONCE} uploads of 1 GiB at once"),
                &format!("< {UPLOADS_MEBIBYTES_MAX} MiB"),
                ours.uploads_bytes,
                UPLOADS_MEBIBYTES_MAX,
            ),
        ];
        for peer in &self.peers {
            let least = if peer.name == "SeaweedFS" { 1.0 } else { EMULATOR_TIMES_MIN };
            for (what, ours, theirs) in
                [("GET", ours.gets.ours, peer.gets), ("PUT", ours.puts.ours, peer.puts)]
            {
                let times = ours / theirs.max(1e-9);
                let what = format!("{what} of 4 KiB, times {}", peer.name);
                checks.push(Check::new(what, format!("≥ {least}"), format!("{times:.1}"), times >= least));
            }
        }
        checks
    }

    fn write_machine(&self, text: &mut String) {
        write_machine(text, &self.machine);
        let (connections, seconds) = (self.connections, self.time.as_secs());
        line(
            text,
            format!(
                "- {connections} connections, {seconds} s a figure; client and server share the cores. All candidates, \
                 the bare server too, get the same requests from the same client in the same run: HTTP/1.1, path style, \
                 signed in advance with Signature Version 4, the payload's hash included. PUTs are of new keys with \
                 different content.\n\
                 - Fogbank verifies each signature and each payload's hash, asks the policies, encrypts (SSE-S3), takes \
                 MD5 and CRC64NVME, and syncs content and record to disk before it answers; reads decrypt and verify. \
                 SeaweedFS (one server with all its parts, identities configured, from its wheel) checks signatures and \
                 does not sync before it answers; moto and ministack (pinned in `bench/peers.txt`) keep objects in \
                 memory and check no signatures. Peers are measured with {connections} connections and with the \
                 number they answer most with; the better counts.\n\
                 - The machine: for small objects a bare hyper server that reads the request and answers as many bytes; \
                 for GET of 1 GiB plain hyper that sends a file of that size, read ahead on a thread; for PUT of 1 GiB \
                 sequential writes to a file in pieces of 8 MiB, with MD5 and CRC-32C taken and each piece synced. \
                 {PARTS_AT_ONCE} parts are under way at once. The best of some runs.\n\
                 - Again with: `cargo build --profile dist -p fogbank -p fogbank-bench`, then \
                 `target/dist/fogbank-bench s3`.",
            ),
        );
    }

    /// What even a short run on a busy machine must reach; below it something is broken.
    pub fn broken_floors(&self) -> Vec<Check> {
        let ours = &self.ours;
        let mut broken = Broken::default();
        for (what, least, found) in [
            ("GET of 4 KiB, a second", 1500.0, ours.gets.ours),
            ("PUT of 4 KiB, a second", 500.0, ours.puts.ours),
            ("GET of 1 GiB, MB/s", 80.0, ours.download.ours / 1e6),
            ("PUT of 1 GiB, MB/s", 40.0, ours.upload.ours / 1e6),
        ] {
            broken.at_least(what, least, Some(found));
        }
        broken.at_most("memory of uploads, MiB", 500.0, Some(ours.uploads_bytes as f64 / f64::from(1 << 20)));
        broken.checks()
    }
}
