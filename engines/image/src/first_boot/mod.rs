//! What an instance does at its first boot, worked out from its user data.
//!
//! [`plan`] reads user data as cloud-init does (scripts, cloud-config, MIME multi-part, gzip), on the host, so that a
//! guest needs neither YAML nor MIME. [`files`] turns the plan into plain files and scripts, which the guest's
//! `first-boot` script carries out: once for each instance id, in cloud-init's order.
//!
//! What AWS documents: "Run commands when you launch an EC2 instance with user data input". What the parts mean, and
//! their order, is cloud-init's documentation ("User data formats", "Module reference", "Boot stages"). Surprising in
//! it: user data that cannot be read never stops a boot, so [`plan`] has no errors but [`FirstBoot::notes`], which the
//! guest writes to its log.

mod cloud_config;
mod content;
mod parts;
mod seed;
mod yaml;

pub use parts::plan;
pub use seed::{AUTHORITY_PATH, SEED_FOLDER, Seed, agent_files, files, files_for};

/// What is to be done at boot. In the order of its fields, but that `scripts` come before `commands`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstBoot {
    /// At every boot, before anything else.
    pub boot_commands: Vec<Command>,
    /// `#cloud-boothook` scripts: at every boot, right after.
    pub boothooks: Vec<Script>,
    pub files: Vec<File>,
    pub hostname: Option<String>,
    pub groups: Vec<Group>,
    /// Users beside the image's own.
    pub users: Vec<User>,
    /// Whether the image's own users get the key pair. Not if a `users` list leaves out `default`.
    pub without_default_user: bool,
    /// More keys for the image's own users.
    pub keys: Vec<String>,
    /// Whether root may log in with the key pair, if the user data says so.
    pub root_login: Option<bool>,
    /// Such as `Europe/Berlin`.
    pub timezone: Option<String>,
    pub packages: Packages,
    /// Run late, when the machine is up.
    pub commands: Vec<Command>,
    /// Run late, in order.
    pub scripts: Vec<Script>,
    /// `cloud_final_modules: [[scripts-user, always]]`, AWS's own advice for scripts that shall run at every boot.
    pub scripts_always: bool,
    /// What was not understood or is not done, a sentence each.
    pub notes: Vec<String>,
}

/// A line of `runcmd` or `bootcmd`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A text for the shell.
    Shell(String),
    /// A program and its arguments, as they are.
    Program(Vec<String>),
}

/// A program with its `#!` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// A file name, such as `part-001`.
    pub name: String,
    pub content: Vec<u8>,
}

/// An entry of `write_files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: String,
    pub content: Vec<u8>,
    pub mode: u32,
    /// `user` or `user:group`.
    pub owner: String,
    pub append: bool,
    /// Written late, when users and packages are there.
    pub late: bool,
}

/// An entry of `groups`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub members: Vec<String>,
}

/// An entry of `users`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: Option<u32>,
    pub full_name: Option<String>,
    pub home: Option<String>,
    pub without_home: bool,
    pub shell: Option<String>,
    pub primary_group: Option<String>,
    pub groups: Vec<String>,
    /// Rules of sudoers without the name, such as `ALL=(ALL) NOPASSWD:ALL`.
    pub sudo: Vec<String>,
    /// As `crypt` makes it.
    pub password_hash: Option<String>,
    /// `lock_passwd`, which is true unless said otherwise.
    pub unlocked: bool,
    pub keys: Vec<String>,
    pub system: bool,
}

/// `packages`, `package_update`, `package_upgrade`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packages {
    pub update: bool,
    pub upgrade: bool,
    /// As the package manager's command line takes them, such as `nginx` or `nginx=1.22`.
    pub install: Vec<String>,
}

/// The script that runs commands, as cloud-init makes it: texts become lines, lists become quoted words.
pub fn shell_script(commands: &[Command]) -> String {
    let mut script = "#!/bin/sh\n".to_owned();
    for command in commands {
        match command {
            Command::Shell(text) => script.push_str(text.trim_end_matches('\n')),
            Command::Program(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                script.push_str(&words.join(" "));
            }
        }
        script.push('\n');
    }
    script
}

/// A word for the shell that stands for itself.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_a_script_that_keeps_words_together() {
        let commands = [
            Command::Shell("echo $HOME > /root/x\n".to_owned()),
            Command::Program(vec!["touch".to_owned(), "it's $HOME".to_owned()]),
        ];
        let expected = "#!/bin/sh\necho $HOME > /root/x\n'touch' 'it'\\''s $HOME'\n";
        assert_eq!(shell_script(&commands), expected);
    }
}
