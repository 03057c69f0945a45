//! The outer tar file of an OCI or Docker archive, by the names in it.
//!
//! Manifests may stand before or behind what they refer to, so the names are read first. A compressed archive is unpacked
//! into the draft for that, since there is no seeking in it.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::compression::{self, Unpacked};
use super::layer::Guarded;
use crate::error::{At, ImageError};
use crate::limits::{ARCHIVE_ENTRIES_MAX, ARCHIVE_LINKS_MAX, MANIFEST_BYTES_MAX};
use crate::store::Settings;

pub struct Archive {
    path: std::path::PathBuf,
    places: HashMap<String, Place>,
}

enum Place {
    /// Where the bytes lie in the tar file.
    At { offset: u64, length: u64 },
    /// Old versions of Docker link layers that repeat.
    Link(String),
}

impl Archive {
    pub fn open(path: &Path, draft: &Path, settings: &Settings) -> Result<Archive, ImageError> {
        let mut path = path.to_owned();
        let file = BufReader::new(File::open(&path).at(&path)?);
        let packed = compression::reader(file)?;
        if !matches!(packed, Unpacked::Plain(_)) {
            path = draft.join("archive.tar");
            let mut plain = File::create(&path).at(&path)?;
            let max = settings.image_bytes_max;
            let count = io::copy(&mut packed.take(max + 1), &mut plain).map_err(compression::unreadable)?;
            if count > max {
                return Err(ImageError::TooLarge { max, unit: "bytes" });
            }
        }
        let file = File::open(&path).at(&path)?;
        Ok(Archive { places: places(file)?, path })
    }

    pub fn has(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    /// The bytes of a file in the archive.
    pub fn reader(&self, name: &str) -> Result<impl Read + use<>, ImageError> {
        let (offset, length) = self.place(name)?;
        let mut file = File::open(&self.path).at(&self.path)?;
        file.seek(SeekFrom::Start(offset)).at(&self.path)?;
        Ok(BufReader::with_capacity(128 * 1024, file).take(length))
    }

    /// All of a file that is small, such as a manifest.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, ImageError> {
        let (_, length) = self.place(name)?;
        if length > MANIFEST_BYTES_MAX {
            return Err(ImageError::entry(
                format!("it is larger than {MANIFEST_BYTES_MAX} bytes"),
                name.as_bytes(),
            ));
        }
        let mut bytes = Vec::new();
        self.reader(name)?.read_to_end(&mut bytes).at(&self.path)?;
        Ok(bytes)
    }

    fn place(&self, name: &str) -> Result<(u64, u64), ImageError> {
        let mut name = name.to_owned();
        for _ in 0..ARCHIVE_LINKS_MAX {
            match self.places.get(&name) {
                Some(Place::At { offset, length }) => return Ok((*offset, *length)),
                Some(Place::Link(target)) => name.clone_from(target),
                None => {
                    return Err(ImageError::entry("a file that it refers to is not in it", name.as_bytes()));
                }
            }
        }
        Err(ImageError::entry("its links lead in a circle", name.as_bytes()))
    }
}

fn places(file: File) -> Result<HashMap<String, Place>, ImageError> {
    let (source, guard) = Guarded::new(file);
    let mut tar = tar::Archive::new(source);
    let mut entries = tar.entries_with_seek().map_err(compression::unreadable)?;
    let mut places = HashMap::new();
    loop {
        guard.begin_header();
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(|error| guard.explain(error))?;
        guard.end_header();
        if places.len() >= ARCHIVE_ENTRIES_MAX {
            return Err(ImageError::TooLarge {
                max: ARCHIVE_ENTRIES_MAX as u64,
                unit: "files in the outer archive",
            });
        }
        let Some(name) = plain_name("", &String::from_utf8_lossy(&entry.path_bytes())) else { continue };
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_contiguous() {
            places.insert(name, Place::At { offset: entry.raw_file_position(), length: entry.size() });
        } else if (kind.is_symlink() || kind.is_hard_link())
            && let Some(target) = entry.link_name_bytes()
        {
            // A hard link names its target from the top, a symbolic one from its own folder.
            let from =
                if kind.is_symlink() { name.rsplit_once('/').map_or("", |(folder, _)| folder) } else { "" };
            if let Some(target) = plain_name(from, &String::from_utf8_lossy(&target)) {
                places.insert(name, Place::Link(target));
            }
        }
    }
    Ok(places)
}

/// Whether an archive is an OCI layout or Docker's, and not a root file system itself, by the first name that tells.
pub fn is_of_layers(path: &Path) -> Result<bool, ImageError> {
    let file = BufReader::new(File::open(path).at(path)?);
    let (source, guard) = Guarded::new(compression::reader(file)?);
    let mut tar = tar::Archive::new(source);
    let mut entries = tar.entries().map_err(compression::unreadable)?;
    for _ in 0..ARCHIVE_ENTRIES_MAX {
        guard.begin_header();
        let Some(entry) = entries.next() else { return Ok(false) };
        let entry = entry.map_err(|error| guard.explain(error))?;
        guard.end_header();
        let Some(name) = plain_name("", &String::from_utf8_lossy(&entry.path_bytes())) else { continue };
        if let Some(told) = tells_layers(&name) {
            return Ok(told);
        }
    }
    Ok(false)
}

/// What a name says of the archive it is in; nothing where it could be in either kind.
fn tells_layers(name: &str) -> Option<bool> {
    let (top, rest) = name.split_once('/').map_or((name, None), |(top, rest)| (top, Some(rest)));
    match (top, rest) {
        ("oci-layout" | "manifest.json" | "index.json" | "repositories", None) => Some(true),
        ("blobs", _) => Some(true),
        ("bin" | "dev" | "etc" | "home" | "lib" | "lib64" | "opt" | "proc" | "root" | "run", _) => {
            Some(false)
        }
        ("sbin" | "srv" | "sys" | "tmp" | "usr" | "var", _) => Some(false),
        // Docker's older archives have a folder of each layer, named by its digest.
        (_, Some("layer.tar" | "VERSION" | "json")) => Some(true),
        _ => None,
    }
}

/// A path without `.` and `..`, from a folder of the archive. None if it leads out.
fn plain_name(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_told_from_root_file_systems_by_their_names() {
        for (name, expected) in [
            ("oci-layout", Some(true)),
            ("blobs/sha256/ab", Some(true)),
            ("manifest.json", Some(true)),
            ("0123abcd/layer.tar", Some(true)),
            ("etc/passwd", Some(false)),
            ("usr", Some(false)),
            ("notes.txt", None),
        ] {
            assert_eq!(tells_layers(name), expected, "{name}");
        }
    }

    #[test]
    fn names_are_found_however_they_are_written() {
        for (folder, path, expected) in [
            ("", "./index.json", Some("index.json")),
            ("", "blobs//sha256/ab", Some("blobs/sha256/ab")),
            ("two", "../one/layer.tar", Some("one/layer.tar")),
            ("", "../x", None),
            ("", "./", None),
        ] {
            assert_eq!(plain_name(folder, path).as_deref(), expected, "{path}");
        }
    }
}
