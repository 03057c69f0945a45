//! The tables that a run ends in, and the floors below which a quick run fails.

use std::fmt::Write;
use std::time::Duration;

use crate::machine::disk::SyncRate;
use crate::machine::facts::Facts;

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

#[derive(Clone, Copy)]
pub struct Latency {
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
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
    facts: Facts,
    time: Duration,
    connections: usize,
    pub columns: Vec<Column>,
    pub disk_alone: Option<SyncRate>,
    pub disk_grouped: Option<SyncRate>,
    pub at_quarter: Option<Latency>,
    pub wake: Option<Latency>,
    pub footprint: Option<Footprint>,
}

/// A figure beside what it should be.
pub struct Check {
    what: String,
    wanted: String,
    found: String,
    met: bool,
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

impl Check {
    fn new(what: impl Into<String>, wanted: impl Into<String>, found: String, met: bool) -> Check {
        Check { what: what.into(), wanted: wanted.into(), found, met }
    }

    pub fn list(checks: &[Check]) -> String {
        let words =
            checks.iter().map(|check| format!("{} is {} ({})", check.what, check.found, check.wanted));
        words.collect::<Vec<_>>().join("; ")
    }
}

impl Report {
    pub fn new(facts: Facts, time: Duration, connections: usize) -> Report {
        Report {
            facts,
            time,
            connections,
            columns: Vec::new(),
            disk_alone: None,
            disk_grouped: None,
            at_quarter: None,
            wake: None,
            footprint: None,
        }
    }

    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# SQS, measured\n\n");
        self.write_throughput(&mut text);
        self.write_targets(&mut text);
        self.write_machine(&mut text);
        text
    }

    fn write_throughput(&self, text: &mut String) {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        line(text, &format!("| a second | {} |", names.join(" | ")));
        line(text, &format!("|---|{}", "---:|".repeat(names.len())));
        let mut row = |what: &str, value: &dyn Fn(&Column) -> Option<String>| {
            let cells: Vec<String> =
                self.columns.iter().map(|column| value(column).unwrap_or_else(|| "–".to_owned())).collect();
            line(text, &format!("| {what} | {} |", cells.join(" | ")));
        };
        row("SendMessage of 1 KiB", &|column| Some(thousands(column.send)));
        row("ReceiveMessage + DeleteMessage, pairs", &|column| column.pairs.map(thousands));
        row("messages in SendMessageBatch of ten", &|column| column.batch_messages.map(thousands));
        row("p99 of SendMessage at full load", &|column| column.send_p99.map(millis));
        row("from start to serving", &|column| self.started_in(column).map(millis));
        row("idle memory", &|column| self.idle_bytes(column).map(mebibytes));
        line(text, "");
    }

    fn started_in(&self, column: &Column) -> Option<Duration> {
        let ours = self.footprint.filter(|_| column.name == "Fogbank").map(|footprint| footprint.started_in);
        column.started_in.or(ours)
    }

    fn idle_bytes(&self, column: &Column) -> Option<u64> {
        let ours = self.footprint.filter(|_| column.name == "Fogbank").map(|footprint| footprint.idle_bytes);
        column.idle_bytes.or(ours)
    }

    fn write_targets(&self, text: &mut String) {
        line(text, "## Against the targets\n");
        line(text, "| figure | target | measured | met |\n|---|---|---|---|");
        for Check { what, wanted, found, met } in self.checks() {
            line(text, &format!("| {what} | {wanted} | {found} | {} |", if met { "yes" } else { "**no**" }));
        }
        line(text, "");
    }

