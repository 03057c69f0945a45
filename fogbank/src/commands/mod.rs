//! The command line. It is stable, since people script it: words and output change only with a note in the
//! change log. One file a command; each returns the text it prints.

mod aws;
mod ca;
mod clock;
mod cost;
mod coverage;
mod credentials;
mod doctor;
mod env;
mod explain;
mod fsck;
mod fsck_disks;
mod fsck_tables;
mod interrupt;
mod status;
mod up;
mod user;
mod version;
mod zone;

use clap::{Parser, Subcommand};

use crate::environment::Environment;

/// AWS on your own machines.
#[derive(Debug, Parser)]
#[command(name = "fogbank", version, about, max_term_width = 100)]
pub struct CommandLine {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a cloud, in the foreground, until it is interrupted
    Up(up::Arguments),
    /// Print the settings that point AWS clients to a running Fogbank: eval "$(fogbank env)"
    Env(env::Arguments),
    /// Print credentials for the credential_process of a profile: root's, or a user's by sign-in
    Credentials(credentials::Arguments),
    /// Tell how a call was decided: who asked, and which statement of which policy allowed or refused it
    Explain(explain::Arguments),
    /// Tell how a running Fogbank is
    Status(status::Arguments),
    /// Tell what is missing on this host, and how to get it
    Doctor,
    /// Check everything that a stopped cloud keeps of objects, tables, volumes and snapshots
    Fsck(fsck::Arguments),
    /// Print the version
    Version,
    /// Show or turn the cloud's clock (with up --dev)
    Clock(clock::Arguments),
    /// Take an availability zone down and bring it up again, or list the zones
    Zone(zone::Arguments),
    /// Tell what a month's use of EC2 would have cost on AWS so far
    Cost(cost::Arguments),
    /// Take the capacity of a spot instance back, with two minutes' notice
    Interrupt(interrupt::Arguments),
    /// Show the certificate authority of this cloud, and how to trust it
    Ca(ca::Arguments),
    /// Run the installed AWS CLI against a running Fogbank
    Aws(aws::Arguments),
    /// Print which operations are implemented
    #[command(hide = true)]
    Coverage(coverage::Arguments),
}

impl Command {
    pub fn run(self, environment: &Environment) -> anyhow::Result<String> {
        match self {
            Command::Up(arguments) => up::run(arguments, environment),
            Command::Env(arguments) => env::run(&arguments, environment),
            Command::Credentials(arguments) => credentials::run(&arguments, environment),
            Command::Explain(arguments) => explain::run(&arguments, environment),
            Command::Status(arguments) => status::run(&arguments, environment),
            Command::Doctor => Ok(doctor::run(environment)),
            Command::Fsck(arguments) => fsck::run(&arguments, environment),
            Command::Version => Ok(version::run()),
            Command::Clock(arguments) => clock::run(&arguments, environment),
            Command::Zone(arguments) => zone::run(&arguments, environment),
            Command::Cost(arguments) => cost::run(&arguments, environment),
            Command::Interrupt(arguments) => interrupt::run(&arguments, environment),
            Command::Ca(arguments) => ca::run(&arguments, environment),
            Command::Aws(arguments) => aws::run(arguments, environment),
            Command::Coverage(arguments) => coverage::run(&arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        CommandLine::command().debug_assert();
    }
}
