//! Instances with a kernel of their own: each is QEMU, which the sandbox engine holds as it holds any single program. So
//! who keeps it, its limits, its console and its adoption are those of all machines.
//!
//! Its network is a tap in the instance's namespace, joined to the interface; its disks are the instance's volumes. A first
//! file system with drivers sets both up and puts the first boot's files in place. See
//! docs/decisions/2026-11-23-microvm.md.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use ec2::{Card, MachineError, MachineSpec};
use image_engine::{Facts, GuestFile, ImageRoot, Init, emulator};
use network_engine::names::GATEWAY6;
use sandbox_engine::{Bind, BlockDevice, File, Kind, Limits};

use super::host::failed;

/// What QEMU takes beside its guest's memory: its code, what it made of the guest's (64 MiB of that), and buffers.
const EMULATOR_BYTES: u64 = 320 << 20;
const TRANSLATED_MIB: u32 = 64;

/// Threads of QEMU beside the guest's processors.
const EMULATOR_THREADS: u64 = 64;

/// Where the host's instructions and files lie for QEMU, and where it opens the way to its guest's agent.
const SETUP: &str = "/machine/setup";
const FILES: &str = "/machine/files";
const TALK: &str = "/talk";

/// What a guest's kernel is told where nothing is measured right: the speed of its clock.
const EMULATED_WORDS: &str = "tsc_early_khz=2500000 no_timer_check";

/// What every guest's kernel is told: names of interfaces as the other instances have them. A restart goes through the
/// processor's own reset, since there is no keyboard controller. The ports are the kernel's to serve, which it would not
/// take without being told: the machine's ACPI offers them to it before it can reach their registers.
const KERNEL_WORDS: &str = "console=ttyS0 reboot=t panic=10 net.ifnames=0 pcie_ports=native quiet";

/// What QEMU calls disks and cards.
pub const DISK: &str = "virtio-blk-pci";
pub const NETWORK_CARD: &str = "virtio-net-pci";

/// Ports that disks and cards come into while the machine runs, and leave: all but the root and the first card. EC2 has 28
/// attachments of all kinds on most types ("Amazon EBS volume limits for Amazon EC2 instances").
pub const PORTS: u8 = 32;

/// They are functions of devices from this one on, beyond those that QEMU numbers itself.
const FIRST_OF_PORTS: u8 = 0x18;
const FUNCTIONS: u8 = 8;

pub fn port(number: u8) -> String {
    format!("port-{number}")
}

/// The tap of an interface, in the same namespace.
pub fn tap_of(index: u8) -> String {
    format!("tap-eth{index}")
}

pub fn disk_id(name: &str) -> String {
    format!("disk-{name}")
}

/// Another interface at the same index is another card.
pub fn card_id(card: &Card) -> String {
    format!("card-{}-{}", card.index, written(card.mac).replace(':', ""))
}

/// What a disk leads to, in QEMU's words.
pub fn disk_words(name: &str) -> String {
    let how = "format=raw,cache=none,aio=threads,discard=unmap";
    format!("if=none,id={},file=/dev/{name},{how}", disk_id(name))
}

/// Where a virtual machine's files on the host are, in the folder of what the instance changes. It is there as long as
/// the instance, and shows that it is one.
pub fn talk_folder(folder: &Path) -> PathBuf {
    folder.join("talk")
}

/// In that folder, the socket that leads to a guest's agent.
pub fn agent_socket(talk: &Path) -> PathBuf {
    talk.join("agent")
}

/// The socket on which the agent says that its guest has started.
pub fn news_socket(talk: &Path) -> PathBuf {
    talk.join("news")
}

/// The socket that leads to QEMU itself.
pub fn control_socket(talk: &Path) -> PathBuf {
    talk.join("control")
}

