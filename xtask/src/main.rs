//! The project's own tool: `cargo xtask codegen | facts | tidy | coverage | new-service`.

#![expect(clippy::print_stdout, reason = "a command line tool speaks on stdout")]

mod codegen;
mod coverage;
mod facts;
mod new_service;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The chores of the Fogbank workspace")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Refresh models/ from botocore, and api/ from models/.
    Codegen(codegen::Options),
    /// Refresh models/authorization/ from published facts.
    Facts(facts::Options),
    /// Check the written rules.
    Tidy(tidy::Options),
    /// Write docs/coverage.md from the services' tables.
    Coverage(coverage::Options),
    /// Start a new service.
    NewService(new_service::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Codegen(options) => codegen::run(&options),
        Chore::Facts(options) => facts::run(&options),
        Chore::Tidy(options) => tidy::run(&options),
        Chore::Coverage(options) => coverage::run(&options),
        Chore::NewService(options) => new_service::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
