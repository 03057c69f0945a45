//! Volumes and network interfaces that come to a virtual machine, and leave it, while it runs.
//!
//! What it is to have is known here (its block devices from its keeper, its cards from its VPCs' plans); [`Host::settle`]
//! makes it so, as often as it is asked, and tells the guest. It is asked when something changes, and by whoever listens
//! to the guest's agent, which says a word each time that the guest has started: so a guest that restarts by itself finds
//! its devices as it left them.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ec2::Card;
use network_engine::plan::{InterfacePlan, NamespaceId, VpcPlan};
use sandbox_engine::{BlockDevice, Machine, SandboxError};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use super::agent;
use super::control::Control;
use super::engines::Engines;
use super::host::Host;
use super::microvm;

/// How long a guest has to do something about its devices: it is emulated, and others may work beside it.
const GUEST_TIME: Duration = Duration::from_secs(30);

/// How long QEMU has to answer.
const EMULATOR_TIME: Duration = Duration::from_secs(30);

/// Between attempts to reach an agent whose guest is not up yet.
const PAUSE: Duration = Duration::from_millis(500);

/// The cards that a plan has for the machine in a namespace.
pub fn cards_in(plan: &VpcPlan, home: &NamespaceId) -> Vec<Card> {
    let own = plan.interfaces.iter().filter_map(|interface| {
        let at = interface.home.as_ref().filter(|at| at.namespace == *home)?;
        Some(card(plan, interface, at.index))
    });
    own.collect()
}

fn card(plan: &VpcPlan, interface: &InterfacePlan, index: u8) -> Card {
    let subnet = plan.subnets.iter().find(|subnet| subnet.id == interface.subnet);
    let length = subnet.and_then(|subnet| subnet.cidr).map_or(32, |cidr| cidr.prefix_len());
    let length6 = subnet.and_then(|subnet| subnet.cidr6).map_or(128, |block| block.prefix_len());
    Card {
        interface: interface.id.clone(),
        index,
        mac: interface.mac,
        addresses: interface.addresses.iter().map(|address| (*address, length)).collect(),
        addresses6: interface.addresses6.iter().map(|address| (*address, length6)).collect(),
    }
}

fn lost(what: &str, error: &io::Error) -> SandboxError {
    SandboxError::KeeperLost(format!("{what}: {error}"))
}

impl Host {
    /// The machine if it runs and is a virtual one, with the folder of its sockets.
    fn virtual_machine(&self, id: &str) -> Option<(Machine, PathBuf)> {
        let machine = self.found(id).filter(Machine::is_running)?;
        Some((machine, self.talk_of(id)?))
    }

    /// Gives a virtual machine that runs what it is to have and has not, and tells its guest of all of it.
    pub async fn settle(&self, id: &str) -> Result<(), SandboxError> {
        let Some((machine, talk)) = self.virtual_machine(id) else { return Ok(()) };
        let Ok(engines) = self.engines().await else { return Ok(()) };
        let cards = self.cards_of(&engines.network.home(id));
        let devices = machine.devices()?;
        let plugging = async {
            let mut control = Control::reach(&microvm::control_socket(&talk)).await?;
            let plugged = control.plugged().await?;
            for BlockDevice { name, .. } in &devices {
                if !plugged.contains_key(&microvm::disk_id(name)) {
                    control.plug_disk(name).await?;
                }
            }
            for card in cards.iter().filter(|card| !plugged.contains_key(&microvm::card_id(card))) {
                self.plug_card(engines, id, card, &mut control).await?;
            }
            Ok(())
        };
        match timeout(EMULATOR_TIME, plugging).await {
            Ok(done) => done.map_err(|error| lost("the machine's emulator", &error))?,
            Err(_) => {
                return Err(SandboxError::KeeperLost("the machine's emulator does not answer".to_owned()));
            }
        }
        let words = devices.iter().map(microvm::device_line).chain(cards.iter().map(microvm::card_line));
        // A guest that is not up yet is told when it is.
        let socket = microvm::agent_socket(&talk);
        if let Ok(Err(error)) = timeout(GUEST_TIME, agent::tell(&socket, words.collect())).await {
            tracing::debug!(machine = id, %error, "a guest was not told of its devices");
        }
        Ok(())
    }

    async fn plug_card(
        &self,
        engines: &Engines,
        id: &str,
        card: &Card,
        control: &mut Control,
    ) -> io::Result<()> {
        let home = engines.network.home(id);
        let (device, tap) = (format!("eth{}", card.index), microvm::tap_of(card.index));
        let network = engines.network.path(&home);
        let owner = engines.sandbox.network(id, &network).await.map_err(io::Error::other)?.owner();
        engines.network.tap(&home, &device, &tap, Some(owner)).await.map_err(io::Error::other)?;
        control.plug_card(&microvm::card_id(card), &tap, &microvm::written(card.mac)).await
    }

    /// A volume for a virtual machine that runs.
    pub async fn plug(&self, id: &str, machine: &Machine, device: BlockDevice) -> Result<(), SandboxError> {
        match machine.attach_device(device).await {
            // It ended meanwhile, and begins with it.
            Err(SandboxError::HasEnded(_)) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.settle(id).await,
        }
    }

