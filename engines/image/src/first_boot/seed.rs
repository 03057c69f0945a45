//! The plan of the first boot as files, for the guest's script to carry out.
//!
//! One folder holds it all ([`SEED_FOLDER`]): a file a value, a folder a user or a file to write, so that a shell can read
//! it without parsing. `GUEST.md` lists them; `guest/first-boot.sh` reads them.

use std::net::IpAddr;

use super::{FirstBoot, plan, shell_script};
use crate::digest;
use crate::facts::Facts;
use crate::root::{GuestFile, ImageRoot, Init, Origin};

/// Where the guest finds what it is to do.
pub const SEED_FOLDER: &str = "/var/lib/cloud/seed/fogbank";

/// Where the cloud's certificate authority lies, in PEM. It is Debian's place for authorities of one's own; the first-boot
/// script puts it into the trust store at every boot.
pub const AUTHORITY_PATH: &str = "/usr/local/share/ca-certificates/fogbank.crt";

const SCRIPT_PATH: &str = "/usr/lib/fogbank/first-boot";
const SCRIPT: &[u8] = include_bytes!("../../guest/first-boot.sh");
const STATUS: &[u8] = include_bytes!("../../guest/cloud-init.sh");
const INIT_UNIT: &[u8] = include_bytes!("../../guest/debian/fogbank-init.service");
const FINAL_UNIT: &[u8] = include_bytes!("../../guest/debian/fogbank-final.service");

/// What is an instance's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seed {
    pub instance_id: String,
    /// Without a domain, such as `ip-10-0-1-5`.
    pub hostname: String,
    /// Such as `ec2.internal`.
    pub domain: Option<String>,
    pub address: Option<IpAddr>,
    /// The VPC's resolver first.
    pub nameservers: Vec<IpAddr>,
    /// Lines for `authorized_keys`.
    pub keys: Vec<String>,
    /// As the metadata gives it: not base64.
    pub user_data: Option<Vec<u8>>,
    /// The certificate authority of the cloud, in PEM.
    pub authority: Option<Vec<u8>>,
}

/// All files to put into a machine of this image before it starts. The same at every start: what is done once, the
/// guest does once.
pub fn files(image: &ImageRoot, seed: &Seed) -> Vec<GuestFile> {
    of(image.about.init, matches!(image.about.origin, Origin::Built(_)), seed)
}

/// As [`files`], for a machine whose root is on a disk.
pub fn files_for(root: &Facts, seed: &Seed) -> Vec<GuestFile> {
    of(root.init, root.has_agent, seed)
}

fn of(init: Init, has_agent: bool, seed: &Seed) -> Vec<GuestFile> {
    let mut files = network_files(seed);
    if let Some(authority) = &seed.authority {
        files.push(GuestFile::new(AUTHORITY_PATH, 0o644, authority.clone()));
    }
    if init == Init::Process {
        return files;
    }
    if !has_agent {
        files.extend(agent_files(init));
    }
    if init == Init::Systemd {
        // Else systemd takes every start of an overlay for the first one, and asks for its settings.
        let id = digest::of_bytes(seed.instance_id.as_bytes());
        files.push(GuestFile::new("/etc/machine-id", 0o444, format!("{}\n", &id[7..39])));
    }
    let user_data = seed.user_data.as_deref().unwrap_or_default();
    let mut folder = Folder { files, path: SEED_FOLDER.to_owned() };
    folder.line("instance-id", &seed.instance_id);
    folder.line("hostname", &seed.hostname);
    folder.lines("keys", &seed.keys);
    folder.file("user-data", 0o600, user_data);
    folder.plan(&plan(user_data));
    folder.files
}

/// The first-boot script and what starts it, for images that were not built here. With an init that is neither systemd
/// nor busybox's, the image itself has to run `/usr/lib/fogbank/first-boot init` before its SSH server, and `final` late.
pub fn agent_files(init: Init) -> Vec<GuestFile> {
    let mut files = vec![
        GuestFile::new(SCRIPT_PATH, 0o755, SCRIPT),
        GuestFile::new("/usr/lib/fogbank/cloud-init", 0o755, STATUS),
        GuestFile::new("/opt/aws/bin/.keep", 0o644, ""),
    ];
    if init == Init::Systemd {
        let folder = "/etc/systemd/system";
        files.push(GuestFile::new(format!("{folder}/fogbank-init.service"), 0o644, INIT_UNIT));
        files.push(GuestFile::new(format!("{folder}/fogbank-final.service"), 0o644, FINAL_UNIT));
        // A file where `systemctl enable` makes links.
        let wants = "[Unit]\nWants=fogbank-init.service fogbank-final.service\n";
        files.push(GuestFile::new(format!("{folder}/multi-user.target.d/fogbank.conf"), 0o644, wants));
    }
    files
}