    fn write_machine(&self, text: &mut String) {
        let Facts { processor, cores, memory_gib, kernel } = &self.facts;
        line(text, "## The machine, and how this was made\n");
        line(text, &format!("- {processor}, {cores} cores, {memory_gib} GiB, Linux {kernel}."));
        for (what, rate) in
            [("one writer", &self.disk_alone), ("32 writers that share each sync", &self.disk_grouped)]
        {
            if let Some(SyncRate { per_second, p50, p99 }) = rate {
                line(
                    text,
                    &format!(
                        "- Disk, fdatasync of 4 KiB records, {what}: {} durable records a second; one sync \
                         takes {} (p50), {} (p99).",
                        thousands(*per_second),
                        millis(*p50),
                        millis(*p99)
                    ),
                );
            }
        }
        for (what, latency) in [
            ("A send at a quarter of the load", self.at_quarter),
            ("A long poll, woken by a send", self.wake),
        ] {
            if let Some(Latency { p50, p99, max }) = latency {
                let (p50, p99, max) = (millis(p50), millis(p99), millis(max));
                line(text, &format!("- {what}: {p50} (p50), {p99} (p99), {max} (longest)."));
            }
        }
        line(
            text,
            &format!(
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
            let quick_disk = self.disk_alone.as_ref().is_none_or(|disk| disk.p99 < Duration::from_millis(1));
            let wanted = if quick_disk { "< 5 ms" } else { "< 5 ms (where a sync takes < 1 ms)" };
            checks.push(timed("p99 of a send at a quarter of the load", wanted, latency.p99, 5));
        }
        if let Some(latency) = self.wake {
            checks.push(timed("a long poll returns after the send, p99", "< 5 ms", latency.p99, 5));
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
        let share = us.send / bare.send;
        let mut checks = vec![Check::new(
            "SendMessage, share of the bare server",
            "≥ 40 %",
            format!("{:.0} %", share * 100.0),
            share >= 0.4,
        )];
        if let Some(pairs) = us.pairs {
            let share = pairs / bare.send;
            let found = format!("{:.0} %", share * 100.0);
            checks.push(Check::new("pairs, share of the bare server", "≥ 20 %", found, share >= 0.2));
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
        let mut floors = Vec::new();
        let mut floor = |what: &str, least: f64, found: Option<f64>| {
            if let Some(found) = found {
                floors.push(Check::new(
                    what,
                    format!("at least {least}"),
                    format!("{found:.1}"),
                    found >= least,
                ));
            }
        };
        let bare = self.columns.first().map(|column| column.send);
        floor("the share of the bare server", 0.15, us.zip(bare).map(|(us, bare)| us.send / bare));
        floor("sends a second", 1500.0, us.map(|us| us.send));
        floor("pairs a second", 500.0, us.and_then(|us| us.pairs));
        floor("messages a second in batches", 10_000.0, us.and_then(|us| us.batch_messages));
        let mut ceiling = |what: &str, most: f64, found: Option<f64>| {
            if let Some(found) = found {
                floors.push(Check::new(
                    what,
                    format!("at most {most}"),
                    format!("{found:.1}"),
                    found <= most,
                ));
            }
        };
        let in_millis = |time: Duration| time.as_secs_f64() * 1000.0;
        ceiling("a woken poll, median ms", 50.0, self.wake.map(|wake| in_millis(wake.p50)));
        ceiling("a send at a quarter load, median ms", 50.0, self.at_quarter.map(|at| in_millis(at.p50)));
        ceiling("start in ms", 1000.0, self.footprint.map(|footprint| in_millis(footprint.started_in)));
        ceiling(
            "idle memory in MiB",
            80.0,
            self.footprint.map(|footprint| (footprint.idle_bytes >> 20) as f64),
        );
        floors.retain(|check| !check.met);
        floors
    }
}

fn footprint_checks(footprint: &Footprint) -> Vec<Check> {
    let mut checks = vec![
        timed("start to `ready`, empty folder", "< 100 ms", footprint.started_in, 100),
        sized("idle memory", "< 40 MiB", footprint.idle_bytes, 40),
    ];
    if footprint.messages == 0 {
        return checks;
    }
    let messages = thousands(footprint.messages as f64);
    // An empty log keeps a segment or two in reserve.
    let rest = (footprint.messages * crate::limits::MESSAGE_BYTES as u64 / 4).max(128 << 20);
    let payload = footprint.messages * crate::limits::MESSAGE_BYTES as u64;
    let disk = |what: &str, wanted: &str, bytes: u64, most: u64| {
        Check::new(what, wanted, mebibytes(bytes), bytes < most)
    };
    checks.extend([
        timed(
            &format!("start to `ready`, {messages} messages queued"),
            "< 1 s",
            footprint.full_started_in,
            1000,
        ),
        sized(
            &format!("memory, {messages} messages of 1 KiB queued"),
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
        Check::new(
            "received and deleted, in tens, signed on the way",
            "(no target)",
            format!("{} messages a second", thousands(footprint.drained_per_second)),
            true,
        ),
    ]);
    checks
}

fn timed(what: &str, wanted: &str, found: Duration, most_millis: u64) -> Check {
    Check::new(what, wanted, millis(found), found < Duration::from_millis(most_millis))
}

fn sized(what: &str, wanted: &str, bytes: u64, most_mebibytes: u64) -> Check {
    Check::new(what, wanted, mebibytes(bytes), bytes < most_mebibytes << 20)
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

/// `12 345`: digits in groups of three, as tables have them.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_readers() {
        assert_eq!(thousands(1_234_567.4), "1 234 567");
        assert_eq!(thousands(999.0), "999");
        assert_eq!(millis(Duration::from_micros(1234)), "1.23 ms");
        assert_eq!(millis(Duration::from_millis(85)), "85 ms");
    }
}
