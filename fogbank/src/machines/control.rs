//! Talk with QEMU in its own language (QMP): what is plugged into its machine, plugging in, and pulling out.
//!
//! What comes and goes is in ports that the machine has from its start. QEMU serves one conversation at a time, so what is
//! done in one cannot meet what is done in another. What it says is bounded, as all that comes from there.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

use super::agent;
use super::microvm::{DISK, NETWORK_CARD, PORTS, disk_id, disk_words, port};

const LINE_BYTES_MAX: u64 = 1 << 20;

/// Where QEMU keeps the devices that were given names.
const DEVICES: &str = "/machine/peripheral";

/// How often is looked whether a guest has let go of a device.
const LOOK: Duration = Duration::from_millis(100);

pub struct Control(BufReader<UnixStream>);

impl Control {
    pub async fn reach(socket: &Path) -> io::Result<Control> {
        let mut control = Control(BufReader::new(agent::connect(socket).await?));
        // The greeting.
        control.hear().await?;
        control.ask("qmp_capabilities", json!({})).await?;
        Ok(control)
    }

    async fn hear(&mut self) -> io::Result<Value> {
        let mut line = Vec::new();
        (&mut self.0).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        serde_json::from_slice(&line).map_err(io::Error::other)
    }

    /// What a command answers; what QEMU tells unasked in between is passed over.
    async fn ask(&mut self, command: &str, arguments: Value) -> io::Result<Value> {
        let asked = json!({ "execute": command, "arguments": arguments });
        self.0.get_mut().write_all(format!("{asked}\n").as_bytes()).await?;
        loop {
            let mut told = self.hear().await?;
            if let Some(answer) = told.get_mut("return") {
                return Ok(answer.take());
            }
            if let Some(error) = told.get("error") {
                let why = error["desc"].as_str().unwrap_or("it does not say why");
                return Err(io::Error::other(format!("QEMU refuses {command}: {why}")));
            }
        }
    }

    /// For what QMP has no command of its own; QEMU answers in words for people.
    async fn ask_in_words(&mut self, line: &str) -> io::Result<()> {
        let answer = self.ask("human-monitor-command", json!({ "command-line": line })).await?;
        match answer.as_str().map_or("", str::trim) {
            "" | "OK" => Ok(()),
            why => Err(io::Error::other(format!("QEMU refuses {line}: {why}"))),
        }
    }

    /// The disks and cards of the machine, each with the port that it is in.
    pub async fn plugged(&mut self) -> io::Result<BTreeMap<String, String>> {
        let listed = self.ask("qom-list", json!({ "path": DEVICES })).await?;
        let names = listed.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str());
        let mut plugged = BTreeMap::new();
        for name in names.filter(|name| name.starts_with("disk-") || name.starts_with("card-")) {
            let path = format!("{DEVICES}/{name}");
            // A guest may let go of it between the two questions.
            let asked = self.ask("qom-get", json!({ "path": path, "property": "parent_bus" })).await;
            let bus = asked.ok().and_then(|bus| Some(bus.as_str()?.rsplit('/').next()?.to_owned()));
            plugged.insert(name.to_owned(), bus.unwrap_or_default());
        }
        Ok(plugged)
    }

    async fn free_port(&mut self) -> io::Result<String> {
        let plugged = self.plugged().await?;
        let is_free = |port: &String| !plugged.values().any(|taken| taken == port);
        let found = (0..PORTS).map(port).find(is_free);
        found.ok_or_else(|| io::Error::other(format!("all {PORTS} ports of the machine are taken")))
    }

    /// Plugs a disk in that is in QEMU's /dev under that name.
    pub async fn plug_disk(&mut self, name: &str) -> io::Result<()> {
        let (port, id) = (self.free_port().await?, disk_id(name));
        // What an earlier attempt left.
        self.ask_in_words(&format!("drive_del {id}")).await.ok();
        self.ask_in_words(&format!("drive_add 0 {}", disk_words(name))).await?;
        let device = json!({ "driver": DISK, "id": id, "drive": id, "serial": name, "bus": port });
        let plugged = self.ask("device_add", device).await;
        if plugged.is_err() {
            self.ask_in_words(&format!("drive_del {id}")).await.ok();
        }
        plugged.map(drop)
    }

    /// Plugs a card in, at the tap of that name.
    pub async fn plug_card(&mut self, id: &str, tap: &str, mac: &str) -> io::Result<()> {
        let port = self.free_port().await?;
        self.ask("netdev_del", json!({ "id": id })).await.ok();
        let end = json!({ "type": "tap", "id": id, "ifname": tap, "script": "no", "downscript": "no" });
        self.ask("netdev_add", end).await?;
        let device = json!({
            "driver": NETWORK_CARD, "id": id, "netdev": id, "mac": mac, "bus": port, "romfile": "",
        });
        let plugged = self.ask("device_add", device).await;
        if plugged.is_err() {
            self.ask("netdev_del", json!({ "id": id })).await.ok();
        }
        plugged.map(drop)
    }

    /// Asks the guest for a device, and waits until it has let go of it. Whether it has.
    pub async fn pull(&mut self, id: &str, limit: Duration) -> io::Result<bool> {
        if !self.plugged().await?.contains_key(id) {
            return Ok(true);
        }
        // Refused where the guest lets go of it just now, or was asked before.
        self.ask("device_del", json!({ "id": id })).await.ok();
        let waiting = async {
            while self.plugged().await?.contains_key(id) {
                tokio::time::sleep(LOOK).await;
            }
            io::Result::Ok(())
        };
        match tokio::time::timeout(limit, waiting).await {
            Ok(gone) => gone.map(|()| true),
            Err(_) => Ok(false),
        }
    }

    /// Takes what a disk leads to from it, whatever the guest does: all that it does with the disk from now on fails.
    pub async fn tear_out(&mut self, name: &str) -> io::Result<()> {
        self.ask_in_words(&format!("drive_del {}", disk_id(name))).await
    }

    /// Frees what a card that is gone led to.
    pub async fn unplugged_card(&mut self, id: &str) -> io::Result<()> {
        self.ask("netdev_del", json!({ "id": id })).await.map(drop)
    }

    /// Presses the machine's reset button. What was plugged in since its start stays.
    pub async fn reset(&mut self) -> io::Result<()> {
        self.ask("system_reset", json!({})).await.map(drop)
    }
}
