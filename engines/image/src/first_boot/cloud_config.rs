//! The keys of a cloud-config that are done, and a note for each that is not.
//!
//! Names, defaults and encodings are those of cloud-init's module reference: `bootcmd`, `write_files`, `hostname`,
//! `groups`, `users`, `ssh_authorized_keys`, `disable_root`, `timezone`, `packages`, `runcmd`.

use super::yaml::{Map, Node, get};
use super::{Command, File, FirstBoot, Group, User, content};

const MODE: u32 = 0o644;
const OWNER: &str = "root:root";

/// Keys that need nothing done here: they say what is so anyway, or how cloud-init itself is to write its logs.
const HARMLESS: &[&str] = &[
    "cloud_config_modules",
    "cloud_final_modules",
    "cloud_init_modules",
    "datasource_list",
    "final_message",
    "locale",
    "manage_etc_hosts",
    "merge_how",
    "merge_type",
    "output",
    "preserve_hostname",
    "repo_update",
    "repo_upgrade",
    "ssh_deletekeys",
    "ssh_genkeytypes",
    "ssh_pwauth",
    "syslog_fix_perms",
];

/// Puts what a cloud-config says into the plan.
pub fn apply(config: &Map, plan: &mut FirstBoot) {
    for (key, value) in config {
        match key.as_str() {
            "bootcmd" => plan.boot_commands = commands(key, value, &mut plan.notes),
            "runcmd" => plan.commands = commands(key, value, &mut plan.notes),
            "write_files" => files(value, plan),
            "hostname" | "fqdn" => {}
            "groups" => groups(value, plan),
            "users" => users(value, plan),
            "ssh_authorized_keys" => plan.keys = lines(&texts(value)),
            "disable_root" => plan.root_login = value.truth().map(|disabled| !disabled),
            "timezone" => plan.timezone = timezone(value, &mut plan.notes),
            "packages" => plan.packages.install = packages(value, &mut plan.notes),
            "package_update" | "apt_update" => plan.packages.update = value.truth() == Some(true),
            "package_upgrade" | "apt_upgrade" => plan.packages.upgrade = value.truth() == Some(true),
            other if HARMLESS.contains(&other) => {}
            other => plan.notes.push(format!("{other} of the cloud-config is not done")),
        }
    }
    plan.hostname = hostname(config, &mut plan.notes);
    plan.scripts_always = scripts_always(config);
}

/// Texts of a list; a text alone counts as a list of one.
fn texts(node: &Node) -> Vec<String> {
    match node {
        Node::List(list) => list.iter().filter_map(Node::text).map(str::to_owned).collect(),
        Node::Map(map) => map.iter().map(|(key, _)| key.clone()).collect(),
        Node::Scalar(_) => node.text().map(str::to_owned).into_iter().collect(),
    }
}

