//! The emulators that the package registries carry, in a Python environment of their own, pinned in peers.txt, and in a
//! folder of Node.js packages, pinned in npm/.
//! They keep everything in memory and check no signatures.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::http::Measured;
use crate::limits::PEER_CONNECTIONS;
use crate::machine::process::{Server, free_port};
use crate::run::Plan;

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.txt");
const NPM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/npm");

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Peer {
    Moto,
    Ministack,
    SeaweedFs,
    Dynalite,
}

impl Peer {
    pub fn name(self) -> &'static str {
        match self {
            Peer::Moto => "moto",
            Peer::Ministack => "ministack",
            Peer::SeaweedFs => "SeaweedFS",
            Peer::Dynalite => "dynalite",
        }
    }

    pub fn start(self, plan: &Plan) -> anyhow::Result<Server> {
        let programs = if self == Peer::Dynalite { packages()? } else { environment()? };
        let port = free_port()?;
        let mut command = Command::new(match self {
            Peer::Moto => programs.join("moto_server"),
            Peer::Ministack => programs.join("ministack"),
            Peer::SeaweedFs => programs.join("weed"),
            Peer::Dynalite => programs.join("dynalite"),
        });
        match self {
            Peer::Moto => {
                command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            }
            Peer::Ministack => {
                command.env("GATEWAY_PORT", port.to_string()).env("LOG_LEVEL", "WARNING");
            }
            Peer::SeaweedFs => seaweedfs(&mut command, plan, port)?,
            // In memory, and tables are there at once.
            Peer::Dynalite => {
                command.args(["--host", "127.0.0.1", "--createTableMs", "0", "--port", &port.to_string()]);
            }
        }
        command.current_dir(plan.folder.path());
        Server::on_port(command, port).with_context(|| format!("{} does not start", self.name()))
    }
}

/// All its servers in one process, each on a free port of loopback, with one identity so that signatures are checked.
fn seaweedfs(command: &mut Command, plan: &Plan, port: u16) -> anyhow::Result<()> {
    const IDENTITIES: &str = r#"{"identities": [{"name": "bench", "actions": ["Admin", "Read", "Write", "List"],
        "credentials": [{"accessKey": "test", "secretKey": "test"}]}]}"#;
    let folder = plan.folder.path().join("seaweedfs");
    std::fs::create_dir_all(&folder)?;
    let config = folder.join("identities.json");
    std::fs::write(&config, IDENTITIES)?;
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3"]);
    command.args(["-master.telemetry=false", "-volume.max=100"]);
    command.arg(format!("-dir={}", folder.display()));
    command.arg(format!("-s3.config={}", config.display()));
    command.arg(format!("-s3.port={port}"));
    for server in ["master", "volume", "filer", "s3"] {
        if server != "s3" {
            command.arg(format!("-{server}.port={}", free_port()?));
        }
        command.arg(format!("-{server}.port.grpc={}", free_port()?));
    }
    Ok(())
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

/// The folder of the programs of Node.js packages; installs them the first time, as the lock file says.
fn packages() -> anyhow::Result<PathBuf> {
    const LOCK: &str = "package-lock.json";
    let folder = target_folder()?.join("bench-peers-npm");
    let wanted = std::fs::read_to_string(format!("{NPM}/{LOCK}"))?;
    let stamp = folder.join("installed.json");
    if !std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        std::fs::create_dir_all(&folder)?;
        for name in ["package.json", LOCK] {
            std::fs::copy(format!("{NPM}/{name}"), folder.join(name))?;
        }
        run(Command::new("npm").args(["ci", "--silent", "--no-audit", "--no-fund"]).current_dir(&folder))?;
        std::fs::write(&stamp, wanted)?;
    }
    Ok(folder.join("node_modules/.bin"))
}

fn target_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.ancestors().nth(2).context("this program is in the build folder")?.to_owned())
}

/// The folder of the peers' programs; installs them the first time.
fn environment() -> anyhow::Result<PathBuf> {
    let folder = target_folder()?.join("bench-peers");
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
