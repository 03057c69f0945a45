//! The table about items, its targets, and the floors below which a quick run fails.

use std::time::Duration;

use super::large::Large;
use super::ours::Ours;
use super::peers::Column;
use crate::limits::{LOAD_CONNECTIONS, PAGE_ITEMS, QUERY_CONNECTIONS, SMALL_TABLE_ITEMS};
use crate::machine::Machine;
use crate::report::{
    Broken, Check, line, mebibytes, millis, thousands, write_columns, write_machine, write_targets,
};

pub struct Report {
    pub machine: Machine,
    pub time: Duration,
    pub connections: usize,
    pub ours: Ours,
    pub large: Large,
    pub peers: Vec<Column>,
}

/// What the figures should be.
const GETS_SHARE_PERCENT_MIN: f64 = 50.0;
const WRITES_SHARE_PERCENT_MIN: f64 = 30.0;
const QUERY_MEGABYTES_MIN: f64 = 400.0;
const HALF_LOAD_P99_MILLIS_MAX: u64 = 10;
const LOAD_ITEMS_MIN: f64 = 50_000.0;
const SLOWER_TIMES_MAX: f64 = 2.0;
const EMULATOR_TIMES_MIN: f64 = 15.0;

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# DynamoDB, measured\n\n");
        self.write_rates(&mut text);
        self.write_large(&mut text);
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
        let rows = [
            row("GetItem of 1 KiB, a second", [rate(ours.gets.bare), rate(ours.gets.ours)], &|peer| {
                rate(peer.gets)
            }),
            row("PutItem of 1 KiB, a second", [rate(ours.puts.bare), rate(ours.puts.ours)], &|peer| {
                rate(peer.puts)
            }),
            row(
                "UpdateItem with a condition, a second",
                [rate(ours.updates.bare), rate(ours.updates.ours)],
                &|peer| rate(peer.updates),
            ),
            row(
                "Query of 100 items of 1 KiB, items a second",
                [None, rate(ours.queries.per_second * PAGE_ITEMS as f64)],
                &|peer| rate(peer.queries * PAGE_ITEMS as f64),
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

    fn write_large(&self, text: &mut String) {
        let large = &self.large;
        line(text, format!("## A table of {} items of 200 bytes\n", thousands(large.items as f64)));
        let rows = [
            ("loaded by BatchWriteItem of 25, items a second", thousands(large.load)),
            ("slowest batch", millis(large.slowest_batch)),
            ("GetItem a second", thousands(large.gets)),
            ("GetItem a second among 10 000 items, in the same server", thousands(large.gets_of_few)),
            ("memory of the server, at most", mebibytes(large.resident_bytes_max)),
            ("on the disk", mebibytes(large.disk_bytes)),
            ("from start to serving with all of it", millis(large.restarted_in)),
        ];
        let rows = rows.map(|(what, figure)| (what.to_owned(), vec![Some(figure)]));
        write_columns(text, "", &["Fogbank"], &rows);
    }

    fn checks(&self) -> Vec<Check> {
        let (ours, large) = (&self.ours, &self.large);
        let megabytes = ours.queries.bytes_per_core_second / 1e6;
        let slower = large.gets_of_few / large.gets.max(1e-9);
        let mut checks = vec![
            Check::share("GetItem, share of the bare server", GETS_SHARE_PERCENT_MIN, ours.gets.share()),
            Check::share("PutItem, share of the bare server", WRITES_SHARE_PERCENT_MIN, ours.puts.share()),
            Check::share(
                "UpdateItem with a condition, share of the bare server",
                WRITES_SHARE_PERCENT_MIN,
                ours.updates.share(),
            ),
            Check::new(
                "Query of 100 items, bytes answered through one core",
                format!("≥ {QUERY_MEGABYTES_MIN} MB/s"),
                format!(
                    "{megabytes:.0} MB/s, a page of {} bytes in {} (p50)",
                    thousands(ours.queries.answer_bytes as f64),
                    millis(ours.queries.p50)
                ),
                megabytes >= QUERY_MEGABYTES_MIN,
            ),
            Check::timed(
                "PutItem at half of the load, p99",
                &format!("< {HALF_LOAD_P99_MILLIS_MAX} ms"),
                ours.half_load.p99,
                HALF_LOAD_P99_MILLIS_MAX,
            ),
            Check::new(
                "loading a large table, items a second",
                format!("≥ {}", thousands(LOAD_ITEMS_MIN)),
                thousands(large.load),
                large.load >= LOAD_ITEMS_MIN,
            ),
            Check::new(
                format!("point reads slower than among {} items", thousands(SMALL_TABLE_ITEMS as f64)),
                format!("≤ {SLOWER_TIMES_MAX} times"),
                format!("{slower:.2} times"),
                slower <= SLOWER_TIMES_MAX,
            ),
        ];
        for peer in &self.peers {
            let queries = (ours.queries.per_second, peer.queries);
            for (what, (ours, theirs)) in [
                ("GetItem", (ours.gets.ours, peer.gets)),
                ("PutItem", (ours.puts.ours, peer.puts)),
                ("UpdateItem", (ours.updates.ours, peer.updates)),
                ("Query", queries),
            ] {
                let times = ours / theirs.max(1e-9);
                checks.push(Check::new(
                    format!("{what}, times {}", peer.name),
                    format!("≥ {EMULATOR_TIMES_MIN}"),
                    format!("{times:.1}"),
                    times >= EMULATOR_TIMES_MIN,
                ));
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
                "- {connections} connections ({QUERY_CONNECTIONS} for Query, {LOAD_CONNECTIONS} for the load), {seconds} s a \
                 figure; client and server share the cores. All candidates, the bare server too, get the same requests \
                 from the same client in the same run: HTTP/1.1, JSON, signed in advance with Signature Version 4. PutItem \
                 is of new items; UpdateItem counts a number up where the item exists and the number is not negative.\n\
                 - Fogbank verifies each signature, asks the policies, encrypts what it stores, and syncs before it answers. \
                 dynalite (pinned in `bench/npm`), moto and ministack (pinned in `bench/peers.txt`) keep items in memory and \
                 check no signatures. Peers are measured with {connections} connections and with the number they answer most \
                 with; the better counts.\n\
                 - The machine: a bare hyper server that reads the request and answers as many bytes.\n\
                 - Bytes through one core: the answers' bytes by the processor time that the whole server took for them.\n\
                 - The load counts while batches are sent; they are prepared in portions between.\n\
                 - Again with: `cargo build --profile dist -p fogbank -p fogbank-bench`, then \
                 `target/dist/fogbank-bench dynamodb`.",
            ),
        );
    }

    /// What even a short run on a busy machine must reach; below it something is broken.
    pub fn broken_floors(&self) -> Vec<Check> {
        let ours = &self.ours;
        let mut broken = Broken::default();
        for (what, least, found) in [
            ("GetItem of 1 KiB, a second", 2000.0, ours.gets.ours),
            ("PutItem of 1 KiB, a second", 800.0, ours.puts.ours),
            ("UpdateItem with a condition, a second", 800.0, ours.updates.ours),
            ("Query of 100 items, MB/s through one core", 20.0, ours.queries.bytes_per_core_second / 1e6),
            ("loading a table, items a second", 4000.0, self.large.load),
        ] {
            broken.at_least(what, least, Some(found));
        }
        broken.at_most(
            "memory, MiB",
            1500.0,
            Some(self.large.resident_bytes_max as f64 / f64::from(1 << 20)),
        );
        broken.checks()
    }
}
