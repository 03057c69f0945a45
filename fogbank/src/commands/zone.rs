//! `fogbank zone`: takes an availability zone down, as if its power and network had gone, and brings it up again.

use std::fmt::Write;

use anyhow::bail;
use base::Clock;
use http::Method;
use serde_json::Value;

use crate::client::{Question, Secrecy, ask, refusal};
use crate::environment::Environment;
use crate::proof;
use crate::running::{self, Running, Which};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Take a zone down: its instances lose their power, its subnets their network
    Down {
        /// The zone, by name or id: us-east-1a, use1-az1
        zone: String,
        #[command(flatten)]
        which: Which,
    },
    /// Bring a zone up again: its instances start
    Up {
        /// The zone, by name or id: us-east-1a, use1-az1
        zone: String,
        #[command(flatten)]
        which: Which,
    },
    /// List the zones of the region, and those elsewhere that are down or have instances
    List {
        #[command(flatten)]
        which: Which,
    },
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let (which, turn) = match &arguments.action {
        Action::Down { zone, which } => (which, Some((zone, "down"))),
        Action::Up { zone, which } => (which, Some((zone, "up"))),
        Action::List { which } => (which, None),
    };
    let running = running::find(which, environment)?;
    let answer = match turn {
        Some((zone, _)) if !zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') => {
            bail!("{zone:?} is no zone, such as us-east-1a")
        }
        Some((zone, way)) => fetch(&running, Method::POST, &format!("zones/{zone}/{way}"))?,
        None => fetch(&running, Method::GET, "zones")?,
    };
    Ok(describe(&answer, running.region().as_str()))
}

fn fetch(running: &Running, method: Method, control: &str) -> anyhow::Result<Value> {
    let wall = Clock::system(std::time::Duration::ZERO).wall();
    let prove = |secret: &str| proof::make(secret, &method, control, wall);
    let proof = running.run_file().map(|run| prove(&run.root.secret_access_key));
    let path = format!("/_fogbank/{control}");
    let question = Question { method, path: &path, body: None, proof, secrecy: Secrecy::Open };
    let (status, answer) = ask(&running.endpoint, &question)?;
    if status.is_success() { Ok(answer) } else { Err(refusal(&running.endpoint, status, &answer)) }
}

/// One line a zone.
fn describe(answer: &Value, region: &str) -> String {
    let mut text = String::new();
    for zone in answer["zones"].as_array().into_iter().flatten() {
        let word = |name: &str| zone[name].as_str().unwrap_or_default();
        let instances = zone["instances"].as_u64().unwrap_or(0);
        let down_since = zone["down_since"].as_str();
        if word("region") != region && instances == 0 && down_since.is_none() {
            continue;
        }
        let state = match down_since {
            Some(since) => format!("down since {since}"),
            None => "up".to_owned(),
        };
        writeln!(text, "{:<16} {:<10} instances: {instances:<5} {state}", word("name"), word("id"))
            .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn zones_elsewhere_are_listed_where_something_is() {
        let zone = |region: &str, instances: u64, down_since: Option<&str>| {
            let (name, id) = (format!("{region}a"), "az1");
            json!({ "region": region, "name": name, "id": id, "instances": instances, "down_since": down_since })
        };
        let answer = json!({ "zones": [
            zone("us-east-1", 0, None),
            zone("eu-west-1", 0, None),
            zone("eu-west-2", 2, None),
            zone("eu-west-3", 0, Some("2026-01-01T00:00:00Z")),
        ] });
        let text = describe(&answer, "us-east-1");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].starts_with("us-east-1a") && lines[0].ends_with(" up"));
        assert!(lines[1].contains("instances: 2") && lines[2].ends_with("down since 2026-01-01T00:00:00Z"));
    }
}
