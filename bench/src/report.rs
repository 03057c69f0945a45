//! What the tables of all benchmarks are made of, and the floors below which a quick run fails.

use std::fmt::{Display, Write};
use std::time::Duration;

use crate::machine::Machine;
use crate::machine::disk::SyncRate;

/// A figure beside what it should be.
pub struct Check {
    what: String,
    wanted: String,
    found: String,
    met: bool,
}

impl Check {
    pub fn new(
        what: impl Into<String>,
        wanted: impl Into<String>,
        found: impl Into<String>,
        met: bool,
    ) -> Check {
        Check { what: what.into(), wanted: wanted.into(), found: found.into(), met }
    }

    /// A share of at least so many in a hundred.
    pub fn share(what: impl Into<String>, least_percent: f64, share: f64) -> Check {
        let found = format!("{:.0} %", share * 100.0);
        Check::new(what, format!("≥ {least_percent} %"), found, share * 100.0 >= least_percent)
    }

    pub fn timed(what: impl Into<String>, wanted: &str, found: Duration, most_millis: u64) -> Check {
        Check::new(what, wanted, millis(found), found < Duration::from_millis(most_millis))
    }

    pub fn sized(what: impl Into<String>, wanted: &str, bytes: u64, most_mebibytes: u64) -> Check {
        Check::new(what, wanted, mebibytes(bytes), bytes < most_mebibytes << 20)
    }

    /// A figure that is told, and for which nothing is set.
    pub fn told(what: impl Into<String>, found: impl Into<String>) -> Check {
        Check::new(what, "(no target)", found, true)
    }

    pub fn list(checks: &[Check]) -> String {
        let words =
            checks.iter().map(|check| format!("{} is {} ({})", check.what, check.found, check.wanted));
        words.collect::<Vec<_>>().join("; ")
    }
}

/// Ours, and the machine's own.
#[derive(Clone, Copy)]
pub struct Beside {
    pub ours: f64,
    pub bare: f64,
}

impl Beside {
    pub fn share(&self) -> f64 {
        self.ours / self.bare
    }
}

/// Those figures of a quick run that say that something is broken, even for a short run on a busy machine.
#[derive(Default)]
pub struct Broken(Vec<Check>);

impl Broken {
    pub fn at_least(&mut self, what: impl Into<String>, least: f64, found: Option<f64>) {
        self.keep(what, format!("at least {least}"), found, |found| found >= least);
    }

    pub fn at_most(&mut self, what: impl Into<String>, most: f64, found: Option<f64>) {
        self.keep(what, format!("at most {most}"), found, |found| found <= most);
    }

    pub fn checks(self) -> Vec<Check> {
        self.0
    }

    fn keep(
        &mut self,
        what: impl Into<String>,
        wanted: String,
        found: Option<f64>,
        met: impl Fn(f64) -> bool,
    ) {
        if let Some(found) = found.filter(|found| !met(*found)) {
            self.0.push(Check::new(what, wanted, format!("{found:.1}"), false));
        }
    }
}

/// One row a figure and one column a candidate, with a dash where there is none.
pub fn write_columns(
    text: &mut String,
    corner: &str,
    names: &[&str],
    rows: &[(String, Vec<Option<String>>)],
) {
    line(text, format!("| {corner} | {} |", names.join(" | ")));
    line(text, format!("|---|{}", "---:|".repeat(names.len())));
    for (what, cells) in rows {
        let cells: Vec<&str> = cells.iter().map(|cell| cell.as_deref().unwrap_or("–")).collect();
        line(text, format!("| {what} | {} |", cells.join(" | ")));
    }
    line(text, "");
}

pub fn write_targets(text: &mut String, checks: &[Check]) {
    line(text, "## Against the targets\n");
    line(text, "| figure | target | measured | met |\n|---|---|---|---|");
    for Check { what, wanted, found, met } in checks {
        line(text, format!("| {what} | {wanted} | {found} | {} |", if *met { "yes" } else { "**no**" }));
    }
    line(text, "");
}

/// The heading, what the machine is and what its disk does; the rest of the list is the benchmark's own.
pub fn write_machine(text: &mut String, machine: &Machine) {
    let facts = &machine.facts;
    line(text, "## The machine, and how this was made\n");
    line(
        text,
        format!(
            "- {}, {} cores, {} GiB, Linux {}.",
            facts.processor, facts.cores, facts.memory_gib, facts.kernel
        ),
    );
    for (what, rate) in
        [("one writer", &machine.disk_alone), ("32 writers that share each sync", &machine.disk_grouped)]
    {
        let SyncRate { per_second, p50, p99 } = rate;
        line(
            text,
            format!(
                "- Disk, fdatasync of 4 KiB records, {what}: {} durable records a second; one sync takes {} (p50), \
                 {} (p99).",
                thousands(*per_second),
                millis(*p50),
                millis(*p99)
            ),
        );
    }
}

pub fn line(text: &mut String, line: impl Display) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

/// `12 345`: digits in groups of three, as tables have them.
pub fn thousands(number: f64) -> String {
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

pub fn millis(time: Duration) -> String {
    let millis = in_millis(time);
    if millis < 10.0 { format!("{millis:.2} ms") } else { format!("{millis:.0} ms") }
}

pub fn in_millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

pub fn mebibytes(bytes: u64) -> String {
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

    #[test]
    fn only_what_is_out_of_bounds_is_broken() {
        let mut broken = Broken::default();
        broken.at_least("sends", 10.0, Some(10.0));
        broken.at_least("pairs", 10.0, None);
        broken.at_most("wake", 5.0, Some(6.0));
        let broken = broken.checks();
        assert_eq!(Check::list(&broken), "wake is 6.0 (at most 5)");
    }

    #[test]
    fn a_missing_figure_is_a_dash() {
        let mut text = String::new();
        let row = ("sends".to_owned(), vec![Some("1".to_owned()), None]);
        write_columns(&mut text, "a second", &["us", "them"], &[row]);
        assert_eq!(text, "| a second | us | them |\n|---|---:|---:|\n| sends | 1 | – |\n\n");
    }
}
