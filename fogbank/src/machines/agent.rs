//! Talk with the agent of a virtual machine: a shell in its guest, at the end of a serial line that QEMU leads to a socket.
//!
//! What comes from there is the guest's, and the socket lies in a folder that QEMU may write to, so neither is believed:
//! the socket may be none, and words may be long or never come.

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags};
use sandbox_engine::{How, Machine, SandboxError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The agent's longest line: a word and the name of a device.
const LINE_BYTES_MAX: usize = 128;

/// How long a kernel takes to say that it is gone, after its init was told.
const PAUSE: Duration = Duration::from_millis(50);

pub struct Agent(BufReader<UnixStream>);

/// Opens a socket of QEMU's.
pub async fn connect(socket: &Path) -> io::Result<UnixStream> {
    // Paths of sockets are short, this one need not be; and a link in its place is not followed.
    let found = rustix::fs::open(socket, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if FileType::from_raw_mode(rustix::fs::fstat(&found)?.st_mode) != FileType::Socket {
        return Err(io::Error::other("QEMU has put something else in the place of its socket"));
    }
    let number = std::os::fd::AsRawFd::as_raw_fd(&found);
    UnixStream::connect(format!("/proc/self/fd/{number}")).await
}

impl Agent {
    pub async fn reach(socket: &Path) -> io::Result<Agent> {
        Ok(Agent(BufReader::new(connect(socket).await?)))
    }

    pub async fn say(&mut self, word: &str) -> io::Result<()> {
        self.0.get_mut().write_all(format!("{word}\n").as_bytes()).await
    }

    /// Waits for that line.
    pub async fn hear(&mut self, wanted: &str) -> io::Result<()> {
        self.hear_one(&[wanted]).await.map(drop)
    }

    /// Waits for one of these lines; which it is.
    async fn hear_one(&mut self, wanted: &[&str]) -> io::Result<usize> {
        let mut line = Vec::new();
        loop {
            match self.0.read_u8().await? {
                b'\n' => match wanted.iter().position(|wanted| line == wanted.as_bytes()) {
                    Some(which) => return Ok(which),
                    None => line.clear(),
                },
                byte if line.len() < LINE_BYTES_MAX => line.push(byte),
                _ => {}
            }
        }
    }
}

/// Tells the guest of its devices, and waits until it has done something about them.
pub async fn tell(socket: &Path, lines: Vec<String>) -> io::Result<()> {
    let mut agent = Agent::reach(socket).await?;
    for line in lines {
        agent.say(line.trim_end()).await?;
    }
    agent.say("ping").await?;
    agent.hear("pong").await
}

/// Asks the guest to let go of a disk or card. Whether it does, or uses it.
pub async fn drop_device(socket: &Path, kind: &str, name: &str, how: &str) -> io::Result<bool> {
    let mut agent = Agent::reach(socket).await?;
    agent.say(format!("drop {kind} {name} {how}").trim_end()).await?;
    let answers = [format!("free {name}"), format!("busy {name}")];
    Ok(agent.hear_one(&answers.each_ref().map(String::as_str)).await? == 0)
}

/// Whether the guest answers.
pub async fn is_well(socket: &Path, limit: Duration) -> bool {
    let asking = async {
        let mut agent = Agent::reach(socket).await?;
        agent.say("ping").await?;
        agent.hear("pong").await
    };
    matches!(timeout(limit, asking).await, Ok(Ok(())))
}

/// Asks the guest to shut down, and cuts its power after `grace`.
pub async fn stop(machine: &Machine, socket: &Path, grace: Duration) -> Result<How, SandboxError> {
    let asking = async {
        // Held until the end: a guest that comes up yet hears it then.
        let mut agent = Agent::reach(socket).await;
        if let Ok(agent) = &mut agent {
            agent.say("stop").await.ok();
        }
        while machine.is_running() {
            tokio::time::sleep(PAUSE).await;
        }
    };
    timeout(grace, asking).await.ok();
    match machine.is_running() {
        true => machine.kill().await,
        false => machine.wait().await,
    }
}

/// Asks the guest to restart; whether it is up again within `grace`.
pub async fn reboot(socket: &Path, grace: Duration) -> bool {
    let asking = async {
        let mut agent = Agent::reach(socket).await?;
        agent.say("reboot").await?;
        agent.hear("rebooting").await?;
        agent.hear("up").await
    };
    matches!(timeout(grace, asking).await, Ok(Ok(())))
}
