//! IPsec in user space: strongSwan's daemon with its `kernel-libipsec` plug-in, one process a VPN connection, in the
//! connection's namespace. The kernel needs neither ESP nor XFRM for it, only TUN devices.
//!
//! The daemon outlives us, as machines do, and is found again by its process id. Its folder is in memory (below /run):
//! the keys in it never reach the disk.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use super::namespace::within;
use super::reconcile::is_there;
use crate::limits::{IPSEC_LOOK_TIME, IPSEC_START_TIME_MAX};
use crate::names::IPSEC;
use crate::plan::{TunnelPlan, VpnPlan};
use crate::settings::Ipsec;

/// What AWS offers by default, as far as the daemon's usual plug-ins know it.
const PROPOSALS: &str =
    "aes128-aes256-sha1-sha256-sha384-sha512-modp1024-modp2048-modp3072-modp4096-modp6144-modp8192";

/// Where one daemon's files are.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn of(settings: &Ipsec, name: &str) -> Place {
        Place { folder: settings.folder.join(name) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn uri(&self) -> String {
        format!("unix://{}", self.file("vici").display())
    }

    /// The daemon that an earlier start left, if it still runs.
    fn running(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.file("pid")).ok()?;
        let (pid, began) = text.trim().split_once(' ')?;
        let pid: i32 = pid.parse().ok()?;
        // One that we started and that ended waits to be reaped.
        let pid = Pid::from_raw(pid)?;
        waitpid(Some(pid), WaitOptions::NOHANG).ok();
        (began_at(pid).as_deref() == Some(began)).then_some(pid)
    }
}

/// When a process began, in ticks since the host did: with its id, this names it.
fn began_at(pid: Pid) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    after_name.split_whitespace().nth(19).map(str::to_owned)
}

/// What this host lacks for it, in words.
pub fn missing(settings: &Ipsec) -> Vec<String> {
    let package = [
        (&settings.daemon, "charon-systemd"),
        (&settings.control, "strongswan-swanctl"),
        (&settings.plugin, "libcharon-extra-plugins"),
    ];
    let lacking = package.into_iter().filter(|(path, _)| !path.exists());
    let mut missing: Vec<String> = lacking
        .map(|(path, package)| format!("{} is not there (Debian's package {package})", path.display()))
        .collect();
    if !Path::new("/dev/net/tun").exists() {
        missing.push("/dev/net/tun is not there (the kernel's module tun)".to_owned());
    }
    missing
}

/// Has a daemon run in the namespace with these tunnels. Whether it had to be started, and so has a new `ipsec0`.
pub fn ensure(settings: &Ipsec, name: &str, namespace: &File, plan: &VpnPlan) -> io::Result<bool> {
    let place = Place::of(settings, name);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&place.folder)?;
    let started = place.running().is_none();
    if started {
        start(settings, &place, namespace)?;
    }
    let connections = connections(plan);
    let file = place.file("swanctl.conf");
    if started || fs::read_to_string(&file).ok().as_deref() != Some(connections.as_str()) {
        write(&file, &connections)?;
        control(settings, &place, &["--load-all", "--file", &file.display().to_string()])?;
    }
    Ok(started)
}

