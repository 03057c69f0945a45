//! Runs `nft` on a transaction, or for a listing, in the namespace the thread is in. The child inherits the namespace,
//! so nothing is entered twice.

use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// One atomic transaction: all of the commands, or none.
pub fn run(nft: &Path, commands: Vec<Value>) -> io::Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    call(nft, json!({ "nftables": commands })).map(drop)
}

/// What the command (`list …`) answers.
pub fn ask(nft: &Path, command: Value) -> io::Result<Vec<Value>> {
    let answer = call(nft, json!({ "nftables": [command] }))?;
    let mut answer: Value = serde_json::from_slice(&answer)?;
    match answer["nftables"].take() {
        Value::Array(objects) => Ok(objects),
        _ => Ok(Vec::new()),
    }
}

fn call(nft: &Path, script: Value) -> io::Result<Vec<u8>> {
    let mut child = Command::new(nft)
        .args(["-j", "-f", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", nft.display())))?;
    let mut input = child.stdin.take().expect("it was asked for");
    let script = serde_json::to_vec(&script)?;
    // nft reads all of its input before it says anything, so the pipe cannot fill up in both directions.
    let sent = input.write_all(&script);
    std::mem::drop(input);
    let output = child.wait_with_output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words = words.lines().next().unwrap_or("nft refused the rules").to_owned();
        tracing::debug!(script = %String::from_utf8_lossy(&script), "rules that nft refused");
        return Err(io::Error::other(words));
    }
    sent?;
    Ok(output.stdout)
}
