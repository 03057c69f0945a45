//! `fogbank env`: the settings that point AWS clients to a running Fogbank, as lines for a shell, or as a profile for
//! `~/.aws/config`.
//!
//! Not every client honours AWS_ENDPOINT_URL for every service; docs/cli-endpoints.md says which AWS CLI does not.

use std::path::Path;

use anyhow::{Context, bail};
use base::Region;
use clap::ValueEnum;

use crate::commands::user::User;
use crate::environment::Environment;
use crate::folder::absolute;
use crate::running::{self, Running, Which};

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    which: Which,
    /// The shell to write for
    #[arg(long, value_enum, default_value_t = Shell::Bash)]
    shell: Shell,
    /// The region to use instead of the configured one
    #[arg(long)]
    region: Option<Region>,
    /// Print a profile of this name for ~/.aws/config instead, which gets its credentials from fogbank credentials
    #[arg(long, value_name = "NAME", conflicts_with_all = ["shell", "mfa_code", "duration"])]
    profile: Option<String>,
    #[command(flatten)]
    user: User,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// Also for sh, dash and zsh
    Bash,
    Fish,
    Powershell,
}

pub fn run(arguments: &Arguments, environment: &Environment) -> anyhow::Result<String> {
    let running = running::find(&arguments.which, environment)?;
    let region = arguments.region.unwrap_or_else(|| running.region());
    if let Some(name) = &arguments.profile {
        let program = std::env::current_exe().context("the path of this program cannot be told")?;
        return profile(name, &program, &running, region, &arguments.user);
    }
    let credentials = arguments.user.credentials(&running, environment)?;
    let mut lines = vec![
        ("AWS_ENDPOINT_URL", running.endpoint.as_str()),
        ("AWS_REGION", region.as_str()),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.as_str()),
    ];
    // A token left from other credentials would spoil these.
    let mut unset = environment.get("AWS_SESSION_TOKEN").map(|_| arguments.shell.unset("AWS_SESSION_TOKEN"));
    if let Some((token, _)) = &credentials.session {
        lines.push(("AWS_SESSION_TOKEN", token));
        unset = None;
    }
    let set = lines.iter().map(|(name, value)| arguments.shell.export(name, value));
    Ok(set.chain(unset).collect())
}

/// A section for the AWS CLI's configuration file. What its `credential_process` says is split into words by a shell,
/// or as a shell would, and must not span lines.
fn profile(
    name: &str,
    program: &Path,
    running: &Running,
    region: Region,
    user: &User,
) -> anyhow::Result<String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+@/".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_plain) {
        bail!("{name:?} is no name for a profile; letters, digits and -_.+@/ are");
    }
    let mut words = vec![program.display().to_string(), "credentials".to_owned()];
    match &running.run {
        Some((folder, _)) => words.extend(["--data".to_owned(), absolute(folder)?.display().to_string()]),
        None => words.extend(["--endpoint".to_owned(), running.endpoint.clone()]),
    }
    for (option, value) in [("--account", &user.account), ("--user", &user.user)] {
        if let Some(value) = value {
            words.extend([option.to_owned(), value.clone()]);
        }
    }
    if let Some(word) = words.iter().find(|word| word.contains(char::is_control)) {
        bail!("{word:?} cannot stand in a configuration file");
    }
    let process: Vec<String> = words.iter().map(|word| quoted(word, "'\\''")).collect();
    let (section, chosen) = match name {
        "default" => ("[default]".to_owned(), String::new()),
        _ => (format!("[profile {name}]"), format!(" --profile {name}")),
    };
    let password = if user.user.is_some() { "; FOGBANK_PASSWORD holds the password" } else { "" };
    Ok(format!(
        "# For ~/.aws/config (append it with >> ~/.aws/config), then: aws{chosen} sts get-caller-identity{password}\n\
         {section}\n\
         region = {region}\n\
         endpoint_url = {}\n\
         credential_process = {}\n",
        running.endpoint,
        process.join(" "),
    ))
}

impl Shell {
    fn export(self, name: &str, value: &str) -> String {
        match self {
            Shell::Bash => format!("export {name}={}\n", quoted(value, "'\\''")),
            Shell::Fish => format!("set -gx {name} {}\n", quoted(&value.replace('\\', "\\\\"), "\\'")),
            Shell::Powershell => format!("$Env:{name} = {}\n", always_quoted(value, "''")),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Shell::Bash => format!("unset {name}\n"),
            Shell::Fish => format!("set -e {name}\n"),
            Shell::Powershell => format!("Remove-Item Env:{name}\n"),
        }
    }
}

/// In single quotes, unless every character is harmless in every shell.
fn quoted(value: &str, quote: &str) -> String {
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:+".contains(&byte);
    if !value.is_empty() && value.bytes().all(harmless) {
        return value.to_owned();
    }
    always_quoted(value, quote)
}

fn always_quoted(value: &str, quote: &str) -> String {
    format!("'{}'", value.replace('\'', quote))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    use crate::folder::RootCredentials;
    use crate::run_file::RunFile;

    fn section(name: &str, program: &str, folder: Option<&str>, user: &User) -> anyhow::Result<String> {
        let run = folder.map(|folder| {
            let run = RunFile {
                process: 1,
                version: "0".to_owned(),
                endpoint: "http://127.0.0.1:1".to_owned(),
                dev: true,
                memory: false,
                region: Region::US_EAST_1,
                root: RootCredentials::dev(),
            };
            (PathBuf::from(folder), run)
        });
        let running = Running { endpoint: "http://127.0.0.1:1".to_owned(), run, from_environment: false };
        profile(name, Path::new(program), &running, Region::US_EAST_1, user)
    }

    #[test]
    fn a_profile_runs_this_program_whatever_its_path() {
        let root = section("cloud", "/opt/fogbank", Some("/var/lib/my cloud"), &User::default()).unwrap();
        let lines: Vec<&str> = root.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "[profile cloud]",
                "region = us-east-1",
                "endpoint_url = http://127.0.0.1:1",
                "credential_process = /opt/fogbank credentials --data '/var/lib/my cloud'",
            ]
        );
        let bob = User { user: Some("o'bob".into()), account: Some("my-alias".into()), ..User::default() };
        let bob = section("default", "/o p/fogbank", None, &bob).unwrap();
        let process = "credential_process = '/o p/fogbank' credentials --endpoint http://127.0.0.1:1 --account my-alias \
             --user 'o'\\''bob'\n";
        assert!(bob.contains("[default]\n") && bob.ends_with(process), "{bob}");
    }

    #[test]
    fn what_would_break_the_file_is_refused() {
        for name in ["", "a b", "a]", "a\nb", "a#"] {
            assert!(section(name, "/f", None, &User::default()).is_err(), "{name:?}");
        }
        assert!(section("p", "/f", Some("/a\nb"), &User::default()).is_err());
    }

    #[test]
    fn values_are_quoted_where_a_shell_would_read_them_otherwise() {
        assert_eq!(Shell::Bash.export("A", "http://127.0.0.1:1"), "export A=http://127.0.0.1:1\n");
        assert_eq!(Shell::Bash.export("A", "it's $x"), "export A='it'\\''s $x'\n");
        assert_eq!(Shell::Fish.export("A", "it's"), "set -gx A 'it\\'s'\n");
        assert_eq!(Shell::Powershell.export("A", "it's"), "$Env:A = 'it''s'\n");
        assert_eq!(Shell::Bash.export("A", ""), "export A=''\n");
    }
}