    /// Takes a volume from a virtual machine that runs. A guest that uses it keeps it, unless it is torn out.
    pub async fn unplug(&self, id: &str, name: &str, force: bool) -> Result<(), SandboxError> {
        let Some((machine, talk)) = self.virtual_machine(id) else { return Ok(()) };
        let busy = || SandboxError::Busy(name.to_owned());
        let mode = if force { "force" } else { "" };
        let socket = microvm::agent_socket(&talk);
        match timeout(GUEST_TIME, agent::drop_device(&socket, "disk", name, mode)).await {
            Ok(Ok(true)) => {}
            _ if !force => return Err(busy()),
            _ => {}
        }
        let pulling = async {
            let mut control = Control::reach(&microvm::control_socket(&talk)).await?;
            let is_gone = control.pull(&microvm::disk_id(name), GUEST_TIME).await?;
            if !is_gone && force {
                control.tear_out(name).await?;
            }
            Ok(is_gone || force)
        };
        match timeout(EMULATOR_TIME + GUEST_TIME, pulling).await {
            Ok(Ok(true)) => machine.detach_device(name, force).await,
            Ok(Ok(false)) | Err(_) => Err(busy()),
            Ok(Err(_)) if !machine.is_running() => Ok(()),
            Ok(Err(error)) => Err(lost("the machine's emulator", &error)),
        }
    }

    /// A plan is in force: the cards of virtual machines follow it.
    pub async fn follow(&self, engines: &Engines, plan: &VpcPlan) {
        let homes = plan.interfaces.iter().filter_map(|interface| interface.home.as_ref());
        for home in homes {
            let tap = microvm::tap_of(home.index);
            if let Err(error) = engines.network.tap(&home.namespace, &home.device, &tap, None).await {
                tracing::error!(%error, "a virtual machine has no network");
            }
        }
        for machine in engines.sandbox.all() {
            let (id, home) = (machine.id().to_owned(), engines.network.home(machine.id()));
            let cards = cards_in(plan, &home);
            let before = self.cards_are(&plan.id, &home, cards.clone());
            if before == cards || self.virtual_machine(&id).is_none() {
                continue;
            }
            let stays = |old: &Card| cards.iter().any(|card| (card.mac, card.index) == (old.mac, old.index));
            let gone: Vec<Card> = before.into_iter().filter(|old| !stays(old)).collect();
            // Guests take their time, which other networks do not wait for.
            self.in_background(|host| async move {
                for card in gone {
                    host.pull_card(&id, &card).await;
                }
                if let Err(error) = host.settle(&id).await {
                    tracing::warn!(machine = id, %error, "a virtual machine lacks what was attached to it");
                }
            });
        }
    }

    async fn pull_card(&self, id: &str, card: &Card) {
        let Some((_, talk)) = self.virtual_machine(id) else { return };
        let (mac, device) = (microvm::written(card.mac), microvm::card_id(card));
        let socket = microvm::agent_socket(&talk);
        timeout(GUEST_TIME, agent::drop_device(&socket, "card", &mac, "")).await.ok();
        let pulling = async {
            let mut control = Control::reach(&microvm::control_socket(&talk)).await?;
            match control.pull(&device, GUEST_TIME).await? {
                true => control.unplugged_card(&device).await,
                false => Err(io::Error::other("the guest does not let go of it")),
            }
        };
        // Its cable is gone already, whatever the guest shows.
        if let Ok(Err(error)) = timeout(EMULATOR_TIME + GUEST_TIME, pulling).await {
            tracing::warn!(machine = id, interface = card.interface, %error, "a network card stays plugged in");
        }
    }

    /// Listens to the agent of a virtual machine, until the machine ends: it is told of its devices whenever it starts.
    pub fn attend(&self, id: &str) {
        let id = id.to_owned();
        self.in_background(|host| async move {
            while let Some((_, talk)) = host.virtual_machine(&id) {
                let listening = async {
                    let mut news = agent::connect(&microvm::news_socket(&talk)).await?;
                    let mut word = [0; 16];
                    while news.read(&mut word).await? > 0 {
                        if let Err(error) = host.settle(&id).await {
                            tracing::warn!(machine = id, %error, "a virtual machine lacks what is attached to it");
                        }
                    }
                    io::Result::Ok(())
                };
                listening.await.ok();
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Presses the reset button of a virtual machine.
    pub async fn reset(&self, id: &str, machine: &Machine) -> Result<(), SandboxError> {
        let Some(talk) = self.talk_of(id) else { return Ok(()) };
        let pressing = async { Control::reach(&microvm::control_socket(&talk)).await?.reset().await };
        match timeout(EMULATOR_TIME, pressing).await {
            Ok(Ok(())) => Ok(()),
            // QEMU itself does not answer: it is started anew, as it was first.
            _ => machine.reboot(Duration::ZERO).await.map(drop),
        }
    }
}
