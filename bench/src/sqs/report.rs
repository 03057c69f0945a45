//! The table about SQS, its targets, and the floors below which a quick run fails.

use std::time::Duration;

use crate::http::Latency;
use crate::limits::MESSAGE_BYTES;
use crate::machine::Machine;
use crate::report::{
    Broken, Check, in_millis, line, mebibytes, millis, thousands, write_columns, write_machine, write_targets,
};
use crate::run::Plan;

/// One candidate's figures.
pub struct Column {
    pub name: String,
    /// Requests a second.
    pub send: f64,
    pub send_p99: Option<Duration>,
    /// ReceiveMessage and DeleteMessage, pairs a second.
    pub pairs: Option<f64>,
    /// Messages a second in batches of ten.
    pub batch_messages: Option<f64>,
    pub started_in: Option<Duration>,
    pub idle_bytes: Option<u64>,
}

/// What Fogbank takes.
#[derive(Clone, Copy, Default)]
pub struct Footprint {
    pub started_in: Duration,
    pub idle_bytes: u64,
    /// How many messages "full" means.
    pub messages: u64,
    pub full_bytes: u64,
    pub full_disk_bytes: u64,
    pub full_started_in: Duration,
    pub drained_per_second: f64,
    pub drained_disk_bytes: u64,
    pub before_purge_disk_bytes: u64,
    pub purged_disk_bytes: u64,
}

pub struct Report {
    pub machine: Machine,
    time: Duration,
    connections: usize,
    pub columns: Vec<Column>,
    pub at_quarter: Option<Latency>,
    pub wake: Option<Latency>,
    pub footprint: Option<Footprint>,
}

impl Column {
    pub fn bare(send: f64) -> Column {
        Column {
            name: "bare hyper".to_owned(),
            send,
            send_p99: None,
            pairs: None,
            batch_messages: None,
            started_in: None,
            idle_bytes: None,
        }
    }
}

