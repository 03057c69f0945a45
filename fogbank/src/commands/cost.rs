//! `fogbank cost`: what a month's use of EC2 would have cost on AWS so far, by service, by tag or by day.

use std::fmt::Write;

use base::Clock;
use http::Method;
use serde_json::{Value, json};

use crate::client::{Question, Secrecy, ask, refusal};
use crate::environment::Environment;
use crate::proof;
use crate::running::{self, Running, Which};

const CONTROL: &str = "cost";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to tell apart: service, day, or the values of a tag, as tag:KEY
    #[arg(long, default_value = "service")]
    by: String,
    /// The month, such as 2027-01; this month by the cloud's clock otherwise
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<String>,
    /// One account only
    #[arg(long)]
    account: Option<String>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: Which,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let running = running::find(&arguments.which, environment)?;
    let asked = json!({ "by": arguments.by, "month": arguments.month, "account": arguments.account });
    let answer = fetch(&running, &asked)?;
    if arguments.json {
        return Ok(format!("{answer:#}\n"));
    }
    Ok(describe(&answer))
}

fn fetch(running: &Running, asked: &Value) -> anyhow::Result<Value> {
    let wall = Clock::system(std::time::Duration::ZERO).wall();
    let prove = |secret: &str| proof::make(secret, &Method::POST, CONTROL, wall);
    let question = Question {
        method: Method::POST,
        path: &format!("/_fogbank/{CONTROL}"),
        body: Some(asked),
        proof: running.run_file().map(|run| prove(&run.root.secret_access_key)),
        secrecy: Secrecy::Open,
    };
    let (status, answer) = ask(&running.endpoint, &question)?;
    if status.is_success() { Ok(answer) } else { Err(refusal(&running.endpoint, status, &answer)) }
}

/// One line for what is paid for, under its group.
fn describe(answer: &Value) -> String {
    let word = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut text =
        format!("{}, at the prices of {}, in US dollars\n", word(answer, "month"), word(answer, "prices_of"));
    let mut group = String::new();
    for line in answer["lines"].as_array().into_iter().flatten() {
        if word(line, "group") != group || group.is_empty() {
            group = word(line, "group");
            writeln!(text, "\n{group}").expect("writing to a string cannot fail");
        }
        let amount = format!("{} {}", word(line, "amount"), word(line, "unit"));
        let cost = line["cost"].as_str().unwrap_or("no price");
        writeln!(text, "  {:<44} {amount:>24} {cost:>14}", word(line, "item"))
            .expect("writing to a string cannot fail");
    }
    writeln!(text, "\n{:<46} {:>24} {:>14}", "Total", "", word(answer, "total"))
        .expect("writing to a string cannot fail");
    let elsewhere: Vec<&str> =
        answer["elsewhere"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !elsewhere.is_empty() {
        writeln!(text, "Also used in {}, where AWS has other prices.", elsewhere.join(", "))
            .expect("writing to a string cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_under_their_group_and_what_has_no_price_says_so() {
        let line = |group: &str, item: &str, cost: Option<&str>| json!({ "group": group, "item": item, "amount": "744.000", "unit": "hours", "cost": cost });
        let answer = json!({
            "month": "2027-01", "prices_of": "us-east-1", "elsewhere": ["eu-west-1"], "total": "7.7376",
            "lines": [
                line("2027-01-01", "t3.micro on demand", Some("7.7376")),
                line("2027-01-01", "mac1.metal on demand", None),
                line("2027-01-02", "t3.micro spot", Some("0.0000")),
            ],
        });
        let text = describe(&answer);
        assert_eq!(text.matches("2027-01-01").count(), 1, "{text}");
        let of_item =
            |item: &str| text.lines().find(|line| line.contains(item)).unwrap_or_default().to_owned();
        assert!(of_item("mac1.metal").ends_with("no price"), "{text}");
        assert!(of_item("t3.micro on demand").ends_with("744.000 hours         7.7376"), "{text}");
        assert!(of_item("Total").ends_with("7.7376") && text.contains("Also used in eu-west-1"), "{text}");
    }
}