fn network_files(seed: &Seed) -> Vec<GuestFile> {
    let mut names = seed.hostname.clone();
    let mut resolver: String =
        seed.nameservers.iter().map(|address| format!("nameserver {address}\n")).collect();
    if let Some(domain) = &seed.domain {
        names = format!("{names}.{domain} {names}");
        resolver.push_str(&format!("search {domain}\n"));
    }
    resolver.push_str("options timeout:2 attempts:5\n");
    let mut hosts = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    if let Some(address) = seed.address {
        hosts.push_str(&format!("{address} {names}\n"));
    }
    vec![
        GuestFile::new("/etc/hostname", 0o644, format!("{}\n", seed.hostname)),
        GuestFile::new("/etc/hosts", 0o644, hosts),
        GuestFile::new("/etc/resolv.conf", 0o644, resolver),
    ]
}

struct Folder {
    files: Vec<GuestFile>,
    path: String,
}

impl Folder {
    fn file(&mut self, name: &str, mode: u32, content: &[u8]) {
        self.files.push(GuestFile::new(format!("{}/{name}", self.path), mode, content));
    }

    fn line(&mut self, name: &str, text: &str) {
        self.file(name, 0o600, format!("{text}\n").as_bytes());
    }

    /// Nothing if there are none.
    fn lines(&mut self, name: &str, lines: &[String]) {
        if !lines.is_empty() {
            self.line(name, &lines.join("\n"));
        }
    }

