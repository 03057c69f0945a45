//! The table about instances, its targets, and the floors below which a quick run fails.

use std::time::Duration;

use super::ours::Ours;
use crate::machine::Machine;
use crate::report::{Broken, Check, in_millis, line, millis, write_machine, write_targets};

pub struct Report {
    pub machine: Machine,
    pub ours: Ours,
}

const LAUNCH_MILLIS_MAX: u64 = 50;
const LOGIN_MILLIS_MAX: u64 = 1_000;
const DEBIAN_MILLIS_MAX: u64 = 6_000;
const MANY_MILLIS_MAX: u64 = 30_000;
const COST_KIBIBYTES_MAX: f64 = 2048.0;

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# Instances, measured\n\n");
        write_targets(&mut text, &self.checks());
        write_machine(&mut text, &self.machine);
        line(
            &mut text,
            "- The server is `fogbank up --dev`, asked by signed calls over one connection. An instance counts as \
             reached by SSH when the stock client has executed a command in it with the key of the pair, from the call \
             of RunInstances on, with what it takes to start that client. Of many at once each counts when its SSH \
             server greets.\n\
             - The cost of an instance is what the server's resident memory grew by, and the keepers' memory (of pages \
             that they share, their share), divided by the number of instances; what the guests themselves use is not in \
             it.\n\
             - Again with: `cargo build --profile dist -p fogbank -p fogbank-bench`, then, as root, \
             `target/dist/fogbank-bench ec2 --debian`.",
        );
        text
    }

    fn checks(&self) -> Vec<Check> {
        let (ours, many) = (&self.ours, &self.ours.many);
        let timed = |what: &str, found, most: u64| {
            Check::timed(what, &format!("< {}", millis(Duration::from_millis(most))), found, most)
        };
        let mut checks = vec![
            timed("RunInstances answers, p50", middle(&ours.launches), LAUNCH_MILLIS_MAX),
            Check::told("RunInstances answers, the slowest", millis(slowest(&ours.launches))),
            timed("SSH into a minimal instance, p50", middle(&ours.logins), LOGIN_MILLIS_MAX),
            Check::told("SSH into a minimal instance, the slowest", millis(slowest(&ours.logins))),
        ];
        if !ours.debian_logins.is_empty() {
            checks.push(timed(
                "SSH into Debian with systemd, p50",
                middle(&ours.debian_logins),
                DEBIAN_MILLIS_MAX,
            ));
        }
        checks.extend([
            timed(
                &format!("{} minimal instances at once, until each greets", many.count),
                many.reached_in,
                MANY_MILLIS_MAX,
            ),
            Check::new(
                "Fogbank's own cost of an instance",
                format!("< {COST_KIBIBYTES_MAX:.0} KiB"),
                format!("{:.0} KiB", self.cost_kibibytes()),
                self.cost_kibibytes() < COST_KIBIBYTES_MAX,
            ),
            Check::told(format!("DescribeInstances of these {}", many.count), millis(many.described_in)),
            Check::told("the first instance of all, with its image being made", millis(ours.first)),
        ]);
        checks
    }

    fn cost_kibibytes(&self) -> f64 {
        let many = &self.ours.many;
        (many.server_bytes + many.keepers_bytes) as f64 / many.count as f64 / 1024.0
    }

    /// What even a short run on a busy machine must reach; below it something is broken.
    pub fn broken_floors(&self) -> Vec<Check> {
        let mut broken = Broken::default();
        broken.at_most("RunInstances, ms", 1_000.0, Some(in_millis(middle(&self.ours.launches))));
        broken.at_most("SSH, ms", 10_000.0, Some(in_millis(middle(&self.ours.logins))));
        broken.checks()
    }
}

fn middle(sorted: &[Duration]) -> Duration {
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

fn slowest(sorted: &[Duration]) -> Duration {
    sorted.last().copied().unwrap_or_default()
}
