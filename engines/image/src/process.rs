//! Whom and where the one process of an image runs as, where its archive says so.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::root::{ImageRoot, resolve_in};

/// How an image without an init starts its process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// User and group by their numbers; root where the image names none.
    pub user: (u32, u32),
    /// Absolute.
    pub folder: String,
    pub environment: Vec<(String, String)>,
}

impl ImageRoot {
    /// What the image's archive says of its process. Names of users and groups are looked up in the image.
    ///
    /// # Errors
    /// A sentence that names a user or group that the image does not have.
    pub fn start(&self) -> Result<Start, String> {
        let process = self.about.process.clone().unwrap_or_default();
        let pairs = process.environment.iter().filter_map(|line| line.split_once('='));
        Ok(Start {
            user: self.user(process.user.as_deref().unwrap_or_default())?,
            folder: process.folder.filter(|folder| folder.starts_with('/')).unwrap_or_else(|| "/".to_owned()),
            environment: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }

    fn user(&self, text: &str) -> Result<(u32, u32), String> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        if user.is_empty() {
            return Ok((0, 0));
        }
        let (uid, own_group) = match user.parse::<u32>() {
            Ok(uid) => (uid, by_number(&self.lines("etc/passwd"), uid)),
            Err(_) => {
                let found = by_name(&self.lines("etc/passwd"), user);
                let (uid, gid) = found.ok_or_else(|| format!("the image has no user {user}"))?;
                (uid, gid)
            }
        };
        let gid = match group {
            None => own_group.unwrap_or(0),
            Some(group) => match group.parse::<u32>() {
                Ok(gid) => gid,
                Err(_) => {
                    by_name(&self.lines("etc/group"), group)
                        .ok_or_else(|| format!("the image has no group {group}"))?
                        .0
                }
            },
        };
        Ok((uid, gid))
    }

    fn lines(&self, path: &str) -> Vec<String> {
        let found = resolve_in(&self.folder, Path::new(path));
        let text = found.and_then(|path| fs::read_to_string(self.folder.join(path)).ok());
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

/// `name:password:number:number of the group:…`
fn by_name(lines: &[String], name: &str) -> Option<(u32, Option<u32>)> {
    lines.iter().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let number = fields.get(2)?.parse().ok()?;
        (*fields.first()? == name).then(|| (number, fields.get(3).and_then(|group| group.parse().ok())))
    })
}

fn by_number(lines: &[String], number: u32) -> Option<u32> {
    let number = number.to_string();
    lines.iter().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        (*fields.get(2)? == number).then(|| fields.get(3)?.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::{Description, ImageId, Init, Origin, Process};

    fn image(folder: &Path, user: &str) -> ImageRoot {
        let process = Process {
            user: Some(user.to_owned()),
            environment: vec!["A=b=c".to_owned(), "none".to_owned()],
            ..Process::default()
        };
        let about = Description {
            origin: Origin::Tar,
            digest: String::new(),
            bytes: 0,
            entries: 0,
            architecture: "x86_64".to_owned(),
            init: Init::Process,
            users: Vec::new(),
            process: Some(process),
        };
        ImageRoot { id: ImageId::parse("oci-1").unwrap(), folder: folder.to_owned(), about }
    }

    #[test]
    fn users_are_looked_up_in_the_image() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("etc")).unwrap();
        fs::write(root.path().join("etc/passwd"), "root:x:0:0::/:/bin/sh\nweb:x:101:102::/:/bin/sh\n")
            .unwrap();
        fs::write(root.path().join("etc/group"), "root:x:0:\nstaff:x:50:\n").unwrap();
        let check = |user: &str, expected: Result<(u32, u32), &str>| {
            let found = image(root.path(), user).start().map(|start| start.user);
            assert_eq!(found, expected.map_err(str::to_owned), "{user}");
        };
        check("", Ok((0, 0)));
        check("web", Ok((101, 102)));
        check("101", Ok((101, 102)));
        check("7", Ok((7, 0)));
        check("web:staff", Ok((101, 50)));
        check("7:9", Ok((7, 9)));
        check("nobody", Err("the image has no user nobody"));
        check("web:wheel", Err("the image has no group wheel"));
        let start = image(root.path(), "web").start().unwrap();
        assert_eq!((start.folder.as_str(), start.environment.len()), ("/", 1));
        assert_eq!(start.environment[0], ("A".to_owned(), "b=c".to_owned()));
    }
}
