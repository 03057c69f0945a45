//! Machines in memory: nothing runs, everything is remembered. For tests of what is around them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::TryStreamExt;
use schema::ByteStream;
use service::{BoxFuture, Nudge};

use super::machines::{Health, Imported, MachineError, MachineSpec, MachineState, Machines};

#[derive(Default)]
pub struct MemoryMachines(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    machines: BTreeMap<String, Machine>,
    ended: Vec<String>,
    watching: Option<Nudge>,
    failing: Option<String>,
    /// Archives that were brought in, by a digest of their bytes.
    archives: BTreeMap<String, u64>,
}

struct Machine {
    spec: MachineSpec,
    running: bool,
    /// Its power was cut.
    killed: bool,
    boots: u32,
    healthy: bool,
}

impl MemoryMachines {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The guest powers itself off.
    pub fn power_off(&self, id: &str) {
        self.with(|inner| {
            if let Some(machine) = inner.machines.get_mut(id) {
                machine.running = false;
                inner.ended.push(id.to_owned());
            }
            inner.watching.iter().for_each(Nudge::nudge);
        });
    }

    /// The host loses every machine, as if its power had gone.
    pub fn lose_all(&self) {
        self.with(|inner| inner.machines.clear());
    }

    /// Launches fail from now on, for this reason, or go well again.
    pub fn fail(&self, reason: Option<&str>) {
        self.with(|inner| inner.failing = reason.map(str::to_owned));
    }

    /// The guest stops answering, or answers again.
    pub fn set_healthy(&self, id: &str, healthy: bool) {
        self.with(|inner| {
            if let Some(machine) = inner.machines.get_mut(id) {
                machine.healthy = healthy;
            }
        });
    }

    /// What a machine was last launched from.
    pub fn spec(&self, id: &str) -> Option<MachineSpec> {
        self.with(|inner| inner.machines.get(id).map(|machine| machine.spec.clone()))
    }

    pub fn boots(&self, id: &str) -> u32 {
        self.with(|inner| inner.machines.get(id).map_or(0, |machine| machine.boots))
    }

    /// The archives that were brought in and are still kept.
    pub fn archives(&self) -> Vec<String> {
        self.with(|inner| inner.archives.keys().cloned().collect())
    }

    /// Those that run.
    pub fn running(&self) -> Vec<String> {
        let running = |inner: &mut Inner| {
            let all = inner.machines.iter().filter(|(_, machine)| machine.running);
            all.map(|(id, _)| id.clone()).collect()
        };
        self.with(running)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(async move { value })
}

impl Machines for MemoryMachines {
    fn lacking(&self) -> Option<String> {
        None
    }

    fn launch<'a>(&'a self, spec: &'a MachineSpec) -> BoxFuture<'a, Result<(), MachineError>> {
        ready(self.with(|inner| {
            if let Some(reason) = &inner.failing {
                return Err(MachineError::Failed(reason.clone()));
            }
            let machine = inner.machines.entry(spec.id.clone()).or_insert_with(|| Machine {
                spec: spec.clone(),
                running: false,
                killed: false,
                boots: 0,
                healthy: true,
            });
            machine.spec = spec.clone();
            if !machine.running {
                machine.boots += 1;
            }
            (machine.running, machine.killed) = (true, false);
            Ok(())
        }))
    }

    fn stop<'a>(&'a self, id: &'a str, _: Duration) -> BoxFuture<'a, Result<(), MachineError>> {
        ready(self.with(|inner| {
            if let Some(machine) = inner.machines.get_mut(id) {
                machine.running = false;
            }
            Ok(())
        }))
    }

    fn kill<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), MachineError>> {
        ready(self.with(|inner| {
            if let Some(machine) = inner.machines.get_mut(id).filter(|machine| machine.running) {
                (machine.running, machine.killed) = (false, true);
            }
            Ok(())
        }))
    }

    fn reboot<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), MachineError>> {
        ready(self.with(|inner| match inner.machines.get_mut(id) {
            Some(machine) => {
                machine.boots += 1;
                Ok(())
            }
            None => Err(MachineError::Failed(format!("there is no machine {id}"))),
        }))
    }

    fn remove<'a>(&'a self, id: &'a str, _: Duration) -> BoxFuture<'a, Result<(), MachineError>> {
        ready(self.with(|inner| {
            inner.machines.remove(id);
            Ok(())
        }))
    }

    fn state<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<MachineState, MachineError>> {
        ready(self.with(|inner| {
            Ok(match inner.machines.get(id) {
                None => MachineState::Absent,
                Some(machine) if machine.running => MachineState::Running,
                Some(machine) if machine.killed => MachineState::Absent,
                Some(_) => MachineState::Ended,
            })
        }))
    }

    fn health<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Health> {
        ready(self.with(|inner| {
            let machine = inner.machines.get(id).filter(|machine| machine.running);
            Health { system: machine.is_some(), guest: machine.is_some_and(|machine| machine.healthy) }
        }))
    }

    fn console<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Vec<u8>> {
        ready(self.with(|inner| match inner.machines.get(id) {
            Some(machine) => {
                format!("{} booted {} times\n", machine.spec.hostname, machine.boots).into_bytes()
            }
            None => Vec::new(),
        }))
    }

    /// Takes whatever there is for a root file system of this kind of host, but nothing.
    fn import<'a>(
        &'a self,
        _: &'a str,
        archive: ByteStream,
    ) -> BoxFuture<'a, Result<Imported, MachineError>> {
        Box::pin(async move {
            let failed = |error: std::io::Error| MachineError::Failed(error.to_string());
            let chunks: Vec<bytes::Bytes> =
                archive.take().map_err(std::io::Error::other).try_collect().await.map_err(failed)?;
            let bytes = chunks.concat();
            if bytes.is_empty() {
                return Err(MachineError::Failed("the archive is empty".to_owned()));
            }
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
            let name = format!("tar-{}", URL_SAFE_NO_PAD.encode(digest).to_lowercase());
            self.with(|inner| inner.archives.insert(name.clone(), bytes.len() as u64));
            Ok(Imported { name, architecture: "x86_64".to_owned(), bytes: bytes.len() as u64 })
        })
    }

    fn imported(&self) -> BoxFuture<'_, Vec<String>> {
        ready(self.with(|inner| inner.archives.keys().cloned().collect()))
    }

    fn discard<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), MachineError>> {
        ready(self.with(|inner| {
            inner.archives.remove(name);
            Ok(())
        }))
    }

    fn watched_by(&self, nudge: Nudge) {
        self.with(|inner| inner.watching = Some(nudge));
    }

    fn ended(&self) -> Vec<String> {
        self.with(|inner| std::mem::take(&mut inner.ended))
    }
}
