//! The emulators that the package registry carries, in a Python environment of their own, pinned in peers.txt.
//! Both keep everything in memory and check no signatures.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;

use crate::limits::{PEER_CONNECTIONS, PEER_PAIRS_MAX, PROBE_TIME};
use crate::machine::process::{Server, free_port};
use crate::report::Column;
use crate::sqs::throughput::Pressure;
use crate::sqs::{Plan, Queue, throughput};

const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.txt");

pub async fn measure(plan: &Plan) -> anyhow::Result<Vec<Column>> {
    let programs = environment()?;
    let mut columns = Vec::new();
    for name in ["moto", "ministack"] {
        let server = start(name, &programs, plan)?;
        let started_in = server.started_in;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let idle_bytes = server.resident_bytes();
        let pressure = best_pressure(server.address, plan.time).await?;
        let measured = throughput::measure(name, server.address, &pressure).await;
        let column = measured.with_context(|| format!("{name} did not go through"))?;
        columns.push(Column { started_in: Some(started_in), idle_bytes: Some(idle_bytes), ..column });
        server.stop()?;
    }
    Ok(columns)
}

/// As many connections as it answers most with: threads of one interpreter get in each other's way.
async fn best_pressure(address: SocketAddr, time: Duration) -> anyhow::Result<Pressure> {
    let queue = Queue::create(address, "probe", json!({})).await?;
    let mut best = (0.0, 1);
    for connections in PEER_CONNECTIONS {
        let short = Pressure { connections, time: PROBE_TIME, pairs_max: PEER_PAIRS_MAX };
        let rate = throughput::send(&queue, &short).await.map_or(0.0, |measured| measured.per_second());
        if rate > best.0 {
            best = (rate, connections);
        }
    }
    queue.call("DeleteQueue", &json!({ "QueueUrl": queue.url })).await?;
    Ok(Pressure { connections: best.1, time, pairs_max: PEER_PAIRS_MAX })
}

fn start(name: &str, programs: &Path, plan: &Plan) -> anyhow::Result<Server> {
    let port = free_port()?;
    let command = match name {
        "moto" => {
            let mut command = Command::new(programs.join("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        }
        _ => {
            let mut command = Command::new(programs.join("ministack"));
            command.env("GATEWAY_PORT", port.to_string()).env("LOG_LEVEL", "WARNING");
            command
        }
    };
    let mut command = command;
    command.current_dir(plan.folder.path());
    Server::on_port(command, port).with_context(|| format!("{name} does not start"))
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
