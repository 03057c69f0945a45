//! The emulators that the package registry carries, in a Python environment of their own, pinned in peers.txt.
//! They keep everything in memory and check no signatures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::http::Measured;
use crate::limits::PEER_CONNECTIONS;
use crate::machine::process::{Server, free_port};
use crate::run::Plan;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.txt");

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Peer {
    Moto,
    Ministack,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Moto => "moto",
            Peer::Ministack => "ministack",
        }
    }

    pub fn start(self, plan: &Plan) -> anyhow::Result<Server> {
        let programs = environment()?;
        let port = free_port()?;
        let mut command = Command::new(match self {
            Peer::Moto => programs.join("moto_server"),
            Peer::Ministack => programs.join("ministack"),
        });
        match self {
            Peer::Moto => command.args(["-H", "127.0.0.1", "-p", &port.to_string()]),
            Peer::Ministack => command.env("GATEWAY_PORT", port.to_string()).env("LOG_LEVEL", "WARNING"),
        };
        command.current_dir(plan.folder.path());
        Server::on_port(command, port).with_context(|| format!("{} does not start", self.name()))
    }
}

/// As many connections as it answers most with: threads of one interpreter get in each other's way.
pub async fn best_connections(probe: impl AsyncFn(usize) -> anyhow::Result<Measured>) -> usize {
    let mut best = (0.0, 1);
    for connections in PEER_CONNECTIONS {
        let rate = probe(connections).await.map_or(0.0, |measured| measured.per_second());
        if rate > best.0 {
            best = (rate, connections);
        }
    }
    best.1
}

/// The folder of the peers' programs; installs them the first time.
fn environment() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2).context("this program is in the build folder")?;
    let folder = target.join("bench-peers");
    let stamp = folder.join("installed.txt");
    let wanted = std::fs::read_to_string(REQUIREMENTS)?;
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder.join("bin"));
    }
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--requirement", REQUIREMENTS]))?;
    std::fs::write(&stamp, wanted)?;
    Ok(folder.join("bin"))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?} does not start"))?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
