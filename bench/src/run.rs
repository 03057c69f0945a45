//! What the benchmarks have in common: options, the plan that follows from them, and how a run ends.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::limits::DISK_TIME_MAX;
use crate::machine::Machine;
use crate::machine::process::Server;
use crate::report::Check;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// A few seconds only, without peers; fails where a figure is grossly bad
    #[arg(long)]
    quick: bool,
    /// How long each figure is measured
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Leave out the peers
    #[arg(long)]
    no_peers: bool,
    /// The Fogbank to measure; the release binary beside this one if left out
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// Where to write the table; it is printed in any case
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// What all parts of a run need to know.
pub struct Plan {
    pub quick: bool,
    pub time: Duration,
    pub connections: usize,
    pub with_peers: bool,
    binary: PathBuf,
    /// A folder on the disk that is measured.
    pub folder: TempDir,
    out: Option<PathBuf>,
}

impl Plan {
    /// In a quick run each figure has the quick time.
    pub fn of(settings: Settings, quick_time: Duration) -> anyhow::Result<Plan> {
        let own = std::env::current_exe().context("this program has a path")?;
        let binary = settings.bin.unwrap_or_else(|| own.with_file_name("fogbank"));
        if !binary.exists() {
            bail!("{} is not there; make it with: cargo build --release -p fogbank", binary.display());
        }
        // On the disk of the build folder: a temporary folder may be in memory.
        let folder = tempfile::tempdir_in(own.parent().context("this program is in a folder")?)?;
        Ok(Plan {
            quick: settings.quick,
            time: if settings.quick { quick_time } else { Duration::from_secs(settings.seconds) },
            connections: settings.connections,
            with_peers: !settings.no_peers && !settings.quick,
            binary,
            folder,
            out: settings.out,
        })
    }

    pub fn machine(&self) -> anyhow::Result<Machine> {
        Machine::measure(self.folder.path(), self.time.min(DISK_TIME_MAX))
    }

    /// The Fogbank that is measured.
    pub fn binary(&self) -> &Path {
        &self.binary
    }

    /// Starts Fogbank on a folder of this run.
    pub fn fogbank(&self, folder: &Path) -> anyhow::Result<Server> {
        self.fogbank_with(folder, &[])
    }

    /// The same with more arguments for `fogbank up`.
    pub fn fogbank_with(&self, folder: &Path, arguments: &[&OsStr]) -> anyhow::Result<Server> {
        let mut command = Command::new(&self.binary);
        command.args(["up", "--dev", "--port", "0", "--data"]).arg(folder).args(arguments);
        Server::that_says_ready(command).context("fogbank does not start")
    }

    /// Starts the server that does nothing but answer so many bytes.
    pub fn bare(&self, answer_bytes: usize) -> anyhow::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--answer-bytes", &answer_bytes.to_string()]);
        Server::that_says_ready(command).context("the bare server does not start")
    }

    /// Starts the server that does nothing but answer with a file.
    pub fn bare_file(&self, file: &Path) -> anyhow::Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--file"]).arg(file);
        Server::that_says_ready(command).context("the bare server does not start")
    }

    /// Prints the table and writes it where it was asked for; a quick run with floors it did not reach fails.
    pub fn finish(&self, text: &str, broken_floors: &[Check]) -> anyhow::Result<()> {
        println!("{text}");
        if let Some(path) = &self.out {
            std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        if self.quick && !broken_floors.is_empty() {
            bail!("grossly below what is expected: {}", Check::list(broken_floors));
        }
        Ok(())
    }
}