/// Each as one line, without what is empty.
fn lines(texts: &[String]) -> Vec<String> {
    texts
        .iter()
        .flat_map(|text| text.lines())
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn commands(key: &str, node: &Node, notes: &mut Vec<String>) -> Vec<Command> {
    let Some(list) = node.list() else {
        notes.push(format!("{key} is not a list; it is skipped"));
        return Vec::new();
    };
    let mut commands = Vec::new();
    for entry in list {
        match entry {
            Node::List(words) => commands.push(Command::Program(
                words.iter().map(|word| word.text().unwrap_or_default().to_owned()).collect(),
            )),
            Node::Scalar(_) => commands.extend(entry.text().map(|text| Command::Shell(text.to_owned()))),
            Node::Map(_) => notes
                .push(format!("an entry of {key} is a map, where a text or a list must be; it is skipped")),
        }
    }
    commands
}

fn files(node: &Node, plan: &mut FirstBoot) {
    let Some(list) = node.list() else {
        plan.notes.push("write_files is not a list; it is skipped".to_owned());
        return;
    };
    for entry in list {
        match file(entry, &mut plan.notes) {
            Ok(file) => plan.files.push(file),
            Err(note) => plan.notes.push(note),
        }
    }
}

fn file(node: &Node, notes: &mut Vec<String>) -> Result<File, String> {
    let map = node.map().ok_or("an entry of write_files is not a map; it is skipped")?;
    let path =
        get(map, "path").and_then(Node::text).ok_or("an entry of write_files has no path; it is skipped")?;
    if !is_path(path) {
        return Err(format!("the path {path:?} of write_files is not an absolute path; it is skipped"));
    }
    if get(map, "source").is_some() {
        notes.push(format!("source of write_files is not done; {path} gets its content alone"));
    }
    let encoding = get(map, "encoding").and_then(Node::text).unwrap_or_default();
    let written = get(map, "content").map_or(Ok(Vec::new()), Node::bytes);
    let decoded = written.and_then(|bytes| content::decode(&bytes, encoding));
    let (content, known) =
        decoded.map_err(|what| format!("the content of {path} {what}; the file is not written"))?;
    if !known {
        notes
            .push(format!("the encoding {encoding:?} of {path} is unknown; the content is written as it is"));
    }
    let owner = get(map, "owner").and_then(Node::text).unwrap_or(OWNER);
    if !owner.splitn(2, ':').all(|name| is_name(name) || name.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(format!("the owner {owner:?} of {path} is no name; the file is not written"));
    }
    let truth = |key| get(map, key).and_then(Node::truth) == Some(true);
    Ok(File {
        path: path.to_owned(),
        content,
        mode: mode(path, get(map, "permissions"), notes),
        owner: owner.to_owned(),
        append: truth("append"),
        late: truth("defer"),
    })
}

/// A number without quotes is what Python makes of it, so `644` is decimal; a text is octal.
fn mode(path: &str, node: Option<&Node>, notes: &mut Vec<String>) -> u32 {
    let Some(node) = node.filter(|node| !node.is_null()) else { return MODE };
    let written = node.text().unwrap_or_default();
    let mode = match node.number() {
        Some(number) => {
            if !written.starts_with('0') {
                notes
                    .push(format!("permissions {written} of {path} are decimal without quotes: {number:#o}"));
            }
            Some(number)
        }
        None => u32::from_str_radix(written.trim_start_matches("0o"), 8).ok(),
    };
    mode.filter(|&mode| mode <= 0o7777).unwrap_or_else(|| {
        notes.push(format!("permissions {written:?} of {path} cannot be used; they are {MODE:#o}"));
        MODE
    })
}

fn hostname(config: &Map, notes: &mut Vec<String>) -> Option<String> {
    let text = |key| get(config, key).and_then(Node::text);
    let name = text("hostname").or(text("fqdn"))?;
    let name = name.split('.').next().unwrap_or_default();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if name.is_empty() || name.len() > 63 || name.starts_with('-') || !name.bytes().all(fits) {
        notes.push(format!("{name:?} cannot be a host name"));
        return None;
    }
    Some(name.to_owned())
}

fn timezone(node: &Node, notes: &mut Vec<String>) -> Option<String> {
    let name = node.text()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-/".contains(&byte);
    if name.is_empty() || name.starts_with('/') || !name.bytes().all(fits) {
        notes.push(format!("{name:?} is no time zone"));
        return None;
    }
    Some(name.to_owned())
}

/// Names, or pairs of a name and a version.
fn packages(node: &Node, notes: &mut Vec<String>) -> Vec<String> {
    let mut found = Vec::new();
    for entry in node.list().unwrap_or(std::slice::from_ref(node)) {
        let name = match entry {
            Node::List(pair) => pair.iter().filter_map(Node::text).collect::<Vec<_>>().join("="),
            _ => entry.text().unwrap_or_default().to_owned(),
        };
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:=~_/*".contains(&byte);
        if name.is_empty() || name.starts_with('-') || !name.bytes().all(fits) {
            notes.push(format!("{name:?} is no package"));
        } else {
            found.push(name);
        }
    }
    found
}

fn groups(node: &Node, plan: &mut FirstBoot) {
    let entries: Vec<(String, Vec<String>)> = match node {
        Node::Scalar(_) => split(node).into_iter().map(|name| (name, Vec::new())).collect(),
        Node::Map(map) => map.iter().map(|(name, members)| (name.clone(), texts(members))).collect(),
        Node::List(list) => list
            .iter()
            .flat_map(|entry| match entry {
                Node::Map(map) => map.iter().map(|(name, members)| (name.clone(), texts(members))).collect(),
                other => texts(other).into_iter().map(|name| (name, Vec::new())).collect::<Vec<_>>(),
            })
            .collect(),
    };
    for (name, members) in entries {
        if !is_name(&name) || !members.iter().all(|member| is_name(member)) {
            plan.notes
                .push(format!("the group {name:?} or one of its members has a name that cannot be used"));
            continue;
        }
        plan.groups.push(Group { name, members });
    }
}

fn users(node: &Node, plan: &mut FirstBoot) {
    let list = match node {
        Node::List(list) => list.clone(),
        _ => texts(node).iter().flat_map(|text| text.split(',')).map(scalar).collect(),
    };
    plan.without_default_user = true;
    for entry in &list {
        match entry {
            Node::Map(map) => match user(map, &mut plan.notes) {
                Ok(user) => plan.users.push(user),
                Err(note) => plan.notes.push(note),
            },
            other => match other.text().map(str::trim) {
                Some("default") => plan.without_default_user = false,
                Some(name) if is_name(name) => {
                    plan.users.push(User { name: name.to_owned(), ..User::default() });
                }
                _ => {
                    plan.notes.push("an entry of users is neither a name nor a map; it is skipped".to_owned())
                }
            },
        }
    }
}

fn scalar(text: &str) -> Node {
    super::yaml::parse(text.trim()).unwrap_or(Node::List(Vec::new()))
}

fn user(map: &Map, notes: &mut Vec<String>) -> Result<User, String> {
    // Old configurations write these keys with hyphens.
    let map: Map = map.iter().map(|(key, value)| (key.replace('-', "_"), value.clone())).collect();
    let text = |key| get(&map, key).and_then(Node::text).map(str::to_owned);
    let truth = |key| get(&map, key).and_then(Node::truth);
    let name = text("name").ok_or("an entry of users has no name; it is skipped")?;
    if !is_name(&name) {
        return Err(format!("the user {name:?} has a name that cannot be used; it is skipped"));
    }
    for key in ["plain_text_passwd", "ssh_import_id", "ssh_redirect_user", "snapuser", "doas", "expiredate"] {
        if get(&map, key).is_some() {
            notes.push(format!("{key} of the user {name} is not done"));
        }
    }
    let line = |key| text(key).filter(|text| !text.contains(['\n', ':']));
    let path = |key| text(key).filter(|text| is_path(text) && !text.contains(':'));
    let groups: Vec<String> = get(&map, "groups").map(split).unwrap_or_default();
    Ok(User {
        uid: text("uid").and_then(|uid| uid.parse().ok()),
        full_name: line("gecos"),
        home: path("homedir"),
        without_home: truth("no_create_home") == Some(true),
        shell: path("shell"),
        primary_group: text("primary_group").filter(|group| is_name(group)),
        groups: groups.into_iter().filter(|group| is_name(group)).collect(),
        sudo: get(&map, "sudo")
            .filter(|sudo| !sudo.is_false())
            .map(|sudo| lines(&texts(sudo)))
            .unwrap_or_default(),
        password_hash: line("hashed_passwd").or_else(|| line("passwd")),
        unlocked: truth("lock_passwd") == Some(false),
        keys: get(&map, "ssh_authorized_keys").map(|keys| lines(&texts(keys))).unwrap_or_default(),
        system: truth("system") == Some(true),
        name,
    })
}

/// A list, or a text with commas.
fn split(node: &Node) -> Vec<String> {
    texts(node)
        .iter()
        .flat_map(|text| text.split(','))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

fn scripts_always(config: &Map) -> bool {
    let modules = get(config, "cloud_final_modules").and_then(Node::list).unwrap_or_default();
    modules.iter().filter_map(Node::list).any(|module| {
        let words: Vec<&str> = module.iter().filter_map(Node::text).collect();
        matches!(words[..], ["scripts-user" | "scripts_user", "always"])
    })
}

/// A name of a user or a group, as shadow's tools take it.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    !name.is_empty()
        && name.len() <= 32
        && name.bytes().all(fits)
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() > 1 && !path.contains(['\n', '\0'])
}

#[cfg(test)]
#[path = "cloud_config_tests.rs"]
mod tests;