/// What a virtual machine is made of.
pub struct Guest<'a> {
    pub spec: &'a MachineSpec,
    pub image: &'a ImageRoot,
    /// Of the system on its root volume.
    pub facts: &'a Facts,
    pub files: &'a [GuestFile],
    /// All volumes, the root's too.
    pub devices: Vec<BlockDevice>,
    /// The root volume's name among them.
    pub root: &'a str,
    /// Its own, for what QEMU writes, and for the socket.
    pub folder: &'a Path,
    /// KVM runs it; else it is emulated.
    pub kvm: bool,
}

impl Guest<'_> {
    /// The machine that is QEMU.
    pub async fn machine(self) -> Result<sandbox_engine::MachineSpec, MachineError> {
        let talk = talk_folder(self.folder);
        tokio::fs::create_dir_all(&talk).await.map_err(failed)?;
        let setup = setup(self.spec, self.facts, &self.devices, self.root)?;
        let archive = emulator::archive(self.files).map_err(failed)?;
        let file = |path: &str, bytes: Vec<u8>| File { path: path.into(), mode: 0o600, bytes };
        let (lower, upper) = (self.image.folder.clone(), self.folder.join("emulator"));
        let spec = sandbox_engine::MachineSpec::new(&self.spec.id, Kind::Emulator, lower, upper, &[]);
        Ok(sandbox_engine::MachineSpec {
            init: words(self.spec, &self.devices, self.root, self.kvm),
            kvm: self.kvm,
            files: vec![file(SETUP, setup.into_bytes()), file(FILES, archive)],
            binds: vec![Bind { source: talk, target: TALK.into(), read_only: false }],
            limits: Limits {
                vcpus: f64::from(self.spec.vcpus),
                memory_bytes: self.spec.memory_bytes + EMULATOR_BYTES,
                pids: EMULATOR_THREADS + u64::from(self.spec.vcpus),
                disk: None,
            },
            devices: self.devices,
            ..spec
        })
    }
}

/// QEMU's command line. What is in it are numbers, and names without commas.
fn words(spec: &MachineSpec, devices: &[BlockDevice], root: &str, kvm: bool) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    add("-machine", "microvm,acpi=on,pcie=on".to_owned());
    if kvm {
        add("-accel", "kvm".to_owned());
    }
    // Beside KVM, for a host that has lost it since it was tried.
    add("-accel", format!("tcg,thread=multi,tb-size={TRANSLATED_MIB}"));
    add("-cpu", "max".to_owned());
    add("-m", format!("{}M", spec.memory_bytes >> 20));
    add("-smp", spec.vcpus.to_string());
    add("-display", "none".to_owned());
    add("-serial", "stdio".to_owned());
    add("-monitor", "none".to_owned());
    add("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny".to_owned());
    add("-kernel", emulator::KERNEL.to_owned());
    add("-initrd", emulator::INITIAL.to_owned());
    add("-append", if kvm { KERNEL_WORDS.to_owned() } else { format!("{EMULATED_WORDS} {KERNEL_WORDS}") });
    add("-fw_cfg", format!("name=opt/fogbank/setup,file={SETUP}"));
    add("-fw_cfg", format!("name=opt/fogbank/files,file={FILES}"));
    for number in 0..PORTS {
        let at = format!("{:x}.{}", FIRST_OF_PORTS + number / FUNCTIONS, number % FUNCTIONS);
        let many = if number % FUNCTIONS == 0 { ",multifunction=on" } else { "" };
        let slot = number + 1;
        let how = format!("chassis={slot},slot={slot},addr={at}{many}");
        add("-device", format!("pcie-root-port,id={},{how}", port(number)));
    }
    // The root and the first card stay as long as the machine runs.
    let mut ports = (0..PORTS).map(|number| format!(",bus={}", port(number)));
    let mut place = |stays: bool| if stays { String::new() } else { ports.next().unwrap_or_default() };
    for BlockDevice { name, .. } in devices {
        let (id, at) = (disk_id(name), place(name == root));
        add("-drive", disk_words(name));
        add("-device", format!("{DISK},id={id},drive={id},serial={name}{at}"));
    }
    for card in &spec.cards {
        let (id, tap, at) = (card_id(card), tap_of(card.index), place(card.index == 0));
        add("-netdev", format!("tap,id={id},ifname={tap},script=no,downscript=no"));
        // Without a boot ROM, which only firmware that starts from a network reads.
        add("-device", format!("{NETWORK_CARD},id={id},netdev={id},mac={},romfile={at}", written(card.mac)));
    }
    add("-device", "virtio-rng-pci".to_owned());
    add("-device", "virtio-serial-pci".to_owned());
    for name in ["agent", "news"] {
        add("-chardev", format!("socket,id={name},path={TALK}/{name},server=on,wait=off"));
        add("-device", format!("virtserialport,chardev={name},name=fogbank.{name}"));
    }
    add("-chardev", format!("socket,id=control,path={TALK}/control,server=on,wait=off"));
    add("-mon", "chardev=control,mode=control".to_owned());
    let flags = ["-nodefaults", "-no-user-config"].map(str::to_owned);
    [vec![emulator::PROGRAM.to_owned()], flags.to_vec(), words].concat()
}