    /// Nothing if there is none.
    fn maybe(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.line(name, text);
        }
    }

    /// A file whose being there says yes.
    fn flag(&mut self, name: &str, set: bool) {
        if set {
            self.file(name, 0o600, b"");
        }
    }

    fn plan(&mut self, plan: &FirstBoot) {
        if !plan.boot_commands.is_empty() {
            self.file("bootcmd", 0o700, shell_script(&plan.boot_commands).as_bytes());
        }
        for script in &plan.boothooks {
            self.file(&format!("boothooks/{}", script.name), 0o700, &script.content);
        }
        for script in &plan.scripts {
            self.file(&format!("scripts/{}", script.name), 0o700, &script.content);
        }
        if !plan.commands.is_empty() {
            self.file("scripts/runcmd", 0o700, shell_script(&plan.commands).as_bytes());
        }
        self.maybe("plan/hostname", plan.hostname.as_deref());
        self.maybe("plan/timezone", plan.timezone.as_deref());
        self.maybe("plan/root-login", plan.root_login.map(|allowed| if allowed { "yes" } else { "no" }));
        self.flag("plan/without-default-user", plan.without_default_user);
        self.flag("plan/scripts-always", plan.scripts_always);
        self.flag("plan/package-update", plan.packages.update);
        self.flag("plan/package-upgrade", plan.packages.upgrade);
        self.lines("plan/packages", &plan.packages.install);
        self.lines("plan/keys", &plan.keys);
        self.lines("plan/notes", &plan.notes);
        self.written_files(plan);
        self.accounts(plan);
    }

    fn written_files(&mut self, plan: &FirstBoot) {
        for (number, file) in plan.files.iter().enumerate() {
            let name = |part: &str| format!("files/{number:04}/{part}");
            self.line(&name("path"), &file.path);
            self.line(&name("mode"), &format!("{:o}", file.mode));
            self.line(&name("owner"), &file.owner);
            self.file(&name("content"), 0o600, &file.content);
            self.flag(&name("append"), file.append);
            self.flag(&name("late"), file.late);
        }
    }

    fn accounts(&mut self, plan: &FirstBoot) {
        for (number, group) in plan.groups.iter().enumerate() {
            self.line(&format!("groups/{number:04}/name"), &group.name);
            self.lines(&format!("groups/{number:04}/members"), &group.members);
        }
        for (number, user) in plan.users.iter().enumerate() {
            let name = |part: &str| format!("users/{number:04}/{part}");
            self.line(&name("name"), &user.name);
            self.maybe(&name("uid"), user.uid.map(|uid| uid.to_string()).as_deref());
            self.maybe(&name("full-name"), user.full_name.as_deref());
            self.maybe(&name("home"), user.home.as_deref());
            self.maybe(&name("shell"), user.shell.as_deref());
            self.maybe(&name("primary-group"), user.primary_group.as_deref());
            self.lines(&name("groups"), &user.groups);
            self.lines(&name("sudo"), &user.sudo);
            self.maybe(&name("password-hash"), user.password_hash.as_deref());
            self.lines(&name("keys"), &user.keys);
            self.flag(&name("unlocked"), user.unlocked);
            self.flag(&name("without-home"), user.without_home);
            self.flag(&name("system"), user.system);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Description, ImageId, Kind};

    fn image(origin: Origin, init: Init) -> ImageRoot {
        ImageRoot {
            id: ImageId::parse("test").unwrap(),
            folder: "/nowhere".into(),
            about: Description {
                origin,
                digest: String::new(),
                bytes: 0,
                entries: 0,
                architecture: "x86_64".to_owned(),
                init,
                users: Vec::new(),
                process: None,
            },
        }
    }

    fn seed(user_data: &str) -> Seed {
        Seed {
            instance_id: "i-1".to_owned(),
            hostname: "ip-10-0-1-5".to_owned(),
            domain: Some("ec2.internal".to_owned()),
            address: Some([10, 0, 1, 5].into()),
            nameservers: vec![[10, 0, 0, 2].into()],
            keys: vec!["ssh-ed25519 AAAA me".to_owned()],
            user_data: Some(user_data.as_bytes().to_vec()),
            authority: Some(b"PEM".to_vec()),
        }
    }

    fn text<'a>(files: &'a [GuestFile], path: &str) -> Option<&'a str> {
        let file =
            files.iter().find(|file| file.path == path || file.path == format!("{SEED_FOLDER}/{path}"));
        file.map(|file| std::str::from_utf8(&file.content).unwrap())
    }

    #[test]
    fn an_instance_gets_its_names_keys_and_scripts() {
        let files = files(&image(Origin::Built(Kind::Minimal), Init::Busybox), &seed("#!/bin/sh\necho hi\n"));
        assert_eq!(text(&files, "/etc/hostname"), Some("ip-10-0-1-5\n"));
        assert!(
            text(&files, "/etc/hosts").unwrap().ends_with("10.0.1.5 ip-10-0-1-5.ec2.internal ip-10-0-1-5\n")
        );
        let resolver = "nameserver 10.0.0.2\nsearch ec2.internal\noptions timeout:2 attempts:5\n";
        assert_eq!(text(&files, "/etc/resolv.conf"), Some(resolver));
        assert_eq!(text(&files, AUTHORITY_PATH), Some("PEM"));
        assert_eq!(text(&files, "instance-id"), Some("i-1\n"));
        assert_eq!(text(&files, "keys"), Some("ssh-ed25519 AAAA me\n"));
        assert_eq!(text(&files, "scripts/part-001"), Some("#!/bin/sh\necho hi\n"));
        // The image has these.
        assert_eq!(text(&files, SCRIPT_PATH), None);
    }

    #[test]
    fn a_cloud_config_becomes_files_that_a_shell_can_read() {
        let config = "#cloud-config\nruncmd: [echo hi]\nswap: {}\nusers: [{name: ada, sudo: [a, b]}]\n\
            write_files: [{path: /x, content: fog, append: true}]\n";
        let files = files(&image(Origin::Built(Kind::Minimal), Init::Busybox), &seed(config));
        assert_eq!(text(&files, "scripts/runcmd"), Some("#!/bin/sh\necho hi\n"));
        assert_eq!(text(&files, "plan/notes"), Some("swap of the cloud-config is not done\n"));
        assert_eq!(text(&files, "plan/without-default-user"), Some(""));
        assert_eq!(text(&files, "users/0000/sudo"), Some("a\nb\n"));
        assert_eq!(text(&files, "users/0000/shell"), None);
        assert_eq!(text(&files, "files/0000/mode"), Some("644\n"));
        assert_eq!(text(&files, "files/0000/append"), Some(""));
        assert_eq!(text(&files, "files/0000/content"), Some("fog"));
    }

    #[test]
    fn imported_images_get_the_script_and_what_starts_it() {
        let systemd = files(&image(Origin::Tar, Init::Systemd), &seed(""));
        assert!(text(&systemd, SCRIPT_PATH).is_some());
        assert!(text(&systemd, "/etc/systemd/system/fogbank-init.service").is_some());
        assert_eq!(text(&systemd, "/etc/machine-id").unwrap().len(), 33);
        // A process without an init gets names and the authority only.
        let process = files(&image(Origin::Oci { name: None }, Init::Process), &seed("#!/bin/sh\n"));
        assert_eq!(process.len(), 4);
    }
}
