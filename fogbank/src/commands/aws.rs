//! `fogbank aws …`: the installed AWS CLI, pointed here in a way that every version obeys.
//!
//! Version 1 ignores AWS_ENDPOINT_URL for SQS, RDS, EMR, Health and a few more, and version 2 before 2.13 knows
//! it for no service at all (docs/cli-endpoints.md), so `--endpoint-url` goes on the command line too. The
//! variable stays set for the calls a command makes on the side, such as to STS for a role.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::{Context, anyhow};

use crate::client::host_and_port;
use crate::environment::Environment;
use crate::running::{self, Running, Which};

pub const HOW_TO_GET: &str =
    "install it (pip install awscli, apt-get install awscli, or brew install awscli)";

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// What to hand to the AWS CLI
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

pub fn run(arguments: Arguments, environment: &Environment) -> anyhow::Result<String> {
    let program = environment.programs("aws").into_iter().next();
    let program = program.ok_or_else(|| anyhow!("there is no aws in PATH; {HOW_TO_GET}"))?;
    let running = running::find(&arguments.which, environment)?;
    let changes = variables(&arguments.arguments, &running, environment)?;
    let mut command = Command::new(&program);
    command.args(command_line(&arguments.arguments, &running.endpoint));
    for (name, value) in changes {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // Replaces this process, so signals, the terminal and the exit code are the AWS CLI's own.
    Err(command.exec()).with_context(|| format!("{} does not run", program.display()))
}

fn command_line(arguments: &[String], endpoint: &str) -> Vec<String> {
    let mut line = Vec::new();
    if !is_given(arguments, "--endpoint-url") {
        line.extend(["--endpoint-url".to_owned(), endpoint.to_owned()]);
    }
    line.extend_from_slice(arguments);
    line
}

fn is_given(arguments: &[String], option: &str) -> bool {
    arguments.iter().any(|argument| {
        argument.strip_prefix(option).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })
}

/// What changes in the environment of the AWS CLI: a value, or nothing to take the variable away.
fn variables(
    arguments: &[String],
    running: &Running,
    environment: &Environment,
) -> anyhow::Result<BTreeMap<String, Option<String>>> {
    let mut changes = BTreeMap::new();
    let mut set = |name: &str, value: Option<&str>| changes.insert(name.to_owned(), value.map(str::to_owned));
    set("AWS_ENDPOINT_URL", Some(&running.endpoint));
    let region = environment.get("AWS_REGION").or(environment.get("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or(running.region().as_str());
    set("AWS_REGION", Some(region));
    set("AWS_DEFAULT_REGION", Some(region));
    // These would lead elsewhere, or change the address that was given.
    for name in ["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT"]
    {
        set(name, None);
    }
    for name in environment.names().filter(|name| name.starts_with("AWS_ENDPOINT_URL_")) {
        set(name, None);
    }
    // Whoever names a profile wants its credentials. Those in an environment that already points here belong
    // to this cloud: a user's or a role's, exported after `fogbank env`.
    let own = running.from_environment && environment.get("AWS_ACCESS_KEY_ID").is_some();
    if !is_given(arguments, "--profile") && !own {
        let root = running.root_credentials()?;
        set("AWS_ACCESS_KEY_ID", Some(&root.access_key_id));
        set("AWS_SECRET_ACCESS_KEY", Some(&root.secret_access_key));
        for name in ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
            set(name, None);
        }
    }
    // A proxy for the outside has no business with an address on this machine.
    let (host, _) = host_and_port(&running.endpoint)?;
    for name in ["NO_PROXY", "no_proxy"] {
        let value = environment.get(name).map_or_else(|| host.clone(), |others| format!("{others},{host}"));
        set(name, Some(&value));
    }
    if running.endpoint.starts_with("https")
        && let Some((folder, _)) = &running.run
    {
        set("AWS_CA_BUNDLE", Some(&super::ca::certificate_file(folder).to_string_lossy()));
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::RootCredentials;
    use crate::run_file::RunFile;
    use base::Region;

    fn running(from_environment: bool) -> Running {
        let endpoint = "http://127.0.0.1:4566".to_owned();
        let run = RunFile {
            process: 1,
            version: "0".to_owned(),
            endpoint: endpoint.clone(),
            dev: false,
            memory: false,
            region: Region::parse("eu-west-1").unwrap(),
            root: RootCredentials { access_key_id: "AKIAROOT".to_owned(), ..RootCredentials::dev() },
        };
        Running { endpoint, run: Some(("/data".into(), run)), from_environment }
    }

    fn owned(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|argument| (*argument).to_owned()).collect()
    }

    #[test]
    fn the_endpoint_goes_on_the_command_line_unless_one_is_given() {
        let line = command_line(&owned(&["sqs", "list-queues"]), "http://h:1");
        assert_eq!(line, ["--endpoint-url", "http://h:1", "sqs", "list-queues"]);
        for given in [&["--endpoint-url", "http://x", "sqs"][..], &["sqs", "--endpoint-url=http://x"][..]] {
            assert_eq!(command_line(&owned(given), "http://h:1"), given);
        }
    }

    #[test]
    fn the_root_key_replaces_what_belongs_to_another_cloud() {
        let real = Environment::of(&[
            ("AWS_ACCESS_KEY_ID", "AKIAREAL"),
            ("AWS_SESSION_TOKEN", "t"),
            ("AWS_PROFILE", "work"),
            ("AWS_ENDPOINT_URL_SQS", "http://elsewhere"),
            ("no_proxy", "a"),
        ]);
        let changes = variables(&owned(&["sts"]), &running(false), &real).unwrap();
        let value = |name: &str| changes.get(name).cloned();
        assert_eq!(value("AWS_ACCESS_KEY_ID"), Some(Some("AKIAROOT".to_owned())));
        for gone in ["AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_SQS"] {
            assert_eq!(value(gone), Some(None), "{gone}");
        }
        assert_eq!(value("AWS_REGION"), Some(Some("eu-west-1".to_owned())));
        assert_eq!(value("no_proxy"), Some(Some("a,127.0.0.1".to_owned())));
    }

    #[test]
    fn a_profile_and_credentials_for_this_cloud_are_left_alone() {
        let none = Environment::default();
        let changes = variables(&owned(&["--profile", "p", "sts"]), &running(false), &none).unwrap();
        assert!(!changes.contains_key("AWS_ACCESS_KEY_ID"));
        let role = Environment::of(&[("AWS_ACCESS_KEY_ID", "ASIAROLE"), ("AWS_SESSION_TOKEN", "t")]);
        let changes = variables(&owned(&["sts"]), &running(true), &role).unwrap();
        assert!(!changes.contains_key("AWS_ACCESS_KEY_ID") && !changes.contains_key("AWS_SESSION_TOKEN"));
    }
}
