//! Fogbank's binary: the composition root ([`compose`]) and the command line ([`commands`]).
//!
//! The only crate that names every service, and the only one that reads configuration and the environment.

mod admin;
mod attempts;
mod buckets;
mod client;
mod commands;
mod compose;
mod config;
mod environment;
mod explain;
mod folder;
mod guests;
mod host;
mod limits;
mod machines;
mod master_key;
mod port_holder;
mod proof;
mod run_file;
mod running;
mod sign_in;
mod signals;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use crate::commands::CommandLine;
use crate::environment::Environment;

/// Most of a small request's time goes into small allocations; the figures are in docs/benchmarks/sqs.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else: the processes that keep machines and disks are small, and have one thread.
    let mut words = std::env::args().skip(1);
    match words.next().as_deref() {
        Some("sandbox-keeper") => sandbox_engine::keeper_main(words),
        Some("block-holder") => block_engine::holder_main(words),
        _ => {}
    }
    let line = CommandLine::parse();
    match line.command.run(&Environment::read()) {
        Ok(text) => say(&text),
        Err(error) => {
            complain(&format!("fogbank: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

/// Prints a command's result. A reader that went away (`fogbank env | head -1`) is no failure.
fn say(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(&format!("fogbank: the output cannot be written: {error}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Prints to standard error, where nothing more can be done about a failure.
fn complain(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}
