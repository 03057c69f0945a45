//! `fogbank doctor`: what this host can do, what it lacks, and how to get that.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::environment::Environment;
use crate::host::{self, Look, State};
use crate::limits::TOOL_TIME_MAX;

pub fn run(environment: &Environment) -> String {
    let mut text = String::new();
    for feature in host::probe(environment, Look::Trial) {
        line(&mut text, feature.name, &feature.state, feature.serves);
    }
    line(&mut text, "AWS CLI", &aws_cli(environment), "fogbank aws");
    line(&mut text, "open files", &open_files(), "many connections at once");
    text
}

fn line(text: &mut String, name: &str, state: &State, serves: &str) {
    let result = match state {
        State::Has(what) => writeln!(text, "yes  {name:<13} {what}"),
        State::Lacks { why, remedy } => {
            writeln!(
                text,
                "no   {name:<13} {why}\n     {:<13} needed for {serves}\n     {:<13} {remedy}",
                "", ""
            )
        }
    };
    result.expect("writing to a string cannot fail");
}

fn aws_cli(environment: &Environment) -> State {
    let found: Vec<String> = environment
        .programs("aws")
        .iter()
        .map(|program| {
            let version = version_of(program).unwrap_or_else(|| "does not run".to_owned());
            format!("{version} ({})", program.display())
        })
        .collect();
    if found.is_empty() {
        let why = "there is no aws in PATH".to_owned();
        return State::Lacks { why, remedy: super::aws::HOW_TO_GET };
    }
    State::Has(found.join(", "))
}

/// The first word of `aws --version`, such as `aws-cli/2.9.19`.
fn version_of(program: &Path) -> Option<String> {
    let mut child = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let deadline = Instant::now() + TOOL_TIME_MAX;
    while child.try_wait().ok()?.is_none() {
        if Instant::now() > deadline {
            child.kill().ok();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

fn open_files() -> State {
    const WANTED: u64 = 4096;
    let most = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    match most {
        Some(most) if most < WANTED => State::Lacks {
            why: format!("at most {most} files may be open"),
            remedy: "raise the hard limit (ulimit -Hn, or LimitNOFILE= of the service)",
        },
        Some(most) => State::Has(format!("up to {most}")),
        None => State::Has("without a limit".to_owned()),
    }
}
