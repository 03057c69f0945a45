//! Benchmarks anyone can repeat with one command, and the crash test.
//!
//! `fogbank-bench sqs` and `fogbank-bench keys` measure the machine's own limits, the release binary, and peers
//! from the package registry, with the same client in the same run, and write a table. Everything runs on
//! loopback, is bounded in time and count, and ends the processes it started by their ids.

#![expect(clippy::print_stdout, reason = "a command line tool speaks on stdout")]

mod crash;
mod dynamodb;
mod ebs;
mod ec2;
mod http;
mod keys;
mod limits;
mod machine;
mod peers;
mod report;
mod run;
mod s3;
mod sqs;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "fogbank-bench", about = "Fogbank's benchmarks and its crash test")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Measure SQS, the machine and the peers, and write a table
    Sqs(sqs::Options),
    /// Measure KMS and the Parameter Store, the machine and a peer, and write a table
    Keys(keys::Options),
    /// Measure S3, the machine and the peers, and write a table
    S3(s3::Options),
    /// Measure DynamoDB, the machine and the peers, and write a table
    #[command(name = "dynamodb")]
    DynamoDb(dynamodb::Options),
    /// Measure instances: launches, SSH, many at once, their cost (as root)
    Ec2(ec2::Options),
    /// Measure volumes beside a bare loop device, snapshots, and what they cost (as root, with fio)
    Ebs(ebs::Options),
    /// Kill the server again and again under load, and check what it had acknowledged
    Crash(crash::Options),
    /// The bare HTTP server that the others are compared with
    #[command(hide = true)]
    Bare {
        #[arg(long, default_value_t = 0)]
        answer_bytes: usize,
        /// Answer with this file instead
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().action) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // What went wrong comes last: logs are often cut at their beginning, and a backtrace is long.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(action: Action) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match action {
        Action::Sqs(options) => runtime.block_on(sqs::run(options)),
        Action::Keys(options) => runtime.block_on(keys::run(options)),
        Action::DynamoDb(options) => runtime.block_on(dynamodb::run(options)),
        Action::Ebs(options) => runtime.block_on(ebs::run(options)),
        Action::Ec2(options) => runtime.block_on(ec2::run(options)),
        Action::Crash(options) => runtime.block_on(crash::run(options)),
        Action::Bare { answer_bytes, file } => runtime.block_on(machine::bare::serve(answer_bytes, file)),
        Action::S3(options) => runtime.block_on(s3::run(options)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_options_of_all_commands_fit_together() {
        Arguments::command().debug_assert();
    }
}
