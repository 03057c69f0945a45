//! Benchmarks anyone can repeat with one command, and the crash test.
//!
//! `fogbank-bench sqs` measures the machine's own limits, the release binary, and peers
//! from the package registry, with the same client in the same run, and writes a table. Everything runs on
//! loopback, is bounded in time and count, and ends the processes it started by their ids.

#![expect(clippy::print_stdout, reason = "a command line tool speaks on stdout")]

mod crash;
mod http;
mod limits;
mod machine;
mod report;
mod sqs;

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
    /// Kill the server again and again under load, and check what it had acknowledged
    Crash(crash::Options),
    /// The bare HTTP server that the others are compared with
    #[command(hide = true)]
    Bare,
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match Arguments::parse().action {
        Action::Sqs(options) => runtime.block_on(sqs::run(options)),
        Action::Crash(options) => runtime.block_on(crash::run(options)),
        Action::Bare => runtime.block_on(machine::bare::serve()),
    }
}
