//! Taps: how an emulator in a machine's namespace has the far end of a guest's cable. What arrives at the cable goes to
//! the tap and back, by the kernel's traffic control, past the namespace's own stack. So the router's end sees a guest's
//! frames as it sees any, and all rules hold.
//!
//! A bridge would not do: the guest has the cable's own hardware address, which a bridge keeps for itself.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::limits::VPC_MTU_BYTES;

const IP: &str = "/usr/sbin/ip";
const TC: &str = "/usr/sbin/tc";

/// What of the host's programs is not there, in words.
pub fn missing() -> Vec<String> {
    let absent = [IP, TC].into_iter().filter(|program| !Path::new(program).exists());
    let mut missing: Vec<String> =
        absent.map(|program| format!("{program} is not there (Debian's package iproute2)")).collect();
    if !Path::new("/dev/net/tun").exists() {
        missing.push("/dev/net/tun is not there (load the module tun)".to_owned());
    }
    missing
}

/// Makes the tap for a user of the host, if it is not there, in the namespace the thread is in.
pub fn make(tap: &str, owner: u32) -> io::Result<()> {
    if exists(tap)? {
        return Ok(());
    }
    run(IP, &format!("tuntap add dev {tap} mode tap user {owner}"))?;
    // The namespace's own stack is to say nothing to the guest.
    run(IP, &format!("link set dev {tap} addrgenmode none mtu {VPC_MTU_BYTES} up"))
}

/// Joins a tap and a cable's end, if both are there and are not joined yet.
pub fn join(tap: &str, device: &str) -> io::Result<()> {
    if !exists(tap)? || !exists(device)? {
        return Ok(());
    }
    for (from, to) in [(device, tap), (tap, device)] {
        let joined = run_for(TC, &format!("filter show dev {from} parent ffff:"))?;
        if joined.contains(&format!("to device {to})")) {
            continue;
        }
        // What is there may lead to a device that is gone.
        run(TC, &format!("qdisc del dev {from} ingress")).ok();
        run(TC, &format!("qdisc add dev {from} ingress"))?;
        let all = "protocol all u32 match u32 0 0 action mirred egress redirect dev";
        run(TC, &format!("filter add dev {from} parent ffff: {all} {to}"))?;
    }
    Ok(())
}

fn exists(device: &str) -> io::Result<bool> {
    // Asked of the namespace, since /sys shows the host's.
    let all = run_for(IP, "-o link show")?;
    Ok(all.lines().any(|line| line.split([':', '@']).nth(1).is_some_and(|name| name.trim() == device)))
}

fn run(program: &str, words: &str) -> io::Result<()> {
    run_for(program, words).map(drop)
}

/// Names of devices have no blanks, so the words are those between blanks.
fn run_for(program: &str, words: &str) -> io::Result<String> {
    let output = Command::new(program)
        .args(words.split(' '))
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .map_err(|error| io::Error::new(error.kind(), format!("{program}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} {words}: {}", said.lines().next().unwrap_or("it failed"))))
}
