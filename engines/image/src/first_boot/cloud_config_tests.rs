//! What cloud-configs become, and what is said about those that are wrong.

use super::super::plan;
use super::*;

fn config(text: &str) -> FirstBoot {
    plan(format!("#cloud-config\n{text}").as_bytes())
}

#[test]
fn commands_are_texts_or_words() {
    let plan =
        config("bootcmd:\n- echo early\nruncmd:\n- echo hi > /root/x\n- [touch, 'a b', 7]\n- {a: b}\n");
    assert_eq!(plan.boot_commands, [Command::Shell("echo early".to_owned())]);
    assert_eq!(
        plan.commands,
        [
            Command::Shell("echo hi > /root/x".to_owned()),
            Command::Program(["touch", "a b", "7"].map(str::to_owned).to_vec()),
        ]
    );
    assert_eq!(plan.notes.len(), 1);
}

#[test]
fn files_have_the_defaults_and_encodings_of_cloud_init() {
    let plan = config(
        "write_files:\n- path: /etc/motd\n  content: |\n    fog\n    bank\n- path: /a\n  content: Zm9n\n  encoding: b64\n  \
         permissions: '0755'\n  owner: www-data:www-data\n  append: true\n  defer: yes\n- path: /b\n  permissions: 0600\n\
         - path: /c\n  content: !!binary Zm9n\n",
    );
    assert_eq!(plan.notes, [""; 0]);
    let plain = File {
        path: "/etc/motd".to_owned(),
        content: b"fog\nbank\n".to_vec(),
        mode: 0o644,
        owner: "root:root".to_owned(),
        append: false,
        late: false,
    };
    assert_eq!(plan.files[0], plain);
    assert_eq!(
        plan.files[1],
        File {
            path: "/a".to_owned(),
            content: b"fog".to_vec(),
            mode: 0o755,
            owner: "www-data:www-data".to_owned(),
            append: true,
            late: true,
        }
    );
    assert_eq!((plan.files[2].mode, plan.files[2].content.len()), (0o600, 0));
    assert_eq!(plan.files[3].content, b"fog");
}

#[test]
fn wrong_files_are_skipped_and_named() {
    for (entry, word) in [
        ("{content: x}", "no path"),
        ("{path: etc/x}", "not an absolute path"),
        ("{path: /x, content: '!', encoding: b64}", "not valid base64"),
        ("{path: /x, owner: 'a b; rm'}", "no name"),
        ("text", "not a map"),
    ] {
        let plan = config(&format!("write_files: [{entry}]\n"));
        assert!(plan.files.is_empty(), "{entry}");
        assert!(plan.notes[0].contains(word), "{:?}", plan.notes);
    }
    let odd = config("write_files: [{path: /x, permissions: 644}, {path: /y, permissions: rw}]\n");
    // What cloud-init does with a number without quotes and without a leading zero.
    assert_eq!((odd.files[0].mode, odd.files[1].mode), (0o1204, 0o644));
    assert_eq!(odd.notes.len(), 2);
}

#[test]
fn users_are_read_with_all_their_spellings() {
    let plan = config(
        "groups:\n- fog: [root]\n- bank\nusers:\n- default\n- name: ada\n  gecos: Ada L.\n  groups: sudo, docker\n  shell: /bin/bash\n  \
         sudo: ALL=(ALL) NOPASSWD:ALL\n  lock-passwd: false\n  passwd: $6$x$y\n  ssh-authorized-keys:\n  - ssh-ed25519 AAAA ada\n  \
         uid: 2000\n- name: bob\n  sudo: no\n  system: true\n  no_create_home: true\n- eve\n",
    );
    assert_eq!(plan.notes, [""; 0]);
    assert!(!plan.without_default_user);
    assert_eq!(
        plan.groups,
        [
            Group { name: "fog".to_owned(), members: vec!["root".to_owned()] },
            Group { name: "bank".to_owned(), members: Vec::new() },
        ]
    );
    assert_eq!(
        plan.users[0],
        User {
            name: "ada".to_owned(),
            uid: Some(2000),
            full_name: Some("Ada L.".to_owned()),
            shell: Some("/bin/bash".to_owned()),
            groups: vec!["sudo".to_owned(), "docker".to_owned()],
            sudo: vec!["ALL=(ALL) NOPASSWD:ALL".to_owned()],
            password_hash: Some("$6$x$y".to_owned()),
            unlocked: true,
            keys: vec!["ssh-ed25519 AAAA ada".to_owned()],
            ..User::default()
        }
    );
    assert!(plan.users[1].system && plan.users[1].without_home && plan.users[1].sudo.is_empty());
    assert_eq!(plan.users[2].name, "eve");
}

#[test]
fn a_list_of_users_without_default_leaves_the_images_own_users_without_the_key() {
    assert!(config("users: [{name: ada}]\n").without_default_user);
    assert!(!config("hostname: a\n").without_default_user);
}

#[test]
fn names_that_could_be_read_as_something_else_are_refused() {
    for name in ["a:b", "../x", "a b", "-x", "''", "a\\nb", "9a"] {
        let plan = config(&format!("users: [{{name: \"{name}\"}}]\n"));
        assert!(plan.users.is_empty(), "{name}");
        assert_eq!(plan.notes.len(), 1, "{name}");
    }
}

#[test]
fn the_rest_of_the_basics() {
    let plan = config(
        "hostname: web-1.example.com\ntimezone: Europe/Berlin\nssh_authorized_keys: [ssh-rsa AAAA]\ndisable_root: false\n\
         package_update: true\npackages: [nginx, [curl, 7.88]]\n",
    );
    assert_eq!(plan.hostname.as_deref(), Some("web-1"));
    assert_eq!(plan.timezone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(plan.keys, ["ssh-rsa AAAA"]);
    assert_eq!(plan.root_login, Some(true));
    assert!(plan.packages.update && !plan.packages.upgrade);
    assert_eq!(plan.packages.install, ["nginx", "curl=7.88"]);
    assert_eq!(plan.notes, [""; 0]);
}

#[test]
fn what_is_not_done_is_said() {
    for (text, word) in [
        ("swap: {size: 1G}\n", "swap"),
        ("hostname: 'a b'\n", "host name"),
        ("timezone: ../../etc/passwd;x\n", "time zone"),
        ("packages: ['--force', '$(reboot)']\n", "no package"),
        ("runcmd: reboot\n", "not a list"),
        ("- a\n- b\n", "not a map"),
        ("a: [\n", "not YAML"),
    ] {
        let plan = config(text);
        assert!(plan.notes.iter().any(|note| note.contains(word)), "{text}: {:?}", plan.notes);
    }
}