fn start(settings: &Ipsec, place: &Place, namespace: &File) -> io::Result<()> {
    fs::remove_file(place.file("vici")).ok();
    let config = place.file("strongswan.conf");
    write(&config, &daemon_config(place))?;
    let spawn = || {
        Command::new(&settings.daemon)
            .env_clear()
            .env("STRONGSWAN_CONF", &config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
    };
    let child = within(namespace, spawn)??;
    let pid = Pid::from_child(&child);
    let began = began_at(pid).ok_or_else(|| io::Error::other("the IPsec daemon ended at once"))?;
    write(&place.file("pid"), &format!("{} {began}\n", pid.as_raw_nonzero()))?;
    let deadline = Instant::now() + IPSEC_START_TIME_MAX;
    while !(place.file("vici").exists() && within(namespace, || is_there(IPSEC))??) {
        if place.running().is_none() || Instant::now() > deadline {
            stop(settings, name_of(place));
            return Err(io::Error::other("the IPsec daemon did not come up"));
        }
        std::thread::sleep(IPSEC_LOOK_TIME);
    }
    Ok(())
}

fn name_of(place: &Place) -> &str {
    place.folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Ends the daemon of a namespace, if there is one, and removes its files.
pub fn stop(settings: &Ipsec, name: &str) {
    let place = Place::of(settings, name);
    if let Some(pid) = place.running() {
        kill_process(pid, Signal::TERM).ok();
        let deadline = Instant::now() + Duration::from_secs(1);
        while place.running().is_some() && Instant::now() < deadline {
            std::thread::sleep(IPSEC_LOOK_TIME);
        }
        if place.running().is_some() {
            kill_process(pid, Signal::KILL).ok();
            waitpid(Some(pid), WaitOptions::empty()).ok();
        }
    }
    fs::remove_dir_all(&place.folder).ok();
}

/// Which tunnels are up, in their order. None if the daemon does not run.
pub fn tunnels_up(settings: &Ipsec, name: &str, plan: &VpnPlan) -> io::Result<Option<Vec<bool>>> {
    let place = Place::of(settings, name);
    if place.running().is_none() {
        return Ok(None);
    }
    let listed = control(settings, &place, &["--list-sas", "--raw"])?;
    let is_up = |index: usize| {
        let begins = format!("list-sa event {{{} {{", tunnel_name(index));
        let mut events = listed.lines().filter(|line| line.starts_with(&begins));
        events.any(|line| line.contains("state=ESTABLISHED") && line.contains("state=INSTALLED"))
    };
    Ok(Some((0..plan.tunnels.len()).map(is_up).collect()))
}

fn control(settings: &Ipsec, place: &Place, arguments: &[&str]) -> io::Result<String> {
    let output = Command::new(&settings.control)
        .env_clear()
        .args(arguments)
        .args(["--uri", &place.uri()])
        .stdin(Stdio::null())
        .output()?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let words = String::from_utf8_lossy(&output.stderr);
            let last = words.lines().rfind(|line| !line.starts_with("plugin '")).unwrap_or_default();
            Err(io::Error::other(format!("the IPsec daemon refuses: {last}")))
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

/// Routes and addresses are our own business; the rule that the daemon makes for its own is for a mark nobody has.
fn daemon_config(place: &Place) -> String {
    format!(
        "charon-systemd {{\n\
         load = random nonce aes sha1 sha2 hmac kdf gmp xcbc socket-default kernel-libipsec kernel-netlink vici\n\
         install_routes = no\ninstall_virtual_ip = no\n\
         journal {{\ndefault = -1\n}}\n\
         plugins {{\nvici {{\nsocket = {}\n}}\n\
         kernel-libipsec {{\nallow_peer_ts = yes\n}}\nkernel-netlink {{\nfwmark = 0x7ffe0000\n}}\n}}\n}}\n",
        place.uri()
    )
}

fn tunnel_name(index: usize) -> String {
    format!("tunnel-{}", index + 1)
}

fn connections(plan: &VpnPlan) -> String {
    let (mut tunnels, mut secrets) = (String::new(), String::new());
    for (index, tunnel) in plan.tunnels.iter().enumerate() {
        let name = tunnel_name(index);
        let TunnelPlan { outside, device, key, starts, .. } = tunnel;
        let start = if *starts { "start" } else { "none" };
        write!(
            tunnels,
            "{name} {{\nlocal_addrs = {outside}\nremote_addrs = {device}\nversion = 0\nencap = yes\nmobike = no\n\
             proposals = {PROPOSALS}\ndpd_delay = 10s\ndpd_timeout = 30s\n\
             local {{\nauth = psk\nid = {outside}\n}}\nremote {{\nauth = psk\nid = {device}\n}}\n\
             children {{\n{name} {{\nlocal_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0\nesp_proposals = {PROPOSALS}\n\
             dpd_action = clear\nstart_action = {start}\n}}\n}}\n}}\n"
        )
        .and_then(|()| {
            write!(secrets, "ike-{name} {{\nid-1 = {outside}\nid-2 = {device}\nsecret = \"{}\"\n}}\n", key.0)
        })
        .expect("a text takes all that is written");
    }
    format!("connections {{\n{tunnels}}}\nsecrets {{\n{secrets}}}\n")
}
