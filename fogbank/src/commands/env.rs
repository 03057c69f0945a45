//! `fogbank env`: the settings that point AWS clients to a running Fogbank, as lines for a shell.
//!
//! Not every client honours AWS_ENDPOINT_URL for every service; docs/cli-endpoints.md says which AWS CLI does not.

use base::Region;
use clap::ValueEnum;

use crate::environment::Environment;
use crate::running::{self, Which};

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
    let root = running.root_credentials()?;
    let region = arguments.region.unwrap_or_else(|| running.region());
    let lines = [
        ("AWS_ENDPOINT_URL", running.endpoint.as_str()),
        ("AWS_REGION", region.as_str()),
        ("AWS_DEFAULT_REGION", region.as_str()),
        ("AWS_ACCESS_KEY_ID", root.access_key_id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", root.secret_access_key.as_str()),
    ];
    // A token left from other credentials would spoil these.
    let unset = environment.get("AWS_SESSION_TOKEN").map(|_| arguments.shell.unset("AWS_SESSION_TOKEN"));
    let set = lines.iter().map(|(name, value)| arguments.shell.export(name, value));
    Ok(set.chain(unset).collect())
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

    #[test]
    fn values_are_quoted_where_a_shell_would_read_them_otherwise() {
        assert_eq!(Shell::Bash.export("A", "http://127.0.0.1:1"), "export A=http://127.0.0.1:1\n");
        assert_eq!(Shell::Bash.export("A", "it's $x"), "export A='it'\\''s $x'\n");
        assert_eq!(Shell::Fish.export("A", "it's"), "set -gx A 'it\\'s'\n");
        assert_eq!(Shell::Powershell.export("A", "it's"), "$Env:A = 'it''s'\n");
        assert_eq!(Shell::Bash.export("A", ""), "export A=''\n");
    }
}
