//! `fogbank clock`: shows the cloud's time, and with `up --dev` turns it forward.

use std::time::Duration;

use anyhow::bail;
use base::parse_duration;
use http::Method;
use serde_json::{Value, json};

use crate::client::call;
use crate::environment::Environment;
use crate::limits::CLOCK_ADVANCE_MAX;
use crate::running::{self, Which};

const PATH: &str = "/_fogbank/clock";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Turn the cloud's time forward; signatures stay on wall time
    Advance {
        /// How far: 90s, 15m, 12h, 30d, 2w, 1d12h
        #[arg(value_parser = parse_duration)]
        by: Duration,
        #[command(flatten)]
        which: Which,
    },
    /// Print the cloud's time
    Show {
        #[command(flatten)]
        which: Which,
    },
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let answer = match &arguments.action {
        Action::Advance { by, which } => {
            if *by > CLOCK_ADVANCE_MAX {
                bail!("the clock is turned at most a century at a time");
            }
            let running = running::find(which, environment)?;
            call(
                &running.endpoint,
                Method::POST,
                PATH,
                Some(&json!({ "advance_millis": by.as_millis() as u64 })),
            )?
        }
        Action::Show { which } => {
            call(&running::find(which, environment)?.endpoint, Method::GET, PATH, None)?
        }
    };
    Ok(describe(&answer))
}

fn describe(answer: &Value) -> String {
    let now = answer["now"].as_str().unwrap_or("unknown");
    match answer["ahead_millis"].as_u64().unwrap_or(0) {
        0 => format!("{now}\n"),
        ahead => format!("{now}  ({} ahead of wall time)\n", in_words(ahead / 1000)),
    }
}

/// `30d`, `1d12h`, `90s`: the way `clock advance` reads them.
fn in_words(seconds: u64) -> String {
    let parts = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
    let mut left = seconds;
    let mut text = String::new();
    for (size, unit) in parts {
        if left >= size {
            text.push_str(&format!("{}{unit}", left / size));
            left %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_ahead_is_written_as_it_is_read() {
        for text in ["30d", "1d12h", "1m30s", "5s"] {
            assert_eq!(in_words(parse_duration(text).unwrap().as_secs()), text);
        }
        let answer = json!({ "now": "2026-01-01T00:00:00Z", "ahead_millis": 86_400_000 });
        assert_eq!(describe(&answer), "2026-01-01T00:00:00Z  (1d ahead of wall time)\n");
    }
}