impl Report {
    pub fn new(plan: &Plan, machine: Machine) -> Report {
        Report {
            machine,
            time: plan.time,
            connections: plan.connections,
            columns: Vec::new(),
            at_quarter: None,
            wake: None,
            footprint: None,
        }
    }

    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# SQS, measured\n\n");
        self.write_throughput(&mut text);
        write_targets(&mut text, &self.checks());
        self.write_machine(&mut text);
        text
    }

    fn write_throughput(&self, text: &mut String) {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let row = |what: &str, value: &dyn Fn(&Column) -> Option<String>| {
            (what.to_owned(), self.columns.iter().map(value).collect())
        };
        let rows = [
            row("SendMessage of 1 KiB", &|column| Some(thousands(column.send))),
            row("ReceiveMessage + DeleteMessage, pairs", &|column| column.pairs.map(thousands)),
            row("messages in SendMessageBatch of ten", &|column| column.batch_messages.map(thousands)),
            row("p99 of SendMessage at full load", &|column| column.send_p99.map(millis)),
            row("from start to serving", &|column| self.started_in(column).map(millis)),
            row("idle memory", &|column| self.idle_bytes(column).map(mebibytes)),
        ];
        write_columns(text, "a second", &names, &rows);
    }

    fn started_in(&self, column: &Column) -> Option<Duration> {
        let ours = self.footprint.filter(|_| column.name == "Fogbank").map(|footprint| footprint.started_in);
        column.started_in.or(ours)
    }

    fn idle_bytes(&self, column: &Column) -> Option<u64> {
        let ours = self.footprint.filter(|_| column.name == "Fogbank").map(|footprint| footprint.idle_bytes);
        column.idle_bytes.or(ours)
    }

    fn write_machine(&self, text: &mut String) {
        write_machine(text, &self.machine);
        for (what, latency) in [
            ("A send at a quarter of the load", self.at_quarter),
            ("A long poll, woken by a send", self.wake),
        ] {
            if let Some(Latency { p50, p99, max }) = latency {
                let (p50, p99, max) = (millis(p50), millis(p99), millis(max));
                line(text, format!("- {what}: {p50} (p50), {p99} (p99), {max} (longest)."));
            }
        }
        line(
            text,
            format!(
                "- {} connections (64 for batches and for the quarter load), {} s a figure after one second of \
                 warming up; client and server share the cores. All candidates, the bare server too, get the \
                 same requests from the same client in the same run: HTTP/1.1, awsJson 1.0, 1 KiB bodies, signed \
                 in advance with Signature Version 4.",
                self.connections,
                self.time.as_secs()
            ),
        );
        line(
            text,
            "- Fogbank verifies each signature and syncs each message to disk before it answers. moto and \
             ministack (pinned in `bench/peers.txt`) do neither.\n\
             - The bare server reads the request and answers a fixed body of the same size; its figure is \
             the mean of a run before and one after ours. Pairs: receives for the time above, then \
             deletes of what was received; the rate of a pair follows from both. The peers have as many \
             connections as they answer most with (1, 4, 16 or 64), and go through 2 000 messages, as \
             they get slower with each that is queued; we go through 100 000. Latency at a quarter of the \
             load counts from the moment a request was due.\n\
             - Again with: `cargo build --profile dist -p fogbank -p fogbank-bench`, then `target/dist/fogbank-bench sqs`.",
        );
    }

    /// The targets that the project has set itself.
    fn checks(&self) -> Vec<Check> {
        let mut checks = self.throughput_checks();
        if let Some(latency) = self.at_quarter {
            let quick_disk = self.machine.disk_alone.p99 < Duration::from_millis(1);
            let wanted = if quick_disk { "< 5 ms" } else { "< 5 ms (where a sync takes < 1 ms)" };
            checks.push(Check::timed("p99 of a send at a quarter of the load", wanted, latency.p99, 5));
        }
        if let Some(latency) = self.wake {
            checks.push(Check::timed("a long poll returns after the send, p99", "< 5 ms", latency.p99, 5));
        }
        if let Some(footprint) = self.footprint {
            checks.extend(footprint_checks(&footprint));
        }
        checks
    }

    fn throughput_checks(&self) -> Vec<Check> {
        let named = |name: &str| self.columns.iter().find(|column| column.name == name);
        let (Some(bare), Some(us)) = (named("bare hyper"), named("Fogbank")) else {
            return Vec::new();
        };
        let mut checks =
            vec![Check::share("SendMessage, share of the bare server", 40.0, us.send / bare.send)];
        if let Some(pairs) = us.pairs {
            checks.push(Check::share("pairs, share of the bare server", 20.0, pairs / bare.send));
        }
        if let Some(messages) = us.batch_messages {
            let found = thousands(messages);
            checks.push(Check::new("messages a second in batches", "≥ 60 000", found, messages >= 60_000.0));
        }
        for peer in self.columns.iter().skip(2) {
            let times = [
                Some(us.send / peer.send),
                us.pairs.zip(peer.pairs).map(|(ours, theirs)| ours / theirs),
                us.batch_messages.zip(peer.batch_messages).map(|(ours, theirs)| ours / theirs),
            ];
            let least = times.into_iter().flatten().fold(f64::INFINITY, f64::min);
            let what = format!("times {}, the least of the three", peer.name);
            checks.push(Check::new(what, "≥ 20", format!("{least:.0}"), least >= 20.0));
        }
        checks
    }

    /// What even a short run on a busy machine must reach; below it something is broken.
    pub fn broken_floors(&self) -> Vec<Check> {
        let us = self.columns.iter().find(|column| column.name == "Fogbank");
        let bare = self.columns.first().map(|column| column.send);
        let mut broken = Broken::default();
        let share = us.zip(bare).map(|(us, bare)| us.send / bare);
        broken.at_least("the share of the bare server", 0.15, share);
        broken.at_least("sends a second", 1500.0, us.map(|us| us.send));
        broken.at_least("pairs a second", 500.0, us.and_then(|us| us.pairs));
        broken.at_least("messages a second in batches", 10_000.0, us.and_then(|us| us.batch_messages));
        broken.at_most("a woken poll, median ms", 50.0, self.wake.map(|wake| in_millis(wake.p50)));
        let at_quarter = self.at_quarter.map(|at| in_millis(at.p50));
        broken.at_most("a send at a quarter load, median ms", 50.0, at_quarter);
        let footprint = self.footprint;
        broken.at_most("start in ms", 1000.0, footprint.map(|footprint| in_millis(footprint.started_in)));
        let idle = footprint.map(|footprint| (footprint.idle_bytes >> 20) as f64);
        broken.at_most("idle memory in MiB", 160.0, idle);
        broken.checks()
    }
}

fn footprint_checks(footprint: &Footprint) -> Vec<Check> {
    let mut checks = vec![
        Check::timed("start to `ready`, empty folder", "< 100 ms", footprint.started_in, 100),
        Check::sized("idle memory", "< 40 MiB", footprint.idle_bytes, 40),
    ];
    if footprint.messages == 0 {
        return checks;
    }
    let messages = thousands(footprint.messages as f64);
    // An empty log keeps a segment or two in reserve.
    let rest = (footprint.messages * MESSAGE_BYTES as u64 / 4).max(128 << 20);
    let payload = footprint.messages * MESSAGE_BYTES as u64;
    let disk = |what: &str, wanted: &str, bytes: u64, most: u64| {
        Check::new(what, wanted, mebibytes(bytes), bytes < most)
    };
    checks.extend([
        Check::timed(
            format!("start to `ready`, {messages} messages queued"),
            "< 1 s",
            footprint.full_started_in,
            1000,
        ),
        Check::sized(
            format!("memory, {messages} messages of 1 KiB queued"),
            "< 300 MiB",
            footprint.full_bytes,
            300,
        ),
        disk("disk, with these", "< twice the payload", footprint.full_disk_bytes, payload * 2),
        disk("disk, after they were received and deleted", "given back", footprint.drained_disk_bytes, rest),
        disk(
            "disk, a fifth of them sent again, then purged",
            "given back",
            footprint.purged_disk_bytes,
            rest,
        ),
        Check::told(
            "received and deleted, in tens, signed on the way",
            format!("{} messages a second", thousands(footprint.drained_per_second)),
        ),
    ]);
    checks
}
