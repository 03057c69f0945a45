//! What runs instances: a driver on this host's kernel, or one in memory for tests. Plain data goes in; which engines
//! are behind it, only the composition root knows.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use schema::ByteStream;
use service::{BoxFuture, Nudge};

use crate::model::images::Root;

/// Everything a machine is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineSpec {
    /// The instance's id, which is also the machine's.
    pub id: String,
    pub root: Root,
    /// `/dev/xvda`: which of its volumes it starts from, where its root is a volume.
    pub root_device: String,
    pub vcpus: u32,
    pub memory_bytes: u64,
    /// Without its domain.
    pub hostname: String,
    pub domain: String,
    /// By their device index.
    pub cards: Vec<Card>,
    /// As it came, before base64. Only the first boot acts on it.
    pub user_data: Option<Vec<u8>>,
    /// A line for `authorized_keys`.
    pub public_key: Option<String>,
    pub zone: String,
}

/// A network card: an interface that is attached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    pub interface: String,
    pub index: u8,
    pub mac: [u8; 6],
    /// The primary one first, each with the length of the subnet's prefix.
    pub addresses: Vec<(Ipv4Addr, u8)>,
    pub addresses6: Vec<(Ipv6Addr, u8)>,
}

/// What a machine is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineState {
    /// There is no such machine, or its host lost it.
    Absent,
    Running,
    /// The guest powered itself off, or its first process ended.
    Ended,
}

/// How far a machine answers, for status checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The machine is there and its network is.
    pub system: bool,
    /// The guest's system has come up and answers.
    pub guest: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The host cannot run machines, or not this one; the sentence names what is missing.
    #[error("{0}")]
    Lacking(String),
    #[error("{0}")]
    Failed(String),
}

/// A root file system that was brought in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The driver's name of it; the same for the same archive.
    pub name: String,
    /// `x86_64` or `arm64`
    pub architecture: String,
    pub bytes: u64,
}

/// A driver of machines. All but reading is idempotent: a task does it again after a crash.
pub trait Machines: Send + Sync + 'static {
    /// What this host lacks for running any machine at all, as a sentence.
    fn lacking(&self) -> Option<String>;

    /// What this host lacks for machines whose root is a volume, besides attaching volumes.
    fn lacking_for_volumes(&self) -> Option<String> {
        None
    }

    /// Starts a machine, new or stopped before; done when its first process runs.
    fn launch<'a>(&'a self, spec: &'a MachineSpec) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Asks the guest to shut down, and ends it after `grace`. Its disk stays.
    fn stop<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), MachineError>>;

    fn reboot<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Cuts a machine's power, if it runs. Its disk stays; it counts as [`MachineState::Absent`] until it is launched again.
    fn kill<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Ends a machine if it runs, and takes everything of it away.
    fn remove<'a>(&'a self, id: &'a str, grace: Duration) -> BoxFuture<'a, Result<(), MachineError>>;

    fn state<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<MachineState, MachineError>>;

    fn health<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Health>;

    /// The end of what the machine wrote to its console.
    fn console<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Vec<u8>>;

    /// Brings in an archive of a root file system, to launch machines from. `id` is the image's.
    fn import<'a>(
        &'a self,
        id: &'a str,
        archive: ByteStream,
    ) -> BoxFuture<'a, Result<Imported, MachineError>>;

    /// The names of all that was brought in.
    fn imported(&self) -> BoxFuture<'_, Vec<String>>;

    /// Takes away what was brought in. No machine is made from it any more.
    fn discard<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<(), MachineError>>;

    /// Who is to be woken when a machine ends by itself.
    fn watched_by(&self, nudge: Nudge);

    /// The machines that ended by themselves since this was asked last.
    fn ended(&self) -> Vec<String>;
}
