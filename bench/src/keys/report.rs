//! The table about keys and parameters, its targets, and the floors below which a quick run fails.

use std::time::Duration;

use crate::keys::figures::{Figure, Rates};
use crate::keys::moto::Moto;
use crate::keys::ours::Ours;
use crate::keys::parameters::PATH;
use crate::limits::PEER_PARAMETERS;
use crate::machine::Machine;
use crate::report::{
    Broken, Check, in_millis, line, mebibytes, millis, thousands, write_columns, write_machine, write_targets,
};

pub struct Report {
    pub machine: Machine,
    pub time: Duration,
    pub connections: usize,
    pub ours: Ours,
    pub moto: Option<Moto>,
}

/// What a figure should be.
const BARE_SHARE_PERCENT_MIN: f64 = 35.0;
const MOTO_TIMES_MIN: f64 = 20.0;
const SIGNING_TIMES_MAX: f64 = 1.3;
const PAGES_TIMES_MAX: f64 = 1.5;
const LEVEL_MILLIS_MAX: u64 = 10;

impl Report {
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("# KMS and the Parameter Store, measured\n\n");
        self.write_rates(&mut text);
        write_targets(&mut text, &self.checks());
        self.write_machine(&mut text);
        text
    }

    fn write_rates(&self, text: &mut String) {
        let mut names = vec!["bare hyper", "Fogbank"];
        names.extend(self.moto.iter().map(|_| "moto"));
        let cells = |ours: [Option<String>; 2], moto: &dyn Fn(&Moto) -> Option<String>| {
            ours.into_iter().chain(self.moto.iter().map(moto)).collect()
        };
        let rate = |rates: &Rates, figure: Figure| rates.get(&figure).copied().map(thousands);
        let row = |figure: Figure| {
            let ours = [rate(&self.ours.bare, figure), rate(&self.ours.rates, figure)];
            (figure.label().to_owned(), cells(ours, &|moto| rate(&moto.rates, figure)))
        };
        let mut rows: Vec<_> = Figure::ALL.into_iter().map(row).collect();
        let started_in = [None, Some(millis(self.ours.started_in))];
        rows.push((
            "from start to serving".to_owned(),
            cells(started_in, &|moto| Some(millis(moto.started_in))),
        ));
        let idle = [None, Some(mebibytes(self.ours.idle_bytes))];
        rows.push(("idle memory".to_owned(), cells(idle, &|moto| Some(mebibytes(moto.idle_bytes)))));
        write_columns(text, "a second", &names, &rows);
    }

    /// The targets that the project has set itself.
    fn checks(&self) -> Vec<Check> {
        let ours = &self.ours;
        let mut checks: Vec<Check> = Figure::OF_BARE
            .into_iter()
            .filter_map(|figure| {
                let what = format!("{}, share of the bare server", figure.label());
                Some(Check::share(what, BARE_SHARE_PERCENT_MIN, ours.share_of_bare(figure)?))
            })
            .collect();
        let alone = &ours.signing.alone;
        checks.push(times_at_most(
            "Sign on one connection, p50, against aws-lc-rs alone on one thread",
            SIGNING_TIMES_MAX,
            ours.signing_times(),
        ));
        if let Some(rate) = ours.rates.get(&Figure::Sign) {
            let found =
                format!("{:.0} % of {}", rate / alone.per_second * 100.0, thousands(alone.per_second));
            checks.push(Check::told("Sign, share of aws-lc-rs alone with a thread on each core", found));
        }
        checks.extend(self.parameter_checks());
        for figure in Figure::ALL {
            let theirs = self.moto.as_ref().and_then(|moto| moto.rates.get(&figure));
            if let Some((ours, theirs)) = ours.rates.get(&figure).zip(theirs) {
                let times = ours / theirs;
                let what = format!("{}, times moto", figure.label());
                let wanted = format!("≥ {MOTO_TIMES_MIN}");
                checks.push(Check::new(what, wanted, format!("{times:.0}"), times >= MOTO_TIMES_MIN));
            }
        }
        checks
    }

    fn parameter_checks(&self) -> Vec<Check> {
        let ours = &self.ours;
        let count = thousands(ours.parameters as f64);
        let compared = ours.walk.compared;
        vec![
            times_at_most(
                &format!(
                    "{count} parameters by path, the last {compared} pages against the first {compared}"
                ),
                PAGES_TIMES_MAX,
                ours.walk_times(),
            ),
            Check::told(
                format!("the first {compared} pages, the last {compared} pages"),
                format!("{}, {}", millis(ours.walk.first), millis(ours.walk.last)),
            ),
            Check::timed(
                format!("listing {PATH} without what is deeper, where all {count} are deeper, p99"),
                &format!("< {LEVEL_MILLIS_MAX} ms"),
                ours.level.p99,
                LEVEL_MILLIS_MAX,
            ),
            Check::told(format!("memory, {count} parameters of 1 KiB"), mebibytes(ours.full_bytes)),
            Check::told("disk, with these", mebibytes(ours.full_disk_bytes)),
        ]
    }

    fn write_machine(&self, text: &mut String) {
        write_machine(text, &self.machine);
        let signing = [
            ("Sign through the API, on one connection", self.ours.signing.through),
            ("Sign by aws-lc-rs alone, on one thread", self.ours.signing.alone.latency),
            ("Listing the level without parameters", self.ours.level),
        ];
        for (what, latency) in signing {
            let (p50, p99, max) = (millis(latency.p50), millis(latency.p99), millis(latency.max));
            line(text, format!("- {what}: {p50} (p50), {p99} (p99), {max} (longest)."));
        }
        let (connections, seconds) = (self.connections, self.time.as_secs());
        line(
            text,
            format!(
                "- {connections} connections, {seconds} s a figure after one second of warming up; client and server \
                 share the cores. All candidates, the bare server too, get the same requests from the same client \
                 in the same run: HTTP/1.1, awsJson 1.1, signed in advance with Signature Version 4."
            ),
        );
        line(
            text,
            format!(
                "- Fogbank verifies each signature, asks the key's policy, and syncs each parameter to disk before it \
                 answers. moto (pinned in `bench/peers.txt`) does none of that.\n\
                 - The bare server reads the request and answers as many bytes as we do; its figure is the mean of a \
                 run before and one after ours, for each operation. Before anything is measured, what we encrypted is \
                 decrypted and compared, and our signature is verified by aws-lc-rs.\n\
                 - Parameters are put once each, in a thousand folders under {PATH}, with the tier Advanced, as the \
                 standard one ends at 10 000. Pages have ten parameters and are read one after the other on one \
                 connection, each with the token of the one before; signing and reading them counts. Each parameter \
                 must come exactly once.\n\
                 - moto has as many connections as it answers most with (1, 4, 16 or 64, found for each operation), \
                 and {} parameters instead of {}, as it looks at all of them for each page.\n\
                 - Again with: `cargo build --profile dist -p fogbank -p fogbank-bench`, then \
                 `target/dist/fogbank-bench keys`.",
                thousands(PEER_PARAMETERS as f64),
                thousands(self.ours.parameters as f64),
            ),
        );
    }

    /// What even a short run on a busy machine must reach; below it something is broken.
    pub fn broken_floors(&self) -> Vec<Check> {
        let ours = &self.ours;
        let mut broken = Broken::default();
        for figure in Figure::OF_BARE {
            let what = format!("{}, percent of the bare server", figure.label());
            broken.at_least(what, 10.0, ours.share_of_bare(figure).map(|share| share * 100.0));
        }
        for (figure, least) in [
            (Figure::Encrypt, 1500.0),
            (Figure::Decrypt, 1500.0),
            (Figure::GenerateDataKey, 1500.0),
            (Figure::Sign, 100.0),
            (Figure::PutParameter, 300.0),
            (Figure::GetParameter, 1500.0),
            (Figure::Pages, 100.0),
        ] {
            broken.at_least(format!("{}, a second", figure.label()), least, ours.rates.get(&figure).copied());
        }
        broken.at_most("signing, times aws-lc-rs alone", 3.0, Some(ours.signing_times()));
        broken.at_most("the last pages, times the first", 4.0, Some(ours.walk_times()));
        broken.at_most("listing an empty level, median ms", 50.0, Some(in_millis(ours.level.p50)));
        broken.checks()
    }
}

impl Ours {
    fn share_of_bare(&self, figure: Figure) -> Option<f64> {
        Some(self.rates.get(&figure)? / self.bare.get(&figure)?)
    }

    fn signing_times(&self) -> f64 {
        ratio(self.signing.through.p50, self.signing.alone.latency.p50)
    }

    fn walk_times(&self) -> f64 {
        ratio(self.walk.last, self.walk.first)
    }
}

fn ratio(time: Duration, of: Duration) -> f64 {
    time.as_secs_f64() / of.as_secs_f64().max(1e-9)
}

fn times_at_most(what: &str, most: f64, found: f64) -> Check {
    Check::new(what, format!("≤ {most} times"), format!("{found:.2} times"), found <= most)
}
