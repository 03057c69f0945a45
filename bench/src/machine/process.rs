//! Servers as child processes: started on a free port, watched, and ended by their id.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::limits::{START_TIME_MAX, STOP_TIME_MAX};
use crate::machine::facts::field;

/// A server that runs, and is killed when dropped.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// From the start of the process until it served.
    pub started_in: Duration,
}

impl Server {
    /// Starts a server that prints its address somewhere, and then `ready` on a line of its own.
    pub fn that_says_ready(mut command: Command) -> anyhow::Result<Server> {
        let start = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("no start")?;
        let stdout = child.stdout.take().expect("it was asked for above");
        let (found, finding) = mpsc::channel();
        // Goes on reading after `ready`, so that a full pipe never blocks the server.
        std::thread::spawn(move || {
            let mut address = None;
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                address = address.or_else(|| address_in(&line));
                if line == "ready" {
                    found.send((address, Instant::now())).ok();
                }
            }
        });
        let Ok((address, ready)) = finding.recv_timeout(START_TIME_MAX) else {
            child.kill().ok();
            let status = child.wait()?;
            bail!("the server did not say ready ({status})");
        };
        let address = address.context("the server did not print its address")?;
        Ok(Server { child, address, started_in: ready - start })
    }

    /// Starts a server on a port of our choice, and waits until it takes connections.
    pub fn on_port(mut command: Command, port: u16) -> anyhow::Result<Server> {
        let start = Instant::now();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = quiet.spawn().context("no start")?;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = child.try_wait()? {
                bail!("the server ended before it served ({status})");
            }
            if start.elapsed() > START_TIME_MAX {
                child.kill().ok();
                child.wait()?;
                bail!("the server did not take connections in time");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(Server { child, address, started_in: start.elapsed() })
    }

    /// Resident memory, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        field(&status, "VmRSS").trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
    }

    /// The processor time that all its threads have taken.
    pub fn processor_time(&self) -> Duration {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // After the name, which may contain anything, in brackets.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let ticks: f64 = fields.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.context("processes have an id")?, Signal::TERM)?;
        let start = Instant::now();
        while start.elapsed() < STOP_TIME_MAX {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err(anyhow!("the server did not end when it was asked to"))
    }

    /// The power cut.
    pub fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is all that is wanted here.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Memory of a process, in bytes: resident, and of pages that it shares with others its share.
pub fn memory_of(id: u32) -> (u64, u64) {
    let rollup = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let bytes = |name| field(&rollup, name).trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024;
    (bytes("Rss"), bytes("Pss"))
}

/// What a folder takes on disk, in bytes: blocks, not lengths.
pub fn disk_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        // Files come and go while a server works.
        let Ok(entry) = entry else { continue };
        let Ok(metadata) = entry.metadata() else { continue };
        total +=
            if metadata.is_dir() { disk_bytes(&entry.path()).unwrap_or(0) } else { metadata.blocks() * 512 };
    }
    Ok(total)
}

/// The address in a line such as `address   http://127.0.0.1:4566`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = &line[line.find("http://")? + "http://".len()..];
    let end = rest.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_a_banner() {
        let expected = Some("127.0.0.1:4566".parse().unwrap());
        for line in ["http://127.0.0.1:4566", "  address  http://127.0.0.1:4566/ (here)"] {
            assert_eq!(address_in(line), expected, "{line}");
        }
        assert_eq!(address_in("data /tmp"), None);
    }
}
