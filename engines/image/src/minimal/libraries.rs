//! The shared libraries that the image's programs load, as the dynamic loader of the packages finds them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::error::{At, ImageError};

pub struct Libraries {
    unpacked: PathBuf,
    /// Where the packages have libraries; the first has the C library.
    folders: Vec<PathBuf>,
    loader: PathBuf,
    /// Such as `x86_64-linux-gnu`.
    triplet: String,
}

impl Libraries {
    /// Looks for the C library and its loader among the unpacked packages.
    pub fn find(unpacked: &Path) -> Result<Libraries, ImageError> {
        let mut folders = Vec::new();
        let mut triplet = None;
        for top in ["usr/lib", "lib"] {
            let top = unpacked.join(top);
            for entry in std::fs::read_dir(&top).into_iter().flatten().filter_map(Result::ok) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.contains("-linux-gnu") && entry.path().is_dir() {
                    if entry.path().join("libc.so.6").exists() {
                        folders.insert(0, entry.path());
                        triplet = Some(name);
                    } else {
                        folders.push(entry.path());
                    }
                }
            }
        }
        let triplet =
            triplet.ok_or_else(|| ImageError::Unusable("the packages have no libc.so.6".to_owned()))?;
        let libc = folders.first().expect("the folder of the C library is the first").clone();
        let loader = std::fs::read_dir(&libc)
            .at(&libc)?
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux")))
            .ok_or_else(|| ImageError::Unusable("the packages have no dynamic loader".to_owned()))?;
        folders.push(unpacked.join("usr/libexec/sudo"));
        Ok(Libraries { unpacked: unpacked.to_owned(), folders, loader, triplet })
    }

    /// Where libraries lie in the image.
    pub fn folder(&self) -> PathBuf {
        Path::new("usr/lib").join(&self.triplet)
    }

    /// A file below one of the packages' library folders.
    pub fn file(&self, name: &str) -> Result<PathBuf, ImageError> {
        let found = self.folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
        found.ok_or_else(|| ImageError::Unusable(format!("the packages have no {name}")))
    }

    /// Copies the loader and all libraries that these programs and objects load.
    pub fn copy(&self, loaded: &[PathBuf], root: &Path) -> Result<(), ImageError> {
        let mut names = BTreeSet::new();
        for program in loaded {
            names.extend(self.needed(program)?);
        }
        for (name, path) in names {
            super::place(&path, &root.join(self.folder()).join(name), 0o644)?;
        }
        let name = self.loader.file_name().expect("it was found by its name").to_owned();
        let loader = root.join(self.folder()).join(&name);
        super::place(&self.loader, &loader, 0o755)?;
        // Where programs name it: /lib64 on x86, /lib on ARM.
        let folder = if self.triplet.starts_with("x86_64") { "usr/lib64" } else { "usr/lib" };
        let link = root.join(folder).join(&name);
        std::fs::create_dir_all(root.join(folder)).at(&link)?;
        let target = Path::new("/").join(self.folder()).join(&name);
        std::os::unix::fs::symlink(target, &link).at(&link)
    }

    /// Names and places of what a program loads.
    fn needed(&self, program: &Path) -> Result<Vec<(String, PathBuf)>, ImageError> {
        let folders: Vec<String> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        let mut command = Command::new(&self.loader);
        command.args(["--inhibit-cache", "--library-path", &folders.join(":"), "--list"]).arg(program);
        let list = command::run(&mut command, &|_| {})?;
        parse(&String::from_utf8_lossy(&list), &self.unpacked)
            .map_err(|what| ImageError::Unusable(format!("{} {what}", program.display())))
    }
}

/// Lines such as `libz.so.1 => /folder/libz.so.1 (0x00007f…)`.
fn parse(list: &str, unpacked: &Path) -> Result<Vec<(String, PathBuf)>, String> {
    let mut found = Vec::new();
    for line in list.lines() {
        let Some((name, place)) = line.trim().split_once(" => ") else { continue };
        if name.contains("ld-linux") {
            continue;
        }
        let place = place.split(" (").next().unwrap_or_default().trim();
        if place == "not found" {
            return Err(format!("needs {name}, which the packages do not have"));
        }
        if !Path::new(place).starts_with(unpacked) {
            return Err(format!("needs {name}, which only the host has"));
        }
        found.push((name.to_owned(), PathBuf::from(place)));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loaders_list_is_read() {
        let list = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibz.so.1 => /draft/lib/libz.so.1 (0x00007f00)\n\
            \t/lib64/ld-linux-x86-64.so.2 => /draft/lib/ld-linux-x86-64.so.2 (0x00007f01)\n";
        let expected = vec![("libz.so.1".to_owned(), PathBuf::from("/draft/lib/libz.so.1"))];
        assert_eq!(parse(list, Path::new("/draft")), Ok(expected));
        assert!(
            parse("\tlibz.so.1 => not found\n", Path::new("/draft")).unwrap_err().contains("do not have")
        );
        assert!(
            parse("\tlibz.so.1 => /usr/lib/libz.so.1 (0x0)\n", Path::new("/draft"))
                .unwrap_err()
                .contains("host")
        );
    }
}
