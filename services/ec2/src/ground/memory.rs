//! Machines in memory: nothing runs, everything is remembered. For tests of what is around them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use service::{BoxFuture, Nudge};

use super::machines::{Health, MachineError, MachineSpec, MachineState, Machines};

#[derive(Default)]
pub struct MemoryMachines(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    machines: BTreeMap<String, Machine>,
    ended: Vec<String>,
    watching: Option<Nudge>,
    failing: Option<String>,
}

struct Machine {
    spec: MachineSpec,
    running: bool,
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
                boots: 0,
                healthy: true,
            });
            machine.spec = spec.clone();
            if !machine.running {
                machine.boots += 1;
            }
            machine.running = true;
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

    fn watched_by(&self, nudge: Nudge) {
        self.with(|inner| inner.watching = Some(nudge));
    }

    fn ended(&self) -> Vec<String> {
        self.with(|inner| std::mem::take(&mut inner.ended))
    }
}