/// As `02:00:00:00:00:07`.
pub fn written(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// What the first file system's init is told, in the words of `engines/image/guest/emulator/init`.
fn setup(
    spec: &MachineSpec,
    facts: &Facts,
    devices: &[BlockDevice],
    root: &str,
) -> Result<String, MachineError> {
    // The signals that power off and restart, by number, since shells differ in the names they know: systemd(1), and
    // busybox's init.c.
    let (stop, reboot) = match facts.init {
        Init::Systemd => (38, 39),
        Init::Busybox | Init::Other => (12, 15),
        Init::Process => {
            let why = "the system on the root volume has no init, which a virtual machine needs";
            return Err(MachineError::Failed(why.to_owned()));
        }
    };
    let mut text = format!("root={root}\nstop={stop}\nreboot={reboot}\ninit=/sbin/init\n");
    for line in devices.iter().map(device_line).chain(spec.cards.iter().map(card_line)) {
        text.push_str(&line);
    }
    Ok(text)
}

/// A disk, as the guest is told of it at its start and later.
pub fn device_line(device: &BlockDevice) -> String {
    format!("device {} {}\n", device.name, device.by_id.as_deref().unwrap_or_default())
}

/// An interface, as the guest is told of it at its start and later.
pub fn card_line(card: &Card) -> String {
    // Busybox knows tables up to 255.
    let table = if card.index == 0 { "main".to_owned() } else { format!("{}", 100 + u32::from(card.index)) };
    // The first address of the subnet is its gateway's.
    let gateway = card.addresses.first().map_or_else(
        || "0.0.0.0".to_owned(),
        |(address, length)| {
            let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
            std::net::Ipv4Addr::from((u32::from(*address) & mask) + 1).to_string()
        },
    );
    let name = format!("eth{}", card.index);
    let mut line = format!("card {name} {} {table} {gateway} {GATEWAY6}", written(card.mac));
    for (address, length) in &card.addresses {
        write!(line, " {address}/{length}").expect("writing to a string cannot fail");
    }
    for (address, _) in &card.addresses6 {
        write!(line, " {address}/128").expect("writing to a string cannot fail");
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_told_with_its_subnets_gateway() {
        let card = Card {
            interface: "eni-1".to_owned(),
            index: 0,
            mac: [2, 0, 0, 0, 0, 0xfe],
            addresses: vec![([10, 0, 17, 5].into(), 20), ([10, 0, 17, 6].into(), 20)],
            addresses6: Vec::new(),
        };
        let expected = "card eth0 02:00:00:00:00:fe main 10.0.16.1 fe80::1 10.0.17.5/20 10.0.17.6/20\n";
        assert_eq!(card_line(&card), expected);
        let second = card_line(&Card { index: 1, ..card });
        assert!(second.starts_with("card eth1 ") && second.contains(" 101 10.0.16.1 "), "{second}");
    }
}
