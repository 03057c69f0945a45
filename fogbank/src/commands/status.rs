//! `fogbank status`: how a running Fogbank is. Ends with an error if there is none.

use std::fmt::Write;

use http::Method;
use serde_json::Value;

use crate::client::call;
use crate::environment::Environment;
use crate::running::{self, Which};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let running = running::find(&arguments.which, environment)?;
    let mut status = call(&running.endpoint, Method::GET, "/_fogbank/status", None)?;
    status["endpoint"] = Value::from(running.endpoint.as_str());
    if arguments.json {
        return Ok(format!("{status:#}\n"));
    }
    Ok(describe(&status))
}

fn describe(status: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name:<9} {value}").expect("writing to a string cannot fail");
    };
    let word = |name: &str| status[name].as_str();
    line("address", word("endpoint").unwrap_or_default());
    line("version", word("version").unwrap_or("unknown"));
    line("process", &status["process"].to_string());
    line("data", word("data").unwrap_or("in memory"));
    line("mode", if status["dev"].as_bool() == Some(true) { "dev" } else { "secure" });
    line("time", word("now").unwrap_or("unknown"));
    let services = status["services"].as_array().into_iter().flatten();
    let services: Vec<&str> = services.filter_map(Value::as_str).collect();
    line("services", &services.join(" "));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_status_is_one_line_a_fact() {
        let status = json!({
            "endpoint": "http://127.0.0.1:1", "version": "1", "process": 7, "data": null, "dev": true,
            "services": ["sqs", "sts"], "now": "2026-01-01T00:00:00Z",
        });
        let expected = "address   http://127.0.0.1:1\nversion   1\nprocess   7\ndata      in memory\nmode      dev\n\
            time      2026-01-01T00:00:00Z\nservices  sqs sts\n";
        assert_eq!(describe(&status), expected);
    }
}
